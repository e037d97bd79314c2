//! Whether what a scenario names is there. A misspelt name would make a rehearsal in which nothing
//! happens, or everything but that. It only looks.

use std::fmt::Display;
use std::ops::Range;
use std::path::PathBuf;

use domain::catalogue::Catalogue;
use toml::Spanned;

use crate::config::{self, Mistakes};

/// What a name should be of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    System,
    Probe,
    Customer,
    /// A mail address.
    Recipient,
    /// A single window that an act schedules.
    NewWindow,
    /// One that another act changes, or tells of.
    Window,
}

/// A name as written.
#[derive(Clone, Debug)]
pub(super) struct Named {
    what: What,
    id: String,
    at: Range<usize>,
}

impl Named {
    pub(super) fn at(what: What, id: &str, at: Range<usize>) -> Self {
        let id = id.to_owned();
        Self { what, id, at }
    }

    pub(super) fn new<T: Display>(what: What, id: &Spanned<T>) -> Self {
        Self {
            what,
            id: id.get_ref().to_string(),
            at: id.span(),
        }
    }
}

/// All names of a scenario, and the file in which they stand.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    pub(super) of: Vec<Named>,
    pub(super) file: PathBuf,
    pub(super) text: String,
}

impl Names {
    /// Whether each is in one of the configurations that are in force at some time, and each window
    /// scheduled by the scenario.
    ///
    /// # Errors
    /// All that are not, where they stand.
    pub(super) fn check(&self, catalogues: &[&Catalogue]) -> Result<(), Mistakes> {
        let mut found = Vec::new();
        for named in &self.of {
            let (word, known) = self.all(named.what, catalogues);
            let recurring = named.what == What::Window && named.id.contains('/');
            // Why nobody changes those, the engine tells better.
            if recurring || named.what == What::NewWindow || known.contains(&named.id) {
                continue;
            }
            let known = known.iter().map(String::as_str);
            found.push((named.at.clone(), config::unknown(word, &named.id, known)));
        }
        if found.is_empty() {
            return Ok(());
        }
        Err(Mistakes::of(&self.file, &self.text, found))
    }

    /// What it is called, and all that there are.
    fn all(&self, what: What, catalogues: &[&Catalogue]) -> (&'static str, Vec<String>) {
        let systems = catalogues.iter().flat_map(|c| &c.systems);
        let customers = catalogues.iter().flat_map(|c| &c.customers);
        match what {
            What::System => ("system", systems.map(|s| s.id.to_string()).collect()),
            What::Probe => {
                let probes = systems.flat_map(|s| &s.probes);
                ("probe", probes.map(|p| p.id.to_string()).collect())
            }
            What::Customer => ("customer", customers.map(|c| c.id.to_string()).collect()),
            What::Recipient => {
                let recipients = customers.flat_map(|c| c.contacts.iter().cloned());
                ("customer's contact", recipients.collect())
            }
            What::NewWindow | What::Window => {
                let made = self.of.iter().filter(|n| n.what == What::NewWindow);
                (
                    "act that schedules a window",
                    made.map(|n| n.id.clone()).collect(),
                )
            }
        }
    }
}

//! Checks the names in a scenario against its configurations. With a misspelt name the scenario
//! would run and show nothing.

use std::ops::Range;
use std::path::PathBuf;

use domain::catalogue::Catalogue;

use crate::config::{self, Mistakes};

/// The kind of thing that a name refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NameKind {
    System,
    Probe,
    Customer,
    Committee,
    /// A mail address of a customer, a committee or a contact, or the URL of a webhook.
    Recipient,
    /// A window that an act schedules.
    NewWindow,
    /// A window that another act names.
    Window,
}

/// A name and its place in the file.
#[derive(Clone, Debug)]
pub(super) struct Named {
    kind: NameKind,
    id: String,
    at: Range<usize>,
}

impl Named {
    pub(super) fn at(kind: NameKind, id: &str, at: Range<usize>) -> Self {
        let id = id.to_owned();
        Self { kind, id, at }
    }
}

/// All names in a scenario file.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    pub(super) of: Vec<Named>,
    pub(super) file: PathBuf,
    pub(super) text: String,
}

impl Names {
    /// Looks each name up in the configurations, and each window among those that the scenario
    /// schedules.
    ///
    /// # Errors
    /// Every unknown name with its place.
    pub(super) fn check(&self, catalogues: &[&Catalogue]) -> Result<(), Mistakes> {
        let mut found = Vec::new();
        for named in &self.of {
            let (word, known) = self.all(named.kind, catalogues);
            let recurring = named.kind == NameKind::Window && named.id.contains('/');
            // The engine refuses an act on a recurring window with a better reason.
            if recurring || named.kind == NameKind::NewWindow || known.contains(&named.id) {
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

    /// The word for a kind of name, and all known names of the kind.
    fn all(&self, kind: NameKind, catalogues: &[&Catalogue]) -> (&'static str, Vec<String>) {
        let systems = catalogues.iter().flat_map(|c| &c.systems);
        let customers = catalogues.iter().flat_map(|c| &c.customers);
        match kind {
            NameKind::System => ("system", systems.map(|s| s.id.to_string()).collect()),
            NameKind::Probe => {
                let probes = systems.flat_map(|s| &s.probes);
                ("probe", probes.map(|p| p.id.to_string()).collect())
            }
            NameKind::Customer => ("customer", customers.map(|c| c.id.to_string()).collect()),
            NameKind::Committee => {
                let committees = catalogues.iter().flat_map(|c| &c.committees);
                ("committee", committees.map(|c| c.id.to_string()).collect())
            }
            NameKind::Recipient => {
                let recipients = customers.flat_map(|c| c.addresses().map(|a| a.to_string()));
                let committees = catalogues.iter().flat_map(|c| &c.committees);
                let members = committees.flat_map(|c| c.members.iter().cloned());
                let contacts = catalogues.iter().flat_map(|c| &c.contacts);
                let contacts = contacts.flat_map(|c| c.addresses().map(|a| a.to_string()));
                let all = recipients.chain(members).chain(contacts);
                ("configured mail address or webhook", all.collect())
            }
            NameKind::NewWindow | NameKind::Window => {
                let made = self.of.iter().filter(|n| n.kind == NameKind::NewWindow);
                (
                    "act that schedules a window",
                    made.map(|n| n.id.clone()).collect(),
                )
            }
        }
    }
}

//! Notices: how their delivery stands, and what one of a kind would say.

use domain::notice::Kind;

use super::args::{self, Common};
use super::client::Client;
use super::output::{self, made, print};
use super::{End, Failure, layout, views};
use crate::{clock, config, notices};

/// Does what the words say.
pub fn run(common: &Common, words: args::Notice) -> Result<End, Failure> {
    match words {
        args::Notice::List => {
            let (record, _) = Client::of(common)?.record(None)?;
            let listed = views::notices(&record, common.json, layout::width())?;
            made(&listed, common.json)?;
            Ok(End::Done)
        }
        args::Notice::Preview {
            kind,
            unstable,
            html,
        } => preview(common, &kind, unstable, html),
    }
}

fn preview(common: &Common, kind: &str, unstable: bool, html: bool) -> Result<End, Failure> {
    let Some(kind) = Kind::ALL.into_iter().find(|k| k.word() == kind) else {
        let known: Vec<&str> = Kind::ALL.iter().map(|k| k.word()).collect();
        return Err(Failure::Usage(format!(
            "`{kind}` is not one of {}",
            known.join(", ")
        )));
    };
    if unstable && !matches!(kind, Kind::Downtime | Kind::Uptime) {
        return Err(Failure::Usage(format!(
            "`{kind}` never speaks of an unstable system; downtime and uptime do"
        )));
    }
    let loaded = config::load(&common.config).map_err(Failure::Config)?;
    let renderer = notices::Renderer::new(loaded.templates.as_deref())?;
    let said = renderer.preview(kind, unstable, &loaded.catalogue, clock::now())?;
    if common.json {
        output::json(&said)?;
    } else if html {
        print(&said.html)?;
    } else {
        print(&format!("Subject: {}\n\n{}", said.subject, said.text))?;
    }
    Ok(End::Done)
}

//! Asks for an act or a reload, and prints the reply.

use std::sync::Arc;

use domain::act::Act;
use domain::catalogue::Catalogue;
use domain::record::Record;
use domain::text::visible_line;
use serde_json::json;

use super::acts::{Asked, Options};
use super::args::Common;
use super::client::Client;
use super::output::{self, print, print_error};
use super::proposals;
use super::{End, Failure};
use crate::reports::filing;
use crate::sentence::whole_sentence;
use crate::web::api::wire;
use crate::web::{ActRequest, Receipt, Reply};
use crate::{config, notices};

/// Asks the running service to reload its configuration.
pub fn reload(common: &Common) -> Result<End, Failure> {
    match Client::new(common)?.reload()? {
        // The service has checked it, and its text names every mistake.
        Some(Reply::Refused(why)) => Err(Failure::Usage(not_reloaded(&why))),
        Some(Reply::Failed(why)) => Err(anyhow::anyhow!(not_reloaded(&why)).into()),
        Some(reply) => print_reply(common, reply),
        None => Err(anyhow::anyhow!("no service runs on this data directory").into()),
    }
}

fn not_reloaded(why: &str) -> String {
    format!("the configuration was NOT reloaded, the old one stays in force:\n{why}")
}

/// Carries out an act that was written as arguments, or tries it, and prints what it changed.
pub fn act<G>(common: &Common, asked: Asked<G>) -> Result<End, Failure> {
    let client = Client::new(common)?;
    let options = asked.options.clone();
    let act = asked.act(|| Ok(client.zone()?))?;
    if options.propose {
        return proposals::propose(common, &client, &act, &options);
    }
    carry_out(common, &client, act, options)
}

/// Carries out an act, or tries it, and prints what it changed.
pub(super) fn carry_out(
    common: &Common,
    client: &Client,
    act: Act,
    options: Options,
) -> Result<End, Failure> {
    let request = ActRequest {
        by: common.actor(),
        act,
        dry_run: options.dry_run,
        anyway: options.anyway,
        not_phi: options.not_phi,
    };
    let dry_run = options.dry_run;
    let look = match filing::is_approval(&request.act) && !dry_run {
        true => super::report::look(common),
        false => config::Look::default(),
    };
    let reply = client.act(&request, &look)?;
    match reply {
        Reply::Done(receipt) if dry_run => print_dry_run(common, &receipt),
        reply => print_reply(common, reply),
    }
}

/// Prints what an act would do, and the mails that would leave.
fn print_dry_run(common: &Common, receipt: &Receipt) -> Result<End, Failure> {
    let mails = match common.server {
        Some(_) => receipt.mails.clone(),
        None => rendered(common, receipt)?,
    };
    if common.json {
        let mails: Vec<_> = mails
            .iter()
            .map(|mail| {
                json!({
                    "kind": mail.kind, "recipient": mail.recipient, "customers": mail.customers,
                    "subject": mail.subject, "text": mail.text,
                })
            })
            .collect();
        output::json(&json!({
            "dry_run": true, "events": receipt.events, "left": receipt.left, "notices": mails,
        }))?;
        return Ok(End::Done);
    }
    print("Dry run: nothing was recorded and no mail left. The command would do this:\n")?;
    print(&lines(receipt))?;
    for mail in mails {
        print(&format!(
            "\n--- Mail to {} <{}>\nSubject: {}\n\n{}",
            visible_line(&mail.name),
            mail.recipient,
            mail.subject,
            mail.text
        ))?;
    }
    Ok(End::Done)
}

/// Renders the mails of a dry run with the templates of this machine.
fn rendered(common: &Common, receipt: &Receipt) -> Result<Vec<wire::Mail>, notices::Error> {
    let templates = config::locate(&common.config).look.templates;
    let renderer = notices::Renderer::new(templates.filter(|t| t.folder().is_dir()).as_ref())?;
    let mails = receipt.notices.iter().map(|notice| {
        let said = renderer.say(notice, &receipt.service, &receipt.contact)?;
        Ok(wire::Mail::of(notice, said))
    });
    mails.collect()
}

/// One sentence for each event, and one for each thing that follows.
fn lines(receipt: &Receipt) -> String {
    let mut record = Record::default();
    let zone = &receipt.zone;
    record.catalogue = Arc::new(Catalogue {
        zone: zone.clone(),
        ..Catalogue::default()
    });
    let mut text = String::new();
    for row in &receipt.events {
        let said = match row.event() {
            Some(event) => whole_sentence(&event, &record),
            None => format!("{} {} by {}", row.kind, row.subject, row.by),
        };
        text.push_str(&format!("{} (event {})\n", visible_line(&said), row.seq));
    }
    for left in &receipt.left {
        text.push_str(&format!("{}\n", visible_line(&capitalized(left))));
    }
    text
}

/// A sentence for a line of its own. An id at its start stays as it is.
fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    format!("{first}{}.", letters.as_str())
}

/// Prints the service's reply.
pub(super) fn print_reply(common: &Common, reply: Reply) -> Result<End, Failure> {
    match reply {
        Reply::Done(receipt) => {
            if common.json {
                let mut answer = json!({ "events": receipt.events, "left": receipt.left });
                if let Some(changes) = receipt.changes {
                    answer["changes"] = json!(changes);
                }
                output::json(&answer)?;
                return Ok(End::Done);
            }
            if let Some(changes) = &receipt.changes {
                for left in &receipt.left {
                    print_error(format!("nines: {left}"));
                }
                print(&format!("configuration reloaded: {changes}\n"))?;
                return Ok(End::Done);
            }
            print(&lines(&receipt))?;
            Ok(End::Done)
        }
        Reply::Refused(why) => refused(common, &why),
        Reply::Failed(why) => Err(anyhow::anyhow!(why).into()),
    }
}

/// Prints why the service refused.
pub(super) fn refused(common: &Common, why: &str) -> Result<End, Failure> {
    print_error(format!("refused: {why}"));
    if common.json {
        output::json(&json!({ "refused": why }))?;
    }
    Ok(End::BadNews)
}

//! Asks for an act or a reload, and prints the reply.

use domain::act::Act;
use domain::text::visible_line;
use serde_json::json;

use super::args::Common;
use super::client::Client;
use super::output::{self, print, print_error};
use super::{End, Failure, window_status};
use crate::clock;
use crate::reports::filing;
use crate::web::Reply;

/// Asks the running service to reload its configuration.
pub fn reload(common: &Common) -> Result<End, Failure> {
    match Client::new(common)?.reload()? {
        // The service has checked it, and its text names every mistake.
        Some(Reply::Refused(why)) => Err(Failure::Usage(not_reloaded(&why))),
        Some(Reply::Failed(why)) => Err(anyhow::anyhow!(not_reloaded(&why)).into()),
        Some(reply) => print_reply(common, reply, &[]),
        None => Err(anyhow::anyhow!("no service runs on this data directory").into()),
    }
}

fn not_reloaded(why: &str) -> String {
    format!("the configuration was NOT reloaded, the old one stays in force:\n{why}")
}

/// Carries out an act and prints what it changed.
pub fn act(common: &Common, act: Act) -> Result<End, Failure> {
    let client = Client::new(common)?;
    let window = match &act {
        Act::ScheduleMaintenance(window) => Some(window.id.clone()),
        Act::ExtendMaintenance { window, .. } => Some(window.clone()),
        _ => None,
    };
    let alone = matches!(
        act,
        Act::Exclude {
            approved_by: None,
            ..
        }
    );
    let templates = match filing::is_approval(&act) {
        true => super::report::templates(common),
        false => None,
    };
    let reply = client.act(&common.actor(), act, templates.as_deref())?;
    let mut notes = Vec::new();
    if matches!(reply, Reply::Done(_)) {
        // The act is recorded and changes nothing yet. The person must not take it for done.
        if alone {
            notes.push(
                "recorded without effect: the span counts as unplanned until it is recorded again \
                 with --approved-by and another person's name"
                    .to_owned(),
            );
        }
        if let Some(window) = window {
            let (record, _) = client.record(None)?;
            let outlook = record.window_status(&window, clock::now());
            notes.extend(outlook.iter().flat_map(window_status::sentences));
        }
    }
    print_reply(common, reply, &notes)
}

/// Prints the service's reply, and the notes about what was done.
fn print_reply(common: &Common, reply: Reply, notes: &[String]) -> Result<End, Failure> {
    match reply {
        Reply::Done(receipt) => {
            for left in &receipt.left {
                print_error(format!("nines: {left}"));
            }
            if common.json {
                let left: Vec<&String> = receipt.left.iter().chain(notes).collect();
                let mut answer = json!({ "events": receipt.events, "left": left });
                if let Some(changes) = receipt.changes {
                    answer["changes"] = json!(changes);
                }
                output::json(&answer)?;
                return Ok(End::Done);
            }
            if receipt.events.is_empty() {
                print(&match &receipt.changes {
                    Some(changes) => format!("configuration reloaded: {changes}\n"),
                    None => "done\n".to_owned(),
                })?;
            }
            for row in receipt.events {
                print(&format!(
                    "#{} {} {} by {}\n",
                    row.seq,
                    row.kind,
                    visible_line(&row.subject),
                    visible_line(&row.by)
                ))?;
            }
            for note in notes {
                print(&format!("{}\n", visible_line(note)))?;
            }
            Ok(End::Done)
        }
        Reply::Refused(why) => {
            print_error(format!("refused: {why}"));
            if common.json {
                output::json(&json!({ "refused": why }))?;
            }
            Ok(End::BadNews)
        }
        Reply::Failed(why) => Err(anyhow::anyhow!(why).into()),
    }
}

//! `nines notice list` and `nines notice preview`.

use domain::notice::Kind;
use domain::record::Standing;
use serde_json::{Value, json};

use crate::cli::args::{Common, Notice};
use crate::cli::client::Client;
use crate::cli::layout::{self, Listing, instant};
use crate::cli::output::{self, print};
use crate::cli::{End, Failure};
use crate::{clock, config, notices};

pub fn run(common: &Common, wanted: Notice) -> Result<End, Failure> {
    match wanted {
        Notice::List => list(common),
        Notice::Preview {
            kind,
            unstable,
            html,
        } => preview(common, &kind, unstable, html),
    }
}

/// Lists notices, oldest first.
fn list(common: &Common) -> Result<End, Failure> {
    let record = &Client::new(common)?.record(None)?.0;
    if common.json {
        let all: Vec<Value> = record
            .notices
            .messages()
            .map(|(id, o)| {
                json!({
                    "notice": id.to_string(), "kind": o.notice.kind, "message_id": o.message_id,
                    "customers": o.notice.recipient.customers().collect::<Vec<_>>(),
                    "recipient": o.notice.recipient.address.to_string(),
                    "systems": o.notice.systems().collect::<Vec<_>>(),
                    "decided": o.decided_at, "attempts": o.attempts,
                    "result": o.standing.word(),
                    "delivered": match o.standing { Standing::Sent(at) => Some(at), _ => None },
                    "reply": o.last.as_ref().map(|(_, reply)| reply),
                })
            })
            .collect();
        return output::answer(&all);
    }
    let mut list = Listing::new(["notice", "kind", "to", "decided", "attempts", "stands"]);
    for (id, o) in record.notices.messages() {
        let decided = instant(Some(o.decided_at));
        let attempts = match o.attempts {
            0 => "no attempt yet".to_owned(),
            1 => "one attempt".to_owned(),
            n => format!("{n} attempts"),
        };
        list.entry(vec![
            format!("{id} {} to {}", o.notice.kind, o.notice.recipient.address),
            format!("decided {decided}, {attempts}, {}", standing(&o.standing)),
        ]);
        list.row([
            id.to_string(),
            o.notice.kind.to_string(),
            o.notice.recipient.address.to_string(),
            decided,
            o.attempts.to_string(),
            standing(&o.standing),
        ]);
    }
    print(&list.render(layout::width()))?;
    Ok(End::Done)
}

/// The state of a notice's delivery.
pub(super) fn standing(standing: &Standing) -> String {
    match standing {
        Standing::Due(at) => format!("waits until {}", instant(Some(*at))),
        Standing::Attempting(at) => format!("is being delivered since {}", instant(Some(*at))),
        Standing::Sent(at) => format!("accepted by the relay {}", instant(Some(*at))),
        Standing::Rejected(at) => format!("rejected {}", instant(Some(*at))),
        Standing::Ambiguous(at) => format!("lost, perhaps delivered, {}", instant(Some(*at))),
        Standing::Superseded(Some(by)) => format!("superseded by {by}"),
        Standing::Superseded(None) => "superseded: no longer needed".to_owned(),
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

//! `nines notice`: lists notices and recipients, previews a notice, sends a test mail.

use std::collections::BTreeSet;

use domain::catalogue::Customer;
use domain::event::Delivery;
use domain::notice::Kind;
use domain::record::Standing;
use domain::record::notices::NotSent;
use serde_json::{Value, json};
use values::Format as _;

use crate::cli::args::{Common, Notice};
use crate::cli::client::Client;
use crate::cli::layout::{self, Listing, Times};
use crate::cli::output::{self, print};
use crate::cli::reply;
use crate::cli::{End, Failure};
use crate::{clock, config, notices};

pub fn run(common: &Common, wanted: Notice) -> Result<End, Failure> {
    match wanted {
        Notice::List => list(common),
        Notice::Test { address } => test(common, &address),
        Notice::Recipients { system } => recipients(common, system.as_deref()),
        Notice::Preview {
            kind,
            unstable,
            html,
            webhook,
        } => preview(common, &kind, unstable, (html, webhook)),
        Notice::Act(asked) => reply::act(common, asked),
    }
}

/// Lists notices, oldest first.
fn list(common: &Common) -> Result<End, Failure> {
    let record = &Client::new(common)?.record(None)?.0;
    let times = &Times::new(record.zone());
    if common.json {
        let all: Vec<Value> = record
            .notices
            .messages()
            .chain(record.notices.to_subscribers())
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
                    "reason": record.notices.not_sent(o).map(NotSent::reason),
                    "sent_again": o.sent_again_at,
                })
            })
            .chain(record.notices.dropped().map(|dropped| {
                json!({
                    "notice": null, "kind": dropped.kind, "message_id": null,
                    "recipient": dropped.address.to_string(), "systems": dropped.systems,
                    "decided": dropped.owed_at, "attempts": 0, "result": "superseded",
                    "delivered": null, "reply": null, "reason": dropped.why.reason(),
                })
            }))
            .collect();
        return output::answer(&all);
    }
    let mut list = Listing::new();
    let all = record.notices.messages();
    for (id, o) in all.chain(record.notices.to_subscribers()) {
        let decided = times.at(o.decided_at);
        let attempts = match o.attempts {
            0 => "no attempt yet".to_owned(),
            1 => "one attempt".to_owned(),
            n => format!("{n} attempts"),
        };
        list.entry(vec![
            format!("{id} {} to {}", o.notice.kind, o.notice.recipient.address),
            format!(
                "decided {decided}, {attempts}, {}{}{}",
                standing(&o.standing, times),
                record
                    .notices
                    .not_sent(o)
                    .map_or_else(String::new, |why| { format!(" ({})", why.reason()) }),
                o.sent_again_at
                    .map_or_else(String::new, |at| format!(", sent again {}", times.at(at)))
            ),
        ]);
    }
    for dropped in record.notices.dropped() {
        let decided = times.at(dropped.owed_at);
        list.entry(vec![
            format!("{} to {}", dropped.kind, dropped.address),
            format!("decided {decided}, not sent: {}", dropped.why.reason()),
        ]);
    }
    print(&list.render(layout::width()))?;
    Ok(End::Done)
}

/// The state of a notice's delivery.
pub(super) fn standing(standing: &Standing, times: &Times) -> String {
    match standing {
        Standing::Due(at) => format!("waits until {}", times.at(*at)),
        Standing::Attempting(at) => format!("is being delivered since {}", times.at(*at)),
        Standing::Sent(at) => format!("accepted {}", times.at(*at)),
        Standing::Rejected(at) => format!("rejected {}", times.at(*at)),
        Standing::Ambiguous(at) => format!("lost, perhaps delivered, {}", times.at(*at)),
        Standing::Superseded(Some(by)) => format!("superseded by {by}"),
        Standing::Superseded(None) => "superseded: no longer needed".to_owned(),
    }
}

/// Sends a test to a webhook, signed as notices are.
fn test_webhook(common: &Common, url: &str) -> Result<End, Failure> {
    let loaded = config::load(&common.config).map_err(Failure::Config)?;
    let urls = || loaded.webhooks.iter().map(|webhook| webhook.url.as_str());
    let Some(webhook) = loaded.webhooks.iter().find(|webhook| webhook.url == url) else {
        return Err(Failure::Usage(config::unknown("webhook", url, urls())));
    };
    probes::install_crypto();
    let renderer = notices::Renderer::new(loaded.look.templates.as_ref())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let sent = notices::send_test_webhook(webhook, &renderer, &loaded.catalogue, clock::now());
    let ended = runtime.block_on(sent)?;
    let said = match ended.result {
        Delivery::Accepted => "the test was accepted by the webhook",
        Delivery::Ambiguous => "it is not known if the test was accepted by the webhook",
        Delivery::Rejected => "the test found no receiver any more (410) at the webhook",
        _ => "the test was not accepted by the webhook",
    };
    tested(common, url, said, &ended)
}

/// Prints how a test ended.
fn tested(common: &Common, to: &str, said: &str, ended: &notices::Ended) -> Result<End, Failure> {
    let accepted = ended.result == Delivery::Accepted;
    if common.json {
        output::json(&json!({ "recipient": to, "accepted": accepted, "reply": ended.reply }))?;
    } else {
        print(&format!("{said} {to}\n  {}\n", ended.reply))?;
    }
    Ok(End::bad_news_if(!accepted))
}

/// Sends a test mail or a test to a webhook. Needs no ledger, so it works beside a running service and without one.
fn test(common: &Common, address: &str) -> Result<End, Failure> {
    if address.contains("://") {
        return test_webhook(common, address);
    }
    values::Address::parse(address).map_err(Failure::Usage)?;
    let loaded = config::load(&common.config).map_err(Failure::Config)?;
    let Some(mail) = &loaded.mail else {
        let why = "the configuration has no `[mail]`: add it with `from` and `relays`";
        return Err(Failure::Usage(why.to_owned()));
    };
    probes::install_crypto();
    let renderer = notices::Renderer::new(loaded.look.templates.as_ref())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let sent = notices::send_test(
        &mail.relays,
        &renderer,
        &loaded.catalogue,
        address,
        clock::now(),
    );
    let ended = runtime.block_on(sent)?;
    let said = match ended.result {
        Delivery::Accepted => "a relay accepted the test mail to",
        Delivery::Ambiguous => "it is not known if the relay accepted the test mail to",
        Delivery::Rejected => "the relay rejected the address of the test mail to",
        _ => "no relay accepted the test mail to",
    };
    tested(common, address, said, &ended)
}

/// Lists who would be notified about each system, as the configuration says.
fn recipients(common: &Common, only: Option<&str>) -> Result<End, Failure> {
    let loaded = config::load(&common.config).map_err(Failure::Config)?;
    let catalogue = &loaded.catalogue;
    let public = loaded.public.as_ref().filter(|_| loaded.mail.is_some());
    let public: BTreeSet<&str> = public
        .into_iter()
        .flat_map(|pages| pages.systems.iter().map(|id| id.as_str()))
        .collect();
    let ids = || catalogue.systems.iter().map(|system| system.id.as_str());
    if let Some(wanted) = only.filter(|wanted| ids().all(|id| id != *wanted)) {
        return Err(Failure::Usage(config::unknown("system", wanted, ids())));
    }
    let mut list = Listing::new();
    let mut all = Vec::new();
    for system in ids().filter(|id| only.is_none_or(|only| only == *id)) {
        let depend = |c: &&Customer| c.systems.iter().any(|s| s.as_str() == system);
        let customers: Vec<&Customer> = catalogue.customers.iter().filter(depend).collect();
        let mut lines = vec![system.to_owned()];
        for customer in &customers {
            let addresses: Vec<String> = customer.addresses().map(|a| a.to_string()).collect();
            let addresses = addresses.join(", ");
            lines.push(format!("{} ({}): {addresses}", customer.name, customer.id));
        }
        let subscribed = public.contains(system);
        if customers.is_empty() {
            let nobody = match subscribed {
                true => "no customer depends on it",
                false => "no customer depends on it: no one is notified",
            };
            lines.push(nobody.to_owned());
        }
        if subscribed {
            let people = "people who subscribed to it on the public pages; `nines status` counts the subscribers";
            lines.push(people.to_owned());
        }
        list.entry(lines);
        let customers = customers.iter().map(|customer| {
            json!({
                "customer": customer.id, "name": customer.name, "contacts": customer.contacts,
                "webhook": customer.webhook,
            })
        });
        all.push(json!({
            "system": system, "customers": customers.collect::<Vec<_>>(), "subscribers": subscribed,
        }));
    }
    if common.json {
        return output::answer(&all);
    }
    print(&list.render(layout::width()))?;
    Ok(End::Done)
}

fn preview(
    common: &Common,
    kind: &str,
    unstable: bool,
    (html, webhook): (bool, bool),
) -> Result<End, Failure> {
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
    let renderer = notices::Renderer::new(loaded.look.templates.as_ref())?;
    let (catalogue, now) = (&loaded.catalogue, clock::now());
    if webhook {
        let body = renderer.preview_webhook(kind, unstable, catalogue, now)?;
        let body: Value = serde_json::from_slice(&body)?;
        output::json(&body)?;
        return Ok(End::Done);
    }
    let said = renderer.preview(kind, unstable, catalogue, now)?;
    if common.json {
        output::json(&said)?;
    } else if html {
        print(&said.html)?;
    } else {
        print(&format!("Subject: {}\n\n{}", said.subject, said.text))?;
    }
    Ok(End::Done)
}

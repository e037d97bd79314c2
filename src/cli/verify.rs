//! `nines verify`: checks the ledger's chain and, with `--replay`, the state that its events produce and the archives of
//! samples that they name.

use anyhow::Result;
use domain::event::Fact;
use domain::id::NoticeId;
use domain::notice::Notice;
use domain::record::{Record, Standing};
use serde_json::json;

use super::archives;
use super::args::Common;
use super::client::Client;
use super::output::{self, print, print_error};
use super::progress::Progress;
use super::{End, Failure};
use crate::ledger;

/// The warning about a ledger file that was copied without its log.
const CUT: &str = "this ledger ends while the service is running, and its log ledger.sqlite-wal is missing. If this is a \
    copy, its last events may be missing: copy it as docs/operating.md describes under \"Back up\"";

pub fn run(common: &Common, replay: bool) -> Result<End, Failure> {
    verify(&Client::new(common)?, replay, common.json)
}

fn verify(client: &Client, replay: bool, as_json: bool) -> Result<End, Failure> {
    // Opening the ledger may make an empty log.
    let has_log = ledger::log_path(&client.data).exists();
    client.ledger()?;
    let progress = Progress::new("verifying");
    let found = ledger::verify(&client.data, &mut |done, of| progress.rows(done, of))?;
    drop(progress);
    let mut faults: Vec<String> = found.faults.iter().map(ToString::to_string).collect();
    let cut = found.is_clean() && lacks_log(client, has_log)?;
    if replay && found.is_clean() {
        faults.extend(replay_faults(client)?);
    }
    if as_json {
        output::json(&json!({
            "seq": found.head.seq, "head": found.head.hash, "messages": found.messages,
            "replayed": replay, "faults": faults,
            "warnings": cut.then_some(CUT).into_iter().collect::<Vec<_>>(),
        }))?;
    } else {
        for fault in &faults {
            print(&format!("{fault}\n"))?;
        }
        let (head, messages) = (&found.head, found.messages);
        print(&if faults.is_empty() {
            format!(
                "{} events, {messages} mails, head {}: nothing was changed or removed{}\n",
                head.seq,
                head.hash,
                if replay {
                    ", and the replay found no contradiction"
                } else {
                    ""
                },
            )
        } else {
            format!(
                "NOT CLEAN: the chain is intact up to event {}, head {}; {messages} mails\n",
                head.seq, head.hash,
            )
        })?;
        if faults.is_empty() {
            print(
                "(To check that no events are missing at the end, compare with the number and the head \
                 that a report prints: `report MONTH --seq N` makes that report again.)\n",
            )?;
        }
    }
    if cut {
        print_error(format!("nines: warning: {CUT}"));
    }
    Ok(End::bad_news_if(!faults.is_empty()))
}

/// True if the ledger ends while the service runs and its last events may have been left out of a copy.
fn lacks_log(client: &Client, has_log: bool) -> Result<bool> {
    Ok(!has_log && client.record(None)?.0.monitoring.is_watching())
}

/// Replays every event and collects contradictions.
fn replay_faults(client: &Client) -> Result<Vec<String>> {
    let ledger = client.ledger()?;
    let mut record = Record::default();
    let mut faults = Vec::new();
    let progress = Progress::new("replaying");
    let of = ledger.head().seq;
    ledger.replay(None, &mut |stored| {
        let seq = stored.seq;
        progress.rows(seq, of);
        if let Fact::DeliveryAttempted {
            notice,
            attempt,
            message,
            message_id,
            ..
        } = &stored.event.fact
        {
            let fault = attempt_fault(&record, *notice, *attempt, message.as_deref(), message_id);
            faults.extend(fault.map(|fault| format!("event {seq}: {fault}")));
        }
        record.apply(seq, &stored.event);
    })?;
    let archives = archives::faults(&ledger)?;
    faults.extend(archives.iter().map(|fault| fault.words().to_owned()));
    for outage in record.outages.all() {
        if outage.end.is_some_and(|end| end < outage.start) {
            faults.push(format!("{} ends before it starts", outage.id));
        }
    }
    Ok(faults)
}

/// The contradiction in an attempt, if there is one: its number, its content, its `Message-ID`, or
/// a second attempt under way to the same address.
fn attempt_fault(
    record: &Record,
    id: NoticeId,
    attempt: u32,
    message: Option<&Notice>,
    message_id: &str,
) -> Option<String> {
    let known = record.notices.message(id);
    let address = message
        .or(known.map(|o| &o.notice))
        .map(|n| &n.recipient.address);
    let current = address.and_then(|a| record.notices.current(a));
    if let Some((other, o)) = current
        && matches!(o.standing, Standing::Attempting(_))
    {
        return Some(format!(
            "{id} began while {other} was under way to its address"
        ));
    }
    match (known, message) {
        (None, None) => Some(format!("{id} has no content")),
        (Some(_), Some(_)) => Some(format!("{id} has a second content")),
        (Some(o), None) if o.message_id != message_id => {
            Some(format!("{id} was sent again under another Message-ID"))
        }
        (known, _) if known.map_or(0, |o| o.attempts) + 1 != attempt => Some(format!(
            "attempt {attempt} of {id} does not follow the one before"
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use domain::actor::Actor;
    use domain::event::Event;
    use domain::id::{OutageId, SystemId};
    use domain::notice::{Address, Kind, Recipient, Role};
    use jiff::Timestamp;

    use super::*;
    use crate::ledger::Ledger;

    /// The SHA-256 of an empty message.
    const OF_NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn attempt(id: u64, attempt: u32, first: bool) -> Fact {
        let notice = Notice {
            kind: Kind::Uptime,
            recipient: Recipient {
                address: Address::Mail("it@mercy.example".to_owned()),
                who: [Role::Customer("mercy".into())].into(),
                name: "Mercy Hospital".to_owned(),
                zone: "UTC".to_owned(),
            },
            affected: Vec::new(),
            window: None,
            incident: None,
            references: Vec::new(),
            includes_downtime: false,
            report: None,
            words: Vec::new(),
            alert: None,
        };
        Fact::DeliveryAttempted {
            notice: NoticeId(id),
            attempt,
            message: first.then(|| Box::new(notice)),
            message_id: format!("<{id}@nines.example>"),
            sha256: OF_NOTHING.to_owned(),
        }
    }

    #[test]
    fn a_replay_finds_what_a_whole_chain_hides() {
        let dir = tempfile::tempdir().unwrap();
        let at = |second: i64| Timestamp::from_second(1_793_500_000 + second).unwrap();
        let facts = [
            Fact::LedgerCreated {
                identity: "k3v9q2".to_owned(),
                tzdb: "2026e".to_owned(),
            },
            attempt(1, 1, true),
            // Before the first has ended.
            attempt(2, 1, true),
            Fact::OutageOpened {
                outage: OutageId(1),
                system: SystemId::from("portal"),
                start: at(50),
                planned: false,
            },
            Fact::OutageClosed {
                outage: OutageId(1),
                end: at(40),
                unobserved: None,
            },
        ];
        let events: Vec<Event> = facts
            .into_iter()
            .map(|fact| Event {
                at: at(60),
                by: Actor::service(),
                fact,
            })
            .collect();
        let mut ledger = Ledger::open(dir.path()).unwrap();
        let messages = [(NoticeId(1), Vec::new()), (NoticeId(2), Vec::new())];
        ledger.append(at(60), &events, &messages).unwrap();
        drop(ledger);
        let data = dir.path().to_owned();
        assert_eq!(ledger::verify(&data, &mut |_, _| {}).unwrap().faults, []);
        let client = Client::of(data);
        // The chain alone is clean; the replay is bad news.
        assert_eq!(verify(&client, false, true).unwrap(), End::Done);
        assert_eq!(verify(&client, true, true).unwrap(), End::BadNews);
        let faults = replay_faults(&client).unwrap();
        for fault in [
            "event 3: N-2 began while N-1 was under way to its address",
            "O-1 ends before it starts",
        ] {
            assert!(faults.iter().any(|f| f == fault), "{fault}: {faults:?}");
        }
    }

    #[test]
    fn a_ledger_copied_without_its_log_while_the_service_runs_is_warned_about() {
        let at = Timestamp::from_second(1_793_500_000).unwrap();
        let event = |fact| Event {
            at,
            by: Actor::service(),
            fact,
        };
        for (stops, cut) in [(false, true), (true, false)] {
            let dir = tempfile::tempdir().unwrap();
            let mut ledger = Ledger::open(dir.path()).unwrap();
            let created = Fact::LedgerCreated {
                identity: "k3v9q2".to_owned(),
                tzdb: "2026e".to_owned(),
            };
            let mut facts = vec![created, Fact::Started { alive_until: None }];
            facts.extend(stops.then_some(Fact::Stopped));
            let events: Vec<Event> = facts.into_iter().map(event).collect();
            ledger.append(at, &events, &[]).unwrap();
            let client = Client::of(dir.path().to_owned());
            // The service runs: its log lies beside the ledger.
            assert!(!lacks_log(&client, true).unwrap());
            drop(ledger);
            assert_eq!(lacks_log(&client, false).unwrap(), cut);
        }
    }
}

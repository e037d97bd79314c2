//! Whether the ledger still says what it said: its chain, and with `--replay` what must always
//! hold of the state that its events fold into.

use anyhow::Result;
use domain::event::Fact;
use domain::heard::Heard;
use domain::record::Record;
use serde_json::json;

use super::args::Common;
use super::client::Client;
use super::output::{self, print};
use super::progress::Progress;
use super::{End, Failure};
use crate::ledger;

pub fn run(common: &Common, replay: bool) -> Result<End, Failure> {
    verify(&Client::of(common)?, replay, common.json)
}

fn verify(client: &Client, replay: bool, as_json: bool) -> Result<End, Failure> {
    client.ledger()?;
    let progress = Progress::of("verifying");
    let found = ledger::verify(&client.data, &mut |done, of| progress.rows(done, of))?;
    drop(progress);
    let mut faults: Vec<String> = found.faults.iter().map(ToString::to_string).collect();
    if replay && found.is_clean() {
        faults.extend(fold_again(client)?);
    }
    if as_json {
        output::json(&json!({
            "seq": found.head.seq, "head": found.head.hash, "letters": found.letters,
            "replayed": replay, "faults": faults,
        }))?;
    } else {
        for fault in &faults {
            print(&format!("{fault}\n"))?;
        }
        let (head, letters) = (&found.head, found.letters);
        print(&if faults.is_empty() {
            format!(
                "{} events, {letters} letters, head {}: nothing was changed or removed{}\n",
                head.seq,
                head.hash,
                if replay {
                    ", and every event holds"
                } else {
                    ""
                },
            )
        } else {
            format!(
                "NOT CLEAN: the chain is whole up to event {}, head {}; {letters} letters\n",
                head.seq, head.hash,
            )
        })?;
        if faults.is_empty() {
            print(
                "(That nothing was cut off at the end shows in the number and the head that every \
                 report prints: `report MONTH --seq N` makes that report again.)\n",
            )?;
        }
    }
    Ok(End::bad_news_if(!faults.is_empty()))
}

/// Folds every event anew and looks for what cannot be.
fn fold_again(client: &Client) -> Result<Vec<String>> {
    let ledger = client.ledger()?;
    let mut record = Record::default();
    let mut heard = Heard::default();
    let mut faults = Vec::new();
    let mut keys = std::collections::BTreeSet::new();
    let progress = Progress::of("replaying");
    let of = ledger.head().seq;
    ledger.replay(None, &mut |stored| {
        let seq = stored.seq;
        progress.rows(seq, of);
        match &stored.event.fact {
            Fact::NoticeQueued { notice } if !keys.insert(notice.key.clone()) => {
                faults.push(format!("event {seq}: a second notice {}", notice.key));
            }
            Fact::DeliveryAttempted { notice, .. } => {
                let blocked = record.notices.get(notice).is_some_and(|o| {
                    o.notice.after.iter().any(|before| {
                        record
                            .notices
                            .get(before)
                            .is_some_and(|b| !b.standing.is_final())
                    })
                });
                if blocked {
                    faults.push(format!("event {seq}: {notice} left before what it answers"));
                }
            }
            _ => {}
        }
        record.apply(seq, &stored.event);
        heard.take_in(&record, &stored.event);
    })?;
    faults.extend(
        heard
            .contradictions(&record)
            .iter()
            .map(ToString::to_string),
    );
    for outage in record.outages.values() {
        if outage.end.is_some_and(|end| end < outage.start) {
            faults.push(format!("{} ends before it starts", outage.id));
        }
    }
    Ok(faults)
}

#[cfg(test)]
mod tests {
    // A test that cannot build its own input should fail at once.
    #![allow(clippy::unwrap_used)]

    use domain::actor::Actor;
    use domain::event::Event;
    use domain::id::{NoticeId, OutageId, SystemId};
    use domain::notice::{Affected, Kind, Notice};
    use jiff::Timestamp;

    use super::*;
    use crate::ledger::Ledger;

    /// The SHA-256 of an empty message.
    const OF_NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn notice(key: &str, affected: Vec<Affected>, after: Vec<NoticeId>) -> Fact {
        let notice = Notice {
            kind: Kind::Uptime,
            key: key.to_owned(),
            customer: "mercy".into(),
            customer_name: "Mercy Hospital".to_owned(),
            zone: "UTC".to_owned(),
            recipient: "it@mercy.example".to_owned(),
            affected,
            work: None,
            incident: None,
            thread: None,
            after,
            folded: false,
        };
        Fact::NoticeQueued { notice }
    }

    /// The portal, whose outage a notice tells of.
    fn portal(outage: OutageId) -> Affected {
        Affected {
            system: SystemId::from("portal"),
            name: "Portal".to_owned(),
            outage: Some(outage),
            joined: Vec::new(),
            declared: None,
            from: None,
            to: None,
            down_s: None,
            unobserved: None,
            reason: None,
            impaired: false,
            advice: None,
            unstable: None,
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
            notice("uptime/1", vec![portal(OutageId(1))], Vec::new()),
            notice("uptime/1", Vec::new(), vec![NoticeId(1)]),
            // Before the notice that it answers has ended.
            Fact::DeliveryAttempted {
                notice: NoticeId(2),
                attempt: 1,
                message_id: "<N-2.k3v9q2@nines.example>".to_owned(),
                sha256: OF_NOTHING.to_owned(),
            },
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
            // Into one that says nothing of that outage.
            Fact::NoticeFolded {
                notice: NoticeId(1),
                into: Some(NoticeId(2)),
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
        let letters = [(NoticeId(2), Vec::new())];
        ledger.append(at(60), &events, &letters).unwrap();
        drop(ledger);
        let data = dir.path().to_owned();
        assert_eq!(ledger::verify(&data, &mut |_, _| {}).unwrap().faults, []);
        let client = Client { data };
        // Without a replay nothing is amiss; with it, it is bad news.
        assert_eq!(verify(&client, false, true).unwrap(), End::Done);
        assert_eq!(verify(&client, true, true).unwrap(), End::BadNews);
        let faults = fold_again(&client).unwrap();
        for fault in [
            "event 3: a second notice uptime/1",
            "event 4: N-2 left before what it answers",
            "O-1 ends before it starts",
            "notice N-1 is folded into N-2, which does not say what became of O-1",
        ] {
            assert!(faults.iter().any(|f| f == fault), "{fault}: {faults:?}");
        }
    }
}

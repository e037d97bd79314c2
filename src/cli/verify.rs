//! Whether the ledger still says what it said: its chain, and with `--replay` what must always
//! hold of the state that its events fold into.

use anyhow::Result;
use domain::event::Fact;
use domain::heard::Heard;
use domain::record::Record;
use serde_json::json;

use super::office::Office;
use super::say::{self, print};
use super::{End, Failure};
use crate::ledger;

pub(super) fn run(office: &Office, replay: bool, as_json: bool) -> Result<End, Failure> {
    office.ledger()?;
    let found = ledger::verify(&office.data)?;
    let mut faults: Vec<String> = found.faults.iter().map(ToString::to_string).collect();
    if replay && found.is_clean() {
        faults.extend(fold_again(office)?);
    }
    if as_json {
        say::json(&json!({
            "seq": found.head.seq, "head": found.head.hash, "letters": found.letters,
            "replayed": replay, "faults": faults,
        }))?;
    } else {
        for fault in &faults {
            print(&format!("{fault}\n"))?;
        }
        print(&format!(
            "{} events, {} letters, head {}: {}\n",
            found.head.seq,
            found.letters,
            found.head.hash,
            match (faults.is_empty(), replay) {
                (true, true) => "nothing was changed or removed, and every event holds",
                (true, false) => "nothing was changed or removed",
                (false, _) => "NOT CLEAN",
            }
        ))?;
        if faults.is_empty() {
            print(
                "(That nothing was cut off at the end shows in the number and the head that every \
                 report prints: `report MONTH --seq N` makes that report again.)\n",
            )?;
        }
    }
    Ok(if faults.is_empty() {
        End::Done
    } else {
        End::BadNews
    })
}

/// Folds every event anew and looks for what cannot be.
fn fold_again(office: &Office) -> Result<Vec<String>> {
    let ledger = office.ledger()?;
    let mut record = Record::default();
    let mut heard = Heard::default();
    let mut faults = Vec::new();
    let mut keys = std::collections::BTreeSet::new();
    ledger.replay(None, &mut |stored| {
        let seq = stored.seq;
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
    for (id, probe) in &record.probes {
        let ordered = |spans: &[(jiff::Timestamp, Option<jiff::Timestamp>)]| {
            spans
                .windows(2)
                .all(|w| w[0].1.is_some_and(|end| end <= w[1].0))
        };
        let silent: Vec<_> = probe.silent.iter().map(|s| (s.0, s.1)).collect();
        for (what, spans) in [
            ("down", &probe.down),
            ("degraded", &probe.degraded),
            ("silent", &silent),
        ] {
            if !ordered(spans) {
                faults.push(format!("{id}: its `{what}` spans overlap"));
            }
        }
    }
    for outage in record.outages.values() {
        if outage.end.is_some_and(|end| end < outage.start) {
            faults.push(format!("{} ends before it starts", outage.id));
        }
    }
    Ok(faults)
}

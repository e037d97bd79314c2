//! The daily roll-ups as files below `rollups/`: `2026-10-05-America-New_York.jsonl`. The first line
//! says which day it is; each other line has one probe and the buckets of its latencies as pairs of
//! upper bound (microseconds) and count. The ledger has the SHA-256 of each file.

use std::collections::BTreeMap;
use std::path::Path;

use domain::id::Source;
use domain::latency::{Counted, Histogram, LocalDay, Rollup, StoredRollup};
use domain::span::Span;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::Error;
use crate::{digest, files};

/// The folder of the files in a data directory.
pub const FOLDER: &str = "rollups";

/// The version of the form of a file.
const FORMAT: u32 = 1;

/// The largest file that is read. Ten thousand probes need about ten million bytes.
const LARGEST: u64 = 1 << 28;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    format: u32,
    date: Date,
    zone: String,
    span: Span,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    source: Source,
    conclusive: u64,
    answered: Histogram,
}

/// Writes a roll-up and syncs it. A file of the day that has other counts stays: an event may name it.
///
/// # Errors
/// The operating system refuses.
pub fn write(data: &Path, rollup: &Rollup) -> Result<StoredRollup, Error> {
    let bytes = encode(rollup).map_err(std::io::Error::other)?;
    let day = &rollup.day;
    let zone = day.zone.replace('/', "-");
    let sha256 = digest::sha256(&bytes);
    let mut file = format!("{}-{zone}.jsonl", day.date);
    let folder = data.join(FOLDER);
    files::make_private_dir(&folder)?;
    let there = files::read(&folder.join(&file), LARGEST).ok();
    if there.is_some_and(|there| there != bytes) {
        file = format!("{}-{zone}-{}.jsonl", day.date, &sha256[..12]);
    }
    files::replace(&folder.join(&file), &bytes)?;
    Ok(StoredRollup {
        day: day.clone(),
        file,
        sha256,
        probes: rollup.probes.len() as u64,
        samples: rollup
            .probes
            .values()
            .map(|counted| counted.conclusive)
            .sum(),
    })
}

/// Reads a roll-up; `None` if the file is lost, or is not the one with this SHA-256.
pub fn read(data: &Path, file: &str, sha256: &str) -> Option<Rollup> {
    let bytes = files::read(&data.join(FOLDER).join(file), LARGEST).ok()?;
    (digest::sha256(&bytes) == sha256).then(|| decode(&bytes))?
}

fn encode(rollup: &Rollup) -> serde_json::Result<Vec<u8>> {
    let day = &rollup.day;
    let head = Head {
        format: FORMAT,
        date: day.date,
        zone: day.zone.clone(),
        span: day.span,
    };
    let mut bytes = serde_json::to_vec(&head)?;
    bytes.push(b'\n');
    for (source, counted) in &rollup.probes {
        let line = Line {
            source: source.clone(),
            conclusive: counted.conclusive,
            answered: counted.answered.clone(),
        };
        serde_json::to_writer(&mut bytes, &line)?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

fn decode(bytes: &[u8]) -> Option<Rollup> {
    let mut lines = bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    let head: Head = serde_json::from_slice(lines.next()?).ok()?;
    if head.format != FORMAT {
        return None;
    }
    let mut probes = BTreeMap::new();
    for line in lines {
        let line: Line = serde_json::from_slice(line).ok()?;
        let counted = Counted {
            conclusive: line.conclusive,
            answered: line.answered,
        };
        probes.insert(line.source, counted);
    }
    let day = LocalDay {
        date: head.date,
        zone: head.zone,
        span: head.span,
    };
    Some(Rollup { day, probes })
}

//! What the public pages show from files: the figures of approved reports, and response times from the daily roll-ups
//! that reports use. A task reads each file once, when the ledger names it, so that neither a reader nor the making of
//! pages waits for a disk. The SHA-256 in the ledger says that a file is the right one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use domain::calendar::Month;
use domain::catalogue::Affects;
use domain::id::{CommitteeId, ProbeId, SystemId};
use domain::latency::Histogram;
use domain::notice::ReportFile;
use domain::record::Record;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::Public;
use crate::digest::sha256;
use crate::files;
use crate::reports::filing;
use crate::samples::rollup;

/// How often new files are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// The days of which response times are shown, at most.
const DAYS: i64 = 400;
/// The months whose approved figures are shown.
const MONTHS: usize = 13;
/// The largest report that is read: a thousand systems need about ten million bytes.
const LARGEST: u64 = 1 << 28;

/// The content of the files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Archive {
    /// The figures of the last approved revision.
    approved: BTreeMap<(CommitteeId, Month), BTreeMap<String, Approved>>,
    /// The answered checks of each day, by system.
    answered: BTreeMap<SystemId, BTreeMap<Date, Histogram>>,
}

/// A system in an approved report.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Approved {
    pub system: String,
    pub contract_availability: Option<String>,
    pub target: Option<String>,
    pub unplanned_s: i64,
    pub excluded_s: i64,
    pub planned_s: i64,
}

/// The part of a report's JSON that is read.
#[derive(Deserialize)]
struct Figures {
    systems: Vec<Approved>,
}

impl Archive {
    pub(super) fn approved(
        &self,
        committee: &CommitteeId,
        month: Month,
        system: &SystemId,
    ) -> Option<&Approved> {
        self.approved
            .get(&(committee.clone(), month))?
            .get(system.as_str())
    }

    /// The days of a system that have answered checks.
    pub(super) fn answered(&self, system: &SystemId) -> Option<&BTreeMap<Date, Histogram>> {
        self.answered.get(system)
    }
}

/// Reads files until `stop`.
pub async fn run(state: Arc<Public>, data: PathBuf, stop: impl Future<Output = ()>) {
    tokio::pin!(stop);
    let mut reader = Reader {
        data,
        ..Reader::default()
    };
    loop {
        if let (_, Some((pages, _))) = state.settings.get() {
            let (snapshot, now) = (state.engine.snapshot(), state.engine.clock().now());
            let work = tokio::task::spawn_blocking(move || {
                let archive = reader.read(&snapshot.record, &pages.systems, now);
                (reader, archive)
            });
            let archive;
            (reader, archive) = match work.await {
                Ok(done) => done,
                Err(error) => {
                    tracing::error!(%error, "reading reports and roll-ups for the public pages broke off");
                    return;
                }
            };
            if **state.archive.load() != archive {
                state.archive.store(Arc::new(archive));
                state.archived.fetch_add(1, Relaxed);
            }
        }
        tokio::select! {
            () = &mut stop => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// The files that were read, by their SHA-256.
#[derive(Default)]
struct Reader {
    data: PathBuf,
    /// The systems whose roll-ups are kept.
    systems: BTreeSet<SystemId>,
    rollups: HashMap<String, BTreeMap<SystemId, Histogram>>,
    reports: HashMap<String, BTreeMap<String, Approved>>,
}

impl Reader {
    fn read(&mut self, record: &Record, public: &[SystemId], now: Timestamp) -> Archive {
        let systems: BTreeSet<SystemId> = public.iter().cloned().collect();
        if systems != self.systems {
            self.rollups.clear();
            self.systems = systems;
        }
        Archive {
            approved: self.approved(record, now),
            answered: self.answered(record, now),
        }
    }

    fn approved(
        &mut self,
        record: &Record,
        now: Timestamp,
    ) -> BTreeMap<(CommitteeId, Month), BTreeMap<String, Approved>> {
        let configured = self.systems.iter();
        let configured = configured.filter_map(|id| record.catalogue.system(id.as_str()));
        let committees: BTreeSet<CommitteeId> =
            configured.map(|system| system.committee.clone()).collect();
        let mut found = BTreeMap::new();
        let mut wanted = BTreeSet::new();
        for committee in committees {
            let mut month = Month::of(now, &record.zone());
            for _ in 0..=MONTHS {
                let report = record.reports.get(&committee, month);
                let filed =
                    report.and_then(|r| r.revisions.iter().rev().find_map(|r| r.filed.as_ref()));
                let files = filed.map_or(&[][..], |filed| filed.files.as_slice());
                if let Some(file) = files.iter().find(|file| file.name.ends_with(".json")) {
                    wanted.insert(file.sha256.clone());
                    let figures = self
                        .reports
                        .entry(file.sha256.clone())
                        .or_insert_with(|| figures(&self.data, file).unwrap_or_default());
                    found.insert((committee.clone(), month), figures.clone());
                }
                month = month.prev();
            }
        }
        self.reports.retain(|sha256, _| wanted.contains(sha256));
        found
    }

    fn answered(
        &mut self,
        record: &Record,
        now: Timestamp,
    ) -> BTreeMap<SystemId, BTreeMap<Date, Histogram>> {
        let oldest = now.checked_sub(SignedDuration::from_hours(24 * DAYS));
        let oldest = oldest.unwrap_or(Timestamp::MIN);
        let mut found: BTreeMap<SystemId, BTreeMap<Date, Histogram>> = BTreeMap::new();
        let mut wanted = BTreeSet::new();
        let zones: BTreeMap<&SystemId, String> = self
            .systems
            .iter()
            .filter_map(|id| {
                let zone = record.zone_of(id)?;
                Some((id, zone.iana_name()?.to_owned()))
            })
            .collect();
        for stored in record
            .rollups
            .all()
            .filter(|stored| stored.day.span.to > oldest)
        {
            wanted.insert(stored.sha256.clone());
            let systems = self
                .rollups
                .entry(stored.sha256.clone())
                .or_insert_with(|| {
                    of_systems(
                        &self.data,
                        &stored.file,
                        &stored.sha256,
                        record,
                        &self.systems,
                    )
                });
            for (system, answered) in systems {
                if zones.get(system) == Some(&stored.day.zone) {
                    let days = found.entry(system.clone()).or_default();
                    days.entry(stored.day.date).or_default().merge(answered);
                }
            }
        }
        self.rollups.retain(|sha256, _| wanted.contains(sha256));
        found
    }
}

/// The figures of a report by system; `None` if the file is lost, or is not the one that was approved.
fn figures(data: &Path, file: &ReportFile) -> Option<BTreeMap<String, Approved>> {
    let path = data.join(filing::FOLDER).join(&file.name);
    let bytes = files::read(&path, LARGEST).ok()?;
    if sha256(&bytes) != file.sha256 {
        tracing::warn!(path = %path.display(), "the file is not the report that was approved; the public pages leave it out");
        return None;
    }
    let figures: Figures = serde_json::from_slice(&bytes).ok()?;
    let systems = figures.systems.into_iter();
    Some(systems.map(|line| (line.system.clone(), line)).collect())
}

/// The answered checks of one day by system: of the probes that decide its availability.
fn of_systems(
    data: &Path,
    file: &str,
    sha256: &str,
    record: &Record,
    systems: &BTreeSet<SystemId>,
) -> BTreeMap<SystemId, Histogram> {
    let Some(mut rollup) = rollup::read(data, file, sha256) else {
        return BTreeMap::new();
    };
    let mut found = BTreeMap::new();
    for system in systems
        .iter()
        .filter_map(|id| record.catalogue.system(id.as_str()))
    {
        let probes = system.probes.iter();
        let probes = probes.filter(|p| p.active().is_some() && p.affects == Affects::Availability);
        let ids: Vec<&ProbeId> = probes.map(|probe| &probe.id).collect();
        let mut answered = Histogram::default();
        for counted in ids.into_iter().filter_map(|id| rollup.take(id)) {
            answered.merge(&counted.answered);
        }
        if answered.count() > 0 {
            found.insert(system.id.clone(), answered);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_file_that_was_approved_gives_its_figures() {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().join(filing::FOLDER);
        files::make_private_dir(&folder).unwrap();
        let text = br#"{"schema": 1, "systems": [{"system": "portal", "name": "Portal", "contract_availability": "99.987",
            "target": "99.900", "unplanned_s": 60, "excluded_s": 0, "planned_s": 300, "later": true}]}"#;
        files::replace(&folder.join("operations-2026-10-final.json"), text).unwrap();
        let mut file = ReportFile {
            name: "operations-2026-10-final.json".to_owned(),
            bytes: text.len() as u64,
            sha256: sha256(text),
        };
        let found = figures(data.path(), &file).unwrap();
        assert_eq!(
            found["portal"].contract_availability.as_deref(),
            Some("99.987")
        );
        assert_eq!(found["portal"].planned_s, 300);
        file.sha256 = "0".repeat(64);
        assert_eq!(figures(data.path(), &file), None);
    }
}

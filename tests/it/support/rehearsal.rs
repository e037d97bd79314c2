//! A scenario of `tests/scenarios`, played into a folder of its own, and what it left there. Reads
//! the files as another program would, never the engine's memory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use nines::simulate::{self, Summary};
use serde_json::Value;

/// The two who are told of the portal, in the order in which they are.
pub const OFFICE: &str = "office@lakeside.example";
/// Told of the portal and of the results interface.
pub const IT: &str = "it@st-elsewhere.example";

/// Where the scenarios lie.
pub fn scenarios() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

/// The files of a rehearsal in memory. Its folder is removed.
pub struct Played {
    files: BTreeMap<PathBuf, Vec<u8>>,
    pub summary: Summary,
}

/// The acts that a scenario expects to be refused: in `healthix` a report with an identifier of a patient.
fn refusals(name: &str) -> usize {
    usize::from(name == "healthix")
}

/// Plays `tests/scenarios/<name>` into `out`; no other act of it may be refused than those of [`refusals`].
pub fn play_into(name: &str, out: &Path) -> Summary {
    let scenario = scenarios().join(name).join("scenario.toml");
    let summary = simulate::run(&scenario, out, &mut |_, _| {}).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(
        summary.refused.len(),
        refusals(name),
        "{:?}",
        summary.refused
    );
    summary
}

/// Plays `tests/scenarios/<name>`, once for all tests of this process that ask for it.
pub fn play(name: &'static str) -> Arc<Played> {
    type Slot = Arc<OnceLock<Arc<Played>>>;
    static PLAYED: Mutex<BTreeMap<&str, Slot>> = Mutex::new(BTreeMap::new());
    // The lock is held for the look-up only: two scenarios may be played at once.
    let slot = Arc::clone(PLAYED.lock().unwrap().entry(name).or_default());
    let played = slot.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let summary = play_into(name, folder.path());
        let files = files(folder.path());
        Arc::new(Played { files, summary })
    });
    Arc::clone(played)
}

/// Every file of a rehearsal but its stores, whose files hold more than their rows.
pub fn files(out: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for name in ["timeline.jsonl", "notices.jsonl"] {
        found.insert(PathBuf::from(name), std::fs::read(out.join(name)).unwrap());
    }
    for part in ["notices", "reports"] {
        for entry in std::fs::read_dir(out.join(part)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(out).unwrap().to_owned();
            found.insert(name, std::fs::read(&path).unwrap());
        }
    }
    found
}

/// A notice: its kind, to whom, in which second it was decided (UTC)
/// and delivered, in how many attempts, and what became of it.
pub type Told<'a> = (&'a str, &'a str, &'a str, Option<&'a str>, u64, &'a str);

impl Played {
    /// The bytes of a file that must be there.
    pub fn file(&self, name: &str) -> &[u8] {
        let found = self.files.get(Path::new(name));
        found.unwrap_or_else(|| panic!("no {name}"))
    }

    /// Every message that was sent, as text.
    pub fn messages(&self) -> Vec<&str> {
        let messages = self.files.iter().filter(|(n, _)| n.starts_with("notices"));
        messages
            .map(|(_, bytes)| str::from_utf8(bytes).unwrap())
            .collect()
    }

    /// The lines of `timeline.jsonl` or `notices.jsonl`.
    pub fn lines(&self, file: &str) -> Vec<Value> {
        let text = str::from_utf8(self.file(file)).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The events of these kinds, in order.
    pub fn events(&self, kinds: &[&str]) -> Vec<Value> {
        let mut events = self.lines("timeline.jsonl");
        events.retain(|event| kinds.contains(&text(&event["kind"])));
        events
    }

    /// The names of the reports in that format.
    pub fn reports(&self, format: &str) -> impl Iterator<Item = String> {
        let reports = self.files.keys().filter(|n| n.starts_with("reports"));
        let reports = reports.filter(move |n| n.extension().is_some_and(|e| e == format));
        reports.map(|name| name.to_str().unwrap().to_owned())
    }

    /// The Operating Committee's report as other programs read it.
    pub fn report(&self, month: &str) -> Value {
        self.report_to("operations", month)
    }

    /// A committee's report as other programs read it, its classes added up on the way.
    pub fn report_to(&self, committee: &str, month: &str) -> Value {
        let file = self.file(&format!("reports/{committee}-{month}.json"));
        let report: Value = serde_json::from_slice(file).unwrap();
        for system in list(&report["systems"]) {
            let classes = [
                "up_s",
                "planned_s",
                "excluded_s",
                "unplanned_s",
                "unknown_s",
            ];
            let sum: i64 = classes
                .iter()
                .map(|class| system[*class].as_i64().unwrap())
                .sum();
            assert_eq!(system["agreed_s"], sum, "{}", system["system"]);
        }
        assert_eq!(report["ledger"]["head"], self.summary.head.hash);
        assert_eq!(report["ledger"]["seq"], self.summary.head.seq);
        report
    }
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

pub fn list(value: &Value) -> &[Value] {
    value
        .as_array()
        .unwrap_or_else(|| panic!("no list: {value}"))
}

/// An instant up to its second: `2026-10-07T06:14:21`.
pub fn second(value: &Value) -> &str {
    &text(value)[..19]
}

/// The notices of some kind, as [`Told`].
pub fn told<'a>(notices: &'a [Value], kinds: &[&str]) -> Vec<Told<'a>> {
    notices
        .iter()
        .filter(|notice| kinds.contains(&text(&notice["kind"])))
        .map(|notice| {
            (
                text(&notice["kind"]),
                text(&notice["recipient"]),
                second(&notice["decided"]),
                notice["delivered"].as_str().map(|at| &at[..19]),
                notice["attempts"].as_u64().unwrap(),
                text(&notice["result"]),
            )
        })
        .collect()
}

/// The one system of that name.
pub fn system<'a>(report: &'a Value, id: &str) -> &'a Value {
    let mut found = list(&report["systems"])
        .iter()
        .filter(|s| s["system"] == id);
    found.next().unwrap()
}

/// Checks the keys of one object against what they must be.
#[track_caller]
pub fn holds(object: &Value, keys: &[(&str, Value)]) {
    for (key, must) in keys {
        assert_eq!(&object[*key], must, "`{key}` of {object}");
    }
}

/// `start`, `end`, planned and unplanned seconds of every outage of the report.
pub fn outages(report: &Value) -> Vec<(&str, &str, &str, i64, i64)> {
    list(&report["outages"])
        .iter()
        .map(|outage| {
            (
                text(&outage["system"]),
                text(&outage["start"]),
                text(&outage["end"]),
                outage["planned_s"].as_i64().unwrap(),
                outage["unplanned_s"].as_i64().unwrap(),
            )
        })
        .collect()
}

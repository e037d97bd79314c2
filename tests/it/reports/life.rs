//! A report from its draft to its second revision, over a mail server that is away for three hours and
//! a service that is killed.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use nines::simulate::{self, Summary};
use serde_json::Value;

use crate::support::rehearsal::{Told, files, list, scenarios, text, told};

struct Month {
    files: BTreeMap<PathBuf, Vec<u8>>,
    summary: Summary,
}

/// The scenario `approval`, played once. Some of its acts must be refused.
fn month() -> &'static Month {
    static PLAYED: OnceLock<Month> = OnceLock::new();
    PLAYED.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let scenario = scenarios().join("approval/scenario.toml");
        let summary = simulate::run(&scenario, folder.path(), &mut |_, _| {});
        Month {
            summary: summary.unwrap_or_else(|error| panic!("{error}")),
            files: files(folder.path()),
        }
    })
}

impl Month {
    fn file(&self, name: &str) -> &str {
        let found = self.files.get(Path::new(name));
        str::from_utf8(found.unwrap_or_else(|| panic!("no {name}"))).unwrap()
    }

    fn lines(&self, name: &str) -> Vec<Value> {
        let lines = self.file(name).lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    fn report(&self, name: &str) -> Value {
        serde_json::from_str(self.file(&format!("reports/{name}.json"))).unwrap()
    }
}

#[test]
fn acts_that_the_rules_forbid_are_refused_with_their_reason() {
    let refused = month().summary.refused.iter();
    let reasons: Vec<&str> = refused.map(|refused| refused.reason.as_str()).collect();
    let expected = [
        "2026-10 is not over",
        "I-2 lacks summary, root cause, resolution, preventive measures; write them",
        "`On Call` wrote texts of 2026-10: another person must approve its report",
        "`desk` may not approve reports of operations; its approvers are chair, on-call",
        "chair approved the report of operations for 2026-10",
    ];
    assert_eq!(reasons.len(), expected.len(), "{reasons:#?}");
    for (reason, expected) in reasons.iter().zip(expected) {
        assert!(reason.starts_with(expected), "{reason}");
    }
}

#[test]
fn drafts_reach_who_owes_texts_and_reports_reach_the_committee_once() {
    let notices = month().lines("notices.jsonl");
    let (chair, clinic) = ("chair@example.org", "clinic@example.org");
    let drafts: Vec<Told<'_>> = told(&notices, &["report-draft"]);
    let sent = |to: &'static str, at: &'static str| ("report-draft", to, at, Some(at), 1, "sent");
    assert_eq!(
        drafts,
        [
            // Nobody acknowledged the registry's outage: the operators.
            sent("desk@example.org", "2026-11-01T13:00:00"),
            // The owner of the results interface.
            sent("interfaces@example.org", "2026-11-01T13:00:00"),
            // Whoever acknowledged the portal's outage.
            sent("on-call@example.org", "2026-11-01T13:00:00"),
            // One day before the clinical committee's sixth of November.
            sent("interfaces@example.org", "2026-11-05T13:00:00"),
            // On-call has written the portal's texts; the second reminder comes after the approval.
            sent("desk@example.org", "2026-11-10T19:00:00"),
        ]
    );
    let reports: Vec<Told<'_>> = told(&notices, &["report"]);
    assert_eq!(
        reports,
        [
            (
                "report",
                chair,
                "2026-11-05T14:30:00",
                Some("2026-11-05T14:30:00"),
                1,
                "sent"
            ),
            // Approved at 11:10 while no mail server answers until 14:00 (19:00 UTC).
            (
                "report",
                chair,
                "2026-11-12T16:10:00",
                Some("2026-11-12T19:13:30"),
                12,
                "sent"
            ),
            (
                "report",
                clinic,
                "2026-11-12T16:10:00",
                Some("2026-11-12T19:13:30"),
                12,
                "sent"
            ),
            // The service was killed a minute after the approval.
            (
                "report",
                chair,
                "2026-11-16T15:15:00",
                Some("2026-11-16T15:38:00"),
                6,
                "sent"
            ),
            // The next revision takes the place of the one that never arrived.
            (
                "report",
                clinic,
                "2026-11-16T15:15:00",
                None,
                7,
                "superseded"
            ),
            (
                "report",
                chair,
                "2026-11-16T16:05:00",
                Some("2026-11-16T16:05:00"),
                1,
                "sent"
            ),
            (
                "report",
                clinic,
                "2026-11-16T16:05:00",
                Some("2026-11-16T17:23:01"),
                3,
                "sent"
            ),
            (
                "report",
                clinic,
                "2026-11-16T15:15:00",
                None,
                0,
                "superseded"
            ),
        ]
    );
}

#[test]
fn a_report_mail_has_the_first_page_s_sentences_and_the_approved_file() {
    let month = month();
    let mail = month
        .files
        .iter()
        .filter(|(name, _)| name.ends_with("000016-report.eml"));
    let bytes = mail.map(|(_, bytes)| bytes).next().unwrap();
    let message = mail_parser::MessageParser::default().parse(bytes).unwrap();
    let report = month.report("operations-2026-10-revision-2");
    // Folded lines and no-break spaces.
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let body = words(&message.body_text(0).unwrap());
    assert!(body.contains(&words(text(&report["headline"]))), "{body}");
    assert!(
        body.contains(&words(text(&list(&report["happened"])[0]))),
        "{body}"
    );
    assert!(body.contains("takes the place of revision 1"), "{body}");
    let attached: Vec<&[u8]> = message.attachments().map(|part| part.contents()).collect();
    let pdf = &month.files[Path::new("reports/operations-2026-10-revision-2.pdf")];
    assert!(attached == [pdf.as_slice()], "{} files", attached.len());
}

#[test]
fn a_revision_says_which_figures_changed_from_what_to_what_and_why() {
    let month = month();
    let first = month.report("operations-2026-10-final");
    assert_eq!(
        (text(&first["status"]), first["revision"].as_u64()),
        ("final", Some(0))
    );
    let reason = "The registry's vendor has not answered.";
    assert_eq!(text(&first["approval"]["reason"]), reason);
    assert!(
        month
            .file("reports/operations-2026-10-final.html")
            .contains("vendor has not answered")
    );
    // The ledger position is that of the approval, which the files' own hashes follow.
    let approved = month.lines("timeline.jsonl").into_iter();
    let mut approved = approved.filter(|event| text(&event["kind"]) == "report-approved");
    let operations = approved
        .find(|e| text(&e["subject"]) == "operations 2026-10")
        .unwrap();
    assert_eq!(first["ledger"]["seq"], operations["seq"]);

    let second = month.report("operations-2026-10-revision-1");
    assert_eq!(second["revises"]["ledger"], first["ledger"]);
    let changes = list(&second["revises"]["changes"]);
    let change = |key: &str| {
        let found = changes
            .iter()
            .find(|change| text(&change["key"]) == key)
            .unwrap();
        (
            text(&found["what"]),
            text(&found["before"]),
            text(&found["after"]),
        )
    };
    let unplanned = (
        "Clinical Portal: unplanned",
        "1\u{a0}h\u{a0}40\u{a0}min",
        "40\u{a0}min",
    );
    assert_eq!(change("systems.portal.unplanned_s"), unplanned);
    assert!(
        changes
            .iter()
            .all(|c| !text(&c["key"]).contains("registry"))
    );
    let page = month.file("reports/operations-2026-10-revision-1.html");
    for part in [
        "Changes of this revision",
        "An exclusion was approved.",
        "99.742",
        "99.896",
    ] {
        assert!(page.contains(part), "{part}");
    }
    let bookmark = |name: &str| {
        let pdf = &month.files[Path::new(&format!("reports/operations-2026-10-{name}.pdf"))];
        let wanted = b"/Title(Changes of this revision)";
        let mut parts = streams(pdf).into_iter();
        parts.any(|part| part.windows(wanted.len()).any(|part| part == wanted))
    };
    assert_eq!(
        ["final", "revision-1", "revision-2"].map(bookmark),
        [false, true, true]
    );
    // Only texts changed in the second one.
    let third = month.report("operations-2026-10-revision-2");
    assert_eq!(list(&third["revises"]["changes"]), [] as [Value; 0]);
    // The month's own file is the last one that was sent, and no earlier one was overwritten.
    assert_eq!(month.report("operations-2026-10"), third);
}

/// The streams of a PDF that zlib packed, unpacked: its bookmarks are in one of them.
fn streams(pdf: &[u8]) -> Vec<Vec<u8>> {
    let begin = b"stream\n";
    let starts = pdf
        .windows(begin.len())
        .enumerate()
        .filter(|(_, part)| part == begin);
    let unpacked = starts.filter_map(|(at, _)| {
        let mut text = Vec::new();
        let packed = &pdf[at + begin.len()..];
        let read = flate2::read::ZlibDecoder::new(packed).read_to_end(&mut text);
        read.ok().map(|_| text)
    });
    unpacked.collect()
}

#[test]
fn every_stored_file_has_the_sha_256_of_the_ledger() {
    use sha2::Digest as _;
    let month = month();
    let mut seen = 0;
    for event in month.lines("timeline.jsonl") {
        if text(&event["kind"]) != "report-filed" {
            continue;
        }
        for file in list(&event["data"]["files"]) {
            let path = Path::new("reports").join(text(&file["name"]));
            let bytes = month.files.get(&path).unwrap();
            let hash = sha2::Sha256::digest(bytes);
            let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hash, text(&file["sha256"]));
            assert_eq!(Some(bytes.len() as u64), file["bytes"].as_u64());
            seen += 1;
        }
    }
    assert_eq!(seen, 4 * nines::reports::Format::ALL.len());
}

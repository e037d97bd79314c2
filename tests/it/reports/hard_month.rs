//! What a committee asks of a bad month, and an auditor a year later: why downtime in a window was not
//! planned, who was not told, when the monitor was away. The portal's probe starts 11.918 s after every
//! full minute, the results interface's 21.386 s.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::rehearsal::{holds, list, play, play_into, system, text};

const ARCHIVE: &str = "archive-of-the-regional-imaging-exchange";

#[test]
fn the_monitor_s_own_absences_are_one_list_with_their_causes() {
    let report = play("hard-month").report("2026-10");
    let absences: Vec<_> = list(&report["monitor"]["absences"])
        .iter()
        .map(|a| (text(&a["to"]), text(&a["cause"]), text(&a["why"])))
        .collect();
    assert_eq!(
        absences,
        [
            (
                "2026-10-10T12:30:00-04:00",
                "died",
                "the service was killed, crashed or lost power; counted from its last sign of life"
            ),
            (
                "2026-10-12T12:05:00-04:00",
                "stopped",
                "the service was stopped"
            ),
        ]
    );
    holds(
        &report["monitor"]["absences"][1],
        &[
            ("from", json!("2026-10-12T12:00:00-04:00")),
            ("length_s", json!(300)),
        ],
    );
    // Killed at noon: its last sample is less than a minute older.
    let length_s = report["monitor"]["absences"][0]["length_s"].as_i64();
    assert!((1_800..1_860).contains(&length_s.unwrap()), "{length_s:?}");
    assert_eq!(
        system(&report, ARCHIVE)["verdict"],
        json!("not_determinable")
    );
}

/// Each window that met downtime: its id and why. Blanks that do not break are blanks here.
fn whys(report: &Value) -> Vec<(&str, String)> {
    list(&report["maintenance"])
        .iter()
        .filter(|w| w["downtime_s"] != 0)
        .map(|w| (text(&w["window"]), text(&w["why"]).replace('\u{a0}', " ")))
        .collect()
}

#[test]
fn every_window_that_met_downtime_says_why_it_excused_it_or_not() {
    let report = play("hard-month").report("2026-10");
    let outages = list(&report["outages"]);
    let id = |n: usize| text(&outages[n]["outage"]);
    let said = whys(&report);
    let must = [
        "agreed on 2024-03-01".to_owned(),
        "agreed on 2024-03-01; the 10 min that the window allows were used up at 2026-10-14 22:20:11 EDT: a further 10 min are unplanned".to_owned(),
        "not announced in time to Lakeside Family Practice, Mercy Medical Group, North County Orthopaedic and Sports Medicine Associates of Albany and St. Elsewhere Hospital".to_owned(),
        // From 23:00:00 to 23:02:11.
        format!("agreed on 2024-03-01; {} continued for 2 min 11 s after the end of the window: unplanned from 2026-10-21 23:00:00 EDT", id(4)),
        format!("agreed on 2024-03-01; {} began 9 min 49 s before the window, longer than its grace period of 1 min: unplanned to the end", id(6)),
    ];
    let texts: Vec<&String> = said.iter().map(|(_, why)| why).collect();
    assert_eq!(texts, must.iter().collect::<Vec<_>>());
    // The outage says it, too, and names the window; the one that was excused has nothing to say.
    let because: Vec<Vec<String>> = outages
        .iter()
        .map(|o| {
            let all = list(&o["why_unplanned"]).iter();
            all.map(|why| text(why).replace('\u{a0}', " ")).collect()
        })
        .collect();
    let empty: Vec<String> = Vec::new();
    assert_eq!(
        (&because[0], &because[1], &because[5]),
        (&empty, &empty, &empty)
    );
    assert_eq!(
        because[3],
        [format!(
            "New disks (disks): nothing in it is planned: {}",
            must[2]
        )]
    );
    assert_eq!(
        because[6],
        [
            "Weekly application update of 2026-10-28: it began 9 min 49 s before the window, longer than its grace period of 1 min: unplanned to the end"
        ]
    );
}

/// Customer, result, whether only afterwards, and its contacts by result.
fn told(incident: &Value) -> Vec<(&str, &str, bool, &Value)> {
    list(&incident["told"])
        .iter()
        .map(|t| {
            let late = t["only_afterwards"] == true;
            (
                text(&t["customer"]),
                text(&t["result"]),
                late,
                &t["contacts"],
            )
        })
        .collect()
}

#[test]
fn refused_folded_and_waiting_customers_are_shown_as_what_they_are() {
    let played = play("hard-month");
    let report = played.report("2026-10");
    let incidents = list(&report["incidents"]);
    let (one, two) = (json!({"sent": 1}), json!({"sent": 2}));
    let (refused, queued) = (json!({"rejected": 1}), json!({"queued": 1}));
    assert_eq!(
        told(&incidents[0]),
        [
            ("lakeside", "sent", false, &one),
            ("mercy", "rejected", false, &refused),
            ("north-county", "sent", false, &two),
            ("st-elsewhere", "sent", false, &one),
        ]
    );
    let of_results = |n: usize| {
        let mut ours = incidents.iter().filter(|i| i["systems"][0] == "results");
        told(ours.nth(n).unwrap())
    };
    assert_eq!(
        of_results(0),
        [
            ("north-county", "sent", true, &two),
            ("st-elsewhere", "sent", true, &one),
        ]
    );
    assert_eq!(
        of_results(1),
        [
            ("north-county", "sent", false, &two),
            ("st-elsewhere", "queued", false, &queued),
        ]
    );
    let steps: Vec<&str> = list(&incidents[0]["timeline"])
        .iter()
        .map(|step| text(&step["what"]))
        .filter(|what| what.contains("notified"))
        .collect();
    assert_eq!(
        steps,
        [
            "Customers notified: Lakeside Family Practice, North County Orthopaedic and Sports Medicine Associates of Albany and St. Elsewhere Hospital (3 of 4)",
            "Rejected by the relay or webhook, not notified: Mercy Medical Group",
        ]
    );
}

#[test]
fn the_pages_and_the_table_say_what_the_json_says() {
    let played = play("hard-month");
    for (format, words) in [
        (
            "html",
            [
                "Monitor absences",
                "longer than its grace period of 1\u{a0}min: unplanned to the end",
                "Delivered only after recovery",
                "Rejected by the relay or webhook",
                "Not delivered yet",
            ],
        ),
        (
            "md",
            [
                "Monitor absences",
                "longer than its grace period of 1\u{a0}min: unplanned to the end",
                "delivered only after recovery",
                "rejected by the relay or webhook",
                "not delivered yet",
            ],
        ),
        (
            "csv",
            [
                "\r\nabsence,2026-10-12T12:00:00-04:00,2026-10-12T12:05:00-04:00,300,stopped,",
                "longer than its grace period of 1\u{a0}min: unplanned to the end",
                ",sent,true,\"2 sent\"\r\n",
                ",,,rejected,false,\"1 rejected\"\r\n",
                ",,,queued,false,\"1 queued\"\r\n",
            ],
        ),
    ] {
        let page = played.file(&format!("reports/operations-2026-10.{format}"));
        let page = str::from_utf8(page).unwrap();
        for word in words {
            assert!(page.contains(word), "{word:?} is not in the {format}");
        }
    }
}

/// Runs a command whose answer goes into a pipe: eighty columns.
fn listed(data: &Path, words: &[&str]) -> String {
    let run = Command::new(env!("CARGO_BIN_EXE_nines"))
        .args(words)
        .arg("--data")
        .arg(data)
        .current_dir(data)
        .output()
        .unwrap();
    assert!(run.stderr.is_empty(), "{run:?}");
    String::from_utf8(run.stdout).unwrap()
}

#[test]
fn every_list_fits_eighty_columns_and_breaks_no_instant_id_or_address() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    play_into("hard-month", out);
    let desk =
        "information-services.service-desk@north-county-orthopaedic-and-sports-medicine.example";
    let lists = [
        (listed(out, &["status"]), [ARCHIVE, "O-", "I-"]),
        (
            listed(out, &["incident", "list"]),
            ["2026-10-06 02:14:21 EDT", "I-", "summary"],
        ),
        (
            listed(out, &["notice", "list"]),
            ["2026-10-06 02:14:22 EDT", desk, "maintenance-overrun"],
        ),
        (
            listed(out, &["maintenance", "list"]),
            [
                "portal/weekly-application-update@",
                ":00:00 E",
                "agreed 2024-03-01",
            ],
        ),
        (
            listed(out, &["incident", "show", "portal"]),
            ["2026-10-28 21:50:11 EDT", desk, "not recorded"],
        ),
    ];
    for (text, wanted) in lists {
        for word in wanted {
            assert!(text.contains(word), "{word:?} is not in\n{text}");
        }
        for line in text.lines() {
            let fits = line.chars().count() <= 80;
            // Only what cannot be broken may be longer, and it stands alone.
            assert!(fits || line.contains(desk), "{line:?} is too long");
            // A date at the end of a line has lost its time to the next one.
            let last = line.rsplit(' ').next().unwrap_or_default();
            assert!(last.len() != 10 || !last.starts_with("2026-"), "{line:?}");
        }
    }
}

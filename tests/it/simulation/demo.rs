//! The files that the demo writes: its configuration, and the scenario of its month.

use std::net::SocketAddr;

use demo::configuration::{Addresses, write, write_history};
use domain::calendar::{self, Month};
use nines::config;
use nines::simulate::{self, Scenario};

#[test]
fn the_live_configuration_has_no_mistake() {
    let dir = tempfile::tempdir().unwrap();
    let at = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
    let addresses = Addresses {
        public: at(7),
        private: at(1),
        relay: at(2),
        portal: at(3),
        interface: at(4),
        fhir: at(5),
        partner: at(6),
    };
    let file = write(dir.path(), &addresses).unwrap();
    let loaded = config::load(&file).unwrap_or_else(|m| panic!("{}", m.render(false)));
    assert_eq!(loaded.catalogue.systems.len(), 4);
    assert_eq!(loaded.listen.private, at(1));
    assert_eq!(loaded.data, dir.path().join("config/../data"));
    for text in std::fs::read_dir(dir.path().join("config/systems")).unwrap() {
        let text = std::fs::read_to_string(text.unwrap().path()).unwrap();
        assert!(
            !text.contains("{portal}") && !text.contains("{fhir}"),
            "{text}"
        );
    }
}

#[test]
fn the_scenario_can_be_played_for_every_month_of_two_years() {
    let zone = calendar::zone(demo::ZONE).unwrap();
    let mut month: Month = "2025-12".parse().unwrap();
    for _ in 0..24 {
        let dir = tempfile::tempdir().unwrap();
        let file = write_history(dir.path(), month.first(), &zone).unwrap();
        let scenario = Scenario::load(&file).unwrap();
        let loaded = config::load(&scenario.config);
        assert!(loaded.is_ok(), "{}", loaded.unwrap_err().render(false));
        assert_eq!(scenario.start, month.span(&zone).from);
        // The report is approved after the month's end.
        assert!(scenario.end > month.span(&zone).to);
        assert!(scenario.faults.iter().all(|f| f.span.seconds() > 0));
        month = month.next();
    }
}

#[test]
fn short_months_and_those_of_a_clock_change_play_with_no_act_refused() {
    let zone = calendar::zone(demo::ZONE).unwrap();
    for month in ["2026-02", "2026-03", "2026-11"] {
        let dir = tempfile::tempdir().unwrap();
        let first = month.parse::<Month>().unwrap().first();
        let file = write_history(dir.path(), first, &zone).unwrap();
        let out = dir.path().join("out");
        let summary = simulate::run(&file, &out, &mut |_, _| {}).unwrap();
        assert_eq!(summary.refused, [], "{month}");
        assert!(summary.outages > 0 && summary.notices > 0, "{month}");
        let report = out.join(format!("reports/operations-{month}-final.html"));
        assert!(report.is_file(), "{month}");
        let mails = std::fs::read_dir(out.join("notices")).unwrap();
        let names = mails.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let about: Vec<String> = names.filter(|name| name.contains("report")).collect();
        assert!(
            about.iter().any(|name| name.ends_with("-report.eml")),
            "{about:?}"
        );
        assert!(
            about.iter().any(|name| name.ends_with("-report-draft.eml")),
            "{about:?}"
        );
    }
}

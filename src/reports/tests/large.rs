//! A report of many systems and outages: the summary first, the longest outages in full, a row for each other.

use std::collections::BTreeSet;

use super::*;

/// The month with 250 more outages, each a second longer than the one before.
fn large() -> Report {
    let mut report = report();
    let pattern = report.outages[0].clone();
    for n in 0..250_i64 {
        let mut outage = pattern.clone();
        outage.outage = format!("O-{}", 1_000 + n);
        (outage.unplanned_s, outage.incident) = (10_000 + n, Some("I-999".to_owned()));
        outage.exclusions.clear();
        report.outages.push(outage);
    }
    report
}

/// The ids of explanations, and the ids that links name.
fn links(page: &str) -> (BTreeSet<&str>, BTreeSet<&str>) {
    let all = |before: &str| {
        let parts = page.split(before).skip(1);
        parts
            .filter_map(|part| part.split_once('"'))
            .map(|(id, _)| id)
            .collect()
    };
    (all("id=\"x."), all("href=\"#x."))
}

#[test]
fn every_figure_of_the_page_is_explained_in_it_and_no_other_is() {
    let page = rendered(&report(), Format::Html);
    let (explained, linked) = links(&page);
    assert!(linked.len() > 100);
    assert_eq!(explained, linked);
}

#[test]
fn of_many_outages_the_longest_are_shown_in_full_and_none_is_lost() {
    let report = large();
    let page = rendered(&report, Format::Html);
    for outage in &report.outages {
        assert!(
            page.contains(&format!(">{}<", outage.outage)),
            "{}",
            outage.outage
        );
    }
    let (_, linked) = links(&page);
    let shown = |id: &str| linked.contains(format!("outages.{id}.unplanned_s").as_str());
    assert!(shown("O-1249") && shown("O-1150"));
    assert!(!shown("O-1149") && !shown("O-1000"));
    assert!(page.contains(&format!("The other {} outages", report.outages.len() - 100)));
    let pdf = render(&report, Format::Pdf, &Look::default()).unwrap();
    assert_eq!(pdf.warnings, [""; 0]);
}

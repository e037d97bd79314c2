//! `nines simulate`: runs a scenario with a progress bar and prints the results.

use std::path::Path;

use serde_json::json;

use super::args::Common;
use super::output::{self, print, print_error};
use super::progress::Progress;
use super::{End, Failure};
use crate::simulate;

/// Runs `scenario` into `out`. A refused act is bad news.
pub fn run(scenario: &Path, out: &Path, common: &Common) -> Result<End, Failure> {
    let progress = Progress::new("playing");
    let played = simulate::run(scenario, out, &mut |scenario, at| {
        let seconds = |from: jiff::Timestamp, to: jiff::Timestamp| {
            u64::try_from(to.duration_since(from).as_secs()).unwrap_or(0)
        };
        progress.at(
            seconds(scenario.start, at),
            seconds(scenario.start, scenario.end),
        );
    });
    drop(progress);
    let summary = match played {
        Ok(summary) => summary,
        Err(simulate::Error::Mistakes(mistakes)) => return Err(Failure::Config(mistakes)),
        Err(error) => return Err(error.into()),
    };
    let refused: Vec<String> = summary
        .refused
        .iter()
        .map(|r| format!("line {}: {} at {}: {}", r.line, r.by, r.at, r.reason))
        .collect();
    for warning in &summary.warnings {
        print_error(format!("nines: {warning}"));
    }
    if common.json {
        output::json(&json!({
            "seq": summary.head.seq, "head": summary.head.hash, "samples": summary.samples,
            "outages": summary.outages, "incidents": summary.incidents,
            "notices": summary.notices, "refused": refused, "reports": summary.reports,
            "warnings": summary.warnings,
        }))?;
    } else {
        let mut text = format!(
            "{} samples, {} outages, {} incidents, {} notices; ledger at {}, head {}\n",
            summary.samples,
            summary.outages,
            summary.incidents,
            summary.notices,
            summary.head.seq,
            summary.head.hash,
        );
        for why in &refused {
            text.push_str(&format!("refused: {why}\n"));
        }
        for report in &summary.reports {
            text.push_str(&format!("{}\n", report.display()));
        }
        print(&text)?;
    }
    Ok(End::bad_news_if(!refused.is_empty()))
}

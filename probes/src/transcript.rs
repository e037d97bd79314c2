//! A run told to people: `nines probe` and the console print it.

use jiff::Timestamp;

use crate::{Finding, Note, certificate_end};

/// The result of a run and what happened during it, for people.
pub fn transcript(probe: &str, found: &Finding, notes: &[Note], now: Timestamp) -> String {
    let mut text = format!("{probe}: {}", found.outcome);
    if let Some(reason) = found.reason {
        text.push_str(&format!(" ({reason})"));
    }
    if let Some(detail) = &found.detail {
        text.push_str(&format!(": {detail}"));
    }
    text.push_str(&format!(
        "\n  took {:.3} ms",
        found.took.as_secs_f64() * 1e3
    ));
    for (name, ms) in phases_ms(found) {
        if let Some(ms) = ms {
            text.push_str(&format!(", {name} {ms:.3}"));
        }
    }
    if let Some(status) = found.status {
        text.push_str(&format!("\n  status {status}"));
    }
    if let Some(ends) = found.certificate_ends_at {
        text.push_str(&format!("\n  {}", certificate_end(ends, now)));
        if found.certificate_ends_soon {
            text.push_str(": warning, renew it");
        }
    }
    for note in notes {
        let ms = note.at.as_secs_f64() * 1e3;
        text.push_str(&format!("\n  {ms:>10.3} ms  {}", note.text));
    }
    format!("{text}\n")
}

/// The phases of a run, in milliseconds.
pub fn phases_ms(found: &Finding) -> [(&'static str, Option<f64>); 5] {
    [
        ("resolve", found.phases.resolve_us),
        ("connect", found.phases.connect_us),
        ("tls", found.phases.tls_us),
        ("processing", found.phases.processing_us),
        ("transfer", found.phases.transfer_us),
    ]
    .map(|(name, us)| (name, us.map(|us| us as f64 / 1e3)))
}

//! `nines probe`: runs probes once and prints the results. Nothing is stored.

use domain::id::ProbeId;
use jiff::Timestamp;
use probes::Note;
use serde_json::json;

use super::args::Common;
use super::output::{self, print};
use super::{End, Failure};
use crate::{clock, config};

pub fn run(common: &Common, target: &str) -> Result<End, Failure> {
    probes::install_crypto();
    let loaded = config::load(&common.config).map_err(Failure::Config)?;
    let wanted: Vec<_> = loaded
        .probes
        .into_iter()
        .filter(|p| p.id.as_str() == target || p.id.system() == target)
        .collect();
    if wanted.is_empty() {
        let known: Vec<&str> = loaded
            .catalogue
            .systems
            .iter()
            .map(|s| s.id.as_str())
            .collect();
        let known = known.join(", ");
        return Err(Failure::Usage(format!(
            "there is no system or probe `{target}` (systems: {known})"
        )));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut end = End::Done;
    let mut all = Vec::new();
    for setup in wanted {
        let (found, notes) = runtime.block_on(setup.probe.run_with_notes());
        if found.outcome != domain::sample::Outcome::Up {
            end = End::BadNews;
        }
        if common.json {
            all.push(found_json(&setup.id, &found, &notes));
        } else {
            print(&found_text(&setup.id, &found, &notes, clock::now()))?;
        }
    }
    if common.json {
        output::json(&all)?;
    }
    Ok(end)
}

/// The phases of a run, in milliseconds.
fn phases_ms(found: &probes::Finding) -> [(&'static str, Option<f64>); 5] {
    [
        ("resolve", found.phases.resolve_us),
        ("connect", found.phases.connect_us),
        ("tls", found.phases.tls_us),
        ("processing", found.phases.processing_us),
        ("transfer", found.phases.transfer_us),
    ]
    .map(|(name, us)| (name, us.map(|us| us as f64 / 1e3)))
}

fn found_json(id: &ProbeId, found: &probes::Finding, notes: &[Note]) -> serde_json::Value {
    let transcript: Vec<_> = notes
        .iter()
        .map(|note| json!({ "at_ms": note.at.as_secs_f64() * 1e3, "text": note.text }))
        .collect();
    let phases: serde_json::Map<_, _> = phases_ms(found)
        .into_iter()
        .map(|(name, ms)| (name.to_owned(), json!(ms)))
        .collect();
    json!({
        "probe": id, "outcome": found.outcome, "reason": found.reason,
        "detail": found.detail, "took_ms": found.took.as_secs_f64() * 1e3,
        "phases_ms": phases, "status": found.status,
        "certificate_ends": found.certificate_ends_at,
        "certificate_ends_soon": found.certificate_ends_soon,
        "transcript": transcript,
    })
}

fn found_text(id: &ProbeId, found: &probes::Finding, notes: &[Note], now: Timestamp) -> String {
    let mut text = format!("{}: {}", id, found.outcome);
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
        text.push_str(&format!("\n  {}", probes::certificate_end(ends, now)));
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

//! `nines probe`: runs probes once and prints the results. Nothing is stored. Of a heartbeat, which no run can ask, it
//! prints when the last beat came and when the next is due.

use domain::catalogue::{Heartbeat, Method};
use domain::id::ProbeId;
use probes::Note;
use serde_json::json;

use super::args::Common;
use super::client::Client;
use super::layout::Times;
use super::output::{self, print, print_error};
use super::{End, Failure};
use crate::engine::status;
use crate::{clock, config};

pub fn run(common: &Common, target: &str) -> Result<End, Failure> {
    if common.server.is_some() {
        return run_there(common, target);
    }
    probes::install_crypto();
    let loaded = config::load(&common.config).map_err(Failure::Config)?;
    let is_wanted = |id: &ProbeId| id.as_str() == target || id.system() == target;
    let wanted = loaded.probes.into_iter();
    let wanted: Vec<_> = wanted.filter(|p| is_wanted(&p.id)).collect();
    let all = loaded.catalogue.systems.iter().flat_map(|s| &s.probes);
    let beating: Vec<_> = all
        .filter_map(|probe| match &probe.method {
            Method::Heartbeat(heartbeat) if is_wanted(&probe.id) => Some((&probe.id, heartbeat)),
            _ => None,
        })
        .collect();
    if wanted.is_empty() && beating.is_empty() {
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
            print(&probes::transcript(
                setup.id.as_str(),
                &found,
                &notes,
                clock::now(),
            ))?;
        }
    }
    let status = match beating.is_empty() {
        true => None,
        false => Some(Client::new(common)?.status()?),
    };
    for (id, heartbeat) in beating {
        let Some((status, runs)) = &status else {
            continue;
        };
        let probes = status.systems.iter().filter(|s| s.system == id.system());
        let mut probes = probes.flat_map(|s| &s.probes);
        let known = probes.find(|probe| probe.probe == id.name());
        if known.is_none_or(|probe| probe.state != "up") {
            end = End::BadNews;
        }
        if common.json {
            all.push(json!({ "probe": id, "running": runs, "heartbeat": known }));
        } else {
            let times = Times::new(status.zone());
            print(&heartbeat_text(id, heartbeat, known, *runs, &times))?;
        }
    }
    if common.json {
        output::json(&all)?;
    }
    Ok(end)
}

/// Runs the probes on the service that `--server` names: the same vantage that counts.
fn run_there(common: &Common, target: &str) -> Result<End, Failure> {
    let client = Client::new(common)?;
    let Some(remote) = client.remote() else {
        return Err(Failure::Usage("--server is missing".to_owned()));
    };
    let systems = remote.status()?.systems;
    let (system, only) = match target.split_once('/') {
        Some((system, probe)) => (system, Some(probe)),
        None => (target, None),
    };
    let known = systems.iter().filter(|s| s.system == system);
    let probes = known.flat_map(|s| &s.probes);
    let wanted = probes.filter(|p| only.is_none_or(|only| only == p.probe));
    let wanted: Vec<&status::Probe> = wanted.collect();
    if wanted.is_empty() {
        let known: Vec<&str> = systems.iter().map(|s| s.system.as_str()).collect();
        return Err(Failure::Usage(format!(
            "there is no system or probe `{target}` (systems: {})",
            known.join(", ")
        )));
    }
    let mut end = End::Done;
    let mut all = Vec::new();
    for probe in wanted {
        let run = match remote.run_probe(system, &probe.probe)? {
            Ok(run) => run,
            // A heartbeat comes by itself.
            Err(why) if only.is_none() => {
                print_error(format!("nines: {why}"));
                continue;
            }
            Err(why) => return Err(anyhow::anyhow!(why).into()),
        };
        if !run.is_up {
            end = End::BadNews;
        }
        match common.json {
            true => all.push(run),
            false => print(&run.transcript)?,
        }
    }
    if common.json {
        output::json(&all)?;
    }
    Ok(end)
}

fn heartbeat_text(
    id: &ProbeId,
    heartbeat: &Heartbeat,
    known: Option<&status::Probe>,
    runs: bool,
    times: &Times,
) -> String {
    let state = known.map_or("unknown", |probe| &probe.state);
    let mut text = format!("{id}: {state}\n");
    let beat = known.and_then(|probe| Some((probe.at?, probe.next_beat_due?)));
    match beat {
        Some((beat, due)) => {
            let (beat, due) = (times.at(beat), times.at(due));
            text.push_str(&format!(
                "  the last beat came at {beat}\n  the next is due by {due}\n"
            ));
        }
        None if runs => text.push_str("  no beat has come since the service started\n"),
        None => text.push_str("  the service is not running: no beat is taken\n"),
    }
    let grace = std::time::Duration::from_millis(heartbeat.grace_ms.unsigned_abs());
    let grace = values::spell_length(grace);
    text.push_str(&format!("  silence is an outage {grace} after that\n"));
    text
}

fn found_json(id: &ProbeId, found: &probes::Finding, notes: &[Note]) -> serde_json::Value {
    let transcript: Vec<_> = notes
        .iter()
        .map(|note| json!({ "at_ms": note.at.as_secs_f64() * 1e3, "text": note.text }))
        .collect();
    let phases: serde_json::Map<_, _> = probes::phases_ms(found)
        .into_iter()
        .map(|(name, ms)| (name.to_owned(), json!(ms)))
        .collect();
    json!({
        "probe": id, "outcome": found.outcome, "reason": found.reason,
        "detail": found.detail, "took_ms": found.took.as_secs_f64() * 1e3,
        "phases_ms": phases, "status": found.status,
        "certificate_ends": found.certificate_ends_at,
        "certificate_ends_soon": found.certificate_ends_soon,
        "clock_offset_us": found.clock_offset_us,
        "transcript": transcript,
    })
}

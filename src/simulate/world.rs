//! What the probes see and how the mail server answers: a pure function of the scenario, the
//! instant and the seed. It replaces the network, and nothing else.

use std::time::Duration;

use domain::catalogue::Probe;
use domain::event::Delivery;
use domain::id::{ProbeId, Source};
use domain::sample::{Outcome, Phases, Reason, Sample};
use jiff::Timestamp;

use super::scenario::{Answer, Scenario, Seen, Struck};

/// SplitMix64: one step of a generator whose stream is its counter, so that a number depends on
/// what it is for and never on how many were drawn before (Steele, Lea, Flood, 2014).
fn mixed(mut state: u64) -> u64 {
    state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

/// A number for one purpose: the same for the same seed, probe and instant.
fn drawn(seed: u64, probe: &ProbeId, at: Timestamp) -> u64 {
    let mut state = mixed(seed);
    for byte in probe.as_str().bytes() {
        state = mixed(state ^ u64::from(byte));
    }
    mixed(state ^ at.as_microsecond().unsigned_abs())
}

/// The sample of a probe that starts at `at` for a slot at `at`; `None` where the scenario says
/// that the monitor gets none.
pub(super) fn ask(
    scenario: &Scenario,
    probe: &Probe,
    source: Source,
    at: Timestamp,
) -> Option<Sample> {
    let struck = scenario.faults.iter().rev().find(|fault| {
        fault.span.contains(at)
            && match &fault.struck {
                Struck::System(system) => system.as_str() == probe.id.system(),
                Struck::Probe(id) => *id == probe.id,
            }
    });
    let (outcome, reason) = match struck.map(|fault| fault.seen) {
        None => (Outcome::Up, None),
        Some(Seen::Sample(outcome, reason)) => (outcome, reason),
        Some(Seen::Nothing) => return None,
    };
    let timeout_us = u64::try_from(probe.timeout_ms)
        .unwrap_or(1)
        .saturating_mul(1_000);
    let took_us = took_us(
        outcome,
        reason,
        timeout_us,
        drawn(scenario.seed, &probe.id, at),
    );
    Some(Sample {
        source,
        at,
        late_us: 0,
        outcome,
        reason,
        detail: reason.map(|reason| format!("simulated: {reason}")),
        took_us,
        phases: phases(probe, outcome, reason, took_us),
        status: status(probe, outcome, reason),
        certificate_ends_at: None,
    })
}

/// From 20 to 60 ms for an answer, with a tail; a refusal is quick, a timeout takes it all.
fn took_us(outcome: Outcome, reason: Option<Reason>, timeout_us: u64, drawn: u64) -> u64 {
    let usual = 20_000 + drawn % 40_000;
    let tail = if drawn.is_multiple_of(50) { usual } else { 0 };
    let took = match (outcome, reason) {
        (Outcome::Down, Some(Reason::Timeout)) => timeout_us,
        (Outcome::Down, Some(Reason::Refused | Reason::Unreachable | Reason::Dns)) => {
            800 + drawn % 1_200
        }
        (Outcome::Degraded, Some(Reason::Slow)) => 2_200_000 + drawn % 1_500_000,
        _ => usual + tail,
    };
    took.min(timeout_us)
}

/// A plausible split that adds up; only the parts that were reached.
fn phases(probe: &Probe, outcome: Outcome, reason: Option<Reason>, took_us: u64) -> Phases {
    let whole = |phase: fn(&mut Phases) -> &mut Option<u64>| {
        let mut phases = Phases::default();
        *phase(&mut phases) = Some(took_us);
        phases
    };
    match (outcome, reason) {
        (Outcome::Down, Some(Reason::Dns)) => whole(|p| &mut p.resolve_us),
        (Outcome::Down, Some(Reason::Refused | Reason::Unreachable)) => {
            whole(|p| &mut p.connect_us)
        }
        _ if probe.kind != "http" => whole(|p| &mut p.connect_us),
        _ => {
            let part = took_us / 10;
            Phases {
                resolve_us: Some(part / 2),
                connect_us: Some(part),
                tls_us: None,
                processing_us: Some(took_us - part / 2 - 2 * part),
                transfer_us: Some(part),
            }
        }
    }
}

fn status(probe: &Probe, outcome: Outcome, reason: Option<Reason>) -> Option<u16> {
    match (outcome, reason) {
        _ if probe.kind != "http" => None,
        (Outcome::Up | Outcome::Degraded, _) => Some(200),
        (Outcome::Down, Some(Reason::Status)) => Some(503),
        (Outcome::Down, Some(Reason::Body)) => Some(200),
        _ => None,
    }
}

/// How an attempt ends that begins at `at`.
pub(super) fn post(scenario: &Scenario, recipient: &str, at: Timestamp) -> Answer {
    let struck = scenario.mail.iter().rev().find(|weather| {
        weather.span.contains(at) && weather.recipient.as_deref().is_none_or(|r| r == recipient)
    });
    struck.map_or_else(
        || Answer {
            result: Delivery::Accepted,
            reply: "250 simulated".to_owned(),
            unreached: false,
            took: Duration::from_millis(200),
        },
        |weather| weather.answer.clone(),
    )
}

//! Replaces the network: samples and mail answers are pure functions of scenario, instant and seed.

use domain::catalogue::Active;
use domain::id::{ProbeId, Source};
use domain::notice::Address;
use domain::sample::{Outcome, Phases, Reason, Sample};
use jiff::Timestamp;

use crate::notices::webhook_meaning;

use super::scenario::{Answer, Effect, Scenario};

/// One step of SplitMix64 (Steele, Lea, Flood, 2014). A number depends on its purpose, never on how
/// many numbers were drawn before.
fn mixed(mut state: u64) -> u64 {
    state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

/// The random numbers of one probe: the same for the same seed, probe and instant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draws(u64);

impl Draws {
    pub(super) fn of(seed: u64, probe: &ProbeId) -> Self {
        let mut state = mixed(seed);
        for byte in probe.as_str().bytes() {
            state = mixed(state ^ u64::from(byte));
        }
        Self(state)
    }

    fn at(self, at: Timestamp) -> u64 {
        mixed(self.0 ^ at.as_microsecond().unsigned_abs())
    }
}

/// The sample of a probe that starts at `at`; `None` if `effect` lets the monitor get none.
pub(super) fn sample(
    draws: Draws,
    active: &Active,
    source: &Source,
    effect: Option<Effect>,
    at: Timestamp,
) -> Option<Sample> {
    let (outcome, reason) = match effect {
        None => (Outcome::Up, None),
        Some(Effect::Sample(outcome, reason)) => (outcome, reason),
        Some(Effect::Nothing) => return None,
    };
    let timeout_us = u64::try_from(active.timeout_ms)
        .unwrap_or(1)
        .saturating_mul(1_000);
    let took_us = took_us(outcome, reason, timeout_us, draws.at(at));
    Some(Sample {
        source: source.clone(),
        at,
        late_us: 0,
        outcome,
        reason,
        detail: reason.map(|reason| format!("simulated: {reason}")),
        took_us,
        phases: phases(&active.kind, outcome, reason, took_us),
        status: status(&active.kind, outcome, reason),
        certificate_ends_at: None,
        certificate_ends_soon: false,
        clock_offset_us: None,
    })
}

/// The duration in microseconds: 20 to 60 ms for an answer, with a tail; 1 or 2 ms for a refusal.
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

/// A plausible split of the duration into the phases that were reached.
fn phases(kind: &str, outcome: Outcome, reason: Option<Reason>, took_us: u64) -> Phases {
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
        _ if kind != "http" => whole(|p| &mut p.connect_us),
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

fn status(kind: &str, outcome: Outcome, reason: Option<Reason>) -> Option<u16> {
    match (outcome, reason) {
        _ if kind != "http" => None,
        (Outcome::Up | Outcome::Degraded, _) => Some(200),
        (Outcome::Down, Some(Reason::Status)) => Some(503),
        (Outcome::Down, Some(Reason::Body)) => Some(200),
        _ => None,
    }
}

/// The end of a delivery attempt that begins at `at`. A behaviour without a recipient is the mail server's.
pub(super) fn answer(scenario: &Scenario, recipient: &Address, at: Timestamp) -> Answer {
    let is_mail = recipient.is_mail();
    let name = recipient.to_string();
    let target = scenario.mail.iter().rev().find(|behaviour| {
        let named = behaviour.recipient.as_ref();
        behaviour.span.contains(at) && named.map_or(is_mail, |named| *named == name)
    });
    let usual = || Answer::of_code(if is_mail { 250 } else { 200 });
    let answer = target.map_or_else(usual, |behaviour| behaviour.answer.clone());
    match (answer.code, is_mail) {
        (Some(code), false) => Answer {
            result: webhook_meaning(code).0,
            unreached: false,
            ..answer
        },
        (None, false) => Answer {
            unreached: false,
            ..answer
        },
        (_, true) => answer,
    }
}

//! Probes: what detection must know, and what running them needs. What the prober itself refuses
//! is told at the key it names.

use std::time::Duration;

use domain::catalogue::{Affects, Probe};
use domain::id::{ProbeId, SystemId};

use super::{Around, http, length, spoken};
use crate::config::ProbeSetup;
use crate::config::mistakes::Page;
use crate::config::raw::probe::{Affects as RawAffects, Common, Tcp};
use crate::config::read::{Own, Probe as AsWritten};
use crate::config::values::Length;
use crate::config::words::{As, At, Written};

const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);
const LONGEST_INTERVAL: Duration = Duration::from_secs(86_400);
const TIMEOUT: Duration = Duration::from_secs(10);
const RETRY_INTERVAL: Duration = Duration::from_secs(5);
const FAILURES: u32 = 3;
const RECOVERIES: u32 = 2;

struct Times {
    interval: Duration,
    timeout: Duration,
    retry_interval: Duration,
    /// Whether the timeout is what its writer meant, so that others can be held against it.
    timeout_is_known: bool,
}

/// The probe, if all of it could be read.
pub(super) fn probe(
    page: &mut Page<'_>,
    written: &AsWritten,
    system: &SystemId,
    around: &Around<'_>,
) -> Option<(Probe, ProbeSetup)> {
    let before = page.count();
    let common = &written.common;
    let name = page.read(common.name.get());
    let times = times(page, written);
    let timeout = times
        .as_ref()
        .filter(|times| times.timeout_is_known)
        .map(|times| times.timeout);
    let spec = match &written.own {
        Own::Http(raw) => {
            http::http(page, raw, &written.at, timeout, around).map(probes::Spec::Http)
        }
        Own::Tcp(raw) => tcp(page, raw, timeout).map(probes::Spec::Tcp),
        Own::Unknown => None,
    };
    let (times, spec) = (times?, spec?);
    if page.count() == before {
        runnable(page, written, &spec);
    }
    let id = ProbeId::of(system, &name?);
    let probe = Probe {
        id: id.clone(),
        kind: common.kind.get()?.value.0.clone(),
        interval_ms: ms(times.interval),
        retry_interval_ms: ms(times.retry_interval),
        timeout_ms: ms(times.timeout),
        failures: common
            .failures
            .as_ref()
            .map_or(FAILURES, |failures| failures.value),
        recoveries: common
            .recoveries
            .as_ref()
            .map_or(RECOVERIES, |recoveries| recoveries.value),
        affects: match common.affects.as_ref().map(|affects| affects.value) {
            None | Some(RawAffects::Availability) => Affects::Availability,
            Some(RawAffects::Degradation) => Affects::Degradation,
        },
    };
    let setup = ProbeSetup {
        id,
        spec,
        interval: times.interval,
        retry_interval: times.retry_interval,
        timeout: times.timeout,
    };
    Some((probe, setup))
}

/// Asks the prober whether it would run this, and tells what it refuses where it stands.
fn runnable(page: &mut Page<'_>, written: &AsWritten, spec: &probes::Spec) {
    if let Err(refused) = probes::Probe::new(spec.clone()) {
        let at = match &written.own {
            Own::Http(raw) => http::place(raw, refused.key),
            Own::Tcp(raw) => match refused.key {
                "host" => raw.host.get().map(|host| host.at.clone()),
                "port" => raw.port.get().map(|port| port.at.clone()),
                "degraded_after" => raw.degraded_after.as_ref().map(|after| after.at.clone()),
                _ => None,
            },
            Own::Unknown => None,
        };
        page.wrong(
            &at.unwrap_or_else(|| written.at.clone()),
            refused.to_string(),
        );
    }
}

/// Milliseconds of a length that is at most ten years.
fn ms(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}

fn times(page: &mut Page<'_>, written: &AsWritten) -> Option<Times> {
    let (common, at): (&Common, &At) = (&written.common, &written.at);
    let longest = Some((LONGEST_INTERVAL, "a probe's interval may be"));
    let interval = length(page, common.interval.get(), SHORTEST_INTERVAL, longest);
    let most = interval.map(|interval| (interval, "the interval"));
    let timeout = length(
        page,
        common.timeout.as_ref(),
        Duration::from_millis(1),
        most,
    );
    let retry = length(
        page,
        common.retry_interval.as_ref(),
        SHORTEST_INTERVAL,
        most,
    );
    let interval = interval?;
    let left_out = common.timeout.is_none() && !page.spoilt(at, "timeout");
    Some(Times {
        interval,
        timeout: timeout.unwrap_or(TIMEOUT).min(interval),
        retry_interval: retry.unwrap_or(RETRY_INTERVAL).min(interval),
        timeout_is_known: timeout.is_some() || left_out,
    })
}

fn tcp(page: &mut Page<'_>, raw: &Tcp, timeout: Option<Duration>) -> Option<probes::tcp::Spec> {
    let host = page.read(raw.host.get());
    let degraded_after = slow(page, raw.degraded_after.as_ref(), timeout);
    Some(probes::tcp::Spec {
        host: host?,
        port: raw.port.get()?.value,
        timeout: timeout?,
        degraded_after,
    })
}

/// A threshold that the timeout leaves a chance.
pub(super) fn slow(
    page: &mut Page<'_>,
    written: Option<&Written<As<Length>>>,
    timeout: Option<Duration>,
) -> Option<Duration> {
    let at = &written?.at;
    let after = length(page, written, Duration::from_millis(1), None)?;
    if let Some(timeout) = timeout.filter(|timeout| after >= *timeout) {
        page.wrong(
            at,
            format!("this never comes: the timeout is {}", spoken(timeout)),
        );
        return None;
    }
    Some(after)
}

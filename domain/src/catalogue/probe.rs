//! A probe as the ledger stores it: what detection and scheduling must know. The checks of an
//! active probe (addresses, expectations) stay in the configuration.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::id::{CustomerId, ProbeId};
use crate::policy::Hours;

/// The effect of a probe's failure on its system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Affects {
    /// The system is down while the probe is.
    #[default]
    Availability,
    /// The system is degraded while the probe is down or degraded.
    Degradation,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// `system/name`.
    pub id: ProbeId,
    pub affects: Affects,
    pub method: Method,
    /// The customers whom its failure affects; empty for all customers of the system.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub customers: BTreeSet<CustomerId>,
}

/// How the samples of a probe come about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Method {
    Active(Active),
    Heartbeat(Heartbeat),
}

/// Nines asks the system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Active {
    /// `http`, `tcp`, …
    pub kind: String,
    /// Between starts.
    pub interval_ms: i64,
    /// Between starts after a first bad sample, until it is confirmed or cleared.
    pub retry_interval_ms: i64,
    /// The longest time that one run may take.
    pub timeout_ms: i64,
    /// Bad samples in a row that confirm.
    pub failures: u32,
    /// Good samples in a row that clear.
    pub recoveries: u32,
}

/// The system calls Nines. `crate::heartbeat` says when the next beat is due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// The longest time between two beats.
    pub every_ms: i64,
    /// How much later a beat may still come.
    pub grace_ms: i64,
    /// The hours in which beats are expected; `None` is all.
    pub expected: Option<Hours>,
}

impl Probe {
    /// The check that Nines runs for it; `None` for a heartbeat, which is never scheduled.
    pub fn active(&self) -> Option<&Active> {
        match &self.method {
            Method::Active(active) => Some(active),
            Method::Heartbeat(_) => None,
        }
    }

    /// The kind as configured: `http`, `tcp`, …, `heartbeat`.
    pub fn kind(&self) -> &str {
        self.active().map_or("heartbeat", |active| &active.kind)
    }

    /// The time between two samples: how exactly the edges of its outages are known.
    pub fn interval_ms(&self) -> i64 {
        match &self.method {
            Method::Active(active) => active.interval_ms,
            Method::Heartbeat(heartbeat) => heartbeat.every_ms,
        }
    }

    /// The longest time that one sample covers: two and a half intervals, or the
    /// period of a heartbeat.
    pub fn coverage_ms(&self) -> i64 {
        match &self.method {
            Method::Active(active) => active.interval_ms.saturating_mul(5) / 2,
            Method::Heartbeat(heartbeat) => heartbeat.every_ms,
        }
    }

    /// How long after it is due a sample may still come.
    pub fn longest_delay_ms(&self) -> i64 {
        match &self.method {
            Method::Active(active) => active.timeout_ms,
            Method::Heartbeat(heartbeat) => heartbeat.grace_ms,
        }
    }

    /// Bad samples in a row that confirm, at least 1. The silence of a heartbeat needs no second one.
    pub fn failures(&self) -> u32 {
        self.active().map_or(1, |active| active.failures.max(1))
    }

    /// Good samples in a row that clear, at least 1. One beat is enough.
    pub fn recoveries(&self) -> u32 {
        self.active().map_or(1, |active| active.recoveries.max(1))
    }

    /// How long after a good sample began that ends an outage the end may be confirmed: the probe keeps its slots while
    /// it is down.
    pub fn longest_confirmation_ms(&self) -> i64 {
        let more = i64::from(self.recoveries() - 1);
        more * self.interval_ms() + self.longest_delay_ms()
    }

    /// The longest time from the first good sample to the one that clears, while the probe is retried.
    pub fn recovery_ms(&self) -> i64 {
        let more = i64::from(self.recoveries() - 1);
        self.active().map_or(0, |active| {
            more * (active.retry_interval_ms + active.timeout_ms)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heartbeat_has_its_own_limits_and_no_schedule() {
        let probe = Probe {
            id: "claims/nightly".into(),
            affects: Affects::Availability,
            method: Method::Heartbeat(Heartbeat {
                every_ms: 86_400_000,
                grace_ms: 3_600_000,
                expected: None,
            }),
            customers: BTreeSet::new(),
        };
        assert_eq!(probe.active(), None);
        assert_eq!(probe.kind(), "heartbeat");
        assert_eq!((probe.failures(), probe.recoveries()), (1, 1));
        assert_eq!(
            (probe.interval_ms(), probe.coverage_ms()),
            (86_400_000, 86_400_000)
        );
        assert_eq!(
            (probe.longest_delay_ms(), probe.recovery_ms()),
            (3_600_000, 0)
        );
    }
}

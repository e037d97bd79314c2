//! When a monitor is asked, and how many results confirm an outage.

use super::monitor::Monitor;
use crate::keys::Keys;
use crate::length::{spelt, within};
use crate::output::Imported;

/// The types whose time limit people set.
const LIMITED: [&str; 5] = ["http", "keyword", "json-query", "ping", "websocket-upgrade"];

impl Monitor<'_> {
    /// `interval`, `timeout`, `failures`, `retry_interval` and `recoveries`. One good result ends an outage there.
    pub(super) fn schedule(&self, kind: &str, keys: &mut Keys, imported: &mut Imported) {
        let interval = self.interval_ms(imported);
        keys.set("interval", spelt(interval));
        let kuma_type = self.record.text("type").unwrap_or_default();
        if kind == "http" || LIMITED.contains(&kuma_type.as_str()) {
            // Without a limit of its own a monitor has four fifths of its interval.
            let own = self.record.number("timeout").and_then(milliseconds);
            let limit = own.unwrap_or(interval / 5 * 4);
            match limit <= interval {
                true => keys.set("timeout", spelt(limit)),
                false => {
                    let why = "longer than the interval: the default is used";
                    self.leave(imported, "timeout", why);
                }
            }
        }
        let retries = self.retries();
        match retries < 100 {
            true => keys.set("failures", retries + 1),
            false => {
                keys.set("failures", 100);
                self.leave(imported, "maxretries", "Nines retries 99 times at most");
            }
        }
        keys.set("recoveries", 1);
        if retries > 0 {
            let retry = self.retry_ms().unwrap_or(interval);
            if retry > interval {
                let why = "longer than the interval: the interval is used";
                self.leave(imported, "retry_interval", why);
            }
            keys.set("retry_interval", spelt(retry.min(interval)));
        }
    }

    /// `period` and `grace` of a heartbeat. Uptime Kuma waits a second more, then for each of its retries.
    pub(super) fn period(&self, keys: &mut Keys, imported: &mut Imported) {
        let interval = self.interval_ms(imported);
        let retry = self.retry_ms().unwrap_or(interval);
        let retries = u64::try_from(self.retries()).unwrap_or(0);
        keys.set("period", spelt(interval));
        keys.set(
            "grace",
            spelt(1_000 + retry.saturating_mul(retries).min(86_400_000)),
        );
    }

    fn interval_ms(&self, imported: &mut Imported) -> u64 {
        let interval = self.record.number("interval").and_then(milliseconds);
        interval.unwrap_or_else(|| {
            let why = "not an interval from 1 second to 7 days: a minute is used";
            self.leave(imported, "interval", why);
            60_000
        })
    }

    fn retries(&self) -> i64 {
        self.record.whole("maxretries").unwrap_or(0).clamp(0, 1_000)
    }

    /// `None` if it is the interval.
    fn retry_ms(&self) -> Option<u64> {
        self.record.number("retry_interval").and_then(milliseconds)
    }
}

/// Seconds as milliseconds. `None` for zero and lengths that Nines does not take.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Bounded before.
fn milliseconds(seconds: f64) -> Option<u64> {
    let ms = (seconds * 1_000.0).round();
    (1.0..1e12)
        .contains(&ms)
        .then_some(ms as u64)
        .and_then(within)
}

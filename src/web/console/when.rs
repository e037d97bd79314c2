//! Times as the console shows them: in the service's zone, with its abbreviation.

use domain::report::words;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

/// An instant, for people and for the attribute `datetime`, in whole seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct When {
    pub iso: String,
    /// `Mon 30 Nov 2026 03:11:05 EST`.
    pub text: String,
    /// `in 25min`, `3h 10min ago`.
    pub apart: String,
}

/// The zone of the service, and the present.
#[derive(Clone)]
pub struct Times {
    zone: TimeZone,
    now: Timestamp,
}

impl Times {
    pub fn new(zone: TimeZone, now: Timestamp) -> Self {
        Self { zone, now }
    }

    pub fn now(&self) -> Timestamp {
        self.now
    }

    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    pub fn at(&self, at: Timestamp) -> When {
        let local = at.to_zoned(self.zone.clone());
        let seconds = at.duration_since(self.now).as_secs();
        let apart = match seconds {
            0.. => format!("in {}", coarse(seconds)),
            _ => format!("{} ago", coarse(-seconds)),
        };
        When {
            iso: format!("{at:.0}"),
            text: local.strftime("%a %-d %b %Y %H:%M:%S %Z").to_string(),
            apart,
        }
    }

    pub fn maybe(&self, at: Option<Timestamp>) -> Option<When> {
        at.map(|at| self.at(at))
    }
}

/// A length of time as a person needs it: seconds matter in the last ten minutes, days after two of them.
fn coarse(seconds: i64) -> String {
    match seconds {
        0..600 => words::length(seconds),
        600..3_600 => format!("{}\u{a0}min", seconds / 60),
        3_600..172_800 => format!(
            "{}\u{a0}h\u{a0}{:02}\u{a0}min",
            seconds / 3_600,
            seconds / 60 % 60
        ),
        _ => format!("{}\u{a0}days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_as_exact_as_it_is_near() {
        for (seconds, shown) in [
            (12, "12 s"),
            (599, "9 min 59 s"),
            (3_599, "59 min"),
            (11_410, "3 h 10 min"),
            (172_800, "2 days"),
            (2_842_684, "32 days"),
        ] {
            assert_eq!(coarse(seconds).replace('\u{a0}', " "), shown);
        }
    }
}

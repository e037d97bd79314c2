//! The feeds of a simulation: each calls once a period, in its expected hours, unless a fault silences it.

use domain::calendar;
use domain::catalogue::Heartbeat;
use domain::id::{ProbeId, Source};
use domain::sample::{Outcome, Phases, Sample};
use domain::schedule::Grid;
use domain::span::{Span, instant, second};
use jiff::{SignedDuration, Timestamp};

use super::scenario::Effect;

/// How far ahead the next expected hours are searched.
const LOOK_AHEAD: SignedDuration = SignedDuration::from_hours(40 * 24);

/// The first beat at or after `from`. Without expected hours it is a slot of the period; with them the first beat comes
/// half a period after they open, or in their middle if they are shorter, and the others a period apart. `None` if the
/// hours do not open again.
pub(super) fn next_beat(id: &ProbeId, heartbeat: &Heartbeat, from: Timestamp) -> Option<Timestamp> {
    let Some(hours) = &heartbeat.expected else {
        return Some(Grid::of(id, heartbeat.every_ms).at_or_after(from));
    };
    let period_s = (heartbeat.every_ms / 1000).max(1);
    // Hours that are open already began within the last week.
    let week = SignedDuration::from_hours(8 * 24);
    let over = Span::new(
        from.checked_sub(week).ok()?,
        from.checked_add(LOOK_AHEAD).ok()?,
    );
    let open = calendar::open(hours, over).ok()?;
    let from_s = second(from) + i64::from(from.subsec_nanosecond() > 0);
    let beats = open.iter().filter_map(|(opens, closes)| {
        let first = opens + period_s.min(closes - opens) / 2;
        let periods = ((from_s - first).max(0) + period_s - 1) / period_s;
        Some(first + periods * period_s).filter(|beat| *beat < closes)
    });
    beats.min().map(instant)
}

/// The beat at `at`; `None` while a fault silences the feed. A slow feed still calls.
pub(super) fn beat(source: &Source, effect: Option<Effect>, at: Timestamp) -> Option<Sample> {
    let silent = match effect {
        None => false,
        Some(Effect::Nothing) => true,
        Some(Effect::Sample(outcome, _)) => outcome != Outcome::Degraded,
    };
    (!silent).then(|| Sample {
        source: source.clone(),
        at,
        late_us: 0,
        outcome: Outcome::Up,
        reason: None,
        detail: None,
        took_us: 0,
        phases: Phases::default(),
        status: None,
        certificate_ends_at: None,
        certificate_ends_soon: false,
        clock_offset_us: None,
    })
}

#[cfg(test)]
mod tests {
    use domain::policy::Hours;
    use jiff::civil::{Weekday, time};

    use super::*;

    #[test]
    fn a_batch_comes_in_the_middle_of_its_hours_and_a_live_feed_each_period() {
        let friday = |hours: (i8, i8), every_s: i64| Heartbeat {
            every_ms: every_s * 1000,
            grace_ms: 1000,
            expected: Some(Hours::on(
                [Weekday::Friday],
                time(hours.0, 0, 0, 0),
                time(hours.1, 0, 0, 0),
                "UTC",
            )),
        };
        let id = ProbeId::from("feed/f");
        let beats = |heartbeat: &Heartbeat, count: usize| {
            let mut from: Timestamp = "2026-10-01T12:00:00Z".parse().unwrap();
            let mut all = Vec::new();
            for _ in 0..count {
                let beat = next_beat(&id, heartbeat, from).unwrap();
                all.push(beat.to_string());
                from = beat + SignedDuration::from_nanos(1);
            }
            all
        };
        assert_eq!(
            beats(&friday((6, 7), 86_400), 2),
            ["2026-10-02T06:30:00Z", "2026-10-09T06:30:00Z"]
        );
        assert_eq!(
            beats(&friday((6, 8), 2_400), 4),
            [
                "2026-10-02T06:20:00Z",
                "2026-10-02T07:00:00Z",
                "2026-10-02T07:40:00Z",
                "2026-10-09T06:20:00Z"
            ]
        );
    }
}

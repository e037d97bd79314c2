//! The life of a committee's reports: when a draft is announced, when the committee meets, who approves.

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::calendar::{Edge, Month, local, shift};

/// How long after the draft a report is due without a `meeting`.
const WITHOUT_MEETING: SignedDuration = SignedDuration::from_hours(5 * 24);

/// When the reports of a committee are drafted, discussed and approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reporting {
    /// When the draft of a month is announced; `None` announces no draft.
    pub draft: Option<DayTime>,
    /// When the committee meets. `None`: five days after the draft.
    pub meeting: Option<DayTime>,
    /// How long before the meeting people are reminded of missing texts, in seconds.
    pub remind_s: Vec<i64>,
    /// The contacts that may approve; empty: any named person.
    pub approvers: Vec<String>,
    /// True if the approver may have written none of the month's texts.
    pub second_person: bool,
}

impl Default for Reporting {
    fn default() -> Self {
        Self {
            draft: None,
            meeting: None,
            remind_s: vec![5 * 86_400, 86_400],
            approvers: Vec::new(),
            second_person: true,
        }
    }
}

impl Reporting {
    /// True if nothing is configured. An older stored configuration has no such part.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// The dates of the report of `month`; `None` if no draft is announced.
    pub fn agenda(&self, month: Month, zone: &TimeZone) -> Option<Agenda> {
        let draft = self.draft?;
        let drafted_at = draft.after(month, zone);
        let meeting_at = match self.meeting {
            Some(meeting) => meeting.after(month, zone),
            None => drafted_at.checked_add(WITHOUT_MEETING).ok()?,
        };
        let before = |s: &i64| meeting_at.checked_sub(SignedDuration::from_secs(*s)).ok();
        let reminders = self.remind_s.iter().filter_map(before);
        // A reminder at the draft or before it would say the same as the draft.
        let mut reminders: Vec<Timestamp> = reminders
            .filter(|at| drafted_at < *at && *at < meeting_at)
            .collect();
        reminders.sort_unstable();
        reminders.dedup();
        Some(Agenda {
            drafted_at,
            reminders,
            meeting_at,
        })
    }
}

/// A local day of a month and a time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayTime {
    /// 1 to 31. A day beyond the month's end is its last day.
    pub day: i8,
    pub time: Time,
}

impl DayTime {
    /// The instant in the month that follows `month`.
    fn after(self, month: Month, zone: &TimeZone) -> Timestamp {
        let first = month.next().first();
        let last = shift(month.next().next().first(), -1);
        let day = shift(first, i64::from(self.day) - 1).min(last);
        local(day, self.time, zone, Edge::Start)
    }
}

/// The dates of one report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agenda {
    pub drafted_at: Timestamp,
    /// Between the draft and the meeting, in order.
    pub reminders: Vec<Timestamp>,
    pub meeting_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use jiff::civil::time;

    use super::*;

    fn agenda(reporting: &Reporting, month: &str) -> Vec<String> {
        let zone = crate::calendar::zone("America/New_York").unwrap();
        let agenda = reporting.agenda(month.parse().unwrap(), &zone).unwrap();
        let all = std::iter::once(agenda.drafted_at);
        let all = all.chain(agenda.reminders).chain([agenda.meeting_at]);
        all.map(|at| {
            at.to_zoned(zone.clone())
                .strftime("%-d %b %H:%M")
                .to_string()
        })
        .collect()
    }

    #[test]
    fn a_draft_and_its_reminders_lie_in_the_month_after() {
        let at = |day, hour| {
            Some(DayTime {
                day,
                time: time(hour, 0, 0, 0),
            })
        };
        let reporting = Reporting {
            draft: at(1, 8),
            meeting: at(15, 14),
            ..Reporting::default()
        };
        assert_eq!(
            agenda(&reporting, "2026-10"),
            [
                "1 Nov 08:00",
                "10 Nov 14:00",
                "14 Nov 14:00",
                "15 Nov 14:00"
            ]
        );
        // A day beyond the month's end is its last.
        let late = Reporting {
            meeting: at(31, 14),
            ..reporting.clone()
        };
        assert_eq!(agenda(&late, "2027-01").last().unwrap(), "28 Feb 14:00");
        // Without a meeting, five days after the draft; the reminder five days before would be the draft.
        let open = Reporting {
            meeting: None,
            ..reporting
        };
        assert_eq!(
            agenda(&open, "2026-11"),
            ["1 Dec 08:00", "5 Dec 08:00", "6 Dec 08:00"]
        );
        assert_eq!(
            Reporting::default().agenda("2026-10".parse().unwrap(), &TimeZone::UTC),
            None
        );
    }
}

//! The keys of `[[committee]]` about the life of its reports.

use domain::catalogue::{DayTime, Reporting};
use schemars::JsonSchema;
use serde::Deserialize;
use values::{ClockTime, Id, Parsed, Seconds, Source, Written};

use super::fields::{Names, reference};

/// The keys as a committee writes them.
pub(super) struct ReportingKeys {
    pub draft: Option<Written<DayTimeTable>>,
    pub meeting: Option<Written<DayTimeTable>>,
    pub remind: Option<Vec<Parsed<Seconds>>>,
    pub approvers: Vec<Parsed<Id>>,
    pub second_person: Option<Written<bool>>,
}

/// A day of the month after the reported one, and a time of day in the committee's zone.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DayTimeTable {
    /// The day of the month after the reported one; a day beyond that month's end is its last day.
    #[schemars(range(min = 1, max = 31))]
    day: Written<i8>,
    /// The local time of day.
    time: Parsed<ClockTime>,
}

impl DayTimeTable {
    fn read(&self) -> DayTime {
        DayTime {
            day: self.day.value,
            time: self.time.value,
        }
    }

    fn is_stand_in(&self) -> bool {
        self.day.is_stand_in() || self.time.is_stand_in()
    }
}

pub(super) fn reporting(
    source: &mut Source<'_>,
    keys: ReportingKeys,
    contacts: &Names,
    has_mail: bool,
) -> Reporting {
    let usual = Reporting::default();
    for approver in &keys.approvers {
        reference(source, approver, "contact", contacts);
    }
    let approvers = keys.approvers.into_iter().map(|id| (id.value, id.at));
    let approvers: Vec<(String, _)> = approvers.collect();
    source.no_repeats(&approvers);
    match (&keys.draft, &keys.meeting, &keys.remind) {
        (Some(draft), meeting, _) => {
            if !has_mail {
                let why = "people are told of a draft by mail: this file lacks `[mail]`";
                source.wrong(&draft.at, why);
            }
            if let Some(meeting) = meeting
                && !draft.value.is_stand_in()
                && !meeting.value.is_stand_in()
                && (meeting.read().day, meeting.read().time)
                    <= (draft.read().day, draft.read().time)
            {
                source.wrong(&meeting.at, "the meeting must come after the draft");
            }
        }
        (None, Some(meeting), _) => {
            source.warn(
                &meeting.at,
                "this `meeting` has no effect without a `draft`",
            );
        }
        (None, None, Some(remind)) => {
            if let Some(first) = remind.first() {
                source.warn(
                    &first.at,
                    "these reminders have no effect without a `draft`",
                );
            }
        }
        (None, None, None) => {}
    }
    let remind_s = keys.remind.map(|all| all.iter().map(|s| s.value).collect());
    Reporting {
        draft: keys.draft.map(|draft| draft.read()),
        meeting: keys.meeting.map(|meeting| meeting.read()),
        remind_s: remind_s.unwrap_or(usual.remind_s),
        approvers: approvers.into_iter().map(|(id, _)| id).collect(),
        second_person: keys.second_person.map_or(usual.second_person, |s| s.value),
    }
}

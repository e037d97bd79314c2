//! The numbers behind the figures of service desks.

use super::{Explained, Number, Subject, table};
use crate::report::desk::DeskDay;
use crate::report::model::Report;
use crate::report::scope::Scope;

pub(super) fn of(scope: &Scope<'_>, report: &Report, all: &mut Explained) {
    all.begin(Subject {
        key: "desk".to_owned(),
        id: "desk".to_owned(),
        name: "Service desk".to_owned(),
        ..Subject::default()
    });
    for (place, line) in report.desk.iter().enumerate() {
        let of_policy = || {
            scope
                .systems
                .values()
                .filter_map(|overseen| overseen.policy)
        };
        let policy = of_policy().find(|policy| policy.id.as_str() == line.policy);
        let objective = policy.and_then(|policy| policy.commitments.desk);
        let each = |count: fn(&DeskDay) -> u64| {
            let whole = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
            Number::Wholes(line.days.iter().map(|day| whole(count(day))).collect())
        };
        let key = format!("desk.{place}");
        all.add(&key, table::DESK, line, &|name| {
            Some(match name {
                "share_ppm" => Number::Whole(i64::from(objective?.share_ppm)),
                "within_of_policy" => Number::Whole(objective?.answer_within_s),
                "calls_each" => each(|day| day.calls),
                "answered_each" => each(|day| day.answered),
                "answered_within_each" => each(|day| day.answered_within),
                "abandoned_each" => each(|day| day.abandoned),
                "out_of_hours_each" => each(|day| day.out_of_hours_calls),
                _ => return None,
            })
        });
        for day in &line.days {
            let key = format!("{key}.days.{}", day.date);
            let counted = |n: u64| Some(Number::Whole(i64::try_from(n).unwrap_or(i64::MAX)));
            all.add(&key, table::DESK_DAY, day, &|name| match name {
                "counted_calls" => counted(day.calls),
                "counted_answered" => counted(day.answered),
                "counted_within" => counted(day.answered_within),
                "counted_abandoned" => counted(day.abandoned),
                "counted_out_of_hours" => counted(day.out_of_hours_calls),
                _ => None,
            });
        }
    }
}

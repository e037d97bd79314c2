//! Business hours, holidays, severities, deadlines and escalation.

mod affected;
mod business_time;
mod clocks;
mod deadlines;
mod documented;
mod explain;
mod holidays;
mod properties;
mod running;
mod severities;

use domain::policy::{Holiday, Hours, LocalTime, YearDay, Yearly};
use jiff::Timestamp;
use jiff::civil::{Weekday, time};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn working_days() -> impl Iterator<Item = Weekday> {
    Weekday::Monday.cycle_forward().take(5)
}

/// Monday to Friday 07:00 to 19:00 in New York, closed on federal holidays, as HEALTHeLINK's desk.
fn eastern_day() -> Hours {
    let (open, close) = (time(7, 0, 0, 0), time(19, 0, 0, 0));
    Hours {
        holidays: vec![Holiday::UsFederal],
        ..Hours::on(working_days(), open, close, "America/New_York")
    }
}

/// Monday to Friday from 08:00 in New York to 17:00 in Los Angeles, closed on eight named days, of which only New
/// Year's Day is observed on another day, as EMR-Link's support.
fn coast_to_coast() -> Hours {
    let edge = |hour, zone: &str| LocalTime {
        time: time(hour, 0, 0, 0),
        zone: zone.to_owned(),
    };
    let (open, close) = (edge(8, "America/New_York"), edge(17, "America/Los_Angeles"));
    let fixed = |month, day| YearDay::Fixed { month, day };
    let nth = |nth, weekday, month| YearDay::NthWeekday {
        nth,
        weekday,
        month,
    };
    let thanksgiving = nth(4, Weekday::Thursday, 11);
    let days = [
        ("New Year's Day", fixed(1, 1), 0, true),
        ("Memorial Day", nth(-1, Weekday::Monday, 5), 0, false),
        ("Independence Day", fixed(7, 4), 0, false),
        ("Labor Day", nth(1, Weekday::Monday, 9), 0, false),
        ("Thanksgiving Day", thanksgiving, 0, false),
        ("Day after Thanksgiving Day", thanksgiving, 1, false),
        ("Christmas Eve", fixed(12, 24), 0, false),
        ("Christmas Day", fixed(12, 25), 0, false),
    ];
    let yearly = days.map(|(name, day, shift_d, observed)| {
        Holiday::Yearly(Yearly {
            name: name.to_owned(),
            day,
            shift_d,
            observed,
        })
    });
    Hours {
        holidays: yearly.to_vec(),
        ..Hours::between(working_days(), &open, &close)
    }
}

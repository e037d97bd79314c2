//! `nines maintenance list` and `export`.

use anyhow::Context as _;
use domain::id::{CustomerId, SystemId};
use domain::record::{Record, WindowStatus};
use domain::report::words;
use domain::span::Span;
use domain::windows::{Earned, Occurrence};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::calendar_feed::{self, Method};
use crate::cli::args::{Common, ExportMaintenance};
use crate::cli::client::Client;
use crate::cli::layout::{self, Listing, Times, plain};
use crate::cli::output::{self, print};
use crate::cli::{End, Failure};
use crate::{clock, config};

/// How far ahead recurring windows are listed.
const AHEAD: SignedDuration = SignedDuration::from_hours(31 * 24);

/// Lists current and coming windows: recurring ones within a month, one-off ones however far ahead.
pub fn list(common: &Common) -> Result<End, Failure> {
    let record = &Client::new(common)?.record(None)?.0;
    let times = &Times::new(record.zone());
    let now = clock::now();
    let windows = to_come(record, now)?;
    let outlook = |w: &Occurrence| record.window_status(&w.id, now);
    if common.json {
        let utc = &Times::new(TimeZone::UTC);
        let all: Vec<Value> = windows
            .iter()
            .map(|w| {
                let outlook = outlook(w);
                json!({
                    "window": w.id, "title": w.title, "systems": w.systems,
                    "start": w.span.from, "end": w.span.to, "max_downtime_s": w.max_downtime_s,
                    "announce_s": w.announce_s,
                    "earned": !w.earned_parts.is_empty(),
                    "why": plain(&why(&w.why, outlook.as_ref(), utc)),
                    "tell_by": outlook.as_ref().map(|o| o.tell_by),
                    "untold": outlook.map(|o| o.not_yet_told),
                })
            })
            .collect();
        return output::answer(&all);
    }
    let mut list = Listing::new();
    for w in &windows {
        let systems: Vec<&str> = w.systems.iter().map(|s| s.as_str()).collect();
        let allows = w.max_downtime_s.map_or_else(
            || "downtime during all of it".to_owned(),
            |s| format!("{} of downtime", words::length(s)),
        );
        let outlook = outlook(w);
        let is_open = outlook.as_ref().is_some_and(|o| !o.late);
        let counts = match (w.earned_parts.is_empty(), is_open) {
            (false, _) => "counts as planned: ",
            (true, true) => "does not count as planned yet: ",
            (true, false) => "does NOT count as planned: ",
        };
        let mut lines = vec![
            format!("{} to {}", times.at(w.span.from), times.at(w.span.to)),
            format!("{}, {}", w.id, w.title),
            format!("of {}; allows {allows}", systems.join(", ")),
            format!("{counts}{}", why(&w.why, outlook.as_ref(), times)),
        ];
        if !w.announce_s.is_empty() {
            let lengths: Vec<String> = w.announce_s.iter().map(|s| words::length(*s)).collect();
            lines.push(format!("reminders {} before it starts", lengths.join(", ")));
        }
        list.entry(lines);
    }
    print(&list.render(layout::width()))?;
    Ok(End::Done)
}

/// Writes the windows as an iCalendar object.
pub fn export(common: &Common, wanted: &ExportMaintenance) -> Result<End, Failure> {
    let record = &Client::new(common)?.record(None)?.0;
    let systems = || record.catalogue.systems.iter().map(|s| s.id.as_str());
    if let Some(id) = wanted.system.as_deref()
        && systems().all(|known| known != id)
    {
        return Err(Failure::Unknown(config::unknown("system", id, systems())));
    }
    let system = wanted.system.as_deref().map(SystemId::from);
    let method = match wanted.cancelled {
        true => Method::Cancel,
        false => Method::Publish,
    };
    let calendar = calendar_feed::calendar(record, system.as_ref(), method);
    match &wanted.out {
        Some(file) => {
            crate::files::replace(file, calendar.as_bytes())
                .with_context(|| format!("{} cannot be written", file.display()))?;
            output::print_error(file.display());
            if common.json {
                output::json(&json!({ "written": file, "bytes": calendar.len() }))?;
            }
        }
        None => output::bytes(calendar.as_bytes())?,
    }
    Ok(End::Done)
}

/// The windows of [`list`], in order.
fn to_come(record: &Record, now: Timestamp) -> Result<Vec<Occurrence>, jiff::Error> {
    let month = Span::new(now, now.checked_add(AHEAD)?);
    let again = record.catalogue.systems.iter();
    let again = again.flat_map(|s| record.windows_of(&s.id, month));
    let singles = record.maintenance.all_one_off().filter_map(|(id, single)| {
        let (_, window) = single.versions.last().filter(|(_, w)| now < w.end)?;
        let span = Span::new(now.max(window.start), window.end);
        let mut systems = window.systems.iter();
        systems.find_map(|s| record.windows_of(s, span).into_iter().find(|w| w.id == *id))
    });
    let mut windows: Vec<Occurrence> = Vec::new();
    for window in again.chain(singles) {
        if !windows.iter().any(|w| w.id == window.id) {
            windows.push(window);
        }
    }
    windows.sort_by(|a, b| (a.span, &a.id).cmp(&(b.span, &b.id)));
    Ok(windows)
}

/// The reason why downtime in a window counts as planned or not. If customers can still be notified, it
/// says who and by when.
fn why(earned: &Earned, outlook: Option<&WindowStatus>, times: &Times) -> String {
    let names = |customers: &[CustomerId]| {
        let names: Vec<&str> = customers.iter().map(|c| c.as_str()).collect();
        names.join(", ")
    };
    if let (Earned::NotTold(_), Some(outlook)) = (earned, outlook)
        && !outlook.late
    {
        return format!(
            "still to be notified by {}: {}",
            times.at(outlook.tell_by),
            names(&outlook.not_yet_told)
        );
    }
    match earned {
        Earned::Agreed(date) => format!("agreed {date}"),
        Earned::Known(at) => format!("known since {}", times.at(*at)),
        Earned::Told(at) => format!("all customers notified by {}", times.at(*at)),
        Earned::NotTold(customers) => format!("not notified in time: {}", names(customers)),
        Earned::TooLate => "configured too late for this occurrence".to_owned(),
        Earned::OutsideHours => "outside the hours that the policy allows".to_owned(),
        Earned::Cancelled => "cancelled".to_owned(),
    }
}

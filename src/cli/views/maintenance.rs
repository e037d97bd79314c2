//! `nines maintenance list`.

use domain::record::{Record, WindowStatus};
use domain::span::Span;
use domain::windows::{Earned, Occurrence};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::cli::args::Common;
use crate::cli::client::Client;
use crate::cli::layout::{self, Listing, instant, plain};
use crate::cli::output::{self, print};
use crate::cli::{End, Failure};
use crate::clock;

/// How far ahead recurring windows are listed.
const AHEAD: SignedDuration = SignedDuration::from_hours(31 * 24);

/// Lists current and coming windows: recurring ones within a month, one-off ones however far ahead.
pub fn list(common: &Common) -> Result<End, Failure> {
    let record = &Client::new(common)?.record(None)?.0;
    let now = clock::now();
    let windows = to_come(record, now)?;
    let outlook = |w: &Occurrence| record.window_status(&w.id, now);
    let why = |w: &Occurrence| why(&w.why, outlook(w).as_ref());
    if common.json {
        let all: Vec<Value> = windows
            .iter()
            .map(|w| {
                let outlook = outlook(w);
                json!({
                    "window": w.id, "title": w.title, "systems": w.systems,
                    "start": w.span.from, "end": w.span.to, "max_downtime_s": w.max_downtime_s,
                    "earned": !w.earned_parts.is_empty(), "why": plain(&why(w)),
                    "tell_by": outlook.as_ref().map(|o| o.tell_by),
                    "untold": outlook.map(|o| o.not_yet_told),
                })
            })
            .collect();
        return output::answer(&all);
    }
    let mut list = Listing::new([
        "window", "title", "systems", "start", "end", "allows", "planned",
    ]);
    for w in &windows {
        let systems: Vec<&str> = w.systems.iter().map(|s| s.as_str()).collect();
        let (from, to) = (instant(Some(w.span.from)), instant(Some(w.span.to)));
        let allows = w
            .max_downtime_s
            .map_or_else(|| "all of it".to_owned(), |s| format!("{s} s"));
        list.entry(vec![
            format!("{from} to {to}"),
            format!("{}, {}", w.id, w.title),
            format!("of {}; allows {allows}; {}", systems.join(", "), why(w)),
        ]);
        list.row([
            w.id.to_string(),
            w.title.clone(),
            systems.join(", "),
            from,
            to,
            allows,
            why(w),
        ]);
    }
    print(&list.render(layout::width()))?;
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

/// Says if downtime in a window counts as planned, and why. If customers can still be notified, it says
/// who and by when.
fn why(earned: &Earned, outlook: Option<&WindowStatus>) -> String {
    if let (Earned::NotTold(_), Some(outlook)) = (earned, outlook)
        && !outlook.late
    {
        let untold: Vec<&str> = outlook.not_yet_told.iter().map(|c| c.as_str()).collect();
        let by = instant(Some(outlook.tell_by));
        return format!("not yet: to be notified by {by}: {}", untold.join(", "));
    }
    match earned {
        Earned::Agreed(date) => format!("agreed {date}"),
        Earned::Known(at) => format!("known since {}", instant(Some(*at))),
        Earned::Told(at) => format!("all notified by {}", instant(Some(*at))),
        Earned::NotTold(customers) => {
            let names: Vec<&str> = customers.iter().map(|c| c.as_str()).collect();
            format!("NO: not notified in time: {}", names.join(", "))
        }
        Earned::TooLate => "NO: announced too late for this occurrence".to_owned(),
        Earned::OutsideHours => "NO: outside the hours that the policy allows".to_owned(),
        Earned::Cancelled => "NO: cancelled".to_owned(),
    }
}

//! Recurring windows: the occurrences of a rule, and which parts the rule's versions earn.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::calendar::{self, Edge};
use crate::catalogue::{Days, End, LAST_DAY, Rule};
use crate::id::{SystemId, WindowId};
use crate::policy::Hours;
use crate::span::{Span, Spans};

use super::{
    DEFAULT_MIN_NOTICE_S, Earned, Occurrence, RuleVersion, cut_to_hours, earned_parts, smaller,
};

/// True if a rule starts on that local date.
fn starts_on(days: &Days, date: Date) -> bool {
    match days {
        Days::Weekdays(weekdays) => weekdays.contains(&date.weekday()),
        Days::NthWeekday { nth, weekday } => {
            date.nth_weekday_of_month(*nth, *weekday).ok() == Some(date)
        }
        Days::DaysOfMonth(days) => {
            let is_last = date.day() == date.days_in_month();
            days.contains(&date.day()) || (is_last && days.contains(&LAST_DAY))
        }
        Days::Dates(dates) => dates.contains(&date),
    }
}

/// The span of the occurrence that starts on that local date; empty if a clock change skips it.
fn span_on(rule: &Rule, date: Date, zone: &TimeZone) -> Span {
    let from = calendar::local(date, rule.start, zone, Edge::Start);
    let to = match rule.end {
        End::After(length_s) => from
            .checked_add(SignedDuration::from_secs(length_s))
            .unwrap_or(Timestamp::MAX),
        End::Local(time) if time > rule.start => calendar::local(date, time, zone, Edge::End),
        End::Local(time) => calendar::local(calendar::shift(date, 1), time, zone, Edge::End),
    };
    Span::new(from, to)
}

/// The occurrences of a rule that share an instant with `over`, in order of their dates, each with
/// the local date of its start. A rule in an unknown zone has no occurrence.
fn dated(rule: &Rule, over: Span) -> Vec<(Date, Span)> {
    let Ok(zone) = calendar::zone(&rule.zone) else {
        return Vec::new();
    };
    if over.is_empty() {
        return Vec::new();
    }
    let lookback_s = match rule.end {
        End::After(length_s) => length_s.max(0),
        End::Local(_) => 0,
    };
    let from = over
        .from
        .checked_sub(SignedDuration::from_secs(lookback_s))
        .unwrap_or(Timestamp::MIN);
    calendar::dates(from, over.to, &zone, 2)
        .filter(|date| starts_on(&rule.days, *date))
        .map(|date| (date, span_on(rule, date, &zone)))
        .filter(|(_, span)| span.meets(&over))
        .collect()
}

fn id(system: &SystemId, rule: &Rule, date: Date) -> WindowId {
    WindowId::from(format!("{system}/{}@{date}", rule.id))
}

/// The occurrences of a system's rule that share an instant with `over`, in order of time. An id is
/// `system/rule@YYYY-MM-DD` with the local date of the start.
pub fn occurrences(rule: &Rule, system: &SystemId, over: Span) -> Vec<(WindowId, Span)> {
    dated(rule, over)
        .into_iter()
        .map(|(date, span)| (id(system, rule, date), span))
        .collect()
}

/// A system's recurring windows within `over`, as held and with their earned parts, in order of start,
/// then id.
///
/// `entries` are all versions of all its rules. A version succeeds the one of the same rule id that
/// left at the instant it entered. `probe_interval_s` is the `start_grace` of a rule that names none.
///
/// A version with an `agreed` date is earned for occurrences from that date's local midnight on.
/// Another version is earned for occurrences that start at least `min_notice` after it entered.
/// Until then it earns only the parts, and the allowance, that the last earned version before it
/// has too.
pub fn recurring(
    entries: &[RuleVersion],
    system: &SystemId,
    probe_interval_s: i64,
    planned_hours: Option<&Hours>,
    over: Span,
) -> Vec<Occurrence> {
    let mut ordered: Vec<&RuleVersion> = entries.iter().collect();
    ordered.sort_by(|a, b| (&a.rule.id, a.entered_at).cmp(&(&b.rule.id, b.entered_at)));
    let mut all = Vec::new();
    for versions in ordered.chunk_by(|a, b| a.rule.id == b.rule.id) {
        for current in 0..versions.len() {
            let versions_of_rule = Versions { versions, current };
            for (date, span) in dated(&versions[current].rule, over) {
                if !versions_of_rule.holds(date, span) {
                    continue;
                }
                let mut window = versions_of_rule.occurrence(system, date, span);
                window.start_grace_s = versions[current]
                    .rule
                    .start_grace_s
                    .unwrap_or(probe_interval_s);
                let earned = !window.earned_parts.is_empty();
                cut_to_hours(&mut window.earned_parts, planned_hours);
                if earned && window.earned_parts.is_empty() {
                    window.why = Earned::OutsideHours;
                }
                if window.span.meets(&over) {
                    all.push(window);
                }
            }
        }
    }
    all.sort_by(|a, b| (a.span, &a.id).cmp(&(b.span, &b.id)));
    all
}

/// The versions of one rule in order of entry, and the index of one of them.
struct Versions<'a> {
    versions: &'a [&'a RuleVersion],
    current: usize,
}

impl Versions<'_> {
    fn entry(&self) -> &RuleVersion {
        self.versions[self.current]
    }

    /// True if version `later` succeeded the one before it without a pause.
    fn follows(&self, later: usize) -> bool {
        later > 0 && self.versions[later - 1].left_at == Some(self.versions[later].entered_at)
    }

    /// True if the current version brings the occurrence of that date: it was in force at the start,
    /// or entered during it and no older version had begun that occurrence.
    fn holds(&self, date: Date, span: Span) -> bool {
        let entry = self.entry();
        let in_force = Span::new(entry.entered_at, entry.left_at.unwrap_or(Timestamp::MAX));
        if !span.meets(&in_force) {
            return false;
        }
        span.from >= entry.entered_at
            || !(self.follows(self.current)
                && occurrence_on(&self.versions[self.current - 1].rule, date)
                    .is_some_and(|older| older.from < entry.entered_at))
    }

    /// The span as held, and the smallest allowance since its start. A version that enters during an
    /// occurrence moves its end; a version that leaves without a successor ends it.
    fn held(&self, date: Date, mut span: Span) -> (Span, Option<i64>) {
        let mut limit = self.entry().rule.max_downtime_s;
        let mut last = self.current;
        while last + 1 < self.versions.len() && self.follows(last + 1) {
            let later = self.versions[last + 1];
            if later.entered_at >= span.to {
                return (span, limit);
            }
            last += 1;
            match occurrence_on(&later.rule, date) {
                Some(moved) => {
                    span.to = moved.to.max(later.entered_at);
                    limit = smaller(limit, later.rule.max_downtime_s);
                }
                None => span.to = later.entered_at,
            }
        }
        if let Some(left_at) = self.versions[last].left_at {
            span.to = span.to.min(left_at);
        }
        (span, limit)
    }

    /// The last version, up to the current one, that is earned for this start, with the reason, and
    /// the first version of the unbroken succession that leads to the current one.
    fn earned(&self, start: Timestamp) -> (Option<(usize, Earned)>, usize) {
        let mut at = self.current;
        let mut found = None;
        loop {
            if found.is_none() {
                found = earned_by(self.versions[at], start).map(|why| (at, why));
            }
            if !self.follows(at) {
                return (found, at);
            }
            at -= 1;
        }
    }

    fn occurrence(&self, system: &SystemId, date: Date, span: Span) -> Occurrence {
        let entry = self.entry();
        let (held, mut limit) = self.held(date, span);
        let (found, oldest) = self.earned(span.from);
        let (parts, why) = match found {
            None => (Vec::new(), Earned::TooLate),
            Some((announced, why)) => {
                limit = smaller(limit, self.versions[announced].rule.max_downtime_s);
                let near = Span::new(span.from, held.to.max(span.to));
                let has = |version: usize| -> Spans {
                    let rule = &self.versions[version].rule;
                    dated(rule, near).into_iter().map(|(_, s)| s).collect()
                };
                let held: Spans = [held].into_iter().collect();
                let versions: Vec<_> = (oldest..=self.current)
                    .map(|v| {
                        let entry = self.versions[v];
                        (entry.entered_at, entry.rule.max_downtime_s, has(v))
                    })
                    .collect();
                let parts = earned_parts(&has(announced).intersection(&held), &versions, limit);
                // The agreed version has other times: this occurrence came too late.
                let elsewhere = parts.is_empty();
                (parts, if elsewhere { Earned::TooLate } else { why })
            }
        };
        Occurrence {
            id: id(system, &entry.rule, date),
            title: entry.rule.title.clone(),
            impact: entry.rule.impact.clone(),
            systems: vec![system.clone()],
            span: held,
            earned_parts: parts,
            why,
            max_downtime_s: limit,
            start_grace_s: 0,
            tell: entry.rule.tells(),
            announce_s: entry.rule.announce_s.clone(),
            recurring: true,
        }
    }
}

/// The span of a rule's occurrence that starts on that local date.
fn occurrence_on(rule: &Rule, date: Date) -> Option<Span> {
    let zone = calendar::zone(&rule.zone).ok()?;
    starts_on(&rule.days, date)
        .then(|| span_on(rule, date, &zone))
        .filter(|span| !span.is_empty())
}

/// The reason why a version is earned for an occurrence that starts at `start`.
fn earned_by(entry: &RuleVersion, start: Timestamp) -> Option<Earned> {
    match entry.rule.agreed {
        Some(agreed) => {
            let zone = calendar::zone(&entry.rule.zone).ok()?;
            (calendar::midnight(agreed, &zone) <= start).then_some(Earned::Agreed(agreed))
        }
        None => {
            let notice_s = entry.rule.min_notice_s.unwrap_or(DEFAULT_MIN_NOTICE_S);
            let known_at = entry
                .entered_at
                .checked_add(SignedDuration::from_secs(notice_s))
                .ok()?;
            (known_at <= start).then_some(Earned::Known(entry.entered_at))
        }
    }
}

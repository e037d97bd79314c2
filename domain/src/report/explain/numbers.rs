//! The numbers of the formulas, from the same sets of seconds and lists that the report was made of.

use jiff::Timestamp;

use super::evidence::ActLine;
use super::table::{self, FUNCTIONS};
use super::{Explained, Number, Subject, clocks, join};
use crate::accounting::Figures;
use crate::id::{OutageId, SystemId};
use crate::report::merged::Milestones;
use crate::report::model::{Moment, Report, SystemLine, UnknownSpan};
use crate::report::scope::{Period, Scope};
use crate::report::systems::{Account, Accounts};
use crate::report::trend::MonthFigures;
use crate::report::{incidents, notices as notice_lists, notified};
use crate::span::{Spans, instant, second};

/// The names in a formula, each once, in its order.
pub(super) fn names(formula: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for name in formula.split(|c| !word(c)) {
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic());
        if is_name && !FUNCTIONS.contains(&name) && !found.iter().any(|known| known == name) {
            found.push(name.to_owned());
        }
    }
    found
}

/// Another figure of the same entry.
pub(super) fn of_leaf(value: Option<&str>) -> Number {
    let Some(value) = value else {
        return Number::Missing;
    };
    value.parse().map_or(Number::Missing, Number::Figure)
}

/// Instants and spans in the committee's zone.
pub(super) struct Printer<'a>(pub &'a Scope<'a>);

impl Printer<'_> {
    fn moment(&self, at: Timestamp) -> Moment {
        Moment::of(at, &self.0.zone)
    }

    fn instants(&self, all: &[Timestamp]) -> Number {
        let mut all: Vec<Moment> = all.iter().map(|at| self.moment(*at)).collect();
        all.sort_unstable();
        Number::Instants(all)
    }

    pub(super) fn spans<'s>(&self, all: impl IntoIterator<Item = &'s Spans>) -> Number {
        let pairs = all.into_iter().flat_map(Spans::iter);
        let moment = |s: i64| self.moment(instant(s));
        Number::Spans(pairs.map(|(from, to)| (moment(from), moment(to))).collect())
    }
}

fn whole(n: impl TryInto<i64>) -> Number {
    n.try_into().map_or(Number::Missing, Number::Whole)
}

pub(super) fn report(scope: &Scope<'_>, report: &Report, all: &mut Explained) {
    all.begin(Subject {
        name: "The report".to_owned(),
        id: "report".to_owned(),
        ..Subject::default()
    });
    let approved = || {
        let known = match scope.covers {
            Period::Month(month) => scope.record.reports.get(&scope.committee.id, month),
            Period::Days(..) => None,
        };
        let revisions = known.map_or(&[][..], |known| known.revisions.as_slice());
        let before = revisions.iter().filter(|r| r.seq < report.ledger.seq);
        let name = |r: &crate::record::Revision| {
            format!(
                "revision {}, approved by ledger event {}",
                r.revision, r.seq
            )
        };
        Number::Names(before.map(name).collect())
    };
    let special = |name: &str| {
        Some(match name {
            "approved" => approved(),
            "last_event" => whole(report.ledger.seq),
            "start" => Number::Instant(report.from),
            "end" => Number::Instant(report.to),
            "draft_read" => whole(report.approval.as_ref()?.as_of),
            _ => return None,
        })
    };
    all.add("", table::REPORT, report, &special);
}

/// The figures that name the report which a revision replaces. They belong to the first subject.
pub(super) fn revision(report: &Report, all: &mut Explained) {
    let Some(revises) = &report.revises else {
        return;
    };
    let special = |name: &str| {
        Some(match name {
            "replaced_revision" => whole(revises.revision),
            "replaced_event" => whole(revises.ledger.seq),
            _ => return None,
        })
    };
    let mut found = Explained::default();
    found.begin(Subject::default());
    found.add("", table::REVISION, report, &special);
    all.figures.extend(found.figures);
}

pub(super) fn systems(
    scope: &Scope<'_>,
    accounts: &Accounts<'_>,
    report: &Report,
    acts: &[ActLine],
    all: &mut Explained,
) {
    for line in &report.systems {
        let id = SystemId::from(line.system.as_str());
        let Some(account) = accounts.get(&id) else {
            continue;
        };
        let key = format!("systems.{}", line.system);
        let mut about = vec![line.system.clone()];
        let outages: Vec<String> = ids(report.outages.iter().map(|o| (&o.system, &o.outage)), line);
        let windows = report.maintenance.iter();
        let windows = windows.filter(|w| w.systems.contains(&line.system));
        let windows: Vec<String> = windows.map(|w| w.window.clone()).collect();
        about.extend(outages.iter().chain(&windows).cloned());
        all.begin(Subject {
            key: key.clone(),
            id: line.system.clone(),
            name: line.name.clone(),
            acts: acts_about(acts, &about),
            outages,
            windows,
            gaps: gaps(report, &line.system, |_| true),
            system: Some(line.system.clone()),
        });
        let special = |name: &str| of_system(scope, account, name);
        all.add(&key, table::SYSTEM, line, &special);
        days(scope, account, line, &key, all);
    }
}

fn ids<'a>(
    pairs: impl Iterator<Item = (&'a String, &'a String)>,
    line: &SystemLine,
) -> Vec<String> {
    let own = pairs.filter(|(system, _)| **system == line.system);
    own.map(|(_, id)| id.clone()).collect()
}

/// The places of a system's monitoring gaps.
fn gaps(report: &Report, system: &String, wanted: impl Fn(&UnknownSpan) -> bool) -> Vec<usize> {
    let all = report.unknown.iter().enumerate();
    let own = all.filter(|(_, gap)| gap.systems.contains(system) && wanted(gap));
    own.map(|(place, _)| place).collect()
}

fn acts_about(acts: &[ActLine], about: &[String]) -> Vec<u64> {
    let concerns = |act: &&ActLine| act.about.iter().any(|id| about.contains(id));
    acts.iter().filter(concerns).map(|act| act.seq).collect()
}

fn of_system(scope: &Scope<'_>, account: &Account<'_>, name: &str) -> Option<Number> {
    let print = Printer(scope);
    let f = &account.figures;
    let c = &f.classes;
    let merged = f.merged.iter();
    Some(match name {
        "agreed" => print.spans([&c.agreed]),
        "degraded" => print.spans([&c.degraded]),
        "planned" => print.spans([&c.planned]),
        "excluded" => print.spans([&c.excluded]),
        "unplanned" => print.spans([&c.unplanned]),
        "unknown" => print.spans([&c.unknown]),
        "unknown_as_down" => print.spans([&c.unknown_as_down]),
        "unplanned_unseen" => print.spans([&c.unknown_as_down.intersection(&c.unplanned)]),
        "unplanned_degraded" => print.spans([&f.unplanned_degraded]),
        "target_ppm" => f.target.map_or(Number::Missing, |t| whole(t.ppm)),
        "period_agreed_s" => whole(f.period_agreed_s),
        "blip_up" => print.spans([&f.blip_up]),
        "blip_spans" => {
            let moment = |at| print.moment(at);
            let spans = f.blip_spans.iter();
            Number::Spans(spans.map(|s| (moment(s.from), moment(s.to))).collect())
        }
        "counted_outages" => {
            let counted = merged.filter(|m| m.counted);
            Number::Names(counted.map(|m| m.representative.to_string()).collect())
        }
        "restored_unplanned_s" => {
            let restored = merged.filter(|m| m.restored);
            Number::Wholes(restored.map(|m| m.total_unplanned_s).collect())
        }
        "outage_unplanned_s" => {
            let lost = merged.map(|m| m.unplanned_s).filter(|s| *s > 0);
            Number::Wholes(lost.collect())
        }
        _ => return None,
    })
}

fn days(
    scope: &Scope<'_>,
    account: &Account<'_>,
    line: &SystemLine,
    key: &str,
    all: &mut Explained,
) {
    let print = Printer(scope);
    let c = &account.figures.classes;
    let strip = crate::accounting::day_strip(c, scope.period, &scope.zone);
    for (day, cut) in line.days.iter().zip(strip) {
        let (from, to) = (second(cut.span.from), second(cut.span.to));
        let part = |seconds: &Spans| print.spans([&seconds.clip(from, to)]);
        let special = |name: &str| {
            Some(match name {
                "day" => print.spans([&Spans::one(from, to)]),
                "agreed" => part(&c.agreed),
                "degraded" => part(&c.degraded),
                "planned" => part(&c.planned),
                "excluded" => part(&c.excluded),
                "unplanned" => part(&c.unplanned),
                "unknown" => part(&c.unknown),
                _ => return None,
            })
        };
        let key = format!("{key}.days.{}", day.date);
        all.add(&key, table::DAY, day, &special);
        for (place, part) in day.parts.iter().enumerate() {
            let at = |s: i64| Some(Number::Instant(print.moment(instant(from + s))));
            let special = |name: &str| match name {
                "day_start" => at(0),
                "part_start" => at(part.from_s),
                "part_end" => at(part.to_s),
                _ => None,
            };
            let key = format!("{key}.parts.{place}");
            all.add(&key, table::PART, part, &special);
        }
    }
}

/// The thirteen months and the year of each system.
pub(super) fn trend(
    scope: &Scope<'_>,
    months: &[Vec<MonthFigures>],
    report: &Report,
    all: &mut Explained,
) {
    let print = Printer(scope);
    for (line, months) in report.trend.iter().zip(months) {
        let key = format!("trend.{}", line.system);
        all.begin(Subject {
            key: key.clone(),
            id: format!("trend.{}", line.system),
            name: format!("{}, thirteen months", line.name),
            system: Some(line.system.clone()),
            ..Subject::default()
        });
        for month in &line.months {
            let known = months.iter().find(|m| m.month.to_string() == month.month);
            let special = |name: &str| of_month(&print, &known?.figures, name);
            let key = format!("{key}.months.{}", month.month);
            all.add(&key, table::MONTH, month, &special);
        }
        let year = line.year.year;
        let own = months.iter().filter(|m| m.month.year() == year);
        let own: Vec<&Figures> = own.map(|m| &m.figures).collect();
        let each =
            |part: fn(&Figures) -> i64| Some(Number::Wholes(own.iter().map(|f| part(f)).collect()));
        let special = |name: &str| match name {
            "year_of_month" => Some(whole(year)),
            "agreed_each_s" => each(|f| f.agreed_s),
            "excluded_each_s" => each(|f| f.excluded_s),
            "unplanned_each_s" => each(|f| f.unplanned_s),
            "planned_each_s" => each(|f| f.planned_s),
            "unknown_each_s" => each(|f| f.unknown_s),
            "outages_each" => each(|f| f.outages),
            _ => None,
        };
        all.add(&join(&key, "year"), table::YEAR, &line.year, &special);
    }
}

fn of_month(print: &Printer<'_>, figures: &Figures, name: &str) -> Option<Number> {
    Some(match name {
        "agreed_s" => whole(figures.agreed_s),
        "planned_s" => whole(figures.planned_s),
        "excluded_s" => whole(figures.excluded_s),
        "unknown_s" => whole(figures.unknown_s),
        "target_ppm" => figures.target.map_or(Number::Missing, |t| whole(t.ppm)),
        "unplanned" => print.spans([&figures.classes.unplanned]),
        "counted_outages" => {
            let counted = figures.merged.iter().filter(|m| m.counted);
            Number::Names(counted.map(|m| m.representative.to_string()).collect())
        }
        _ => return None,
    })
}

pub(super) fn outages(
    scope: &Scope<'_>,
    accounts: &Accounts<'_>,
    report: &Report,
    acts: &[ActLine],
    all: &mut Explained,
) {
    let print = Printer(scope);
    for line in &report.outages {
        let found = line.outage.parse::<OutageId>().ok();
        let found = found.and_then(|id| scope.record.outages.get(&id));
        let Some((outage, account)) = found.and_then(|o| Some((o, accounts.get(&o.system)?)))
        else {
            continue;
        };
        let key = format!("outages.{}", line.outage);
        let mut about = vec![line.outage.clone(), line.system.clone()];
        about.extend(line.windows.iter().chain(&line.incident).cloned());
        all.begin(Subject {
            key: key.clone(),
            id: line.outage.clone(),
            name: format!("{}, {}", line.outage, line.name),
            outages: vec![line.outage.clone()],
            windows: line.windows.clone(),
            acts: acts_about(acts, &about),
            gaps: gaps(report, &line.system, |gap| {
                line.end.is_none_or(|end| gap.from < end) && line.start < gap.to
            }),
            system: Some(line.system.clone()),
        });
        let c = &account.figures.classes;
        let until = second(scope.as_of);
        let end = outage.end.map_or(until, second).min(until);
        let part = |seconds: &Spans| print.spans([&seconds.clip(second(outage.start), end)]);
        let merged = account.merged(outage.id);
        let reached = merged.map(|m| Milestones::of(scope, m).reached);
        let reached = reached.unwrap_or_default();
        let customers = |told_only: bool| match &reached.customers {
            None => Number::Missing,
            Some(all) => {
                let wanted = all.iter().filter(|(_, told)| *told || !told_only);
                Number::Names(wanted.map(|(id, _)| id.clone()).collect())
            }
        };
        let special = |name: &str| {
            Some(match name {
                "planned" => part(&c.planned),
                "excluded" => part(&c.excluded),
                "unplanned" => part(&c.unplanned),
                "unknown" => part(&c.unknown),
                "probe_intervals_s" => Number::Wholes(vec![outage.edge_s]),
                "merged_unplanned" => {
                    let merged = merged?;
                    let to = merged.to.map_or(until, second);
                    print.spans([&c.unplanned.clip(second(merged.from), to)])
                }
                "counted_from" => line.counted_from.map_or(Number::Missing, Number::Instant),
                "detected" => print.instants(&reached.detected),
                "told" => print.instants(&reached.told),
                "acknowledged" => print.instants(&reached.acknowledged),
                "restored" => reached
                    .restored
                    .map_or(Number::Missing, |at| Number::Instant(print.moment(at))),
                "told_customers" => customers(true),
                "all_customers" => customers(false),
                _ => return None,
            })
        };
        all.add(&key, table::OUTAGE, line, &special);
    }
}

pub(super) fn incidents(scope: &Scope<'_>, report: &Report, all: &mut Explained) {
    for line in &report.incidents {
        let id = line.incident.parse().ok();
        let Some(incident) = id.and_then(|id| scope.record.incidents.get(id)) else {
            continue;
        };
        let key = format!("incidents.{}", line.incident);
        all.begin(Subject {
            key: key.clone(),
            id: line.incident.clone(),
            name: format!("Incident {}", line.incident),
            outages: line.outages.clone(),
            ..Subject::default()
        });
        clocks::runs(scope, &format!("{key}.clocks"), &line.clocks, all);
        let ours = incidents::ours(scope, incident);
        let (.., contacts) = notified::of(scope, incident, &ours);
        for (place, told) in line.told.iter().enumerate() {
            for (result, count) in &told.contacts {
                let notices = contacts.get(&(told.customer.clone(), *result));
                let notices = || Number::Names(notices.cloned().unwrap_or_default());
                let key = format!("{key}.told.{place}.contacts.{result}");
                all.push(key, table::CONTACTS, Some(count.to_string()), &|_| {
                    Some(notices())
                });
            }
        }
    }
}

pub(super) fn maintenance(
    scope: &Scope<'_>,
    accounts: &Accounts<'_>,
    report: &Report,
    acts: &[ActLine],
    all: &mut Explained,
) {
    let print = Printer(scope);
    let mut seen: Vec<&str> = Vec::new();
    for line in &report.maintenance {
        // A window whose systems have different agreements has several lines.
        let before = seen.iter().filter(|id| **id == line.window).count();
        seen.push(&line.window);
        let mut key = format!("maintenance.{}", line.window);
        if before > 0 {
            key.push_str(&format!("#{}", before + 1));
        }
        let figures = |part: fn(&crate::accounting::WindowFigures) -> &Spans| {
            let systems = line.systems.iter().map(|s| SystemId::from(s.as_str()));
            let accounts: Vec<&Account<'_>> = systems.filter_map(|s| accounts.get(&s)).collect();
            let windows = accounts.iter().flat_map(|a| &a.figures.by_window);
            let own = windows.filter(|w| w.id.to_string() == line.window);
            print.spans(own.map(part))
        };
        let mut about = vec![line.window.clone()];
        about.extend(line.systems.iter().cloned());
        all.begin(Subject {
            key: key.clone(),
            id: line.window.clone(),
            name: line.title.clone(),
            windows: vec![line.window.clone()],
            acts: acts_about(acts, &about[..1]),
            system: line.systems.first().cloned(),
            ..Subject::default()
        });
        let special = |name: &str| {
            Some(match name {
                "allowed_s" => Number::Wholes(line.max_downtime_s.into_iter().collect()),
                "downtime" => figures(|w| &w.downtime),
                "planned" => figures(|w| &w.planned),
                "overrun" => figures(|w| &w.overrun),
                _ => return None,
            })
        };
        all.add(&key, table::WINDOW, line, &special);
    }
}

pub(super) fn notices(scope: &Scope<'_>, report: &Report, all: &mut Explained) {
    let lists = notice_lists::Notices::of(scope);
    let sections = [
        ("notices", &report.notices, &lists.kinds),
        ("notice_results", &report.notice_results, &lists.results),
    ];
    for (section, counts, lists) in sections {
        all.begin(Subject {
            key: section.to_owned(),
            id: section.to_owned(),
            name: match section {
                "notices" => "Notices by kind".to_owned(),
                _ => "Notices by result".to_owned(),
            },
            ..Subject::default()
        });
        for (word, count) in counts {
            let ids = || Number::Names(lists.get(word).cloned().unwrap_or_default());
            let key = join(section, word);
            all.push(key, table::NOTICES, Some(count.to_string()), &|_| {
                Some(ids())
            });
        }
    }
}

pub(super) fn monitor(report: &Report, all: &mut Explained) {
    let subject = |key: &str, name: &str| Subject {
        key: key.to_owned(),
        id: key.to_owned(),
        name: name.to_owned(),
        ..Subject::default()
    };
    all.begin(subject("unknown", "Monitoring gaps"));
    for (place, gap) in report.unknown.iter().enumerate() {
        let special = |name: &str| edge(name, Some(gap.from), Some(gap.to));
        all.add(&format!("unknown.{place}"), table::GAP, gap, &special);
    }
    all.begin(subject("monitor", "Monitor absences"));
    for (place, absence) in report.monitor.absences.iter().enumerate() {
        let special = |name: &str| edge(name, Some(absence.from), absence.to);
        let key = format!("monitor.absences.{place}");
        all.add(&key, table::ABSENCE, absence, &special);
    }
}

fn edge(name: &str, from: Option<Moment>, to: Option<Moment>) -> Option<Number> {
    let instant = |at: Option<Moment>| at.map_or(Number::Missing, Number::Instant);
    match name {
        "start" => Some(instant(from)),
        "end" => Some(instant(to)),
        _ => None,
    }
}

//! The content of each path of the site: pages, feeds, badges and answers for programs.

use domain::id::SystemId;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use minijinja::value::Serde;
use minijinja::{Error, Value};
use serde::Serialize;

use super::answer::{Answer, HTML};
use super::api;
use super::days::Day;
use super::incidents::{IncidentView, Named};
use super::model::{Model, SystemView};
use super::months::{self, HistoryMonth, SystemMonth};
use super::response::{self, Response};
use super::site::{Frame, GONE, Source};
use super::subscribe;
use super::windows::WindowView;
use crate::calendar_feed;

/// Incidents on the page of a system.
const INCIDENTS: usize = 20;
/// Incidents in the feed.
const ENTRIES: usize = 50;

const ROBOTS: &str = "User-agent: *\nDisallow: /heartbeat/\nDisallow: /events\nDisallow: /subscribe/\nDisallow: /subscription/\n";

/// What a path shows. A number is a place in a list of the model.
#[derive(Clone, Copy, Debug)]
pub(super) enum Content {
    Index,
    System(usize),
    Incident(usize),
    Window(usize),
    Month(usize),
    Subscribe,
    Gone,
    Feed,
    Calendar,
    Badge(usize),
    Api(&'static str),
    Robots,
}

/// Every path and what it shows.
pub(super) fn paths(model: &Model) -> Vec<(String, Content)> {
    let mut all = vec![
        ("/".to_owned(), Content::Index),
        (GONE.to_owned(), Content::Gone),
        ("/feed.atom".to_owned(), Content::Feed),
        ("/maintenance.ics".to_owned(), Content::Calendar),
        ("/robots.txt".to_owned(), Content::Robots),
    ];
    if model.head.mails {
        all.push(("/subscribe".to_owned(), Content::Subscribe));
    }
    for (n, system) in model.systems().enumerate() {
        all.push((format!("/systems/{}", system.id), Content::System(n)));
        all.push((format!("/badge/{}.svg", system.id), Content::Badge(n)));
    }
    let incidents = model.incidents.iter().enumerate();
    all.extend(incidents.map(|(n, i)| (format!("/incidents/{}", i.id), Content::Incident(n))));
    let windows = model.windows.iter().enumerate();
    all.extend(windows.map(|(n, w)| (format!("/maintenance/{}", w.id), Content::Window(n))));
    let months = model.head.months.iter().enumerate();
    all.extend(months.map(|(n, month)| (format!("/history/{}", month.id), Content::Month(n))));
    let answers = api::PATHS.into_iter();
    all.extend(answers.map(|path| (format!("/api/v2/{path}.json"), Content::Api(path))));
    all
}

impl Content {
    /// # Errors
    /// A template fails.
    pub(super) fn answer(
        self,
        path: &str,
        source: &Source,
        frame: &Frame,
    ) -> Result<Answer, Error> {
        let m = frame.model();
        let page = |template, title: &str, v: Value| {
            let text = frame.page(template, path, title, v)?;
            Ok(Answer::of(HTML, text.into()))
        };
        let lost = || Error::new(minijinja::ErrorKind::InvalidOperation, "it is no more");
        match self {
            Content::Index => page("index.html.j2", "", Value::from(Serde(m))),
            Content::System(n) => {
                let system = m.systems().nth(n).ok_or_else(lost)?;
                let view = SystemPage::of(system, m, source);
                page("system.html.j2", &system.name, Value::from(Serde(view)))
            }
            Content::Incident(n) => {
                let incident = m.incidents.get(n).ok_or_else(lost)?;
                let v = Value::from(Serde(incident));
                page("incident.html.j2", &incident.title, v)
            }
            Content::Window(n) => {
                let window = m.windows.get(n).ok_or_else(lost)?;
                page("window.html.j2", &window.title, Value::from(Serde(window)))
            }
            Content::Month(n) => {
                let view = HistoryPage::of(m, n).ok_or_else(lost)?;
                let title = format!("History of {}", view.month.name);
                page("history.html.j2", &title, Value::from(Serde(view)))
            }
            Content::Subscribe => {
                let form = Value::from(Serde(subscribe::Form::of(m)));
                page("subscribe.html.j2", subscribe::TITLE, form)
            }
            Content::Gone => page("gone.html.j2", "Not found", Value::from(())),
            Content::Feed => {
                let text = feed(frame)?;
                let kind = "application/atom+xml; charset=utf-8";
                Ok(Answer::of(kind, text.into()))
            }
            Content::Calendar => {
                let ids: Vec<SystemId> = m.systems().map(|s| s.id.as_str().into()).collect();
                let calendar = calendar_feed::public(&source.snapshot.record, &ids);
                Ok(Answer::of("text/calendar; charset=utf-8", calendar.into()))
            }
            Content::Badge(n) => {
                let system = m.systems().nth(n).ok_or_else(lost)?;
                Ok(Answer::of("image/svg+xml", badge(frame, system)?.into()))
            }
            Content::Api(path) => {
                // The same text for JSON; a client that takes it for a page finds no markup.
                let text = api::answer(m, path).to_string().replace('<', "\\u003c");
                Ok(Answer::of("application/json", text.into()))
            }
            Content::Robots => Ok(Answer::of("text/plain; charset=utf-8", ROBOTS.into())),
        }
    }
}

/// The page of a system. Its months and response times are computed when the page is asked for.
#[derive(Serialize)]
struct SystemPage<'a> {
    system: &'a SystemView,
    /// The days with downtime, degradation or unobserved time, the latest first.
    notable: &'a [Day],
    /// Contract availability by month, the latest first.
    months: Vec<SystemMonth>,
    /// `None` before the first roll-up.
    response: Option<Response>,
    incidents: Vec<&'a IncidentView>,
    planned: Vec<&'a WindowView>,
}

impl<'a> SystemPage<'a> {
    fn of(system: &'a SystemView, m: &'a Model, source: &Source) -> Self {
        let id = SystemId::from(system.id.as_str());
        let (record, archive) = (&source.snapshot.record, &source.archive);
        let concerns = |named: &[Named]| named.iter().any(|one| one.id == system.id);
        let incidents = m.incidents.iter().filter(|i| concerns(&i.systems));
        Self {
            system,
            notable: &system.days.notable,
            months: months::of_system(record, archive, &id, source.at),
            response: archive.answered(&id).and_then(|days| {
                let zone = record.zone_of(&id).unwrap_or(TimeZone::UTC);
                response::of(days, source.at.to_zoned(zone).date(), source.pages.days)
            }),
            incidents: incidents.take(INCIDENTS).collect(),
            planned: m.planned.iter().filter(|w| concerns(&w.systems)).collect(),
        }
    }
}

/// The incidents and windows of a month.
#[derive(Serialize)]
struct HistoryPage<'a> {
    month: &'a HistoryMonth,
    later: Option<&'a HistoryMonth>,
    earlier: Option<&'a HistoryMonth>,
    incidents: Vec<&'a IncidentView>,
    windows: Vec<&'a WindowView>,
}

impl<'a> HistoryPage<'a> {
    /// The month at a place of the list; `None` if there is none.
    fn of(m: &'a Model, n: usize) -> Option<Self> {
        let months = &m.head.months;
        let month = months.get(n)?;
        let span = month.span;
        let touches = |from: Timestamp, to: Timestamp| {
            span.is_some_and(|span| from < span.to && span.from < to)
        };
        let incidents = m.incidents.iter().filter(|i| {
            touches(i.started_at, i.resolved_at.unwrap_or(m.made_at))
                || span.is_some_and(|span| span.contains(i.started_at))
        });
        let windows = m.windows.iter();
        let windows = windows.filter(|w| touches(w.span.from, w.span.to));
        Some(Self {
            month,
            later: n.checked_sub(1).and_then(|n| months.get(n)),
            earlier: months.get(n + 1),
            incidents: incidents.collect(),
            windows: windows.collect(),
        })
    }
}

fn feed(frame: &Frame) -> Result<String, Error> {
    #[derive(Serialize)]
    struct Feed<'a> {
        m: &'a super::model::Head,
        entries: &'a [IncidentView],
        changed: String,
    }
    let m = frame.model();
    let entries = &m.incidents[..m.incidents.len().min(ENTRIES)];
    let changed = entries.iter().map(|entry| entry.changed_at).max();
    let changed = changed.unwrap_or(Timestamp::UNIX_EPOCH);
    let feed = Feed {
        m: &m.head,
        entries,
        changed: format!("{changed:.0}"),
    };
    let templates = frame.templates();
    templates.render("feed.atom.j2", Value::from(Serde(feed)))
}

fn badge(frame: &Frame, system: &SystemView) -> Result<String, Error> {
    #[derive(Serialize)]
    struct Badge<'a> {
        name: &'a str,
        state: &'a str,
        label: &'a str,
        width: usize,
        value_width: usize,
    }
    // Seven pixels a letter, and five at each side.
    let width = |text: &str| text.chars().count() * 7 + 10;
    let badge = Badge {
        name: &system.name,
        state: system.state,
        label: system.label,
        width: width(&system.name),
        value_width: width(system.label),
    };
    let templates = frame.templates();
    templates.render("badge.svg.j2", Value::from(Serde(badge)))
}

//! Made-up pages with which an operator's own templates are tried before they are used.

use std::sync::Arc;

use domain::record::Record;
use domain::span::Span;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::days::{Class, Day, Days};
use super::incidents::{IncidentView, Named, UpdateView};
use super::model::{Group, Model, SystemView};
use super::months::HistoryMonth;
use super::render::Templates;
use super::site::{Site, Source};
use super::windows::WindowView;
use super::words::{Range, When};
use crate::config::{ProblemReports, PublicPages};
use crate::engine::snapshot::Snapshot;
use crate::ledger::Head;

/// Renders each made-up page once.
///
/// # Errors
/// A template fails.
pub(super) fn render(templates: Templates) -> Result<(), minijinja::Error> {
    let at = Timestamp::UNIX_EPOCH;
    let snapshot = Snapshot {
        record: Record::default(),
        head: Head::default(),
        at,
        behind: false,
        doubted: Default::default(),
    };
    let pages = PublicPages {
        name: Some("Example Status".to_owned()),
        url: None,
        systems: Vec::new(),
        groups: Vec::new(),
        logo: None,
        colour: "#1f5f8b".to_owned(),
        days: 7,
        problem_reports: Some(ProblemReports {
            policy: None,
            issue_types: Vec::new(),
            warning: None,
        }),
    };
    let source = Source {
        snapshot: Arc::new(snapshot),
        pages: Arc::new(pages),
        templates: Arc::new(templates),
        archive: Arc::default(),
        logo: None,
        url: "https://status.example.org".to_owned(),
        at,
    };
    let model = model(&source);
    Site::with(source, model, None)?.try_all()
}

fn model(source: &Source) -> Model {
    let record = &source.snapshot.record;
    let mut model = Model::of(record, &source.pages, &source.url, source.at);
    model.head.mails = true;
    model.head.contact = Some("service desk".to_owned());
    model.head.months = ["1970-01", "1969-12"].map(month).to_vec();
    model.groups = vec![Group {
        name: Some("Portals".to_owned()),
        systems: vec![system("down"), system("up")],
    }];
    let windows = ["scheduled", "in progress", "cancelled"].map(window);
    model.planned = windows.to_vec();
    model.windows = windows.to_vec();
    model.current = vec![incident(None)];
    model.recent = vec![incident(Some(source.at))];
    model.incidents = vec![incident(None), incident(Some(source.at))];
    model
}

fn when() -> When {
    When::of(Timestamp::UNIX_EPOCH, &TimeZone::UTC)
}

fn named() -> Named {
    Named {
        id: "up".to_owned(),
        name: "Clinical Portal".to_owned(),
    }
}

fn month(id: &str) -> HistoryMonth {
    HistoryMonth {
        id: id.to_owned(),
        name: "A month".to_owned(),
        span: None,
    }
}

fn system(state: &'static str) -> SystemView {
    let classes = [
        Class::None,
        Class::Up,
        Class::Unknown,
        Class::Degraded,
        Class::Planned,
        Class::Down,
    ];
    let days = classes.map(|class| Day {
        date: "1 Jan 1970".to_owned(),
        class,
        text: "down 12 min".to_owned(),
    });
    SystemView {
        id: state.to_owned(),
        name: named().name,
        partner: true,
        state,
        label: "State",
        in_maintenance: true,
        since: Some(when()),
        advice: Some("Use the paper form.".to_owned()),
        days: Days {
            summary: "6 days.".to_owned(),
            availability: Some("99.987%".to_owned()),
            notable: days.to_vec(),
            all: days.to_vec(),
        },
        strip: String::new(),
    }
}

fn incident(resolved_at: Option<Timestamp>) -> IncidentView {
    let at = Timestamp::UNIX_EPOCH;
    IncidentView {
        id: if resolved_at.is_some() { "I-1" } else { "I-2" }.to_owned(),
        title: "Outage of Clinical Portal".to_owned(),
        kind: "down",
        phase: "identified",
        systems: vec![named()],
        started: when(),
        resolved: resolved_at.map(|_| when()),
        lasted: "12 min".to_owned(),
        updates: vec![UpdateView {
            phase: "identified",
            text: "We restart it.".to_owned(),
            at: when(),
            estimate: Some(when()),
            posted_at: at,
        }],
        next_update: resolved_at.is_none().then(when),
        withdrawn: resolved_at.is_some(),
        started_at: at,
        resolved_at,
        changed_at: at,
    }
}

fn window(state: &'static str) -> WindowView {
    let at = Timestamp::UNIX_EPOCH;
    let to = at + SignedDuration::from_hours(1);
    WindowView {
        id: format!("w-{}", state.len()),
        title: "Weekly update".to_owned(),
        impact: Some("Sign-in fails.".to_owned()),
        systems: vec![named()],
        state,
        start: when(),
        end: when(),
        range: Range::of(at, to, &TimeZone::UTC),
        length: "1 h".to_owned(),
        max_downtime: Some("5 min".to_owned()),
        recurring: false,
        span: Span::new(at, to),
        changed_at: at,
    }
}

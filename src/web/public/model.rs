//! What the public pages show, made of a record: views with their own types, never the record's.

use std::collections::BTreeMap;

use domain::catalogue::Kind;
use domain::id::SystemId;
use domain::record::{Record, State};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::days::{self, Days};
use super::incidents::{self, IncidentView, Named};
use super::months::{self, HistoryMonth};
use super::problem::ProblemForm;
use super::windows::{self, WindowView};
use super::words::{When, list};
use crate::config::PublicPages;

/// How far ahead the first page lists planned work.
const PLANNED_AHEAD: SignedDuration = SignedDuration::from_hours(14 * 24);
/// How long the first page shows incidents that are over.
const RECENT: SignedDuration = SignedDuration::from_hours(14 * 24);

/// The public systems that are configured.
pub(super) struct Shown<'a> {
    pages: &'a PublicPages,
    names: BTreeMap<&'a SystemId, &'a str>,
    pub zone: TimeZone,
}

impl<'a> Shown<'a> {
    pub(super) fn of(record: &'a Record, pages: &'a PublicPages) -> Self {
        let configured = pages.systems.iter().filter_map(|id| {
            let system = record.catalogue.system(id.as_str())?;
            Some((&system.id, system.name.as_str()))
        });
        Self {
            pages,
            names: configured.collect(),
            zone: record.zone(),
        }
    }

    pub(super) fn has(&self, system: &SystemId) -> bool {
        self.names.contains_key(system)
    }

    pub(super) fn name(&self, system: &'a SystemId) -> &'a str {
        self.names.get(system).copied().unwrap_or(system.as_str())
    }

    pub(super) fn named(&self, system: &SystemId) -> Named {
        Named {
            id: system.to_string(),
            name: self
                .names
                .get(system)
                .map_or_else(String::new, |name| (*name).to_owned()),
        }
    }

    /// In the order of the page.
    pub(super) fn systems(&self) -> impl Iterator<Item = &'a SystemId> {
        self.pages.systems.iter().filter(|id| self.has(id))
    }
}

/// The values around the content of each page: `m` of the templates. It is small, since every page is given all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Head {
    pub name: String,
    pub service: String,
    pub zone: String,
    pub contact: Option<String>,
    /// The service sends mail, so readers can subscribe.
    pub mails: bool,
    pub logo: Option<String>,
    pub url: String,
    pub at: When,
    /// The one sentence that matters.
    pub sentence: String,
    /// Its sign: up, degraded, down, maintenance or unknown.
    pub tone: &'static str,
    /// About partners; empty if there is nothing to say.
    pub also: String,
    pub days: u32,
    /// The form for reports of problems.
    pub problem_form: Option<ProblemForm>,
    /// The months that have a page, the latest first.
    pub months: Vec<HistoryMonth>,
}

/// Everything that the public pages show, without what a page of a system adds. The first page's template gets it as `v`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Model {
    #[serde(skip)]
    pub head: Head,
    pub groups: Vec<Group>,
    /// Incidents that go on, the latest first.
    pub current: Vec<IncidentView>,
    /// Incidents of the last two weeks that are over, the latest first.
    pub recent: Vec<IncidentView>,
    /// Windows that go on or begin within two weeks.
    pub planned: Vec<WindowView>,
    /// Every incident that everyone may see, the latest first.
    #[serde(skip)]
    pub incidents: Vec<IncidentView>,
    #[serde(skip)]
    pub windows: Vec<WindowView>,
    #[serde(skip)]
    pub made_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Group {
    /// `None` for systems without a group.
    pub name: Option<String>,
    pub systems: Vec<SystemView>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct SystemView {
    pub id: String,
    pub name: String,
    pub partner: bool,
    /// up, degraded, down, maintenance or unknown.
    pub state: &'static str,
    pub label: &'static str,
    pub in_maintenance: bool,
    pub since: Option<When>,
    pub advice: Option<String>,
    pub days: Days,
    /// The picture of the days, as markup. Empty until the site draws it.
    pub strip: String,
}

impl Model {
    pub(super) fn of(record: &Record, pages: &PublicPages, url: &str, at: Timestamp) -> Self {
        let shown = Shown::of(record, pages);
        let zone = shown.zone.clone();
        let windows = windows::all(record, &shown, at);
        let systems: Vec<SystemView> = shown
            .systems()
            .map(|id| system(record, &shown, &windows, id, at))
            .collect();
        let mut incidents: Vec<IncidentView> = record
            .incidents
            .all()
            .filter_map(|incident| incidents::view(record, &shown, incident, at))
            .collect();
        incidents.sort_by(|a, b| (b.started_at, &b.id).cmp(&(a.started_at, &a.id)));
        let recent = at.checked_sub(RECENT).unwrap_or(Timestamp::MIN);
        let soon = at.checked_add(PLANNED_AHEAD).unwrap_or(Timestamp::MAX);
        let (tone, sentence, also) = sentence(&systems);
        let head = Head {
            name: pages
                .name
                .clone()
                .unwrap_or_else(|| record.catalogue.service.clone()),
            service: record.catalogue.service.clone(),
            zone: record.catalogue.zone.clone(),
            contact: record.catalogue.contact.clone(),
            mails: !record.catalogue.mail_from.address.is_empty(),
            logo: None,
            url: url.to_owned(),
            at: When::of(at, &zone),
            sentence,
            tone,
            also,
            days: pages.days,
            problem_form: pages
                .problem_reports
                .as_ref()
                .map(|form| ProblemForm::of(record, form)),
            months: months::of_history(record, &shown, at),
        };
        Self {
            head,
            groups: groups(pages, systems),
            current: incidents
                .iter()
                .filter(|i| i.resolved_at.is_none())
                .cloned()
                .collect(),
            recent: incidents
                .iter()
                .filter(|i| i.resolved_at.is_some_and(|resolved| recent <= resolved))
                .cloned()
                .collect(),
            planned: windows
                .iter()
                .filter(|w| match w.state {
                    "in progress" => true,
                    "scheduled" => w.span.from <= soon || !w.recurring,
                    _ => false,
                })
                .cloned()
                .collect(),
            incidents,
            windows,
            made_at: at,
        }
    }

    /// Changes with what readers need to know at once; the time alone changes nothing.
    pub(super) fn version(&self) -> String {
        let systems = self
            .systems()
            .map(|s| format!("{} {} {}", s.id, s.state, s.in_maintenance));
        let incidents = self.incidents.iter().map(|i| {
            let next = i.next_update.as_ref().map(|at| &at.iso);
            format!("{} {} {} {next:?}", i.id, i.phase, i.updates.len())
        });
        let windows = self.windows.iter();
        let windows =
            windows.map(|w| format!("{} {} {} {}", w.id, w.state, w.start.iso, w.end.iso));
        let all: Vec<String> = systems.chain(incidents).chain(windows).collect();
        let head = &self.head;
        format!("{}\n{}\n{}", head.sentence, head.also, all.join("\n"))
    }

    pub(super) fn systems(&self) -> impl Iterator<Item = &SystemView> {
        self.groups.iter().flat_map(|group| &group.systems)
    }

    pub(super) fn systems_mut(&mut self) -> impl Iterator<Item = &mut SystemView> {
        let groups = self.groups.iter_mut();
        groups.flat_map(|group| &mut group.systems)
    }
}

fn groups(pages: &PublicPages, systems: Vec<SystemView>) -> Vec<Group> {
    let of = |wanted: &dyn Fn(&str) -> bool| -> Vec<SystemView> {
        systems
            .iter()
            .filter(|system| wanted(&system.id))
            .cloned()
            .collect()
    };
    let is_in = |group: &[SystemId], id: &str| group.iter().any(|own| own.as_str() == id);
    let mut all: Vec<Group> = pages
        .groups
        .iter()
        .map(|group| Group {
            name: Some(group.name.clone()),
            systems: of(&|id| is_in(&group.systems, id)),
        })
        .collect();
    let alone = of(&|id| !pages.groups.iter().any(|group| is_in(&group.systems, id)));
    all.push(Group {
        name: None,
        systems: alone,
    });
    all.retain(|group| !group.systems.is_empty());
    all
}

fn system(
    record: &Record,
    shown: &Shown<'_>,
    windows: &[WindowView],
    id: &SystemId,
    at: Timestamp,
) -> SystemView {
    let configured = record.catalogue.system(id.as_str());
    let state = record.state(id);
    let planned = record.is_excused(id.as_str());
    let (word, label) = match state {
        State::Down if planned => ("maintenance", "Planned downtime"),
        State::Down => ("down", "Not available"),
        State::Degraded => ("degraded", "Impaired"),
        State::Unknown => ("unknown", "Not observed"),
        State::Up => ("up", "Available"),
    };
    let open = record.systems.get(id).and_then(|known| {
        let mut outages = known
            .outages
            .iter()
            .filter_map(|outage| record.outages.get(outage));
        outages.find(|outage| outage.end.is_none())
    });
    let in_maintenance = windows
        .iter()
        .any(|w| w.state == "in progress" && w.systems.iter().any(|own| own.id == id.as_str()));
    SystemView {
        id: id.to_string(),
        name: shown.named(id).name,
        partner: configured.is_some_and(|system| system.kind == Kind::Partner),
        state: word,
        label,
        in_maintenance,
        since: open.map(|outage| When::of(outage.start, &shown.zone)),
        advice: configured
            .and_then(|system| system.downtime_advice.clone())
            .filter(|_| state == State::Down),
        days: days::of(record, id, &shown.zone, shown.pages.days, at),
        strip: String::new(),
    }
}

/// The tone, the one sentence, and a second one about partners.
fn sentence(systems: &[SystemView]) -> (&'static str, String, String) {
    let named = |partner: bool, state: &str| -> Vec<&str> {
        let all = systems
            .iter()
            .filter(|s| s.partner == partner && s.state == state);
        all.map(|system| system.name.as_str()).collect()
    };
    let also = match named(true, "down").as_slice() {
        [] => String::new(),
        [one] => format!("A partner’s system is not available: {one}."),
        many => format!("Systems of partners are not available: {}.", list(many)),
    };
    let own = systems.iter().filter(|system| !system.partner).count();
    for (state, one, many) in [
        ("down", "is not available", "are not available"),
        ("degraded", "is impaired", "are impaired"),
        (
            "maintenance",
            "is down for planned maintenance",
            "are down for planned maintenance",
        ),
        (
            "unknown",
            "is not being observed at the moment",
            "are not being observed at the moment",
        ),
    ] {
        let names = named(false, state);
        let sentence = match names.as_slice() {
            [] => continue,
            _ if names.len() == own && own > 1 => format!("All systems {many}."),
            [name] => format!("{name} {one}."),
            [..] if names.len() <= 3 => format!("{} {many}.", list(&names)),
            [..] => format!("{} of {own} systems {many}.", names.len()),
        };
        let tone = match state {
            "down" => "down",
            "degraded" => "degraded",
            "maintenance" => "maintenance",
            _ => "unknown",
        };
        return (tone, sentence, also);
    }
    let sentence = match own {
        0 => "No system is shown yet.".to_owned(),
        1 => format!("{} is available.", named(false, "up").concat()),
        _ => "All systems are available.".to_owned(),
    };
    ("up", sentence, also)
}

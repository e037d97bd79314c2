//! Made-up notices for previews and for checking every template at the start. They are never sent.

use domain::calendar::Month;
use domain::catalogue::{Catalogue, Customer, System};
use domain::handling::ClockRun;
use domain::id::{IncidentId, OutageId, SystemId, WindowId};
use domain::incident::Phase;
use domain::notice::{
    About, Address, Affected, Alert, Declared, Flapping, Kind, MissingTexts, Named, Notice,
    Overran, Recipient, Report, ReportFile, Role, Window, Words,
};
use domain::policy::Clock;
use domain::sample::Reason;
use domain::span::Span;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// A notice of `kind` as the first customer of `catalogue` would get it at `at`.
pub fn notice(kind: Kind, catalogue: &Catalogue, at: Timestamp) -> Notice {
    let customer = catalogue.customers.iter().find(|c| !c.systems.is_empty());
    let system = customer
        .and_then(|c| catalogue.system(c.systems.first()?.as_str()))
        .or_else(|| catalogue.systems.first());
    if matches!(kind, Kind::ReportDraft | Kind::Report) {
        return about_report(kind, catalogue, at);
    }
    if kind.is_alert() {
        return to_staff(kind, catalogue, system, at);
    }
    Notice {
        affected: vec![affected(kind, system, at)],
        ..frame(kind, customer, at)
    }
}

/// A mail to the first contact about an incident of `system`.
fn to_staff(kind: Kind, catalogue: &Catalogue, system: Option<&System>, at: Timestamp) -> Notice {
    let contact = catalogue.contacts.iter().find(|c| c.email.is_some());
    let name = contact.map_or("on-call", |c| c.id.as_str()).to_owned();
    let mail = contact.and_then(|c| c.email.clone());
    let customer = catalogue.customers.first();
    let about = match kind {
        Kind::Escalation => About::Level {
            level: 1,
            severity: "high".to_owned(),
            contacts: vec![Named {
                name: name.clone(),
                phone: contact.and_then(|c| c.phone.clone()),
            }],
            is_passed_on: false,
        },
        Kind::ToldFailed => About::NotTold {
            customer: customer.map_or_else(|| "customer".into(), |c| c.id.clone()),
            name: customer
                .map_or("A Customer", |c| c.name.as_str())
                .to_owned(),
            addresses: customer.map_or_else(
                || vec!["it@customer.example".to_owned()],
                |c| c.contacts.clone(),
            ),
            phone: customer.map_or(Some("+1 716 555 0100".to_owned()), |c| c.phone.clone()),
            since: at,
            reply: Some("smtp.example.org:25: 451 4.7.1 Try again later".to_owned()),
        },
        Kind::ProblemReported => About::Reported {
            issue: "Signing in".to_owned(),
            text: "The second step of the sign-in does not end.\nSince this morning.".to_owned(),
            received: at,
        },
        _ => About::Clock(ClockRun {
            clock: Clock::Response,
            number: 1,
            severity: "high".to_owned(),
            started: at,
            due: Some(at + SignedDuration::from_hours(1)),
        }),
    };
    let alert = Alert {
        cause: 1,
        at,
        opened: Some(at),
        acknowledged_by: None,
        about,
    };
    let named = affected(kind, system, at);
    Notice {
        recipient: Recipient {
            address: Address::Mail(mail.unwrap_or_else(|| "on-call@example.org".to_owned())),
            who: [Role::Contact(name.clone())].into(),
            name,
            zone: match catalogue.zone.as_str() {
                "" => "UTC".to_owned(),
                zone => zone.to_owned(),
            },
        },
        affected: vec![named],
        window: None,
        incident: Some(IncidentId(1)),
        alert: Some(alert),
        ..frame(kind, None, at)
    }
}

/// The same mail in other words: acknowledged, another clock, nothing that is optional.
fn other_alert(notice: &Notice) -> Notice {
    let mut notice = notice.clone();
    if let Some(alert) = &mut notice.alert {
        alert.opened = None;
        alert.acknowledged_by = Some("kim".to_owned());
        match &mut alert.about {
            About::Level { contacts, .. } => {
                contacts.push(Named {
                    name: "lead".to_owned(),
                    phone: Some("+1 716 555 0100".to_owned()),
                });
                notice.affected.clear();
            }
            About::Clock(run) => {
                run.clock = match notice.kind {
                    Kind::ClockDue => Clock::Update,
                    _ => Clock::DisasterRecovery,
                };
            }
            About::Reported { text, .. } => *text = "It is slow.".to_owned(),
            About::NotTold { phone, reply, .. } => {
                (*phone, *reply) = (None, None);
            }
        }
    }
    notice
}

/// A mail about the report of the first committee for the month before `at`.
fn about_report(kind: Kind, catalogue: &Catalogue, at: Timestamp) -> Notice {
    let committee = catalogue.committees.first();
    let system = catalogue.systems.first();
    let id = committee.map_or_else(|| "committee".into(), |c| c.id.clone());
    let name = committee.map_or("A Committee", |c| c.name.as_str());
    let month = Month::of(at, &TimeZone::UTC).prev();
    let is_final = kind == Kind::Report;
    let text = |text: &str| is_final.then(|| text.to_owned());
    let report = Report {
        committee: id.clone(),
        committee_name: name.to_owned(),
        month,
        revision: 0,
        replaces: Vec::new(),
        meeting: (!is_final).then(|| at + SignedDuration::from_hours(5 * 24)),
        missing: (!is_final)
            .then(|| MissingTexts {
                incident: IncidentId(1),
                opened: at,
                systems: vec![system.map_or("A System", |s| s.name.as_str()).to_owned()],
                texts: vec!["summary".to_owned(), "root cause".to_owned()],
            })
            .into_iter()
            .collect(),
        approved_by: text("chair"),
        reason: None,
        headline: text("All systems met their targets."),
        happened: text("There was no unplanned outage.").into_iter().collect(),
        file: is_final.then(|| ReportFile {
            name: format!("{id}-{month}-final.html"),
            bytes: 312_000,
            sha256: "0".repeat(64),
        }),
    };
    let member = committee.and_then(|c| c.members.first());
    Notice {
        kind,
        recipient: Recipient {
            address: Address::Mail(
                member
                    .map_or("chair@committee.example", |m| m.as_str())
                    .to_owned(),
            ),
            who: [Role::Committee(id)].into(),
            name: name.to_owned(),
            zone: committee.map_or("UTC", |c| c.zone.as_str()).to_owned(),
        },
        affected: Vec::new(),
        window: None,
        incident: None,
        references: Vec::new(),
        includes_downtime: false,
        report: Some(report),
        words: Vec::new(),
        alert: None,
    }
}

/// A revision whose recipient got no earlier report, with a file that is too large.
fn revised(notice: &Notice) -> Notice {
    let mut notice = notice.clone();
    if let Some(report) = &mut notice.report {
        report.revision = 2;
        report.replaces = vec![0, 1];
        report.reason = Some("An exclusion was approved.".to_owned());
        report.missing.extend(report.missing.clone());
        report.file.iter_mut().for_each(|f| f.bytes = 7_300_000);
    }
    notice
}

/// Every kind in its variants: with one system and several, without an observed end, within a
/// window, without optional values, and so on.
pub(super) fn every() -> Vec<Notice> {
    let nothing = Catalogue::default();
    let at = Timestamp::UNIX_EPOCH;
    let mut notices = Vec::new();
    for kind in Kind::ALL {
        let plain = notice(kind, &nothing, at);
        if plain.report.is_some() {
            notices.extend([revised(&plain), plain]);
            continue;
        }
        if plain.alert.is_some() {
            notices.extend([other_alert(&plain), plain]);
            continue;
        }
        let mut several = plain.clone();
        several.affected.push(Affected {
            impaired: true,
            unobserved: Some(Span::new(at, at + SignedDuration::from_secs(90))),
            down_s: Some(10),
            system: SystemId::from("system-2"),
            outage: Some(OutageId(2)),
            ..plain.affected[0].clone()
        });
        several.includes_downtime = true;
        let mut bare = plain.clone();
        bare.window = None;
        bare.incident = None;
        bare.affected = vec![Affected {
            outage: None,
            from: None,
            to: None,
            down_s: None,
            reason: None,
            ..plain.affected[0].clone()
        }];
        let impaired = Notice {
            affected: vec![several.affected[1].clone()],
            ..plain.clone()
        };
        let mut again = plain.clone();
        again.affected.insert(
            0,
            Affected {
                to: Some(at),
                outage: Some(OutageId(0)),
                ..plain.affected[0].clone()
            },
        );
        let mut worked = several.clone();
        worked.window = Some(work(kind, at));
        let mut spent = plain.clone();
        spent
            .window
            .iter_mut()
            .for_each(|w| w.monthly_allowance_s = Some(600));
        let mut split = plain.clone();
        split.affected[0].overran = Some(Overran {
            began: at,
            unplanned_from: at + SignedDuration::from_secs(300),
            planned_s: 300,
        });
        let [mut reported, mut both] = [plain.clone(), several.clone()];
        reported.affected[0].declared = Some(Declared::Wholly);
        both.affected[0].declared = Some(Declared::Partly);
        notices.extend([plain, several, bare, impaired, again]);
        notices.extend([worked, spent, split, reported, both]);
        notices.extend(unstable(kind, &nothing, at));
    }
    notices
}

/// The same for a flapping system; `None` for kinds without that variant.
pub fn unstable(kind: Kind, catalogue: &Catalogue, at: Timestamp) -> Option<Notice> {
    if !matches!(kind, Kind::Downtime | Kind::Uptime) {
        return None;
    }
    let mut notice = notice(kind, catalogue, at);
    for affected in &mut notice.affected {
        let system = catalogue.system(affected.system.as_str());
        let terms = system.map_or(domain::catalogue::Flapping::USUAL, |s| s.flapping);
        affected.flapping = Some(Flapping {
            outages: vec![OutageId(1), OutageId(2), OutageId(3)],
            since: at,
            hold_s: terms.hold_s,
        });
        affected.down_s = affected.down_s.map(|_| 540);
    }
    Some(notice)
}

fn frame(kind: Kind, customer: Option<&Customer>, at: Timestamp) -> Notice {
    let posted = matches!(kind, Kind::Update | Kind::Correction | Kind::ProblemReceipt);
    let windowed = !posted && !kind.is_alert() && !matches!(kind, Kind::Downtime | Kind::Uptime);
    let text =
        |found: Option<&String>, other: &str| found.cloned().unwrap_or_else(|| other.to_owned());
    Notice {
        kind,
        recipient: Recipient {
            address: Address::Mail(text(
                customer.and_then(|c| c.contacts.first()),
                "it@customer.example",
            )),
            who: customer
                .iter()
                .map(|c| Role::Customer(c.id.clone()))
                .collect(),
            name: text(customer.map(|c| &c.name), "A Customer"),
            zone: text(customer.map(|c| &c.zone), "UTC"),
        },
        affected: Vec::new(),
        window: windowed.then(|| work(kind, at)),
        incident: matches!(
            kind,
            Kind::Downtime
                | Kind::Uptime
                | Kind::MaintenanceOverrun
                | Kind::Update
                | Kind::Correction
                | Kind::ProblemReceipt
        )
        .then_some(IncidentId(1)),
        references: Vec::new(),
        includes_downtime: false,
        report: None,
        words: posted.then(|| words(kind, at)).into_iter().collect(),
        alert: None,
    }
}

fn words(kind: Kind, at: Timestamp) -> Words {
    let (number, phase, text) = match kind {
        Kind::Correction => (
            0,
            None,
            "A password of our own check had expired. The system was available.",
        ),
        Kind::ProblemReceipt => (0, None, "Signing in"),
        _ => (
            1,
            Some(Phase::Identified),
            "A disk is full. We make space.\nNext update within 30 minutes.",
        ),
    };
    Words {
        number,
        at,
        text: text.to_owned(),
        phase,
    }
}

fn work(kind: Kind, at: Timestamp) -> Window {
    Window {
        id: WindowId::from("preview"),
        title: "Application update".to_owned(),
        impact: Some("Users are signed out once.".to_owned()),
        span: Span::new(at, at + SignedDuration::from_hours(1)),
        max_downtime_s: Some(300),
        previous_span: (kind == Kind::MaintenanceChanged).then(|| {
            let earlier = SignedDuration::from_hours(2);
            Span::new(at - earlier, at - SignedDuration::from_hours(1))
        }),
        monthly_allowance_s: None,
    }
}

fn affected(kind: Kind, system: Option<&System>, at: Timestamp) -> Affected {
    let down = matches!(
        kind,
        Kind::Downtime | Kind::Uptime | Kind::MaintenanceOverrun
    );
    let over = kind == Kind::Uptime;
    Affected {
        system: system.map_or_else(|| SystemId::from("system"), |s| s.id.clone()),
        name: system.map_or_else(|| "A System".to_owned(), |s| s.name.clone()),
        outage: down.then_some(OutageId(1)),
        joined: Vec::new(),
        declared: None,
        from: down.then_some(at),
        to: over.then(|| at + SignedDuration::from_secs(2_250)),
        down_s: over.then_some(2_250),
        unobserved: None,
        reason: down.then_some(Reason::Refused),
        impaired: false,
        advice: system.and_then(|s| s.downtime_advice.clone()),
        flapping: None,
        overran: (kind == Kind::MaintenanceOverrun).then(|| Overran {
            began: at,
            unplanned_from: at + SignedDuration::from_mins(5),
            planned_s: 300,
        }),
    }
}

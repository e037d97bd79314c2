//! The script: what breaks and is mended, what is typed, and what Nines should do each time. Each
//! step waits for what it should bring about, so a slow machine only takes longer.

use std::time::Duration;

use domain::id::SystemId;
use domain::notice::Kind;
use domain::record::{Outage, Record, State};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tokio::time::sleep;

use super::stage::{Stage, arrived, is_at, is_told, last_outage};
use super::systems::Mood;
use crate::clock;

/// How long the script takes where nothing holds it up, with room to spare.
pub const LENGTH: Duration = Duration::from_secs(45);

/// Time to read what was said.
const READ: Duration = Duration::from_secs(1);

/// How long after the truth an edge may be found: probes run once a second, and a busy machine
/// starts some late.
const LATE: Duration = Duration::from_secs(5);

/// The hospital's contact.
const HOSPITAL: &str = "it@st-elsewhere.example";
/// The practice's contact.
const PRACTICE: &str = "office@lakeside.example";
/// The id of the window.
const WINDOW: &str = "interface-restart";

/// Plays it all.
pub async fn play(stage: &mut Stage, zone: &TimeZone) {
    all_up(stage).await;
    portal(stage).await;
    let window = announce(stage, zone).await;
    not_told(stage).await;
    maintenance(stage, window).await;
}

async fn all_up(stage: &mut Stage) {
    stage
        .until("all four systems are known to be up", |record, _| {
            let systems = &record.catalogue.systems;
            !systems.is_empty() && systems.iter().all(|s| record.state(&s.id) == State::Up)
        })
        .await;
    stage.say("All four systems answer. Each is asked once a second.");
    sleep(READ * 2).await;
}

/// An outage as customers know it: told when it begins and when it ends.
async fn portal(stage: &mut Stage) {
    stage.say("The portal stops listening: connections are refused.");
    let broken_at = clock::now();
    stage.systems.portal.be(Mood::Refusing);
    stage
        .until(
            "the portal's outage begins when it was broken",
            |record, _| {
                last_outage(record, "portal").is_some_and(|o| is_at(o.start, broken_at, LATE))
            },
        )
        .await;
    stage
        .until(
            "both customers of the portal get a downtime mail",
            |record, mails| {
                last_outage(record, "portal").is_some_and(|o| {
                    let about = o.id.to_string();
                    arrived(record, mails, Kind::Downtime, &about, &[HOSPITAL, PRACTICE])
                })
            },
        )
        .await;
    stage
        .type_in(&["incident", "ack", "portal", "--by", "Kim"])
        .await;
    stage
        .until("the incident is acknowledged", |record, _| {
            let incident = record.incident_of(&SystemId::from("portal"));
            incident.is_some_and(|i| i.acknowledged.is_some())
        })
        .await;
    sleep(READ).await;
    stage.say("The portal listens again.");
    let mended_at = clock::now();
    stage.systems.portal.be(Mood::Well);
    stage
        .until(
            "the portal's outage ends when it was mended",
            |record, _| ended(record, "portal").is_some_and(|(_, end)| is_at(end, mended_at, LATE)),
        )
        .await;
    stage
        .until(
            "both customers of the portal get an uptime mail",
            |record, mails| {
                ended(record, "portal").is_some_and(|(outage, _)| {
                    let about = outage.id.to_string();
                    arrived(record, mails, Kind::Uptime, &about, &[HOSPITAL, PRACTICE])
                })
            },
        )
        .await;
    sleep(READ).await;
}

/// A window is scheduled, and customers are mailed about it; when it begins and ends.
async fn announce(stage: &mut Stage, zone: &TimeZone) -> (Timestamp, Timestamp) {
    stage.say("Planned work on the interface, announced before it begins:");
    let after = |seconds| {
        let at = clock::now() + SignedDuration::from_secs(seconds);
        at.round(jiff::Unit::Second).unwrap_or(at)
    };
    let written = |at: Timestamp| {
        let local = at.to_zoned(zone.clone());
        local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    };
    let (start, end) = (after(6), after(21));
    let (from, to) = (written(start), written(end));
    let system = "results-interface";
    let title = "Restart for an update";
    let words = [
        "maintenance",
        "schedule",
        WINDOW,
        "--system",
        system,
        "--title",
        title,
        "--start",
        &from,
        "--end",
        &to,
    ];
    stage.type_in(&words).await;
    stage
        .until(
            "the hospital is mailed about the window before it begins",
            |record, mails| {
                arrived(
                    record,
                    mails,
                    Kind::MaintenanceScheduled,
                    WINDOW,
                    &[HOSPITAL],
                )
            },
        )
        .await;
    stage.say("The mail was taken before the work begins: that earns the window.");
    (start, end)
}

/// What nobody is mailed about: slowness, and a partner's failure.
async fn not_told(stage: &mut Stage) {
    stage.say(
        "Until it begins: the FHIR server now takes 0.6 s for an answer, and the partner's \
         registry answers 503.",
    );
    stage
        .systems
        .fhir
        .be(Mood::Slow(Duration::from_millis(600)));
    stage.systems.partner.be(Mood::Unavailable);
    stage
        .until("the slow FHIR server is degraded", |record, _| {
            record.state(&SystemId::from("fhir")) == State::Degraded
        })
        .await;
    stage
        .until("the partner is down", |record, _| {
            record.state(&SystemId::from("referral-registry")) == State::Down
        })
        .await;
    let silent = {
        let record = stage.record.borrow();
        let kinds = &Kind::ALL;
        !is_told(&record, "fhir", kinds) && !is_told(&record, "referral-registry", kinds)
    };
    stage.check("nobody is mailed about slowness or a partner", silent);
    stage.say(
        "Nobody is mailed: slow is not down, and no customer here depends on the partner, whose \
         failures are held against nobody.",
    );
    stage.systems.fhir.be(Mood::Well);
    stage.systems.partner.be(Mood::Well);
    stage
        .until(
            "the FHIR server and the partner are up again",
            |record, _| {
                let up = |system| record.state(&SystemId::from(system)) == State::Up;
                up("fhir") && up("referral-registry")
            },
        )
        .await;
}

/// Downtime inside of an earned window: two mails about the work, none about an outage.
async fn maintenance(stage: &mut Stage, (start, end): (Timestamp, Timestamp)) {
    stage
        .until(
            "the hospital is mailed when the window begins",
            |record, mails| arrived(record, mails, Kind::MaintenanceStarted, WINDOW, &[HOSPITAL]),
        )
        .await;
    let begun = clock::now() >= start;
    stage.check("the window begins no earlier than announced", begun);
    stage.say("Within its window the interface is stopped.");
    stage.systems.interface.be(Mood::Refusing);
    stage
        .until("the interface is down as planned", |record, _| {
            last_outage(record, "results-interface").is_some_and(|o| o.planned)
        })
        .await;
    stage.say("The interface is started again.");
    stage.systems.interface.be(Mood::Well);
    stage
        .until(
            "the interface is up before its window is over",
            |record, _| ended(record, "results-interface").is_some_and(|(_, at)| at < end),
        )
        .await;
    let over = stage.voice.time(end);
    stage.say(&format!(
        "Nothing more is broken. The window is open until {over}: a good moment to look at the \
         mails."
    ));
    stage
        .until(
            "the hospital is mailed when the window is over",
            |record, mails| {
                arrived(
                    record,
                    mails,
                    Kind::MaintenanceCompleted,
                    WINDOW,
                    &[HOSPITAL],
                )
            },
        )
        .await;
    let quiet = {
        let record = stage.record.borrow();
        let alarms = [Kind::Downtime, Kind::Uptime, Kind::MaintenanceOverrun];
        !is_told(&record, "results-interface", &alarms)
    };
    stage.check("planned downtime raises no alarm", quiet);
}

/// The last outage of a system that is over, and its end.
fn ended<'a>(record: &'a Record, system: &str) -> Option<(&'a Outage, Timestamp)> {
    let outage = last_outage(record, system)?;
    Some((outage, outage.end?))
}

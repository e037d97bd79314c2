//! The script: the faults, the typed commands, and the expected reaction of Nines to each. Each
//! step waits for its effect, so a slow machine only takes longer.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Unit};
use tokio::time::sleep;

use crate::checks::{Checks, is_at};
use crate::follow::{is_degraded, last_outage};
use crate::systems::Mood;

/// The usual length of the script, with a margin.
pub const LENGTH: Duration = Duration::from_secs(45);

/// Time to read the printed lines.
const READ: Duration = Duration::from_secs(1);

/// How many probes the configuration has: one for each system.
const PROBES: usize = 4;

/// The hospital's contact.
const HOSPITAL: &str = "it@st-elsewhere.example";
/// The practice's contact.
const PRACTICE: &str = "office@lakeside.example";
/// The contact of the first level of escalation.
const ON_CALL: &str = "on-call@example.org";
/// The id of the maintenance window.
const WINDOW: &str = "interface-restart";
/// The system of the maintenance window.
const INTERFACE: &str = "results-interface";

/// Plays the whole script. The typed times are in `zone`.
pub async fn play(checks: &mut Checks, zone: &TimeZone) {
    all_up(checks).await;
    portal(checks).await;
    let window = announce(checks, zone).await;
    no_notice(checks).await;
    maintenance(checks, window).await;
}

async fn all_up(checks: &mut Checks) {
    checks
        .until("all four systems are known to be up", |events| {
            let first = events.iter().filter(|e| e.kind == "probe-first-result");
            first.count() >= PROBES
        })
        .await;
    checks.say("All four systems answer. Each is probed once a second.");
    sleep(READ * 2).await;
}

/// An outage: customers are notified when it begins and when it ends.
async fn portal(checks: &mut Checks) {
    checks.say("The portal stops listening: connections are refused.");
    let broken_at = checks.now();
    checks.systems.portal.set(Mood::Refusing);
    checks
        .until("the portal's outage begins when it was broken", |events| {
            last_outage(events, "portal").is_some_and(|o| is_at(o.start, broken_at))
        })
        .await;
    let both = [HOSPITAL, PRACTICE];
    let what = "both customers of the portal get a downtime mail";
    checks.until_mailed(what, "downtime", "portal", &both).await;
    let what = "on-call is mailed at once: the first level of the escalation";
    checks
        .until_mailed(what, "escalation", "portal", &[ON_CALL])
        .await;
    checks
        .type_in(&["incident", "ack", "portal", "--by", "Kim"])
        .await;
    checks
        .until("the incident is acknowledged", |events| {
            events.iter().any(|e| e.kind == "incident-acknowledged")
        })
        .await;
    let mut update = vec!["incident", "update", "portal", "--state", "identified"];
    update.extend(["--text", "A wrong setting. We correct it.", "--by", "Kim"]);
    checks.type_in(&update).await;
    let what = "both customers of the portal get Kim's update";
    checks.until_mailed(what, "update", "portal", &both).await;
    let what = "with its delivery the response and the update of the agreement are in time";
    checks
        .until(what, |events| {
            events.iter().filter(|e| e.kind == "clock-met").count() == 2
        })
        .await;
    sleep(READ).await;
    checks.say("The portal listens again.");
    let mended_at = checks.now();
    checks.systems.portal.set(Mood::Well);
    checks
        .until("the portal's outage ends when it was mended", |events| {
            let end = last_outage(events, "portal").and_then(|o| o.end);
            end.is_some_and(|end| is_at(end, mended_at))
        })
        .await;
    let what = "both customers of the portal get an uptime mail";
    checks.until_mailed(what, "uptime", "portal", &both).await;
    sleep(READ).await;
}

/// Schedules a maintenance window. Customers are notified before it begins. Returns its start and
/// end.
async fn announce(checks: &mut Checks, zone: &TimeZone) -> (Timestamp, Timestamp) {
    checks.say("Planned work on the interface, announced before it begins:");
    let after = |seconds| {
        let at = checks.now() + SignedDuration::from_secs(seconds);
        at.round(Unit::Second).unwrap_or(at)
    };
    let written = |at: Timestamp| {
        let local = at.to_zoned(zone.clone());
        local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    };
    let (start, end) = (after(6), after(21));
    let (from, to) = (written(start), written(end));
    let mut words = vec!["maintenance", "schedule", WINDOW, "--system", INTERFACE];
    words.extend(["--title", "Restart for an update"]);
    words.extend(["--start", &from, "--end", &to]);
    checks.type_in(&words).await;
    let what = "the hospital is mailed about the window before it begins";
    checks
        .until_mailed(what, "maintenance-scheduled", INTERFACE, &[HOSPITAL])
        .await;
    checks.say("The mail arrived before the work begins, so downtime in the window is planned.");
    (start, end)
}

/// A slow system and a failing partner: no customer is notified.
async fn no_notice(checks: &mut Checks) {
    checks.say(
        "Until it begins: the FHIR server now takes 0.6 s for an answer, and the partner's \
         registry answers 503.",
    );
    let slow = Mood::Slow(Duration::from_millis(600));
    checks.systems.fhir.set(slow);
    checks.systems.partner.set(Mood::Unavailable);
    let registry = "referral-registry";
    checks
        .until("the slow FHIR server is degraded", |events| {
            is_degraded(events, "fhir/metadata")
        })
        .await;
    checks
        .until("the partner is down", |events| {
            last_outage(events, registry).is_some_and(|o| o.end.is_none())
        })
        .await;
    let what = "no customer is mailed about slowness or a partner";
    checks.none_notified(what, &["fhir", registry], &[]).await;
    checks.say(
        "No mail is sent: slow is not down, and no customer here depends on the partner, whose \
         failures do not count against you.",
    );
    checks.systems.fhir.set(Mood::Well);
    checks.systems.partner.set(Mood::Well);
    checks
        .until("the FHIR server and the partner are up again", |events| {
            let partner = last_outage(events, registry);
            partner.is_some_and(|o| o.end.is_some()) && !is_degraded(events, "fhir/metadata")
        })
        .await;
}

/// Planned downtime: two mails about the window, none about an outage.
async fn maintenance(checks: &mut Checks, (start, end): (Timestamp, Timestamp)) {
    let what = "the hospital is mailed when the window begins";
    checks
        .until_mailed(what, "maintenance-started", INTERFACE, &[HOSPITAL])
        .await;
    let begun = checks.now() >= start;
    checks.check("the window begins no earlier than announced", begun);
    checks.say("Within its window the interface is stopped.");
    checks.systems.interface.set(Mood::Refusing);
    checks
        .until("the interface is down as planned", |events| {
            last_outage(events, INTERFACE).is_some_and(|o| o.planned)
        })
        .await;
    checks.say("The interface is started again.");
    checks.systems.interface.set(Mood::Well);
    checks
        .until("the interface is up before its window is over", |events| {
            let over = last_outage(events, INTERFACE).and_then(|o| o.end);
            over.is_some_and(|over| over < end)
        })
        .await;
    let over = checks.time(end);
    checks.say(&format!(
        "That was the last fault. The window is open until {over}: a good moment to look at the \
         mails."
    ));
    let what = "the hospital is mailed when the window is over";
    checks
        .until_mailed(what, "maintenance-completed", INTERFACE, &[HOSPITAL])
        .await;
    let alarms = ["downtime", "uptime", "maintenance-overrun"];
    checks
        .none_notified("planned downtime raises no alarm", &[INTERFACE], &alarms)
        .await;
}

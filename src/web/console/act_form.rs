//! Forms become acts. The fields of a form are the keys of the act, as scenarios and the command line write them, so
//! that no act is declared twice. A form is tried first: the page that asks for confirmation says what would be recorded
//! and who would be notified.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::act::Act;
use domain::actor::{Actor, How};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use people::Role;
use serde_json::{Map, Value, json};

use super::access::SignedIn;
use super::notices::{Line, line};
use super::proposals;
use super::second_person::NOBODY_YET;
use super::{Console, Shared};
use crate::sentence::sentence;
use crate::web::state::{ActRequest, Receipt, Reply};

type Fields = Vec<(String, String)>;

/// The role that an act needs. What excuses or approves needs an approver.
pub fn role(act: &Act) -> Role {
    match act {
        Act::Acknowledge { .. }
        | Act::Review { .. }
        | Act::Update { .. }
        | Act::Respond { .. }
        | Act::Impact { .. }
        | Act::Severity { .. }
        | Act::Workaround { .. }
        | Act::Pause { .. }
        | Act::Resume { .. }
        | Act::Escalate { .. }
        | Act::DeclareDisaster { .. }
        | Act::Merge { .. }
        | Act::ReportProblem { .. }
        | Act::Resolve { .. }
        | Act::Correct { .. }
        | Act::MeasureDone { .. }
        | Act::Close { .. }
        | Act::DeclareOutage { .. }
        | Act::ScheduleMaintenance(_)
        | Act::ExtendMaintenance { .. }
        | Act::CancelMaintenance { .. }
        | Act::ResendNotice { .. }
        | Act::ImportDesk { .. }
        | Act::Told { .. } => Role::Operator,
        Act::ChangeDeclaration { .. }
        | Act::MonitorFault { .. }
        | Act::Exclude { .. }
        | Act::Reclassify { .. }
        | Act::ApproveReport { .. }
        | Act::ReviseReport { .. } => Role::Approver,
    }
}

/// The fields that are not keys of an act.
const OWN: [&str; 4] = ["back", "confirmed", "not_phi", "propose"];

/// The act of a form. A field's name may say the form of its value after a colon: `public:yes`, `systems:list`,
/// `start:time`, `max_downtime_s:minutes`, `as_of:number`. Empty fields are left out.
fn act_of(fields: &Fields, zone: &TimeZone) -> Result<Act, String> {
    let mut keys = Map::new();
    let mut measure = Map::new();
    let given = fields.iter().map(|(name, value)| (name, value.trim()));
    for (name, value) in
        given.filter(|(name, value)| !value.is_empty() && !OWN.contains(&name.as_str()))
    {
        let (key, form) = name.split_once(':').unwrap_or((name, "text"));
        let value = match form {
            "text" => json!(value.replace("\r\n", "\n")),
            "yes" => json!(value == "yes"),
            "number" => json!(number(key, value)?),
            "minutes" => json!(number(key, value)?.saturating_mul(60)),
            "time" => json!(time(key, value, zone)?),
            "list" => {
                let list = keys.entry(key).or_insert_with(|| json!([]));
                if let Value::Array(list) = list {
                    list.push(json!(value));
                }
                continue;
            }
            "measure" => {
                measure.insert(key.to_owned(), json!(value));
                continue;
            }
            other => return Err(format!("the form has a field of an unknown form: {other}")),
        };
        keys.insert(key.to_owned(), value);
    }
    if !measure.is_empty() {
        for (key, name) in [
            ("text", "the measure"),
            ("owner", "the owner of the measure"),
            ("due", "the day of the measure"),
        ] {
            if !measure.contains_key(key) {
                return Err(format!("{name} is missing"));
            }
        }
        keys.insert("measures".to_owned(), json!([measure]));
    }
    serde_json::from_value(Value::Object(keys)).map_err(|error| error.to_string())
}

fn number(key: &str, value: &str) -> Result<i64, String> {
    value
        .parse()
        .map_err(|_| format!("{} is no whole number: {value}", key.replace('_', " ")))
}

/// A local time of the service's zone, as browsers send it: `2026-11-30T03:11`.
fn time(key: &str, value: &str, zone: &TimeZone) -> Result<String, String> {
    let wrong = || {
        format!(
            "{} must be a day and a time, as 2026-11-30 03:11: {value}",
            key.replace('_', " ")
        )
    };
    let local: DateTime = value.replace(' ', "T").parse().map_err(|_| wrong())?;
    let at = zone.to_timestamp(local).map_err(|_| wrong())?;
    Ok(at.to_string())
}

pub async fn submit(
    State(console): Shared,
    Extension(who): Extension<SignedIn>,
    Form(fields): Form<Fields>,
) -> Response {
    let account = &who.account;
    let zone = console.app.snapshot().record.zone();
    let act = match act_of(&fields, &zone) {
        Ok(act) => act,
        Err(why) => return refused(&console, &who, &fields, &why),
    };
    // An act that waits for a second person takes effect by the approval of that person.
    let proposes = has(&fields, "propose");
    if let Err(why) = second_person_is_an_account(&act, proposes) {
        return refused(&console, &who, &fields, why);
    }
    let needed = match proposes {
        true => Role::Operator,
        false => role(&act),
    };
    if account.role < needed {
        let text = format!(
            "This needs the role {needed}. Your role is {}.",
            account.role
        );
        return console.message(account, StatusCode::FORBIDDEN, "Not allowed", &text);
    }
    let is_confirmed = has(&fields, "confirmed");
    let back = back(&fields);
    let proposed = proposes.then(|| act.clone());
    let asked = ActRequest {
        by: account.login.clone(),
        act: match proposes {
            true => act.approved_by(NOBODY_YET),
            false => act,
        },
        dry_run: proposes || !is_confirmed,
        anyway: is_confirmed,
        not_phi: not_phi(&fields),
    };
    let by = Actor {
        person: account.login.clone(),
        how: How::Console,
    };
    match (console.app.act(by, asked).await, proposed) {
        (Reply::Done(_), Some(act)) if is_confirmed => {
            proposals::propose(&console, account, &act, not_phi(&fields)).await
        }
        (Reply::Done(receipt), None) if is_confirmed => {
            let (recorded, left) = (sentences(&console, &receipt), receipt.left);
            console.page(
                account,
                "done.html",
                json!({ "recorded": recorded, "left": left, "back": back }),
            )
        }
        (Reply::Done(receipt), _) => {
            let recorded = sentences(&console, &receipt);
            let times = console.times();
            let told: Vec<Line> = receipt
                .notices
                .iter()
                .map(|notice| line(notice, account.role, &times))
                .collect();
            let left = receipt.left;
            console.page(
                account,
                "confirm.html",
                json!({
                    "fields": fields, "recorded": recorded, "told": told, "left": left, "back": back, "proposes": proposes,
                }),
            )
        }
        (Reply::Refused(why), _) => refused(&console, &who, &fields, &why),
        (Reply::Failed(why), _) => console.message(
            account,
            StatusCode::SERVICE_UNAVAILABLE,
            "Not recorded",
            &format!("{why}. Nothing was recorded. Try it again."),
        ),
    }
}

fn has(fields: &Fields, wanted: &str) -> bool {
    fields.iter().any(|(name, _)| name == wanted)
}

/// Checks that a second person is another account: a typed name is refused.
pub fn second_person_is_an_account(act: &Act, proposes: bool) -> Result<(), &'static str> {
    if act.second_person().is_some() {
        return Err(
            "a second person approves with an account of their own: leave `approved_by` out, and propose it",
        );
    }
    if proposes && !act.takes_second_person() {
        return Err("this needs no second person: record it without a proposal");
    }
    Ok(())
}

/// A person's reason why what looks like protected health information is none.
fn not_phi(fields: &Fields) -> Option<String> {
    let found = fields.iter().find(|(name, _)| name == "not_phi");
    let reason = found.map(|(_, value)| value.trim().to_owned());
    reason.filter(|reason| !reason.is_empty())
}

fn refused(console: &Arc<Console>, who: &SignedIn, fields: &Fields, why: &str) -> Response {
    // The refusal names the option of the command line; a form asks for the reason instead.
    if let Some((found, _)) = why.split_once("; remove it, or, if it is something else") {
        let page = json!({ "found": found, "fields": fields });
        return console.page(&who.account, "health_information.html", page);
    }
    let why = why.replace(
        "named with --approved-by",
        "and its form has a button that proposes it",
    );
    let text = format!(
        "{why}. Nothing was recorded. Go back to correct the form; your texts are still there."
    );
    console.message(&who.account, StatusCode::CONFLICT, "Refused", &text)
}

/// The page to return to: one of ours.
fn back(fields: &Fields) -> String {
    let back = fields.iter().find(|(name, _)| name == "back");
    let back = back.map(|(_, value)| value.as_str());
    back.filter(|path| path.starts_with("/console") && !path.contains(['\\', ':']))
        .unwrap_or("/console")
        .to_owned()
}

pub fn sentences(console: &Console, receipt: &Receipt) -> Vec<String> {
    let record = &console.app.snapshot().record;
    let events = receipt.events.iter().filter_map(|row| row.event());
    events.map(|event| sentence(&event, record)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(fields: &[(&str, &str)]) -> Result<Value, String> {
        let fields = fields
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        let zone = TimeZone::get("America/New_York").unwrap();
        let act = act_of(&fields.collect(), &zone)?;
        Ok(serde_json::to_value(act).unwrap())
    }

    #[test]
    fn a_form_is_the_act_that_a_scenario_writes() {
        let update = parsed(&[
            ("do", "update"),
            ("incident", "I-3"),
            ("text", " We replace\r\nthe disk. "),
            ("public:yes", "no"),
            ("phase", ""),
            ("estimate:time", "2026-11-30T03:11"),
            ("back", "/console"),
        ]);
        let update = update.unwrap();
        assert_eq!(update["do"], "update");
        assert_eq!(update["text"], "We replace\nthe disk.");
        assert_eq!(update["public"], false);
        assert_eq!(update["phase"], Value::Null);
        assert_eq!(update["estimate"], "2026-11-30T08:11:00Z");
        let window = parsed(&[
            ("do", "schedule_maintenance"),
            ("id", "disk"),
            ("title", "Disk"),
            ("systems:list", "portal"),
            ("systems:list", "results"),
            ("start:time", "2026-12-06 21:00"),
            ("end:time", "2026-12-06 22:00"),
            ("max_downtime:minutes", "5"),
        ]);
        assert!(
            window.is_err() || window.is_ok_and(|w| w["systems"] == json!(["portal", "results"]))
        );
    }

    #[test]
    fn a_field_that_is_wrong_is_named() {
        let why = |fields: &[(&str, &str)]| parsed(fields).unwrap_err();
        let base = [("do", "update"), ("incident", "I-3"), ("text", "x")];
        let with = |field| why(&[&base[..], &[field]].concat());
        assert!(with(("estimate:time", "soon")).contains("estimate must be a day and a time"));
        assert!(with(("colour", "red")).contains("unknown field `colour`"));
        assert!(why(&[("do", "dance")]).contains("unknown variant `dance`"));
        let half = why(&[("do", "review"), ("incident", "I-3"), ("text:measure", "x")]);
        assert_eq!(half, "the owner of the measure is missing");
    }

    #[test]
    fn the_way_back_never_leaves_the_console() {
        for (given, expected) in [
            ("/console/incidents/I-1", "/console/incidents/I-1"),
            ("https://evil.example/console", "/console"),
            ("//evil.example", "/console"),
            ("/console\\@evil.example", "/console"),
        ] {
            assert_eq!(back(&vec![("back".into(), given.into())]), expected);
        }
    }
}

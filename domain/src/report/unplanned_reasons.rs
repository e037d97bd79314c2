//! Why downtime inside or beside a window is unplanned, in words.

use super::scope::Scope;
use super::systems::Account;
use super::words::{self, instant, length};
use crate::accounting::{UnplannedReason, UnplannedTime};
use crate::id::OutageId;
use crate::record::Outage;
use crate::span::{Spans, second};
use crate::windows::Occurrence;

/// A clause for each reason, for the line of a window.
pub(super) fn of_window(
    scope: &Scope<'_>,
    account: &Account<'_>,
    window: &Occurrence,
) -> Vec<String> {
    let ours = account.unplanned.iter().filter(|u| u.window == window.id);
    ours.filter(|u| u.reason != UnplannedReason::NotEarned)
        .map(|u| clause(scope, account, window, u, &struck(scope, account, u)))
        .collect()
}

/// A clause for each reason, for the line of an outage.
pub(super) fn of_outage(
    scope: &Scope<'_>,
    account: &Account<'_>,
    outage: &Outage,
    why_not_earned: impl Fn(&Occurrence) -> String,
) -> Vec<String> {
    let mut clauses = Vec::new();
    for unplanned in &account.unplanned {
        if !meets(scope, outage, &unplanned.seconds) {
            continue;
        }
        let mut windows = account.windows.iter();
        let Some(window) = windows.find(|w| w.id == unplanned.window) else {
            continue;
        };
        let text = match unplanned.reason {
            UnplannedReason::NotEarned => {
                format!("nothing in it is planned: {}", why_not_earned(window))
            }
            UnplannedReason::PartNotEarned | UnplannedReason::BeganUnearned => format!(
                "{} (not announced in time, or outside the allowed hours)",
                clause(scope, account, window, unplanned, "it")
            ),
            UnplannedReason::Declared if outage.declared.is_some() => declared("it"),
            _ => clause(scope, account, window, unplanned, "it"),
        };
        clauses.push(format!(
            "{}: {text}",
            words::window(&window.title, &window.id)
        ));
    }
    clauses
}

fn meets(scope: &Scope<'_>, outage: &Outage, seconds: &Spans) -> bool {
    let end = outage.end.unwrap_or(scope.as_of);
    seconds.seconds_in(second(outage.start), second(end)) > 0
}

/// The outages with these seconds: `O-12`, `O-12 and O-15`.
fn struck(scope: &Scope<'_>, account: &Account<'_>, unplanned: &UnplannedTime) -> String {
    let known = account.figures.by_outage.iter();
    let ids: Vec<String> = known
        .filter_map(|o| scope.record.outages.get(&o.id))
        .filter(|o| meets(scope, o, &unplanned.seconds))
        .map(|o| OutageId::to_string(&o.id))
        .collect();
    if ids.is_empty() {
        "the downtime".to_owned()
    } else {
        super::words::list(&ids)
    }
}

fn declared(what: &str) -> String {
    format!("a person declared {what}; a declared outage is always unplanned")
}

/// The declared outages with these seconds: `O-12`, `O-12 and O-15`.
fn declarations(scope: &Scope<'_>, account: &Account<'_>, seconds: &Spans) -> String {
    let all = scope.record.outages.all();
    let declared = all.filter(|o| o.system == *account.id && o.declared.is_some());
    let ids = declared.filter(|o| meets(scope, o, seconds));
    super::words::list(&ids.map(|o| o.id.to_string()).collect::<Vec<_>>())
}

fn clause(
    scope: &Scope<'_>,
    account: &Account<'_>,
    window: &Occurrence,
    unplanned: &UnplannedTime,
    who: &str,
) -> String {
    let lost = length(unplanned.seconds.seconds());
    let from = instant(unplanned.from, &scope.zone);
    let grace = length(window.start_grace_s);
    match unplanned.reason {
        UnplannedReason::NotEarned => "nothing in it is planned".to_owned(),
        UnplannedReason::PartNotEarned => {
            format!("{lost} of {who} fell into a part of the window that does not count as planned")
        }
        UnplannedReason::MadeLater => {
            format!("{who} had begun before the window was created or widened, so it is unplanned")
        }
        UnplannedReason::BeganBefore(early_s) => format!(
            "{who} began {} before the window, longer than its grace period of {grace}: unplanned to the \
             end",
            length(early_s)
        ),
        UnplannedReason::BeganUnearned => format!(
            "{who} began in a part of the window that does not count as planned: unplanned to the end"
        ),
        UnplannedReason::Early => format!(
            "{who} began {lost} before the window, within its grace period of {grace}: unplanned until \
             the window began"
        ),
        UnplannedReason::UsedUp => format!(
            "the {} that the window allows were used up at {from}: a further {lost} are unplanned",
            length(window.max_downtime_s.unwrap_or_default())
        ),
        UnplannedReason::Outlasted => {
            format!("{who} continued for {lost} after the end of the window: unplanned from {from}")
        }
        UnplannedReason::MonthUsedUp => format!(
            "the {} that the agreement allows per month were used up at {from}: a further {lost} \
             are unplanned",
            length(account.monthly_allowance_s.unwrap_or_default())
        ),
        UnplannedReason::Declared => declared(&declarations(scope, account, &unplanned.seconds)),
        UnplannedReason::Reclassified => {
            format!("a person reclassified {lost} of {who} as unplanned")
        }
    }
}

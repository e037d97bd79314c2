//! Refuses texts with protected health information. Each text of each act passes here before anything is recorded.

use crate::act::{Act, Refusal};
use crate::actor::Actor;
use crate::guard::{self, Kind};

/// The findings that a person confirmed to be something else, with the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmed {
    pub found: Vec<Kind>,
    pub reason: String,
}

/// Checks the texts of an act. `not_phi` is the reason of a person who confirms that what was found is something else.
///
/// # Errors
/// A text has protected health information and no reason was given, or a pasted segment or resource; or the reason has
/// it itself; or there is a reason and nothing was found.
pub(in crate::decide) fn checked(
    by: &Actor,
    act: &Act,
    not_phi: Option<&str>,
) -> Result<Option<Confirmed>, Refusal> {
    let mut texts = act.texts();
    texts.push(("the name of the person who acts", &by.person));
    let mut found = Vec::new();
    for (name, text) in texts {
        for finding in guard::check(text) {
            if not_phi.is_none() || !finding.kind.is_confirmable() {
                return Err(refusal(name, text, &finding));
            }
            found.push(finding.kind);
        }
    }
    let Some(reason) = not_phi else {
        return Ok(None);
    };
    let name = "the reason why it is no protected health information";
    super::given(reason, name)?;
    if let Some(finding) = guard::check(reason).first() {
        let shown = guard::excerpt(reason, finding);
        return super::refuse(format!(
            "{name} holds what looks like {} itself: `{shown}`; write it without",
            finding.kind
        ));
    }
    if found.is_empty() {
        return super::refuse(
            "no text looks like protected health information: repeat the command without --not-phi",
        );
    }
    found.sort_unstable();
    found.dedup();
    Ok(Some(Confirmed {
        found,
        reason: reason.trim().to_owned(),
    }))
}

fn refusal(name: &str, text: &str, finding: &guard::Finding) -> Refusal {
    let kind = finding.kind;
    let shown = guard::excerpt(text, finding);
    Refusal(match kind.is_confirmable() {
        true => format!(
            "{name} holds what looks like {kind}: `{shown}`; remove it, or, if it is something else, repeat the \
             command with --not-phi \"REASON\", which is recorded"
        ),
        false => format!(
            "{name} holds {kind}: `{shown}`; remove it and describe the problem in words. No reason lifts this refusal"
        ),
    })
}

//! The second person of an act: acts that rewrite the past or excuse downtime name another person who approved them.

use super::Act;

impl Act {
    /// True for an act that a second person may or must approve.
    pub fn takes_second_person(&self) -> bool {
        matches!(
            self,
            Act::Acknowledge { .. }
                | Act::Respond { .. }
                | Act::ChangeDeclaration { .. }
                | Act::MonitorFault { .. }
                | Act::Exclude { .. }
                | Act::Told { .. }
        )
    }

    /// The second person, if the act names one.
    pub fn second_person(&self) -> Option<&str> {
        match self {
            Act::Acknowledge { approved_by, .. }
            | Act::Respond { approved_by, .. }
            | Act::ChangeDeclaration { approved_by, .. }
            | Act::Exclude { approved_by, .. }
            | Act::Told { approved_by, .. } => approved_by.as_deref(),
            Act::MonitorFault { approved_by, .. } => {
                Some(approved_by.as_str()).filter(|name| !name.is_empty())
            }
            _ => None,
        }
    }

    /// The act as `person` approves it. An act that takes no second person stays as it is.
    pub fn approved_by(mut self, person: &str) -> Self {
        match &mut self {
            Act::Acknowledge { approved_by, .. }
            | Act::Respond { approved_by, .. }
            | Act::ChangeDeclaration { approved_by, .. }
            | Act::Exclude { approved_by, .. }
            | Act::Told { approved_by, .. } => *approved_by = Some(person.to_owned()),
            Act::MonitorFault { approved_by, .. } => *approved_by = person.to_owned(),
            _ => {}
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_act_takes_a_second_person_exactly_if_it_can_name_one() {
        for keys in [
            r#"{"do":"acknowledge","incident":"I-1"}"#,
            r#"{"do":"respond","incident":"I-1","whom":"Lee","how":"call"}"#,
            r#"{"do":"change_declaration","outage":"O-1","to":"2026-10-07T06:00:00Z","reason":"r"}"#,
            r#"{"do":"monitor_fault","system":"s","from":"2026-10-07T06:00:00Z","to":"2026-10-07T07:00:00Z","evidence":"e"}"#,
            r#"{"do":"exclude","outage":"O-1","from":"2026-10-07T06:00:00Z","to":"2026-10-07T07:00:00Z","reason":"r","evidence":"e"}"#,
            r#"{"do":"told","window":"w","customer":"c","how":"call"}"#,
            r#"{"do":"reclassify","outage":"O-1","reason":"r"}"#,
            r#"{"do":"resume","incident":"I-1"}"#,
        ] {
            let act: Act = serde_json::from_str(keys).unwrap();
            assert_eq!(act.second_person(), None, "{keys}");
            let takes = act.takes_second_person();
            let approved = act.approved_by("bob");
            assert_eq!(approved.second_person(), takes.then_some("bob"), "{keys}");
        }
    }
}

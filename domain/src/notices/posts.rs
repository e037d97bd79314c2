//! Composes what people wrote about an incident: updates while it goes on, the correction of a false alarm.

use super::compose::{Content, Look};
use crate::id::{IncidentId, SystemId};
use crate::incident::Incident;
use crate::notice::{Address, Kind, Words};
use crate::record::notices::{Known, PostEntry};

impl Look<'_> {
    /// The first message with words of people that may leave. None does before the `downtime` of the
    /// same incident.
    pub fn post(&self) -> Option<Content> {
        let incidents = self.channel.posts.iter();
        let incidents = incidents.filter_map(|id| self.record.incidents.get(*id));
        let ready = incidents.filter(|incident| !self.is_downtime_owed(incident));
        ready
            .filter_map(|incident| self.words_about(incident))
            .next()
    }

    /// True if the address is owed the beginning of an outage of the incident, alone or together with its
    /// end.
    fn is_downtime_owed(&self, incident: &Incident) -> bool {
        let outages = incident.outages.iter();
        let outages = outages.filter_map(|id| self.record.outages.get(id));
        outages.into_iter().any(|outage| {
            let entry = self.record.notices.outage_entry(outage.id, self.address);
            let owed = entry.is_some_and(|e| e.is_open() && e.began.is_owed());
            owed && outage.counts_from().is_some()
        })
    }

    /// The receipt of a report; else all updates that the address is owed, oldest first; else the correction. A lost
    /// message is sent once more as it was.
    fn words_about(&self, incident: &Incident) -> Option<Content> {
        if let Some(receipt) = self.receipt(incident) {
            return Some(receipt);
        }
        let entries = self.record.notices.posts(incident.id, self.address);
        let owed = |kind: Kind| {
            let owed = entries.iter();
            owed.filter(move |e| e.kind == kind && e.known.is_owed())
        };
        let update = |entry: &PostEntry| {
            let place = usize::try_from(entry.number).ok()?.checked_sub(1)?;
            let said = incident.updates.get(place)?;
            Some(Words {
                number: entry.number,
                at: said.at,
                text: said.text.clone(),
                phase: said.phase,
            })
        };
        let lost = owed(Kind::Update).find(|e| matches!(e.known, Known::Lost(_)));
        let lost = lost.map(|e| e.known);
        let together = owed(Kind::Update).filter(|e| lost.is_none_or(|lost| e.known == lost));
        let updates: Vec<Words> = together.filter_map(update).collect();
        let (kind, words) = if updates.is_empty() {
            owed(Kind::Correction).next()?;
            let withdrawn = incident.withdrawn.as_ref()?;
            let words = Words {
                number: 0,
                at: withdrawn.at,
                text: withdrawn.reason.clone(),
                phase: None,
            };
            (Kind::Correction, vec![words])
        } else {
            (Kind::Update, updates)
        };
        let systems = incident.systems.iter();
        let mut systems: Vec<&SystemId> = systems.filter(|s| self.may_read(s)).collect();
        // A customer that no longer has the system is owed the correction all the same.
        if systems.iter().any(|s| self.is_for(s)) {
            systems.retain(|s| self.is_for(s));
        }
        Some(Content {
            kind,
            affected: systems.iter().map(|s| self.named_system(s)).collect(),
            window: None,
            incident: Some(incident.id),
            includes_downtime: false,
            report: None,
            words,
            alert: None,
        })
    }

    /// The receipt that a person is owed who reported a problem by the public form. It repeats none of the person's
    /// words: anybody can enter the address of another person, and the form must not send them a stranger's text.
    fn receipt(&self, incident: &Incident) -> Option<Content> {
        let entries = self.record.notices.posts(incident.id, self.address);
        let mut owed = entries.iter().filter(|e| e.known.is_owed());
        owed.find(|e| e.kind == Kind::ProblemReceipt)?;
        let mut problems = incident.handling.problems.iter();
        let (problem, form) = problems.find_map(|problem| {
            let form = problem.form.as_ref()?;
            (Address::Reporter(form.reporter) == *self.address).then_some((problem, form))
        })?;
        Some(Content {
            kind: Kind::ProblemReceipt,
            affected: problem
                .systems
                .iter()
                .map(|s| self.named_system(s))
                .collect(),
            window: None,
            incident: Some(incident.id),
            includes_downtime: false,
            report: None,
            words: vec![Words {
                number: 0,
                at: problem.received,
                text: form.issue.clone(),
                phase: None,
            }],
            alert: None,
        })
    }

    /// True if a customer with the address has the system, or no customer has the address any more.
    fn is_for(&self, system: &SystemId) -> bool {
        let customers = self.customers();
        customers.is_empty() || customers.iter().any(|c| c.systems.contains(system))
    }

    /// How certainly the address knows the earlier messages of the incident of `content`. An `update` or a
    /// `correction` continues their thread.
    pub fn posted(&self, content: &Content) -> Vec<Known> {
        let about: Option<IncidentId> = content.incident;
        let Some(incident) = about.and_then(|id| self.record.incidents.get(id)) else {
            return Vec::new();
        };
        let notices = &self.record.notices;
        let posts = notices.posts(incident.id, self.address).iter();
        let posts = posts.map(|e| e.known);
        if content.words.is_empty() {
            return posts.collect();
        }
        let outages = incident.outages.iter();
        let outages = outages.filter_map(|o| notices.outage_entry(*o, self.address));
        let outages = outages.flat_map(|e| [e.began, e.ended]);
        outages.chain(posts).collect()
    }
}

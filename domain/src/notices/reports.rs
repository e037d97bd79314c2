//! Composes the mails about reports: the draft to people who owe texts, the report to its committee.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::compose::{Content, Look};
use crate::calendar::Month;
use crate::catalogue::{Catalogue, Contact};
use crate::id::CommitteeId;
use crate::incident::Incident;
use crate::notice::{Kind, MissingTexts, Recipient, Report, ReportFile, Role};
use crate::record::Record;
use crate::record::notices::{ReportEntry, ReportKey};
use crate::report::Texts;
use crate::text;

/// The formats that a mail attaches, the best first, by the ending of the file's name.
const ATTACHED: [&str; 2] = [".pdf", ".html"];

/// The contact that a person's name means, however it is written.
pub fn contact<'a>(catalogue: &'a Catalogue, name: &str) -> Option<&'a Contact> {
    let person = text::person(name)?;
    let mut all = catalogue.contacts.iter();
    all.find(|c| text::person(&c.id).as_ref() == Some(&person))
}

/// The contacts that owe texts of a report, each with the incidents in question and their missing
/// texts. An incident's texts are owed by the owners of its systems, else by the person who
/// acknowledged it, else by the operators.
pub fn owing(
    record: &Record,
    committee: &str,
    month: Month,
) -> BTreeMap<String, Vec<MissingTexts>> {
    let mut owed: BTreeMap<String, Vec<MissingTexts>> = BTreeMap::new();
    let Ok(texts) = Texts::of(record, committee, month) else {
        return owed;
    };
    for (incident, missing) in texts.missing() {
        let said = MissingTexts {
            incident: incident.id,
            opened: incident.opened_at,
            systems: incident
                .systems
                .iter()
                .map(|id| {
                    let system = record.catalogue.system(id.as_str());
                    system.map_or_else(|| id.to_string(), |s| s.name.clone())
                })
                .collect(),
            texts: missing.into_iter().map(str::to_owned).collect(),
        };
        for contact in debtors(&record.catalogue, incident) {
            owed.entry(contact).or_default().push(said.clone());
        }
    }
    owed
}

fn debtors(catalogue: &Catalogue, incident: &Incident) -> Vec<String> {
    let systems = incident.systems.iter();
    let owners = systems.filter_map(|id| catalogue.system(id.as_str())?.owner.clone());
    let mut owners: Vec<String> = owners.collect();
    owners.sort_unstable();
    owners.dedup();
    if !owners.is_empty() {
        return owners;
    }
    let acknowledged = incident.acknowledged.as_ref();
    let person = acknowledged.and_then(|a| contact(catalogue, &a.by));
    match person.filter(|c| c.email.is_some()) {
        Some(contact) => vec![contact.id.clone()],
        None => catalogue.operators.clone(),
    }
}

impl Look<'_> {
    /// The first mail about a report that may be sent.
    pub fn report(&self, at: Timestamp) -> Option<Content> {
        let reports = self.channel.reports.iter();
        let content =
            reports.filter_map(|key| self.final_report(key).or_else(|| self.draft(key, at)));
        content
            .map(|(kind, report)| Content {
                kind,
                affected: Vec::new(),
                window: None,
                incident: None,
                includes_downtime: false,
                report: Some(report),
                words: Vec::new(),
                alert: None,
            })
            .next()
    }

    fn owed(&self, key: &ReportKey, kind: Kind) -> Vec<&ReportEntry> {
        let entries = self.record.notices.report(key, self.address).iter();
        entries
            .filter(|e| e.kind == kind && e.known.is_owed())
            .collect()
    }

    /// The newest revision. It names the earlier ones that the address never got.
    fn final_report(&self, key: &ReportKey) -> Option<(Kind, Report)> {
        let owed = self.owed(key, Kind::Report);
        let (newest, earlier) = owed.split_last()?;
        let report = self.record.reports.get(&key.0, key.1)?;
        let approved = report.revisions.iter();
        let approved = approved.rev().find(|r| r.revision == newest.revision)?;
        let filed = approved.filed.as_ref()?;
        let file = |ending: &&str| filed.files.iter().find(|f| f.name.ends_with(*ending));
        let file: Option<&ReportFile> = ATTACHED.iter().find_map(file);
        Some((
            Kind::Report,
            Report {
                revision: approved.revision,
                replaces: earlier.iter().map(|e| e.revision).collect(),
                approved_by: Some(approved.by.clone()),
                reason: approved.reason.clone(),
                headline: Some(filed.headline.clone()),
                happened: filed.happened.clone(),
                file: file.cloned(),
                ..self.named(key)
            },
        ))
    }

    /// The texts that the address still owes. None is owed after the approval or the meeting.
    fn draft(&self, key: &ReportKey, at: Timestamp) -> Option<(Kind, Report)> {
        let owed = self.owed(key, Kind::ReportDraft);
        let newest = owed.last()?;
        let report = self.record.reports.get(&key.0, key.1)?;
        let meeting = report.meeting_at.filter(|meeting| at < *meeting)?;
        if !report.revisions.is_empty() {
            return None;
        }
        let mut missing: Vec<MissingTexts> = Vec::new();
        for (contact, texts) in owing(self.record, key.0.as_str(), key.1) {
            for said in texts
                .into_iter()
                .filter(|_| newest.contacts.contains(&contact))
            {
                if !missing.contains(&said) {
                    missing.push(said);
                }
            }
        }
        missing.sort_by_key(|said| said.incident);
        (!missing.is_empty()).then(|| {
            let report = Report {
                meeting: Some(meeting),
                missing,
                ..self.named(key)
            };
            (Kind::ReportDraft, report)
        })
    }

    fn named(&self, (committee, month): &ReportKey) -> Report {
        let configured = self.record.catalogue.committee(committee.as_str());
        Report {
            committee: committee.clone(),
            committee_name: configured.map_or_else(|| committee.to_string(), |c| c.name.clone()),
            month: *month,
            revision: 0,
            replaces: Vec::new(),
            meeting: None,
            missing: Vec::new(),
            approved_by: None,
            reason: None,
            headline: None,
            happened: Vec::new(),
            file: None,
        }
    }

    /// The reader of a mail about a report, in the committee's zone.
    pub fn reader(&self, kind: Kind, report: &Report) -> Recipient {
        let catalogue = &self.record.catalogue;
        let own = |c: &&Contact| c.has(self.address);
        let who = match kind {
            Kind::Report => [Role::Committee(report.committee.clone())].into(),
            _ => {
                let contacts = catalogue.contacts.iter().filter(own);
                contacts.map(|c| Role::Contact(c.id.clone())).collect()
            }
        };
        Recipient {
            address: self.address.clone(),
            who,
            name: report.committee_name.clone(),
            zone: self.zone_of(&report.committee),
        }
    }

    fn zone_of(&self, committee: &CommitteeId) -> String {
        let catalogue = &self.record.catalogue;
        let configured = catalogue.committee(committee.as_str());
        configured.map_or_else(|| catalogue.zone.clone(), |c| c.zone.clone())
    }
}

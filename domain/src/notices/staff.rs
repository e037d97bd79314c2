//! Composes mails to staff: escalations, clocks that are due or missed, customers who were not told.

use super::compose::{Content, Look};
use crate::catalogue::{Contact, Customer};
use crate::notice::{About, Alert, Named, Recipient, Role};
use crate::record::notices::{Known, StaffEntry, StaffMatter, run_of};

impl Look<'_> {
    /// The oldest mail to staff that the address is owed.
    pub fn alert(&self) -> Option<Content> {
        let causes = self.channel.alerts.iter();
        let mut owed = causes.filter_map(|cause| {
            let entry = self.record.notices.alert(*cause, self.address)?;
            entry.known.is_owed().then(|| self.alert_of(*cause, entry))
        });
        owed.next()
    }

    fn alert_of(&self, cause: u64, entry: &StaffEntry) -> Content {
        let catalogue = &self.record.catalogue;
        let incident = entry.incident.and_then(|id| self.record.incidents.get(id));
        let about = match &entry.matter {
            StaffMatter::Level {
                level,
                severity,
                contacts,
                is_passed_on,
            } => About::Level {
                level: *level,
                severity: severity.clone(),
                is_passed_on: *is_passed_on,
                contacts: contacts.iter().map(|id| self.named_contact(id)).collect(),
            },
            StaffMatter::Clock(named) => {
                // A pause or another severity may have moved it.
                let runs = incident.map_or(&[][..], |i| &i.handling.clocks.runs);
                let due = run_of(runs, named).and_then(|run| run.due);
                let mut run = named.clone();
                run.due = due.or(named.due);
                About::Clock(run)
            }
            StaffMatter::Reported {
                issue,
                text,
                received,
            } => About::Reported {
                issue: issue.clone(),
                text: text.clone(),
                received: *received,
            },
            StaffMatter::NotTold {
                customer,
                since,
                reply,
                ..
            } => {
                let known = catalogue.customer(customer.as_str());
                About::NotTold {
                    customer: customer.clone(),
                    name: known.map_or_else(|| customer.to_string(), |c| c.name.clone()),
                    addresses: known.map(all_of).unwrap_or_default(),
                    phone: known.and_then(|c| c.phone.clone()),
                    since: *since,
                    reply: reply.clone(),
                }
            }
        };
        Content {
            kind: entry.kind,
            affected: entry.systems.iter().map(|s| self.named_system(s)).collect(),
            window: None,
            incident: entry.incident,
            includes_downtime: false,
            report: None,
            words: Vec::new(),
            alert: Some(Alert {
                cause,
                at: entry.owed_at,
                opened: incident.map(|i| i.opened_at),
                acknowledged_by: incident.and_then(|i| Some(i.acknowledged.as_ref()?.by.clone())),
                about,
            }),
        }
    }

    fn named_contact(&self, id: &str) -> Named {
        let mut all = self.record.catalogue.contacts.iter();
        let known = all.find(|c| c.id == id);
        Named {
            name: id.to_owned(),
            phone: known.and_then(|c| c.phone.clone()),
        }
    }

    /// The reader of a mail to staff, in the service's zone.
    pub fn colleague(&self) -> Recipient {
        let catalogue = &self.record.catalogue;
        let own = |c: &&Contact| c.has(self.address);
        let ids: Vec<&str> = catalogue
            .contacts
            .iter()
            .filter(own)
            .map(|c| c.id.as_str())
            .collect();
        Recipient {
            address: self.address.clone(),
            who: ids
                .iter()
                .map(|id| Role::Contact((*id).to_owned()))
                .collect(),
            name: ids.join(", "),
            zone: catalogue.zone.clone(),
        }
    }

    /// How certainly the address knows the earlier mails to staff about the incident of `content`.
    pub fn alerted(&self, content: &Content) -> Vec<Known> {
        if content.alert.is_none() || content.incident.is_none() {
            return Vec::new();
        }
        let all = self.record.notices.alerts();
        let own = all.filter(|(_, address, entry)| {
            *address == self.address && entry.incident == content.incident
        });
        own.map(|(_, _, entry)| entry.known).collect()
    }
}

/// The addresses of a customer, as people write them.
fn all_of(customer: &Customer) -> Vec<String> {
    customer.addresses().map(|a| a.to_string()).collect()
}

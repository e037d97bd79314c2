//! One monitor.

use std::collections::BTreeMap;

use toml::Table;

use super::Definitions;
use super::record::Record;
use crate::output::{Draft, Imported, one_line};

pub(super) struct Monitor<'a> {
    pub(super) record: Record<'a>,
    pub(super) all: &'a Definitions<'a>,
    /// The groups around it, the outermost last.
    parents: Vec<Record<'a>>,
    /// With the names of its groups.
    name: String,
    /// The id of its system, which names the variables of its secrets.
    pub(super) id: String,
    /// As `monitor 12 "Portal"`.
    place: String,
}

impl<'a> Monitor<'a> {
    pub(super) fn new(record: Record<'a>, all: &'a Definitions<'a>, imported: &Imported) -> Self {
        let parents = all.parents(record);
        let own = record.text("name").unwrap_or_else(|| "monitor".to_owned());
        let groups = parents.iter().rev().filter_map(|group| group.text("name"));
        let names: Vec<String> = groups.chain([own.clone()]).collect();
        let name = one_line(&names.join(" / "));
        Self {
            record,
            all,
            parents,
            id: imported.free_id(&name),
            name,
            place: format!("monitor {} \"{own}\"", record.whole("id").unwrap_or(0)),
        }
    }

    /// Notes what became of the feature `key`, or of the monitor itself if `key` is empty.
    pub(super) fn leave(&self, imported: &mut Imported, key: &str, why: impl Into<String>) {
        let place = match key {
            "" => self.place.clone(),
            key => format!("{}.{key}", self.place),
        };
        imported.leave(None, place, why);
    }

    pub(super) fn import(
        &self,
        windows: &BTreeMap<i64, Vec<Table>>,
        imported: &mut Imported,
        committee: &str,
    ) {
        if let Some(why) = self.refused() {
            return self.leave(imported, "", why);
        }
        let (kind, mut keys) = match self.target(imported) {
            Ok(found) => found,
            Err(why) => return self.leave(imported, "", format!("not imported: {why}")),
        };
        match kind {
            "heartbeat" => self.period(&mut keys, imported),
            _ => self.schedule(kind, &mut keys, imported),
        }
        self.other_features(imported);
        // Maintenance of a group is maintenance of all in it.
        let own = self.parents.iter().chain([&self.record]);
        let ids = own.filter_map(|record| record.whole("id"));
        let maintenance = ids.flat_map(|id| windows.get(&id).cloned().unwrap_or_default());
        let draft = Draft {
            name: self.name.clone(),
            probe: keys.finish(),
            maintenance: maintenance.collect(),
        };
        let from = format!("{} of Uptime Kuma", one_line(&self.place));
        imported.add(draft, committee, &from);
    }

    /// The reason why the monitor becomes no system.
    fn refused(&self) -> Option<&'static str> {
        let is_paused =
            |record: &Record<'_>| record.value("active").is_some() && !record.is_set("active");
        if self.record.text("type").as_deref() == Some("group") {
            return Some(
                "a group is no probe: its monitors carry its name; put those of one system into one file",
            );
        }
        if is_paused(&self.record) {
            return Some("not imported: it is paused");
        }
        if self.parents.iter().any(is_paused) {
            return Some("not imported: its group is paused");
        }
        if self.record.is_set("upside_down") {
            return Some(
                "not imported: it is upside down, and Nines has no probe that is up while its target fails",
            );
        }
        None
    }

    /// Features that say nothing about the target.
    fn other_features(&self, imported: &mut Imported) {
        if self.record.whole("resend_interval").unwrap_or(0) > 0 {
            let why =
                "not carried over: a notice is not repeated; updates have clocks: docs/policies/";
            self.leave(imported, "resend_interval", why);
        }
        if self.record.text("ip_family").is_some() {
            let why = "not carried over: Nines tries all addresses of a name";
            self.leave(imported, "ip_family", why);
        }
        let conditions = self.record.list_length("conditions");
        if conditions > 0 {
            let why = "not carried over: write them as `expect`: docs/configuration.md";
            self.leave(imported, "conditions", why);
        }
    }
}

//! `systems/*.toml`: a system, its probes and its recurring maintenance windows.

use std::collections::BTreeMap;

use domain::catalogue::{Flapping, GROUP_WITHIN_S, Kind, Probe, Rule, System};
use domain::id::{CommitteeId, PolicyId, SystemId};
use schemars::JsonSchema;
use serde::Deserialize;
use values::{Id, Line, Parsed, Place, Prose, Seconds, Source, Written};

use super::fields::{References, at_least, mailed, reference, unique};
use super::policy::{TargetPercent, target_of};
use super::probe::AnyProbe;
use super::window::{Maintenance, window};

/// A system: something that customers know by name and depend on. The file's name is its id.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-later" = ["depends_on", "group_within", "quorum", "public", "vantages"]))]
pub(super) struct SystemFile {
    /// The name that customers know.
    name: Parsed<Line>,
    /// The id of the committee that oversees it.
    committee: Parsed<Id>,
    /// Its agreement: the name of a file in the folder of policies. Default: none.
    policy: Option<Parsed<Id>>,
    /// The share of the agreed time that it must be available. Default: the policy's.
    target: Option<Parsed<TargetPercent>>,
    /// "partner" for a system of others, whose outages do not count. Default: "provided".
    #[serde(default)]
    #[schemars(with = "String", extend("enum" = ["provided", "partner"]))]
    kind: Kind,
    /// The id of the contact who writes the texts of its incidents. Default: whoever acknowledged.
    owner: Option<Parsed<Id>>,
    /// The ids of systems without which it cannot work. When both are down, they share an incident.
    #[serde(default)]
    depends_on: Vec<Parsed<Id>>,
    /// They share an incident if both outages are confirmed within this time, in either order. Default: 2m.
    group_within: Option<Parsed<Seconds>>,
    /// The advice to customers while it is down.
    downtime_advice: Option<Parsed<Prose>>,
    /// The number of outages in an hour from which on customers get one notice that it is unstable,
    /// instead of a notice of each outage and each recovery: at least 2, or 0 for never. Default:
    /// 3.
    #[schemars(range(min = 0, max = 100))]
    flap_limit: Option<Written<u32>>,
    /// How long it must then have been up until customers get a recovery notice. Default: 15m.
    flap_hold: Option<Parsed<Seconds>>,
    /// The ways in which it is tested.
    #[schemars(length(min = 1))]
    #[expect(dead_code, reason = "read kind by kind, see `probe::probes`")]
    probe: Vec<AnyProbe>,
    /// Recurring maintenance windows.
    #[serde(default)]
    maintenance: Vec<Written<Maintenance>>,
}

/// A system, and the places in its file to which warnings point.
pub(super) struct Placed {
    pub system: System,
    pub name: Place,
    /// By the ids of the windows.
    pub windows: BTreeMap<String, Place>,
}

pub(super) fn system(
    source: &mut Source<'_>,
    file: SystemFile,
    probes: Vec<Probe>,
    id: SystemId,
    references: &References,
) -> Placed {
    reference(source, &file.committee, "committee", &references.committees);
    if let Some(policy) = &file.policy {
        reference(source, policy, "policy", &references.policies);
    }
    if let Some(owner) = &file.owner {
        mailed(source, owner, &references.contacts);
    }
    for other in &file.depends_on {
        reference(source, other, "system", &references.systems);
        if other.value == id.as_str() {
            source.wrong(&other.at, "a system does not depend on itself");
        }
    }
    let depends_on = file.depends_on.into_iter();
    let policy = file.policy.map(|policy| policy.value);
    let policys_target = policy.as_ref().and_then(|id| references.targets.get(id));
    let target = file.target.map(|target| target_of(source, &target));
    let flapping = flapping(source, file.flap_limit, file.flap_hold);
    let (windows, places) = windows(source, file.maintenance);
    let system = System {
        id,
        name: file.name.value,
        kind: file.kind,
        committee: CommitteeId::from(file.committee.value),
        target: target.or(policys_target.copied()),
        policy: policy.map(PolicyId::from),
        downtime_advice: file.downtime_advice.map(|advice| advice.value),
        probes,
        windows,
        flapping,
        owner: file.owner.map(|owner| owner.value),
        depends_on: depends_on
            .map(|other| SystemId::from(other.value))
            .collect(),
        group_within_s: file
            .group_within
            .map_or(GROUP_WITHIN_S, |within| within.value),
    };
    Placed {
        system,
        name: file.name.at,
        windows: places,
    }
}

fn flapping(
    source: &mut Source<'_>,
    limit: Option<Written<u32>>,
    hold: Option<Parsed<Seconds>>,
) -> Flapping {
    if let Some(limit) = limit.as_ref().filter(|limit| limit.value == 1) {
        let why = "one outage alone is not flapping: at least 2, or 0 for never";
        source.wrong(&limit.at, why);
    }
    Flapping {
        limit: limit.map_or(Flapping::USUAL.limit, |limit| limit.value),
        hold_s: at_least(source, hold.as_ref(), 1).unwrap_or(Flapping::USUAL.hold_s),
    }
}

/// The windows, and the places of their ids.
fn windows(
    source: &mut Source<'_>,
    list: Vec<Written<Maintenance>>,
) -> (Vec<Rule>, BTreeMap<String, Place>) {
    let read = list.into_iter().map(|written| window(source, written));
    let read: Vec<(Rule, Place)> = read.collect();
    unique(
        source,
        "window",
        read.iter().map(|(rule, at)| (rule.id.as_str(), at)),
    );
    let places = read.iter().map(|(rule, at)| (rule.id.clone(), at.clone()));
    let places = places.collect();
    let mut rules: Vec<Rule> = read.into_iter().map(|(rule, _)| rule).collect();
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    (rules, places)
}

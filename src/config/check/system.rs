//! A system, its probes and its windows.

use domain::catalogue::{Flapping, Kind, Probe, Rule, System};
use domain::id::{CommitteeId, PolicyId, SystemId};

use super::{Around, policy, probe, reference, seconds, unique, window};
use crate::config::ProbeSetup;
use crate::config::mistakes::Page;
use crate::config::raw::system::{Kind as RawKind, SystemFile};
use crate::config::read::File;
use crate::config::words::At;

/// The system and what running its probes needs, if all of it could be read.
pub(in crate::config) fn system(
    page: &mut Page<'_>,
    file: &File<SystemFile>,
    id: &str,
    around: &Around<'_>,
) -> Option<(System, Vec<ProbeSetup>)> {
    let raw = &file.raw;
    let id = SystemId::from(id);
    let name = page.read(raw.name.get());
    let committee = reference(page, raw.committee.get(), "committee", &around.committees);
    let policy_id =
        reference(page, raw.policy.as_ref(), "policy", &around.policies).map(PolicyId::from);
    let target = policy::target(page, raw.target.as_ref())
        .or_else(|| around.targets.get(policy_id.as_ref()?).copied());
    let downtime_advice = page.read(raw.downtime_advice.as_ref());
    let kind = match raw.kind.as_ref().map(|kind| kind.value) {
        None | Some(RawKind::Provided) => Kind::Provided,
        Some(RawKind::Partner) => Kind::Partner,
    };
    let flapping = flapping(page, raw);
    let windows = windows(page, file);
    let read: Vec<Option<(Probe, ProbeSetup)>> = file
        .probes
        .iter()
        .map(|written| probe::probe(page, written, &id, around))
        .collect();
    unique(
        page,
        "probe",
        file.probes.iter().filter_map(|probe| {
            let name = probe.common.name.get()?;
            Some((name.value.0.as_str(), &name.at))
        }),
    );
    // Without a readable list there would be no probe to miss.
    raw.probe
        .get()
        .filter(|list| list.value.len() == file.probes.len())?;
    let (mut probes, setups): (Vec<Probe>, Vec<ProbeSetup>) = read
        .into_iter()
        .collect::<Option<Vec<_>>>()?
        .into_iter()
        .unzip();
    probes.sort_by(|a, b| a.id.cmp(&b.id));
    let system = System {
        id,
        name: name?,
        kind,
        committee: CommitteeId::from(committee?),
        policy: policy_id,
        target,
        downtime_advice,
        probes,
        windows: windows?,
        flapping,
    };
    Some((system, setups))
}

/// When it counts as unstable.
fn flapping(page: &mut Page<'_>, raw: &SystemFile) -> Flapping {
    let usual = Flapping::USUAL;
    let hold_s = seconds(page, raw.flap_hold.as_ref(), 1).unwrap_or(usual.hold_s);
    let Some(limit) = &raw.flap_limit else {
        return Flapping { hold_s, ..usual };
    };
    if limit.value == 1 {
        let at = &limit.at;
        page.wrong(
            at,
            "one outage alone is not flapping: at least 2, or 0 for never",
        );
    }
    Flapping {
        limit: limit.value,
        hold_s,
    }
}

fn windows(page: &mut Page<'_>, file: &File<SystemFile>) -> Option<Vec<Rule>> {
    let Some(written) = &file.raw.maintenance else {
        return Some(Vec::new());
    };
    let read: Vec<Option<(Rule, At)>> = written
        .value
        .iter()
        .map(|written| window::rule(page, written))
        .collect();
    unique(
        page,
        "window",
        read.iter()
            .flatten()
            .map(|(rule, at)| (rule.id.as_str(), at)),
    );
    let mut rules: Vec<Rule> = read
        .into_iter()
        .map(|read| read.map(|(rule, _)| rule))
        .collect::<Option<_>>()?;
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    Some(rules)
}

//! `[public]`: the pages that customers open. A system is private unless it is listed here.

use std::collections::BTreeSet;
use std::path::PathBuf;

use domain::id::{PolicyId, SystemId};
use schemars::JsonSchema;
use serde::Deserialize;
use values::{Colour, FilePath, Id, Length, Line, Parsed, Prose, SiteUrl, Source, Written};

use super::fields::{References, reference};

/// The days that a page shows unless the file says otherwise.
const DAYS: u32 = 90;
/// The accent colour of a page unless the file says otherwise.
const COLOUR: &str = "#1f5f8b";

/// The public pages. Default: there are none.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PublicTable {
    /// The name of the pages. Default: the name of the service.
    name: Option<Parsed<Line>>,
    /// The address at which readers find them, for links in feeds. Default: the address of the listener.
    url: Option<Parsed<SiteUrl>>,
    /// The ids of the systems that everyone may see, in the order of the page.
    #[schemars(length(min = 1))]
    systems: Vec<Parsed<Id>>,
    /// Groups of them. Default: none.
    #[serde(default)]
    groups: Vec<Written<GroupTable>>,
    /// A picture for the head of the page, an SVG or PNG file. Default: none.
    logo: Option<Parsed<FilePath>>,
    /// The accent colour. Default: "#1f5f8b".
    colour: Option<Parsed<Colour>>,
    /// How many days each system shows. Default: 90d.
    history: Option<Parsed<Length>>,
    /// A form by which everyone can report a problem. Default: no form.
    problem_reports: Option<ProblemTable>,
}

/// The form by which everyone can report a problem.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ProblemTable {
    /// The id of the policy whose clocks and escalations a report starts. Default: a report has no clocks.
    policy: Option<Parsed<Id>>,
    /// The types of issue to choose from. Default: `issue_types` of the policy, else five general ones.
    #[schemars(length(min = 1, max = 40))]
    issue_types: Option<Vec<Parsed<Line>>>,
    /// What the form says about data of patients. Default: a request to leave it out.
    warning: Option<Parsed<Prose>>,
}

/// Systems that the page shows together.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GroupTable {
    /// The heading.
    name: Parsed<Line>,
    /// The ids of its systems.
    #[schemars(length(min = 1))]
    systems: Vec<Parsed<Id>>,
}

/// What the public pages show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicPages {
    /// `None` is the service's name.
    pub name: Option<String>,
    /// Without a slash at its end.
    pub url: Option<String>,
    /// In the order of the page.
    pub systems: Vec<SystemId>,
    pub groups: Vec<PublicGroup>,
    pub logo: Option<PathBuf>,
    /// `#rrggbb`.
    pub colour: String,
    /// Days of history, today included.
    pub days: u32,
    /// The form for reports of problems; `None` if there is none.
    pub problem_reports: Option<ProblemReports>,
}

/// The form by which everyone can report a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProblemReports {
    /// Whose clocks a report starts.
    pub policy: Option<PolicyId>,
    /// Empty: those of the policy.
    pub issue_types: Vec<String>,
    /// `None` is the usual one.
    pub warning: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicGroup {
    pub name: String,
    pub systems: Vec<SystemId>,
}

pub(super) fn public(
    source: &mut Source<'_>,
    table: PublicTable,
    references: &References,
) -> PublicPages {
    for id in &table.systems {
        reference(source, id, "system", &references.systems);
    }
    let problem_reports = table.problem_reports;
    let problem_reports =
        problem_reports.map(|table| problem_reports_of(source, table, references));
    let written = table.systems.into_iter().map(|id| (id.value, id.at));
    let written: Vec<_> = written.collect();
    source.no_repeats(&written);
    let listed: BTreeSet<&str> = written.iter().map(|(id, _)| id.as_str()).collect();
    let mut grouped = Vec::new();
    let mut groups = Vec::new();
    for Written { value: group, .. } in table.groups {
        for id in &group.systems {
            if !id.is_stand_in() && !listed.contains(id.value.as_str()) {
                let why = format!("`{}` is not among `systems` of [public]", id.value);
                source.wrong(&id.at, why);
            }
        }
        let own = group.systems.into_iter().map(|id| (id.value, id.at));
        let own: Vec<_> = own.collect();
        groups.push(PublicGroup {
            name: group.name.value,
            systems: own
                .iter()
                .map(|(id, _)| SystemId::from(id.as_str()))
                .collect(),
        });
        grouped.extend(own);
    }
    source.no_repeats(&grouped);
    if let Some(history) = table
        .history
        .as_ref()
        .filter(|history| !history.is_stand_in())
    {
        let days = history.value.as_secs() / 86_400;
        if !(7..=400).contains(&days) || history.value.as_secs() % 86_400 != 0 {
            source.wrong(&history.at, "this must be whole days, from 7d to 400d");
        }
    }
    let logo = table.logo.map(|logo| {
        let path = source.resolve(&logo);
        let is_picture = path
            .extension()
            .is_some_and(|end| end == "svg" || end == "png");
        if !is_picture {
            source.wrong(
                &logo.at,
                "a logo is an SVG or PNG file: its name ends in .svg or .png",
            );
        } else if !path.is_file() {
            source.wrong(
                &logo.at,
                format!("the file `{}` does not exist", path.display()),
            );
        }
        path
    });
    let days = table
        .history
        .map(|history| history.value.as_secs() / 86_400);
    PublicPages {
        name: table.name.map(|name| name.value),
        url: table.url.map(|url| url.value),
        systems: written
            .into_iter()
            .map(|(id, _)| SystemId::from(id))
            .collect(),
        groups,
        logo,
        colour: table
            .colour
            .map_or_else(|| COLOUR.to_owned(), |colour| colour.value),
        days: days
            .and_then(|days| u32::try_from(days).ok())
            .unwrap_or(DAYS),
        problem_reports,
    }
}

fn problem_reports_of(
    source: &mut Source<'_>,
    table: ProblemTable,
    references: &References,
) -> ProblemReports {
    if let Some(policy) = &table.policy {
        reference(source, policy, "policy", &references.policies);
    }
    let types = table.issue_types.into_iter().flatten();
    let types: Vec<_> = types.map(|line| (line.value, line.at)).collect();
    source.no_repeats(&types);
    ProblemReports {
        policy: table.policy.map(|id| PolicyId::from(id.value.as_str())),
        issue_types: types.into_iter().map(|(name, _)| name).collect(),
        warning: table.warning.map(|text| text.value),
    }
}

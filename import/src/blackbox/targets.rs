//! The targets of blackbox_exporter in a configuration of Prometheus.

use std::collections::BTreeMap;

use super::relabel;
use crate::length::parse_ms;
use crate::output::Imported;
use crate::yaml::Node;

/// One target of one job.
pub(super) struct Target {
    pub(super) line: usize,
    /// As `scrape_configs[2]`.
    job: String,
    pub(super) address: String,
    pub(super) module: String,
    pub(super) interval_ms: u64,
    pub(super) timeout_ms: u64,
}

impl Target {
    /// Its job and its address, without what may be secret in a URL.
    pub(super) fn place(&self) -> String {
        let address = match self.address.split_once("://") {
            Some((scheme, rest)) => {
                let rest = rest.split(['?', '#']).next().unwrap_or_default();
                let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
                format!("{scheme}://{rest}")
            }
            None => self.address.clone(),
        };
        format!("{} `{address}`", self.job)
    }
}

/// All targets of all jobs that ask blackbox_exporter. The list of jobs names the others.
pub(super) fn read(root: &Node, jobs: &Node, imported: &mut Imported) -> Vec<Target> {
    let mut found = Vec::new();
    let mut others = 0;
    for (index, job) in jobs.list().iter().enumerate() {
        let place = format!("scrape_configs[{index}]");
        match is_probed(job) {
            true => read_job(root, job, &place, &mut found, imported),
            false => others += 1,
        }
    }
    if others > 0 {
        let all = jobs.list().len();
        let why = format!("left out {others} of {all} jobs: they ask no exporter to probe");
        imported.leave(jobs.line, "scrape_configs", why);
    }
    found
}

/// True if the job gives its targets to an exporter, as the documentation of blackbox_exporter shows it. Other exporters
/// have other paths.
fn is_probed(job: &Node) -> bool {
    if let Some(path) = job.get("metrics_path").and_then(Node::text) {
        return path.ends_with("/probe");
    }
    let gives = |rule: &Node| {
        let label = rule.get("target_label").and_then(Node::text);
        label == Some("__param_target")
    };
    let rules = job
        .get("relabel_configs")
        .map(Node::list)
        .unwrap_or_default();
    let params = job.get("params");
    rules.iter().any(gives) || params.is_some_and(|params| params.get("module").is_some())
}

fn read_job(
    root: &Node,
    job: &Node,
    place: &str,
    found: &mut Vec<Target>,
    imported: &mut Imported,
) {
    let global = root.get("global");
    let length = |key: &str, default: u64| {
        let written = job.get(key).or_else(|| global?.get(key));
        written
            .and_then(Node::text)
            .and_then(parse_ms)
            .unwrap_or(default)
    };
    let interval_ms = length("scrape_interval", 60_000);
    let timeout_ms = length("scrape_timeout", 10_000);
    for (key, node) in job.map() {
        if key.ends_with("_sd_configs") {
            let why = "not carried over: only targets of `static_configs` are read";
            imported.leave(node.line, format!("{place}.{key}"), why);
        }
    }
    let groups = job
        .get("static_configs")
        .map(Node::list)
        .unwrap_or_default();
    for group in groups {
        for target in group.get("targets").map(Node::list).unwrap_or_default() {
            let Some(address) = target.text() else {
                continue;
            };
            let labels = labels(job, group, address);
            let labels = match relabel::apply(job.get("relabel_configs"), labels) {
                Ok(Some(labels)) => labels,
                Ok(None) => continue,
                Err((line, why)) => {
                    let key = format!("{place}.relabel_configs");
                    imported.leave(line, key, format!("not carried over: {why}"));
                    return;
                }
            };
            let label = |name: &str| labels.get(name).filter(|text| !text.is_empty()).cloned();
            found.push(Target {
                line: target.line,
                job: place.to_owned(),
                address: label("__param_target").unwrap_or_else(|| address.to_owned()),
                // The exporter's default.
                module: label("__param_module").unwrap_or_else(|| "http_2xx".to_owned()),
                interval_ms,
                timeout_ms,
            });
        }
    }
}

/// The labels of a target before its job changes them.
fn labels(job: &Node, group: &Node, address: &str) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::from([("__address__".to_owned(), address.to_owned())]);
    for (key, label) in [("job_name", "job"), ("metrics_path", "__metrics_path__")] {
        if let Some(text) = job.get(key).and_then(Node::text) {
            labels.insert(label.to_owned(), text.to_owned());
        }
    }
    for (name, values) in job.get("params").map(Node::map).unwrap_or_default() {
        if let Some(first) = values.list().first().and_then(Node::text) {
            labels.insert(format!("__param_{name}"), first.to_owned());
        }
    }
    for (name, value) in group.get("labels").map(Node::map).unwrap_or_default() {
        labels.insert(name.clone(), value.text().unwrap_or_default().to_owned());
    }
    labels
}

//! The rules by which Prometheus changes the labels of a target (its documentation, `relabel_config`).

use std::collections::BTreeMap;

use regex::{Captures, Regex};

use crate::yaml::Node;

type Labels = BTreeMap<String, String>;

/// The labels after all rules. `None` if a rule drops the target. An error has its line and the reason.
pub(super) fn apply(
    rules: Option<&Node>,
    mut labels: Labels,
) -> Result<Option<Labels>, (usize, String)> {
    for rule in rules.map(Node::list).unwrap_or_default() {
        if !apply_one(rule, &mut labels).map_err(|why| (rule.line, why))? {
            return Ok(None);
        }
    }
    Ok(Some(labels))
}

/// False if the rule drops the target.
fn apply_one(rule: &Node, labels: &mut Labels) -> Result<bool, String> {
    let text = |key: &str| rule.get(key).and_then(Node::text);
    let separator = text("separator").unwrap_or(";");
    let names = rule
        .get("source_labels")
        .map(Node::list)
        .unwrap_or_default();
    let values: Vec<&str> = names
        .iter()
        .map(|name| {
            let found = name.text().and_then(|name| labels.get(name));
            found.map_or("", String::as_str)
        })
        .collect();
    let source = values.join(separator);
    let pattern = text("regex").unwrap_or("(.*)");
    let regex = Regex::new(&format!("^(?s:{pattern})$"));
    let regex = regex.map_err(|_| format!("`{pattern}` is not a regular expression"))?;
    let found = regex.captures(&source);
    match text("action").unwrap_or("replace") {
        "keep" => return Ok(found.is_some()),
        "drop" => return Ok(found.is_none()),
        "replace" => {
            if let (Some(captures), Some(label)) = (found, text("target_label")) {
                let value = expand(&captures, text("replacement").unwrap_or("$1"));
                labels.insert(label.to_owned(), value);
            }
        }
        "lowercase" | "uppercase" => {
            if let Some(label) = text("target_label") {
                let value = match text("action") {
                    Some("lowercase") => source.to_lowercase(),
                    _ => source.to_uppercase(),
                };
                labels.insert(label.to_owned(), value);
            }
        }
        "labelmap" => {
            let changed: Vec<_> = labels
                .iter()
                .filter_map(|(name, value)| {
                    let captures = regex.captures(name)?;
                    let name = expand(&captures, text("replacement").unwrap_or("$1"));
                    Some((name, value.clone()))
                })
                .collect();
            labels.extend(changed);
        }
        "labeldrop" => labels.retain(|name, _| !regex.is_match(name)),
        "labelkeep" => labels.retain(|name, _| regex.is_match(name)),
        other => return Err(format!("this import does not know the action `{other}`")),
    }
    Ok(true)
}

fn expand(captures: &Captures<'_>, replacement: &str) -> String {
    let mut value = String::new();
    captures.expand(replacement, &mut value);
    value
}

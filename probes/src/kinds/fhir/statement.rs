//! The documents by which a FHIR server describes itself. A detail must never quote one.

use domain::sample::Reason;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::fault::Fault;

/// The parts of a CapabilityStatement that matter; others may be of any form.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement {
    resource_type: Option<String>,
    fhir_version: Option<String>,
    #[serde(default)]
    rest: Vec<Rest>,
}

#[derive(Debug, Deserialize)]
struct Rest {
    mode: Option<String>,
    #[serde(default)]
    resource: Vec<Resource>,
}

#[derive(Debug, Deserialize)]
struct Resource {
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// Checks the answer at `/metadata`. Returns what it says, for people.
pub(super) fn check(
    text: &str,
    version: Option<&str>,
    resources: &[String],
) -> Result<String, Fault> {
    let statement: Statement = read(text, "CapabilityStatement")?;
    match statement.resource_type.as_deref() {
        Some("CapabilityStatement") => {}
        Some("OperationOutcome") => {
            return Err(wrong(
                "the server answers with an OperationOutcome, which is an error",
            ));
        }
        Some("Conformance") => {
            return Err(wrong(
                "the server speaks DSTU2, which has no CapabilityStatement",
            ));
        }
        _ => return Err(wrong("the answer is not a CapabilityStatement")),
    }
    let found = statement
        .fhir_version
        .filter(|found| found.len() <= 20 && !found.chars().any(char::is_control))
        .ok_or_else(|| wrong("the CapabilityStatement has no `fhirVersion`"))?;
    if let Some(version) = version
        && !is_version(&found, version)
    {
        return Err(wrong(format!("FHIR version {found}, expected {version}")));
    }
    let servers = || {
        statement
            .rest
            .iter()
            .filter(|rest| rest.mode.as_deref() == Some("server"))
    };
    let names =
        || servers().flat_map(|rest| rest.resource.iter().filter_map(|r| r.kind.as_deref()));
    if servers().next().is_none() {
        return Err(wrong("the CapabilityStatement describes no server"));
    }
    if let Some(missing) = resources
        .iter()
        .find(|wanted| !names().any(|name| name == *wanted))
    {
        return Err(wrong(format!(
            "the server does not name the resource {missing}"
        )));
    }
    Ok(format!(
        "FHIR version {found}, {} resources",
        names().count()
    ))
}

/// True if `found` is the version or begins with its parts.
fn is_version(found: &str, wanted: &str) -> bool {
    let rest = found.strip_prefix(wanted);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// `/.well-known/smart-configuration` (SMART App Launch 2.2, "Conformance").
#[derive(Debug, Deserialize)]
struct Smart {
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    #[serde(default)]
    capabilities: Vec<String>,
    #[serde(default)]
    code_challenge_methods_supported: Vec<String>,
}

pub(super) fn check_smart(text: &str) -> Result<(), Fault> {
    let smart: Smart = read(text, "SMART configuration")?;
    if smart.token_endpoint.is_none_or(|url| url.is_empty()) {
        return Err(wrong("it has no `token_endpoint`"));
    }
    if smart.capabilities.is_empty() {
        return Err(wrong("it has no `capabilities`"));
    }
    let methods = smart.code_challenge_methods_supported;
    // Needed for apps that users launch.
    let has = |wanted: &str| methods.iter().any(|method| method == wanted);
    if smart.authorization_endpoint.is_some() && !has("S256") {
        return Err(wrong("its `code_challenge_methods_supported` lacks S256"));
    }
    if has("plain") {
        return Err(wrong(
            "its `code_challenge_methods_supported` has `plain`, which SMART forbids",
        ));
    }
    Ok(())
}

pub(super) fn read<T: DeserializeOwned>(text: &str, what: &str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|error| match error.classify() {
        Category::Eof => wrong("the body is JSON that ends too early"),
        Category::Syntax | Category::Io => wrong("the body is not JSON"),
        Category::Data => wrong(format!("the body is JSON of another form than a {what}")),
    })
}

fn wrong(detail: impl Into<String>) -> Fault {
    Fault::new(Reason::Body, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "text": {"a": [1]},
        "rest": [{"mode": "client"}, {"mode": "server", "resource": [{"type": "Patient"}, {"type": "Observation"}]}]}"#;

    fn refused(text: &str, version: Option<&str>, resources: &[&str]) -> String {
        let resources: Vec<_> = resources.iter().map(|name| (*name).to_owned()).collect();
        check(text, version, &resources).unwrap_err().detail
    }

    #[test]
    fn a_statement_has_the_expected_version_and_resources() {
        for version in [None, Some("4.0.1"), Some("4.0"), Some("4")] {
            let found = check(GOOD, version, &["Observation".to_owned()]).unwrap();
            assert_eq!(found, "FHIR version 4.0.1, 2 resources");
        }
        assert_eq!(
            refused(GOOD, Some("4.0.11"), &[]),
            "FHIR version 4.0.1, expected 4.0.11"
        );
        assert_eq!(
            refused(GOOD, Some("5.0.0"), &[]),
            "FHIR version 4.0.1, expected 5.0.0"
        );
        let detail = refused(GOOD, None, &["Patient", "Encounter"]);
        assert_eq!(detail, "the server does not name the resource Encounter");
    }

    #[test]
    fn other_answers_are_told_apart() {
        for (text, detail) in [
            (&GOOD[..GOOD.len() - 5], "ends too early"),
            ("", "ends too early"),
            ("<html>", "the body is not JSON"),
            ("[]", "another form than a CapabilityStatement"),
            (
                r#"{"resourceType": "OperationOutcome"}"#,
                "an OperationOutcome",
            ),
            (r#"{"resourceType": "Conformance"}"#, "DSTU2"),
            (
                r#"{"resourceType": "Patient"}"#,
                "not a CapabilityStatement",
            ),
            ("{}", "not a CapabilityStatement"),
            (
                r#"{"resourceType": "CapabilityStatement"}"#,
                "no `fhirVersion`",
            ),
            (
                r#"{"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}"#,
                "describes no server",
            ),
            (&GOOD.replace("[{\"mode\"", "[[],{\"mode\""), "another form"),
        ] {
            let said = refused(text, None, &[]);
            assert!(said.contains(detail), "{text}: {said}");
        }
    }

    #[test]
    fn a_smart_configuration_is_complete() {
        let good = r#"{"authorization_endpoint": "https://a.example/a", "token_endpoint": "https://a.example/t",
            "capabilities": ["launch-ehr"], "code_challenge_methods_supported": ["S256"]}"#;
        assert!(check_smart(good).is_ok());
        for (from, to) in [
            ("token_endpoint", "other"),
            ("\"launch-ehr\"", ""),
            ("\"S256\"", ""),
            ("\"S256\"", "\"S256\", \"plain\""),
        ] {
            assert!(check_smart(&good.replace(from, to)).is_err(), "{to}");
        }
        // Without users there is no code.
        let system = r#"{"token_endpoint": "https://a.example/t", "capabilities": ["client-confidential-symmetric"]}"#;
        assert!(check_smart(system).is_ok());
    }
}

//! The conditions of Gatus endpoints, each as keys of a probe.

use toml::Value;

use crate::keys::{Keys, escape, pointer, scalar};
use crate::length::{parse_ms, spelt};

/// What became of a condition.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Kept,
    /// Kept, but Nines does something else with it.
    Differs(&'static str),
    Lost(String),
}

use Fate::{Differs, Kept, Lost};

/// The default of Gatus, and of Nines.
const DEFAULT_TIMEOUT_MS: u64 = 10_000;

const BODY_KINDS: &str = "only `http` probes read a body";

/// Puts a condition into the keys of a probe of `kind`.
pub(crate) fn apply(condition: &str, kind: &str, keys: &mut Keys) -> Fate {
    const OPERATORS: [&str; 6] = [" == ", " != ", " <= ", " >= ", " < ", " > "];
    let found = OPERATORS
        .iter()
        .find_map(|operator| Some((condition.split_once(operator)?, operator.trim())));
    let Some(((left, right), operator)) = found else {
        return Lost("not a condition: write it as `[STATUS] == 200`".to_owned());
    };
    let (left, right) = (left.trim(), right.trim());
    if right.contains("||") || right.contains("&&") {
        let why = "Gatus knows neither `||` nor `&&`, so this never holds there; list the good statuses in `expect.status`";
        return Lost(why.to_owned());
    }
    match left {
        "[STATUS]" if kind == "http" => status(operator, right, keys),
        "[CONNECTED]" if (operator, right) == ("==", "true") => Kept,
        "[DNS_RCODE]" if kind == "dns" && (operator, right) == ("==", "NOERROR") => Kept,
        "[RESPONSE_TIME]" => response_time(operator, right, kind, keys),
        "[CERTIFICATE_EXPIRATION]" => certificate(operator, right, kind, keys),
        "[BODY]" => body(operator, right, kind, keys),
        _ if left.starts_with("[BODY]") && kind == "http" => {
            json(&left[6..], operator, right, keys)
        }
        _ if left.starts_with("has([BODY]") && kind == "http" => {
            present(&left["has([BODY]".len()..], operator, right, keys)
        }
        _ if left.contains("[BODY]") && kind != "http" => Lost(BODY_KINDS.to_owned()),
        _ => Lost(format!("Nines has no such condition for `{kind}` probes")),
    }
}

/// Sets a key of the expectations, which must not be there yet.
fn set(keys: &mut Keys, key: &str, value: impl Into<Value>) -> Fate {
    match keys.expect(key, value) {
        true => Kept,
        false => Lost(format!(
            "a probe has one `{key}`: add a second probe for this"
        )),
    }
}

fn status(operator: &str, right: &str, keys: &mut Keys) -> Fate {
    const WRONG: &str = "not a status from 100 to 599";
    let list = match (operator, any(right)) {
        ("==", Some(list)) => list,
        _ => vec![right],
    };
    let numbers: Option<Vec<i64>> = list
        .iter()
        .map(|text| text.parse().ok().filter(|n| (100..=600).contains(n)))
        .collect();
    let Some(numbers) = numbers else {
        return Lost(WRONG.to_owned());
    };
    // A status below 200 is no last answer (RFC 9110 §15.2).
    let mut good: Vec<i64> = match (operator, numbers[..].first()) {
        ("==", _) => numbers,
        ("<", Some(limit)) => (200..*limit).collect(),
        ("<=", Some(last)) => (200..=*last).collect(),
        (">", Some(before)) => (before + 1..=599).collect(),
        (">=", Some(first)) => (*first..=599).collect(),
        _ => {
            let why = "Nines expects 200 to 299; list other good statuses in `expect.status`";
            return Lost(why.to_owned());
        }
    };
    // All conditions must hold.
    let earlier = keys.expect.get("status").and_then(Value::as_array);
    if let Some(earlier) = earlier {
        good.retain(|status| earlier.contains(&Value::from(*status)));
    }
    good.retain(|status| *status < 600 && (operator == "==" || *status >= 200));
    if good.is_empty() {
        return Lost("no status fulfills all conditions".to_owned());
    }
    keys.expect.insert("status".to_owned(), Value::from(good));
    Kept
}

/// The entries of `any(a, b)`.
fn any(right: &str) -> Option<Vec<&str>> {
    let inner = right.strip_prefix("any(")?.strip_suffix(')')?;
    Some(inner.split(',').map(str::trim).collect())
}

fn response_time(operator: &str, right: &str, kind: &str, keys: &mut Keys) -> Fate {
    let limit_ms: Option<u32> = right.parse().ok().filter(|ms| *ms > 0);
    let (Some(limit_ms), "<" | "<=") = (limit_ms, operator) else {
        return Lost("Nines knows one limit of time: `degraded_after`".to_owned());
    };
    let timeout = keys.own.get("timeout").and_then(Value::as_str);
    let timeout_ms = timeout.and_then(parse_ms).unwrap_or(DEFAULT_TIMEOUT_MS);
    if u64::from(limit_ms) >= timeout_ms {
        return Lost(format!("the timeout of {} comes first", spelt(timeout_ms)));
    }
    let limit = Value::from(format!("{limit_ms}ms"));
    let table = match kind {
        "http" => &mut keys.expect,
        _ => &mut keys.own,
    };
    if table.contains_key("degraded_after") {
        return Lost("a probe has one `degraded_after`".to_owned());
    }
    table.insert("degraded_after".to_owned(), limit);
    Differs("a slower answer is degraded, not down")
}

fn certificate(operator: &str, right: &str, kind: &str, keys: &mut Keys) -> Fate {
    if !matches!(kind, "http" | "tls" | "smtp" | "grpc" | "websocket")
        || !matches!(operator, ">" | ">=")
    {
        return Lost(
            "Nines warns of certificates of `http`, `tls`, `smtp` and `grpc` probes".to_owned(),
        );
    }
    let Some(hours) = hours(right) else {
        return Lost(format!("`{right}` is not a time: write it as `48h`"));
    };
    let days = i64::from(hours.div_ceil(24).clamp(1, 3650));
    let table = match kind {
        "http" => &mut keys.expect,
        _ => &mut keys.own,
    };
    table.insert("certificate_days".to_owned(), days.into());
    Differs("a certificate that ends soon warns operators and changes no state")
}

/// The whole hours of `48h` or `30m`, rounded up.
fn hours(text: &str) -> Option<u32> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u32 = number.parse().ok()?;
    match unit {
        "h" => Some(number),
        "m" => Some(number.div_ceil(60)),
        "s" => Some(number.div_ceil(3600)),
        _ => None,
    }
}

/// The regular expression of `pat(a*b)`. `None` if the pattern has other signs than the star.
fn expression(right: &str) -> Option<String> {
    let pattern = right.strip_prefix("pat(")?.strip_suffix(')')?;
    let parts: Vec<String> = pattern.split('*').map(escape).collect();
    let is_plain = !pattern.contains(['?', '[', '\\']) && parts.iter().any(|part| !part.is_empty());
    let text = format!("^{}$", parts.join("(?s:.*)"));
    let text = text.strip_prefix("^(?s:.*)").unwrap_or(&text);
    let text = text.strip_suffix("(?s:.*)$").unwrap_or(text);
    is_plain.then(|| text.to_owned())
}

fn body(operator: &str, right: &str, kind: &str, keys: &mut Keys) -> Fate {
    let inner = right
        .strip_prefix("pat(*")
        .and_then(|r| r.strip_suffix("*)"));
    let contained = inner.filter(|text| !text.is_empty() && !text.contains(['*', '?', '[', '\\']));
    if let ("http", "==", None, Some(text)) = (kind, operator, contained, expression(right)) {
        return set(keys, "body_matches", text);
    }
    match (kind, operator, contained) {
        ("http", "==", Some(text)) => set(keys, "body_contains", text),
        ("http", "!=", Some(text)) => set(keys, "body_lacks", text),
        ("http", "==", None) if !right.contains('(') && !right.contains('[') => {
            set(keys, "body_matches", format!("^{}$", escape(right)))
        }
        ("tcp" | "tls" | "websocket", "==", Some(text)) if !keys.own.contains_key("expect") => {
            keys.own.insert("expect".to_owned(), text.into());
            Kept
        }
        ("dns", "==", None) if !right.contains(['(', '[']) => {
            if keys.own.contains_key("expect") {
                return Lost("list all records in `expect`".to_owned());
            }
            keys.own
                .insert("expect".to_owned(), Value::Array(vec![right.into()]));
            Differs("the name must have exactly this record")
        }
        ("http" | "tcp" | "tls" | "websocket" | "dns", ..) => {
            Lost("write it as `body_contains`, `body_lacks` or `body_matches`".to_owned())
        }
        _ => Lost(BODY_KINDS.to_owned()),
    }
}

fn json(path: &str, operator: &str, right: &str, keys: &mut Keys) -> Fate {
    let Some(pointer) = pointer(path) else {
        return Lost("Nines names a value by a JSON pointer, without wildcards".to_owned());
    };
    if operator != "==" || right.contains('(') || right.contains("[BODY]") {
        return Lost(
            "Nines compares a value of JSON with one text, number, true or false".to_owned(),
        );
    }
    let wanted = match scalar(right) {
        Value::String(text) => Value::from(text.trim_matches('"')),
        other => other,
    };
    match keys.expect_json(pointer, wanted) {
        true => Kept,
        false => Lost("this value is compared already".to_owned()),
    }
}

fn present(path: &str, operator: &str, right: &str, keys: &mut Keys) -> Fate {
    let pointer = path.strip_suffix(')').and_then(pointer);
    let (Some(pointer), "==", "true") = (pointer, operator, right) else {
        return Lost("Nines only expects that a value of JSON is there: `json_present`".to_owned());
    };
    let list = keys
        .expect
        .entry("json_present")
        .or_insert(Value::Array(Vec::new()));
    if let Some(list) = list.as_array_mut() {
        list.push(pointer.into());
    }
    Kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(kind: &str, condition: &str) -> (Fate, String) {
        let mut keys = Keys::default();
        let fate = apply(condition, kind, &mut keys);
        (fate, keys.finish().to_string().replace('\n', ";"))
    }

    #[test]
    fn conditions_become_expectations() {
        for (kind, condition, keys) in [
            ("http", "[STATUS] == 200", "[expect];status = [200];"),
            (
                "http",
                "[STATUS] == any(200, 429)",
                "[expect];status = [200, 429];",
            ),
            (
                "http",
                "[STATUS] < 300",
                &format!("[expect];status = {:?};", (200..=299).collect::<Vec<_>>()),
            ),
            (
                "http",
                "[STATUS] >= 200",
                &format!("[expect];status = {:?};", (200..=599).collect::<Vec<_>>()),
            ),
            (
                "http",
                "[STATUS] > 400",
                &format!("[expect];status = {:?};", (401..=599).collect::<Vec<_>>()),
            ),
            (
                "http",
                "[BODY] == pat(ok*)",
                "[expect];body_matches = \"^ok\";",
            ),
            (
                "http",
                "[BODY] == pat(a.*z)",
                r"[expect];body_matches = '^a\.(?s:.*)z$';",
            ),
            (
                "http",
                "[STATUS] <= 301",
                &format!("[expect];status = {:?};", (200..=301).collect::<Vec<_>>()),
            ),
            ("http", "[CONNECTED] == true", ""),
            (
                "http",
                "[BODY] == pat(*ready*)",
                "[expect];body_contains = \"ready\";",
            ),
            (
                "http",
                "[BODY] != pat(*error*)",
                "[expect];body_lacks = \"error\";",
            ),
            (
                "http",
                "[BODY] == 1.0",
                "[expect];body_matches = '^1\\.0$';",
            ),
            (
                "http",
                "[BODY].user.name == john",
                "[expect.json];\"/user/name\" = \"john\";",
            ),
            (
                "http",
                "[BODY].data[0].id == 1",
                "[expect.json];\"/data/0/id\" = 1;",
            ),
            (
                "http",
                "has([BODY].users) == true",
                "[expect];json_present = [\"/users\"];",
            ),
            ("tcp", "[BODY] == pat(*OK*)", "expect = \"OK\";"),
            ("dns", "[DNS_RCODE] == NOERROR", ""),
        ] {
            let (fate, said) = applied(kind, condition);
            assert_eq!((fate, said.as_str()), (Kept, keys), "{condition}");
        }
    }

    #[test]
    fn a_condition_that_means_something_else_here_is_kept_and_told() {
        for (kind, condition, keys) in [
            (
                "http",
                "[RESPONSE_TIME] < 500",
                "[expect];degraded_after = \"500ms\";",
            ),
            (
                "tcp",
                "[RESPONSE_TIME] <= 500",
                "degraded_after = \"500ms\";",
            ),
            (
                "tls",
                "[CERTIFICATE_EXPIRATION] > 49h",
                "certificate_days = 3;",
            ),
            (
                "http",
                "[CERTIFICATE_EXPIRATION] > 48h",
                "[expect];certificate_days = 2;",
            ),
            ("dns", "[BODY] == 192.0.2.1", "expect = [\"192.0.2.1\"];"),
        ] {
            let (fate, said) = applied(kind, condition);
            assert!(matches!(fate, Differs(_)), "{condition}: {fate:?}");
            assert_eq!(said, keys, "{condition}");
        }
    }

    #[test]
    fn all_conditions_on_the_status_must_hold() {
        let mut keys = Keys::default();
        for condition in ["[STATUS] >= 300", "[STATUS] < 303"] {
            assert_eq!(apply(condition, "http", &mut keys), Kept);
        }
        assert_eq!(keys.expect.to_string(), "status = [300, 301, 302]\n");
        let fate = apply("[STATUS] == 200", "http", &mut keys);
        assert_eq!(fate, Lost("no status fulfills all conditions".to_owned()));
    }

    #[test]
    fn other_conditions_are_lost_with_a_reason() {
        for (kind, condition) in [
            ("http", "[STATUS] > 599"),
            ("http", "[STATUS] != 404"),
            ("http", "[STATUS] == 200 || [STATUS] == 404"),
            ("http", "[BODY] == pat(*)"),
            ("http", "[BODY] == pat(v?)"),
            ("http", "[STATUS] == 2000"),
            ("http", "[STATUS] == pat(2*)"),
            ("http", "[IP] == 127.0.0.1"),
            ("http", "len([BODY].data) < 5"),
            ("http", "has([BODY].errors) == false"),
            ("http", "[BODY].age == [BODY].id"),
            ("http", "[BODY].name == pat(john*)"),
            ("http", "[BODY] == any(a, b)"),
            ("http", "[DOMAIN_EXPIRATION] > 720h"),
            ("http", "[RESPONSE_TIME] > 5"),
            ("http", "[RESPONSE_TIME] < 10000"),
            ("icmp", "[CERTIFICATE_EXPIRATION] > 48h"),
            ("icmp", "[BODY] == 1"),
            ("http", "[STATUS]==200"),
        ] {
            let (fate, said) = applied(kind, condition);
            assert!(matches!(fate, Lost(_)), "{condition}: {fate:?}");
            assert_eq!(said, "", "{condition}");
        }
    }
}

//! Regular expressions that stand for one text.

/// The text that an answer contains if the expression matches it; `None` if it may match several.
pub(super) fn plain(pattern: &str) -> Option<String> {
    let inner = pattern.strip_prefix('^').unwrap_or(pattern);
    let inner = inner.strip_prefix(".*").unwrap_or(inner);
    let inner = inner.strip_suffix(".*").unwrap_or(inner);
    let mut text = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next()? {
                'r' => text.push('\r'),
                'n' => text.push('\n'),
                't' => text.push('\t'),
                c if c.is_ascii_alphanumeric() => return None,
                c => text.push(c),
            },
            // A dot that no quantifier follows is nearly always meant as a dot: `SSH-2.0`.
            '.' if !matches!(chars.clone().next(), Some('*' | '+' | '?' | '{')) => text.push('.'),
            c if ".*+?()|[]{}^$".contains(c) => return None,
            c => text.push(c),
        }
    }
    (!text.trim().is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn an_expression_of_one_text_is_that_text() {
        for (pattern, text) in [
            ("^SSH-2.0-", Some("SSH-2.0-")),
            ("\\+PONG", Some("+PONG")),
            (".*ready.*", Some("ready")),
            ("^220 .* ESMTP", None),
            ("a|b", None),
            ("\\d", None),
            ("", None),
            (".*", None),
        ] {
            assert_eq!(plain(pattern).as_deref(), text, "{pattern}");
        }
    }
}

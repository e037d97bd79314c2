//! Lengths of time, as other monitors write them and as Nines does.

/// The longest interval that a probe may have.
const LONGEST_MS: u64 = 7 * 86_400_000;

/// The milliseconds of a time as Go and Prometheus write it: `1m30s`, `500ms`, `1d`. No fractions.
pub(crate) fn parse_ms(text: &str) -> Option<u64> {
    let mut rest = text.trim();
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, after) = after.split_at(letters);
        let unit_ms = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 7 * 86_400_000,
            _ => return None,
        };
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(unit_ms)?)?;
        rest = after;
    }
    within(total)
}

/// The length if a probe may have it.
pub(crate) fn within(ms: u64) -> Option<u64> {
    (1..=LONGEST_MS).contains(&ms).then_some(ms)
}

/// The length as a configuration of Nines writes it.
pub(crate) fn spelt(ms: u64) -> String {
    match ms {
        ms if ms % 60_000 == 0 => format!("{}m", ms / 60_000),
        ms if ms % 1_000 == 0 => format!("{}s", ms / 1_000),
        ms => format!("{ms}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_keep_their_value() {
        for (text, ours) in [
            ("1m30s", "90s"),
            ("500ms", "500ms"),
            ("1d", "1440m"),
            ("2h", "120m"),
        ] {
            assert_eq!(parse_ms(text).map(spelt).as_deref(), Some(ours));
        }
        for text in ["", "0s", "1.5s", "8d", "s", "5"] {
            assert_eq!(parse_ms(text), None, "{text}");
        }
    }
}

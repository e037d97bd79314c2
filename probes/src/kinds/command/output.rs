//! The output of a plugin: a line of text, and performance data after `|` (Monitoring Plugins development guidelines).

/// The most values of performance data that are kept.
const VALUES: usize = 50;

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Output {
    /// The first line, without its performance data.
    pub(super) text: String,
    /// As written: `'label'=value[unit];[warn];[crit];[min];[max]`.
    pub(super) performance: Vec<String>,
}

impl Output {
    pub(super) fn parse(output: &[u8]) -> Self {
        let output = String::from_utf8_lossy(output);
        let mut parsed = Self::default();
        // The first line has data after its mark; later lines are text until the next mark, then data alone.
        let mut is_data = false;
        for (number, line) in output.lines().enumerate() {
            let (text, data) = match line.split_once('|') {
                Some((text, data)) if !is_data => {
                    is_data = number > 0;
                    (text, data)
                }
                _ if is_data => ("", line),
                _ => (line, ""),
            };
            if number == 0 {
                text.trim().clone_into(&mut parsed.text);
            }
            let room = VALUES - parsed.performance.len();
            parsed.performance.extend(values(data).take(room));
        }
        parsed
    }
}

/// The values of a line. A label in single quotes may have spaces.
fn values(line: &str) -> impl Iterator<Item = String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut is_quoted = false;
    for c in line.chars() {
        match c {
            '\'' => is_quoted = !is_quoted,
            c if c.is_whitespace() && !is_quoted => {
                words.push(std::mem::take(&mut word));
                continue;
            }
            _ => {}
        }
        word.push(c);
    }
    words.push(word);
    words.into_iter().filter(|word| {
        let value = word.rsplit_once('=').map_or("", |(_, value)| value);
        value.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '.' | 'U'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(output: &str) -> (String, Vec<String>) {
        let Output { text, performance } = Output::parse(output.as_bytes());
        (text, performance)
    }

    #[test]
    fn text_and_performance_data_are_told_apart() {
        let (text, performance) = parsed(
            "DISK OK - free space: / 3326 MB (56%); | /=2643MB;5948;5958;0;5968 'my disk'=1%\n\
             / 15272 MB (77%);\n/boot 68 MB (69%); | /boot=68MB;88;93;0;98\n/var=U junk load=-0.5\n",
        );
        assert_eq!(text, "DISK OK - free space: / 3326 MB (56%);");
        assert_eq!(
            performance,
            [
                "/=2643MB;5948;5958;0;5968",
                "'my disk'=1%",
                "/boot=68MB;88;93;0;98",
                "/var=U",
                "load=-0.5"
            ]
        );
        assert_eq!(parsed(""), (String::new(), vec![]));
        assert_eq!(parsed("|"), (String::new(), vec![]));
        assert_eq!(
            parsed("OK\n| a=1"),
            ("OK".to_owned(), vec!["a=1".to_owned()])
        );
        assert_eq!(parsed("\u{fffd}").0, "\u{fffd}");
        let many = format!("OK | {}", "a=1 ".repeat(99));
        assert_eq!(parsed(&many).1.len(), VALUES);
    }
}

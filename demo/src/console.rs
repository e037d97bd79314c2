//! Standard output of the demo: lines with a time and a source, wrapped to eighty columns.

use std::fmt::Display;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::Notify;

/// The widest line, in columns.
const WIDTH: usize = 80;

/// The column in which the text of a line begins.
const INDENT: usize = 17;

/// Where a line comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The script.
    Demo,
    /// The ledger of Nines.
    Nines,
    /// A mail arrived.
    Mail,
}

impl Source {
    /// Its word and its colour.
    fn shown(self) -> (&'static str, &'static str) {
        match self {
            Source::Demo => ("demo", "\x1b[33m"),
            Source::Nines => ("nines", "\x1b[32m"),
            Source::Mail => ("mail", "\x1b[36m"),
        }
    }
}

/// Prints one thing at a time.
pub struct Console {
    out: Mutex<Box<dyn Write + Send>>,
    colour: bool,
    zone: TimeZone,
    clock: fn() -> Timestamp,
    closed: Notify,
}

impl Console {
    /// Prints to `out`, with the times of `clock` in `zone`.
    pub fn new(
        out: Box<dyn Write + Send>,
        colour: bool,
        zone: TimeZone,
        clock: fn() -> Timestamp,
    ) -> Self {
        Self {
            out: Mutex::new(out),
            colour,
            zone,
            clock,
            closed: Notify::new(),
        }
    }

    /// Completes when standard output turns out to be closed.
    pub async fn closed(&self) {
        self.closed.notified().await;
    }

    /// Prints a line with the present time and its source. Further lines of `text` stay lines.
    pub fn say(&self, source: Source, text: &str) {
        self.say_at(self.now(), source, text);
    }

    fn say_at(&self, at: Timestamp, source: Source, text: &str) {
        let (time, (word, tint)) = (self.time(at), source.shown());
        let head = if self.colour {
            format!("\x1b[2m{time}\x1b[0m  {tint}{word:<5}\x1b[0m  ")
        } else {
            format!("{time}  {word:<5}  ")
        };
        let lines = text.lines().flat_map(|l| wrapped(l, WIDTH - INDENT));
        let lines: Vec<String> = lines.collect();
        let next = format!("\n{}", " ".repeat(INDENT));
        self.put(&format!("{head}{}\n", lines.join(&next)));
    }

    /// A heading with an empty line before it.
    pub fn heading(&self, text: &str) {
        if self.colour {
            self.put(&format!("\n\x1b[1m{text}\x1b[0m\n"));
        } else {
            self.put(&format!("\n{text}\n"));
        }
    }

    /// A paragraph, indented.
    pub fn paragraph(&self, text: &str) {
        let lines = text.lines().flat_map(|line| wrapped(line, WIDTH - 2));
        self.put(&lines.map(|line| format!("  {line}\n")).collect::<String>());
    }

    /// A name and its value, indented. The value is not wrapped, so that it can be copied.
    pub fn row(&self, name: &str, value: impl Display) {
        self.put(&format!("  {name:<21}{value}\n"));
    }

    /// A line of a table, as it is.
    pub fn table(&self, text: &str) {
        self.put(&format!("  {}\n", text.trim_end()));
    }

    /// A command that can be copied into a shell, with a comment.
    pub fn command(&self, text: &str, comment: &str) {
        let comment = match comment {
            "" => String::new(),
            comment => format!("  # {comment}"),
        };
        self.put(&format!(
            "  {}\n",
            format!("{text:<34}{comment}").trim_end()
        ));
    }

    /// An empty line.
    pub fn gap(&self) {
        self.put("\n");
    }

    /// The present instant by the wall clock.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// The local time of an instant, to the second.
    pub fn time(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone())
            .strftime("%H:%M:%S")
            .to_string()
    }

    /// The present abbreviation of the zone.
    pub fn zone(&self) -> String {
        self.now()
            .to_zoned(self.zone.clone())
            .strftime("%Z")
            .to_string()
    }

    fn put(&self, text: &str) {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        if out
            .write_all(text.as_bytes())
            .and_then(|()| out.flush())
            .is_err()
        {
            self.closed.notify_one();
        }
    }
}

/// Breaks a line at spaces. A word that is too long stays whole.
fn wrapped(line: &str, width: usize) -> Vec<String> {
    let lead: String = line.chars().take_while(|c| *c == ' ').collect();
    let mut lines = Vec::new();
    let mut now = lead.clone();
    let mut empty = true;
    for word in line.split(' ').filter(|word| !word.is_empty()) {
        if !empty && now.chars().count() + 1 + word.chars().count() > width {
            lines.push(std::mem::replace(&mut now, lead.clone()));
            empty = true;
        }
        if !empty {
            now.push(' ');
        }
        now.push_str(word);
        empty = false;
    }
    lines.push(now);
    lines
}

/// `1 mail`, `2 mails`.
pub fn count(n: usize, one: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{n} {one}{s}")
}

#[cfg(test)]
pub mod testing {
    //! A console whose output tests can read.
    use std::sync::Arc;

    use super::*;

    #[derive(Clone, Default)]
    pub struct Printed(Arc<Mutex<Vec<u8>>>);

    impl Printed {
        pub fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Printed {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// A console without colours, in UTC, whose clock stands still; and its output.
    pub fn console() -> (Console, Printed) {
        let printed = Printed::default();
        let console = Console::new(Box::new(printed.clone()), false, TimeZone::UTC, || {
            Timestamp::UNIX_EPOCH
        });
        (console, printed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_hang_under_their_text_and_fit_eighty_columns() {
        let (console, printed) = testing::console();
        let at = "2026-10-07T06:14:10Z".parse().unwrap();
        let long = "a word or two ".repeat(12) + "\nsecond\n  indented";
        console.say_at(at, Source::Mail, &long);
        let text = printed.text();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("06:14:10  mail   a word"), "{text}");
        assert!(lines.iter().all(|l| l.len() <= WIDTH), "{text}");
        assert!(lines[1].starts_with("                 or two"), "{text}");
        assert_eq!(lines[lines.len() - 2].trim_start(), "second");
        assert_eq!(lines[lines.len() - 1], "                   indented");
    }

    /// A pipe whose reader has gone.
    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_closed_standard_output_is_noticed() {
        let console = Console::new(Box::new(Closed), false, TimeZone::UTC, || {
            Timestamp::UNIX_EPOCH
        });
        console.say(Source::Demo, "x");
        let noticed = tokio::time::timeout(std::time::Duration::from_secs(60), console.closed());
        noticed.await.unwrap();
        let (printed, _) = testing::console();
        printed.say(Source::Demo, "x");
        tokio::select! {
            biased;
            () = printed.closed() => panic!("it is open"),
            () = tokio::task::yield_now() => {}
        }
    }

    #[test]
    fn nothing_is_coloured_unless_asked() {
        let (console, printed) = testing::console();
        console.say(Source::Demo, "x");
        console.heading("y");
        assert!(!printed.text().contains('\x1b'));
    }

    #[test]
    fn a_word_that_is_too_long_stays_whole() {
        assert_eq!(wrapped("aaaa bbbbbbbb cc", 5), ["aaaa", "bbbbbbbb", "cc"]);
        assert_eq!(wrapped("", 5), [""]);
    }
}

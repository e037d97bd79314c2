//! What the demo says on standard output: calm lines with a time and a speaker, wrapped to eighty
//! columns. It decides nothing, and knows when nobody reads it any more.

use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::Notify;

use crate::clock;

/// The widest line, in columns.
const WIDTH: usize = 80;

/// Columns before the text of a line with time and speaker.
const INDENT: usize = 17;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// The script: what it breaks and mends.
    Demo,
    /// What Nines did, as its ledger has it.
    Nines,
    /// A mail arrived.
    Mail,
}

impl Speaker {
    fn word(self) -> &'static str {
        match self {
            Speaker::Demo => "demo",
            Speaker::Nines => "nines",
            Speaker::Mail => "mail",
        }
    }

    fn colour(self) -> &'static str {
        match self {
            Speaker::Demo => "\x1b[33m",
            Speaker::Nines => "\x1b[32m",
            Speaker::Mail => "\x1b[36m",
        }
    }
}

/// Says things, one at a time.
pub struct Voice {
    out: Mutex<Box<dyn Write + Send>>,
    colour: bool,
    zone: TimeZone,
    unheard: Notify,
}

impl Voice {
    /// Speaks to `out`, with times of `zone`.
    pub fn new(out: Box<dyn Write + Send>, colour: bool, zone: TimeZone) -> Self {
        Self {
            out: Mutex::new(out),
            colour,
            zone,
            unheard: Notify::new(),
        }
    }

    /// Ends when something was said that nobody could read: the pipe or terminal is closed.
    pub async fn unheard(&self) {
        self.unheard.notified().await;
    }

    /// A line with the present time and who says it; further lines of `text` stay lines.
    pub fn say(&self, speaker: Speaker, text: &str) {
        self.say_at(clock::now(), speaker, text);
    }

    fn say_at(&self, at: Timestamp, speaker: Speaker, text: &str) {
        let (dim, tint, plain) = if self.colour {
            ("\x1b[2m", speaker.colour(), "\x1b[0m")
        } else {
            ("", "", "")
        };
        let (time, word) = (self.time(at), speaker.word());
        let mut shown = format!("{dim}{time}{plain}  {tint}{word:<5}{plain}  ");
        for (n, line) in text
            .lines()
            .flat_map(|l| wrapped(l, WIDTH - INDENT))
            .enumerate()
        {
            if n > 0 {
                shown.push_str(&" ".repeat(INDENT));
            }
            shown.push_str(&line.replace('\u{a0}', " "));
            shown.push('\n');
        }
        self.put(&shown);
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

    /// A name and what it stands for, indented; nothing is wrapped, so that it can be copied.
    pub fn row(&self, name: &str, text: &str) {
        self.put(&format!("  {name:<21}{text}\n"));
    }

    /// A line of a table, as it is.
    pub fn table(&self, text: &str) {
        self.put(&format!("  {}\n", text.trim_end()));
    }

    /// A line that can be copied into a shell, with a comment.
    pub fn command(&self, text: &str, comment: &str) {
        let comment = if comment.is_empty() {
            String::new()
        } else {
            format!("  # {comment}")
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

    /// The local time of an instant, to the second.
    pub fn time(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone())
            .strftime("%H:%M:%S")
            .to_string()
    }

    /// The abbreviation of the zone now.
    pub fn zone(&self) -> String {
        clock::now()
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
            // Kept for whoever asks later.
            self.unheard.notify_one();
        }
    }
}

/// Breaks a line at spaces, but not at hard ones; a word that is too long stays whole.
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

/// A path as a person would type it here.
pub fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// `1 mail`, `2 mails`.
pub fn count(n: usize, one: &str) -> String {
    if n == 1 {
        format!("1 {one}")
    } else {
        format!("{n} {one}s")
    }
}

#[cfg(test)]
pub mod testing {
    //! A voice that tests can hear.
    //! Tests may unwrap: a panic is how they fail.
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use super::*;

    /// What was said.
    #[derive(Clone, Default)]
    pub struct Heard(Arc<Mutex<Vec<u8>>>);

    impl Heard {
        /// All of it.
        pub fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Heard {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// A voice without colours, in UTC.
    pub fn voice() -> (Voice, Heard) {
        let heard = Heard::default();
        let voice = Voice::new(Box::new(heard.clone()), false, TimeZone::UTC);
        (voice, heard)
    }
}

#[cfg(test)]
mod tests {
    //! Tests may unwrap: a panic is how they fail.
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lines_hang_under_their_text_and_fit_eighty_columns() {
        let (voice, heard) = testing::voice();
        let at = "2026-10-07T06:14:10Z".parse().unwrap();
        let long = "a word or two ".repeat(12) + "\nsecond\n  indented";
        voice.say_at(at, Speaker::Mail, &long);
        let text = heard.text();
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
    async fn a_voice_knows_that_nobody_hears_it() {
        let voice = Voice::new(Box::new(Closed), false, TimeZone::UTC);
        voice.say(Speaker::Demo, "x");
        let noticed = tokio::time::timeout(std::time::Duration::from_secs(60), voice.unheard());
        noticed.await.unwrap();
        let (heard, _) = testing::voice();
        heard.say(Speaker::Demo, "x");
        tokio::select! {
            biased;
            () = heard.unheard() => panic!("it was heard"),
            () = tokio::task::yield_now() => {}
        }
    }

    #[test]
    fn nothing_is_coloured_unless_asked() {
        let (voice, heard) = testing::voice();
        voice.say(Speaker::Demo, "x");
        voice.heading("y");
        assert!(!heard.text().contains('\x1b'));
    }

    #[test]
    fn a_word_that_is_too_long_stays_whole() {
        assert_eq!(wrapped("aaaa bbbbbbbb cc", 5), ["aaaa", "bbbbbbbb", "cc"]);
        assert_eq!(wrapped("", 5), [""]);
        assert_eq!(wrapped("lasted 3\u{a0}s", 8), ["lasted", "3\u{a0}s"]);
    }
}

//! Reads a file of a service desk's calls (RFC 4180) and counts them for the act that imports them.

use std::fmt;
use std::path::{Path, PathBuf};

use domain::act::{Act, Refusal};
use domain::calendar;
use domain::catalogue::Catalogue;
use domain::desk::{self, Call, Import};
use domain::suggest::shorten;
use domain::written_time::WrittenTime;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};

/// The names of the columns, in their order.
pub const COLUMNS: [&str; 3] = ["time", "seconds_to_answer", "abandoned"];

/// The largest file, in bytes: about a million calls.
const MAX_BYTES: u64 = 32 << 20;
/// The longest wait for an answer, in seconds.
const MAX_WAIT_S: u32 = 86_400;
/// Mistakes that are named one by one.
const MAX_MISTAKES: usize = 1_000;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}: {error}", path.display())]
    Unreadable {
        path: PathBuf,
        error: std::io::Error,
    },
    /// Lines are wrong, so nothing was imported.
    #[error("{0}")]
    Wrong(Mistakes),
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// The wrong lines of a file.
#[derive(Debug)]
pub struct Mistakes {
    path: PathBuf,
    /// The number of the line, from 1, and what is wrong.
    pub all: Vec<(usize, String)>,
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wrong = match self.all.len() {
            1 => "1 wrong line".to_owned(),
            n => format!("{n} wrong lines"),
        };
        write!(
            f,
            "nothing was imported: {} has {wrong}",
            self.path.display()
        )?;
        for (line, what) in self.all.iter().take(MAX_MISTAKES) {
            write!(f, "\n  line {line}: {what}")?;
        }
        match self.all.len().checked_sub(MAX_MISTAKES) {
            Some(more) if more > 0 => write!(f, "\n  and {more} more"),
            _ => Ok(()),
        }
    }
}

/// Adds the counted calls to an act that imports a file. Other acts stay as they are.
///
/// # Errors
/// The file cannot be read, or has wrong lines; or no policy, or several, may be meant.
pub fn with_calls(catalogue: &Catalogue, act: &Act) -> Result<Act, Error> {
    let Act::ImportDesk {
        policy,
        file,
        import: None,
    } = act
    else {
        return Ok(act.clone());
    };
    let path = Path::new(file);
    let (policy, objective) = desk::policy(catalogue, policy.as_ref()).map_err(Refusal)?;
    let refused = |error: calendar::UnknownZone| Refusal(error.to_string());
    let service = calendar::zone(&catalogue.zone).map_err(refused)?;
    let days = desk::zone(catalogue, policy).map_err(refused)?;
    let bytes = bytes(path)?;
    let calls = calls(&bytes, &service).map_err(|all| {
        let path = path.to_owned();
        Error::Wrong(Mistakes { path, all })
    })?;
    let days = desk::count(&calls, objective, desk::hours(policy), &days).map_err(refused)?;
    let hash = Sha256::digest(&bytes);
    let name = path.file_name().unwrap_or(path.as_os_str());
    Ok(Act::ImportDesk {
        policy: Some(policy.id.clone()),
        file: name.to_string_lossy().into_owned(),
        import: Some(Import {
            sha256: hash.iter().map(|byte| format!("{byte:02x}")).collect(),
            answer_within_s: objective.answer_within_s,
            days,
        }),
    })
}

fn bytes(path: &Path) -> Result<Vec<u8>, Error> {
    let unreadable = |error| Error::Unreadable {
        path: path.to_owned(),
        error,
    };
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > MAX_BYTES {
        let why = format!("the file is larger than {} MiB", MAX_BYTES >> 20);
        return Err(unreadable(std::io::Error::other(why)));
    }
    std::fs::read(path).map_err(unreadable)
}

/// The calls of a file. Times without an offset are local times of `zone`.
fn calls(bytes: &[u8], zone: &TimeZone) -> Result<Vec<Call>, Vec<(usize, String)>> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.trim_start_matches('\u{feff}'),
        Err(error) => {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            return Err(vec![(
                line,
                "this is not UTF-8: save the file as UTF-8".to_owned(),
            )]);
        }
    };
    let mut lines = text.lines().enumerate().map(|(n, line)| (n + 1, line));
    let header = lines.next().map_or("", |(_, line)| line);
    let named = fields(header);
    let is_header = named.len() == COLUMNS.len()
        && named
            .iter()
            .zip(COLUMNS)
            .all(|(name, column)| name.eq_ignore_ascii_case(column));
    if !is_header {
        let why = format!(
            "the first line must be `{}`, not `{}`",
            COLUMNS.join(","),
            shorten(header)
        );
        return Err(vec![(1, why)]);
    }
    let (mut calls, mut wrong) = (Vec::new(), Vec::new());
    for (number, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        match call(line, zone) {
            Ok(call) => calls.push(call),
            Err(why) => wrong.push((number, why)),
        }
    }
    match wrong.is_empty() {
        true => Ok(calls),
        false => Err(wrong),
    }
}

fn call(line: &str, zone: &TimeZone) -> Result<Call, String> {
    let fields = fields(line);
    let [time, after, abandoned] = fields.as_slice() else {
        return Err(format!("there are {} columns, not 3", fields.len()));
    };
    let written: WrittenTime = time
        .parse()
        .map_err(|error: domain::written_time::NotATime| error.to_string())?;
    let at = written.instant(zone).map_err(|error| error.to_string())?;
    let is_abandoned = match abandoned.to_ascii_lowercase().as_str() {
        "yes" | "true" | "1" => true,
        "no" | "false" | "0" => false,
        _ => {
            return Err(format!(
                "`abandoned` is `{}`: write yes or no",
                shorten(abandoned)
            ));
        }
    };
    let answered_after_s = match (after.as_str(), is_abandoned) {
        ("", true) => None,
        ("", false) => {
            return Err("an answered call needs `seconds_to_answer`; an abandoned one has yes in `abandoned`".to_owned());
        }
        (_, true) => {
            return Err("an abandoned call has no `seconds_to_answer`: leave it empty".to_owned());
        }
        (text, false) => {
            let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
            let seconds = text.parse().ok().filter(|s| is_digits && *s <= MAX_WAIT_S);
            Some(seconds.ok_or_else(|| {
                format!(
                    "`seconds_to_answer` is `{}`: write whole seconds, {MAX_WAIT_S} at most",
                    shorten(text)
                )
            })?)
        }
    };
    Ok(Call {
        at,
        answered_after_s,
    })
}

/// The fields of a line, without blanks around them. A field may stand in quotation marks, with two for one inside.
fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut letters = line.chars().peekable();
    while let Some(c) = letters.next() {
        match c {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field).trim().to_owned()),
            c => field.push(c),
        }
    }
    fields.push(field.trim().to_owned());
    fields
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn read(text: &str) -> Result<Vec<Call>, Vec<(usize, String)>> {
        calls(
            text.as_bytes(),
            &calendar::zone("America/New_York").unwrap(),
        )
    }

    fn wrong(text: &str, expected: &Expect) {
        let mistakes = read(text).unwrap_err();
        let path = PathBuf::from("calls.csv");
        let all = Mistakes {
            path,
            all: mistakes,
        };
        expected.assert_eq(&all.to_string());
    }

    #[test]
    fn a_call_has_a_time_in_the_services_zone_or_with_an_offset() {
        let text = "\u{feff}Time, Seconds_to_answer ,ABANDONED\r\n2026-07-01 07:00:00,120,no\r\n\"2026-07-01T11:00:00Z\",,Yes\r\n\r\n";
        let at = "2026-07-01T11:00:00Z".parse().unwrap();
        let answered = |answered_after_s| Call {
            at,
            answered_after_s,
        };
        assert_eq!(read(text).unwrap(), [answered(Some(120)), answered(None)]);
    }

    #[test]
    fn every_wrong_line_is_named() {
        let lines = [
            "time,seconds_to_answer,abandoned",
            "soon,12,no",
            "2026-07-01 07:00:00,12,no",
            "2026-07-01 07:00:00,12",
            "2026-07-01 07:00:00,1.5,no",
            "2026-07-01 07:00:00,-3,no",
            "2026-07-01 07:00:00,90000,no",
            "2026-07-01 07:00:00,,no",
            "2026-07-01 07:00:00,12,yes",
            "2026-07-01 07:00:00,12,maybe",
            "2026-11-01 01:30:00,12,no",
        ];
        wrong(
            &lines.join("\n"),
            &expect![[r#"
            nothing was imported: calls.csv has 9 wrong lines
              line 2: `soon` is not a time: write it as "2026-11-30 22:00" in the service's time zone, or with an offset as 2026-11-30T22:00:00-05:00
              line 4: there are 2 columns, not 3
              line 5: `seconds_to_answer` is `1.5`: write whole seconds, 86400 at most
              line 6: `seconds_to_answer` is `-3`: write whole seconds, 86400 at most
              line 7: `seconds_to_answer` is `90000`: write whole seconds, 86400 at most
              line 8: an answered call needs `seconds_to_answer`; an abandoned one has yes in `abandoned`
              line 9: an abandoned call has no `seconds_to_answer`: leave it empty
              line 10: `abandoned` is `maybe`: write yes or no
              line 11: 2026-11-01 01:30 happens twice in America/New_York, because the clocks go back: write "2026-11-01 01:30 EDT" or "2026-11-01 01:30 EST""#]],
        );
        wrong(
            "time;seconds_to_answer;abandoned\n",
            &expect![[r#"
            nothing was imported: calls.csv has 1 wrong line
              line 1: the first line must be `time,seconds_to_answer,abandoned`, not `time;seconds_to_answer;abandoned`"#]],
        );
        wrong(
            "",
            &expect![[r#"
            nothing was imported: calls.csv has 1 wrong line
              line 1: the first line must be `time,seconds_to_answer,abandoned`, not ``"#]],
        );
    }
}

//! A scenario as written: what the probes will see, what people will do, how mail will behave.
//! It parses and checks; every mistake names its line. What a key means is told in SPEC section 15.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::event::Delivery;
use domain::id::{ProbeId, SystemId};
use domain::sample::{Outcome, Reason};
use domain::span::Span;
use jiff::Timestamp;
use serde::Deserialize;
use toml::Spanned;

use super::act::{self, Deed};
use super::known::{Named, Names, What};
use crate::config::Mistakes;

/// Where something is wrong, in bytes, and what.
pub(super) type Wrong = (Range<usize>, String);

/// A rehearsal, ready to be played.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The service's configuration file.
    pub config: PathBuf,
    /// When the service starts.
    pub start: Timestamp,
    /// When it stops.
    pub end: Timestamp,
    /// From which identity and latencies are made.
    pub seed: u64,
    /// What the probes see; of two that overlap, the later one in the file.
    pub faults: Vec<Fault>,
    /// What people do, in order of time.
    pub acts: Vec<Act>,
    /// How the mail server behaves; of two that overlap, the later one in the file.
    pub mail: Vec<Weather>,
    /// What it names, to be looked up in its configurations.
    pub(super) names: Names,
}

/// Who is struck by a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Struck {
    /// Every probe of a system.
    System(SystemId),
    /// One probe.
    Probe(ProbeId),
}

/// What a probe sees that is struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A sample with that outcome.
    Sample(Outcome, Option<Reason>),
    /// None: the monitor gets no samples.
    Nothing,
}

/// What probes see for a while.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Whose.
    pub struck: Struck,
    /// When.
    pub span: Span,
    /// What.
    pub seen: Seen,
}

/// Something that a person does.
#[derive(Clone, Debug)]
pub struct Act {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// What.
    pub deed: Deed,
    /// The line it stands on, for whoever must correct it.
    pub line: usize,
}

/// How the mail server answers for a while.
#[derive(Clone, Debug)]
pub struct Weather {
    /// When.
    pub span: Span,
    /// To mail for whom; everybody unless named.
    pub recipient: Option<String>,
    /// How an attempt meets it.
    pub answer: Answer,
}

/// How an attempt to deliver ends.
#[derive(Clone, Debug)]
pub struct Answer {
    /// How.
    pub result: Delivery,
    /// The relay's words, or what went wrong.
    pub reply: String,
    /// Whether no relay came as far as to speak of the message.
    pub unreached: bool,
    /// How long it takes.
    pub took: Duration,
}

/// Why a scenario cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Something in it is wrong.
    #[error(transparent)]
    Wrong(#[from] Mistakes),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    config: PathBuf,
    start: Spanned<String>,
    end: Spanned<String>,
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    fault: Vec<Spanned<FaultWritten>>,
    #[serde(default)]
    act: Vec<Spanned<act::Written>>,
    #[serde(default)]
    mail: Vec<Spanned<MailWritten>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultWritten {
    system: Option<Spanned<SystemId>>,
    probe: Option<Spanned<ProbeId>>,
    from: Spanned<String>,
    to: Spanned<String>,
    outcome: OutcomeWritten,
    reason: Option<Reason>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum OutcomeWritten {
    Down,
    Degraded,
    Inconclusive,
    NoSamples,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MailWritten {
    from: Spanned<String>,
    to: Spanned<String>,
    answer: Spanned<String>,
    recipient: Option<Spanned<String>>,
}

impl Scenario {
    /// Reads a scenario; its paths are relative to the file.
    ///
    /// # Errors
    /// The file cannot be read; or the mistakes in it, with their places.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let read = |source| Error::Read {
            path: path.to_owned(),
            source,
        };
        let text = std::fs::read_to_string(path).map_err(read)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut scenario =
            Self::parse(&text, folder).map_err(|wrong| Mistakes::of(path, &text, wrong))?;
        scenario.names.file = path.to_owned();
        scenario.names.text = text;
        Ok(scenario)
    }

    /// Reads a scenario's text; its paths are relative to `folder`.
    ///
    /// # Errors
    /// The places of its mistakes, and what is wrong there: of what is not read at all the first,
    /// else one of each table.
    fn parse(text: &str, folder: &Path) -> Result<Self, Vec<Wrong>> {
        let written: Written = toml::from_str(text).map_err(|error| {
            let at = error.span().unwrap_or_default();
            vec![(at, error.message().to_owned())]
        })?;
        let mut wrong = Vec::new();
        let start = kept(instant(&written.start), &mut wrong);
        let end = kept(instant(&written.end), &mut wrong);
        if let (Some(start), Some(end)) = (start, end)
            && end <= start
        {
            let message = "`end` must be later than `start`".to_owned();
            wrong.push((written.end.span(), message));
        }
        let mut names = Names::default();
        let faults = written.fault.into_iter();
        let faults = faults.filter_map(|written| kept(fault(written, &mut names), &mut wrong));
        let faults: Vec<_> = faults.collect();
        let mail = written.mail.into_iter();
        let mail = mail.filter_map(|written| kept(weather(written, &mut names), &mut wrong));
        let mail: Vec<_> = mail.collect();
        let mut acts = Vec::with_capacity(written.act.len());
        for act in written.act {
            let place = act.span();
            let line = line_of(text, place.start);
            names.of.extend(act::names(act.get_ref(), text));
            let Some((at, by, deed)) = kept(act::read(act, folder), &mut wrong) else {
                continue;
            };
            if start.is_some_and(|start| at < start) || end.is_some_and(|end| at > end) {
                let message = "this act is not between `start` and `end`".to_owned();
                wrong.push((place, message));
            }
            acts.push(Act { at, by, deed, line });
        }
        let (Some(start), Some(end), true) = (start, end, wrong.is_empty()) else {
            return Err(wrong);
        };
        acts.sort_by_key(|act| act.at);
        Ok(Self {
            config: folder.join(written.config),
            start,
            end,
            seed: written.seed,
            faults,
            acts,
            mail,
            names,
        })
    }
}

/// What could be read; else the mistake goes to the others.
fn kept<T>(read: Result<T, Wrong>, wrong: &mut Vec<Wrong>) -> Option<T> {
    read.map_err(|mistake| wrong.push(mistake)).ok()
}

fn fault(written: Spanned<FaultWritten>, names: &mut Names) -> Result<Fault, Wrong> {
    let place = written.span();
    let written = written.into_inner();
    let systems = written.system.iter();
    names
        .of
        .extend(systems.map(|id| Named::new(What::System, id)));
    let probes = written.probe.iter();
    names
        .of
        .extend(probes.map(|id| Named::new(What::Probe, id)));
    let struck = match (written.system, written.probe) {
        (Some(system), None) => Struck::System(system.into_inner()),
        (None, Some(probe)) => Struck::Probe(probe.into_inner()),
        _ => {
            return Err((
                place,
                "a fault names a `system` or a `probe`, one of them".to_owned(),
            ));
        }
    };
    let sample = |outcome, usual| Seen::Sample(outcome, written.reason.or(usual));
    let seen = match written.outcome {
        OutcomeWritten::Down => sample(Outcome::Down, Some(Reason::Refused)),
        OutcomeWritten::Degraded => sample(Outcome::Degraded, Some(Reason::Slow)),
        OutcomeWritten::Inconclusive => sample(Outcome::Inconclusive, Some(Reason::Monitor)),
        OutcomeWritten::NoSamples if written.reason.is_some() => {
            return Err((
                place,
                "where there are no samples there is no `reason`".to_owned(),
            ));
        }
        OutcomeWritten::NoSamples => Seen::Nothing,
    };
    Ok(Fault {
        struck,
        span: span(&written.from, &written.to)?,
        seen,
    })
}

fn weather(written: Spanned<MailWritten>, names: &mut Names) -> Result<Weather, Wrong> {
    let written = written.into_inner();
    let recipients = written.recipient.iter();
    names
        .of
        .extend(recipients.map(|mail| Named::new(What::Recipient, mail)));
    let answer = answer(written.answer.get_ref()).ok_or_else(|| {
        let what = "`answer` is `refused`, `timeout` or a reply code such as `451`";
        (written.answer.span(), what.to_owned())
    })?;
    let span = span(&written.from, &written.to)?;
    Ok(Weather {
        span,
        recipient: written.recipient.map(Spanned::into_inner),
        answer,
    })
}

/// What an attempt meets: the waiting times are those of the courier's own limits.
fn answer(text: &str) -> Option<Answer> {
    let nowhere = |reply: &str, took| Answer {
        result: Delivery::Deferred,
        reply: reply.to_owned(),
        unreached: true,
        took,
    };
    Some(match text {
        "refused" => nowhere("connection refused", Duration::from_millis(1)),
        "timeout" => nowhere("no connection in time", Duration::from_secs(30)),
        code => {
            let code: u16 = code.parse().ok()?;
            let result = match code {
                200..=299 => Delivery::Accepted,
                400..=499 => Delivery::Deferred,
                500..=599 => Delivery::Rejected,
                _ => return None,
            };
            Answer {
                result,
                reply: format!("{code} simulated"),
                unreached: code == 421,
                took: Duration::from_millis(200),
            }
        }
    })
}

fn span(from: &Spanned<String>, to: &Spanned<String>) -> Result<Span, Wrong> {
    let span = Span::new(instant(from)?, instant(to)?);
    if span.is_empty() {
        return Err((to.span(), "`to` must be later than `from`".to_owned()));
    }
    Ok(span)
}

fn instant(text: &Spanned<String>) -> Result<Timestamp, Wrong> {
    act::instant(text.get_ref()).map_err(|what| (text.span(), what))
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    // A test that cannot build its own input should fail at once.
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    const HEAD: &str = "config = \"nines.toml\"\nstart = \"2026-10-01T00:00:00-04:00\"\nend = \"2026-10-02T00:00:00-04:00\"\n";

    fn mistakes(rest: &str) -> Vec<(usize, String)> {
        let text = format!("{HEAD}{rest}");
        let wrong = Scenario::parse(&text, Path::new("x")).unwrap_err();
        let placed = wrong.into_iter();
        placed
            .map(|(at, what)| (line_of(&text, at.start), what))
            .collect()
    }

    fn mistake(rest: &str) -> (usize, String) {
        let mut wrong = mistakes(rest);
        assert_eq!(wrong.len(), 1, "{wrong:?}");
        wrong.remove(0)
    }

    #[test]
    fn one_mistake_hides_no_other() {
        let act = |what: &str| {
            format!("[[act]]\nat = \"2026-10-01T02:05:00-04:00\"\nby = \"x\"\n{what}\n")
        };
        let late = "[[act]]\nat = \"2026-10-03T00:00:00-04:00\"\nby = \"x\"\ndo = \"close\"\nsystem = \"portal\"\n";
        let mail = "[[mail]]\nfrom = \"2026-10-01T02:00:00-04:00\"\nto = \"2026-10-01T03:00:00-04:00\"\nanswer = \"soon\"\n";
        let wrong = mistakes(
            &[
                act("do = \"close\""),
                act("do = \"told\"\nwindow = \"w\""),
                late.to_owned(),
                mail.to_owned(),
            ]
            .concat(),
        );
        let lines: Vec<usize> = wrong.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [21, 4, 8, 13], "{wrong:?}");
    }

    #[test]
    fn a_scenario_is_read() {
        let text = format!(
            "{HEAD}seed = 7\n\
            [[fault]]\nsystem = \"portal\"\nfrom = \"2026-10-01T02:00:00-04:00\"\nto = \"2026-10-01T02:10:00-04:00\"\noutcome = \"down\"\nreason = \"timeout\"\n\
            [[act]]\nat = \"2026-10-01T02:05:00-04:00\"\nby = \"on-call\"\ndo = \"acknowledge\"\nsystem = \"portal\"\n\
            [[mail]]\nfrom = \"2026-10-01T02:00:00-04:00\"\nto = \"2026-10-01T03:00:00-04:00\"\nanswer = \"451\"\n"
        );
        let scenario = Scenario::parse(&text, Path::new("x")).unwrap();
        assert_eq!(scenario.config, Path::new("x/nines.toml"));
        assert_eq!(
            scenario.faults[0].seen,
            Seen::Sample(Outcome::Down, Some(Reason::Timeout))
        );
        assert_eq!(scenario.acts[0].by, "on-call");
        assert_eq!(scenario.mail[0].answer.result, Delivery::Deferred);
    }

    #[test]
    fn unknown_keys_are_errors_on_their_line() {
        let (line, what) = mistake("[[fault]]\nsystm = \"portal\"\n");
        assert_eq!(line, 5);
        assert!(what.contains("systm"), "{what}");
    }

    #[test]
    fn unknown_acts_are_errors_on_their_line() {
        let act = "\n[[act]]\nat = \"2026-10-01T02:05:00-04:00\"\nby = \"x\"\ndo = \"aknowledge\"\nsystem = \"portal\"\n";
        let (line, what) = mistake(act);
        assert!((5..=8).contains(&line), "{line}");
        assert!(
            what.contains("aknowledge") && what.contains("acknowledge"),
            "{what}"
        );
    }

    #[test]
    fn keys_that_an_act_does_not_have_are_errors() {
        let act = "[[act]]\nat = \"2026-10-01T02:05:00-04:00\"\nby = \"x\"\ndo = \"acknowledge\"\nsystem = \"portal\"\nroot_cause = \"?\"\n";
        let (_, what) = mistake(act);
        assert!(what.contains("`acknowledge` has no `root_cause`"), "{what}");
    }

    #[test]
    fn a_lacking_key_is_named() {
        let act = "[[act]]\nat = \"2026-10-01T02:05:00-04:00\"\nby = \"x\"\ndo = \"told\"\nwindow = \"w\"\n";
        let (_, what) = mistake(act);
        assert!(what.contains("`told` needs `customer`"), "{what}");
    }

    #[test]
    fn times_without_an_offset_are_refused() {
        let (line, what) = mistake(
            "[[mail]]\nfrom = \"2026-10-01T02:00:00\"\nto = \"2026-10-01T03:00:00-04:00\"\nanswer = \"451\"\n",
        );
        assert_eq!(line, 5);
        assert!(what.contains("offset"), "{what}");
    }

    #[test]
    fn spans_run_forward() {
        let (_, what) = mistake(
            "[[mail]]\nfrom = \"2026-10-01T04:00:00-04:00\"\nto = \"2026-10-01T03:00:00-04:00\"\nanswer = \"451\"\n",
        );
        assert!(what.contains("later"), "{what}");
    }
}

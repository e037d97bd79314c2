//! Reads a scenario file: the faults that probes see, the acts of people, the mail server's answers.
//! Every mistake has its place. `docs/rehearsals.md` explains the keys.

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

use super::act::{self, Action};
use super::names::{NameKind, Named, Names};
use crate::config::Mistakes;

/// A mistake: its place in the text, in bytes, and a message.
pub(super) type Problem = (Range<usize>, String);

/// A checked scenario.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub config: PathBuf,
    pub start: Timestamp,
    pub end: Timestamp,
    /// The source of the ledger's identity and of the latencies.
    pub seed: u64,
    /// In the order of the file; of two that overlap, the later one counts.
    pub faults: Vec<Fault>,
    /// In order of time.
    pub acts: Vec<Act>,
    /// In the order of the file; of two that overlap, the later one counts.
    pub mail: Vec<MailBehaviour>,
    /// The names that the scenario's configurations must have.
    pub(super) names: Names,
}

/// The targets of a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Every probe of a system.
    System(SystemId),
    Probe(ProbeId),
}

/// The result that an affected probe reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    Sample(Outcome, Option<Reason>),
    /// The monitor gets no samples.
    Nothing,
}

#[derive(Clone, Debug)]
pub struct Fault {
    pub target: Target,
    pub span: Span,
    pub effect: Effect,
}

/// An `[[act]]`.
#[derive(Clone, Debug)]
pub struct Act {
    pub at: Timestamp,
    pub by: String,
    pub action: Action,
    pub line: usize,
}

/// How the mail server answers during a span.
#[derive(Clone, Debug)]
pub struct MailBehaviour {
    pub span: Span,
    /// The recipient whose mail is affected; `None` is all mail.
    pub recipient: Option<String>,
    pub answer: Answer,
}

/// How a delivery attempt ends.
#[derive(Clone, Debug)]
pub struct Answer {
    pub result: Delivery,
    /// The relay's reply, or the network error.
    pub reply: String,
    /// True if no relay was reached.
    pub unreached: bool,
    pub took: Duration,
}

/// Why a scenario cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {path}")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
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
    /// Reads a scenario file. Its paths are relative to the file.
    ///
    /// # Errors
    /// The file cannot be read, or has mistakes.
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

    /// Reads a scenario's text. Its paths are relative to `folder`.
    ///
    /// # Errors
    /// The first syntax error, else one mistake of each table.
    fn parse(text: &str, folder: &Path) -> Result<Self, Vec<Problem>> {
        let written: Written = toml::from_str(text).map_err(|error| {
            let at = error.span().unwrap_or_default();
            vec![(at, error.message().to_owned())]
        })?;
        let mut wrong = Vec::new();
        let start = ok_or_note(instant(&written.start), &mut wrong);
        let end = ok_or_note(instant(&written.end), &mut wrong);
        if let (Some(start), Some(end)) = (start, end)
            && end <= start
        {
            let message = "`end` must be later than `start`".to_owned();
            wrong.push((written.end.span(), message));
        }
        let mut names = Names::default();
        let faults = written.fault.into_iter();
        let faults =
            faults.filter_map(|written| ok_or_note(fault(written, &mut names), &mut wrong));
        let faults: Vec<_> = faults.collect();
        let mail = written.mail.into_iter();
        let mail =
            mail.filter_map(|written| ok_or_note(mail_behaviour(written, &mut names), &mut wrong));
        let mail: Vec<_> = mail.collect();
        let mut acts = Vec::with_capacity(written.act.len());
        for act in written.act {
            let place = act.span();
            let line = line_of(text, place.start);
            names.of.extend(act::names(act.get_ref(), text));
            let Some((at, by, action)) = ok_or_note(act::read(act, folder), &mut wrong) else {
                continue;
            };
            if start.is_some_and(|start| at < start) || end.is_some_and(|end| at > end) {
                let message = "this act is not between `start` and `end`".to_owned();
                wrong.push((place, message));
            }
            acts.push(Act {
                at,
                by,
                action,
                line,
            });
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

/// The value, if there is one; a mistake is added to `wrong`.
fn ok_or_note<T>(read: Result<T, Problem>, wrong: &mut Vec<Problem>) -> Option<T> {
    read.map_err(|mistake| wrong.push(mistake)).ok()
}

fn fault(written: Spanned<FaultWritten>, names: &mut Names) -> Result<Fault, Problem> {
    let place = written.span();
    let written = written.into_inner();
    let systems = written.system.iter();
    names
        .of
        .extend(systems.map(|id| Named::new(NameKind::System, id)));
    let probes = written.probe.iter();
    names
        .of
        .extend(probes.map(|id| Named::new(NameKind::Probe, id)));
    let target = match (written.system, written.probe) {
        (Some(system), None) => Target::System(system.into_inner()),
        (None, Some(probe)) => Target::Probe(probe.into_inner()),
        _ => {
            return Err((
                place,
                "a fault needs a `system` or a `probe`, one of them".to_owned(),
            ));
        }
    };
    let sample = |outcome, usual| Effect::Sample(outcome, written.reason.or(usual));
    let effect = match written.outcome {
        OutcomeWritten::Down => sample(Outcome::Down, Some(Reason::Refused)),
        OutcomeWritten::Degraded => sample(Outcome::Degraded, Some(Reason::Slow)),
        OutcomeWritten::Inconclusive => sample(Outcome::Inconclusive, Some(Reason::Monitor)),
        OutcomeWritten::NoSamples if written.reason.is_some() => {
            return Err((place, "`no_samples` has no `reason`".to_owned()));
        }
        OutcomeWritten::NoSamples => Effect::Nothing,
    };
    Ok(Fault {
        target,
        span: span(&written.from, &written.to)?,
        effect,
    })
}

fn mail_behaviour(
    written: Spanned<MailWritten>,
    names: &mut Names,
) -> Result<MailBehaviour, Problem> {
    let written = written.into_inner();
    let recipients = written.recipient.iter();
    names
        .of
        .extend(recipients.map(|mail| Named::new(NameKind::Recipient, mail)));
    let answer = answer(written.answer.get_ref()).ok_or_else(|| {
        let what = "`answer` is `refused`, `timeout` or a reply code such as `451`";
        (written.answer.span(), what.to_owned())
    })?;
    let span = span(&written.from, &written.to)?;
    Ok(MailBehaviour {
        span,
        recipient: written.recipient.map(Spanned::into_inner),
        answer,
    })
}

/// The answer that `text` stands for. Its duration is the courier's own limit.
fn answer(text: &str) -> Option<Answer> {
    let unreached = |reply: &str, took| Answer {
        result: Delivery::Deferred,
        reply: reply.to_owned(),
        unreached: true,
        took,
    };
    Some(match text {
        "refused" => unreached("connection refused", Duration::from_millis(1)),
        "timeout" => unreached("no connection in time", Duration::from_secs(30)),
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

fn span(from: &Spanned<String>, to: &Spanned<String>) -> Result<Span, Problem> {
    let span = Span::new(instant(from)?, instant(to)?);
    if span.is_empty() {
        return Err((to.span(), "`to` must be later than `from`".to_owned()));
    }
    Ok(span)
}

fn instant(text: &Spanned<String>) -> Result<Timestamp, Problem> {
    act::instant(text.get_ref()).map_err(|what| (text.span(), what))
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
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
            scenario.faults[0].effect,
            Effect::Sample(Outcome::Down, Some(Reason::Timeout))
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

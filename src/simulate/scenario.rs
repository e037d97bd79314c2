//! Reads a scenario file: the faults that probes see, the acts of people, the mail server's answers.
//! Every mistake has its place. `docs/rehearsals.md` explains the keys.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use domain::event::Delivery;
use domain::id::{ProbeId, SystemId};
use domain::sample::{Outcome, Reason};
use domain::span::Span;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;
use values::{FilePath, Format as _, Id, Line, Parsed, Place, STAND_IN, Source, Written};

use super::act::{self, Action};
use super::formats::{AnswerText, Instant};
use super::keys::ActTable;
use super::names::{NameKind, Named, Names};
use crate::config::{self, Mistakes};

/// A mistake: its place in the text, in bytes, and a message.
pub(super) type Problem = (Place, String);

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
    /// Why a text that looks like protected health information is something else.
    pub not_phi: Option<String>,
    pub line: usize,
}

/// How the mail server answers during a span.
#[derive(Clone, Debug)]
pub struct MailBehaviour {
    pub span: Span,
    /// The mail address or webhook that is affected; `None` is all mail.
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
    /// The code of the reply: a webhook reads it as HTTP does.
    pub code: Option<u16>,
}

impl Answer {
    /// A mail server's reply with this code.
    pub fn of_code(code: u16) -> Self {
        let result = match code {
            200..=299 => Delivery::Accepted,
            500..=599 => Delivery::Rejected,
            _ => Delivery::Deferred,
        };
        Self {
            result,
            reply: format!("{code} simulated"),
            unreached: code == 421,
            took: Duration::from_millis(200),
            code: Some(code),
        }
    }
}

/// A scenario file as written.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ScenarioFile {
    config: Parsed<FilePath>,
    start: Parsed<Instant>,
    end: Parsed<Instant>,
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    fault: Vec<Written<FaultTable>>,
    #[serde(default)]
    act: Vec<ActTable>,
    #[serde(default)]
    mail: Vec<MailTable>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FaultTable {
    system: Option<Parsed<Id>>,
    probe: Option<Parsed<Line>>,
    from: Parsed<Instant>,
    to: Parsed<Instant>,
    #[schemars(with = "String", extend("enum" = ["down", "degraded", "inconclusive", "no_samples"]))]
    outcome: OutcomeWritten,
    #[schemars(with = "Option<String>", extend("enum" = Reason::ALL.map(Reason::word)))]
    reason: Option<Written<Reason>>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum OutcomeWritten {
    Down,
    Degraded,
    Inconclusive,
    NoSamples,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MailTable {
    from: Parsed<Instant>,
    to: Parsed<Instant>,
    answer: Parsed<AnswerText>,
    recipient: Option<Parsed<Line>>,
}

impl Scenario {
    /// Reads a scenario file. Its paths are relative to the file.
    ///
    /// # Errors
    /// All mistakes.
    pub fn load(path: &Path) -> Result<Self, Mistakes> {
        static SCHEMA: LazyLock<Value> =
            LazyLock::new(|| config::schema_of::<ScenarioFile>("A scenario of Nines"));
        let (mut source, file) = config::document::<ScenarioFile>(path, &SCHEMA);
        let scenario = file.and_then(|file| scenario(&mut source, file));
        match scenario.filter(|_| source.mistakes.is_empty()) {
            Some(scenario) => Ok(scenario),
            None => Err(Mistakes::collect(&[source])),
        }
    }
}

/// Checks the meaning of a file. `None` if a table cannot be read.
fn scenario(source: &mut Source<'_>, file: ScenarioFile) -> Option<Scenario> {
    let text = source.text.clone().unwrap_or_default();
    let mut names = Names {
        file: source.path.clone(),
        text: text.to_string(),
        ..Names::default()
    };
    let times = order(
        source,
        &file.start,
        &file.end,
        "`end` must be later than `start`",
    );
    let folder = source.folder();
    let faults = file.fault.into_iter();
    let faults: Vec<_> = faults
        .filter_map(|table| fault(source, table, &mut names))
        .collect();
    let mail = file.mail.into_iter();
    let mail: Vec<_> = mail
        .map(|table| mail_behaviour(source, table, &mut names))
        .collect();
    let mut acts = Vec::with_capacity(file.act.len());
    for ActTable(table) in file.act {
        names.of.extend(act::names(table.get_ref(), &text));
        act::check_selector(source, &table);
        if let (Some(at), Some(span)) = (at(&table), times)
            && !(span.from <= at.value && at.value <= span.to)
        {
            source.wrong(&at.at, "this act is not between `start` and `end`");
        }
        // A table with a mistake may be no act.
        if source.mistakes.is_empty() {
            match act::read(&table, &folder) {
                Ok(action) => acts.extend(whole_act(source, &table, action)),
                Err((at, why)) => source.wrong(&at, why),
            }
        }
    }
    acts.sort_by_key(|act| act.at);
    Some(Scenario {
        config: source.resolve(&file.config),
        start: file.start.value,
        end: file.end.value,
        seed: file.seed,
        faults,
        acts,
        mail,
        names,
    })
}

/// The time of an act, if it was written well.
fn at(table: &Spanned<act::Written>) -> Option<Written<Timestamp>> {
    let written = table.get_ref().get("at")?;
    let value = Instant::parse(written.get_ref().as_str()?).ok()?;
    let at = written.span();
    (at != STAND_IN).then_some(Written { value, at })
}

fn whole_act(source: &Source<'_>, table: &Spanned<act::Written>, action: Action) -> Option<Act> {
    let by = table.get_ref().get("by")?.get_ref().as_str()?;
    Some(Act {
        at: at(table)?.value,
        by: by.to_owned(),
        action,
        not_phi: act::not_phi(table.get_ref()),
        line: source.line(&table.span()),
    })
}

/// The span from one time to a later one; `None` after a mistake.
fn order(
    source: &mut Source<'_>,
    from: &Parsed<Instant>,
    to: &Parsed<Instant>,
    why: &str,
) -> Option<Span> {
    if from.is_stand_in() || to.is_stand_in() {
        return None;
    }
    let span = Span::new(from.value, to.value);
    if span.is_empty() {
        source.wrong(&to.at, why);
    }
    (!span.is_empty()).then_some(span)
}

const FORWARD: &str = "`to` must be later than `from`";

fn fault(source: &mut Source<'_>, table: Written<FaultTable>, names: &mut Names) -> Option<Fault> {
    let Written { value: table, at } = table;
    if let Some(id) = &table.system {
        let named = Named::at(NameKind::System, &id.value, id.at.clone());
        names.of.push(named);
    }
    if let Some(id) = &table.probe {
        let named = Named::at(NameKind::Probe, &id.value, id.at.clone());
        names.of.push(named);
    }
    order(source, &table.from, &table.to, FORWARD);
    let reason = table.reason.as_ref().map(|reason| reason.value);
    let sample = |outcome, usual| Effect::Sample(outcome, reason.or(usual));
    let effect = match table.outcome {
        OutcomeWritten::Down => sample(Outcome::Down, Some(Reason::Refused)),
        OutcomeWritten::Degraded => sample(Outcome::Degraded, Some(Reason::Slow)),
        OutcomeWritten::Inconclusive => sample(Outcome::Inconclusive, Some(Reason::Monitor)),
        OutcomeWritten::NoSamples => {
            if let Some(reason) = &table.reason {
                source.wrong(&reason.at, "`no_samples` has no `reason`");
            }
            Effect::Nothing
        }
    };
    let why = "a fault needs a `system` or a `probe`, one of them";
    let target = match (table.system, table.probe) {
        (Some(system), None) => Target::System(SystemId::from(system.value)),
        (None, Some(probe)) => Target::Probe(ProbeId::from(probe.value)),
        (None, None) => {
            source.wrong(&at, why);
            return None;
        }
        (Some(_), Some(probe)) => {
            source.wrong(&probe.at, why);
            return None;
        }
    };
    Some(Fault {
        target,
        span: Span::new(table.from.value, table.to.value),
        effect,
    })
}

fn mail_behaviour(source: &mut Source<'_>, table: MailTable, names: &mut Names) -> MailBehaviour {
    if let Some(mail) = &table.recipient {
        let named = Named::at(NameKind::Recipient, &mail.value, mail.at.clone());
        names.of.push(named);
    }
    order(source, &table.from, &table.to, FORWARD);
    MailBehaviour {
        span: Span::new(table.from.value, table.to.value),
        recipient: table.recipient.map(|mail| mail.value),
        answer: table.answer.value,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const HEAD: &str = "config = \"nines.toml\"\nstart = \"2026-10-01T00:00:00-04:00\"\nend = \"2026-10-02T00:00:00-04:00\"\n";

    fn load(text: &str) -> Result<Scenario, Mistakes> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scenario.toml");
        std::fs::write(&path, text).unwrap();
        Scenario::load(&path)
    }

    /// Checks the mistakes of a scenario with this after its head: line, column and message of each.
    fn check(rest: &str, expected: Expect) {
        let text = format!("{HEAD}{rest}");
        let mistakes = load(&text).unwrap_err();
        let each = mistakes
            .iter()
            .map(|m| format!("{}:{} {}\n", m.line, m.column, m.message));
        expected.assert_eq(&each.collect::<String>());
    }

    fn act(rest: &str) -> String {
        format!("[[act]]\nat = \"2026-10-01T02:05:00-04:00\"\nby = \"x\"\n{rest}\n")
    }

    const TIMES: &str =
        "from = \"2026-10-01T02:00:00-04:00\"\nto = \"2026-10-01T03:00:00-04:00\"\n";

    #[test]
    fn one_mistake_hides_no_other() {
        let late = act("do = \"close\"\nsystem = \"portal\"").replace("-01T", "-03T");
        let rest = [
            act("do = \"close\""),
            act("do = \"told\"\nwindow = \"w\""),
            late,
            format!("[[mail]]\n{TIMES}answer = \"soon\"\n"),
            format!(
                "[[fault]]\nsystm = \"portal\"\n{TIMES}outcome = \"dow\"\nreason = \"timeot\"\n"
            ),
        ];
        check(
            &rest.concat(),
            expect![[r#"
            4:1 `close` needs a `system` or an `incident`, one of them
            8:1 `told` lacks `customer`, an id in quotes, as "results-interface"
            8:1 `told` lacks `how`, text in quotes
            14:6 this act is not between `start` and `end`
            21:10 `answer` cannot be `soon`: it is "refused", "timeout" or a reply code, as "451"
            23:1 unknown key `systm`, did you mean `system`?
            26:11 `outcome` cannot be `dow`, did you mean `down`?
            27:10 `reason` cannot be `timeot`, did you mean `timeout`?
        "#]],
        );
    }

    #[test]
    fn a_scenario_is_read() {
        let text = format!(
            "{HEAD}seed = 7\n\
            [[fault]]\nsystem = \"portal\"\n{TIMES}outcome = \"down\"\nreason = \"timeout\"\n\
            {}\
            [[mail]]\n{TIMES}answer = 451\n",
            act("do = \"acknowledge\"\nsystem = \"portal\"")
        );
        let scenario = load(&text).unwrap();
        assert!(scenario.config.ends_with("nines.toml"));
        assert_eq!(
            scenario.faults[0].effect,
            Effect::Sample(Outcome::Down, Some(Reason::Timeout))
        );
        assert_eq!(
            (scenario.acts[0].by.as_str(), scenario.acts[0].line),
            ("x", 11)
        );
        assert_eq!(scenario.mail[0].answer.result, Delivery::Deferred);
    }

    #[test]
    fn misspelt_words_get_a_suggestion_at_their_place() {
        let rest = [
            act("do = \"aknowledge\"\nsystem = \"portal\""),
            act(
                "do = \"acknowledge\"\nsystem = \"portal\"\naproved_by = \"x\"\nroot_cause = \"?\"",
            ),
            act("do = \"review\"\nincident = \"12x\"\ncertainty = \"sure\""),
            act("do = \"dance\""),
            act("od = \"close\"\nsystem = 3"),
            "[[fualt]]\n".to_owned(),
        ];
        check(
            &rest.concat(),
            expect![[r#"
                7:6 `aknowledge` is not an act, did you mean `acknowledge`?
                14:1 unknown key `aproved_by`, did you mean `approved_by`?
                15:1 unknown key `root_cause`: `acknowledge` knows `approved_by`, `at`, `by`, `counts_from`, `do`, `incident`, `not_phi` and `system`
                20:12 `12x` is not an id like I-12
                21:13 `certainty` cannot be `sure`: it is `unknown`, `suspected` or `confirmed`
                25:6 `dance` is not an act: this version knows `acknowledge`, `review`, `update`, `respond`, `impact`, `severity`, `workaround`, `pause`, `resume`, `escalate`, `declare_disaster`, `merge`, `report_problem`, `resolve`, `correct`, `measure_done`, `close`, `declare_outage`, `change_declaration`, `monitor_fault`, `exclude`, `reclassify`, `schedule_maintenance`, `extend_maintenance`, `cancel_maintenance`, `approve_report`, `revise_report`, `told`, `resend_notice`, `import_desk`, `reload` and `restart`
                29:1 unknown key `od`, did you mean `do`?
                30:10 `system` is an id in quotes, as "results-interface", not a whole number
                31:1 `[[fault]]` lacks `from`, a time with its offset in quotes, as "2026-10-07T02:14:10-04:00"
                31:1 `[[fault]]` lacks `to`, a time with its offset in quotes, as "2026-10-07T02:14:10-04:00"
                31:1 `[[fault]]` lacks `outcome`, `down`, `degraded`, `inconclusive` or `no_samples` in quotes
                31:1 a fault needs a `system` or a `probe`, one of them
                31:3 unknown key `fualt`, did you mean `fault`?
            "#]],
        );
    }

    #[test]
    fn an_act_names_its_incident_in_one_way() {
        let rest = [
            act("do = \"close\""),
            act("do = \"close\"\nsystem = \"portal\"\nincident = \"I-1\""),
        ];
        check(
            &rest.concat(),
            expect![[r#"
            4:1 `close` needs a `system` or an `incident`, one of them
            13:12 `close` needs a `system` or an `incident`, one of them
        "#]],
        );
    }

    #[test]
    fn times_have_an_offset_and_run_forward() {
        let mail = |from: &str, to: &str| {
            format!("[[mail]]\nfrom = {from}\nto = {to}\nanswer = \"451\"\n")
        };
        let rest = [
            mail("\"2026-10-01T02:00:00\"", "\"2026-10-01T03:00:00-04:00\""),
            mail(
                "\"2026-10-01T04:00:00-04:00\"",
                "\"2026-10-01T03:00:00-04:00\"",
            ),
            mail("2026-10-01T02:00:00-04:00", "\"tomorrow\""),
        ];
        check(
            &rest.concat(),
            expect![[r#"
            5:8 `2026-10-01T02:00:00` is not a time with its offset: write it as "2026-10-07T02:14:10-04:00"
            10:6 `to` must be later than `from`
            13:8 `from` is a time with its offset in quotes, as "2026-10-07T02:14:10-04:00", not a date with a time
            14:6 `tomorrow` is not a time with its offset: write it as "2026-10-07T02:14:10-04:00"
        "#]],
        );
    }

    #[test]
    fn a_file_that_is_no_toml_says_what_is_wrong() {
        check(
            "[[act]]\nby = \u{201c}x\u{201d}\n",
            expect![[r#"
            5:6 use straight quotes, as "this", not typographic ones
        "#]],
        );
    }
}

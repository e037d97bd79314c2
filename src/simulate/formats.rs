//! The formats of text that only scenarios have.

use std::time::Duration;

use domain::calendar::Month;
use domain::event::Delivery;
use domain::id::{IncidentId, NoticeId, OutageId};
use jiff::Timestamp;
use jiff::civil::Date;
use values::Format;
use values::suggest::shorten;

use super::scenario::Answer;

/// An instant: RFC 3339 with its offset.
pub(super) struct Instant;

impl Format for Instant {
    type Value = Timestamp;
    const IS: &'static str = "a time with its offset in quotes, as \"2026-10-07T02:14:10-04:00\"";
    const EXAMPLE: &'static str = "2026-10-07T02:14:10-04:00";

    fn parse(text: &str) -> Result<Timestamp, String> {
        text.parse().map_err(|_| {
            format!(
                "`{}` is not a time with its offset: write it as \"{}\"",
                shorten(text),
                Self::EXAMPLE
            )
        })
    }
}

/// A day, as acts have it.
pub(super) struct Day;

impl Format for Day {
    type Value = Date;
    const IS: &'static str = "a date in quotes, as \"2026-11-30\"";
    const EXAMPLE: &'static str = "2026-11-30";

    fn parse(text: &str) -> Result<Date, String> {
        let wrong = |_| {
            format!(
                "`{}` is not a date: write it as \"{}\"",
                shorten(text),
                Self::EXAMPLE
            )
        };
        text.parse().map_err(wrong)
    }
}

/// A month of a report.
pub(super) struct MonthText;

impl Format for MonthText {
    type Value = Month;
    const IS: &'static str = "a month in quotes, as \"2026-10\"";
    const EXAMPLE: &'static str = "2026-10";

    fn parse(text: &str) -> Result<Month, String> {
        text.parse().map_err(|_| {
            format!(
                "`{}` is not a month: write it as \"{}\"",
                shorten(text),
                Self::EXAMPLE
            )
        })
    }
}

/// The number of an incident.
pub(super) struct IncidentNumber;

impl Format for IncidentNumber {
    type Value = IncidentId;
    const IS: &'static str = "an incident's id in quotes, as \"I-12\"";
    const EXAMPLE: &'static str = "I-12";

    fn parse(text: &str) -> Result<IncidentId, String> {
        text.parse()
    }
}

/// The number of an outage.
pub(super) struct OutageNumber;

impl Format for OutageNumber {
    type Value = OutageId;
    const IS: &'static str = "an outage's id in quotes, as \"O-12\"";
    const EXAMPLE: &'static str = "O-12";

    fn parse(text: &str) -> Result<OutageId, String> {
        text.parse()
    }
}

/// The number of a notice.
pub(super) struct NoticeNumber;

impl Format for NoticeNumber {
    type Value = NoticeId;
    const IS: &'static str = "a notice's id in quotes, as \"N-14\"";
    const EXAMPLE: &'static str = "N-14";

    fn parse(text: &str) -> Result<NoticeId, String> {
        text.parse()
    }
}

/// How the mail server answers.
pub(super) struct AnswerText;

impl Format for AnswerText {
    type Value = Answer;
    const IS: &'static str = "\"refused\", \"timeout\" or a reply code, as \"451\"";
    const EXAMPLE: &'static str = "451";
    const ALSO_NUMBER: bool = true;

    fn parse(text: &str) -> Result<Answer, String> {
        answer(text).ok_or_else(|| {
            let said = shorten(text);
            match values::suggest::nearest(text, ["refused", "timeout"]) {
                Some(near) => format!("`answer` cannot be `{said}`, did you mean `{near}`?"),
                None => format!("`answer` cannot be `{said}`: it is {}", Self::IS),
            }
        })
    }
}

/// The answer that `text` stands for. Its duration is the courier's own limit.
fn answer(text: &str) -> Option<Answer> {
    let unreached = |reply: &str, took| Answer {
        result: Delivery::Deferred,
        reply: reply.to_owned(),
        unreached: true,
        took,
        code: None,
    };
    Some(match text {
        "refused" => unreached("connection refused", Duration::from_millis(1)),
        "timeout" => unreached("no connection in time", Duration::from_secs(30)),
        code => {
            let code: u16 = code.parse().ok()?;
            let is_final = matches!(code, 200..=299 | 400..=599);
            is_final.then(|| Answer::of_code(code))?
        }
    })
}

//! `[desk]`: the objective of the service desk.

use domain::policy::{Desk, DeskHours};
use schemars::JsonSchema;
use serde::Deserialize;
use values::{Parsed, Percent, Seconds, Source, Written};

use super::severity::BusinessHours;
use crate::config::fields::at_least;

/// The objective of the service desk: a share of the incoming calls is answered within a time. An abandoned call is not
/// answered.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DeskTable {
    /// The longest time until a person answers a call.
    answer_within: Parsed<Seconds>,
    /// The share of the calls that must be answered within it.
    share: Parsed<Percent>,
    /// The calls that count, by when they come. Default: "business".
    hours: Option<Written<HoursWord>>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum HoursWord {
    #[default]
    Business,
    Always,
}

pub(super) fn desk(source: &mut Source<'_>, table: DeskTable, business: BusinessHours) -> Desk {
    let hours = table
        .hours
        .as_ref()
        .map_or(HoursWord::Business, |word| word.value);
    if hours == HoursWord::Business && !business.are_given {
        let at = table
            .hours
            .as_ref()
            .map_or(&table.answer_within.at, |word| &word.at);
        let why = "the calls in business hours count, and this file lacks `[hours.business]`: add it, or set \
                   `hours = \"always\"`";
        source.wrong(at, why);
    }
    if table.share.value == 0 {
        source.wrong(
            &table.share.at,
            "the share must be above 0%; remove `[desk]` for \"no objective\"",
        );
    }
    Desk {
        answer_within_s: at_least(source, Some(&table.answer_within), 1).unwrap_or(1),
        share_ppm: table.share.value,
        hours: match hours {
            HoursWord::Business => DeskHours::Business,
            HoursWord::Always => DeskHours::Always,
        },
    }
}

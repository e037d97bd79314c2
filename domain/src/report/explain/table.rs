//! Every figure of a report: its name, its unit, and the formula from which any reader can compute it.
//!
//! A formula is plain arithmetic over named numbers, with these functions:
//!
//! | function | gives |
//! | --- | --- |
//! | `seconds(spans)` | the seconds of all spans `[from, to)`, added up |
//! | `percent(x)` | `100 * x`, truncated to three decimals and never rounded up |
//! | `floor(x)` | the whole number at or below `x` |
//! | `sum`, `count`, `min`, `max` | of a list |
//! | `percentile(bounds, counts, p)` | the first bound up to which at least `p` % of all counts lie |
//!
//! An instant counts as its Unix second. A name is another figure of the same entry, or a number of
//! the ledger that the explanation lists. Every step is exact; only `percent` and `floor` cut.

/// The unit of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Seconds,
    /// A text without a sign, as the report prints it.
    Percent,
    Number,
    Microseconds,
}

impl Unit {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Unit::Seconds => "seconds",
            Unit::Percent => "percent",
            Unit::Number => "number",
            Unit::Microseconds => "microseconds",
        }
    }
}

/// One figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    /// Its key in the JSON of the report.
    pub key: &'static str,
    pub name: &'static str,
    pub unit: Unit,
    pub formula: &'static str,
    /// Why it may have no value.
    pub none: &'static str,
}

const fn seconds(key: &'static str, name: &'static str, formula: &'static str) -> Figure {
    figure(Unit::Seconds, key, name, formula, "")
}

const fn number(key: &'static str, name: &'static str, formula: &'static str) -> Figure {
    figure(Unit::Number, key, name, formula, "")
}

const fn percent(
    key: &'static str,
    name: &'static str,
    formula: &'static str,
    none: &'static str,
) -> Figure {
    figure(Unit::Percent, key, name, formula, none)
}

const fn figure(
    unit: Unit,
    key: &'static str,
    name: &'static str,
    formula: &'static str,
    none: &'static str,
) -> Figure {
    Figure {
        key,
        name,
        unit,
        formula,
        none,
    }
}

const NOT_MEASURED: &str = "no agreed time was measured, so there is nothing to divide by";
const NO_TARGET: &str = "the system has no target";
const NO_OUTAGES: &str = "there was no outage";
const NOT_RECORDED: &str = "the ledger has no record of it";

/// The report as a whole.
pub const REPORT: &[Figure] = &[
    number(
        "revision",
        "Number of earlier approved reports of this period",
        "count(approved)",
    ),
    number("ledger.seq", "Last ledger event included", "last_event"),
    seconds("method.length_s", "Length of the period", "end - start"),
    number(
        "approval.as_of",
        "Ledger event of the draft that the approver read",
        "draft_read",
    ),
];

/// The report that a revision replaces.
pub const REVISION: &[Figure] = &[
    number(
        "revises.revision",
        "Revision that this one replaces",
        "replaced_revision",
    ),
    number(
        "revises.ledger.seq",
        "Last ledger event of the replaced report",
        "replaced_event",
    ),
];

/// One system.
pub const SYSTEM: &[Figure] = &[
    seconds("agreed_s", "Agreed time", "seconds(agreed)"),
    seconds(
        "up_s",
        "Up",
        "agreed_s - planned_s - excluded_s - unplanned_s - unknown_s",
    ),
    seconds("degraded_s", "Degraded, as part of up", "seconds(degraded)"),
    seconds("planned_s", "Planned downtime", "seconds(planned)"),
    seconds("excluded_s", "Excluded downtime", "seconds(excluded)"),
    seconds("unplanned_s", "Unplanned downtime", "seconds(unplanned)"),
    seconds("unknown_s", "Unknown time", "seconds(unknown)"),
    seconds(
        "unknown_as_down_s",
        "Unknown time that the agreement counts as down",
        "seconds(unknown_as_down)",
    ),
    seconds(
        "unplanned_unseen_s",
        "Unplanned downtime that was not observed",
        "seconds(unplanned_unseen)",
    ),
    seconds(
        "unplanned_degraded_s",
        "Unplanned downtime that was only degraded",
        "seconds(unplanned_degraded)",
    ),
    percent(
        "contract_availability",
        "Contract availability",
        "percent(1 - unplanned_s / (agreed_s - planned_s - excluded_s - unknown_s))",
        NOT_MEASURED,
    ),
    percent(
        "experienced_availability",
        "Experienced availability",
        "percent(1 - (planned_s + excluded_s + unplanned_s) / (agreed_s - unknown_s))",
        NOT_MEASURED,
    ),
    percent(
        "coverage",
        "Coverage",
        "percent(1 - (unknown_s + unknown_as_down_s) / agreed_s)",
        "there was no agreed time",
    ),
    percent(
        "target",
        "Target",
        "percent(target_ppm / 1000000)",
        NO_TARGET,
    ),
    percent(
        "target_exact",
        "Target with all its digits",
        "target_ppm / 10000",
        NO_TARGET,
    ),
    percent(
        "availability_at_best",
        "Contract availability with all unknown time up",
        "percent(1 - (unplanned_s - unplanned_unseen_s) / (agreed_s - planned_s - excluded_s))",
        NOT_MEASURED,
    ),
    percent(
        "availability_at_worst",
        "Contract availability with all unknown time down",
        "percent(1 - (unplanned_s + unknown_s) / (agreed_s - planned_s - excluded_s))",
        NOT_MEASURED,
    ),
    figure(
        Unit::Seconds,
        "budget_s",
        "Error budget",
        "floor((1 - target_ppm / 1000000) * (period_agreed_s - planned_s - excluded_s - unknown_s))",
        NO_TARGET,
    ),
    figure(
        Unit::Seconds,
        "budget_left_s",
        "Remaining error budget",
        "floor((1 - target_ppm / 1000000) * (period_agreed_s - planned_s - excluded_s - unknown_s) - unplanned_s)",
        NO_TARGET,
    ),
    number(
        "blips",
        "Failures that were never confirmed",
        "count(blip_spans)",
    ),
    seconds(
        "blip_s",
        "Their seconds, which count as up",
        "seconds(blip_up)",
    ),
    number("outages", "Outages counted", "count(counted_outages)"),
    figure(
        Unit::Seconds,
        "mtrs_s",
        "Mean time to restore service",
        "floor(sum(restored_unplanned_s) / count(restored_unplanned_s))",
        NO_OUTAGES,
    ),
    figure(
        Unit::Seconds,
        "mtbf_s",
        "Mean time between failures",
        "floor(up_s / outages)",
        NO_OUTAGES,
    ),
    figure(
        Unit::Seconds,
        "longest_s",
        "Longest outage",
        "max(outage_unplanned_s)",
        NO_OUTAGES,
    ),
];

/// One system on one local day.
pub const DAY: &[Figure] = &[
    seconds("length_s", "Length of the day", "seconds(day)"),
    seconds("agreed_s", "Agreed time", "seconds(agreed)"),
    seconds(
        "up_s",
        "Up",
        "agreed_s - planned_s - excluded_s - unplanned_s - unknown_s",
    ),
    seconds("degraded_s", "Degraded, as part of up", "seconds(degraded)"),
    seconds("planned_s", "Planned downtime", "seconds(planned)"),
    seconds("excluded_s", "Excluded downtime", "seconds(excluded)"),
    seconds("unplanned_s", "Unplanned downtime", "seconds(unplanned)"),
    seconds("unknown_s", "Unknown time", "seconds(unknown)"),
];

/// A part of a local day, drawn in the day strip.
pub const PART: &[Figure] = &[
    seconds(
        "from_s",
        "Start of the part, from the start of the day",
        "part_start - day_start",
    ),
    seconds(
        "to_s",
        "End of the part, from the start of the day",
        "part_end - day_start",
    ),
];

/// One system in one of the thirteen months.
pub const MONTH: &[Figure] = &[
    percent(
        "contract_availability",
        "Contract availability",
        "percent(1 - unplanned_s / (agreed_s - planned_s - excluded_s - unknown_s))",
        "no agreed time of that month was measured",
    ),
    percent(
        "target",
        "Target",
        "percent(target_ppm / 1000000)",
        "the system had no target, or no agreed time",
    ),
    figure(
        Unit::Seconds,
        "unplanned_s",
        "Unplanned downtime",
        "seconds(unplanned)",
        "the system had no agreed time in that month",
    ),
    figure(
        Unit::Number,
        "outages",
        "Outages counted",
        "count(counted_outages)",
        "the system had no agreed time in that month",
    ),
];

/// One system in the months of the year up to the report's.
pub const YEAR: &[Figure] = &[
    number("year", "Year of the report's month", "year_of_month"),
    number("months", "Months with agreed time", "count(agreed_each_s)"),
    percent(
        "contract_availability",
        "Contract availability",
        "percent(1 - unplanned_s / (sum(agreed_each_s) - planned_s - sum(excluded_each_s) - unknown_s))",
        NOT_MEASURED,
    ),
    percent(
        "experienced_availability",
        "Experienced availability",
        "percent(1 - (planned_s + sum(excluded_each_s) + unplanned_s) / (sum(agreed_each_s) - unknown_s))",
        NOT_MEASURED,
    ),
    seconds("unplanned_s", "Unplanned downtime", "sum(unplanned_each_s)"),
    seconds("planned_s", "Planned downtime", "sum(planned_each_s)"),
    seconds("unknown_s", "Unknown time", "sum(unknown_each_s)"),
    number("outages", "Outages counted", "sum(outages_each)"),
];

/// One outage.
pub const OUTAGE: &[Figure] = &[
    seconds("planned_s", "Planned downtime", "seconds(planned)"),
    seconds("excluded_s", "Excluded downtime", "seconds(excluded)"),
    seconds("unplanned_s", "Unplanned downtime", "seconds(unplanned)"),
    seconds("unknown_s", "Unknown time", "seconds(unknown)"),
    seconds(
        "edge_s",
        "Precision of its start and end",
        "max(probe_intervals_s)",
    ),
    seconds(
        "merged.unplanned_s",
        "Unplanned downtime of the outages that it is merged with",
        "seconds(merged_unplanned)",
    ),
    figure(
        Unit::Seconds,
        "detect_s",
        "Time to detect",
        "max(0, min(detected) - counted_from)",
        NOT_RECORDED,
    ),
    figure(
        Unit::Seconds,
        "tell_first_s",
        "Time to notify the first customer",
        "max(0, min(told) - counted_from)",
        NOT_RECORDED,
    ),
    figure(
        Unit::Seconds,
        "tell_last_s",
        "Time to notify the last customer",
        "max(0, max(told) - counted_from)",
        NOT_RECORDED,
    ),
    figure(
        Unit::Number,
        "customers_told",
        "Customers notified",
        "count(told_customers)",
        "no incident belongs to it",
    ),
    figure(
        Unit::Number,
        "customers",
        "Customers of its incident",
        "count(all_customers)",
        "no incident belongs to it",
    ),
    figure(
        Unit::Seconds,
        "acknowledge_s",
        "Time to acknowledge",
        "max(0, min(acknowledged) - counted_from)",
        NOT_RECORDED,
    ),
    figure(
        Unit::Seconds,
        "restore_s",
        "Time to restore",
        "max(0, restored - counted_from)",
        "it is not over, or its end was not seen",
    ),
];

/// The contacts of one customer that an incident's notices had one result for.
pub const CONTACTS: Figure = number("", "Contacts by result of their notice", "count(contacts)");

/// How often the clocks of a severity were kept.
pub const CLOCK_COUNT: &[Figure] = &[
    number("met", "Clocks met", "count(runs_met)"),
    number("missed", "Clocks missed", "count(runs_missed)"),
    number(
        "not_needed",
        "Clocks that a recovery ended",
        "count(runs_not_needed)",
    ),
    number("merged", "Clocks that a merge ended", "count(runs_merged)"),
    number("running", "Clocks still running", "count(runs_running)"),
];

/// One run of a clock.
pub const CLOCK: &[Figure] = &[seconds(
    "paused_s",
    "Pauses within the clock's own time",
    "seconds(paused)",
)];

/// One level of escalation.
pub const LEVEL: &[Figure] = &[number("level", "Level of escalation", "level_of_policy")];

/// The service desk of one agreement.
pub const DESK: &[Figure] = &[
    percent(
        "share",
        "Share of the calls in hours that were answered in time",
        "percent(answered_within / calls)",
        "no call came in the hours that count",
    ),
    percent("target", "Agreed share", "percent(share_ppm / 1000000)", ""),
    seconds(
        "answer_within_s",
        "Time within which calls are to be answered",
        "within_of_policy",
    ),
    number("calls", "Calls in hours", "sum(calls_each)"),
    number("answered", "Calls answered", "sum(answered_each)"),
    number(
        "answered_within",
        "Calls answered in time",
        "sum(answered_within_each)",
    ),
    number("abandoned", "Calls abandoned", "sum(abandoned_each)"),
    number(
        "out_of_hours_calls",
        "Calls out of hours",
        "sum(out_of_hours_each)",
    ),
];

/// The service desk of one agreement on one day. The numbers are those of the imported file.
pub const DESK_DAY: &[Figure] = &[
    number("calls", "Calls in hours", "counted_calls"),
    number("answered", "Calls answered", "counted_answered"),
    number(
        "answered_within",
        "Calls answered in time",
        "counted_within",
    ),
    number("abandoned", "Calls abandoned", "counted_abandoned"),
    number(
        "out_of_hours_calls",
        "Calls out of hours",
        "counted_out_of_hours",
    ),
];

/// One maintenance window.
pub const WINDOW: &[Figure] = &[
    figure(
        Unit::Seconds,
        "max_downtime_s",
        "Downtime that it allows",
        "min(allowed_s)",
        "it allows downtime from its start to its end",
    ),
    seconds("downtime_s", "Downtime in it", "seconds(downtime)"),
    seconds(
        "planned_s",
        "Downtime that it makes planned",
        "seconds(planned)",
    ),
    seconds(
        "overrun_s",
        "Downtime beyond its allowance or its end",
        "seconds(overrun)",
    ),
];

/// The number of notices of one kind, or with one result.
pub const NOTICES: Figure = number("", "Notices", "count(notices)");

/// One monitoring gap.
pub const GAP: &[Figure] = &[seconds("unknown_s", "Unknown time", "end - start")];

/// One absence of the monitor.
pub const ABSENCE: &[Figure] = &[figure(
    Unit::Seconds,
    "length_s",
    "Length of the absence",
    "end - start",
    "the monitor has not started again",
)];

const NO_LATENCY: &str = "no answered sample of it is in a daily roll-up";

const fn latency(key: &'static str, name: &'static str, formula: &'static str) -> Figure {
    figure(Unit::Microseconds, key, name, formula, NO_LATENCY)
}

/// The latencies of one probe, or of one probe on one day: from the buckets of its roll-ups.
pub const LATENCY: &[Figure] = &[
    number(
        "conclusive",
        "Samples that are up, degraded or down",
        "sum(rolled_up_samples)",
    ),
    number(
        "answered",
        "Samples that are up or degraded",
        "sum(bucket_counts)",
    ),
    latency(
        "p50_us",
        "Latency that half of the answered samples do not exceed",
        "percentile(bucket_bounds_us, bucket_counts, 50)",
    ),
    latency(
        "p95_us",
        "Latency that 95 % of the answered samples do not exceed",
        "percentile(bucket_bounds_us, bucket_counts, 95)",
    ),
    latency(
        "p99_us",
        "Latency that 99 % of the answered samples do not exceed",
        "percentile(bucket_bounds_us, bucket_counts, 99)",
    ),
];

/// The functions of formulas.
pub const FUNCTIONS: [&str; 8] = [
    "seconds",
    "percent",
    "floor",
    "sum",
    "count",
    "min",
    "max",
    "percentile",
];

//! Metrics of the monitor itself: configuration, clock, engine, ledger and sample store.

use std::sync::atomic::Ordering::Relaxed;

use domain::calendar;

use super::page::Page;
use super::{Source, instant};
use crate::engine::snapshot::Check;

pub fn add(page: &mut Page, source: &Source) {
    let counters = &source.shared.counters;
    page.gauge(
        "nines_build_info",
        "Version of the program and of its time zone database; always 1.",
        |series| {
            let tzdb = calendar::tzdb_version();
            series.add(&[("version", source.version), ("tzdb", tzdb)], 1.0);
        },
    );
    page.value(
        "nines_config_last_reload_success_timestamp_seconds",
        "Time when the configuration in force was loaded.",
        source.configuration.loaded_at,
    );
    page.value(
        "nines_config_last_reload_successful",
        "1 if the last reload succeeded, 0 if an older configuration is still in force.",
        !source.configuration.last_reload_failed,
    );
    page.total(
        "nines_clock_steps_total",
        "Times that the wall clock was set while the service ran.",
        counters.clock_steps.load(Relaxed),
    );
    page.total(
        "nines_stalls_total",
        "Times that the process was paused for seconds or the machine was suspended.",
        counters.stalls.load(Relaxed),
    );
    page.value(
        "nines_engine_last_turn_timestamp_seconds",
        "Time when the engine last ran; it runs at least every second.",
        instant(counters.turned_us.load(Relaxed)),
    );
    page.value(
        "nines_outbound_heartbeat_timestamp_seconds",
        "Time of the last outbound heartbeat that was answered, before the first one of the configuration that asks for it. Absent without [outbound_heartbeat].",
        instant(counters.told_outside_us.load(Relaxed)),
    );
    page.gauge(
        "nines_self_check_success",
        "1 if the monitor's last check of itself answered, 0 if it failed. Absent before the first.",
        |series| {
            for check in Check::ALL {
                let state = source.shared.self_check(check).load_full();
                let answers = state.map(|state| state.failure.is_none());
                series.add(&[("check", check.word())], answers);
            }
        },
    );
    page.histogram(
        "nines_schedule_lag_seconds",
        "Delay between the scheduled and the actual start of a probe.",
        &counters.late.read(),
    );
    ledger(page, source);
    samples(page, source);
}

fn ledger(page: &mut Page, source: &Source) {
    let counters = &source.shared.counters;
    page.total(
        "nines_ledger_events_total",
        "Events in the ledger, which is the sequence number of the last one.",
        source.record.seq,
    );
    page.value(
        "nines_ledger_last_event_timestamp_seconds",
        "Time of the last event. Events are rare while no state changes.",
        source.record.as_of,
    );
    page.value(
        "nines_ledger_heartbeat_timestamp_seconds",
        "Time when the ledger last recorded that the service is alive, once a minute.",
        instant(counters.marked_us.load(Relaxed)),
    );
    page.histogram(
        "nines_ledger_commit_duration_seconds",
        "Duration of a commit to the ledger, until it is durable.",
        &counters.commits_took.read(),
    );
    page.total(
        "nines_ledger_commit_failures_total",
        "Failed commits to the ledger. Customers are not notified while commits fail.",
        counters.commit_failures.load(Relaxed),
    );
    page.total(
        "nines_relay_refusals_total",
        "Attempts at which a mail relay refused Nines itself: its greeting, login, sender, relaying or a message; or a webhook refused a request.",
        counters.relay_refusals.load(Relaxed),
    );
}

fn samples(page: &mut Page, source: &Source) {
    let samples = source.samples;
    let refused = source.shared.counters.samples_refused.load(Relaxed);
    page.total(
        "nines_samples_written_total",
        "Samples written to the store.",
        samples.written,
    );
    page.total(
        "nines_samples_dropped_total",
        "Samples lost before they were stored. Outages and reports do not depend on them.",
        samples.dropped + samples.lost + refused,
    );
    page.value(
        "nines_samples_pending",
        "Samples that wait for the next batch.",
        samples.waiting,
    );
    page.value(
        "nines_samples_last_committed_timestamp_seconds",
        "Start of the newest sample in the last batch written.",
        samples.committed_to,
    );
}

//! Probing goes on through maintenance, and a killed service counts the time it was away as unknown.

use domain::event::Fact;

use crate::support::program::{Running, append, asked_at, every_second, facts, goes_on, until};

#[test]
fn probing_goes_on_within_a_window() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    every_second(folder);
    // All day, every day: whenever this test runs, it runs within.
    append(
        &folder.join("systems/portal.toml"),
        "\n[[maintenance]]\ntitle = \"Work\"\ndays = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\", \
         \"sat\", \"sun\"]\nstart = \"00:00\"\nlength = \"24h\"\nzone = \"UTC\"\n\
         agreed = 2024-03-01\ntell = true\n",
    );
    let _running = Running::start(folder);
    until("no window", || {
        let started = |fact: &Fact| matches!(fact, Fact::MaintenanceStarted { .. });
        facts(folder).iter().any(started).then_some(())
    });
    goes_on(folder);
}

#[test]
fn a_start_after_a_kill_takes_nothing_for_watched_that_nobody_watched() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    every_second(folder);
    let first = Running::start(folder);
    goes_on(folder);
    let asked = asked_at(folder).unwrap();
    drop(first);
    let killed = nines::clock::now();
    let _second = Running::start(folder);
    let seen = facts(folder).into_iter().rev().find_map(|fact| match fact {
        Fact::Started { alive_until } => Some(alive_until),
        _ => None,
    });
    let alive_until = seen.flatten().unwrap();
    assert!(alive_until < killed, "{alive_until}, killed {killed}");
    // A sample is on the disk a second after it was taken, or a mark says so; a slow disk takes longer.
    let seconds = alive_until.as_millisecond() as f64 / 1e3;
    assert!(asked - seconds < 5.0, "{alive_until}, asked at {asked}");
}

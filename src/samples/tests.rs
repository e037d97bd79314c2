//! The samples through failures, months and damage.

use std::path::Path;

use domain::id::Source;
use domain::sample::{Outcome, Phases, Reason};
use proptest::prelude::*;

use super::steps::{decode, encode};
use super::writer::Sabotage;
use super::*;

mod archive;

const NOVEMBER: &str = "2026-11-14T09:30:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn sample(probe: &str, start: &str) -> Sample {
    Sample {
        source: Source::new(probe, "here"),
        at: at(start),
        late_us: 1_234,
        outcome: Outcome::Up,
        reason: None,
        detail: None,
        took_us: 150,
        phases: Phases {
            connect_us: Some(40),
            processing_us: Some(100),
            transfer_us: Some(10),
            ..Phases::default()
        },
        status: Some(200),
        certificate_ends_at: Some(at("2027-01-01T00:00:00Z")),
        certificate_ends_soon: false,
        clock_offset_us: None,
    }
}

/// `count` samples of a probe, a second apart.
fn row_of(count: i64, start: &str) -> Vec<Sample> {
    (0..count)
        .map(|second| {
            let mut sample = sample("portal/web", start);
            sample.at += jiff::SignedDuration::from_secs(second);
            sample
        })
        .collect()
}

fn open(data: &Path, now: &str) -> Instance {
    Instance::open(data, at(now)).unwrap()
}

fn write(instance: &Instance, samples: &[Sample]) {
    let writer = instance.writer();
    for sample in samples {
        writer.offer(sample.clone()).unwrap();
    }
    writer.flush().unwrap();
}

/// Flushes until the writer can write again.
fn flush_at_last(writer: &Writer) {
    let tried = (0..9).find(|_| writer.flush().is_ok());
    assert!(tried.is_some(), "{:?}", writer.stats());
}

fn all(instance: &Instance) -> Vec<Sample> {
    instance.recent(Timestamp::MIN).unwrap()
}

/// The state after a crash: a copy of the files on the disk, including the log.
fn crashed(data: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let folder = copy.path().join(FOLDER);
    std::fs::create_dir(&folder).unwrap();
    for entry in std::fs::read_dir(data.join(FOLDER)).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
        }
    }
    copy
}

#[test]
fn a_sample_is_on_the_disk_within_a_second() {
    let dir = tempfile::tempdir().unwrap();
    let instance = open(dir.path(), NOVEMBER);
    instance
        .writer()
        .offer(sample("portal/web", NOVEMBER))
        .unwrap();
    let queue = lock(&instance.shared.queue);
    let (queue, waited) = instance
        .shared
        .settled
        .wait_timeout_while(queue, Duration::from_secs(1), |queue| queue.committed < 1)
        .unwrap();
    assert!(!waited.timed_out());
    drop(queue);
    assert_eq!(instance.count().unwrap(), 1);
    assert_eq!(
        instance.last_at(Timestamp::MAX).unwrap(),
        Some(at(NOVEMBER))
    );
}

#[test]
fn what_was_flushed_is_there_after_a_crash_and_after_an_orderly_end() {
    let dir = tempfile::tempdir().unwrap();
    let instance = open(dir.path(), NOVEMBER);
    let samples = row_of(2_345, NOVEMBER);
    write(&instance, &samples);
    let stats = instance.writer().stats();
    assert_eq!((stats.written, stats.dropped, stats.waiting), (2_345, 0, 0));
    assert_eq!(stats.committed_to, Some(samples[2_344].at));
    let copy = crashed(dir.path());
    assert_eq!(all(&open(copy.path(), NOVEMBER)), samples);
    instance.close().unwrap();
    let again = open(dir.path(), NOVEMBER);
    assert_eq!(all(&again), samples);
    assert_eq!(again.recent(samples[2_300].at).unwrap(), samples[2_300..]);
    assert_eq!(again.count().unwrap(), 2_345);
    assert_eq!(again.set_aside(), []);
}

#[test]
fn what_was_only_offered_is_written_before_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let instance = open(dir.path(), NOVEMBER);
    let writer = instance.writer();
    for sample in row_of(1_500, NOVEMBER) {
        writer.offer(sample).unwrap();
    }
    drop(instance);
    writer.offer(sample("portal/web", NOVEMBER)).unwrap_err();
    writer.flush().unwrap();
    assert_eq!(open(dir.path(), NOVEMBER).count().unwrap(), 1_500);
}

fn any_phase() -> impl Strategy<Value = Option<u64>> {
    proptest::option::of(prop_oneof![0..1_000_u64, 0..100_000_000_u64])
}

prop_compose! {
    fn any_sample()(
        probe in prop_oneof![Just("portal/web".to_string()), "[a-zé]{1,9}/[a-z0-9-]{1,9}"],
        us in 0..2_592_000_000_000_i64,
        late_us in prop_oneof![0..5_000_u64, 0..u64::from(u32::MAX)],
        outcome in proptest::sample::select(vec![Outcome::Up, Outcome::Degraded, Outcome::Down, Outcome::Inconclusive]),
        reason in proptest::option::of(proptest::sample::select(Reason::ALL.to_vec())),
        detail in proptest::option::of(prop_oneof![".{0,200}", Just("nul \0 and \u{10ffff}".to_string()), Just(String::new())]),
        took_us in 0..100_000_000_u64,
        phases in (any_phase(), any_phase(), any_phase(), any_phase(), any_phase()),
        status in proptest::option::of(any::<u16>()),
        ends in proptest::option::of(-1_000_000_000..4_000_000_000_i64),
    ) -> Sample {
        let start = at("2026-11-01T00:00:00Z");
        Sample {
            source: Source::new(probe, "here"),
            at: start + jiff::SignedDuration::from_micros(us),
            late_us, outcome, reason, detail, took_us,
            phases: Phases {
                resolve_us: phases.0, connect_us: phases.1, tls_us: phases.2,
                processing_us: phases.3, transfer_us: phases.4,
            },
            status,
            certificate_ends_at: ends.map(|s| Timestamp::from_second(s).unwrap()),
            certificate_ends_soon: false,
            clock_offset_us: None,
        }
    }
}

/// A sample as it comes back: durations on the next step.
fn stepped(mut sample: Sample) -> Sample {
    let step = |us: u64| decode(encode(us));
    let phases = &mut sample.phases;
    for phase in [
        &mut phases.resolve_us,
        &mut phases.connect_us,
        &mut phases.tls_us,
        &mut phases.processing_us,
        &mut phases.transfer_us,
    ] {
        *phase = phase.map(step);
    }
    sample.took_us = step(sample.took_us);
    sample
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn every_sample_comes_back_exactly_but_for_the_steps_of_its_durations(
        samples in proptest::collection::vec(any_sample(), 1..400)
    ) {
        let dir = tempfile::tempdir().unwrap();
        let instance = open(dir.path(), NOVEMBER);
        write(&instance, &samples);
        let mut expected: Vec<Sample> = samples.into_iter().map(stepped).collect();
        let order = |s: &Sample| (s.at, s.source.clone(), format!("{s:?}"));
        expected.sort_by_key(order);
        let mut found = all(&instance);
        found.sort_by_key(order);
        prop_assert_eq!(&found, &expected);
        instance.close().unwrap();
        let mut found = all(&open(dir.path(), NOVEMBER));
        found.sort_by_key(order);
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn a_start_between_microseconds_is_cut_off_and_still_found() {
    let dir = tempfile::tempdir().unwrap();
    let instance = open(dir.path(), NOVEMBER);
    let mut one = sample("portal/web", "2026-11-14T09:30:00.0000015Z");
    write(&instance, std::slice::from_ref(&one));
    let since = one.at;
    one.at = at("2026-11-14T09:30:00.000001Z");
    assert_eq!(instance.recent(since).unwrap(), [one]);
}

#[test]
fn one_process_opens_the_same_samples_once() {
    let dir = tempfile::tempdir().unwrap();
    let instance = open(dir.path(), NOVEMBER);
    let other_way = dir.path().join(".");
    for data in [dir.path(), &other_way] {
        let refused = Instance::open(data, at(NOVEMBER)).err().unwrap();
        assert!(matches!(refused, Error::Open(_)), "{refused}");
    }
    write(&instance, &row_of(3, NOVEMBER));
    instance.close().unwrap();
    assert_eq!(open(dir.path(), NOVEMBER).count().unwrap(), 3);
}

#[test]
fn a_full_queue_drops_and_counts_and_never_waits() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        queue: 3,
        ..Options::default()
    };
    let instance = Instance::open_with(dir.path(), at(NOVEMBER), options).unwrap();
    lock(&instance.shared.sabotage).extend([Sabotage::Before; 99]);
    let writer = instance.writer();
    let samples = row_of(5, NOVEMBER);
    let taken: Vec<bool> = samples
        .iter()
        .map(|s| writer.offer(s.clone()).is_ok())
        .collect();
    assert_eq!(taken, [true, true, true, false, false]);
    assert_eq!(writer.stats().dropped, 2);
    assert_eq!(writer.stats().waiting, 3);
    let failing = writer.flush().unwrap_err().to_string();
    assert_eq!(failing, "samples are not being written: samples: sabotaged");
    lock(&instance.shared.sabotage).clear();
    flush_at_last(&writer);
    assert_eq!(writer.stats().failing, None);
    writer.offer(samples[3].clone()).unwrap();
    instance.close().unwrap();
    assert_eq!(all(&open(dir.path(), NOVEMBER)), samples[..4]);
}

#[test]
fn a_caller_may_wait_for_room_instead() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        queue: 4,
        batch: 2,
        ..Options::default()
    };
    let instance = Instance::open_with(dir.path(), at(NOVEMBER), options).unwrap();
    let writer = instance.writer();
    let samples = row_of(50, NOVEMBER);
    for sample in &samples {
        if writer.offer(sample.clone()).is_err() {
            writer.make_room().unwrap();
            assert!(writer.stats().waiting <= 2);
            writer.offer(sample.clone()).unwrap();
        }
    }
    instance.close().unwrap();
    assert_eq!(all(&open(dir.path(), NOVEMBER)), samples);
}

#[test]
fn a_batch_whose_commit_failed_is_written_exactly_once() {
    for sabotage in [
        vec![Sabotage::Before],
        vec![Sabotage::After],
        vec![Sabotage::Before, Sabotage::After],
    ] {
        let dir = tempfile::tempdir().unwrap();
        let options = Options {
            retry: Duration::from_millis(10),
            ..Options::default()
        };
        let instance = Instance::open_with(dir.path(), at(NOVEMBER), options).unwrap();
        write(&instance, &row_of(10, "2026-11-14T09:00:00Z"));
        lock(&instance.shared.sabotage).extend(&sabotage);
        let writer = instance.writer();
        for sample in row_of(10, NOVEMBER) {
            writer.offer(sample).unwrap();
        }
        flush_at_last(&writer);
        assert_eq!(instance.count().unwrap(), 20, "{sabotage:?}");
        instance.close().unwrap();
        assert_eq!(
            open(dir.path(), NOVEMBER).count().unwrap(),
            20,
            "{sabotage:?}"
        );
    }
}

#[test]
fn what_cannot_be_written_at_the_end_is_counted_as_lost() {
    let dir = tempfile::tempdir().unwrap();
    let instance = open(dir.path(), NOVEMBER);
    lock(&instance.shared.sabotage).extend([Sabotage::Before; 9]);
    let writer = instance.writer();
    for sample in row_of(10, NOVEMBER) {
        writer.offer(sample).unwrap();
    }
    assert!(matches!(instance.close(), Err(Error::Lost(10))));
    assert_eq!((writer.stats().lost, writer.stats().waiting), (10, 0));
    assert!(writer.flush().is_err());
    assert_eq!(open(dir.path(), NOVEMBER).count().unwrap(), 0);
}

#[test]
fn a_new_month_gets_its_own_file_and_a_late_sample_the_running_one() {
    let dir = tempfile::tempdir().unwrap();
    let instance = open(dir.path(), "2026-10-31T23:00:00Z");
    let october = sample("portal/web", "2026-10-31T23:59:59.999Z");
    let november = sample("portal/web", "2026-11-01T00:00:00Z");
    let late = sample("portal/api", "2026-10-31T23:59:58Z");
    write(
        &instance,
        &[october.clone(), november.clone(), late.clone()],
    );
    let expected = [late.clone(), october.clone(), november.clone()];
    assert_eq!(all(&instance), expected);
    assert_eq!(instance.count().unwrap(), 3);
    assert_eq!(instance.last_at(Timestamp::MAX).unwrap(), Some(november.at));
    let months = Months::of(&dir.path().join(FOLDER)).unwrap();
    assert_eq!(months.files.len(), 2);
    // An old file with a log that nobody took in yet is read all the same.
    let copy = crashed(dir.path());
    instance.close().unwrap();
    for data in [dir.path(), copy.path()] {
        let again = open(data, "2026-11-01T00:00:05Z");
        assert_eq!(all(&again), expected);
        assert_eq!(again.set_aside(), []);
    }
}

/// The clock was 400 days ahead for two samples, and is right again.
#[test]
fn after_a_clock_that_ran_ahead_samples_go_to_the_file_of_their_month() {
    let dir = tempfile::tempdir().unwrap();
    let instance = open(dir.path(), NOVEMBER);
    let ahead = row_of(2, "2027-12-05T00:00:00Z");
    let after = row_of(3, "2026-11-07T00:00:00Z");
    write(&instance, &row_of(1, "2026-11-06T00:00:00Z"));
    write(&instance, &ahead);
    write(&instance, &after);
    assert_eq!(instance.count().unwrap(), 6);
    instance.close().unwrap();
    assert_eq!(rows_and_batches(dir.path(), "2026-11").0, 4);
    assert_eq!(rows_and_batches(dir.path(), "2027-12").0, 2);
}

/// The rows of a month's closed file, and the transactions that wrote them.
fn rows_and_batches(data: &Path, month: &str) -> (i64, i64) {
    let path = data.join(FOLDER).join(format!("{month}.duckdb"));
    let file = file::connect(&path, AccessMode::ReadOnly).unwrap();
    let query = "SELECT (SELECT count(*) FROM samples), (SELECT count(*) FROM batches)";
    let found = file.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?)));
    found.unwrap()
}

#[test]
fn samples_of_two_clocks_that_alternate_go_to_two_files() {
    let dir = tempfile::tempdir().unwrap();
    let instance = open(dir.path(), NOVEMBER);
    // Runs that were under way when the clock was set end among later ones.
    let now = row_of(20, "2026-11-06T00:00:00Z");
    let before = row_of(20, "2027-12-05T00:00:00Z");
    let alternating: Vec<Sample> = now
        .into_iter()
        .zip(before)
        .flat_map(|(now, before)| [now, before])
        .collect();
    write(&instance, &alternating);
    assert_eq!(instance.count().unwrap(), 40);
    instance.close().unwrap();
    for month in ["2026-11", "2027-12"] {
        let (rows, batches) = rows_and_batches(dir.path(), month);
        assert_eq!(rows, 20, "{month}");
        assert!(batches <= 2, "{month} has {batches} batches");
    }
}

#[test]
fn only_the_last_two_files_are_recent() {
    let dir = tempfile::tempdir().unwrap();
    let starts = [
        "2026-09-30T12:00:00Z",
        "2026-10-31T12:00:00Z",
        "2026-11-01T12:00:00Z",
    ];
    for start in starts {
        let instance = open(dir.path(), start);
        write(&instance, &[sample("portal/web", start)]);
        instance.close().unwrap();
    }
    let instance = open(dir.path(), "2026-11-02T00:00:00Z");
    assert_eq!(all(&instance).len(), 2);
    assert_eq!(instance.count().unwrap(), 3);
}

#[test]
fn people_see_microseconds_and_words() {
    let dir = tempfile::tempdir().unwrap();
    let instance = open(dir.path(), NOVEMBER);
    let mut down = sample("portal/web", NOVEMBER);
    down.outcome = Outcome::Down;
    down.reason = Some(Reason::Status);
    down.detail = Some("503".into());
    down.took_us = 1_000_000;
    write(&instance, &[down]);
    let running = lock(&instance.shared.running);
    let line: String = running
        .reader
        .as_ref()
        .unwrap()
        .query_row(
            "SELECT concat_ws(' ', probe, started_at, late_us, outcome, reason, detail, took_us, \
             coalesce(tls_us, -1), processing_us, status, certificate_ends_at) FROM samples",
            [],
            |row| row.get(0),
        )
        .unwrap();
    let took = decode(encode(1_000_000));
    assert_eq!(
        line,
        format!(
            "portal/web 2026-11-14 09:30:00 1234 down status 503 {took} -1 100 200 2027-01-01 00:00:00"
        )
    );
}

#[test]
fn a_connection_reaches_no_other_file_and_no_setting() {
    let dir = tempfile::tempdir().unwrap();
    let instance = open(dir.path(), NOVEMBER);
    let running = lock(&instance.shared.running);
    let reader = running.reader.as_ref().unwrap();
    let other = dir.path().join("other");
    for sql in [
        format!("COPY (SELECT 1) TO '{}'", other.display()),
        format!("ATTACH '{}' AS other", other.display()),
        "SELECT * FROM read_csv('/etc/hostname')".into(),
        "INSTALL httpfs".into(),
        "LOAD httpfs".into(),
        "SET memory_limit = '8GB'".into(),
        "SET enable_external_access = true".into(),
        "SET threads = 8".into(),
    ] {
        let refused = reader.execute_batch(&sql).expect_err(&sql).to_string();
        assert!(!refused.contains("Parser Error"), "{refused}");
    }
    assert!(!other.exists());
    let setting = |name: &str| -> String {
        let sql = format!("SELECT current_setting('{name}')::VARCHAR");
        reader.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(setting("threads"), "1");
    assert_eq!(setting("memory_limit"), "45.7 MiB");
    assert_eq!(setting("autoload_known_extensions"), "false");
    assert_eq!(setting("autoinstall_known_extensions"), "false");
}

fn names(data: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(data.join(FOLDER))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("damaged"))
        .collect();
    names.sort();
    names
}

#[test]
fn a_damaged_file_is_set_aside_and_an_empty_one_takes_its_place() {
    let whole = tempfile::tempdir().unwrap();
    let instance = open(whole.path(), NOVEMBER);
    write(&instance, &row_of(1_000, NOVEMBER));
    instance.close().unwrap();
    let name = "2026-11.duckdb";
    let bytes = std::fs::read(whole.path().join(FOLDER).join(name)).unwrap();
    let mut headless = bytes.clone();
    headless[..64].fill(0xff);
    let mut flipped = bytes.clone();
    // The newer of the two headers, then the block that it leads to.
    for place in (4_096..bytes.len()).step_by(512) {
        flipped[place] ^= 0x10;
    }
    for damage in [
        b"not a database".to_vec(),
        headless,
        bytes[..5_000].to_vec(),
        flipped,
    ] {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join(FOLDER);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join(name), &damage).unwrap();
        let instance = open(dir.path(), NOVEMBER);
        assert_eq!(
            names(dir.path()),
            ["2026-11.duckdb.damaged-20261114T093000Z"]
        );
        let aside = instance.set_aside();
        assert_eq!(
            std::fs::read(&aside[0].path).unwrap(),
            damage,
            "kept as it was"
        );
        assert!(!aside[0].why.is_empty());
        write(&instance, &row_of(5, NOVEMBER));
        assert_eq!(instance.count().unwrap(), 5);
    }
}

#[test]
fn a_damaged_log_costs_the_log_and_not_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let instance = open(dir.path(), NOVEMBER);
    write(&instance, &row_of(100, NOVEMBER));
    instance.close().unwrap();
    let instance = open(dir.path(), NOVEMBER);
    write(&instance, &row_of(50, "2026-11-14T10:00:00Z"));
    let copy = crashed(dir.path());
    let log = copy.path().join(FOLDER).join("2026-11.duckdb.wal");
    let mut bytes = std::fs::read(&log).unwrap();
    let half = bytes.len() / 2;
    bytes[half..half + 40].fill(0xaa);
    std::fs::write(&log, &bytes).unwrap();
    let again = open(copy.path(), NOVEMBER);
    let kept = again.count().unwrap();
    // DuckDB may itself read a damaged log up to the damage; it never costs what was in the file.
    assert!((100..150).contains(&kept), "{kept}");
    write(&again, &row_of(7, "2026-11-14T11:00:00Z"));
    assert_eq!(again.count().unwrap(), kept + 7);
}

#[test]
fn a_damaged_file_of_another_month_is_recorded_and_left_out() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join(FOLDER)).unwrap();
    let october = dir.path().join(FOLDER).join("2026-10.duckdb");
    std::fs::write(&october, "not a database").unwrap();
    let instance = open(dir.path(), NOVEMBER);
    write(&instance, &row_of(3, NOVEMBER));
    assert_eq!(all(&instance).len(), 3);
    assert_eq!(instance.count().unwrap(), 3);
    let aside = instance.set_aside();
    assert_eq!(aside.len(), 1);
    assert_eq!(aside[0].path, october.canonicalize().unwrap());
    assert!(october.exists());
}

fn shell(script: &str) -> Options {
    Options {
        check: Check::Child {
            program: "/bin/sh".into(),
            arguments: ["-c", script, "sh"].map(Into::into).to_vec(),
        },
        ..Options::default()
    }
}

#[test]
fn a_file_that_its_child_dies_of_is_set_aside_and_a_child_that_cannot_look_is_ignored() {
    for (script, damaged) in [
        ("kill -s SEGV $$", true),
        ("exit 65", true),
        ("exit 1", false),
        ("exit 0", false),
        // The file is the last argument.
        ("case $1 in */2026-11.duckdb) exit 65;; esac", true),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let instance = open(dir.path(), NOVEMBER);
        write(&instance, &row_of(3, NOVEMBER));
        instance.close().unwrap();
        let instance = Instance::open_with(dir.path(), at(NOVEMBER), shell(script)).unwrap();
        assert_eq!(instance.set_aside().len(), usize::from(damaged), "{script}");
        assert_eq!(
            instance.count().unwrap(),
            if damaged { 0 } else { 3 },
            "{script}"
        );
    }
    let dir = tempfile::tempdir().unwrap();
    open(dir.path(), NOVEMBER).close().unwrap();
    let options = Options {
        check: Check::child("/nowhere/nines".into()),
        ..Options::default()
    };
    let instance = Instance::open_with(dir.path(), at(NOVEMBER), options).unwrap();
    assert_eq!(instance.set_aside(), []);
}

#[test]
fn the_preflight_tells_damage_from_soundness() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path(), NOVEMBER).close().unwrap();
    let path = dir.path().join(FOLDER).join("2026-11.duckdb");
    assert_eq!(preflight(&path), 0);
    std::fs::write(&path, "not a database").unwrap();
    assert_eq!(preflight(&path), 65);
    assert_eq!(preflight(dir.path()), 65);
}

#[test]
fn a_file_of_a_later_nines_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path(), NOVEMBER).close().unwrap();
    let path = dir.path().join(FOLDER).join("2026-11.duckdb");
    let connection = file::connect(&path, AccessMode::ReadWrite).unwrap();
    connection
        .execute_batch("UPDATE format SET version = 2")
        .unwrap();
    drop(connection);
    let later = std::fs::read(&path).unwrap();
    let refused = Instance::open(dir.path(), at(NOVEMBER)).err().unwrap();
    assert!(
        matches!(refused, Error::Newer { found: 2, .. }),
        "{refused}"
    );
    assert_eq!(names(dir.path()), Vec::<String>::new());
    assert!(std::fs::read(&path).unwrap() == later, "not a byte of it");
    // A refused opening claims nothing.
    assert!(matches!(
        Instance::open(dir.path(), at(NOVEMBER)),
        Err(Error::Newer { .. })
    ));
}

#[test]
fn commits_are_timed_by_the_clock_that_is_given() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        elapsed: Some(|| Duration::from_secs(7)),
        ..Options::default()
    };
    let instance = Instance::open_with(dir.path(), at(NOVEMBER), options).unwrap();
    assert_eq!(instance.writer().stats().last_commit_us, None);
    write(&instance, &row_of(1, NOVEMBER));
    assert_eq!(instance.writer().stats().last_commit_us, Some(0));
}

// Roll-ups.

fn october(from: &str, to: &str) -> domain::latency::LocalDay {
    domain::latency::LocalDay {
        date: jiff::civil::date(2026, 10, 31),
        zone: "America/New_York".to_owned(),
        span: domain::span::Span::new(at(from), at(to)),
    }
}

/// 31 October in New York. It lies in two months of UTC.
fn last_of_october() -> domain::latency::LocalDay {
    october("2026-10-31T04:00:00Z", "2026-11-01T04:00:00Z")
}

fn took(start: &str, outcome: Outcome, took_us: u64) -> Sample {
    Sample {
        outcome,
        reason: (outcome != Outcome::Up).then_some(Reason::Timeout),
        took_us,
        ..sample("portal/web", start)
    }
}

#[test]
fn a_day_counts_conclusive_samples_and_the_latencies_of_answers() {
    let dir = tempfile::tempdir().unwrap();
    let instance = open(dir.path(), "2026-10-31T00:00:00Z");
    write(
        &instance,
        &[
            // The instant before the day, its first, its last, and the one after it.
            took("2026-10-31T03:59:59.999999Z", Outcome::Up, 10),
            took("2026-10-31T04:00:00Z", Outcome::Up, 100),
            took("2026-10-31T12:00:00Z", Outcome::Degraded, 150),
            took("2026-10-31T12:00:01Z", Outcome::Down, 10_000_000),
            took("2026-10-31T12:00:02Z", Outcome::Inconclusive, 7),
            took("2026-11-01T03:59:59.999999Z", Outcome::Up, 100),
            took("2026-11-01T04:00:00Z", Outcome::Up, 11),
        ],
    );
    let rollup = instance.daily().count(last_of_october()).unwrap();
    let counted = &rollup.probes[&Source::new("portal/web", "here")];
    assert_eq!(counted.conclusive, 4);
    let buckets: Vec<_> = counted.answered.buckets().collect();
    assert_eq!(buckets, [(100, 2), (150, 1)]);
    assert_eq!(rollup.probes.len(), 1);
}

#[test]
fn a_day_counts_each_of_thousands_of_probes_and_a_sample_that_came_late() {
    let dir = tempfile::tempdir().unwrap();
    let instance = open(dir.path(), "2026-10-31T00:00:00Z");
    let many: Vec<Sample> = (0..4_100)
        .map(|n| sample(&format!("s/p{n}"), "2026-10-31T12:00:00Z"))
        .collect();
    write(&instance, &many);
    // The next month's file is in use when this one arrives.
    write(&instance, &[sample("s/p1", "2026-11-01T12:00:00Z")]);
    write(&instance, &[sample("s/p1", "2026-10-31T13:00:00Z")]);
    let rollup = instance.daily().count(last_of_october()).unwrap();
    assert_eq!(rollup.probes.len(), 4_100);
    assert_eq!(rollup.probes[&Source::new("s/p1", "here")].conclusive, 2);
    assert_eq!(rollup.probes[&Source::new("s/p4099", "here")].conclusive, 1);
}

#[test]
fn a_roll_up_comes_back_from_its_file_unless_the_file_was_changed_or_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let instance = open(dir.path(), "2026-10-31T00:00:00Z");
    write(&instance, &row_of(50, "2026-10-31T12:00:00Z"));
    let counted = instance.daily().count(last_of_october()).unwrap();
    let stored = rollup::write(dir.path(), &counted).unwrap();
    assert_eq!(stored.file, "2026-10-31-America-New_York.jsonl");
    assert_eq!((stored.probes, stored.samples), (1, 50));
    let read = || rollup::read(dir.path(), &stored.file, &stored.sha256);
    assert_eq!(read(), Some(counted.clone()));
    // The same samples give the same bytes.
    assert_eq!(rollup::write(dir.path(), &counted).unwrap(), stored);
    let path = dir.path().join(rollup::FOLDER).join(&stored.file);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(
        &path,
        text.replace("\"conclusive\":50", "\"conclusive\":49"),
    )
    .unwrap();
    assert_eq!(read(), None);
    // It is not replaced: an event may name it.
    let again = rollup::write(dir.path(), &counted).unwrap();
    assert_ne!(again.file, stored.file);
    assert!(path.exists() && rollup::read(dir.path(), &again.file, &again.sha256).is_some());
    std::fs::remove_file(&path).unwrap();
    assert_eq!(read(), None);
}

//! Archives of finished months, and queries.

use super::*;
use crate::samples::sql::{Form, Refused, Sql, Table};

const DECEMBER: &str = "2026-12-02T09:00:00Z";

/// Samples of November and December, with words and gaps.
fn two_months(data: &Path) -> Vec<Sample> {
    let mut samples = row_of(500, NOVEMBER);
    let mut bad = sample("portal/hl7", "2026-11-30T23:59:59.999999Z");
    bad.outcome = Outcome::Down;
    bad.reason = Some(Reason::Status);
    bad.detail = Some("status 503, \"it's\"".into());
    bad.certificate_ends_at = None;
    bad.status = None;
    bad.phases = Phases::default();
    samples.push(bad);
    samples.extend(row_of(10, DECEMBER));
    let instance = open(data, NOVEMBER);
    write(&instance, &samples);
    instance.close().unwrap();
    samples
}

fn stored(instance: &Instance) -> Vec<Sample> {
    let mut samples = all(instance);
    samples.sort_by(|a, b| (a.at, &a.source).cmp(&(b.at, &b.source)));
    samples
}

fn files(data: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(data.join(FOLDER)).unwrap();
    let mut names: Vec<_> = entries
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Archives November.
fn archive(instance: &Instance) -> domain::sample::ArchivedMonth {
    let archived = instance
        .archiver()
        .write_next(at(DECEMBER))
        .unwrap()
        .unwrap();
    instance.archiver().finish(&archived).unwrap();
    archived
}

#[test]
fn a_finished_month_becomes_an_archive_with_the_same_samples() {
    let dir = tempfile::tempdir().unwrap();
    let samples = two_months(dir.path());
    let instance = open(dir.path(), DECEMBER);
    let day = |instance: &Instance| {
        let span = domain::span::Span::new(at("2026-11-30T00:00:00Z"), at("2026-12-01T00:00:00Z"));
        let (date, zone) = ("2026-11-30".parse().unwrap(), "UTC".to_owned());
        instance
            .daily()
            .count(domain::latency::LocalDay { date, zone, span })
            .unwrap()
    };
    let (before, counted) = (stored(&instance), day(&instance));
    assert_eq!(before.len(), samples.len());
    // November is not settled yet, then it is.
    let archiver = instance.archiver();
    assert_eq!(
        archiver.write_next(at("2026-12-01T23:59:59Z")).unwrap(),
        None
    );
    let archived = archive(&instance);
    assert_eq!(
        (archived.month.to_string().as_str(), archived.samples),
        ("2026-11", 501)
    );
    assert_eq!(files(dir.path()), ["2026-11.parquet", "2026-12.duckdb"]);
    assert_eq!(archiver.write_next(at(DECEMBER)).unwrap(), None);
    assert_eq!(stored(&instance), before);
    assert_eq!(day(&instance), counted);
    assert_eq!(instance.count().unwrap(), 511);
    // The archive is evidence: its bytes are the same each time.
    let bytes = std::fs::read(dir.path().join(FOLDER).join("2026-11.parquet")).unwrap();
    let hash: String = {
        use sha2::Digest as _;
        sha2::Sha256::digest(&bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    };
    assert_eq!(hash, archived.sha256);
}

#[test]
fn a_kill_between_two_steps_of_a_roll_over_loses_and_doubles_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let samples = two_months(dir.path());
    let folder = dir.path().join(FOLDER);
    let month = folder.join("2026-11.duckdb");
    let kept = std::fs::read(&month).unwrap();
    let begin = |what: &str| {
        let instance = open(dir.path(), DECEMBER);
        assert_eq!(instance.count().unwrap(), samples.len() as u64, "{what}");
        instance
    };
    // Killed while it was written: the next start removes the part.
    std::fs::write(folder.join("2026-11.parquet.tmp"), &kept[..1_000]).unwrap();
    let instance = begin("cut off");
    assert!(!folder.join("2026-11.parquet.tmp").exists());
    archive(&instance);
    instance.close().unwrap();
    // Killed before the file was removed: the archive wins.
    std::fs::write(&month, &kept).unwrap();
    let instance = begin("both");
    let again = archive(&instance);
    assert_eq!(again.samples, 501);
    assert!(!month.exists());
    assert_eq!(instance.count().unwrap(), samples.len() as u64);
    instance.close().unwrap();
    // Killed between the file and its log: the next start removes the log.
    std::fs::write(folder.join("2026-11.duckdb.wal"), "rest").unwrap();
    begin("only its log");
    let left = files(dir.path());
    assert!(!left.contains(&"2026-11.duckdb.wal".to_owned()), "{left:?}");
}

#[test]
fn a_count_in_a_loop_sees_neither_dip_nor_double() {
    let dir = tempfile::tempdir().unwrap();
    let samples = two_months(dir.path());
    let instance = open(dir.path(), DECEMBER);
    std::thread::scope(|scope| {
        let archiving = scope.spawn(|| archive(&instance));
        while !archiving.is_finished() {
            assert_eq!(instance.count().unwrap(), samples.len() as u64);
        }
    });
    assert_eq!(instance.count().unwrap(), samples.len() as u64);
}

#[test]
fn samples_after_the_clock_was_set_back_into_an_archived_month_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let samples = two_months(dir.path());
    let instance = open(dir.path(), DECEMBER);
    archive(&instance);
    instance.close().unwrap();
    let instance = open(dir.path(), NOVEMBER);
    write(&instance, &row_of(3, NOVEMBER));
    assert_eq!(instance.count().unwrap(), samples.len() as u64 + 3);
    assert_eq!(instance.set_aside(), []);
}

#[test]
fn a_clock_that_is_set_back_waits_for_the_archive_of_the_month_that_runs_again() {
    let dir = tempfile::tempdir().unwrap();
    let instance = open(dir.path(), NOVEMBER);
    write(&instance, &row_of(2, NOVEMBER));
    // The clock runs a year ahead, so November counts as finished.
    let ahead = "2027-12-05T00:00:00Z";
    write(&instance, &row_of(2, ahead));
    let archiving = instance.shared.archiving.begin();
    let writer = instance.writer();
    writer.offer(sample("portal/web", NOVEMBER)).unwrap();
    // Only waiting shows that it is not written.
    std::thread::sleep(std::time::Duration::from_millis(800));
    assert_eq!(writer.stats().waiting, 1);
    drop(archiving);
    writer.flush().unwrap();
    assert_eq!(instance.archiver().write_next(at(ahead)).unwrap(), None);
    assert_eq!(instance.count().unwrap(), 5);
    assert_eq!(
        files(dir.path()),
        ["2026-11.duckdb", "2026-11.duckdb.wal", "2027-12.duckdb"]
    );
}

#[test]
fn archives_go_when_their_months_are_too_old() {
    let dir = tempfile::tempdir().unwrap();
    two_months(dir.path());
    let instance = open(dir.path(), DECEMBER);
    let archiver = instance.archiver();
    let archived = archive(&instance);
    assert_eq!(archiver.too_old(at("2026-11-30T23:59:59Z")).unwrap(), None);
    let month = Some(archived.month);
    assert_eq!(archiver.too_old(at("2026-12-01T00:00:00Z")).unwrap(), month);
    archiver.delete(archived.month).unwrap();
    assert_eq!(instance.count().unwrap(), 10);
}

#[test]
fn a_damaged_archive_is_recorded_and_the_rest_is_read() {
    let dir = tempfile::tempdir().unwrap();
    two_months(dir.path());
    let instance = open(dir.path(), DECEMBER);
    archive(&instance);
    let path = dir.path().join(FOLDER).join("2026-11.parquet");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert_eq!(instance.count().unwrap(), 10);
    let aside = instance.set_aside();
    assert_eq!(aside.len(), 1, "{aside:?}");
}

/// Tables with one row, over the samples of two months.
fn sql(data: &Path, out: Option<&Path>) -> (Instance, Sql) {
    let instance = open(data, DECEMBER);
    archive(&instance);
    let copy = instance.archiver().copy_running().unwrap();
    let row = ["O-1", "90", "2026-11-30 12:00:00", "true"];
    let table = Table {
        name: "outages",
        columns: &[
            ("outage", "VARCHAR"),
            ("unplanned_s", "BIGINT"),
            ("start", "TIMESTAMP"),
            ("counted", "BOOLEAN"),
        ],
        rows: vec![
            row.iter().map(|cell| Some((*cell).to_owned())).collect(),
            vec![None; 4],
        ],
    };
    let sql = Sql::open(
        &instance.shared.folder.join(".."),
        Some(&copy),
        &[table],
        out,
    )
    .unwrap();
    (instance, sql)
}

#[test]
fn a_file_that_a_wrong_clock_left_is_read_and_the_running_month_keeps_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let samples = two_months(dir.path());
    let wrong = open(dir.path(), "2099-01-01T00:00:00Z");
    write(&wrong, &row_of(2, "2099-01-01T00:00:10Z"));
    wrong.close().unwrap();
    let (instance, sql) = sql(dir.path(), None);
    let answer = sql
        .query("SELECT count(*) FROM samples", 1, MINUTE)
        .unwrap();
    let count = (samples.len() + 2).to_string();
    assert_eq!(answer.rows, [[Some(count)]]);
    let copy = instance.archiver().copy_running().unwrap();
    let sources = crate::samples::sql::sources_of_backup(dir.path(), &copy).unwrap();
    let names: Vec<_> = sources.into_iter().map(|(_, name)| name).collect();
    assert_eq!(
        names,
        ["2026-11.parquet", "2099-01.duckdb", "2026-12.parquet"]
    );
}

#[test]
fn a_month_that_is_archived_after_it_was_copied_counts_once() {
    let dir = tempfile::tempdir().unwrap();
    let samples = two_months(dir.path());
    let instance = open(dir.path(), DECEMBER);
    let copy = instance.archiver().copy_running().unwrap();
    let december = dir.path().join(FOLDER).join("2026-12.parquet");
    std::fs::copy(&copy, december).unwrap();
    archive(&instance);
    let sql = Sql::open(dir.path(), Some(&copy), &[], None).unwrap();
    let answer = sql
        .query("SELECT count(*) FROM samples", 1, MINUTE)
        .unwrap();
    assert_eq!(answer.rows, [[Some(samples.len().to_string())]]);
}

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn queries_read_archives_the_running_month_and_the_tables() {
    let dir = tempfile::tempdir().unwrap();
    two_months(dir.path());
    let (_instance, sql) = sql(dir.path(), None);
    let rows = |query: &str| {
        let answer = sql
            .query(query, 100, MINUTE)
            .unwrap_or_else(|e| panic!("{query}: {e}"));
        let cells = answer.rows.into_iter().flatten();
        cells
            .map(|cell| cell.unwrap_or("-".into()))
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(
        rows(
            "SELECT date_trunc('month', started_at)::DATE m, count(*) FROM samples GROUP BY m ORDER BY m"
        ),
        "2026-11-01 501 2026-12-01 10"
    );
    assert_eq!(
        rows(
            "SELECT outcome, reason, detail, status, late_us FROM samples WHERE probe = 'portal/hl7' -- why\n;"
        ),
        "down status status 503, \"it's\" - 1234"
    );
    assert_eq!(
        rows("SELECT outage, unplanned_s + 1, counted FROM outages"),
        "O-1 91 true - - -"
    );
    assert_eq!(
        rows("WITH mine AS (SELECT outage FROM outages) SELECT count(outage) FROM mine"),
        "1"
    );
    assert_eq!(rows("SELECT * FROM range(3)"), "0 1 2");
    let (json, cut) = sql
        .query_json("SELECT unplanned_s, counted FROM outages", 1, MINUTE)
        .unwrap();
    assert_eq!(
        (json, cut),
        (
            vec![serde_json::json!({"unplanned_s": 90, "counted": true})],
            true
        )
    );
}

#[test]
fn a_query_that_writes_or_reads_anything_else_is_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    two_months(dir.path());
    let (_instance, sql) = sql(dir.path(), None);
    let file = dir.path().join("file.csv");
    std::fs::write(&file, "a\n1\n").unwrap();
    let path = file.display();
    for query in [
        format!("COPY (SELECT 1) TO '{path}'"),
        format!("ATTACH '{path}' AS other"),
        "INSERT INTO outages VALUES (1)".into(),
        "CREATE TABLE x AS SELECT 1".into(),
        "SET threads = 8".into(),
        "CALL pragma_version()".into(),
        "PRAGMA database_list".into(),
        "EXPLAIN ANALYZE INSERT INTO outages VALUES (1)".into(),
        "SELECT 1; SELECT 2".into(),
        "SELECT 1; DROP TABLE outages".into(),
        String::new(),
        format!("SELECT * FROM read_csv('{path}')"),
        format!("SELECT * FROM '{path}'"),
        format!("FROM \"{path}\""),
        "SELECT * FROM read_text('/etc/hostname')".into(),
        "SELECT * FROM glob('/etc/*')".into(),
        "SELECT * FROM duckdb_settings()".into(),
        "SELECT (SELECT content FROM read_text('/etc/hostname'))".into(),
        "WITH samples AS (FROM read_text('/etc/hostname')) FROM samples".into(),
        "SELECT * FROM query('SELECT 1')".into(),
        "SELECT * FROM information_schema.tables".into(),
        "SELECT * FROM sqlite_master".into(),
        "SELECT nonsense FROM".into(),
    ] {
        match sql.query(&query, 10, MINUTE) {
            Err(Refused::NotAllowed(why)) => assert!(!why.is_empty()),
            other => panic!("{query}: {other:?}"),
        }
    }
    // A name that the query defines hides no file.
    sql.query("WITH \"x.csv\" AS (SELECT 1) FROM \"x.csv\"", 10, MINUTE)
        .unwrap();
    // DuckDB itself refuses what the list of names would let through.
    assert!(sql.query("SELECT getenv('HOME')", 10, MINUTE).is_err());
}

#[test]
fn a_query_that_takes_too_long_is_stopped() {
    let dir = tempfile::tempdir().unwrap();
    two_months(dir.path());
    let (_instance, sql) = sql(dir.path(), None);
    let endless = "SELECT count(*) FROM range(10000000000) a, range(1000) b WHERE hash(a.range + b.range) = 1";
    let stopped = sql.query(endless, 10, Duration::from_millis(50));
    assert!(matches!(stopped, Err(Refused::TooSlow(_))), "{stopped:?}");
    assert_eq!(sql.query("SELECT 1", 10, MINUTE).unwrap().rows.len(), 1);
}

#[test]
fn an_export_has_every_row_in_each_form() {
    let dir = tempfile::tempdir().unwrap();
    two_months(dir.path());
    let out = dir.path().join("out");
    let (_instance, sql) = sql(dir.path(), Some(&out));
    for form in [Form::Parquet, Form::Csv, Form::Json] {
        assert_eq!(sql.export("samples", form, &out).unwrap(), 511, "{form:?}");
        std::fs::remove_file(&out).unwrap();
    }
    sql.export("outages", Form::Json, &out).unwrap();
    let text = std::fs::read_to_string(&out).unwrap();
    let first = r#"{"outage":"O-1","unplanned_s":90,"start":"2026-11-30 12:00:00","counted":true}"#;
    assert_eq!(text.lines().next(), Some(first));
    assert!(matches!(
        sql.export("secrets", Form::Csv, &out),
        Err(Refused::NotAllowed(_))
    ));
}

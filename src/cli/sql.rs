//! `nines sql` and `nines export`: questions to the samples and the ledger, beside the running service. They
//! read copies, so that no query can delay the service.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use domain::calendar::Month;
use serde_json::json;

use super::archives::{self, Fault};
use super::args::{self, Common, ExportFormat};
use super::client::{Client, SamplesCopy};
use super::output::{self, print, print_error};
use super::{End, Failure, tables};
use crate::samples::sql::{Answer, Form, Refused, Sql};
use crate::{clock, samples};

/// How many months before the running one the tables of the ledger begin.
const MONTHS: usize = 12;

/// The longest query in bytes.
const LONGEST: u64 = 64 * 1024;

/// Carries out a query and prints its rows.
pub fn run(common: &Common, wanted: &args::Sql) -> Result<End, Failure> {
    let query = match wanted.query.as_str() {
        "-" => {
            let mut query = String::new();
            let read = std::io::stdin().take(LONGEST).read_to_string(&mut query);
            read.context("standard input cannot be read")?;
            query
        }
        query => query.to_owned(),
    };
    let (sql, _copy) = open(common, wanted.since, None)?;
    let within = Duration::from_secs(wanted.seconds);
    if common.json {
        let (rows, cut) = sql
            .query_json(&query, wanted.rows, within)
            .map_err(failure)?;
        return output::answer(&json!({ "rows": rows, "cut": cut }));
    }
    let answer = sql.query(&query, wanted.rows, within).map_err(failure)?;
    print(&listed(&answer))?;
    if answer.cut {
        print_error(format!(
            "nines: only the first {} rows; --rows prints more",
            wanted.rows
        ));
    }
    Ok(End::Done)
}

/// Writes a table to a file.
pub fn export(common: &Common, wanted: &args::Export) -> Result<End, Failure> {
    let out = std::path::absolute(&wanted.out)?;
    if out.exists() {
        return Err(Failure::Usage(format!(
            "{} exists: name another file",
            out.display()
        )));
    }
    let (sql, _copy) = open(common, wanted.since, Some(&out))?;
    let form = form(wanted.format, &out);
    let written = sql.export(&wanted.table, form, &out).map_err(failure);
    let rows = match written {
        Ok(rows) => rows,
        Err(failure) => {
            let _ = std::fs::remove_file(&out);
            return Err(failure);
        }
    };
    match common.json {
        true => output::json(&json!({ "written": out, "rows": rows }))?,
        false => print(&format!("{rows} rows in {}\n", out.display()))?,
    }
    Ok(End::Done)
}

/// The database, and the copy of the running month that it reads.
fn open(
    common: &Common,
    since: Option<Month>,
    out: Option<&Path>,
) -> Result<(Sql, Option<SamplesCopy>), Failure> {
    let client = Client::new(common)?;
    let (record, _) = client.record(None)?;
    // DuckDB takes a changed byte of an archive for a value.
    for fault in archives::faults(&client.ledger()?)? {
        match fault {
            Fault::Changed(words) => {
                return Err(Failure::Could(anyhow!(
                    "{words}: restore it from a backup, or move it out of the folder"
                )));
            }
            Fault::Missing(words) => print_error(format!("nines: warning: {words}")),
        }
    }
    let copy = client.copy_samples()?;
    let folder = client.data.join(samples::FOLDER);
    for name in samples::set_aside_in(&folder).unwrap_or_default() {
        let at = folder.join(name);
        print_error(format!(
            "nines: warning: {} is damaged and was set aside: its samples are missing here",
            at.display()
        ));
    }
    let running = Month::of(clock::now(), &record.zone());
    let since = since.unwrap_or_else(|| (0..MONTHS).fold(running, |month, _| month.prev()));
    let tables = tables::of(&record, since)?;
    let running = copy.as_ref().map(SamplesCopy::path);
    let sql = Sql::open(&client.data, running, &tables, out)?;
    Ok((sql, copy))
}

fn form(format: Option<ExportFormat>, out: &Path) -> Form {
    let ending = out.extension().and_then(|ending| ending.to_str());
    match (format, ending) {
        (Some(ExportFormat::Csv), _) | (None, Some("csv")) => Form::Csv,
        (Some(ExportFormat::Json), _) | (None, Some("json" | "jsonl")) => Form::Json,
        _ => Form::Parquet,
    }
}

fn failure(refused: Refused) -> Failure {
    match refused {
        Refused::NotAllowed(why) => Failure::Usage(why),
        Refused::TooSlow(_) => Failure::Could(refused.into()),
        Refused::Samples(error) => Failure::Could(error.into()),
    }
}

/// Rows below the names of their columns, each column as wide as its widest cell.
fn listed(answer: &Answer) -> String {
    let shown = |cell: &Option<String>| cell.clone().unwrap_or_default().replace('\n', " ");
    let mut lines = vec![answer.columns.clone()];
    lines.extend(
        answer
            .rows
            .iter()
            .map(|row| row.iter().map(shown).collect()),
    );
    let width = |column: usize| {
        let cells = lines.iter().map(|line| line[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..answer.columns.len()).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let cells = line.iter().zip(&widths);
        let padded: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        text.push_str(padded.join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |cells: &[&str]| cells.iter().map(|cell| Some((*cell).to_owned())).collect();
        let answer = Answer {
            columns: vec!["system".to_owned(), "n".to_owned()],
            rows: vec![
                row(&["a", "12"]),
                row(&["patient-portal", "3"]),
                vec![None, None],
            ],
            cut: false,
        };
        let wanted = "system          n\na               12\npatient-portal  3\n\n";
        assert_eq!(listed(&answer), wanted);
    }
}

//! SQL over copies: the archives and closed months, a copy of the running month, and tables that the caller
//! fills. It runs in the process of the command that asks, never in the service, and it may only read.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use duckdb::{Connection, appender_params_from_iter};
use serde_json::Value;

use super::archive::{COLUMNS, ROWS, month_of_copy, outside, parquet, quoted};
use super::month::{Month, Months};
use super::{Error, FOLDER, file, opening};

/// DuckDB's memory limit for a query. Beyond it DuckDB writes to a folder beside the samples.
const MEMORY: &str = "512MB";

/// The columns of the view `samples`, without `started_at`, if there is no sample at all.
const EMPTY: &str = "SELECT NULL::VARCHAR AS probe, NULL::VARCHAR AS vantage, NULL::TIMESTAMP AS slot, \
  NULL::UINTEGER AS late_us, NULL::VARCHAR AS outcome, NULL::VARCHAR AS reason, NULL::VARCHAR AS detail, \
  NULL::UBIGINT AS took_us, NULL::UBIGINT AS resolve_us, NULL::UBIGINT AS connect_us, \
  NULL::UBIGINT AS tls_us, NULL::UBIGINT AS processing_us, NULL::UBIGINT AS transfer_us, \
  NULL::USMALLINT AS status, NULL::TIMESTAMP AS certificate_ends_at WHERE false";

/// Functions that make tables and read no file.
const TABLE_FUNCTIONS: [&str; 3] = ["range", "generate_series", "unnest"];

/// The errors of a query.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It is not one query that reads.
    #[error("{0}")]
    NotAllowed(String),
    /// It took too long.
    #[error("the query took longer than {} s and was stopped; --seconds allows more", .0.as_secs())]
    TooSlow(Duration),
    /// DuckDB refused.
    #[error(transparent)]
    Samples(#[from] Error),
}

impl From<duckdb::Error> for Refused {
    fn from(error: duckdb::Error) -> Self {
        Refused::Samples(error.into())
    }
}

/// A table for queries, of rows that the caller has in memory.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns with their types, in DuckDB's words.
    pub columns: &'static [(&'static str, &'static str)],
    /// Its rows, as texts that DuckDB converts to the columns' types.
    pub rows: Vec<Vec<Option<String>>>,
}

/// The answer to a query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Option<String>>>,
    /// True if there are more rows than were asked for.
    pub cut: bool,
}

/// How an export is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Parquet,
    Csv,
    /// One JSON object a line.
    Json,
}

impl Form {
    fn options(self) -> &'static str {
        match self {
            Form::Parquet => "FORMAT parquet, COMPRESSION zstd",
            Form::Csv => "FORMAT csv, HEADER",
            Form::Json => "FORMAT json",
        }
    }
}

/// A database for one command.
pub struct Sql {
    connection: Connection,
    names: BTreeSet<String>,
}

impl Sql {
    /// Opens the finished months of a data directory, the copy of the running one if there is one, and makes
    /// the tables. `out` is the only file that may be written.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn open(
        data: &Path,
        running: Option<&Path>,
        tables: &[Table],
        out: Option<&Path>,
    ) -> Result<Sql, Error> {
        let folder = data.join(FOLDER);
        let connection = match folder.is_dir() {
            true => attached(&folder, running, out)?,
            false => Sources::default().attach(&folder, out)?,
        };
        let mut names = BTreeSet::from(["samples".to_owned()]);
        for table in tables {
            fill(&connection, table)?;
            names.insert(table.name.to_owned());
        }
        Ok(Sql { connection, names })
    }

    /// Carries out a query that reads, and returns at most `rows` rows.
    ///
    /// # Errors
    /// It is not one query that reads the known tables, DuckDB refuses it, or it takes too long.
    pub fn query(&self, sql: &str, rows: usize, within: Duration) -> Result<Answer, Refused> {
        self.carry_out(&self.allowed(sql)?, rows, within)
    }

    fn carry_out(&self, sql: &str, rows: usize, within: Duration) -> Result<Answer, Refused> {
        self.timed(within, || {
            let query = format!(
                "SELECT COLUMNS(*)::VARCHAR FROM ({sql}) LIMIT {}",
                rows.saturating_add(1)
            );
            let mut statement = self.connection.prepare(&query)?;
            let mut found = statement.query([])?;
            let mut answer = Answer::default();
            while let Some(row) = found.next()? {
                let cells = (0..row.as_ref().column_count()).map(|column| row.get(column));
                answer.rows.push(cells.collect::<Result<_, _>>()?);
            }
            answer.columns = statement.column_names();
            answer.cut = answer.rows.len() > rows;
            answer.rows.truncate(rows);
            Ok(answer)
        })
    }

    /// As [`Sql::query`], each row a JSON object. True if there are more rows.
    ///
    /// # Errors
    /// Those of [`Sql::query`].
    pub fn query_json(
        &self,
        sql: &str,
        rows: usize,
        within: Duration,
    ) -> Result<(Vec<Value>, bool), Refused> {
        let sql = format!(
            "SELECT to_json(answer) FROM ({}) answer",
            self.allowed(sql)?
        );
        let answer = self.carry_out(&sql, rows, within)?;
        let cells = answer.rows.iter().flatten().flatten();
        let parsed = cells
            .map(|cell| serde_json::from_str(cell))
            .collect::<Result<_, _>>();
        let parsed = parsed.map_err(|error| Error::Unreadable(error.to_string()))?;
        Ok((parsed, answer.cut))
    }

    /// Writes a table to the file that [`Sql::open`] named.
    ///
    /// # Errors
    /// There is no such table, or the file cannot be written.
    pub fn export(&self, table: &str, form: Form, to: &Path) -> Result<u64, Refused> {
        if !self.names.contains(table) {
            return Err(Refused::NotAllowed(self.known()));
        }
        let write = format!("COPY {table} TO {} ({})", quoted(to), form.options());
        Ok(self.connection.execute(&write, [])? as u64)
    }

    fn known(&self) -> String {
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        format!("the tables are {}", domain::suggest::list(names, "and"))
    }

    /// The same query without comments, if it is one query that reads only the known tables.
    fn allowed(&self, sql: &str) -> Result<String, Refused> {
        let parsed: String =
            self.connection
                .query_row("SELECT json_serialize_sql(?::VARCHAR)", [sql], |row| {
                    row.get(0)
                })?;
        let parsed: Value =
            serde_json::from_str(&parsed).map_err(|error| Error::Unreadable(error.to_string()))?;
        if parsed["error"] == Value::Bool(true) {
            let why = parsed["error_message"]
                .as_str()
                .unwrap_or("it cannot be read");
            let why = match parsed["error_type"].as_str() {
                Some("parser") => why.to_owned(),
                _ => "only a query that reads is allowed: SELECT, WITH, VALUES, FROM, DESCRIBE"
                    .to_owned(),
            };
            return Err(Refused::NotAllowed(why));
        }
        match parsed["statements"].as_array().map(Vec::len) {
            Some(1) => {}
            _ => return Err(Refused::NotAllowed("write one query".to_owned())),
        }
        let mut used = Used::default();
        used.collect(&parsed);
        if let Some(function) = used
            .functions
            .iter()
            .find(|name| !TABLE_FUNCTIONS.contains(&name.as_str()))
        {
            let allowed = domain::suggest::list(TABLE_FUNCTIONS, "and");
            let why =
                format!("the table function {function} is not allowed; allowed are {allowed}");
            return Err(Refused::NotAllowed(why));
        }
        let unknown = |name: &&String| !self.names.contains(*name) && !used.own.contains(*name);
        if let Some(table) = used.tables.iter().find(unknown) {
            let why = format!("there is no table `{table}`; {}", self.known());
            return Err(Refused::NotAllowed(why));
        }
        let plain = "SELECT json_deserialize_sql(json_serialize_sql(?::VARCHAR))";
        Ok(self.connection.query_row(plain, [sql], |row| row.get(0))?)
    }

    /// Interrupts `work` after `within`.
    fn timed<T>(
        &self,
        within: Duration,
        work: impl FnOnce() -> Result<T, duckdb::Error>,
    ) -> Result<T, Refused> {
        let handle = self.connection.interrupt_handle();
        let (done, waits) = mpsc::channel::<()>();
        let watch = std::thread::spawn(move || {
            let late = waits.recv_timeout(within) == Err(RecvTimeoutError::Timeout);
            if late {
                handle.interrupt();
            }
            late
        });
        let answer = work();
        drop(done);
        let late = watch.join().unwrap_or(false);
        match answer {
            Err(_) if late => Err(Refused::TooSlow(within)),
            answer => Ok(answer?),
        }
    }
}

/// The names that a parsed query uses.
#[derive(Default)]
struct Used {
    tables: BTreeSet<String>,
    functions: BTreeSet<String>,
    /// The names that the query itself defines (`WITH`).
    own: BTreeSet<String>,
}

impl Used {
    fn collect(&mut self, parsed: &Value) {
        match parsed {
            Value::Object(keys) => {
                let word = |key: &str| keys.get(key).and_then(Value::as_str).map(str::to_lowercase);
                match keys.get("type").and_then(Value::as_str) {
                    Some("BASE_TABLE") => {
                        let outside = [word("schema_name"), word("catalog_name")];
                        let mut name = word("table_name").unwrap_or_default();
                        for part in outside
                            .into_iter()
                            .flatten()
                            .filter(|part| !part.is_empty())
                        {
                            name = format!("{part}.{name}");
                        }
                        self.tables.insert(name);
                    }
                    Some("TABLE_FUNCTION") => {
                        let function = keys
                            .get("function")
                            .and_then(|f| f["function_name"].as_str());
                        self.functions
                            .insert(function.unwrap_or("unknown").to_lowercase());
                    }
                    _ => {}
                }
                let defined = keys.get("cte_map").and_then(|map| map["map"].as_array());
                for cte in defined.into_iter().flatten() {
                    self.own.extend(cte["key"].as_str().map(str::to_lowercase));
                }
                keys.values().for_each(|value| self.collect(value));
            }
            Value::Array(values) => values.iter().for_each(|value| self.collect(value)),
            _ => {}
        }
    }
}

/// Attaches the files of a folder, all of one moment. While a roll-over ends, a file goes that was listed; while the
/// service starts, it locks files for a moment.
fn attached(
    folder: &Path,
    running: Option<&Path>,
    out: Option<&Path>,
) -> Result<Connection, Error> {
    let mut tries = 0;
    loop {
        let sources = Sources::of(folder, running)?;
        let attached = sources.attach(folder, out);
        let is_stable = Sources::of(folder, running)? == sources;
        let is_over = |error: &Error| is_stable && !opening::is_locked(error);
        match attached {
            Ok(connection) if is_stable => return Ok(connection),
            Err(error) if is_over(&error) || tries >= opening::LOCKED_TIMES => return Err(error),
            _ => {}
        }
        tries += 1;
        std::thread::sleep(opening::LOCKED_FOR);
    }
}

/// The files with the samples of a folder.
#[derive(Default, PartialEq, Eq)]
struct Sources {
    archives: Vec<PathBuf>,
    /// The DuckDB files that are closed.
    files: Vec<PathBuf>,
    /// The copy of the running month with its month; `None` if the month was archived since.
    copy: Option<(PathBuf, Month)>,
}

impl Sources {
    /// The service writes the file of the copy's month, or since the last midnight that of the month after it,
    /// so both are left out. A file further ahead comes from a wrong clock and is closed.
    fn of(folder: &Path, copy: Option<&Path>) -> Result<Sources, Error> {
        let months = Months::of(folder)?;
        let copy = copy
            .map(|path| {
                let month = month_of_copy(path);
                let unnamed = || Error::Unreadable(format!("the month of {}", path.display()));
                Ok::<_, Error>((path.to_owned(), month.ok_or_else(unnamed)?))
            })
            .transpose()?;
        let written = |month: &Month| {
            let copied = copy.as_ref().map(|(_, copied)| *copied);
            copied.is_some_and(|copied| *month == copied || *month == copied.next())
        };
        let closed = months.files.difference(&months.archives);
        let files = closed
            .filter(|month| !written(month))
            .map(|month| month.file(folder))
            .collect();
        let archives = &months.archives;
        Ok(Sources {
            files,
            archives: archives.iter().map(|month| month.archive(folder)).collect(),
            copy: copy.filter(|(_, month)| !archives.contains(month)),
        })
    }

    /// A connection with the view `samples` of all files.
    fn attach(&self, folder: &Path, out: Option<&Path>) -> Result<Connection, Error> {
        let copy = self.copy.as_ref().map(|(path, _)| path);
        let archives: Vec<&PathBuf> = self.archives.iter().chain(copy).collect();
        let logs: Vec<PathBuf> = self.files.iter().map(|path| file::log_of(path)).collect();
        let all = archives.iter().copied().chain(&self.files).chain(&logs);
        let allowed: Vec<&Path> = all.map(PathBuf::as_path).chain(out).collect();
        let connection = outside(MEMORY, folder, &allowed)?;
        let parts = archives.iter();
        let mut parts: Vec<String> = parts
            .map(|path| format!("FROM {}", parquet(path)))
            .collect();
        for (n, path) in self.files.iter().enumerate() {
            let schema = format!("m{n}");
            connection
                .execute_batch(&format!("ATTACH {} AS {schema} (READ_ONLY)", quoted(path)))?;
            let rows = ROWS.replace("month.", &format!("{schema}."));
            parts.push(format!("SELECT {COLUMNS} {rows}"));
        }
        if parts.is_empty() {
            parts.push(EMPTY.to_owned());
        }
        connection.execute_batch(&format!(
            "CREATE VIEW samples AS SELECT probe, vantage, slot + to_microseconds(late_us) AS started_at, \
             * EXCLUDE (probe, vantage, slot) FROM ({})",
            parts.join(" UNION ALL ")
        ))?;
        Ok(connection)
    }
}

/// The files of the samples for a backup with the names that they get. The copy of the running month becomes
/// its archive.
///
/// # Errors
/// The folder cannot be read, or `running` is not the name of such a copy.
pub fn sources_of_backup(data: &Path, running: &Path) -> Result<Vec<(PathBuf, String)>, Error> {
    let folder = data.join(FOLDER);
    let Sources {
        archives,
        files,
        copy,
    } = Sources::of(&folder, Some(running))?;
    let logs: Vec<_> = files
        .iter()
        .map(|path| file::log_of(path))
        .filter(|log| log.exists())
        .collect();
    let name = |path: &Path| {
        path.file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    let all = archives.iter().chain(&files).chain(&logs);
    let mut named: Vec<_> = all.map(|path| (path.clone(), name(path))).collect();
    named.extend(copy.map(|(path, month)| (path, name(&month.archive(&folder)))));
    Ok(named)
}

/// Makes a table of texts, then one of the columns' types.
fn fill(connection: &Connection, table: &Table) -> Result<(), Error> {
    let list = |each: &dyn Fn(&(&str, &str)) -> String| {
        table
            .columns
            .iter()
            .map(each)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let texts = list(&|(name, _)| format!("\"{name}\" VARCHAR"));
    connection.execute_batch(&format!("CREATE TABLE texts ({texts})"))?;
    let mut appender = connection.appender("texts")?;
    for row in &table.rows {
        appender.append_row(appender_params_from_iter(row))?;
    }
    appender.flush()?;
    drop(appender);
    let typed = list(&|(name, kind)| format!("\"{name}\"::{kind} AS \"{name}\""));
    connection.execute_batch(&format!(
        "CREATE TABLE {} AS SELECT {typed} FROM texts; DROP TABLE texts",
        table.name
    ))?;
    Ok(())
}

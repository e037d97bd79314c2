//! `nines import`: turns the definitions of another monitor into files of systems.

mod database;

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use import::{Imported, Input};
use serde_json::json;

use super::args::{Common, ImportFrom, Monitor};
use super::output::{self, print};
use super::{End, Failure};
use crate::files;

/// The largest file that is read as a whole, in bytes. Of a database only some tables are read.
const LARGEST: u64 = 4 << 20;

/// Writes a file for each system into `out`, and lists what was left out. Writes nothing if a file is there already.
pub fn run(from: &ImportFrom, common: &Common) -> Result<End, Failure> {
    if !values::is_id(&from.committee) {
        let committee = &from.committee;
        let why = format!("--committee: `{committee}` is not an id, as \"operations\"");
        return Err(Failure::Usage(why));
    }
    let imported = read(from)?;
    let place = |id: &str| from.out.join(format!("{id}.toml"));
    if let Some(taken) = imported.systems.iter().find(|s| place(&s.id).exists()) {
        let why = format!(
            "{} is there already, so nothing was written: name another directory by --out",
            place(&taken.id).display()
        );
        return Err(Failure::Usage(why));
    }
    files::make_dir(&from.out)?;
    for system in &imported.systems {
        files::create(&place(&system.id), system.text.as_bytes())?;
    }
    match common.json {
        true => list_as_json(from, &imported),
        false => list(from, &imported),
    }
}

fn read(from: &ImportFrom) -> Result<Imported, Failure> {
    let file = &from.file;
    let committee = &from.committee;
    let imported = match (from.monitor, &from.targets) {
        (Monitor::Blackbox, Some(targets)) => {
            let imported = import::blackbox(&text(file)?, &text(targets)?, committee);
            return imported.map_err(|(input, error)| {
                Failure::Usage(format!("{}: {error}", named(from, input).display()))
            });
        }
        (Monitor::Blackbox, None) | (_, Some(_)) => {
            let why = "--targets goes with `blackbox`, which needs it".to_owned();
            return Err(Failure::Usage(why));
        }
        (Monitor::Gatus, None) => import::gatus(&text(file)?, committee),
        (Monitor::UptimeKuma, None) if is_database(file) => {
            let tables = database::read(file, import::UPTIME_KUMA_TABLES);
            let tables = tables.map_err(|error| unreadable(file, &format!("{error:#}")))?;
            import::uptime_kuma(&tables, committee)
        }
        (Monitor::UptimeKuma, None) => import::uptime_kuma_backup(&text(file)?, committee),
    };
    imported.map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))
}

fn named(from: &ImportFrom, input: Input) -> &Path {
    match input {
        Input::Definitions => &from.file,
        Input::Targets => from.targets.as_ref().unwrap_or(&from.file),
    }
}

fn unreadable(file: &Path, why: &str) -> Failure {
    Failure::Could(anyhow::anyhow!("{}: {why}", file.display()))
}

fn text(file: &Path) -> Result<String, Failure> {
    let bytes = files::read(file, LARGEST).map_err(|error| unreadable(file, &error.to_string()))?;
    String::from_utf8(bytes).map_err(|_| unreadable(file, "it is not UTF-8"))
}

fn is_database(file: &Path) -> bool {
    let mut start = [0; database::MAGIC.len()];
    let read = File::open(file).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && start == database::MAGIC
}

fn list_as_json(from: &ImportFrom, imported: &Imported) -> Result<End, Failure> {
    let left: Vec<_> = imported
        .left
        .iter()
        .map(|left| {
            let file = named(from, left.input);
            json!({ "file": file, "line": left.line, "key": left.key, "why": left.why })
        })
        .collect();
    let systems: Vec<_> = imported.systems.iter().map(|s| &s.id).collect();
    output::answer(&json!({ "systems": systems, "left": left }))
}

fn list(from: &ImportFrom, imported: &Imported) -> Result<End, Failure> {
    for left in &imported.left {
        let file = named(from, left.input);
        let line = left.line.map_or(String::new(), |line| format!("{line}:"));
        let (key, why) = (&left.key, &left.why);
        print(&format!("{}:{line} {key}: {why}\n", file.display()))?;
    }
    let (written, left) = (imported.systems.len(), imported.left.len());
    print(&format!(
        "{}: {written} systems written, {left} remarks; move the files to your `systems` and run `nines check`\n",
        from.out.display()
    ))?;
    Ok(End::Done)
}

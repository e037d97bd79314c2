//! `nines backup`: a copy of the data directory at one moment, also while the service runs. The ledger is
//! copied first: every file that it names was on the disk before, and never changes.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use people::People;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::args::Common;
use super::client::{Client, SamplesCopy};
use super::output::{self, print};
use super::{End, Failure};
use crate::ledger::{self, Head, Ledger};
use crate::reports::filing;
use crate::{clock, files, samples};

/// The list of a backup's files.
pub(super) const MANIFEST: &str = "backup.json";

/// The file of the accounts in a data directory.
pub(super) const PEOPLE: &str = "people.sqlite";

/// The version of the form of a backup.
pub(super) const FORMAT: u32 = 1;

/// A backup as its list describes it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub format: u32,
    /// When it was made.
    pub made: jiff::Timestamp,
    /// The version of the program that made it.
    pub version: String,
    /// The last event of its ledger.
    pub seq: u64,
    pub head: String,
    pub files: Vec<Entry>,
}

/// A file of a backup.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    /// Its path below the data directory.
    pub path: PathBuf,
    pub bytes: u64,
    pub sha256: String,
}

/// Writes a backup to a new directory.
pub fn run(common: &Common, dir: &Path) -> Result<End, Failure> {
    if dir.exists() {
        return Err(Failure::Usage(format!(
            "{} exists: name a new directory",
            dir.display()
        )));
    }
    let client = Client::new(common)?;
    let mut name = dir.file_name().unwrap_or_default().to_os_string();
    name.push(".unfinished");
    let unfinished = dir.with_file_name(name);
    if unfinished.exists() {
        std::fs::remove_dir_all(&unfinished)?;
    }
    files::make_private_dir(&unfinished)?;
    let manifest = write(&client, &unfinished)?;
    files::rename(&unfinished, dir)?;
    let bytes: u64 = manifest.files.iter().map(|entry| entry.bytes).sum();
    match common.json {
        true => output::json(&json!({
            "written": dir, "seq": manifest.seq, "head": manifest.head, "files": manifest.files.len(),
            "bytes": bytes,
        }))?,
        false => print(&format!(
            "{} files with {bytes} bytes in {}: the ledger up to event {}, head {}\n",
            manifest.files.len(),
            dir.display(),
            manifest.seq,
            manifest.head,
        ))?,
    }
    Ok(End::Done)
}

fn write(client: &Client, to: &Path) -> Result<Manifest> {
    client.ledger()?.copy_to(&to.join(ledger::FILE))?;
    let head = head(to)?;
    if let Some(people) = People::open_read_only(&client.data.join(PEOPLE))? {
        people.copy_to(&to.join(PEOPLE))?;
    }
    for folder in [filing::FOLDER, samples::rollup::FOLDER] {
        copy_folder(&client.data.join(folder), &to.join(folder))?;
    }
    copy_samples(client, &to.join(samples::FOLDER))?;
    let mut entries = Vec::new();
    list(to, to, &mut entries)?;
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    let manifest = Manifest {
        format: FORMAT,
        made: clock::now(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        seq: head.seq,
        head: head.hash,
        files: entries,
    };
    files::create(&to.join(MANIFEST), &serde_json::to_vec_pretty(&manifest)?)?;
    Ok(manifest)
}

/// The last event of a copied ledger.
pub(super) fn head(dir: &Path) -> Result<Head> {
    Ok(Ledger::open_read_only(dir)?.head())
}

/// Copies a folder with the folders in it, if it exists.
fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        return Ok(());
    }
    files::make_private_dir(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        // A file that is being written has a name with a dot and is renamed when it is whole.
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        match entry.file_type()?.is_dir() {
            true => copy_folder(&from, &to)?,
            false => copy(&from, &to)?,
        }
    }
    Ok(files::sync_dir(to)?)
}

/// Copies a file and syncs the copy.
pub(super) fn copy(from: &Path, to: &Path) -> Result<()> {
    let copied = std::fs::copy(from, to).and_then(|_| File::open(to)?.sync_all());
    copied.with_context(|| format!("{} cannot be copied to {}", from.display(), to.display()))
}

/// Copies the samples. The running month becomes an archive.
fn copy_samples(client: &Client, to: &Path) -> Result<()> {
    let running = client.copy_samples()?;
    let Some(running) = running.as_ref().map(SamplesCopy::path) else {
        return Ok(());
    };
    // A month that is archived meanwhile changes its file: then the list is made anew.
    for _ in 0..5 {
        if to.exists() {
            std::fs::remove_dir_all(to)?;
        }
        files::make_private_dir(to)?;
        let sources = samples::sql::sources_of_backup(&client.data, running)?;
        let copied = sources
            .iter()
            .try_for_each(|(from, name)| std::fs::copy(from, to.join(name)).map(drop));
        match copied {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => {
                other.context("the samples cannot be copied")?;
                return Ok(files::sync_dir(to)?);
            }
        }
    }
    bail!("the files of the samples kept changing; try again")
}

fn list(root: &Path, folder: &Path, entries: &mut Vec<Entry>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            list(root, &path, entries)?;
            continue;
        }
        File::open(&path)?.sync_all()?;
        let (bytes, sha256) = digest(&path)?;
        let path = path.strip_prefix(root)?.to_owned();
        entries.push(Entry {
            path,
            bytes,
            sha256,
        });
    }
    Ok(())
}

/// The length and the SHA-256 of a file.
pub(super) fn digest(path: &Path) -> Result<(u64, String)> {
    files::digest(path).with_context(|| format!("{} cannot be read", path.display()))
}

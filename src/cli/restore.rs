//! `nines restore`: checks a backup, copies it into a new data directory and checks the copy.

use std::path::{Component, Path};

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use super::args::Common;
use super::backup::{self, FORMAT, MANIFEST, Manifest};
use super::output::{self, print};
use super::{End, Failure};
use crate::{config, files, ledger};

/// The largest list of files in bytes.
const LARGEST_LIST: u64 = 64 * 1024 * 1024;

/// Restores a backup into the data directory that is named, else configured.
pub fn run(common: &Common, dir: &Path) -> Result<End, Failure> {
    let data = match &common.data {
        Some(data) => data.clone(),
        None => {
            let place = config::locate(&common.config);
            if let Some(trouble) = place.trouble {
                return Err(Failure::Usage(format!(
                    "{trouble}; or name the data directory with --data"
                )));
            }
            place.data
        }
    };
    let is_empty = !data.exists() || std::fs::read_dir(&data)?.next().is_none();
    if !is_empty {
        return Err(Failure::Usage(format!(
            "{} is not empty: move it away, or name another directory with --data",
            data.display()
        )));
    }
    let manifest = read(dir)?;
    check(dir, &manifest).context("the backup is damaged")?;
    files::make_private_dir(&data)?;
    for entry in &manifest.files {
        let to = data.join(&entry.path);
        files::make_private_dir(to.parent().unwrap_or(&data))?;
        backup::copy(&dir.join(&entry.path), &to)?;
    }
    check(&data, &manifest).context("the copy differs from the backup")?;
    let found = ledger::verify(&data, &mut |_, _| {})?;
    if let Some(fault) = found.faults.first() {
        return Err(Failure::Could(anyhow::anyhow!(
            "the ledger of the backup is not clean: {fault}"
        )));
    }
    let head = found.head;
    if (head.seq, &head.hash) != (manifest.seq, &manifest.head) {
        let why =
            anyhow::anyhow!("the ledger of the backup ends with another event than its list says");
        return Err(Failure::Could(why));
    }
    match common.json {
        true => output::json(&json!({
            "restored": data, "seq": head.seq, "head": head.hash, "files": manifest.files.len(),
        }))?,
        false => print(&format!(
            "{} files in {}: the ledger up to event {}, head {}, nothing was changed or removed\n",
            manifest.files.len(),
            data.display(),
            head.seq,
            head.hash,
        ))?,
    }
    Ok(End::Done)
}

fn read(dir: &Path) -> Result<Manifest> {
    let path = dir.join(MANIFEST);
    let bytes = files::read(&path, LARGEST_LIST).with_context(|| {
        format!(
            "{} is not a backup: {MANIFEST} cannot be read",
            dir.display()
        )
    })?;
    let manifest: Manifest = serde_json::from_slice(&bytes)
        .with_context(|| format!("{} cannot be read", path.display()))?;
    if manifest.format != FORMAT {
        bail!(
            "the backup has format {}: a later version of Nines wrote it",
            manifest.format
        );
    }
    let inside = |path: &Path| {
        path.components()
            .all(|part| matches!(part, Component::Normal(_)))
    };
    if let Some(entry) = manifest.files.iter().find(|entry| !inside(&entry.path)) {
        bail!(
            "{} names a file outside of the data directory: {}",
            path.display(),
            entry.path.display()
        );
    }
    Ok(manifest)
}

/// Compares every file with the list.
fn check(dir: &Path, manifest: &Manifest) -> Result<()> {
    for entry in &manifest.files {
        let (bytes, sha256) = backup::digest(&dir.join(&entry.path))?;
        if (bytes, &sha256) != (entry.bytes, &entry.sha256) {
            bail!(
                "{} has {bytes} bytes with SHA-256 {sha256}, but {MANIFEST} says {} bytes with {}",
                entry.path.display(),
                entry.bytes,
                entry.sha256
            );
        }
    }
    Ok(())
}

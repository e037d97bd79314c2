//! `nines import`: turns the definitions of another monitor into files of systems.

use std::path::Path;

use serde_json::json;

use super::args::{Common, Monitor};
use super::output::{self, print};
use super::{End, Failure};
use crate::files;

/// The largest file that is read, in bytes.
const LARGEST: u64 = 4 << 20;

/// Writes a file for each system into `out`, and lists what was left out. Writes nothing if a file is there already.
pub fn run(
    monitor: Monitor,
    file: &Path,
    out: &Path,
    committee: &str,
    common: &Common,
) -> Result<End, Failure> {
    if !values::is_id(committee) {
        let why = format!("--committee: `{committee}` is not an id, as \"operations\"");
        return Err(Failure::Usage(why));
    }
    let unreadable = |why: String| Failure::Could(anyhow::anyhow!("{}: {why}", file.display()));
    let bytes = files::read(file, LARGEST).map_err(|error| unreadable(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| unreadable("it is not UTF-8".to_owned()))?;
    let imported = match monitor {
        Monitor::Gatus => import::gatus(&text, committee),
    };
    let imported =
        imported.map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?;
    let place = |id: &str| out.join(format!("{id}.toml"));
    if let Some(taken) = imported.systems.iter().find(|s| place(&s.id).exists()) {
        let why = format!(
            "{} is there already, so nothing was written: name another directory by --out",
            place(&taken.id).display()
        );
        return Err(Failure::Usage(why));
    }
    files::make_dir(out)?;
    for system in &imported.systems {
        files::create(&place(&system.id), system.text.as_bytes())?;
    }
    if common.json {
        let left: Vec<_> = imported
            .left
            .iter()
            .map(|left| json!({ "line": left.line, "key": left.key, "why": left.why }))
            .collect();
        let systems: Vec<_> = imported.systems.iter().map(|s| &s.id).collect();
        output::json(&json!({ "systems": systems, "left": left }))?;
        return Ok(End::Done);
    }
    for left in &imported.left {
        print(&format!(
            "{}:{}: {}: {}\n",
            file.display(),
            left.line,
            left.key,
            left.why
        ))?;
    }
    let (written, left) = (imported.systems.len(), imported.left.len());
    print(&format!(
        "{}: {written} systems written, {left} remarks; move the files to your `systems` and run `nines check`\n",
        out.display()
    ))?;
    Ok(End::Done)
}

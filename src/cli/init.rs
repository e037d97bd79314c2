//! `nines init`: writes a small working configuration from a few flags, and asks for what is missing.

use std::io::{BufRead as _, IsTerminal as _};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::args::{Common, Init};
use super::output::{self, print, print_error};
use super::{End, Failure};
use crate::{config, files};

/// Writes the files and checks them. Nothing stays if they have a mistake.
pub fn run(common: &Common, wanted: &Init) -> Result<End, Failure> {
    let service = &common.config;
    if service.exists() {
        return Err(Failure::Usage(format!(
            "{} exists: name another file with --config",
            service.display()
        )));
    }
    let ask = |given: &Option<String>, flag: &str, question: &str| match given {
        Some(given) => Ok(given.clone()),
        None => answer(flag, question),
    };
    let name = ask(
        &wanted.name,
        "--name",
        "Name of your organisation, as mails print it",
    )?;
    let zone = ask(
        &wanted.zone,
        "--zone",
        "Time zone, such as America/New_York",
    )?;
    let member = ask(
        &wanted.member,
        "--member",
        "Mail address that gets the monthly report",
    )?;
    let system = ask(
        &wanted.system,
        "--system",
        "Name of the first system, such as Patient Portal",
    )?;
    let url = ask(
        &wanted.url,
        "--url",
        "Address to ask, such as https://portal.example.org/",
    )?;
    let id = id_of(&system)?;
    let folder = service.parent().unwrap_or(Path::new(""));
    let written = [
        (
            folder.join("systems").join(format!("{id}.toml")),
            system_file(&system, &url),
        ),
        (
            service.clone(),
            service_file(wanted, common.data.as_deref(), &name, &zone, &member),
        ),
    ];
    let taken = written.iter().find(|(path, _)| path.exists());
    if let Some((path, _)) = taken {
        return Err(Failure::Usage(format!(
            "{} exists: nothing was written",
            path.display()
        )));
    }
    for (path, text) in &written {
        files::make_dir(path.parent().unwrap_or(folder))?;
        files::create(path, text.as_bytes())?;
    }
    if let Err(mistakes) = config::load(service) {
        written
            .iter()
            .try_for_each(|(path, _)| std::fs::remove_file(path))?;
        return Err(Failure::Config(mistakes));
    }
    let paths: Vec<PathBuf> = written.into_iter().map(|(path, _)| path).rev().collect();
    if common.json {
        output::json(&json!({ "written": paths }))?;
        return Ok(End::Done);
    }
    for path in &paths {
        print(&format!("{}\n", path.display()))?;
    }
    if wanted.relay.is_none() {
        print_error("nines: no mail is sent yet: add [mail] with `from` and `relays`");
    }
    print("next: `nines check --connect`, `nines probe SYSTEM`, `nines run`\n")?;
    Ok(End::Done)
}

/// The answer to a question on the terminal.
fn answer(flag: &str, question: &str) -> Result<String, Failure> {
    let input = std::io::stdin();
    if !input.is_terminal() {
        return Err(Failure::Usage(format!("{flag} is missing: {question}")));
    }
    print_error(format!("{question}:"));
    let mut line = String::new();
    input.lock().read_line(&mut line)?;
    match line.trim() {
        "" => Err(Failure::Usage(format!("{flag} is missing: {question}"))),
        given => Ok(given.to_owned()),
    }
}

/// The id of a system: its name in small letters, words joined by hyphens.
fn id_of(name: &str) -> Result<String, Failure> {
    let letters = name
        .to_lowercase()
        .replace(|c: char| !c.is_ascii_alphanumeric(), " ");
    let id = letters.split_whitespace().collect::<Vec<_>>().join("-");
    match values::is_id(&id) {
        true => Ok(id),
        false => Err(Failure::Usage(format!(
            "--system: `{name}` has no letter or digit for an id, or is too long"
        ))),
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn service_file(
    wanted: &Init,
    data: Option<&Path>,
    name: &str,
    zone: &str,
    member: &str,
) -> String {
    let mut text = format!(
        "# The service. All keys are in docs/configuration.md; `nines check` reports every mistake.\n\n\
         [service]\nname = {}\nzone = {}\n{}\n\
         [listen]\nprivate = \"127.0.0.1:8081\"          # console, /metrics, /healthz, /readyz\n\n",
        quoted(name),
        quoted(zone),
        data.map_or_else(String::new, |data| format!(
            "data = {}\n",
            quoted(&data.to_string_lossy())
        )),
    );
    if let Some(relay) = &wanted.relay {
        let from = wanted.from.as_deref().unwrap_or(member);
        text += &format!(
            "[mail]\nfrom   = {}\nrelays = [{}]\n\n",
            quoted(from),
            quoted(relay)
        );
    }
    text + &format!(
        "[[committee]]\nid      = \"operations\"\nname    = \"Operating Committee\"\nzone    = {}\n\
         members = [{}]\n\n\
         # [[customer]]                       # who is notified when a system is down\n\
         # id       = \"st-elsewhere\"\n# name     = \"St. Elsewhere Hospital\"\n\
         # zone     = {}\n# contacts = [\"it@st-elsewhere.example\"]\n# systems  = [\"portal\"]\n",
        quoted(zone),
        quoted(member),
        quoted(zone),
    )
}

fn system_file(name: &str, url: &str) -> String {
    format!(
        "# A system that customers depend on. The file's name is its id.\n\n\
         name      = {}\ncommittee = \"operations\"\ntarget    = \"99.9%\"\n\n\
         [[probe]]\nname     = \"page\"\nkind     = \"http\"\nurl      = {}\ninterval = \"30s\"\n\
         expect   = {{ status = 200 }}\n",
        quoted(name),
        quoted(url),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_name_in_small_letters() {
        let id = |name: &str| id_of(name).ok();
        assert_eq!(
            id("Patient Portal (new)").as_deref(),
            Some("patient-portal-new")
        );
        assert_eq!(id("HL7"), Some("hl7".to_owned()));
        assert_eq!(id("– –"), None);
    }
}

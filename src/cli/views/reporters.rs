//! How to reach the people who reported a problem by the public form: from `people.sqlite`, never from the ledger.

use anyhow::Context as _;
use domain::act::Selector;
use domain::handling::Problem;
use domain::id::IncidentId;
use domain::incident::Incident;
use domain::text::visible_line;
use people::{People, Reporter, ReporterId};
use serde_json::{Value, json};

use crate::cli::args::Common;
use crate::cli::client::Client;
use crate::cli::output::{self, print};
use crate::cli::{End, Failure};

const FILE: &str = "people.sqlite";

/// The people of an incident; `None` of one who was erased. They are in a file of the service's machine.
fn of(client: &Client, incident: &Incident) -> Result<Vec<(i64, Option<Reporter>)>, Failure> {
    let numbers = numbers(incident);
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let path = client.data.join(FILE);
    let unreadable = || format!("{} cannot be read", path.display());
    let people = People::open_read_only(&path).with_context(unreadable)?;
    let mut found = Vec::new();
    for number in numbers {
        let person = match &people {
            Some(people) => people
                .reporter(ReporterId(number))
                .with_context(unreadable)?,
            None => None,
        };
        found.push((number, person));
    }
    Ok(found)
}

fn numbers(incident: &Incident) -> Vec<i64> {
    let forms = |problem: &Problem| problem.form.as_ref().map(|form| form.reporter);
    incident
        .handling
        .problems
        .iter()
        .filter_map(forms)
        .collect()
}

/// A line for each person.
pub(super) fn text(client: &Client, incident: &Incident) -> Result<String, Failure> {
    if client.is_remote() {
        let lines = numbers(incident).into_iter();
        let lines = lines.map(|n| format!("  reporter {n}: the console shows who it is\n"));
        return Ok(lines.collect());
    }
    let lines = of(client, incident)?.into_iter().map(|(number, person)| {
        let reach = match &person {
            Some(person) => [
                Some(&person.name),
                Some(&person.organisation),
                person.email.as_ref(),
                person.phone.as_ref(),
            ]
            .into_iter()
            .flatten()
            .map(|text| visible_line(text))
            .collect::<Vec<_>>()
            .join(", "),
            None => "erased".to_owned(),
        };
        format!("  reporter {number}: {reach}\n")
    });
    Ok(lines.collect())
}

pub(super) fn json(client: &Client, incident: &Incident) -> Result<Value, Failure> {
    if client.is_remote() {
        let all = numbers(incident).into_iter();
        return Ok(all.map(|n| json!({ "reporter": n })).collect());
    }
    let all = of(client, incident)?
        .into_iter()
        .map(|(number, person)| match person {
            Some(person) => json!({
                "reporter": number, "name": person.name, "organisation": person.organisation,
                "email": person.email, "phone": person.phone,
            }),
            None => json!({ "reporter": number, "erased": true }),
        });
    Ok(all.collect())
}

/// Erases the contact data of the people who reported an incident. The report itself stays in the ledger.
pub fn erase(common: &Common, which: &Selector<IncidentId>) -> Result<End, Failure> {
    let client = Client::new(common)?;
    if client.is_remote() {
        let why = "the people who report problems are in a file of the service: run this on its machine, without --server";
        return Err(Failure::Usage(why.to_owned()));
    }
    let record = client.record(None)?.0;
    let incident = super::incidents::found(&record, which)?;
    let numbers = numbers(incident);
    if numbers.is_empty() {
        return Err(Failure::Unknown(format!(
            "nobody reported {} by the public form",
            incident.id
        )));
    }
    let path = client.data.join(FILE);
    let people =
        People::open(&path).with_context(|| format!("{} cannot be written", path.display()))?;
    for number in &numbers {
        people
            .erase_reporter(ReporterId(*number))
            .context("the person cannot be erased")?;
    }
    if common.json {
        return output::answer(&json!({ "erased": numbers }));
    }
    let who: Vec<String> = numbers
        .iter()
        .map(|number| format!("reporter {number}"))
        .collect();
    print(&format!("erased: {}\n", who.join(", ")))?;
    Ok(End::Done)
}

//! Proposals by the API and by the command line of another machine: a token stands for the account that made it.

use std::path::Path;

use domain::event::Fact;
use nines::clock;
use people::{People, Role};
use serde_json::{Value, json};

use super::api::{api, asked, remotely};
use super::console::{person, send};
use crate::support::program::{Running, configure, err, facts, out, rehearsed};

/// The secret of a token that the account `by` made.
fn token_of(folder: &Path, role: Role, by: &str) -> String {
    let people = People::open(&folder.join("data/people.sqlite")).unwrap();
    let now = clock::now();
    let later = now + jiff::SignedDuration::from_hours(1);
    let name = format!("{by}s");
    let secret = people.create_token(&name, role, later, by, now).unwrap();
    secret.reveal().to_owned()
}

/// Each exclusion with the actor and the second person.
fn excluded(folder: &Path) -> Vec<Option<String>> {
    let all = facts(folder).into_iter();
    let approvers = all.filter_map(|fact| match fact {
        Fact::DowntimeExcluded { approved_by, .. } => Some(approved_by),
        _ => None,
    });
    approvers.collect()
}

fn exclude() -> Value {
    json!({ "act": {
        "do": "exclude", "outage": "portal", "from": "2026-10-07T02:20:00-04:00", "to": "2026-10-07T02:30:00-04:00",
        "reason": "their own line", "evidence": "ticket 17",
    } })
}

/// A service with the accounts `operator` and `approver`.
fn with_accounts() -> (tempfile::TempDir, Running, [String; 2]) {
    let temporary = rehearsed();
    let folder = temporary.path();
    configure(folder);
    let running = Running::start(folder);
    let sessions = [Role::Operator, Role::Approver].map(|role| person(folder, role));
    (temporary, running, sessions)
}

#[test]
fn a_program_proposes_and_a_program_of_another_account_approves() {
    let (temporary, _running, sessions) = with_accounts();
    let folder = temporary.path();
    let bearer = |role, by: &str| format!("Authorization: Bearer {}", token_of(folder, role, by));
    let proposer = bearer(Role::Operator, "operator");
    let [same, other] = ["operator", "approver"].map(|by| bearer(Role::Approver, by));
    let nobodys = bearer(Role::Approver, "token x");
    let viewer = bearer(Role::Viewer, "approver");
    let post = |token: &str, path: &str, body: Value| api(folder, token, path, Some(body));

    // Without a second person it has no effect, and a typed name is refused.
    let mut typed = exclude();
    typed["act"]["approved_by"] = json!("bob");
    assert_eq!(post(&proposer, "/api/v1/proposals", typed).0, 409);
    let needless = json!({ "act": { "do": "resume", "incident": "portal" } });
    assert_eq!(post(&proposer, "/api/v1/proposals", needless).0, 409);
    assert_eq!(post(&viewer, "/api/v1/proposals", exclude()).0, 403);
    let (status, made) = post(&proposer, "/api/v1/proposals", exclude());
    assert_eq!((status, &made["id"]), (201, &json!(1)), "{made}");
    assert_eq!(excluded(folder), [], "a proposal is no fact");

    let list = |token: &str| api(folder, token, "/api/v1/proposals", None).1["items"][0].clone();
    let seen = list(&other);
    assert_eq!(seen["by"], "token operators");
    assert_eq!(seen["account"], "operator");
    assert_eq!(
        (&seen["may_approve"], &seen["may_withdraw"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(seen["events"][0]["data"]["reason"], "their own line");
    assert_eq!(
        list(&same)["may_approve"],
        false,
        "one person has both tokens"
    );
    assert_eq!(list(&viewer)["events"][0]["data"], Value::Null);
    // The page of the console shows it, and the proposer's account may not approve it there either.
    let page = send(
        folder,
        "GET",
        "/console/proposals",
        &[sessions[0].clone()],
        "",
    )
    .body;
    assert!(
        page.contains("token operators") && !page.contains("Approve it"),
        "{page}"
    );

    let approve = |token: &str| post(token, "/api/v1/proposals/1/approval", json!({}));
    assert_eq!(approve(&proposer).0, 403, "an operator");
    let (status, problem) = approve(&same);
    assert_eq!(status, 403, "{problem}");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("another person"),
        "{problem}"
    );
    let (status, problem) = approve(&nobodys);
    assert_eq!(status, 409, "{problem}");
    assert!(
        problem["detail"].as_str().unwrap().contains("an account"),
        "{problem}"
    );
    assert_eq!(excluded(folder), []);
    let (status, receipt) = approve(&other);
    assert_eq!(status, 200, "{receipt}");
    assert_eq!(receipt["events"][0]["by"], "token operators");
    assert_eq!(
        excluded(folder),
        [Some("token approvers of approver".to_owned())]
    );
    assert_eq!(approve(&other).0, 404, "it is recorded once");

    // Withdrawn by its proposer, it is gone.
    post(&proposer, "/api/v1/proposals", exclude());
    let delete = ("DELETE", "/api/v1/proposals/2");
    assert_eq!(asked(folder, &proposer, delete, &[], "").0, 204);
    assert_eq!(asked(folder, &proposer, delete, &[], "").0, 404);
}

/// A token of the operator proposes an exclusion. Returns the file of accounts.
fn proposed_by_a_token(folder: &Path) -> People {
    let token = token_of(folder, Role::Operator, "operator");
    let proposer = format!("Authorization: Bearer {token}");
    let made = api(folder, &proposer, "/api/v1/proposals", Some(exclude()));
    assert_eq!(made.0, 201, "{}", made.1);
    People::open(&folder.join("data/people.sqlite")).unwrap()
}

fn the_console_refuses_its_approval(folder: &Path, approver: &str) {
    let fields = [("decision", "approve")];
    let answer = super::console::post(folder, "/console/proposals/1", approver, &fields);
    assert_eq!(answer.status, 409, "{}", answer.body);
    assert!(answer.body.contains("may no longer act"), "{}", answer.body);
    assert_eq!(excluded(folder), []);
}

#[test]
fn a_proposal_of_a_revoked_token_is_not_approved() {
    let (temporary, _running, sessions) = with_accounts();
    let folder = temporary.path();
    let people = proposed_by_a_token(folder);
    let token = people.tokens().unwrap().remove(0);
    people.revoke(token.id).unwrap();
    the_console_refuses_its_approval(folder, &sessions[1]);
}

#[test]
fn a_proposal_of_a_disabled_account_is_not_approved_even_if_its_token_made_it() {
    let (temporary, _running, sessions) = with_accounts();
    let folder = temporary.path();
    let people = proposed_by_a_token(folder);
    let accounts = people.accounts().unwrap();
    let operator = accounts.iter().find(|a| a.login == "operator").unwrap();
    people.disable(operator.id, clock::now()).unwrap();
    the_console_refuses_its_approval(folder, &sessions[1]);
}

#[test]
fn a_token_that_a_token_made_proposes_nothing_since_its_person_could_approve_it() {
    let (temporary, _running, _) = with_accounts();
    let folder = temporary.path();
    let token = token_of(folder, Role::Operator, "token x");
    let nobodys = format!("Authorization: Bearer {token}");
    let (status, problem) = api(folder, &nobodys, "/api/v1/proposals", Some(exclude()));
    assert_eq!(status, 409, "{problem}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("an account must stand behind"), "{detail}");
}

#[test]
fn commands_propose_list_approve_and_withdraw_from_another_machine() {
    let (temporary, _running, _) = with_accounts();
    let folder = temporary.path();
    let proposer = token_of(folder, Role::Operator, "operator");
    let approver = token_of(folder, Role::Approver, "approver");
    let exclude = [
        "incident",
        "exclude",
        "portal",
        "--from",
        "2026-10-07T02:20:00-04:00",
        "--to",
        "2026-10-07T02:30:00-04:00",
        "--reason",
        "their own line",
        "--evidence",
        "ticket 17",
        "--propose",
    ];
    for _ in 0..2 {
        let proposed = remotely(folder, &proposer, &exclude);
        assert_eq!(proposed.status.code(), Some(0), "{}", err(&proposed));
        assert!(
            out(&proposed).contains("waits for a second person"),
            "{}",
            out(&proposed)
        );
    }
    let listed = remotely(folder, &approver, &["proposal", "list"]);
    assert!(
        out(&listed).contains("1 by token operators"),
        "{}",
        out(&listed)
    );
    assert!(out(&listed).contains("their own line"), "{}", out(&listed));
    let own = remotely(folder, &proposer, &["proposal", "approve", "1"]);
    assert_eq!(own.status.code(), Some(1), "{}", err(&own));
    let approved = remotely(folder, &approver, &["proposal", "approve", "1"]);
    assert_eq!(approved.status.code(), Some(0), "{}", err(&approved));
    assert!(
        out(&approved).contains("token approvers of approver"),
        "{}",
        out(&approved)
    );
    let withdrawn = remotely(folder, &proposer, &["proposal", "withdraw", "2"]);
    assert_eq!(withdrawn.status.code(), Some(0), "{}", err(&withdrawn));
    assert_eq!(out(&withdrawn), "proposal 2 is withdrawn\n");
    let gone = remotely(folder, &proposer, &["proposal", "withdraw", "2"]);
    assert_eq!(gone.status.code(), Some(1), "{}", err(&gone));
    assert_eq!(excluded(folder).len(), 1);
    // On the machine of the service, a name on the command line is the second person.
    let here = [&exclude[..], &["--config", "nines.toml"]].concat();
    let local = crate::support::program::run(folder, &here);
    assert_eq!(local.status.code(), Some(2));
    assert!(err(&local).contains("--approved-by"), "{}", err(&local));
}

#[test]
fn a_probe_runs_now_by_the_api_and_from_another_machine() {
    let (temporary, _running, _) = with_accounts();
    let folder = temporary.path();
    let secret = token_of(folder, Role::Operator, "operator");
    let operator = format!("Authorization: Bearer {secret}");
    let run = |probe: &str| {
        let path = format!("/api/v1/systems/portal/probes/{probe}/runs");
        api(folder, &operator, &path, Some(json!({})))
    };
    let (status, ran) = run("port");
    assert_eq!((status, &ran["is_up"]), (200, &json!(true)), "{ran}");
    assert!(
        ran["transcript"].as_str().unwrap().contains("connect"),
        "{ran}"
    );
    assert_eq!(run("nothing").0, 404);
    let remote = remotely(folder, &secret, &["probe", "portal"]);
    assert_eq!(remote.status.code(), Some(0), "{}", err(&remote));
    assert!(out(&remote).contains("portal/port"), "{}", out(&remote));
    let wrong = remotely(folder, &secret, &["probe", "nothing"]);
    assert_eq!(wrong.status.code(), Some(2), "{}", err(&wrong));
}

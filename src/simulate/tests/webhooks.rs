//! Webhooks in a rehearsal: they get answers as mail does, and read codes as HTTP does.

use super::*;

const URL: &str = "https://hospital.example/nines";

/// An outage of 37 minutes, whose customer has a mail address and a webhook.
fn hooked(mail: &str) -> Rehearsal {
    let folder = tempfile::tempdir().unwrap();
    let hook = format!("webhook = {{ url = \"{URL}\", secret_file = \"secret\" }}\n");
    let scenario = over(
        "07T00:00:00",
        "08T00:00:00",
        &(fault("07T02:14:10", "07T02:51:40", "down") + mail),
    );
    let service = SERVICE.to_owned() + &hook;
    let path = write(folder.path(), &service, &[("portal", PORTAL)], &scenario);
    std::fs::write(
        folder.path().join("config/secret"),
        "a secret of the rehearsal",
    )
    .unwrap();
    let out = folder.path().join("out");
    let summary = run(&path, &out, &mut |_, _| {}).unwrap_or_else(|error| panic!("{error:?}"));
    Rehearsal {
        _folder: folder,
        out,
        summary,
    }
}

fn answering(answer: &str, recipient: &str) -> String {
    format!(
        "[[mail]]\nfrom = \"2026-10-07T02:00:00-04:00\"\nto = \"2026-10-07T02:20:00-04:00\"\nanswer = \"{answer}\"\n{recipient}"
    )
}

/// Kind, result and number of attempts of each notice to the webhook.
fn told(played: &Rehearsal) -> Vec<(String, String, i64)> {
    let lines = played.lines("notices.jsonl").into_iter();
    let own = lines.filter(|line| line["recipient"] == URL);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    own.map(|n| {
        (
            text(&n["kind"]),
            text(&n["result"]),
            n["attempts"].as_i64().unwrap(),
        )
    })
    .collect()
}

fn row(kind: &str, result: &str, attempts: i64) -> (String, String, i64) {
    (kind.to_owned(), result.to_owned(), attempts)
}

#[test]
fn a_mail_server_that_is_away_does_not_hold_up_a_webhook() {
    let played = hooked(&answering("refused", ""));
    assert_eq!(
        told(&played),
        [row("downtime", "sent", 1), row("uptime", "sent", 1)]
    );
    let bodies = std::fs::read_dir(played.out.join("notices")).unwrap();
    let names = bodies.map(|file| file.unwrap().file_name().into_string().unwrap());
    let bodies: Vec<String> = names.filter(|name| name.ends_with(".json")).collect();
    assert_eq!(bodies.len(), 2, "{bodies:?}");
    let body = std::fs::read(played.out.join("notices").join(&bodies[0])).unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["service"], "Example HIE");
}

#[test]
fn an_answer_of_a_webhook_has_the_meaning_of_http() {
    let of = |answer: &str| {
        told(&hooked(&answering(
            answer,
            &format!("recipient = \"{URL}\"\n"),
        )))
    };
    // Tried again until the answer is another one.
    let later = of("503");
    assert_eq!(later[0].1, "sent");
    assert!(later[0].2 > 2, "{later:?}");
    assert_eq!(of("404")[0].1, "sent");
    // A receiver that is gone gets no recovery of what it was not told.
    assert_eq!(of("410")[0], row("downtime", "rejected", 1));
}

//! The shipped policies by the words of their sources, and mistakes in a policy.

use std::path::Path;

use domain::deadlines;
use domain::policy::{Clock, DeskHours, Facts, Flag, Policy, Request, State};
use jiff::Timestamp;
use jiff::civil::date;

use super::Files;

const HOUR: i64 = 3_600;

fn policy(id: &str) -> Policy {
    let catalogue = Files::shipped().load().unwrap().catalogue;
    catalogue.policy(id).unwrap().clone()
}

fn ids(policy: &Policy) -> Vec<&str> {
    policy
        .commitments
        .severities
        .iter()
        .map(|s| s.id.as_str())
        .collect()
}

#[track_caller]
fn picks(policy: &Policy, facts: &Facts, expected: &str) {
    let severity = policy.commitments.severity_of(facts).unwrap();
    assert_eq!(severity.id, expected, "{facts:?}");
}

fn down(customers: u32) -> Facts {
    Facts::of_outage(State::Down, customers)
}

fn degraded(customers: u32) -> Facts {
    Facts::of_outage(State::Degraded, customers)
}

fn due(policy: &Policy, severity: &str, clock: Clock, at: &str) -> Option<Timestamp> {
    let all = deadlines::of_incident(&policy.commitments, severity, None, at.parse().unwrap());
    all.unwrap()
        .into_iter()
        .find(|d| d.clock == clock)
        .unwrap()
        .due
}

fn at(text: &str) -> Option<Timestamp> {
    Some(text.parse().unwrap())
}

#[test]
fn the_four_policies_have_the_severities_of_their_sources() {
    assert_eq!(
        ids(&policy("healthelink")),
        ["critical", "high", "medium", "low"]
    );
    assert_eq!(ids(&policy("emr-link")), ["1", "2", "3"]);
    assert_eq!(ids(&policy("rx-health")), ["high", "medium", "low"]);
    assert_eq!(ids(&policy("healthix")), ["request"]);
}

#[test]
fn contacts_are_examples() {
    let catalogue = Files::shipped().load().unwrap().catalogue;
    for contact in &catalogue.contacts {
        let email = contact.email.as_deref().unwrap();
        assert!(email.ends_with("@example.org"), "{email}");
        let phone = contact.phone.as_deref().unwrap_or("555 0100");
        assert!(phone.contains("555 01"), "{phone}");
    }
}

#[test]
fn every_shipped_policy_has_its_document() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for id in ["healthelink", "emr-link", "rx-health", "healthix"] {
        let text = std::fs::read_to_string(root.join(format!("docs/policies/{id}.md"))).unwrap();
        assert!(
            text.contains("| done |") || text.contains("| later |"),
            "{id}"
        );
    }
}

#[test]
fn healthelink_promises_that_its_service_desk_answers() {
    let desk = policy("healthelink").commitments.desk.unwrap();
    assert_eq!((desk.answer_within_s, desk.share_ppm), (120, 850_000));
    assert_eq!(desk.hours, DeskHours::Business);
}

#[test]
fn an_objective_of_a_service_desk_needs_a_share_and_the_hours_that_it_names() {
    let messages = |desk: &str| {
        let next = "[[severity]]";
        let files = Files::shipped().replace(
            "policies/healthix.toml",
            next,
            &format!("[desk]\nanswer_within = \"2m\"\n{desk}\n{next}"),
        );
        let reported = files.reported().into_iter();
        reported
            .map(|(_, _, message)| message)
            .collect::<Vec<String>>()
    };
    assert_eq!(messages("share = \"85%\"\nhours = \"always\""), [""; 0]);
    assert_eq!(
        messages("share = \"0%\""),
        [
            "the calls in business hours count, and this file lacks `[hours.business]`: add it, or set `hours = \"always\"`",
            "the share must be above 0%; remove `[desk]` for \"no objective\"",
        ]
    );
}

#[test]
fn healthelink_calls_an_outage_of_several_customers_or_a_security_issue_critical() {
    let policy = policy("healthelink");
    picks(&policy, &down(2), "critical");
    picks(&policy, &down(1), "high");
    picks(&policy, &degraded(2), "high");
    let bypassed = |facts| Facts {
        has_workaround: true,
        ..facts
    };
    picks(&policy, &bypassed(degraded(2)), "medium");
    picks(
        &policy,
        &bypassed(Facts::of_request(Request::Problem)),
        "medium",
    );
    picks(&policy, &Facts::of_request(Request::Problem), "high");
    picks(&policy, &Facts::of_request(Request::Access), "low");
    picks(&policy, &Facts::of_request(Request::Change), "low");
    picks(&policy, &Facts::of_request(Request::Breach), "critical");
    let secret = Facts {
        flags: [Flag::Security].into(),
        ..degraded(1)
    };
    picks(&policy, &secret, "critical");
}

#[test]
fn healthelink_follows_a_critical_call_up_within_an_hour_outside_of_business_hours() {
    let policy = policy("healthelink");
    let response = |from| due(&policy, "critical", Clock::Response, from);
    // Saturday; Friday at 19:00, the close; Thanksgiving at noon; Monday at 06:59:59.
    assert_eq!(
        response("2026-10-03T02:14:10-04:00"),
        at("2026-10-03T03:14:10-04:00")
    );
    assert_eq!(
        response("2026-10-02T19:00:00-04:00"),
        at("2026-10-02T20:00:00-04:00")
    );
    assert_eq!(
        response("2026-11-26T12:00:00-05:00"),
        at("2026-11-26T13:00:00-05:00")
    );
    assert_eq!(
        response("2026-10-05T06:59:59-04:00"),
        at("2026-10-05T07:59:59-04:00")
    );
    // Within hours nothing is promised.
    assert_eq!(response("2026-10-05T07:00:00-04:00"), None);
    assert_eq!(response("2026-10-02T18:59:59-04:00"), None);
    // After hours: level 1 at once, level 2 an hour later. In hours only level 2.
    let levels = |from: &str| -> Vec<(u8, Option<Timestamp>)> {
        let plan = deadlines::escalation(&policy.commitments, "critical", from.parse().unwrap());
        plan.unwrap().iter().map(|e| (e.level, e.due)).collect()
    };
    assert_eq!(
        levels("2026-10-03T02:14:10-04:00"),
        [
            (1, at("2026-10-03T02:14:10-04:00")),
            (2, at("2026-10-03T03:14:10-04:00"))
        ]
    );
    assert_eq!(
        levels("2026-10-05T12:00:00-04:00"),
        [(2, at("2026-10-05T13:00:00-04:00"))]
    );
}

#[test]
fn emr_link_answers_in_business_time_from_eastern_morning_to_pacific_evening() {
    let policy = policy("emr-link");
    let response = |severity, from| due(&policy, severity, Clock::Response, from);
    // 16:59 Pacific on the day before Thanksgiving: 1 min, then Monday the 30th from 08:00 Eastern: 59 min.
    let before = "2026-11-25T16:59:00-08:00";
    assert_eq!(response("1", before), at("2026-11-30T08:59:00-05:00"));
    assert_eq!(response("2", before), at("2026-11-30T08:59:00-05:00"));
    assert_eq!(response("3", before), at("2026-11-26T16:59:00-08:00"));
    // 07:00 Pacific is within hours: they began at 05:00 Pacific.
    assert_eq!(
        response("1", "2026-10-05T07:00:00-07:00"),
        at("2026-10-05T08:00:00-07:00")
    );
    // Independence Day 2026 is a Saturday and is not observed: Friday the 3rd is a business day.
    assert_eq!(
        response("1", "2026-07-03T12:00:00-04:00"),
        at("2026-07-03T13:00:00-04:00")
    );
    // New Year's Day 2028 is a Saturday and is observed on Friday 2027-12-31, so Monday the 3rd is next.
    assert_eq!(
        response("1", "2027-12-31T12:00:00-05:00"),
        at("2028-01-03T09:00:00-05:00")
    );
    // Christmas Eve 2026 is a Thursday, Christmas Day a Friday: Monday the 28th is next.
    assert_eq!(
        response("1", "2026-12-24T12:00:00-05:00"),
        at("2026-12-28T09:00:00-05:00")
    );
    assert_eq!(
        policy.commitments.disaster_recovery.map(|d| d.within_s),
        Some(48 * HOUR)
    );
}

#[test]
fn emr_link_has_eight_holidays_and_no_other() {
    let hours = policy("emr-link").commitments.business_hours.unwrap();
    let days = hours.days_off(date(2026, 1, 1), date(2026, 12, 31));
    let days: Vec<String> = days.keys().map(ToString::to_string).collect();
    assert_eq!(
        days,
        [
            "2026-01-01",
            "2026-05-25",
            "2026-07-04",
            "2026-09-07",
            "2026-11-26",
            "2026-11-27",
            "2026-12-24",
            "2026-12-25",
        ]
    );
}

#[test]
fn emr_link_lowers_severity_2_after_a_bypass_and_leaves_partners_out() {
    let policy = policy("emr-link");
    picks(&policy, &down(1), "1");
    picks(&policy, &degraded(1), "2");
    let bypassed = |facts| Facts {
        has_workaround: true,
        ..facts
    };
    picks(&policy, &bypassed(down(1)), "1");
    picks(&policy, &bypassed(degraded(1)), "3");
    let blocked = Facts {
        prevents_access: true,
        ..Facts::of_request(Request::Problem)
    };
    picks(&policy, &blocked, "2");
    picks(&policy, &bypassed(blocked), "3");
    picks(&policy, &Facts::of_request(Request::Problem), "3");
    picks(&policy, &Facts::of_request(Request::Breach), "1");
    let partner = Facts {
        is_partner: true,
        ..down(5)
    };
    picks(&policy, &partner, "3");
}

#[test]
fn rx_health_divides_low_from_the_others_at_five_percent() {
    let policy = policy("rx-health");
    let share = |facts, share_ppm| Facts { share_ppm, ..facts };
    for (ppm, outage, problem) in [
        (1_000_000, "high", "medium"),
        (600_000, "high", "medium"),
        (51_000, "high", "medium"),
        (50_001, "high", "medium"),
        (50_000, "low", "low"),
        (40_000, "low", "low"),
    ] {
        picks(&policy, &share(down(1), ppm), outage);
        picks(&policy, &share(degraded(1), ppm), problem);
        let reported = Facts::of_request(Request::Problem);
        picks(&policy, &share(reported, ppm), problem);
    }
    let minor = Facts {
        is_minor_component: true,
        ..down(1)
    };
    picks(&policy, &minor, "low");
    let replaced = Facts {
        has_workaround: true,
        ..degraded(1)
    };
    picks(&policy, &replaced, "low");
    let bypassed = Facts {
        has_workaround: true,
        ..down(1)
    };
    picks(&policy, &bypassed, "high");
    let unusable = Facts {
        prevents_access: true,
        ..share(degraded(1), 60_000)
    };
    picks(&policy, &unusable, "high");
    for flag in [Flag::Revenue, Flag::Regulatory] {
        let flagged = Facts {
            flags: [flag].into(),
            ..share(degraded(1), 10_000)
        };
        picks(&policy, &flagged, "high");
    }
    for request in [Request::General, Request::Task, Request::Change] {
        picks(&policy, &Facts::of_request(request), "medium");
    }
}

#[test]
fn rx_health_answers_and_writes_again_after_1_8_and_16_elapsed_hours() {
    let policy = policy("rx-health");
    // A Friday evening: elapsed time runs through the weekend.
    let from = "2026-10-02T22:00:00-04:00";
    for (severity, hours, end) in [
        ("high", 1, "2026-10-02T23:00:00-04:00"),
        ("medium", 8, "2026-10-03T06:00:00-04:00"),
        ("low", 16, "2026-10-03T14:00:00-04:00"),
    ] {
        assert_eq!(due(&policy, severity, Clock::Response, from), at(end));
        assert_eq!(due(&policy, severity, Clock::Update, from), at(end));
        assert_eq!(due(&policy, severity, Clock::Resolution, from), None);
        // Each level one committed time after the one below; low ends at 2, medium at 3, high at 4.
        let start: Timestamp = from.parse().unwrap();
        let plan = deadlines::escalation(&policy.commitments, severity, start).unwrap();
        let waits: Vec<i64> = plan
            .iter()
            .map(|e| e.due.unwrap().duration_since(start).as_secs() / HOUR)
            .collect();
        let last = match severity {
            "low" => 1,
            "medium" => 2,
            _ => 3,
        };
        let expected: Vec<i64> = (0..=last).map(|n| n * hours).collect();
        assert_eq!(waits, expected, "{severity}");
        assert_eq!(
            plan.last().unwrap().contacts.len(),
            plan.len(),
            "cumulative"
        );
    }
    let of = |request, clock| {
        let commitments = &policy.commitments;
        commitments.commitment("medium", Some(request), clock)
    };
    let task = of(Request::Task, Clock::Response).unwrap();
    assert_eq!((task.within_s, task.estimate), (8 * HOUR, true));
    let general = of(Request::General, Clock::Response).unwrap();
    assert_eq!((general.within_s, general.estimate), (8 * HOUR, false));
    assert_eq!(of(Request::Change, Clock::Update), None);
}

#[test]
fn healthix_promises_no_time() {
    let policy = policy("healthix");
    for clock in Clock::ALL {
        assert_eq!(due(&policy, "request", clock, "2026-10-02T22:00:00Z"), None);
    }
    assert!(policy.commitments.issue_types.len() > 1 && policy.commitments.feeds.len() == 2);
}

/// The one mistake of a policy with these lines.
#[track_caller]
fn one(lines: &str, part: &str) {
    let text = format!("name = \"P\"\nmin_notice = \"1d\"\n{lines}");
    let reported = Files::shipped().with("policies/p.toml", text).reported();
    let [(path, _, message)] = reported.as_slice() else {
        panic!("{part}: {reported:#?}")
    };
    assert_eq!(path, "policies/p.toml");
    assert!(message.contains(part), "{message} lacks {part}");
}

const BUSINESS: &str =
    "[hours.business]\ndays = [\"mon\"]\nopen = \"08:00\"\nclose = \"17:00\"\nzone = \"UTC\"\n";

#[test]
fn mistakes_in_hours_and_holidays() {
    let holidays = |list: &str| format!("{BUSINESS}holidays = {list}\n");
    one(&holidays("\"us-fedral\""), "did you mean `us-federal`?");
    one(
        &holidays("[\"chrismas eve\"]"),
        "did you mean `christmas eve`?",
    );
    one(&holidays("[2026-12-25, 2026-12-25]"), "already in the list");
    one(&holidays("[{ observed = true }]"), "lacks `day`");
    one(
        &holidays("[{ day = \"us-federal\", observed = false }]"),
        "always observed",
    );
    one(&holidays("[true]"), "is \"us-federal\", a date");
    one(&holidays("[]"), "empty list");
    let hours = |edges: &str| format!("[hours.business]\ndays = [\"mon\"]\n{edges}\n");
    one(&hours("open = \"08:00\"\nclose = \"17:00\""), "lack `zone`");
    let open = "open = { time = \"08:00\", zone = \"America/New_York\" }\n";
    one(&hours(&format!("{open}close = \"17:00\"")), "lack `zone`");
    one(
        &hours(&format!(
            "{open}close = {{ time = \"17:00\", zone = \"PST\" }}"
        )),
        "Los_Angeles",
    );
    one(
        &hours(&format!(
            "{open}close = {{ tiem = \"17:00\", zone = \"UTC\" }}"
        )),
        "did you mean `time`",
    );
    one(
        "[hours.bussiness]\ndays = [\"mon\"]\nopen = \"08:00\"\nclose = \"17:00\"\nzone = \"UTC\"\n",
        "did you mean `business`?",
    );
    let two = "days = [\"mon\"]\nopen = \"08:00\"\nclose = \"17:00\"\nzone = \"UTC\"\n";
    one(
        &format!("[[planned_hours]]\n{two}holidays = [\"christmas\"]\n[[planned_hours]]\n{two}"),
        "several tables",
    );
}

#[test]
fn mistakes_in_severities() {
    let down = "when = [{ state = \"down\" }]\n";
    let severity = |id: &str, more: &str| format!("[[severity]]\nid = \"{id}\"\n{more}");
    let last = severity("z", "");
    one(&severity("a", down), "remove `when`");
    one(&format!("{}{last}", severity("a", "")), "put it last");
    one(&format!("{}{last}", severity("z", down)), "already defined");
    one(
        &format!("{}{last}", severity("a", "when = [{}]\n")),
        "holds always",
    );
    one(
        &format!("{}{last}", severity("a", "when = [{ state = \"dwon\" }]\n")),
        "did you mean `down`?",
    );
    one(
        &format!(
            "{}{last}",
            severity("a", "when = [{ request = [\"tsk\"] }]\n")
        ),
        "`tsk`",
    );
    one(
        &format!("{}{last}", severity("a", "when = [{ share_above = 5 }]\n")),
        "percentage",
    );
    one(
        &format!(
            "{}{last}",
            severity("a", "when = [{ customers_at_least = 0 }]\n")
        ),
        "from 1",
    );
    one(
        &severity("z", "respond = { within = \"1h\", clock = \"business\" }\n"),
        "lacks `[hours.business]`",
    );
    one(
        &severity(
            "z",
            "respond = { within = \"1h\", during = \"after_hours\" }\n",
        ),
        "lacks `[hours.business]`",
    );
    one(
        &severity("z", "respond = { within = \"0s\" }\n"),
        "too short",
    );
    one(
        &severity("z", "update = { evry = \"1h\" }\n"),
        "did you mean `every`?",
    );
    one(
        &severity("z", "workaround = { lowers_to = \"y\" }\n"),
        "no lower severity `y`",
    );
    one(&severity("z", "workaround = {}\n"), "one effect");
    let twice = "[[request]]\ntypes = [\"task\"]\n";
    one(&format!("{last}{twice}{twice}"), "already has its clocks");
}

#[test]
fn mistakes_in_escalation() {
    let level = |more: &str| format!("[[severity]]\nid = \"z\"\n[[escalation]]\n{more}\n");
    one(
        &level("level = 1\ncontacts = [\"nobody\"]"),
        "no contact `nobody`",
    );
    one(
        &level("level = 1\ncontacts = [\"level2\"]"),
        "did you mean `level-2`?",
    );
    one(&level("level = 1\ncontacts = []"), "empty list");
    one(
        &level("level = 0\ncontacts = [\"level-2\"]"),
        "from 1 to 99",
    );
    one(
        &level("level = 1\nseverities = [\"y\"]\ncontacts = [\"level-2\"]"),
        "no severity `y`",
    );
    one(
        &level("level = 1\nunless = \"resovled\"\ncontacts = [\"level-2\"]"),
        "did you mean `resolved`?",
    );
    one(
        &level("level = 1\nclock = \"business\"\nafter = \"1h\"\ncontacts = [\"level-2\"]"),
        "lacks `[hours.business]`",
    );
    let two = |first: &str, second: &str| {
        level(&format!(
            "{first}\ncontacts = [\"level-2\"]\n[[escalation]]\n{second}\ncontacts = [\"level-2\"]"
        ))
    };
    one(&two("level = 1", "level = 1"), "already has a level 1");
    one(
        &two("level = 1\nafter = \"2h\"", "level = 2\nafter = \"1h\""),
        "this is before level 1",
    );
}

//! The warnings about configurations that are good.

use super::Files;

impl Files {
    /// The warnings as `file:line: message`.
    fn warned(&self) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        self.write(folder.path());
        let file = folder.path().join("nines.toml");
        let loaded = super::files::load(&file, &|_| None, super::now()).unwrap();
        let own = format!("{}/", folder.path().display());
        let warned = loaded.warnings.iter();
        warned
            .map(|one| one.to_string().replace(&own, ""))
            .collect()
    }
}

const PORTAL: &str = "systems/portal.toml";

fn one(files: &Files, expected: &str) {
    assert_eq!(files.warned(), [expected]);
}

#[test]
fn the_shipped_files_have_no_warning() {
    assert!(Files::shipped().warned().is_empty());
}

#[test]
fn a_system_that_no_customer_depends_on() {
    let portal = &Files::shipped().0[PORTAL];
    let files = Files::shipped().with(
        "systems/archive.toml",
        portal.replace("Clinical Portal", "Archive"),
    );
    one(
        &files,
        "systems/archive.toml:2: no customer is notified when it is down: no `[[customer]]` lists it in `systems`",
    );
}

#[test]
fn two_systems_of_one_name_and_a_forgotten_copy() {
    let portal = &Files::shipped().0[PORTAL];
    for copy in [
        "portal-old",
        "old-portal",
        "copy-of-portal",
        "portal-2026-10-01",
    ] {
        let files = Files::shipped().with(&format!("systems/{copy}.toml"), portal);
        let warned = files.warned();
        assert!(
            warned
                .iter()
                .any(|w| w.contains("looks like a copy of `portal.toml`")),
            "{copy}: {warned:?}"
        );
        assert!(
            warned.iter().any(|w| w.contains("has the same name")),
            "{warned:?}"
        );
    }
    let files = Files::shipped().with("systems/portal-2.toml", portal);
    assert!(!files.warned().iter().any(|w| w.contains("copy")));
}

#[test]
fn files_that_are_not_read() {
    let files = Files::shipped()
        .with("systems/portal.toml.bak", "x")
        .with("systems/portal.TOML", "x")
        .with("systems/README", "x")
        .with("systems/notes.md", "x")
        .with("systems/.portal.toml.swp", "x");
    let warned = files.warned();
    let [warned] = warned.as_slice() else {
        panic!("{warned:?}")
    };
    assert!(
        warned.contains("Nines does not read `portal.TOML` or `portal.toml.bak`,"),
        "{warned}"
    );
    let files = Files::shipped().with("policies/more/standard.toml", "x");
    assert!(files.warned()[0].contains("does not read `more`"));
}

#[test]
fn a_window_outside_the_hours_for_planned_work_and_two_that_overlap() {
    let window = |id: &str, start: &str| {
        format!(
            "\n[[maintenance]]\nid = \"{id}\"\ntitle = \"Work\"\ndays = \"sun\"\nstart = \"{start}\"\n\
             length = \"2h\"\nzone = \"America/New_York\"\nagreed = 2026-01-01\n"
        )
    };
    let with = |more: &str| {
        let portal = &Files::shipped().0[PORTAL];
        Files::shipped().with(PORTAL, format!("{portal}{more}"))
    };
    let warned = with(&window("noon", "12:00")).warned();
    assert!(
        warned[0].contains("this window is outside `planned_hours` of the policy"),
        "{warned:?}"
    );
    let both = window("a", "02:00") + &window("b", "03:30");
    let warned = with(&both).warned();
    assert!(
        warned
            .iter()
            .any(|w| w.ends_with("this window overlaps `a`, first on 2026-10-04")),
        "{warned:?}"
    );
}

#[test]
fn a_very_short_interval() {
    let files = Files::shipped()
        .replace(PORTAL, "interval = \"1m\"", "interval = \"100ms\"")
        .replace(PORTAL, "timeout  = \"5s\"", "");
    let warned = files.warned();
    assert!(warned[0].contains("every 100ms is a load"), "{warned:?}");
}

#[test]
fn an_empty_host_name_is_a_mistake() {
    let files = Files::shipped().replace(PORTAL, "Accept = ", "Host = \"\", Accept = ");
    let mistakes = files.reported();
    let [(file, 23, message)] = mistakes.as_slice() else {
        panic!("{mistakes:?}")
    };
    assert_eq!(file, PORTAL);
    assert!(message.contains("this host name is empty"), "{message}");
    let interface = "systems/results-interface.toml";
    let text = &Files::shipped().0[interface];
    let host = text.lines().find(|line| line.starts_with("host")).unwrap();
    let files = Files::shipped().replace(interface, host, "host = \"\"");
    assert_eq!(files.reported()[0].2, "this host name is empty");
}

#[test]
fn a_private_listener_on_every_address() {
    for every in ["0.0.0.0", "[::]"] {
        let files =
            Files::shipped().replace("nines.toml", "127.0.0.1:8081", &format!("{every}:8081"));
        let warned = files.warned();
        assert!(
            warned[0].contains("is every address of this machine"),
            "{warned:?}"
        );
    }
}

#[test]
fn a_target_that_is_a_fraction_or_below_one_half() {
    let target =
        |target: &str| Files::shipped().replace(PORTAL, "\"99.9%\"", &format!("\"{target}\""));
    let warned = target("0.999%").warned();
    assert!(warned[0].ends_with("did you mean \"99.9%\"?"), "{warned:?}");
    let warned = target("49.9%").warned();
    assert!(warned[0].contains("below 50%"), "{warned:?}");
    assert!(target("50%").warned().is_empty());
}

#[test]
fn a_secret_on_the_same_line_is_hidden_in_a_warning_too() {
    let files = Files::shipped().with("systems/portal.toml.bak", "password = \"hunter2\"");
    let folder = tempfile::tempdir().unwrap();
    files.write(folder.path());
    let file = folder.path().join("nines.toml");
    let loaded = super::files::load(&file, &|_| None, super::now()).unwrap();
    let shown = loaded.warnings.render(false);
    assert!(
        shown.starts_with("warning: ") && shown.ends_with("1 warning in 1 file"),
        "{shown}"
    );
    assert!(!shown.contains("hunter2"), "{shown}");
}

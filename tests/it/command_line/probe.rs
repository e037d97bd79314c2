//! `nines probe` runs one probe, or each probe of a system, once.

use std::io::ErrorKind;
use std::net::TcpListener;

use serde_json::Value;

use crate::support::program::{configure, ends, out};

#[test]
fn a_probe_is_run_once_alone_or_with_those_of_its_system() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configure(folder);
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    target.set_nonblocking(true).unwrap();
    let port = target.local_addr().unwrap().port();
    let probe = |name: &str| {
        format!(
            "[[probe]]\nname = \"{name}\"\nkind = \"tcp\"\nhost = \"127.0.0.1\"\nport = {port}\ninterval = \"30s\"\n"
        )
    };
    let system = format!(
        "name = \"Portal\"\ncommittee = \"operations\"\n{}{}",
        probe("port"),
        probe("door")
    );
    std::fs::write(folder.join("systems/portal.toml"), system).unwrap();
    // Whom the kernel has let in since the last look.
    let accepted = || {
        let mut found = 0;
        loop {
            match target.accept() {
                Ok(_) => found += 1,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return found,
                Err(error) => panic!("{error}"),
            }
        }
    };
    for (asked, probes) in [
        ("portal/port", &["portal/port"][..]),
        ("portal", &["portal/door", "portal/port"]),
    ] {
        let line = ["probe", asked, "--config", "nines.toml"];
        let said = ends(folder, &line, 0);
        assert_eq!(accepted(), probes.len(), "{asked}");
        let lines: Vec<&str> = out(&said).lines().collect();
        assert_eq!(lines.len(), 3 * probes.len(), "{lines:?}");
        for (probe, lines) in probes.iter().zip(lines.chunks(3)) {
            let note = format!(" ms  connected to 127.0.0.1:{port}");
            assert!(lines[2].ends_with(&note), "{}", lines[2]);
            assert_eq!(lines[0], format!("{probe}: up"));
            let phases = lines[1].strip_prefix("  took ").unwrap();
            let (took, connect) = phases.split_once(" ms, connect ").unwrap();
            let ms = |text: &str| text.parse::<f64>().unwrap();
            assert!(0.0 < ms(connect) && ms(connect) <= ms(took), "{phases}");
        }
        let json = ends(folder, &[&line[..], &["--json"]].concat(), 0);
        let json: Value = serde_json::from_slice(&json.stdout).unwrap();
        let ids = json.as_array().unwrap().iter().map(|found| &found["probe"]);
        assert!(ids.eq(probes), "{json}");
        assert_eq!(accepted(), probes.len(), "{asked}");
    }
}

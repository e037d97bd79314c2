//! The private listener: health, readiness and single probes.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use crate::support::program::{
    Running, change, configure, ends, every_second, get, goes_on, until,
};

#[test]
fn the_private_listener_says_that_it_is_well_and_ready() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configure(folder);
    let _running = Running::start(folder);
    assert_eq!(get(folder, "/healthz"), (200, "ok\n".to_owned()));
    until("the service is not ready", || {
        (get(folder, "/readyz") == (200, "ready\n".to_owned())).then_some(())
    });
    // The routes of the local socket are not served there.
    for path in ["/status", "/act", "/reload"] {
        assert_eq!(get(folder, path).0, 404, "{path}");
    }
}

#[test]
fn a_configured_target_is_asked_at_once_for_whoever_wants_to_know() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configure(folder);
    let portal = std::fs::read_to_string(folder.join("systems/portal.toml")).unwrap();
    let port = portal.split("port     = ").nth(1).unwrap();
    let port = port.lines().next().unwrap();
    let gone = portal.replace(&format!("port     = {port}"), "port     = 1");
    std::fs::write(folder.join("systems/gone.toml"), gone).unwrap();
    let _running = Running::start(folder);
    let (status, page) = get(folder, "/probe?target=portal/port");
    assert_eq!(status, 200, "{page}");
    let up = "probe_success{system=\"portal\",probe=\"port\",kind=\"tcp\",vantage=";
    let success = |page: &str| -> String {
        let mut lines = page.lines();
        lines
            .find(|l| l.starts_with("probe_success"))
            .unwrap()
            .to_owned()
    };
    assert!(success(&page).starts_with(up), "{page}");
    assert!(success(&page).ends_with("} 1"), "{page}");
    assert!(page.contains("\nprobe_duration_seconds{"), "{page}");
    assert!(!page.contains("gone") && !page.contains("nines_"), "{page}");
    let (status, page) = get(folder, "/probe?target=gone/port");
    assert_eq!(status, 200, "{page}");
    assert!(success(&page).ends_with("} 0"), "{page}");
    for (path, wanted) in [
        ("/probe", 400),
        ("/probe?target=portal", 404),
        ("/probe?target=http://127.0.0.1/", 404),
    ] {
        assert_eq!(get(folder, path).0, wanted, "{path}");
    }
    // A removed probe no longer runs.
    let gone = folder.join("systems/gone.toml");
    let again = std::fs::read_to_string(&gone).unwrap();
    std::fs::remove_file(&gone).unwrap();
    ends(folder, &["reload", "--config", "nines.toml"], 0);
    assert_eq!(get(folder, "/probe?target=gone/port").0, 404);
    // And what is put in is asked.
    std::fs::write(&gone, again).unwrap();
    ends(folder, &["reload", "--config", "nines.toml"], 0);
    let (status, page) = get(folder, "/probe?target=gone/port");
    assert_eq!(status, 200, "{page}");
    assert!(success(&page).ends_with("} 0"), "{page}");
}

#[test]
fn who_cannot_write_its_ledger_is_not_ready_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    every_second(folder);
    let _running = Running::start(folder);
    goes_on(folder);
    let ledger = rusqlite::Connection::open(folder.join("data/ledger.sqlite")).unwrap();
    ledger.execute_batch("BEGIN IMMEDIATE").unwrap();
    // Something has to be written: the portal is the service's own port, and that of nobody now.
    change(
        folder,
        "kind     = \"tcp\"",
        "kind     = \"tcp\"\nfailures = 1",
    );
    let portal = std::fs::read_to_string(folder.join("systems/portal.toml")).unwrap();
    let port = portal.split("port     = ").nth(1).unwrap();
    let port = format!("port     = {}", port.lines().next().unwrap());
    change(folder, &port, "port     = 1");
    ends(folder, &["reload", "--config", "nines.toml"], 3);
    let why = "the ledger cannot be written\n".to_owned();
    until("ready", || {
        (get(folder, "/readyz") == (503, why.clone())).then_some(())
    });
    assert_eq!(get(folder, "/healthz").0, 200);
    drop(ledger);
    until("not ready", || {
        (get(folder, "/readyz").0 == 200).then_some(())
    });
}

/// The head and the body that the private listener sends, byte by byte.
fn got(folder: &Path, path: &str, header: &str) -> (String, Vec<u8>) {
    let config = std::fs::read_to_string(folder.join("nines.toml")).unwrap();
    let at = config.split("private = \"").nth(1).unwrap();
    let mut stream = TcpStream::connect(at.split('"').next().unwrap()).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\n{header}\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    (head.to_lowercase(), answer[end + 4..].to_vec())
}

#[test]
fn metrics_are_compressed_for_who_takes_it_and_chosen_by_the_query() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configure(folder);
    let portal = std::fs::read_to_string(folder.join("systems/portal.toml")).unwrap();
    std::fs::write(folder.join("systems/lab.toml"), portal).unwrap();
    let _running = Running::start(folder);
    let (head, zipped) = got(folder, "/metrics", "Accept-Encoding: gzip");
    assert!(head.contains("content-encoding: gzip"), "{head}");
    assert!(head.contains("vary: accept-encoding"), "{head}");
    let mut page = String::new();
    flate2::read::GzDecoder::new(&zipped[..])
        .read_to_string(&mut page)
        .unwrap();
    assert!(page.contains("\nnines_build_info{"), "{page}");
    let (head, page) = got(folder, "/metrics", "Accept-Encoding: identity");
    assert!(!head.contains("content-encoding"), "{head}");
    assert!(page.starts_with(b"# HELP "));

    let (status, page) = get(folder, "/metrics?systems=lab");
    assert_eq!(status, 200);
    assert!(page.contains("{system=\"lab\""), "{page}");
    assert!(
        !page.contains("portal") && !page.contains("nines_build_info"),
        "{page}"
    );
    assert_eq!(get(folder, "/metrics?systems=nothing").0, 404);
    let blips = "\nnines_probe_blips_total{system=\"lab\"";
    assert!(!get(folder, "/metrics").1.contains(blips));
    assert!(get(folder, "/metrics?series=all").1.contains(blips));
    assert_eq!(get(folder, "/metrics?series=some").0, 400);
}

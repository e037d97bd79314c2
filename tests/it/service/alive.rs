//! The service says that it works: to systemd by its notify socket, and to a service elsewhere by requests.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use crate::support::program::{Running, append, configure, get, says, until};

/// Counts requests, and answers each with 200.
fn counting() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 1024];
            let read = stream.read(&mut head).unwrap_or(0);
            assert!(head[..read].starts_with(b"GET /secret-token HTTP/1.1\r\n"));
            counted.fetch_add(1, SeqCst);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        }
    });
    (port, count)
}

fn with_heartbeat(folder: &Path, port: u16) {
    configure(folder);
    let url = format!("http://127.0.0.1:{port}/secret-token\n");
    std::fs::write(folder.join("heartbeat-url"), url).unwrap();
    append(
        &folder.join("nines.toml"),
        "\n[outbound_heartbeat]\nurl_file = \"heartbeat-url\"\nevery = \"1s\"\nallow_private = true\n",
    );
}

fn signal(service: &Running, name: &str) {
    let number = service.id().to_string();
    let sent = Command::new("kill").args(["-s", name, &number]).status();
    assert!(sent.unwrap().success());
}

#[test]
fn systemd_hears_that_it_is_ready_that_it_works_and_that_it_stops() {
    let folder = tempfile::tempdir().unwrap();
    configure(folder.path());
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_nonblocking(true).unwrap();
    let heard = || {
        let mut message = [0; 1024];
        let length = socket.recv(&mut message).ok()?;
        Some(
            String::from_utf8_lossy(&message[..length])
                .trim()
                .to_owned(),
        )
    };
    let service = Running::start_in(
        folder.path(),
        &[
            ("NOTIFY_SOCKET", path.to_str().unwrap()),
            ("WATCHDOG_USEC", "400000"),
        ],
    );
    let mut all = vec![until("it is not ready", heard)];
    let works = || heard().filter(|message| message == "WATCHDOG=1");
    all.push(until("nothing says that it works", works));
    until("it works no more", works);
    all.sort();
    all.dedup();
    assert_eq!(all, ["READY=1", "WATCHDOG=1"]);
    // A stopped process sends nothing. Only waiting shows that no message comes.
    signal(&service, "STOP");
    while heard().is_some() {}
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(heard(), None);
    signal(&service, "CONT");
    until("it does not go on", works);
    signal(&service, "TERM");
    until("it does not say that it stops", || {
        heard().filter(|message| message == "STOPPING=1")
    });
}

#[test]
fn systemd_hears_for_longer_than_any_part_may_stand_still() {
    let folder = tempfile::tempdir().unwrap();
    configure(folder.path());
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let each_second = Some(Duration::from_secs(5));
    socket.set_read_timeout(each_second).unwrap();
    let names = [
        ("NOTIFY_SOCKET", path.to_str().unwrap()),
        ("WATCHDOG_USEC", "2000000"),
    ];
    let _service = Running::start_in(folder.path(), &names);
    let mut message = [0; 64];
    // The watchdog is told nothing once a part has shown no sign of life for 30 s.
    let began = std::time::Instant::now();
    while began.elapsed() < Duration::from_secs(34) {
        let heard = socket.recv(&mut message);
        assert!(heard.is_ok(), "{heard:?} after {:?}", began.elapsed());
    }
}

#[test]
fn the_time_of_the_outbound_heartbeat_goes_with_its_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // Nobody listens here.
    with_heartbeat(folder, 1);
    let with = std::fs::read_to_string(folder.join("nines.toml")).unwrap();
    let without = with.split("\n[outbound_heartbeat]").next().unwrap();
    let service = Running::start(folder);
    let has_time = || {
        let (_, metrics) = get(folder, "/metrics");
        metrics.contains("\nnines_outbound_heartbeat_timestamp_seconds 1")
    };
    assert!(
        has_time(),
        "a heartbeat that is never answered has no alert"
    );
    says(folder, "the outbound heartbeat failed");
    std::fs::write(folder.join("nines.toml"), without).unwrap();
    signal(&service, "HUP");
    until("the time stays", || (!has_time()).then_some(()));
}

#[test]
fn requests_to_a_service_elsewhere_go_on_while_it_works_and_stop_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let (port, count) = counting();
    with_heartbeat(folder.path(), port);
    let service = Running::start(folder.path());
    let three = || (count.load(SeqCst) >= 3).then_some(());
    until("no requests", three);
    let (_, metrics) = get(folder.path(), "/metrics");
    assert!(
        metrics.contains("\nnines_outbound_heartbeat_timestamp_seconds 1"),
        "{metrics}"
    );
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(!log.contains("secret-token"), "{log}");
    signal(&service, "STOP");
    // One request may be on its way. Only waiting shows that no more come.
    std::thread::sleep(Duration::from_millis(300));
    let before = count.load(SeqCst);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(count.load(SeqCst), before);
    signal(&service, "CONT");
    until("they do not go on", || {
        (count.load(SeqCst) > before).then_some(())
    });
}

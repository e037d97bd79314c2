//! Starts that fail, and ends that do: the service as a whole, on loopback.
// A test that cannot build its own input should fail at once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use std::net::TcpListener as Taken;
use std::path::PathBuf;
use std::time::Duration;

use domain::event::{Event, Fact, SERVICE};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;

/// Nothing here takes a second; on a machine that is busy, some of it may.
const LONG: Duration = Duration::from_secs(60);

struct House {
    folder: TempDir,
    data: PathBuf,
}

impl House {
    /// A configuration with one system, and where its ledger is to be.
    fn new(private: &str, data: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        std::fs::create_dir(at.join("systems")).unwrap();
        std::fs::create_dir(at.join("policies")).unwrap();
        let service = format!(
            "[service]\nname = \"Example\"\nzone = \"UTC\"\n[listen]\nprivate = \"{private}\"\n\
             [[committee]]\nid = \"c\"\nname = \"C\"\nzone = \"UTC\"\nmembers = [\"c@example.org\"]\n"
        );
        std::fs::write(at.join("nines.toml"), service).unwrap();
        let system = "name = \"Portal\"\ncommittee = \"c\"\n[[probe]]\nname = \"p\"\n\
                      kind = \"tcp\"\nhost = \"127.0.0.1\"\nport = 1\ninterval = \"30s\"\n";
        std::fs::write(at.join("systems/portal.toml"), system).unwrap();
        let data = at.join(data);
        Self { folder, data }
    }

    fn start(&self) -> Start {
        Start {
            config: self.folder.path().join("nines.toml"),
            data: Some(self.data.clone()),
            by: "test".to_owned(),
            check: Check::Here,
        }
    }

    fn runs(&self) -> (oneshot::Sender<()>, JoinHandle<Result<(), Error>>) {
        let (stop, stopped) = oneshot::channel();
        let start = self.start();
        // A test that has ended stops it as well.
        let run = run(start, async { drop(stopped.await) });
        (stop, tokio::spawn(run))
    }

    /// Waits until it watches and hears.
    async fn watches(&self) {
        let asked = async {
            while self
                .facts()
                .iter()
                .all(|f| !matches!(f, Fact::Started { .. }))
            {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LONG, asked).await.expect("it starts");
        web::socket::connect(&self.data).await.unwrap();
    }

    /// What its ledger says, if it has one.
    fn facts(&self) -> Vec<Fact> {
        let mut facts = Vec::new();
        if let Ok(ledger) = Ledger::open_read_only(&self.data) {
            let read = ledger.replay(None, &mut |stored| facts.push(stored.event.fact));
            read.unwrap();
        }
        facts
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_on_an_address_in_use_leaves_no_trace_in_the_ledger() {
    let taken = Taken::bind("127.0.0.1:0").unwrap();
    let house = House::new(&taken.local_addr().unwrap().to_string(), "data");
    let (_stop, service) = house.runs();
    let ended = service.await.unwrap();
    assert!(matches!(ended, Err(Error::Listen { .. })), "{ended:?}");
    assert!(!house.data.join(ledger::FILE).exists());
    assert!(!web::socket::path(&house.data).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_without_its_socket_says_which_and_leaves_no_trace_in_the_ledger() {
    let house = House::new("127.0.0.1:0", "data");
    // Nothing can be made where a folder lies.
    let socket = web::socket::path(&house.data);
    std::fs::create_dir_all(&socket).unwrap();
    let (_stop, service) = house.runs();
    let error = service.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Socket { .. }), "{error:?}");
    assert!(describe(&error).contains(socket.to_str().unwrap()));
    assert!(!house.data.join(ledger::FILE).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_may_have_a_path_longer_than_a_socket_s() {
    let house = House::new("127.0.0.1:0", &"long".repeat(40));
    assert!(web::socket::path(&house.data).as_os_str().len() > 108);
    let (stop, service) = house.runs();
    house.watches().await;
    stop.send(()).unwrap();
    service.await.unwrap().unwrap();
    assert!(!web::socket::path(&house.data).exists());
    assert!(matches!(house.facts().last(), Some(Fact::Stopped)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_cannot_be_recorded_is_an_end_all_the_same() {
    let house = House::new("127.0.0.1:0", "data");
    let (stop, service) = house.runs();
    house.watches().await;
    // Another writer, which the lock forbids: nothing of the service's is taken any more.
    let mut other = Ledger::open(&house.data).unwrap();
    let at = clock::now();
    let event = Event {
        at,
        by: SERVICE.to_owned(),
        fact: Fact::Witnessed,
    };
    other.append(at, &[event], &[]).unwrap();
    drop(other);
    stop.send(()).unwrap();
    let ended = service.await.unwrap();
    assert!(
        matches!(ended, Err(Error::Engine(engine::Error::Store(_)))),
        "{ended:?}"
    );
    // The engine's thread is gone with its ledger, the samples are closed, the lock is free.
    assert!(!web::socket::path(&house.data).exists());
    let log = house.data.join(format!("{}-wal", ledger::FILE));
    assert!(std::fs::metadata(&log).map_or(true, |log| log.len() == 0));
    drop(Lock::take(&house.data).unwrap());
    let samples = Instance::open(&house.data, clock::now()).unwrap();
    samples.close().unwrap();
}

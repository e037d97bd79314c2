//! Starts that fail, and ends that do: the service as a whole, on loopback.

use std::net::TcpListener as Taken;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use domain::actor::Actor;
use domain::event::{Event, Fact};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

mod filing;
mod rollups;

use super::load::prepare;
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
        self.runs_with(Reader::default())
    }

    fn runs_with(&self, reader: Reader) -> (oneshot::Sender<()>, JoinHandle<Result<(), Error>>) {
        let (stop, stopped) = oneshot::channel();
        // A test that has ended stops it as well.
        let run = run_with(self.start(), reader, async { drop(stopped.await) });
        (stop, tokio::spawn(run))
    }

    /// Waits until it monitors and its socket answers.
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

    /// Waits until its socket answers.
    async fn hears(&self) {
        let connected = async {
            while web::socket::connect(&self.data).await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LONG, connected)
            .await
            .expect("it hears");
    }

    /// The events of its ledger, if it has one.
    fn facts(&self) -> Vec<Fact> {
        let mut facts = Vec::new();
        if let Ok(ledger) = Ledger::open_read_only(&self.data) {
            let read = ledger.replay(None, &mut |stored| facts.push(stored.event.fact));
            read.unwrap();
        }
        facts
    }
}

/// The answer of the service to a request without a body.
async fn asks(data: PathBuf, path: &str) -> String {
    let mut stream = web::socket::connect(&data).await.unwrap();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         connection: close\r\ncontent-length: 0\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    tokio::time::timeout(LONG, read)
        .await
        .expect("it answers")
        .unwrap();
    answer
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
        by: Actor::service(),
        fact: Fact::DayClosed,
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

/// The whole answer to a request for `path`.
async fn gets<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(
    mut stream: S,
    path: &str,
) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    let read = tokio::time::timeout(LONG, read).await;
    read.expect("it answers").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer
}

/// Sends whoever asks in a circle, and tells what was asked for.
async fn in_a_circle(target: TcpListener, asked: mpsc::UnboundedSender<String>) {
    while let Ok((mut stream, _)) = target.accept().await {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => break,
            }
        }
        let head = String::from_utf8(head).unwrap();
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let answer = format!(
            "HTTP/1.1 302 Found\r\nlocation: {path}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
        );
        // The client and the test may have ended.
        drop(stream.write_all(answer.as_bytes()).await);
        drop(asked.send(path));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_of_a_url_goes_to_its_target_and_nowhere_else() {
    // The one variable that is set wherever tests run.
    let secret = std::env::var("PATH").unwrap();
    let unreserved = |c: &u8| c.is_ascii_alphanumeric() || b"-._~".contains(c);
    let sent: String = secret
        .bytes()
        .map(|c| match unreserved(&c) {
            true => char::from(c).to_string(),
            false => format!("%{c:02X}"),
        })
        .collect();
    let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = target.local_addr().unwrap().port();
    let (tell, mut asked) = mpsc::unbounded_channel();
    let target = tokio::spawn(in_a_circle(target, tell));
    let private = Taken::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let house = House::new(&private.to_string(), "data");
    let system = format!(
        "name = \"Portal\"\ncommittee = \"c\"\n[[probe]]\nname = \"p\"\nkind = \"http\"\n\
         url = \"http://127.0.0.1:{port}/health?token=${{PATH}}\"\ninterval = \"200ms\"\n\
         redirects = 2\nfailures = 1\n"
    );
    std::fs::write(house.folder.path().join("systems/portal.toml"), system).unwrap();
    let (stop, service) = house.runs();
    house.watches().await;
    let path = tokio::time::timeout(LONG, asked.recv()).await.unwrap();
    assert_eq!(path.unwrap(), format!("/health?token={sent}"));
    let mut shown = Vec::new();
    let down = async {
        loop {
            let stream = web::socket::connect(&house.data).await.unwrap();
            let status = gets(stream, "/api/v1/status").await;
            if status.contains("in a circle") {
                break status;
            }
        }
    };
    shown.push(tokio::time::timeout(LONG, down).await.expect("it is down"));
    for path in ["/metrics", "/probe?target=portal/p"] {
        let stream = tokio::net::TcpStream::connect(private).await.unwrap();
        shown.push(gets(stream, path).await);
    }
    stop.send(()).unwrap();
    service.await.unwrap().unwrap();
    target.abort();
    let facts = house.facts();
    assert!(facts.iter().any(|f| matches!(f, Fact::ProbeDown { .. })));
    shown.push(format!("{facts:?}"));
    for entry in std::fs::read_dir(&house.data).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            shown.push(String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    for shown in shown {
        assert!(
            !shown.contains(&secret) && !shown.contains(&sent),
            "{shown}"
        );
    }
}

/// As on a disk that goes away after the start: every later reading never ends, and says that it
/// has begun.
fn hanging(timeout: Duration) -> (Reader, mpsc::UnboundedReceiver<()>) {
    let (begun, begins) = mpsc::unbounded_channel();
    let first = AtomicBool::new(true);
    let hang = move |file: &Path| {
        if first.swap(false, Relaxed) {
            return prepare(file);
        }
        begun.send(()).unwrap();
        loop {
            std::thread::park();
        }
    };
    let prepare = Arc::new(hang);
    (Reader { prepare, timeout }, begins)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_whose_files_cannot_be_read_fails_in_its_time_and_so_does_the_next() {
    let house = House::new("127.0.0.1:0", "data");
    let (reader, _begins) = hanging(Duration::from_millis(50));
    let (stop, service) = house.runs_with(reader);
    house.hears().await;
    for _ in 0..2 {
        let answer = asks(house.data.clone(), "/api/v1/reload").await;
        assert!(answer.contains("does a disk hang?"), "{answer}");
    }
    stop.send(()).unwrap();
    service.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_behind_one_that_cannot_be_read_is_told_with_it_and_does_not_wait_anew() {
    let house = House::new("127.0.0.1:0", "data");
    let (reader, mut begins) = hanging(Duration::from_secs(2));
    let (stop, service) = house.runs_with(reader);
    house.hears().await;
    let first = tokio::spawn(asks(house.data.clone(), "/api/v1/reload"));
    begins.recv().await.unwrap();
    let second = tokio::spawn(asks(house.data.clone(), "/api/v1/reload"));
    let third = tokio::spawn(asks(house.data.clone(), "/api/v1/reload"));
    assert!(first.await.unwrap().contains("does a disk hang?"));
    for later in [second, third] {
        let answer = later.await.unwrap();
        assert!(
            answer.contains("an earlier reload was still reading"),
            "{answer}"
        );
        assert!(answer.contains("does a disk hang?"), "{answer}");
    }
    // Nothing was read for them.
    assert!(begins.try_recv().is_err());
    stop.send(()).unwrap();
    service.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn reloads_that_wait_for_one_are_read_together_after_it() {
    let house = House::new("127.0.0.1:0", "data");
    let (begun, mut begins) = mpsc::unbounded_channel();
    let (go, gone) = std::sync::mpsc::channel::<()>();
    let (first, gone) = (AtomicBool::new(true), std::sync::Mutex::new(gone));
    let waiting = move |file: &Path| {
        if !first.swap(false, Relaxed) {
            begun.send(()).unwrap();
            gone.lock().unwrap().recv().unwrap();
        }
        prepare(file)
    };
    let (prepare, timeout) = (Arc::new(waiting), LONG);
    let (stop, service) = house.runs_with(Reader { prepare, timeout });
    house.watches().await;
    let asked = || tokio::spawn(asks(house.data.clone(), "/api/v1/reload"));
    let one = asked();
    begins.recv().await.unwrap();
    let more = [asked(), asked()];
    go.send(()).unwrap();
    assert!(one.await.unwrap().contains("\"done\""));
    begins.recv().await.unwrap();
    go.send(()).unwrap();
    // The last of them may have come after that reading began.
    go.send(()).unwrap();
    for later in more {
        let answer = later.await.unwrap();
        assert!(answer.contains("\"done\""), "{answer}");
    }
    stop.send(()).unwrap();
    service.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_data_directory_is_not_taken_by_a_reload_and_its_answer_says_so() {
    let house = House::new("127.0.0.1:0", "data");
    let config = house.folder.path().join("nines.toml");
    let start = Start {
        data: None,
        ..house.start()
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async { drop(stopped.await) };
    let service = tokio::spawn(run_with(start, Reader::default(), stopped));
    house.watches().await;
    let text = std::fs::read_to_string(&config).unwrap();
    let moved = text.replacen("[listen]", "data = \"elsewhere\"\n[listen]", 1);
    std::fs::write(&config, moved).unwrap();
    let answer = asks(house.data.clone(), "/api/v1/reload").await;
    assert!(
        answer.contains("`data` of [service] needs a restart"),
        "{answer}"
    );
    stop.send(()).unwrap();
    service.await.unwrap().unwrap();
    assert!(!house.folder.path().join("elsewhere").exists());
    assert!(matches!(house.facts().last(), Some(Fact::Stopped)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_is_heard_while_a_reload_waits_for_its_files() {
    let house = House::new("127.0.0.1:0", "data");
    let (reader, mut begins) = hanging(Duration::MAX);
    let (stop, service) = house.runs_with(reader);
    house.hears().await;
    let asked = tokio::spawn(asks(house.data.clone(), "/api/v1/reload"));
    begins.recv().await.unwrap();
    stop.send(()).unwrap();
    let ended = tokio::time::timeout(LONG, service).await;
    ended.expect("the stop is heard").unwrap().unwrap();
    assert!(asked.await.unwrap().contains("stopping"));
}

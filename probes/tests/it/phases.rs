//! Each phase is delayed on purpose. The delay must be found in that phase and in no other.

use std::time::Duration;

use domain::sample::{Phases, Reason};
use tokio::net::{TcpSocket, TcpStream};

use crate::authority::Authority;
use crate::servers::{
    Spec, answer, ask, check_down, check_up, for_ever, head, pause, say, says, serve, spec,
};

/// The pause of the servers. A loaded machine adds far less.
const PAUSE: Duration = Duration::from_millis(400);

/// The largest error of a phase.
const EXACT_US: u64 = 20_000;
/// A busy machine may delay one run, but not all of these.
const RUNS: usize = 20;

/// Runs the probe until one run is exact: the chosen phase is within 20 ms of the delay, and all other
/// phases together take no more than 20 ms. Every run must contain the delay.
async fn check_exact(spec: Spec, chosen: fn(&Phases) -> Option<u64>) {
    check_exact_after(|| (), spec, chosen).await;
}

/// The same, with something done before each run.
async fn check_exact_after(before: fn(), spec: Spec, chosen: fn(&Phases) -> Option<u64>) {
    let pause = u64::try_from(PAUSE.as_micros()).unwrap();
    let mut seen = Vec::new();
    for _ in 0..RUNS {
        before();
        let finding = ask(spec.clone()).await;
        check_up(&finding);
        let there = chosen(&finding.phases).unwrap();
        // `before` starts a little before the run.
        assert!(there + EXACT_US >= pause, "{:?}", finding.phases);
        let elsewhere = crate::servers::sum(finding.phases) - there;
        if there <= pause + EXACT_US && elsewhere <= EXACT_US {
            return;
        }
        seen.push(finding.phases);
    }
    panic!("never exact: {seen:?}");
}

/// The delay is in the chosen phase; all others together took less than half of it.
#[track_caller]
fn check_delayed(phases: Phases, chosen: fn(&Phases) -> Option<u64>, pause: Duration) {
    let pause = u64::try_from(pause.as_micros()).unwrap();
    let there = chosen(&phases).unwrap();
    let elsewhere = crate::servers::sum(phases) - there;
    assert!(there >= pause, "{phases:?}");
    assert!(elsewhere < pause / 2, "{phases:?}");
}

/// A test cannot delay the system's resolver. But the resolver runs on a blocking thread of the runtime,
/// and here the only one is busy.
#[test]
fn a_late_name_is_resolve() {
    let one = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    let busy = || drop(tokio::task::spawn_blocking(|| std::thread::sleep(PAUSE))); // scripted delay
    one.block_on(async {
        let at = says(answer(200, "hello")).await;
        let url = format!("http://localhost:{}/", at.port());
        check_exact_after(busy, spec(url), |p| p.resolve_us).await;
        let port = Spec::of("tcp")
            .with("host", "localhost")
            .with("port", i64::from(at.port()));
        check_exact_after(busy, port, |p| p.resolve_us).await;
    });
}

#[tokio::test]
async fn a_late_first_byte_is_processing() {
    let at = serve("127.0.0.1:0", |mut stream| async move {
        head(&mut stream).await;
        pause(PAUSE).await;
        say(&mut stream, answer(200, "hello")).await;
    })
    .await;
    check_exact(spec(format!("http://{at}/")), |p| p.processing_us).await;
}

#[tokio::test]
async fn a_late_rest_of_the_head_is_transfer() {
    let at = serve("127.0.0.1:0", |mut stream| async move {
        head(&mut stream).await;
        say(&mut stream, "H").await;
        pause(PAUSE).await;
        say(&mut stream, &answer(200, "hello")[1..]).await;
    })
    .await;
    check_exact(spec(format!("http://{at}/")), |p| p.transfer_us).await;
}

#[tokio::test]
async fn a_late_rest_of_the_body_is_transfer() {
    let at = serve("127.0.0.1:0", |mut stream| async move {
        head(&mut stream).await;
        say(&mut stream, &answer(200, "hello")[..40]).await;
        pause(PAUSE).await;
        say(&mut stream, &answer(200, "hello")[40..]).await;
    })
    .await;
    check_exact(spec(format!("http://{at}/")), |p| p.transfer_us).await;
}

#[tokio::test]
async fn a_late_handshake_is_tls() {
    let authority = Authority::new();
    let at = authority
        .serve_after(PAUSE, &["http/1.1"], authority.good())
        .await;
    check_exact(authority.spec(at), |p| p.tls_us).await;
}

/// The kernel drops a connection to a listener whose queue is full. The client's kernel tries again after
/// a second.
#[tokio::test]
async fn a_late_connection_is_connect() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let at = socket.local_addr().unwrap();
    let listener = socket.listen(1).unwrap();
    let mut queue = Vec::new();
    for _ in 0..2 {
        queue.push(TcpStream::connect(at).await.unwrap());
    }
    tokio::spawn(async move {
        pause(PAUSE).await;
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                head(&mut stream).await;
                say(&mut stream, answer(200, "")).await;
            });
        }
    });
    let finding = ask(spec(format!("http://{at}/"))).await;
    check_up(&finding);
    check_delayed(finding.phases, |p| p.connect_us, 2 * PAUSE);
}

#[tokio::test]
async fn a_timeout_says_in_which_phase() {
    let silent = serve("127.0.0.1:0", for_ever).await;
    let dripping = serve("127.0.0.1:0", |mut stream| async move {
        head(&mut stream).await;
        say(&mut stream, "HTTP/1.1 200 OK\r\n").await;
        // More lines than fit into the timeout, fewer than the limit of the head.
        for n in 0..1_000 {
            say(&mut stream, format!("X-{n}: y\r\n")).await;
            pause(Duration::from_millis(20)).await;
        }
    })
    .await;
    let endless_wait = serve("127.0.0.1:0", |mut stream| async move {
        head(&mut stream).await;
        say(&mut stream, &answer(200, "hello")[..40]).await;
        for_ever(stream).await;
    })
    .await;
    for (url, phase) in [
        (format!("http://{silent}/"), "waiting for the first byte"),
        (format!("https://{silent}/"), "in the TLS handshake"),
        (format!("http://{dripping}/"), "receiving the answer"),
        (format!("http://{endless_wait}/"), "receiving the answer"),
    ] {
        let secure = url.starts_with("https");
        let mut spec = spec(url);
        spec.timeout = PAUSE;
        let authority = Authority::new();
        if secure {
            spec.set("ca_file", authority.file());
        }
        let finding = ask(spec).await;
        let words = format!("no answer within 400 ms, stopped while {phase}");
        check_down(&finding, Reason::Timeout, &words);
        assert!(finding.took >= PAUSE);
    }
}

//! Files that probes use are read again when they change, without a reload.

use std::time::Duration;

use domain::sample::Reason;
use probes::{Finding, Probe};

use crate::authority::Authority;
use crate::servers::{Spec, answer, check_down, check_up, head, say, serve, spec, write};

/// Runs the probe when its files may be checked again.
pub async fn later(probe: &Probe) -> Finding {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(2)).await;
    // While paused, the clock would also jump to the end of each time limit.
    tokio::time::resume();
    probe.run().await
}

/// A server that answers 200 to this header and 401 otherwise.
async fn guarded(authorization: &'static str) -> Spec {
    let at = serve("127.0.0.1:0", move |mut stream| async move {
        let head = head(&mut stream).await.to_lowercase();
        let wanted = format!("authorization: {}\r\n", authorization.to_lowercase());
        let status = if head.contains(&wanted) { 200 } else { 401 };
        say(&mut stream, answer(status, "")).await;
    })
    .await;
    spec(format!("http://{at}/"))
}

#[tokio::test]
async fn a_token_or_password_that_is_replaced_is_used_by_the_next_probe() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    let path = file.to_str().unwrap();
    let bearer = guarded("Bearer new").await.with("bearer_token_file", path);
    let basic = guarded("Basic bmluZXM6bmV3")
        .await
        .with("basic.user", "nines")
        .with("basic.password_file", path);
    for spec in [bearer, basic] {
        write(&file, "old\n");
        let probe = spec.probe();
        check_down(&probe.run().await, Reason::Status, "401");
        write(&file, "new\n");
        check_up(&later(&probe).await);
        // Neither a missing file nor a useless one takes the last good secret away.
        write(&file, "two\nlines\n");
        check_up(&later(&probe).await);
        std::fs::remove_file(&file).unwrap();
        check_up(&later(&probe).await);
        write(&file, "old\n");
        check_down(&later(&probe).await, Reason::Status, "401");
    }
}

#[tokio::test]
async fn a_file_of_authorities_that_is_replaced_is_used_by_the_next_probe() {
    let (old, new) = (Authority::named("Old"), Authority::named("New"));
    let at = new.serve_after(Duration::ZERO, &[], new.good()).await;
    let https = old.spec(at);
    let tls = Spec::of("tls")
        .with("host", "localhost")
        .with("port", i64::from(at.port()))
        .with("ca_file", old.file());
    for spec in [https, tls] {
        write(old.file(), &old.issuer.pem());
        let probe = spec.probe();
        check_down(&probe.run().await, Reason::Certificate, "issued by New");
        write(old.file(), "-----BEGIN CERTIFICATE-----\n");
        check_down(&later(&probe).await, Reason::Certificate, "issued by New");
        write(old.file(), &new.issuer.pem());
        check_up(&later(&probe).await);
    }
}

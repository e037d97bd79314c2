//! Addresses that no probe may reach, however they are written: in the configuration, in redirects, behind a proxy.

use domain::sample::{Outcome, Reason};
use tokio::sync::mpsc;
use values::{Format as _, IpNetwork, Reach};

use crate::servers::{
    Spec, answer, ask, check, check_down, check_up, head, say, says, serve, spec,
};

/// Each names 169.254.169.254, or another address without a service, in a form that some program takes.
const DISGUISES: &[&str] = &[
    "http://169.254.169.254/latest/meta-data/",
    "http://169.254.169.254./",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://0xA9.0xFE.0xA9.0xFE/",
    "http://0251.0376.0251.0376/",
    "http://0251.254.0xa9.254/",
    "http://169.16689662/",
    "http://169.254.43518/",
    "http://%31%36%39.254.169.254/",
    "http://\u{ff11}\u{ff16}\u{ff19}.254.169.254/",
    "http://169\u{3002}254\u{3002}169\u{3002}254/",
    "http://[::ffff:169.254.169.254]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[0:0:0:0:0:ffff:a9fe:a9fe]/",
    "http://[::a9fe:a9fe]/",
    "http://[64:ff9b::169.254.169.254]/",
    "http://[2002:a9fe:a9fe::]/",
    "http://[fd00:ec2::254]/",
    "http://[fd00:0ec2:0000::0254]/",
    "http://169.254.170.2/v2/credentials",
    "http://100.100.100.200/",
    "http://169.254.169.254:80\\@portal.example.org/",
    "http://169.254.169.254#@portal.example.org/",
    "http://0/",
    "http://0.0.0.0:8080/",
    "http://[::]:8080/",
    "http://[::ffff:0:0]/",
    "http://0x7.example@0/",
    "http://224.0.0.251/",
    "http://[ff02::1]/",
    "http://255.255.255.255/",
    "http://240.0.0.1/",
];

fn ranges(list: &[&str]) -> Vec<values::Network> {
    let parse = |text: &&str| IpNetwork::parse(text).unwrap();
    list.iter().map(parse).collect()
}

#[test]
fn a_configured_address_without_a_service_is_a_mistake() {
    for url in DISGUISES {
        let wrong = spec(*url).prepare().expect_err(url);
        let said = &wrong[0].1;
        assert!(
            said.contains("which no probe may reach") || said.contains("URL"),
            "{url}: {said}"
        );
    }
    for (kind, key) in [
        ("tcp", "host"),
        ("tls", "host"),
        ("icmp", "host"),
        ("tcp", "resolve"),
    ] {
        for ip in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "0.0.0.0",
            "ff02::1",
        ] {
            let mut spec = Spec::of(kind).with("host", "portal.example.org");
            spec.set(key, ip);
            if kind != "icmp" {
                spec.set("port", 80);
            }
            let wrong = spec.prepare().unwrap_err();
            assert!(
                wrong[0].1.contains("which no probe may reach"),
                "{kind} {ip}: {wrong:?}"
            );
            assert!(wrong[0].0.contains(ip), "{wrong:?}");
        }
    }
    // Unusual notations of addresses are no hosts at all.
    for text in [
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "169.16689662",
    ] {
        assert!(
            Spec::of("tcp")
                .with("host", text)
                .with("port", 80)
                .prepare()
                .is_err(),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_redirect_to_such_an_address_is_not_followed() {
    for url in DISGUISES {
        let location =
            format!("HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n");
        let at = says(location).await;
        let finding = ask(spec(format!("http://{at}/")).with("redirects", 3)).await;
        assert_eq!(
            (finding.outcome, finding.reason),
            (Outcome::Down, Some(Reason::Redirect)),
            "{url}: {finding:?}"
        );
        let said = finding.detail.unwrap();
        assert!(
            said.contains("which no probe may reach") || said.contains("leads"),
            "{url}: {said}"
        );
    }
}

#[tokio::test]
async fn a_redirect_without_a_scheme_is_checked_too() {
    let at =
        says("HTTP/1.1 307 X\r\nLocation: //169.254.169.254/\r\nContent-Length: 0\r\n\r\n").await;
    let finding = ask(spec(format!("http://{at}/")).with("redirects", 1)).await;
    check_down(
        &finding,
        Reason::Redirect,
        "a redirect leads astray: 169.254.169.254 is a metadata service, which no probe may reach",
    );
}

#[tokio::test]
async fn the_second_redirect_is_checked_as_the_first() {
    let last =
        says("HTTP/1.1 302 X\r\nLocation: http://[fd00:ec2::254]/\r\nContent-Length: 0\r\n\r\n");
    let last = last.await;
    let first = format!("HTTP/1.1 302 X\r\nLocation: http://{last}/\r\nContent-Length: 0\r\n\r\n");
    let at = says(first).await;
    let finding = ask(spec(format!("http://{at}/")).with("redirects", 5)).await;
    check_down(
        &finding,
        Reason::Redirect,
        "fd00:ec2::254 is a metadata service",
    );
}

#[tokio::test]
async fn an_allowed_address_is_reached() {
    let at = says(answer(200, "")).await;
    // The unspecified address leads to this machine.
    let mut spec = spec(format!("http://0.0.0.0:{}/", at.port()));
    spec.reach.allow = ranges(&["0.0.0.0"]);
    check_up(&ask(spec).await);
}

#[tokio::test]
async fn a_denied_range_is_not_connected_to() {
    let (sender, mut asked) = mpsc::channel(1);
    let at = serve("127.0.0.2:0", move |mut stream| {
        let sender = sender.clone();
        async move {
            let _ = sender.send(()).await;
            head(&mut stream).await;
            say(&mut stream, answer(200, "")).await;
        }
    })
    .await;
    let deny = Reach {
        allow: Vec::new(),
        deny: ranges(&["127.0.0.2/31"]),
    };
    let mut direct = spec(format!("http://{at}/"));
    direct.reach = deny.clone();
    let wrong = direct.prepare().unwrap_err();
    assert!(
        wrong[0].1.contains("127.0.0.2 is in `deny_addresses`"),
        "{wrong:?}"
    );
    let first = says(format!(
        "HTTP/1.1 302 X\r\nLocation: http://{at}/\r\nContent-Length: 0\r\n\r\n"
    ));
    let mut led = spec(format!("http://{}/", first.await)).with("redirects", 1);
    led.reach = deny;
    check_down(
        &ask(led.clone()).await,
        Reason::Redirect,
        "127.0.0.2 is in `deny_addresses`",
    );
    assert!(asked.try_recv().is_err(), "no connection was made");
    led.reach.allow = ranges(&["127.0.0.2"]);
    check_up(&ask(led).await);
}

#[tokio::test]
async fn a_proxy_is_not_asked_for_such_an_address() {
    let proxy = says(answer(200, "credentials")).await;
    let to = |url: &str| spec(url).with("proxy", format!("http://{proxy}"));
    assert!(to("http://169.254.169.254/").prepare().is_err());
    let led =
        says("HTTP/1.1 302 X\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n");
    let led = led.await;
    let finding = ask(spec("http://portal.example.org/")
        .with("proxy", format!("http://{led}"))
        .with("redirects", 1))
    .await;
    check_down(&finding, Reason::Redirect, "169.254.169.254");
}

#[tokio::test]
async fn a_name_that_this_run_resolves_is_checked_like_an_address() {
    let mut spec = Spec::of("tcp").with("host", "localhost").with("port", 9);
    spec.reach.deny = ranges(&["127.0.0.0/8", "::1"]);
    let finding = ask(spec).await;
    check(
        &finding,
        Outcome::Inconclusive,
        Reason::Monitor,
        "is in `deny_addresses`, which no probe may reach",
    );
}

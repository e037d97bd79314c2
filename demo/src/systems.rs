//! The systems that the demo watches: small HTTP and TCP servers on loopback, each with a mood that
//! the script sets. They know nothing of Nines.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use hyper::StatusCode;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::clients;
use crate::http::{self, Answer};

/// How long a client of the interface may stay.
const STAY: Duration = Duration::from_secs(10);

/// How a system behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Answers at once.
    Well,
    /// Answers after this time.
    Slow(Duration),
    /// Answers with status 503.
    Unavailable,
    /// Does not listen.
    Refusing,
}

/// The kind of a system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A login page.
    Portal,
    /// An HL7 interface, which takes connections.
    Interface,
    /// A FHIR server with its capability statement.
    Fhir,
    /// A partner's service with a health page.
    Partner,
}

/// The four systems.
pub struct Systems {
    pub portal: System,
    pub interface: System,
    pub fhir: System,
    pub partner: System,
}

/// A system, until dropped.
#[derive(Debug)]
pub struct System {
    address: SocketAddr,
    mood: watch::Sender<Mood>,
    task: AbortHandle,
}

impl System {
    /// Starts a system that is well, on a free port of loopback.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start(kind: Kind) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (mood, seen) = watch::channel(Mood::Well);
        let task = tokio::spawn(live(kind, address, listener, seen)).abort_handle();
        Ok(Self {
            address,
            mood,
            task,
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the mood.
    pub fn set(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }
}

impl Drop for System {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn live(
    kind: Kind,
    address: SocketAddr,
    mut listener: TcpListener,
    mut mood: watch::Receiver<Mood>,
) {
    let seen = mood.clone();
    loop {
        tokio::select! {
            changed = mood.wait_for(|mood| *mood == Mood::Refusing) => {
                if changed.is_err() {
                    return;
                }
            }
            () = clients::serve(&listener, |stream| serve(kind, *seen.borrow(), stream)) => {}
        }
        drop(listener);
        match refuse(address, &mut mood).await {
            Some(again) => listener = again,
            None => return,
        }
    }
}

/// Refuses connections until the mood changes, then listens again. The port stays ours: a socket
/// that is bound and does not listen refuses, and keeps others from taking its place.
async fn refuse(address: SocketAddr, mood: &mut watch::Receiver<Mood>) -> Option<TcpListener> {
    let held = hold(address);
    mood.wait_for(|mood| *mood != Mood::Refusing).await.ok()?;
    let mut socket = held.ok();
    loop {
        let listening = match socket.take() {
            Some(socket) => socket.listen(128),
            None => hold(address).and_then(|socket| socket.listen(128)),
        };
        match listening {
            Ok(listener) => return Some(listener),
            // An outgoing connection of another process has the port for a moment.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

fn hold(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

async fn serve(kind: Kind, mood: Mood, mut stream: TcpStream) {
    if let Mood::Slow(by) = mood {
        tokio::time::sleep(by).await;
    }
    if kind == Kind::Interface {
        // It would acknowledge messages; a client that only connects sends none.
        let mut bytes = [0; 1024];
        let idle = async { while stream.read(&mut bytes).await.is_ok_and(|n| n > 0) {} };
        let _ = tokio::time::timeout(STAY, idle).await;
        return;
    }
    http::serve(stream, |path| match mood {
        Mood::Unavailable => Answer::failure(
            StatusCode::SERVICE_UNAVAILABLE,
            "temporarily out of service",
        ),
        _ => page(kind, path),
    })
    .await;
}

fn page(kind: Kind, path: &str) -> Answer {
    match (kind, path) {
        (Kind::Portal, "/" | "/login") => Answer::html(LOGIN),
        (Kind::Fhir, "/metadata") => Answer::ok("application/fhir+json", CAPABILITIES),
        (Kind::Partner, "/health") => Answer::ok("application/json", r#"{"status":"ok"}"#),
        _ => Answer::failure(StatusCode::NOT_FOUND, "no such page"),
    }
}

const LOGIN: &str =
    "<!doctype html><html lang=en><meta charset=utf-8><title>Clinical Portal</title>
<style>body{font:1.1em sans-serif;max-width:20em;margin:4em auto;color:#234}
input,button{font:inherit;width:100%;margin:.3em 0;padding:.4em;box-sizing:border-box}</style>
<h1>Clinical Portal</h1><p>A demonstration: there is nothing behind it.</p>
<form><label>User <input autocomplete=off></label><label>Password <input type=password></label>
<button type=button>Sign in</button></form></html>
";

const CAPABILITIES: &str = r#"{"resourceType":"CapabilityStatement","status":"active","date":"2026-01-01","kind":"instance","software":{"name":"Nines demonstration"},"fhirVersion":"4.0.1","format":["application/fhir+json"],"rest":[{"mode":"server","resource":[{"type":"Patient","interaction":[{"code":"read"}]},{"type":"Observation","interaction":[{"code":"read"},{"code":"search-type"}]}]}]}"#;

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    async fn get(system: &System, path: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect(system.address()).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        Ok(text)
    }

    #[tokio::test]
    async fn each_system_answers_as_its_probe_expects() {
        for (kind, path, has) in [
            (Kind::Portal, "/login", "Sign in"),
            (Kind::Fhir, "/metadata", "CapabilityStatement"),
            (Kind::Partner, "/health", r#"{"status":"ok"}"#),
        ] {
            let system = System::start(kind).await.unwrap();
            let text = get(&system, path).await.unwrap();
            assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
            assert!(text.contains(has), "{text}");
            assert!(get(&system, "/other").await.unwrap().contains(" 404 "));
            system.set(Mood::Unavailable);
            let text = until(&system, path, " 503 ").await;
            assert!(text.contains("out of service"), "{text}");
        }
    }

    /// The answer once the mood has changed.
    async fn until(system: &System, path: &str, has: &str) -> String {
        let mut text = String::new();
        for _ in 0..1_000 {
            text = get(system, path).await.unwrap_or_default();
            if text.contains(has) {
                break;
            }
            tokio::task::yield_now().await;
        }
        text
    }

    #[tokio::test]
    async fn a_refusing_system_refuses_and_comes_back_on_the_same_port() {
        let system = System::start(Kind::Interface).await.unwrap();
        TcpStream::connect(system.address()).await.unwrap();
        for _ in 0..3 {
            system.set(Mood::Refusing);
            let mut refused = false;
            for _ in 0..1_000 {
                let tried = TcpStream::connect(system.address()).await;
                refused = tried.is_err_and(|e| e.kind() == io::ErrorKind::ConnectionRefused);
                if refused {
                    break;
                }
                tokio::task::yield_now().await;
            }
            assert!(refused);
            system.set(Mood::Well);
            let mut answered = false;
            for _ in 0..1_000 {
                answered = TcpStream::connect(system.address()).await.is_ok();
                if answered {
                    break;
                }
                tokio::task::yield_now().await;
            }
            assert!(answered);
        }
    }
}

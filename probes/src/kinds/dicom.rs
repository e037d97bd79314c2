//! The kind `dicom`: an application entity accepts an association and answers C-ECHO (DICOM PS3.7, PS3.8). The
//! protocol is written here: an association with one context and one command of sixty bytes need no library.

mod command;
mod pdu;

use std::sync::Arc;
use std::time::Duration;

use domain::sample::Reason;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};
use values::suggest::shorten;
use values::{Format, Parsed, Source, Written};

use super::ServerSpec;
use crate::endpoint::{Endpoint, ServerKeys, Stream, Way, part, parting, send};
use crate::fault::Fault;
use crate::trace::{Phase, Trace};
use crate::{Probe, Protocol, Running};
use pdu::Pdu;

/// The keys of a `dicom` probe.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Dicom {
    /// The port, often 104 or 11112.
    #[schemars(range(min = 1, max = 65535))]
    port: u16,
    /// The title of the application entity that is asked.
    called: Parsed<Title>,
    /// The title by which Nines is known there. Default: NINES.
    calling: Option<Parsed<Title>>,
    /// True if the entity speaks TLS.
    #[serde(default)]
    tls: bool,
}

/// The title of an application entity (PS3.5, VR `AE`).
struct Title;

impl Format for Title {
    type Value = String;
    const IS: &'static str = "a title in quotes, as \"ARCHIVE\"";
    const EXAMPLE: &'static str = "ARCHIVE";
    const PATTERN: Option<&'static str> = Some(r"^[!-\[\]-~]([ -\[\]-~]{0,14}[!-\[\]-~])?$");

    fn parse(text: &str) -> Result<String, String> {
        let is_allowed = |b: u8| (b' '..=b'~').contains(&b) && b != b'\\';
        if text.trim() == text && (1..=16).contains(&text.len()) && text.bytes().all(is_allowed) {
            return Ok(text.to_owned());
        }
        Err(format!(
            "`{}` cannot be a title: use 1 to 16 characters of ASCII without `\\` and outer spaces",
            shorten(text)
        ))
    }
}

impl ServerSpec for Dicom {
    fn prepare(
        self,
        server: &ServerKeys,
        timeout: &Written<Duration>,
        source: &mut Source<'_>,
    ) -> Option<Probe> {
        let way = Way::new(self.port, self.tls);
        let (endpoint, settings) = server.prepare(&way, timeout, source)?;
        let calling = self.calling.map(|title| title.value);
        let target = Target {
            endpoint,
            called: self.called.value,
            calling: calling.unwrap_or_else(|| "NINES".to_owned()),
        };
        Some(settings.probe(target, None))
    }
}

#[derive(Debug)]
struct Target {
    endpoint: Endpoint,
    called: String,
    calling: String,
}

impl Protocol for Target {
    fn first_phase(&self) -> Phase {
        self.endpoint.first_phase()
    }

    fn resolves(&self) -> Option<Arc<str>> {
        self.endpoint.resolves()
    }

    fn run<'a>(&'a self, deadline: Instant, trace: &'a mut Trace<'_>) -> Running<'a> {
        Box::pin(async move {
            let mut stream = self.endpoint.connect(deadline, trace).await?;
            trace.enter(Phase::Processing);
            self.associate(&mut stream, trace).await?;
            echo(&mut stream, trace).await?;
            // The verdict does not depend on the release.
            trace.decided();
            let released = timeout_at(parting(deadline), release(&mut stream, trace)).await;
            if matches!(released, Ok(Ok(Pdu::Released))) {
                trace.note(|| "association released".to_owned());
            }
            part(&mut stream, deadline, trace).await;
            Ok(())
        })
    }
}

impl Target {
    async fn associate(&self, stream: &mut Stream, trace: &mut Trace<'_>) -> Result<(), Fault> {
        trace.note(|| {
            format!(
                "asks {} for an association, as {}",
                self.called, self.calling
            )
        });
        send(stream, &pdu::associate(&self.called, &self.calling), false).await?;
        match pdu::read(stream, trace).await? {
            Pdu::Accepted { result: 0 } => {
                trace.note(|| "association accepted".to_owned());
                Ok(())
            }
            Pdu::Accepted { result } => {
                let detail = format!(
                    "the entity does not offer verification: {}",
                    pdu::context(result)
                );
                Err(Fault::new(Reason::Status, detail))
            }
            Pdu::Rejected(rejection) => {
                let why = rejection.in_words(&self.called, &self.calling);
                Err(Fault::new(
                    Reason::Status,
                    format!("association rejected: {why}"),
                ))
            }
            other => Err(other.unexpected("an answer to the association")),
        }
    }
}

/// Sends C-ECHO and reads its answer.
async fn echo(stream: &mut Stream, trace: &mut Trace<'_>) -> Result<(), Fault> {
    send(stream, &pdu::data(&command::echo()), true).await?;
    let mut answer = Vec::new();
    loop {
        match pdu::read(stream, trace).await? {
            Pdu::Data { command, is_last } => {
                answer.extend_from_slice(&command);
                if answer.len() > command::LIMIT {
                    return Err(Fault::protocol("the answer to C-ECHO is too long"));
                }
                if is_last {
                    break;
                }
            }
            other => return Err(other.unexpected("an answer to C-ECHO")),
        }
    }
    let status = command::status(&answer)?;
    let words = command::in_words(status);
    trace.note(|| format!("C-ECHO answered: {words}"));
    if status == 0 {
        return Ok(());
    }
    Err(Fault::new(
        Reason::Status,
        format!("C-ECHO answered: {words}"),
    ))
}

async fn release(stream: &mut Stream, trace: &mut Trace<'_>) -> Result<Pdu, Fault> {
    send(stream, &pdu::release(), true).await?;
    pdu::read(stream, trace).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pattern_and_the_parser_of_a_title_agree() {
        let pattern = regex::Regex::new(Title::PATTERN.unwrap()).unwrap();
        for good in ["A", "ARCHIVE", "MY PACS 1", "ABCDEFGHIJKLMNOP"] {
            assert!(
                Title::parse(good).is_ok() && pattern.is_match(good),
                "{good}"
            );
        }
        for bad in ["", " A", "A ", "ABCDEFGHIJKLMNOPQ", "A\\B", "\u{c4}", "A\n"] {
            assert!(
                Title::parse(bad).is_err() && !pattern.is_match(bad),
                "{bad:?}"
            );
        }
    }
}

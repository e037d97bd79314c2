//! The kind `postgres`: a database server accepts a user and answers a query that only reads. No detail or transcript
//! may show a row, a password, or a message of the server, which may quote rows.

mod errors;
mod limited;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use domain::sample::Reason;
use futures_util::StreamExt;
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};
use values::{FilePath, Line, Parsed, SecretName, Source, Text, Written};

use super::ServerSpec;
use crate::endpoint::{Endpoint, ServerKeys, Way, broken, closed, parting};
use crate::fault::Fault;
use crate::files::Current;
use crate::password::password;
use crate::trace::{Phase, Trace};
use crate::{Probe, Protocol, Running};
use limited::Limited;

/// The most rows that are read of an answer.
const ROWS: usize = 1_000;

/// Asks for TLS before the first message (PostgreSQL, "SSL Session Encryption").
const TLS_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// The keys of a `postgres` probe.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Postgres {
    /// The port. Default: 5432.
    #[schemars(range(min = 1, max = 65535))]
    port: Option<u16>,
    /// The database.
    database: Parsed<Line>,
    /// The user. It needs no right but to connect and to read what the query reads.
    user: Parsed<Line>,
    /// The password, from the environment.
    password: Option<Parsed<SecretName>>,
    /// The password, from a file.
    password_file: Option<Parsed<FilePath>>,
    /// One query, run in a transaction that cannot write. Default: SELECT 1.
    query: Option<Parsed<Text>>,
    /// The text of the first column of the first row. Default: any answer is good.
    expect: Option<Parsed<Text>>,
    /// True if the connection uses TLS.
    #[serde(default)]
    tls: bool,
}

impl ServerSpec for Postgres {
    fn prepare(
        self,
        server: &ServerKeys,
        timeout: &Written<Duration>,
        source: &mut Source<'_>,
    ) -> Option<Probe> {
        let way = Way {
            // Servers from version 17 on refuse another protocol.
            protocols: &[b"postgresql"],
            ..Way::new(self.port.unwrap_or(5432), self.tls)
        };
        let prepared = server.prepare(&way, timeout, source);
        let password = password(self.password.as_ref(), self.password_file.as_ref(), source);
        let query = match &self.query {
            Some(query) => {
                let text = query.value.trim().trim_end_matches(';').trim_end();
                if text.is_empty() || text.contains([';', '\0']) {
                    source.wrong(&query.at, "write one query, without `;`");
                }
                text.to_owned()
            }
            None => "SELECT 1".to_owned(),
        };
        let ((endpoint, settings), password) = (prepared?, password?);
        let files = password.as_ref().and_then(Current::files);
        let target = Target {
            endpoint,
            uses_tls: self.tls,
            database: self.database.value,
            user: self.user.value,
            password,
            query,
            expect: self.expect.map(|text| text.value),
            timeout: timeout.value,
        };
        Some(settings.probe(target, files))
    }
}

struct Target {
    endpoint: Endpoint,
    uses_tls: bool,
    database: String,
    user: String,
    password: Option<Current<SecretString>>,
    query: String,
    expect: Option<String>,
    timeout: Duration,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Target").field(&self.endpoint).finish()
    }
}

impl Protocol for Target {
    fn first_phase(&self) -> Phase {
        self.endpoint.first_phase()
    }

    fn resolves(&self) -> Option<Arc<str>> {
        self.endpoint.resolves()
    }

    fn run<'a>(&'a self, deadline: Instant, trace: &'a mut Trace<'_>) -> Running<'a> {
        Box::pin(self.ask(deadline, trace))
    }
}

impl Target {
    async fn ask(&self, deadline: Instant, trace: &mut Trace<'_>) -> Result<(), Fault> {
        let mut tcp = self.endpoint.dial(deadline, trace).await?;
        if self.uses_tls {
            request_tls(&mut tcp).await?;
        }
        let stream = self.endpoint.secure(tcp, trace).await?;
        trace.enter(Phase::Processing);
        let first_byte = trace.first_byte;
        let stream = Limited::new(stream, first_byte);
        let connected = self.config().connect_raw(stream, NoTls).await;
        let begun = trace.phase() == Phase::Transfer;
        let (client, connection) = connected.map_err(|error| errors::fault(&error, begun))?;
        trace.answered();
        trace.note(|| {
            format!(
                "signed in as {} to the database {}",
                self.user, self.database
            )
        });
        let mut connection = Box::pin(connection);
        let (found, open) = {
            let mut query = pin!(self.query(&client, trace));
            let early = tokio::select! {
                found = &mut query => Ok(found),
                ended = &mut connection => Err(ended),
            };
            match early {
                Ok(found) => (found, Some(connection)),
                Err(ended) => {
                    // The server may have sent its whole answer before it closed; the query knows only that the connection is gone.
                    drop(connection);
                    let found = query.await.map_err(|fault| match ended {
                        Err(error) if fault == closed(false) => errors::fault(&error, true),
                        _ => fault,
                    });
                    (found, None)
                }
            }
        };
        // The verdict stands. Without its client the connection ends in order.
        trace.decided();
        drop(client);
        if let Some(connection) = open {
            let _ = timeout_at(parting(deadline), connection).await;
        }
        let first = found?;
        if let Some(expect) = &self.expect
            && first.as_deref() != Some(expect.as_str())
        {
            let detail = format!("the first column of the first row is not `{expect}`");
            return Err(Fault::new(Reason::Body, detail));
        }
        Ok(())
    }

    fn config(&self) -> Config {
        let mut config = Config::new();
        config
            .user(&self.user)
            .dbname(&self.database)
            .application_name("nines")
            .ssl_mode(SslMode::Disable);
        if let Some(password) = &self.password {
            config.password(password.get().expose_secret());
        }
        config
    }

    /// The first column of the first row; `None` if it is null or there is no row.
    async fn query(&self, client: &Client, trace: &mut Trace<'_>) -> Result<Option<String>, Fault> {
        let fault = |error: tokio_postgres::Error| errors::fault(&error, true);
        // A pooler may refuse these as parameters of the connection.
        let limits = format!(
            "BEGIN READ ONLY; SET LOCAL statement_timeout = {}",
            self.timeout.as_millis()
        );
        client.batch_execute(&limits).await.map_err(fault)?;
        let mut answer = pin!(client.simple_query_raw(&self.query).await.map_err(fault)?);
        let mut first = None;
        let mut rows = 0;
        while let Some(message) = answer.next().await {
            if let SimpleQueryMessage::Row(row) = message.map_err(fault)? {
                if rows == 0 {
                    first = row.try_get(0).map_err(fault)?.map(str::to_owned);
                }
                rows += 1;
                if rows > ROWS {
                    let detail = format!("the query has more than {ROWS} rows: add a LIMIT");
                    return Err(Fault::new(Reason::Body, detail));
                }
            }
        }
        trace.note(|| match rows {
            1 => "the query has 1 row".to_owned(),
            rows => format!("the query has {rows} rows"),
        });
        Ok(first)
    }
}

/// Asks the server to speak TLS.
async fn request_tls(tcp: &mut TcpStream) -> Result<(), Fault> {
    let mut answer = [0];
    let asked = async {
        tcp.write_all(&TLS_REQUEST).await?;
        tcp.read(&mut answer).await
    };
    let length = asked.await.map_err(|error| broken(&error, false))?;
    match (length, answer) {
        (1, [b'S']) => Ok(()),
        (1, [b'N' | b'E']) => Err(Fault::new(Reason::Tls, "the server does not offer TLS")),
        (1, _) => Err(Fault::protocol("the answer is not PostgreSQL")),
        _ => Err(closed(false)),
    }
}

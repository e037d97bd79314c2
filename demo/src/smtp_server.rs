//! A small SMTP server (RFC 5321) that keeps the messages it takes and passes none on. The demo shows
//! the messages; tests script the answers.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;

use crate::clients;

/// The longest line and the largest message that are taken, in bytes.
const LONGEST_LINE: u64 = 4 * 1024;
const LARGEST_MESSAGE: usize = 1024 * 1024;

/// How many messages are kept; further ones replace the oldest.
const MOST_MESSAGES: usize = 10_000;

/// A step of the conversation at which the server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// When a client connects.
    Greeting,
    /// EHLO or HELO.
    Ehlo,
    StartTls,
    Auth,
    Mail,
    Rcpt,
    Data,
    /// After the first line of the message. The server accepts it by silence.
    Body,
    /// After the final dot.
    Message,
}

/// A failure that the server simulates instead of accepting at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Sends this line; the line end is added.
    Say(String),
    /// Closes the connection.
    Drop,
    /// Keeps the message, then closes the connection without a reply (only after the final dot).
    Lose,
    /// Sends nothing and waits until the client closes.
    Stall,
    /// Accepts after this time.
    Late(Duration),
    /// Accepts with one byte a second.
    Drip,
}

/// One scripted answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub moment: Moment,
    /// Only for this recipient, if one is named (from RCPT on).
    pub recipient: Option<String>,
    pub answer: Answer,
    /// How many times; `None` means always.
    pub times: Option<u32>,
}

/// A message that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// The message, with the client's dot stuffing undone.
    pub bytes: Vec<u8>,
    /// The message as it came, without the final dot.
    pub wire: Vec<u8>,
    /// True if it came through TLS.
    pub encrypted: bool,
    /// User and password, if the client logged in with AUTH PLAIN.
    pub account: Option<(String, String)>,
    /// The name in the client's last EHLO.
    pub client: String,
}

/// How the server offers TLS.
#[derive(Clone)]
pub enum Tls {
    None,
    /// After STARTTLS.
    Offered(TlsAcceptor),
    /// From the first byte.
    Always(TlsAcceptor),
}

/// A running server, until dropped.
pub struct SmtpServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: AbortHandle,
}

struct Shared {
    tls: Tls,
    kept: Mutex<VecDeque<Received>>,
    rules: Mutex<Vec<Rule>>,
    arrived: Notify,
    connections: Mutex<u64>,
}

impl SmtpServer {
    /// Listens at `address` (port 0 for a free one).
    pub async fn listen(address: SocketAddr, tls: Tls) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(tls));
        let server = Arc::clone(&shared);
        let serve = async move {
            clients::serve(&listener, |stream| {
                *lock(&server.connections) += 1;
                let server = Arc::clone(&server);
                // A broken conversation is for the client to notice.
                async move { drop(accept(stream, &server).await) }
            })
            .await;
        };
        let task = tokio::spawn(serve).abort_handle();
        Ok(Self {
            address,
            shared,
            task,
        })
    }

    /// Serves one client over a stream that need not be a socket, until it leaves. Returns the messages that were taken.
    pub async fn serve_one<S>(stream: S, tls: Tls, rules: Vec<Rule>) -> Vec<Received>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let shared = Shared::new(tls);
        *lock(&shared.rules) = rules;
        // A broken conversation is for the client to notice.
        drop(accept(stream, &shared).await);
        lock(&shared.kept).drain(..).collect()
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every message so far, oldest first.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.shared.kept).iter().cloned().collect()
    }

    /// Waits until at least `count` messages have been taken.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        loop {
            let arrived = self.shared.arrived.notified();
            let received = self.received();
            if received.len() >= count {
                return received;
            }
            arrived.await;
        }
    }

    /// Answers by the first of `rules` that fits from now on. Without one it accepts.
    pub fn script(&self, rules: Vec<Rule>) {
        *lock(&self.shared.rules) = rules;
    }

    /// How many clients have connected so far.
    pub fn connections(&self) -> u64 {
        *lock(&self.shared.connections)
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn new(tls: Tls) -> Self {
        Self {
            tls,
            kept: Mutex::default(),
            rules: Mutex::default(),
            arrived: Notify::new(),
            connections: Mutex::default(),
        }
    }

    /// The scripted answer at this step, if there is one. It counts as used.
    fn scripted(&self, moment: Moment, recipients: &[String]) -> Option<Answer> {
        let mut rules = lock(&self.rules);
        let rule = rules.iter_mut().find(|rule| {
            let recipient = rule.recipient.as_ref();
            rule.moment == moment
                && rule.times != Some(0)
                && recipient.is_none_or(|r| recipients.contains(r))
        })?;
        rule.times = rule.times.map(|left| left - 1);
        Some(rule.answer.clone())
    }

    fn is_scripted(&self, moment: Moment) -> bool {
        lock(&self.rules).iter().any(|rule| rule.moment == moment)
    }

    fn keep(&self, message: Received) {
        let mut kept = lock(&self.kept);
        if kept.len() == MOST_MESSAGES {
            kept.pop_front();
        }
        kept.push_back(message);
        drop(kept);
        self.arrived.notify_waiters();
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// One client's conversation. An error ends it.
struct Conversation<'a> {
    stream: BufReader<Box<dyn Stream>>,
    shared: &'a Shared,
    encrypted: bool,
    account: Option<(String, String)>,
    client: String,
    from: String,
    to: Vec<String>,
}

async fn accept<S: Stream + 'static>(stream: S, shared: &Shared) -> io::Result<()> {
    match &shared.tls {
        Tls::Always(acceptor) => {
            converse(Box::new(acceptor.accept(stream).await?), true, shared).await
        }
        Tls::None | Tls::Offered(_) => converse(Box::new(stream), false, shared).await,
    }
}

async fn converse(stream: Box<dyn Stream>, encrypted: bool, shared: &Shared) -> io::Result<()> {
    let mut conversation = Conversation {
        stream: BufReader::new(stream),
        shared,
        encrypted,
        account: None,
        client: String::new(),
        from: String::new(),
        to: Vec::new(),
    };
    conversation
        .answer(Moment::Greeting, "220 demo ESMTP")
        .await?;
    loop {
        let line = conversation.line().await?;
        let line = String::from_utf8_lossy(&line);
        conversation
            .command(line.trim_end_matches(['\r', '\n']))
            .await?;
    }
}

/// The error that ends a conversation on purpose.
fn closed() -> io::Error {
    io::ErrorKind::ConnectionAborted.into()
}

impl Conversation<'_> {
    async fn command(&mut self, line: &str) -> io::Result<()> {
        let verb = line.split([' ', ':']).next().unwrap_or_default();
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" | "HELO" => {
                self.client = line.split(' ').nth(1).unwrap_or_default().to_owned();
                let mut offer = String::from("250-demo\r\n250-8BITMIME\r\n250-AUTH PLAIN\r\n");
                if matches!(self.shared.tls, Tls::Offered(_)) && !self.encrypted {
                    offer += "250-STARTTLS\r\n";
                }
                self.answer(Moment::Ehlo, &(offer + "250 SMTPUTF8")).await?;
            }
            "STARTTLS" => self.start_tls().await?,
            "AUTH" => {
                self.account = line.rsplit(' ').next().and_then(plain_account);
                self.answer(Moment::Auth, "235 2.7.0 welcome").await?;
            }
            "MAIL" => {
                self.from = path_of(line);
                self.to.clear();
                self.answer(Moment::Mail, "250 2.1.0 ok").await?;
            }
            "RCPT" => {
                self.to.push(path_of(line));
                self.answer(Moment::Rcpt, "250 2.1.5 ok").await?;
            }
            "DATA" => {
                if self.answer(Moment::Data, "354 go ahead").await? {
                    self.message().await?;
                }
            }
            "RSET" | "NOOP" => self.say("250 2.0.0 ok").await?,
            "QUIT" => {
                self.say("221 2.0.0 bye").await?;
                return Err(closed());
            }
            _ => self.say("502 5.5.1 unknown command").await?,
        }
        Ok(())
    }

    /// Answers as scripted, else with `accept`. True if the answer accepts the step.
    async fn answer(&mut self, moment: Moment, accept: &str) -> io::Result<bool> {
        match self.shared.scripted(moment, &self.to) {
            None => self.say(accept).await.map(|()| true),
            Some(Answer::Say(text)) => {
                self.say(&text).await?;
                Ok(text.starts_with(['2', '3']))
            }
            Some(Answer::Drop | Answer::Lose) => Err(closed()),
            Some(Answer::Stall) => loop {
                self.line().await?;
            },
            Some(Answer::Late(wait)) => {
                tokio::time::sleep(wait).await;
                self.say(accept).await.map(|()| true)
            }
            Some(Answer::Drip) => self.drip(accept).await.map(|()| true),
        }
    }

    /// Says a line, one byte a second.
    async fn drip(&mut self, text: &str) -> io::Result<()> {
        for byte in format!("{text}\r\n").into_bytes() {
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.stream.write_all(&[byte]).await?;
            self.stream.flush().await?;
        }
        Ok(())
    }

    async fn say(&mut self, text: &str) -> io::Result<()> {
        let line = format!("{text}\r\n");
        self.stream.write_all(line.as_bytes()).await?;
        self.stream.flush().await
    }

    /// The next line with its end. A client that has gone is an error.
    async fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut limited = (&mut self.stream).take(LONGEST_LINE);
        match limited.read_until(b'\n', &mut bytes).await? {
            0 => Err(closed()),
            _ => Ok(bytes),
        }
    }

    async fn start_tls(&mut self) -> io::Result<()> {
        let Tls::Offered(acceptor) = self.shared.tls.clone() else {
            return self.say("502 5.5.1 no TLS here").await;
        };
        if self.answer(Moment::StartTls, "220 2.0.0 go ahead").await? {
            let nothing: Box<dyn Stream> = Box::new(tokio::io::empty());
            let clear = std::mem::replace(&mut self.stream, BufReader::new(nothing));
            let encrypted = acceptor.accept(clear.into_inner()).await?;
            self.stream = BufReader::new(Box::new(encrypted));
            self.encrypted = true;
        }
        Ok(())
    }

    /// Takes the message up to its final dot, and answers.
    async fn message(&mut self) -> io::Result<()> {
        let mut wire = Vec::new();
        loop {
            let line = self.line().await?;
            // The rest of a line that was too long is not the final dot.
            if line == b".\r\n" && (wire.is_empty() || wire.ends_with(b"\r\n")) {
                break;
            }
            if wire.len() + line.len() > LARGEST_MESSAGE {
                self.say("552 5.3.4 too large").await?;
                return Err(closed());
            }
            if wire.is_empty() && self.shared.is_scripted(Moment::Body) {
                self.answer(Moment::Body, "").await?;
            }
            wire.extend_from_slice(&line);
        }
        const KEPT: &str = "250 2.0.0 kept";
        let scripted = self.shared.scripted(Moment::Message, &self.to);
        match &scripted {
            Some(Answer::Say(text)) if !text.starts_with('2') => return self.say(text).await,
            Some(Answer::Drop) => return Err(closed()),
            Some(Answer::Stall) => loop {
                self.line().await?;
            },
            _ => {}
        }
        self.shared.keep(Received {
            from: self.from.clone(),
            to: std::mem::take(&mut self.to),
            bytes: unstuffed(&wire),
            wire,
            encrypted: self.encrypted,
            account: self.account.clone(),
            client: self.client.clone(),
        });
        match scripted {
            Some(Answer::Say(text)) => self.say(&text).await,
            Some(Answer::Late(wait)) => {
                tokio::time::sleep(wait).await;
                self.say(KEPT).await
            }
            Some(Answer::Drip) => self.drip(KEPT).await,
            Some(Answer::Lose) => Err(closed()),
            None | Some(Answer::Drop | Answer::Stall) => self.say(KEPT).await,
        }
    }
}

/// The path between `<` and `>`.
fn path_of(line: &str) -> String {
    let inner = line
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'));
    inner.map_or_else(String::new, |(path, _)| path.to_owned())
}

/// Removes the dot that the client put before a line that begins with one (RFC 5321 §4.5.2).
fn unstuffed(wire: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(wire.len());
    for line in wire.split_inclusive(|b| *b == b'\n') {
        let after_line_end = bytes.is_empty() || bytes.ends_with(b"\r\n");
        let stuffed = line.strip_prefix(b".").filter(|_| after_line_end);
        bytes.extend_from_slice(stuffed.unwrap_or(line));
    }
    bytes
}

/// User and password of an AUTH PLAIN answer: base64 of NUL, user, NUL, password (RFC 4616).
fn plain_account(base64: &str) -> Option<(String, String)> {
    let bytes = STANDARD.decode(base64).ok()?;
    let mut parts = bytes.split(|b| *b == 0).skip(1);
    let mut next = || String::from_utf8(parts.next()?.to_vec()).ok();
    Some((next()?, next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stuffed_dots_are_taken_out_once() {
        assert_eq!(
            unstuffed(b"a\r\n..\r\n...b\r\nc.\r\n"),
            b"a\r\n.\r\n..b\r\nc.\r\n"
        );
    }

    #[test]
    fn an_account_is_read_from_its_base64() {
        let pair = |u: &str, p: &str| Some((u.to_owned(), p.to_owned()));
        assert_eq!(
            plain_account("AG5pbmVzAHMzY3JldCE="),
            pair("nines", "s3cret!")
        );
        assert_eq!(plain_account("%%%"), None);
    }
}

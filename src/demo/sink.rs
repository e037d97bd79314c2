//! A small mail server that keeps what it gets: for the demo, whose messages can be read, and for
//! tests, which script its answers. It passes nothing on, and listens where it is told to, which
//! must be this machine.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;

/// The longest line and the largest message that are taken, in bytes.
const LONGEST_LINE: u64 = 4 * 1024;
const LARGEST_MESSAGE: usize = 1024 * 1024;

/// How many messages are kept; the oldest gives way.
const MOST_MESSAGES: usize = 10_000;

/// How many clients at once.
const CLIENTS: usize = 64;

/// Where in a conversation the sink answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// When a client connects.
    Greeting,
    /// To EHLO or HELO.
    Ehlo,
    /// To STARTTLS.
    StartTls,
    /// To AUTH.
    Auth,
    /// To MAIL.
    Mail,
    /// To RCPT.
    Rcpt,
    /// To DATA.
    Data,
    /// After the final dot.
    Message,
}

/// What the sink does instead of consenting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Says this; the line end is added.
    Say(String),
    /// Closes the connection.
    Drop,
    /// Keeps the message, then closes without a word (only after the final dot).
    Lose,
    /// Says nothing and waits until the client goes.
    Stall,
}

/// One scripted answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Where.
    pub moment: Moment,
    /// Only in transactions to this recipient, where one is named (from RCPT on).
    pub recipient: Option<String>,
    /// What.
    pub answer: Answer,
    /// How many times; `None` is always.
    pub times: Option<u32>,
}

/// A message that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// The message, dots unstuffed.
    pub bytes: Vec<u8>,
    /// The message as it came, with its stuffed dots, without the final one.
    pub wire: Vec<u8>,
    /// Whether it came through TLS.
    pub encrypted: bool,
    /// The account that sent it, where it logged in with AUTH PLAIN: user and password.
    pub account: Option<(String, String)>,
}

/// How a sink speaks TLS.
#[derive(Clone)]
pub enum Tls {
    /// Not at all.
    None,
    /// When asked by STARTTLS.
    Offered(TlsAcceptor),
    /// From the first byte.
    Always(TlsAcceptor),
}

/// A mail server that keeps what it gets, until it is dropped.
pub struct Sink {
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

impl Sink {
    /// Listens at `address` (port 0 for a free one).
    pub async fn listen(address: SocketAddr, tls: Tls) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            tls,
            kept: Mutex::default(),
            rules: Mutex::default(),
            arrived: Notify::new(),
            connections: Mutex::default(),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared))).abort_handle();
        Ok(Self {
            address,
            shared,
            task,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every message so far, oldest first.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.shared.kept).iter().cloned().collect()
    }

    /// Waits until at least `count` messages have been taken.
    pub async fn until(&self, count: usize) -> Vec<Received> {
        loop {
            let arrived = self.shared.arrived.notified();
            let received = self.received();
            if received.len() >= count {
                return received;
            }
            arrived.await;
        }
    }

    /// Answers by `rules` from now on, the first that fits; by none of them it consents.
    pub fn script(&self, rules: Vec<Rule>) {
        *lock(&self.shared.rules) = rules;
    }

    /// How many clients have connected so far.
    pub fn connections(&self) -> u64 {
        *lock(&self.shared.connections)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// The scripted answer at this moment, its count taken down.
    fn scripted(&self, moment: Moment, recipients: &[String]) -> Option<Answer> {
        let mut rules = lock(&self.rules);
        let rule = rules.iter_mut().find(|rule| {
            rule.moment == moment
                && rule.times != Some(0)
                && rule
                    .recipient
                    .as_ref()
                    .is_none_or(|r| recipients.contains(r))
        })?;
        rule.times = rule.times.map(|left| left - 1);
        Some(rule.answer.clone())
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

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let room = Arc::new(Semaphore::new(CLIENTS));
    let mut clients = tokio::task::JoinSet::new();
    loop {
        while clients.try_join_next().is_some() {}
        let Ok(place) = Arc::clone(&room).acquire_owned().await else {
            return;
        };
        // A failed accept is the client's trouble, or passes.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        *lock(&shared.connections) += 1;
        let shared = Arc::clone(&shared);
        clients.spawn(async move {
            // What breaks a conversation is the client's to notice.
            let _ = converse(stream, &shared).await;
            drop(place);
        });
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// One client's conversation.
struct Conversation<'a> {
    stream: BufReader<Box<dyn Stream>>,
    shared: &'a Shared,
    encrypted: bool,
    account: Option<(String, String)>,
    from: String,
    to: Vec<String>,
}

async fn converse(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    let (stream, encrypted): (Box<dyn Stream>, bool) = match &shared.tls {
        Tls::Always(acceptor) => (Box::new(acceptor.accept(stream).await?), true),
        Tls::None | Tls::Offered(_) => (Box::new(stream), false),
    };
    let mut conversation = Conversation {
        stream: BufReader::new(stream),
        shared,
        encrypted,
        account: None,
        from: String::new(),
        to: Vec::new(),
    };
    if !conversation
        .answer(Moment::Greeting, "220 sink ESMTP")
        .await?
    {
        return Ok(());
    }
    while let Some(line) = conversation.line().await? {
        if !conversation.command(&line).await? {
            break;
        }
    }
    Ok(())
}

impl Conversation<'_> {
    /// One command; whether the conversation goes on.
    async fn command(&mut self, line: &str) -> io::Result<bool> {
        let verb = line
            .split([' ', ':'])
            .next()
            .unwrap_or_default()
            .to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" | "HELO" => {
                let mut offer = String::from("250-sink\r\n250-8BITMIME\r\n250-AUTH PLAIN\r\n");
                if matches!(self.shared.tls, Tls::Offered(_)) && !self.encrypted {
                    offer += "250-STARTTLS\r\n";
                }
                self.answer(Moment::Ehlo, &(offer + "250 SMTPUTF8")).await
            }
            "STARTTLS" => self.start_tls().await,
            "AUTH" => {
                self.account = line.rsplit(' ').next().and_then(plain_account);
                self.answer(Moment::Auth, "235 2.7.0 welcome").await
            }
            "MAIL" => {
                self.from = path_of(line);
                self.to.clear();
                self.answer(Moment::Mail, "250 2.1.0 ok").await
            }
            "RCPT" => {
                self.to.push(path_of(line));
                self.answer(Moment::Rcpt, "250 2.1.5 ok").await
            }
            "DATA" => {
                let go_on = self.answer(Moment::Data, "354 go ahead").await?;
                if go_on {
                    self.message().await
                } else {
                    Ok(false)
                }
            }
            "RSET" | "NOOP" => self.say("250 2.0.0 ok").await.map(|()| true),
            "QUIT" => self.say("221 2.0.0 bye").await.map(|()| false),
            _ => self.say("502 5.5.1 what?").await.map(|()| true),
        }
    }

    /// Answers as scripted, else with `consent`; whether the step was consented to.
    async fn answer(&mut self, moment: Moment, consent: &str) -> io::Result<bool> {
        match self.shared.scripted(moment, &self.to) {
            None => self.say(consent).await.map(|()| true),
            // After a refused DATA no message follows; the client then speaks next.
            Some(Answer::Say(text)) => {
                self.say(&text).await?;
                if moment == Moment::Data && !text.starts_with('3') {
                    while let Some(line) = self.line().await? {
                        if !Box::pin(self.command(&line)).await? {
                            break;
                        }
                    }
                    return Ok(false);
                }
                Ok(true)
            }
            Some(Answer::Drop | Answer::Lose) => Ok(false),
            Some(Answer::Stall) => {
                while self.line().await?.is_some() {}
                Ok(false)
            }
        }
    }

    async fn say(&mut self, text: &str) -> io::Result<()> {
        self.stream
            .write_all(format!("{text}\r\n").as_bytes())
            .await?;
        self.stream.flush().await
    }

    /// The next line without its end; nothing when the client is gone.
    async fn line(&mut self) -> io::Result<Option<String>> {
        let bytes = self.raw_line().await?;
        let text = String::from_utf8_lossy(&bytes);
        Ok((!bytes.is_empty()).then(|| text.trim_end_matches(['\r', '\n']).to_owned()))
    }

    async fn raw_line(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        (&mut self.stream)
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut bytes)
            .await?;
        Ok(bytes)
    }

    async fn start_tls(&mut self) -> io::Result<bool> {
        let Tls::Offered(acceptor) = self.shared.tls.clone() else {
            return self.say("502 5.5.1 no TLS here").await.map(|()| true);
        };
        if !self.answer(Moment::StartTls, "220 2.0.0 go ahead").await? {
            return Ok(false);
        }
        let clear = std::mem::replace(
            &mut self.stream,
            BufReader::new(Box::new(tokio::io::empty())),
        );
        let encrypted = acceptor.accept(clear.into_inner()).await?;
        self.stream = BufReader::new(Box::new(encrypted));
        self.encrypted = true;
        Ok(true)
    }

    /// The message up to its final dot, and the answer to that.
    async fn message(&mut self) -> io::Result<bool> {
        let mut wire = Vec::new();
        loop {
            let line = self.raw_line().await?;
            if line.is_empty() {
                return Ok(false);
            }
            // A line that was too long has no end yet: its rest must not be taken for a dot.
            if line == b".\r\n" && (wire.is_empty() || wire.ends_with(b"\r\n")) {
                break;
            }
            if wire.len() + line.len() > LARGEST_MESSAGE {
                self.say("552 5.3.4 too large").await?;
                return Ok(false);
            }
            wire.extend_from_slice(&line);
        }
        let answer = match self.shared.scripted(Moment::Message, &self.to) {
            None => Some("250 2.0.0 kept".to_owned()),
            Some(Answer::Say(text)) if text.starts_with('2') => Some(text),
            Some(Answer::Say(text)) => return self.say(&text).await.map(|()| true),
            Some(Answer::Lose) => None,
            Some(Answer::Drop) => return Ok(false),
            Some(Answer::Stall) => {
                while self.line().await?.is_some() {}
                return Ok(false);
            }
        };
        self.shared.keep(Received {
            from: self.from.clone(),
            to: std::mem::take(&mut self.to),
            bytes: unstuffed(&wire),
            wire,
            encrypted: self.encrypted,
            account: self.account.clone(),
        });
        match answer {
            Some(text) => self.say(&text).await.map(|()| true),
            None => Ok(false),
        }
    }
}

/// What stands between `<` and `>`.
fn path_of(line: &str) -> String {
    let inner = line
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'));
    inner.map_or_else(String::new, |(path, _)| path.to_owned())
}

/// RFC 5321, 4.5.2: a dot at the start of a line was put there by the client.
fn unstuffed(wire: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(wire.len());
    let mut rest = wire;
    while !rest.is_empty() {
        let end = rest
            .windows(2)
            .position(|w| w == b"\r\n")
            .map_or(rest.len(), |i| i + 2);
        let (line, after) = rest.split_at(end);
        bytes.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
        rest = after;
    }
    bytes
}

/// User and password of an AUTH PLAIN answer: base64 of NUL, user, NUL, password.
fn plain_account(base64: &str) -> Option<(String, String)> {
    let bytes = decoded(base64)?;
    let mut parts = bytes.split(|b| *b == 0).skip(1);
    let mut next = || String::from_utf8(parts.next()?.to_vec()).ok();
    Some((next()?, next()?))
}

fn decoded(base64: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut bits, mut held) = (0_u32, 0_u32);
    for c in base64.trim_end_matches('=').bytes() {
        let digit = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        held = (held << 6 | u32::from(digit)) & 0xfff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).ok()?);
        }
    }
    Some(bytes)
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

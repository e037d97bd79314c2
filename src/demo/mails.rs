//! What the mail server got: each message in a file of its own, and kept for the page that shows
//! it. It reads only what Nines itself wrote (plain headers, quoted-printable).

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;

use super::sink::{Received, Sink};
use crate::{clock, files};

/// A message as a person sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Its `Message-ID`.
    pub id: String,
    /// When it arrived.
    pub at: Timestamp,
    /// To whom.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// Its file, within the folder of mails.
    pub file: String,
    /// The plain part.
    pub text: String,
    /// The HTML part.
    pub html: String,
}

/// Every mail so far, oldest first. Share it in an `Arc`.
pub struct Mails {
    folder: PathBuf,
    kept: Mutex<Vec<Mail>>,
    count: watch::Sender<usize>,
}

impl Mails {
    /// Keeps messages in `folder`.
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            kept: Mutex::default(),
            count: watch::Sender::new(0),
        }
    }

    /// Every mail so far.
    pub fn all(&self) -> Vec<Mail> {
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// How many there are, and every change of it.
    pub fn count(&self) -> watch::Receiver<usize> {
        self.count.subscribe()
    }

    /// Takes what arrives at the sink, for as long as it is asked to.
    pub async fn collect(self: Arc<Self>, sink: Arc<Sink>) {
        let mut taken = 0;
        loop {
            let received = sink.until(taken + 1).await;
            for message in &received[taken..] {
                taken += 1;
                self.take(taken, message);
            }
            self.count.send_replace(taken);
        }
    }

    fn take(&self, number: usize, message: &Received) {
        let mut mail = read(message);
        mail.file = format!("{number:03}-{}.eml", slug(&mail.subject));
        let path = self.folder.join(&mail.file);
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(mail);
        if let Err(error) = files::replace(&path, &message.bytes) {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, path = %path.display(), "a mail cannot be written");
        }
    }
}

fn read(message: &Received) -> Mail {
    let text = String::from_utf8_lossy(&message.bytes).replace("\r\n", "\n");
    let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
    let part = |kind: &str| part_of(head, body, kind).unwrap_or_default();
    Mail {
        id: header(head, "Message-ID").unwrap_or_default(),
        at: clock::now(),
        to: message.to.join(", "),
        subject: header(head, "Subject").unwrap_or_else(|| "(no subject)".to_owned()),
        file: String::new(),
        text: part("text/plain"),
        html: part("text/html"),
    }
}

/// The value of a header, its folded lines joined.
fn header(head: &str, name: &str) -> Option<String> {
    let mut lines = head.lines();
    let wanted = |line: &&str| {
        line.split_once(':')
            .is_some_and(|(n, _)| n.eq_ignore_ascii_case(name))
    };
    let first = lines.find(wanted)?;
    let mut value = first.split_once(':')?.1.trim().to_owned();
    for more in lines.take_while(|line| line.starts_with([' ', '\t'])) {
        value.push(' ');
        value.push_str(more.trim());
    }
    Some(value)
}

/// The part of that kind, decoded.
fn part_of(head: &str, body: &str, kind: &str) -> Option<String> {
    let content = header(head, "Content-Type")?;
    let boundary = content.split_once("boundary=\"")?.1.split_once('"')?.0;
    let boundary = format!("--{boundary}");
    for part in body.split(&boundary).skip(1) {
        let Some((head, body)) = part.trim_start_matches('\n').split_once("\n\n") else {
            continue;
        };
        if header(head, "Content-Type").is_some_and(|c| c.starts_with(kind)) {
            return Some(plain(body.trim_end_matches('\n')));
        }
    }
    None
}

/// Quoted-printable (RFC 2045, section 6.7) as text; what is not valid stays as it is.
fn plain(quoted: &str) -> String {
    let mut bytes = Vec::with_capacity(quoted.len());
    let mut rest = quoted.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'=' {
            bytes.push(*first);
        } else if let Some(after) = rest.strip_prefix(b"\n") {
            rest = after;
        } else if let Some(byte) = rest.get(..2).and_then(hex) {
            bytes.push(byte);
            rest = &rest[2..];
        } else {
            bytes.push(b'=');
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// A subject as a part of a file's name.
fn slug(subject: &str) -> String {
    let mut slug = String::new();
    for c in subject.chars().take(48) {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() {
        "mail".to_owned()
    } else {
        slug.to_owned()
    }
}

#[cfg(test)]
mod tests {
    //! Tests may unwrap: a panic is how they fail.
    #![allow(clippy::unwrap_used)]
    use super::*;

    const MESSAGE: &str = "From: a@example.org\r\nSubject: DOWN: Clinical Portal (since\r\n 02:14 EDT)\r\n\
        Content-Type: multipart/alternative;\r\n boundary=\"=_x\"\r\n\r\n--=_x\r\n\
        Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
        It is down =E2=80=94 we =\r\nlook.\r\n--=_x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n\
        <p a=3D1>It</p>\r\n--=_x--\r\n";

    fn message() -> Received {
        Received {
            from: "a@example.org".to_owned(),
            to: vec!["it@st-elsewhere.example".to_owned()],
            bytes: MESSAGE.as_bytes().to_vec(),
            wire: MESSAGE.as_bytes().to_vec(),
            encrypted: false,
            account: None,
        }
    }

    #[test]
    fn a_message_is_read_as_a_person_sees_it() {
        let mail = read(&message());
        assert_eq!(mail.subject, "DOWN: Clinical Portal (since 02:14 EDT)");
        assert_eq!(mail.text, "It is down \u{2014} we look.");
        assert_eq!(mail.html, "<p a=1>It</p>");
    }

    #[test]
    fn what_is_no_message_of_ours_is_kept_all_the_same() {
        let odd = Received {
            bytes: b"=ZZ =".to_vec(),
            ..message()
        };
        assert_eq!(read(&odd).subject, "(no subject)");
        assert_eq!(plain("=ZZ = =C3=A9 ="), "=ZZ = \u{e9} =");
    }

    #[test]
    fn file_names_hold_nothing_but_letters_digits_and_hyphens() {
        assert_eq!(
            slug("DOWN: Clinical Portal (since 02:14)"),
            "down-clinical-portal-since-02-14"
        );
        assert_eq!(slug("../../etc/passwd"), "etc-passwd");
        assert_eq!(slug("\u{1F4A5}"), "mail");
    }

    #[test]
    fn a_mail_that_arrives_is_filed_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let mails = Mails::new(dir.path());
        mails.take(1, &message());
        let mail = mails.all().remove(0);
        assert_eq!(mail.file, "001-down-clinical-portal-since-02-14-edt.eml");
        assert_eq!(
            std::fs::read(dir.path().join(&mail.file)).unwrap(),
            MESSAGE.as_bytes()
        );
    }
}

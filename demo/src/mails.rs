//! The mails that arrived: each in a file of its own, and kept for the page that shows them.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use mail_parser::MessageParser;

use crate::console::{Console, Source};
use crate::smtp_server::{Received, SmtpServer};

/// A mail as its reader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Its `Message-ID`, without angle brackets.
    pub id: String,
    pub at: Timestamp,
    pub to: String,
    pub subject: String,
    /// The name of its file.
    pub file: String,
    /// The plain part.
    pub text: String,
    /// The HTML part.
    pub html: String,
}

/// The mails so far, oldest first.
pub struct Mails {
    folder: PathBuf,
    kept: Mutex<Vec<Mail>>,
}

impl Mails {
    /// Files the mails that `server` takes in `folder`, until the last owner of the result is gone.
    ///
    /// # Errors
    /// The folder could not be made.
    pub fn collect(
        folder: &Path,
        server: SmtpServer,
        console: Arc<Console>,
    ) -> io::Result<Arc<Self>> {
        std::fs::create_dir_all(folder)?;
        let mails = Arc::new(Self::new(folder));
        let weak = Arc::downgrade(&mails);
        tokio::spawn(async move {
            let mut taken = 0;
            loop {
                let received = server.wait_for(taken + 1).await;
                let Some(mails) = weak.upgrade() else { return };
                for message in &received[taken..] {
                    taken += 1;
                    if let Err(error) = mails.take(taken, message, console.now()) {
                        console.say(Source::Demo, &format!("A mail cannot be written: {error}"));
                    }
                }
            }
        });
        Ok(mails)
    }

    fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            kept: Mutex::default(),
        }
    }

    pub fn all(&self) -> Vec<Mail> {
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The mail with that `Message-ID`, with or without angle brackets.
    pub fn with_id(&self, message_id: &str) -> Option<Mail> {
        let bare = |id: &str| id.trim_matches(['<', '>']).to_owned();
        let mut all = self.all().into_iter();
        all.find(|mail| bare(&mail.id) == bare(message_id))
    }

    fn take(&self, number: usize, message: &Received, at: Timestamp) -> io::Result<()> {
        let mut mail = read(message, at);
        mail.file = format!("{number:03}-{}.eml", slug(&mail.subject));
        let path = self.folder.join(&mail.file);
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(mail);
        io::Write::write_all(&mut std::fs::File::create(path)?, &message.bytes)
    }
}

fn read(message: &Received, at: Timestamp) -> Mail {
    let parsed = MessageParser::default().parse(&message.bytes);
    let text = |of: fn(&mail_parser::Message<'_>) -> Option<String>| {
        parsed.as_ref().and_then(of).unwrap_or_default()
    };
    Mail {
        id: text(|m| m.message_id().map(str::to_owned)),
        at,
        to: message.to.join(", "),
        subject: text(|m| m.subject().map(str::to_owned)),
        file: String::new(),
        text: text(|m| m.body_text(0).map(String::from)),
        html: text(|m| m.body_html(0).map(String::from)),
    }
}

/// A subject as a part of a file's name: letters, digits and hyphens.
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
    if slug.is_empty() { "mail" } else { slug }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = "Message-ID: <N-7.k3v9q2@example.org>\r\n\
        Subject: DOWN: Clinical Portal\r\n (since 02:14 EDT)\r\n\
        Content-Type: multipart/alternative; boundary=\"b\"\r\n\r\n\
        --b\r\nContent-Type: text/plain; charset=utf-8\r\n\
        Content-Transfer-Encoding: quoted-printable\r\n\r\nIt is down =E2=80=94 since=\r\n 02:14.\r\n\
        --b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>It is down</p>\r\n--b--\r\n";

    fn message() -> Received {
        Received {
            from: "status@example.org".to_owned(),
            to: vec!["it@st-elsewhere.example".to_owned()],
            bytes: MESSAGE.as_bytes().to_vec(),
            wire: Vec::new(),
            encrypted: false,
            account: None,
            client: String::new(),
        }
    }

    #[test]
    fn a_mail_that_arrives_is_read_filed_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let mails = Mails::new(dir.path());
        mails.take(1, &message(), Timestamp::UNIX_EPOCH).unwrap();
        let mail = mails.with_id("<N-7.k3v9q2@example.org>").unwrap();
        assert_eq!(mail.to, "it@st-elsewhere.example");
        assert_eq!(mail.subject, "DOWN: Clinical Portal (since 02:14 EDT)");
        assert_eq!(mail.text.trim_end(), "It is down \u{2014} since 02:14.");
        assert_eq!(mail.html.trim_end(), "<p>It is down</p>");
        assert_eq!(mail.file, "001-down-clinical-portal-since-02-14-edt.eml");
        let filed = std::fs::read(dir.path().join(&mail.file)).unwrap();
        assert_eq!(filed, MESSAGE.as_bytes());
        assert_eq!(mails.with_id("other@example.org"), None);
    }

    #[test]
    fn file_names_hold_nothing_but_letters_digits_and_hyphens() {
        assert_eq!(slug("../../etc/passwd"), "etc-passwd");
        assert_eq!(slug("\u{1F4A5}"), "mail");
    }
}

//! Mails to subscribers. The ledger stores the letter: all of the mail but the reader's address and the link that ends
//! the subscription. Both are added just before it is sent, from `people.sqlite`, which can forget them.

use domain::id::SubscriberId;
use domain::mailbox::Mailbox;
use domain::notice::Notice;
use jiff::Timestamp;
use minijinja::HtmlEscape;
use serde::{Deserialize, Serialize};

use super::message::{Headers, build, mailbox};
use super::render::{Preview, Renderer};
use super::{Error, Rendered, Sender, courier};
use crate::digest::sha256;

/// Stands for the link in the parts of a letter.
pub(super) const LINK: &str = "subscription-link.invalid";

/// The data of a subscriber that a mail needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    pub address: String,
    /// The page on which the subscriber chooses systems. A POST to it unsubscribes.
    pub link: String,
}

/// Knows the subscribers' addresses.
pub trait Readers: Send + Sync + 'static {
    /// The subscriber; `None` if the subscription has ended. It may block for a read of a file.
    ///
    /// # Errors
    /// The file cannot be read now; the sentence says why.
    fn find(&self, id: SubscriberId) -> Result<Option<Reader>, String>;
}

#[derive(Serialize, Deserialize)]
struct Letter {
    from: Mailbox,
    message_id: String,
    references: Vec<String>,
    date: Timestamp,
    subject: String,
    text: String,
    html: String,
}

impl Renderer {
    /// The letter of a notice to a subscriber.
    pub(super) fn letter(
        &self,
        notice: &Notice,
        sender: &Sender,
        date: Timestamp,
    ) -> Result<Rendered, Error> {
        let said = self.say_with(notice, sender, false)?;
        let letter = Letter {
            from: sender.mail_from.clone(),
            message_id: sender.message_id.clone(),
            references: sender.references.clone(),
            date,
            subject: said.subject,
            text: said.text,
            html: said.html,
        };
        let bytes = serde_json::to_vec(&letter).map_err(|e| Error::Message(e.to_string()))?;
        Ok(Rendered {
            message_id: letter.message_id,
            sha256: sha256(&bytes),
            bytes,
        })
    }

    /// The mail that asks for the confirmation of a subscription.
    pub(super) fn confirmation(
        &self,
        sender: &Sender,
        to: &str,
        systems: &[String],
        link: &str,
        date: Timestamp,
    ) -> Result<Vec<u8>, Error> {
        let said = self.say_confirmation(&sender.service, &sender.contact, systems, link)?;
        let from = mailbox("From", &sender.mail_from)?;
        let headers = Headers {
            message_id: &sender.message_id,
            references: &[],
            date,
            list: sender.mail_from.domain(),
            unsubscribe: None,
        };
        Ok(build(from, Some(mailbox("To", &to.into())?), headers, said, None)?.bytes)
    }
}

/// The mail of a stored letter to its reader.
pub(super) fn addressed(letter: &[u8], reader: &Reader) -> Result<Vec<u8>, Error> {
    let letter: Letter =
        serde_json::from_slice(letter).map_err(|e| Error::Message(e.to_string()))?;
    let html = HtmlEscape(&reader.link).to_string();
    let said = Preview {
        subject: letter.subject,
        text: letter.text.replace(LINK, &reader.link),
        html: letter.html.replace(LINK, &html),
    };
    let headers = Headers {
        message_id: &letter.message_id,
        references: &letter.references,
        date: letter.date,
        list: letter.from.domain(),
        unsubscribe: Some(&reader.link),
    };
    let from = mailbox("From", &letter.from)?;
    let to = mailbox("To", &reader.address.as_str().into())?;
    Ok(build(from, Some(to), headers, said, None)?.bytes)
}

/// The sender of a mail that is no notice.
pub(super) fn sender(catalogue: &domain::catalogue::Catalogue, seed: &str) -> Sender {
    let id = &sha256(seed)[..24];
    Sender {
        service: catalogue.service.clone(),
        contact: courier::contact(catalogue),
        mail_from: catalogue.mail_from.clone(),
        message_id: format!("<{id}@{}>", catalogue.mail_from.domain()),
        references: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(text: &str) -> Vec<u8> {
        let letter = Letter {
            from: "Example Status <status@example.org>".into(),
            message_id: "<1@example.org>".to_owned(),
            references: Vec::new(),
            date: "2026-10-07T06:14:00Z".parse().unwrap(),
            subject: "DOWN: Portal".to_owned(),
            text: text.to_owned(),
            html: format!("<a href=\"{LINK}\">Unsubscribe</a>\n"),
        };
        serde_json::to_vec(&letter).unwrap()
    }

    #[test]
    fn a_letter_gets_its_address_and_its_link_when_it_is_sent() {
        let reader = Reader {
            address: "ann@clinic.example".to_owned(),
            link: "https://status.example.org/subscription/12-0123456789abcdef".to_owned(),
        };
        let stored = letter(&format!("Portal is DOWN.\n\n{LINK}\n"));
        assert!(!String::from_utf8_lossy(&stored).contains("clinic"));
        let mail = String::from_utf8(addressed(&stored, &reader).unwrap()).unwrap();
        for line in [
            "To: ann@clinic.example\r\n",
            "List-Unsubscribe: <https://status.example.org/subscription/12-0123456789abcdef>\r\n",
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
            "\r\nhttps://status.example.org/subscription/12-0123456789abcdef\r\n",
        ] {
            assert!(mail.contains(line), "{line} is missing in {mail}");
        }
        assert!(!mail.contains(LINK), "{mail}");
        assert_eq!(mail.into_bytes(), addressed(&stored, &reader).unwrap());
    }

    #[test]
    fn an_address_with_a_line_end_makes_no_mail() {
        for address in [
            "ann@clinic.example\r\nBcc: all@clinic.example",
            "ann@clinic.example,bob@clinic.example",
            "ann",
        ] {
            let (address, link) = (address.to_owned(), "https://a.example/1".to_owned());
            assert!(addressed(&letter("x\n"), &Reader { address, link }).is_err());
        }
    }
}

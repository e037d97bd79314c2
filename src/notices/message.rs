//! The bytes of a message: built once, stored, sent again unchanged. Nines sets Date, Message-ID
//! and MIME boundary, so the same notice gives the same bytes. Every part is quoted-printable, so a
//! person's text cannot end a line, a part or the message.

use domain::mailbox;
use domain::notice::{Address as Recipient, Notice};
use jiff::Timestamp;
use lettre::message::header::{
    ContentTransferEncoding, ContentType, Date, HeaderName, HeaderValue,
};
use lettre::message::{Mailbox, Message, MultiPart, SinglePart};
use lettre::{Address, address::Envelope};

use super::attachment::Attachment;
use super::render::{Preview, Renderer};
use super::{Due, Error, Sender, text};
use crate::digest::sha256;

/// A message, ready for a relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// Its `Message-ID`, in angle brackets.
    pub message_id: String,
    /// A mail's headers and body, every line ending in CRLF; of a webhook, its body.
    pub bytes: Vec<u8>,
    /// SHA-256 of `bytes`, in hexadecimal.
    pub sha256: String,
}

impl Rendered {
    /// The message of `due` whose bytes were stored at its first attempt.
    pub fn kept(due: &Due, bytes: Vec<u8>) -> Self {
        let message_id = match due.notice.recipient.address {
            Recipient::Mail(_) | Recipient::Reporter(_) => {
                header_of(&bytes, "Message-ID").unwrap_or_default()
            }
            Recipient::Webhook(_) | Recipient::Subscriber(_) => due.sender.message_id.clone(),
        };
        let sha256 = sha256(&bytes);
        Self {
            message_id,
            bytes,
            sha256,
        }
    }
}

impl Renderer {
    /// Renders a notice as the message that `sender` sends, dated `date`.
    ///
    /// # Errors
    /// A template is wrong, or an address or a header cannot be written.
    pub fn message(
        &self,
        notice: &Notice,
        sender: &Sender,
        date: Timestamp,
    ) -> Result<Rendered, Error> {
        let to = match &notice.recipient.address {
            Recipient::Mail(to) => Some(mailbox("To", &to.as_str().into())?),
            // The ledger stores these bytes and never forgets: `to_person` adds the address when they are sent.
            Recipient::Reporter(_) => None,
            Recipient::Webhook(_) => return self.webhook(notice, sender, date),
            Recipient::Subscriber(_) => return self.letter(notice, sender, date),
        };
        let attachment = self.attachment(notice)?;
        let said = self.say_with(notice, sender, attachment.is_some())?;
        let from = mailbox("From", &sender.mail_from)?;
        let headers = Headers {
            message_id: &sender.message_id,
            references: &sender.references,
            date,
            list: sender.mail_from.domain(),
            unsubscribe: None,
        };
        build(from, to, headers, said, attachment)
    }
}

impl Renderer {
    /// Renders the mail with which an operator tests the relays.
    ///
    /// # Errors
    /// As for a notice.
    pub fn test_message(
        &self,
        sender: &Sender,
        to: &str,
        date: Timestamp,
    ) -> Result<Rendered, Error> {
        let said = self.say_test(&sender.service, &sender.contact, to)?;
        let from = mailbox("From", &sender.mail_from)?;
        let headers = Headers {
            message_id: &sender.message_id,
            references: &[],
            date,
            list: sender.mail_from.domain(),
            unsubscribe: None,
        };
        let to = mailbox("To", &to.into())?;
        build(from, Some(to), headers, said, None)
    }
}

pub(super) struct Headers<'a> {
    pub message_id: &'a str,
    pub references: &'a [String],
    pub date: Timestamp,
    pub list: &'a str,
    /// The address that ends a subscription.
    pub unsubscribe: Option<&'a str>,
}

pub(super) fn build(
    from: Mailbox,
    to: Option<Mailbox>,
    headers: Headers<'_>,
    said: Preview,
    attachment: Option<Attachment>,
) -> Result<Rendered, Error> {
    let fail = |what: &dyn std::fmt::Display| Error::Message(what.to_string());
    // lettre would otherwise read both addresses from the headers that it has encoded.
    let reader = to
        .as_ref()
        .map_or_else(|| from.email.clone(), |to| to.email.clone());
    let envelope =
        Envelope::new(Some(from.email.clone()), vec![reader]).map_err(|error| fail(&error))?;
    let mut message = Message::builder().envelope(envelope).from(from);
    if let Some(to) = to {
        message = message.to(to);
    }
    let mut message = message
        .subject(text::header("Subject", &said.subject)?)
        .header(Date::new(headers.date.into()))
        .raw_header(raw("Message-ID", headers.message_id)?);
    if let Some(last) = headers.references.last() {
        message = message
            .raw_header(raw("In-Reply-To", last)?)
            .raw_header(raw("References", &headers.references.join(" "))?);
    }
    message = message
        .raw_header(raw("Auto-Submitted", "auto-generated")?)
        .raw_header(raw("X-Auto-Response-Suppress", "All")?)
        .raw_header(raw("List-Id", &format!("<notices.{}>", headers.list))?);
    if let Some(link) = headers.unsubscribe {
        // RFC 8058: the mail program posts to the address without asking the reader again.
        message = message
            .raw_header(raw("List-Unsubscribe", &format!("<{link}>"))?)
            .raw_header(raw("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")?);
    }

    // `=_` cannot occur in quoted-printable text, so the boundary occurs nowhere else.
    let seed = sha256(headers.message_id);
    let boundary = format!("=_nines_{}", &seed[..32]);
    let alternative =
        ContentType::parse(&format!("multipart/alternative; boundary=\"{boundary}\""))
            .map_err(|error| fail(&error))?;
    let mut parts = MultiPart::builder()
        .header(alternative)
        .build()
        .singlepart(part(ContentType::TEXT_PLAIN, said.text))
        .singlepart(part(ContentType::TEXT_HTML, said.html));
    if let Some(attachment) = attachment {
        let mixed = ContentType::parse(&format!("multipart/mixed; boundary=\"{boundary}_file\""));
        let mixed = mixed.map_err(|error| fail(&error))?;
        parts = MultiPart::builder()
            .header(mixed)
            .build()
            .multipart(parts)
            .singlepart(attachment.part()?);
    }
    let bytes = message
        .multipart(parts)
        .map_err(|error| fail(&error))?
        .formatted();
    text::wire_safe(&bytes).map_err(|what| fail(&format!("it holds {what}")))?;
    Ok(Rendered {
        message_id: headers.message_id.to_owned(),
        sha256: sha256(&bytes),
        bytes,
    })
}

/// The message with the address of a person whom the ledger knows by number alone.
///
/// # Errors
/// It is no mail address.
pub(super) fn to_person(bytes: &[u8], address: &str) -> Result<Vec<u8>, Error> {
    let to = mailbox("To", &address.into())?;
    Ok([format!("To: {to}\r\n").as_bytes(), bytes].concat())
}

/// Always quoted-printable: lettre would not encode short ASCII text, nor a bare CR in it.
fn part(kind: ContentType, body: String) -> SinglePart {
    SinglePart::builder()
        .header(kind)
        .header(ContentTransferEncoding::QuotedPrintable)
        .body(body)
}

fn raw(name: &'static str, value: &str) -> Result<HeaderValue, Error> {
    let value = text::header(name, value)?.to_owned();
    Ok(HeaderValue::new(
        HeaderName::new_from_ascii_str(name),
        value,
    ))
}

/// The mailbox as lettre's type, which encodes the name.
pub(super) fn mailbox(header: &'static str, given: &mailbox::Mailbox) -> Result<Mailbox, Error> {
    text::header(header, given.name.as_deref().unwrap_or_default())?;
    let address = text::header(header, &given.address)?;
    let address: Address = address.parse().map_err(|source| Error::Address {
        address: text::cut(address, 120),
        source,
    })?;
    Ok(Mailbox::new(given.name.clone(), address))
}

fn header_of(bytes: &[u8], name: &str) -> Option<String> {
    let end = bytes
        .windows(4)
        .position(|w| w == b"\r\n\r\n")
        .unwrap_or(bytes.len());
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    // A folded value starts on the line after its name.
    let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    unfolded.split("\r\n").find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found
            .eq_ignore_ascii_case(name)
            .then(|| value.trim().to_owned())
    })
}

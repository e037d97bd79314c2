//! The file of a report that its mail attaches: read once, when the message is rendered.

use std::io::ErrorKind;

use domain::notice::Notice;
use lettre::message::header::{ContentTransferEncoding, ContentType};
use lettre::message::{Attachment as Named, SinglePart};

use super::Error;
use super::render::Renderer;
use crate::digest::sha256;
use crate::files::{self, ReadError};

/// The largest file that a mail attaches, in bytes. Many relays refuse more than 10 MB, and base64
/// adds a third.
pub(super) const LARGEST: u64 = 5_000_000;

/// A file with its name.
pub(super) struct Attachment {
    name: String,
    bytes: Vec<u8>,
}

impl Attachment {
    /// The part of the message, in base64.
    pub(super) fn part(self) -> Result<SinglePart, Error> {
        let kind = match self.name.rsplit('.').next() {
            Some("pdf") => "application/pdf",
            Some("html") => "text/html; charset=utf-8",
            _ => "application/octet-stream",
        };
        let kind = ContentType::parse(kind).map_err(|error| Error::Message(error.to_string()))?;
        let body =
            lettre::message::Body::new_with_encoding(self.bytes, ContentTransferEncoding::Base64);
        let body = body.map_err(|_| Error::Message("a file cannot be encoded".to_owned()))?;
        Ok(Named::new(self.name).body(body, kind))
    }
}

impl Renderer {
    /// The file of a notice about a report. `None` if the notice has none, if it is too large, or if
    /// the stored file is not the one that was approved: then the mail says its SHA-256.
    ///
    /// # Errors
    /// The file cannot be read now.
    pub(super) fn attachment(&self, notice: &Notice) -> Result<Option<Attachment>, Error> {
        let file = notice.report.as_ref().and_then(|r| r.file.as_ref());
        let (Some(file), Some(folder)) = (file, self.reports.get()) else {
            return Ok(None);
        };
        if file.bytes > LARGEST {
            return Ok(None);
        }
        let path = folder.join(&file.name);
        match files::read(&path, LARGEST) {
            Ok(bytes) if sha256(&bytes) == file.sha256 => Ok(Some(Attachment {
                name: file.name.clone(),
                bytes,
            })),
            Err(ReadError::Io(error)) if error.kind() != ErrorKind::NotFound => {
                Err(Error::Attachment {
                    path: path.display().to_string(),
                    source: error,
                })
            }
            _ => {
                let path = path.display();
                tracing::error!(%path, "not the file that was approved: its mail attaches nothing");
                Ok(None)
            }
        }
    }
}

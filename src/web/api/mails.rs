//! The mails that a dry run would send, with the operator's templates.

use std::sync::Arc;

use domain::notice::Notice;

use super::problem::{Answer, Failed};
use super::{blocking, wire};
use crate::notices::{self, Renderer};
use crate::web::console::Console;

pub async fn rendered(console: &Arc<Console>, notices: Vec<Notice>) -> Answer<Vec<wire::Mail>> {
    let catalogue = Arc::clone(&console.app.snapshot().record.catalogue);
    let look = console.app.look();
    let rendering = move || {
        let renderer = Renderer::new(look.templates.as_ref())?;
        let contact = notices::contact(&catalogue);
        let mails = notices.iter().map(|notice| {
            let said = renderer.say(notice, &catalogue.service, &contact)?;
            Ok(wire::Mail::of(notice, said))
        });
        mails.collect::<Result<Vec<_>, notices::Error>>()
    };
    blocking(rendering).await?.map_err(|error| {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, "the mails of a dry run cannot be rendered");
        Failed::unavailable("the mails cannot be rendered; the log says why")
    })
}

impl wire::Mail {
    /// The mail of a notice with its text.
    pub fn of(notice: &Notice, said: notices::Preview) -> Self {
        let recipient = &notice.recipient;
        Self {
            kind: notice.kind.to_string(),
            name: recipient.name.clone(),
            recipient: recipient.address.to_string(),
            customers: recipient.customers().map(ToString::to_string).collect(),
            subject: said.subject,
            text: said.text,
        }
    }
}

//! The addresses of subscribers, and the links in their mails.

use std::sync::Arc;

use arc_swap::ArcSwap;
use domain::id::SubscriberId;
use people::People;

use crate::notices::{Reader, Readers};

/// Looks subscribers up in `people.sqlite`.
pub struct Directory {
    people: Arc<People>,
    /// The address of the public listener.
    listener: String,
    /// The address of the public pages, without a slash at its end.
    url: ArcSwap<String>,
}

impl Directory {
    /// Links begin with `listener` unless the configuration names the address of the pages.
    pub fn new(people: Arc<People>, listener: String) -> Self {
        Self {
            people,
            url: ArcSwap::from_pointee(listener.clone()),
            listener,
        }
    }

    pub(super) fn set_url(&self, url: Option<String>) {
        let url = url.unwrap_or_else(|| self.listener.clone());
        self.url.store(Arc::new(url));
    }

    pub(super) fn people(&self) -> Arc<People> {
        Arc::clone(&self.people)
    }

    /// The page that confirms a request.
    pub(super) fn confirmation(&self, secret: &str) -> String {
        format!("{}/subscribe/{secret}", self.url.load())
    }
}

impl Readers for Directory {
    fn find(&self, id: SubscriberId) -> Result<Option<Reader>, String> {
        let find = || {
            let Ok(id) = i64::try_from(id.0).map(people::SubscriberId) else {
                return Ok(None);
            };
            let Some(found) = self.people.subscriber(id)? else {
                return Ok(None);
            };
            let secret = self.people.manage_secret(id)?;
            Ok(Some(Reader {
                address: found.address,
                link: format!("{}/subscription/{secret}", self.url.load()),
            }))
        };
        find().map_err(|error: people::Error| {
            let cause = std::error::Error::source(&error);
            cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
        })
    }
}

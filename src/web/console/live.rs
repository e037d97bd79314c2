//! Tells open pages that the record has changed. Their script then loads them again, unless a person is typing.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::{Console, Shared};

/// How often the record is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Open pages that are told of changes. Others refresh when a person asks.
pub const STREAMS: usize = 100;

/// Publishes each new version of the record, for ever.
pub async fn publish(console: Arc<Console>) {
    loop {
        console.live.publish(&console.version());
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

pub async fn events(State(console): Shared) -> Response {
    console.live.stream(&console.version())
}

pub async fn script() -> impl IntoResponse {
    (
        [
            (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
            (header::CACHE_CONTROL, "max-age=300"),
        ],
        include_str!("templates/live.js"),
    )
}

impl Console {
    /// The sequence of the last event.
    pub(super) fn version(&self) -> String {
        self.app.snapshot().record.seq.to_string()
    }

    /// Ends every stream: the service stops.
    pub fn end_streams(&self) {
        self.live.end();
    }
}

//! The stream of events for open pages (Server-Sent Events of the HTML standard): one event for each new version.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use hyper::body::{Body as HttpBody, Frame};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::timeout;

/// A line after this time of silence, so that no proxy ends the stream.
const ALIVE: Duration = Duration::from_secs(20);

/// Tells open pages of new versions.
pub(super) struct Live {
    version: watch::Sender<String>,
    room: Arc<Semaphore>,
}

impl Live {
    /// At most `streams` at once.
    pub(super) fn new(streams: usize) -> Self {
        Self {
            version: watch::Sender::default(),
            room: Arc::new(Semaphore::new(streams)),
        }
    }

    pub(super) fn publish(&self, version: &str) {
        self.version.send_if_modified(|known| {
            let is_new = known != version;
            if is_new {
                version.clone_into(known);
            }
            is_new
        });
    }

    /// Ends every stream: the service stops.
    pub(super) fn end(&self) {
        self.room.close();
        self.version.send_replace(String::new());
    }

    /// A stream that begins with the `present` version.
    pub(super) fn stream(&self, present: &str) -> Response<Body> {
        let Ok(place) = Arc::clone(&self.room).try_acquire_owned() else {
            let retry = [(header::RETRY_AFTER, HeaderValue::from_static("60"))];
            return (StatusCode::SERVICE_UNAVAILABLE, retry, "too many streams\n").into_response();
        };
        let (send, receive) = mpsc::channel(2);
        let mut versions = self.version.subscribe();
        let mut next = event(present);
        tokio::spawn(async move {
            let _place = place;
            while send.send(next).await.is_ok() {
                let changed = tokio::select! {
                    () = send.closed() => break,
                    changed = timeout(ALIVE, versions.changed()) => changed,
                };
                next = match changed {
                    Ok(Ok(())) => event(&versions.borrow_and_update()),
                    Ok(Err(_)) => break,
                    Err(_) => Bytes::from_static(b":\n\n"),
                };
                if versions.borrow().is_empty() && next.starts_with(b"event") {
                    break;
                }
            }
        });
        let mut response = Response::new(Body::new(Events(receive)));
        let kind = HeaderValue::from_static("text/event-stream");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}

fn event(version: &str) -> Bytes {
    format!("event: version\ndata: {version}\n\n").into()
}

struct Events(mpsc::Receiver<Bytes>);

impl HttpBody for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.0.poll_recv(cx);
        next.map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

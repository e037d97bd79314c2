//! Counts the requests of a connection, so that one without any can be ended.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes};
use axum::http::{Request, Response};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::service::Service;

/// The requests of a connection since it began.
#[derive(Default)]
pub(super) struct Activity {
    begun: AtomicU64,
    ended: AtomicU64,
}

impl Activity {
    pub(super) fn begun(&self) -> u64 {
        self.begun.load(Relaxed)
    }

    /// The number of requests so far; `None` while one is under way.
    pub(super) fn at_rest(&self) -> Option<u64> {
        let (ended, begun) = (self.ended.load(Relaxed), self.begun());
        (ended == begun).then_some(begun)
    }
}

/// A request under way.
struct UnderWay(Arc<Activity>);

impl UnderWay {
    fn begin(activity: &Arc<Activity>) -> Self {
        activity.begun.fetch_add(1, Relaxed);
        Self(Arc::clone(activity))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Relaxed);
    }
}

/// A service that counts its requests.
pub(super) struct Counting<V> {
    service: V,
    activity: Arc<Activity>,
}

impl<V> Counting<V> {
    pub(super) fn new(service: V, activity: Arc<Activity>) -> Self {
        Self { service, activity }
    }
}

impl<V> Service<Request<Incoming>> for Counting<V>
where
    V: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>,
    V::Future: Send + 'static,
{
    type Response = Response<CountedBody>;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        Answering {
            answer: Box::pin(self.service.call(request)),
            under_way: Some(UnderWay::begin(&self.activity)),
        }
    }
}

/// An answer that is being made.
pub(super) struct Answering {
    answer: Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>,
    under_way: Option<UnderWay>,
}

impl Future for Answering {
    type Output = Result<Response<CountedBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(self.answer.as_mut().poll(cx));
        let under_way = self.under_way.take();
        let counted = |body| CountedBody {
            body,
            _under_way: under_way,
        };
        Poll::Ready(answer.map(|answer| answer.map(counted)))
    }
}

/// The body of an answer. The request is under way until it is sent or given up.
pub(super) struct CountedBody {
    body: Body,
    _under_way: Option<UnderWay>,
}

impl HttpBody for CountedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

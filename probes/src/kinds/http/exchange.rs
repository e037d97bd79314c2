//! One request and its answer on an open connection, in HTTP/1.1 or 2. The connection is driven
//! within the run's own task, so that cutting off the run cuts off everything. It must never read
//! more than the limits, nor keep a body that nobody looks into.

mod errors;
mod stamp;

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::body::{Body, Incoming};
use hyper::client::conn;
use hyper::header::{self, HeaderMap};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::client::TlsStream;

use crate::fault::Fault;
use crate::kinds::http::hop::{Hop, Rendered, Secure};
use crate::kinds::http::{BODY_LIMIT, HEAD_LIMIT};
use crate::trace::Trace;
use stamp::Stamped;

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    /// Empty unless somebody looks into it.
    pub(super) body: Vec<u8>,
    /// Where to go on, if this is a redirect to be followed; the body is not read then.
    pub(super) location: Option<Vec<u8>>,
}

/// What of an answer somebody looks into.
#[derive(Debug)]
pub(super) struct Want {
    pub(super) body: bool,
    /// Redirects are followed …
    pub(super) redirect: bool,
    /// … unless their status is expected by number.
    pub(super) statuses: Vec<u16>,
}

impl Want {
    /// The `Location` of a redirect to be followed.
    fn location(&self, status: u16, headers: &HeaderMap) -> Result<Option<Vec<u8>>, Fault> {
        let redirects = matches!(status, 301 | 302 | 303 | 307 | 308);
        if !self.redirect || !redirects || self.statuses.contains(&status) {
            return Ok(None);
        }
        match headers.get(header::LOCATION) {
            Some(location) => Ok(Some(location.as_bytes().to_vec())),
            None => Err(errors::nowhere(status)),
        }
    }
}

/// HTTP/1.1. Expects the trace to be in `Processing`; leaves it in `Transfer`.
pub(super) async fn http1<S>(
    stream: S,
    hop: &Hop,
    want: &Want,
    trace: &mut Trace<'_>,
) -> Result<Answer, Fault>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let io = TokioIo::new(Stamped::new(stream, trace.first_byte));
    let mut builder = conn::http1::Builder::new();
    builder.max_header_size(HEAD_LIMIT);
    let (mut sender, connection) = builder
        .handshake(io)
        .await
        .map_err(|e| errors::before(&e, false))?;
    let answer = sender.send_request(request(hop, &hop.plain));
    converse(connection, answer, want, trace).await
}

/// HTTP/2, as agreed in the handshake.
pub(super) async fn http2(
    stream: TlsStream<TcpStream>,
    hop: &Hop,
    secure: &Secure,
    want: &Want,
    trace: &mut Trace<'_>,
) -> Result<Answer, Fault> {
    let tasks = Tasks::default();
    let _ended_with_the_run = Ended(tasks.clone());
    let (mut sender, connection) = conn::http2::Builder::new(tasks)
        .max_header_list_size(u32::try_from(HEAD_LIMIT).unwrap_or(u32::MAX))
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|e| errors::before(&e, false))?;
    let answer = sender.send_request(request(hop, &secure.http2));
    converse(connection, answer, want, trace).await
}

fn request(hop: &Hop, rendered: &Rendered) -> hyper::Request<Full<Bytes>> {
    let mut request = hyper::Request::new(Full::new(hop.body()));
    *request.method_mut() = hop.method().clone();
    *request.uri_mut() = rendered.uri.clone();
    *request.headers_mut() = rendered.headers.clone();
    request
}

async fn converse<C, R>(
    connection: C,
    answer: R,
    want: &Want,
    trace: &mut Trace<'_>,
) -> Result<Answer, Fault>
where
    C: Future<Output = hyper::Result<()>>,
    R: Future<Output = hyper::Result<Response<Incoming>>>,
{
    let mut driver = Driver {
        connection: pin!(connection),
        ended: false,
        error: None,
    };
    let response = match driver.until(answer).await {
        Ok(response) => response,
        Err(error) => {
            let begun = trace.phase() == crate::trace::Phase::Transfer;
            let told = driver.error.as_ref().unwrap_or(&error);
            return Err(errors::before(told, begun));
        }
    };
    // HTTP/2 tells no first byte of one answer apart: there it is the head.
    trace.first_byte.stamp();
    trace.answered();
    let (head, body) = response.into_parts();
    let status = head.status.as_u16();
    trace.status = Some(status);
    let location = want.location(status, &head.headers)?;
    let body = match location {
        Some(_) => Vec::new(),
        None => receive(&mut driver, body, want.body, open_ended(&head.headers)).await?,
    };
    Ok(Answer {
        status,
        headers: head.headers,
        body,
        location,
    })
}

/// Whether only the connection's end ends the body.
fn open_ended(headers: &HeaderMap) -> bool {
    !headers.contains_key(header::CONTENT_LENGTH)
        && !headers.contains_key(header::TRANSFER_ENCODING)
}

/// Reads to the end, within the limit; keeps it if somebody looks into it.
async fn receive<C>(
    driver: &mut Driver<'_, C>,
    body: Incoming,
    keep: bool,
    open_ended: bool,
) -> Result<Vec<u8>, Fault>
where
    C: Future<Output = hyper::Result<()>>,
{
    let mut body = pin!(body);
    let mut kept = Vec::new();
    let mut length = 0_usize;
    let announced = body.size_hint().lower();
    if announced > BODY_LIMIT as u64 {
        return Err(errors::too_long());
    }
    while let Some(frame) = driver
        .until(poll_fn(|cx| body.as_mut().poll_frame(cx)))
        .await
    {
        let data = match frame.map(hyper::body::Frame::into_data) {
            Ok(Ok(data)) => data,
            // Trailers say nothing that is looked into.
            Ok(Err(_)) => continue,
            // Many servers end TLS without saying so. Where nothing else ends the body, that has
            // to do; where a length was announced, the answer broke off.
            Err(e) if open_ended && errors::is_mere_end(&e) => break,
            Err(e) => return Err(errors::within(&e, length)),
        };
        length += data.len();
        if length > BODY_LIMIT {
            return Err(errors::too_long());
        }
        if keep {
            kept.extend_from_slice(&data);
        }
    }
    Ok(kept)
}

/// Drives a connection while something else waits for what it brings.
struct Driver<'a, C> {
    connection: Pin<&'a mut C>,
    ended: bool,
    error: Option<hyper::Error>,
}

impl<C: Future<Output = hyper::Result<()>>> Driver<'_, C> {
    async fn until<F: Future>(&mut self, wanted: F) -> F::Output {
        let mut wanted = pin!(wanted);
        poll_fn(|cx| {
            if !self.ended
                && let Poll::Ready(end) = self.connection.as_mut().poll(cx)
            {
                self.ended = true;
                self.error = end.err();
            }
            wanted.as_mut().poll(cx)
        })
        .await
    }
}

/// HTTP/2 keeps its streams in tasks of their own; they must not outlive the run.
#[derive(Clone, Default)]
struct Tasks(Arc<Mutex<JoinSet<()>>>);

impl<F> hyper::rt::Executor<F> for Tasks
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, task: F) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.spawn(task);
    }
}

/// Ends the tasks, which may hold each other's handle, when the run ends in whatever way.
struct Ended(Tasks);

impl Drop for Ended {
    fn drop(&mut self) {
        let Tasks(tasks) = &self.0;
        tasks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .abort_all();
    }
}

//! One request and its answer on an open connection, in HTTP/1.1 or 2. The run's task drives the
//! connection, so that the end of the run ends everything. It must never read more than the limits,
//! nor keep a body without an expectation.

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
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::client::TlsStream;

use crate::fault::Fault;
use crate::kinds::http::hop::{Hop, Rendered, Secure};
use crate::kinds::http::{BODY_LIMIT, HEAD_LIMIT, HEADERS_LIMIT};
use crate::trace::Trace;
use stamp::Stamped;

/// The answer to a request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// Empty unless [`Want::body`].
    pub(crate) body: Vec<u8>,
    /// Set if this redirect is to be followed. Then the body is not read.
    pub(crate) location: Option<Vec<u8>>,
}

impl Answer {
    /// Without anything of the body.
    pub(crate) fn in_words(&self) -> String {
        match self.body.len() {
            0 => format!("status {}", self.status),
            length => format!("status {}, {length} bytes", self.status),
        }
    }
}

/// The parts of an answer that the probe needs.
#[derive(Debug)]
pub(crate) struct Want {
    pub(crate) body: bool,
    /// Redirects are followed, except those with one of `statuses`.
    pub(crate) redirect: bool,
    pub(crate) statuses: Vec<u16>,
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
            None => Err(errors::no_location(status)),
        }
    }
}

/// HTTP/1.1. Expects the trace to be in `Processing`; leaves it in `Transfer`.
pub(crate) async fn http1<S>(
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
    // As lenient as browsers: an odd header says nothing about the service.
    builder
        .max_header_size(HEAD_LIMIT)
        .max_headers(HEADERS_LIMIT)
        .allow_spaces_after_header_name_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .ignore_invalid_headers_in_responses(true);
    let (mut sender, mut connection) = builder
        .handshake(io)
        .await
        .map_err(|e| errors::before(&e, false))?;
    let answer = sender.send_request(request(hop, &hop.plain));
    match exchange(&mut connection, answer, want, trace).await {
        Ok(answer) => Ok(answer),
        Err(Broken::Head { error, .. }) if error.is_parse() => {
            // The parser leaves the head that it refuses.
            let head = connection.into_parts().read_buf;
            Err(errors::malformed(&error, &head))
        }
        Err(broken) => Err(broken.into()),
    }
}

/// HTTP/2, as agreed in the handshake. `None` if the server asks for HTTP/1.1 instead (RFC 9113 §7).
pub(crate) async fn http2(
    stream: TlsStream<TcpStream>,
    hop: &Hop,
    secure: &Secure,
    want: &Want,
    trace: &mut Trace<'_>,
) -> Result<Option<Answer>, Fault> {
    let tasks = Tasks::default();
    let _ended_with_the_run = Ended(tasks.clone());
    // The library's limit adds 32 bytes to each header (RFC 9113 §6.5.2) and its error does not name the
    // limit. `check_limits` counts as HTTP/1.1 does.
    let limit = 16 * HEAD_LIMIT;
    let (mut sender, mut connection) = conn::http2::Builder::new(tasks)
        .max_header_list_size(u32::try_from(limit).unwrap_or(u32::MAX))
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|e| errors::before(&e, false))?;
    let answer = sender.send_request(request(hop, &secure.http2));
    match exchange(&mut connection, answer, want, trace).await {
        Ok(answer) => Ok(Some(answer)),
        Err(Broken::Head { error, .. }) if errors::asks_for_http1(&error) => Ok(None),
        Err(broken) => Err(broken.into()),
    }
}

/// An exchange that failed.
enum Broken {
    /// Before the end of the head. `begun`: part of it has arrived.
    Head {
        error: hyper::Error,
        begun: bool,
    },
    Later(Fault),
}

impl From<Fault> for Broken {
    fn from(fault: Fault) -> Self {
        Broken::Later(fault)
    }
}

impl From<Broken> for Fault {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Head { error, begun } => errors::before(&error, begun),
            Broken::Later(fault) => fault,
        }
    }
}

fn request(hop: &Hop, rendered: &Rendered) -> hyper::Request<Full<Bytes>> {
    let mut request = hyper::Request::new(Full::new(hop.body()));
    *request.method_mut() = hop.method().clone();
    *request.uri_mut() = rendered.uri.clone();
    *request.headers_mut() = rendered.headers.clone();
    if let Some(value) = hop.proxy_authorization() {
        request
            .headers_mut()
            .insert(header::PROXY_AUTHORIZATION, value);
    }
    request
}

async fn exchange<C, R>(
    connection: &mut C,
    answer: R,
    want: &Want,
    trace: &mut Trace<'_>,
) -> Result<Answer, Broken>
where
    C: Future<Output = hyper::Result<()>> + Unpin,
    R: Future<Output = hyper::Result<Response<Incoming>>>,
{
    let mut driver = Driver {
        connection: Pin::new(connection),
        ended: false,
        error: None,
    };
    let response = match driver.until(answer).await {
        Ok(response) => response,
        Err(error) => {
            let begun = trace.phase() == crate::trace::Phase::Transfer;
            let error = driver.error.unwrap_or(error);
            return Err(Broken::Head { error, begun });
        }
    };
    // HTTP/2 does not tell the first byte of one answer: there the head counts.
    trace.first_byte.stamp();
    trace.answered();
    let (head, body) = response.into_parts();
    let status = head.status.as_u16();
    trace.status = Some(status);
    check_limits(&head.headers)?;
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

/// The limits of a head are the same for each version of HTTP.
fn check_limits(headers: &HeaderMap) -> Result<(), Fault> {
    let length = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len() + 4;
    if headers.len() > HEADERS_LIMIT {
        return Err(errors::too_many_headers());
    }
    if headers.iter().map(length).sum::<usize>() > HEAD_LIMIT {
        return Err(errors::head_too_long());
    }
    Ok(())
}

/// True if only the end of the connection ends the body.
fn open_ended(headers: &HeaderMap) -> bool {
    !headers.contains_key(header::CONTENT_LENGTH)
        && !headers.contains_key(header::TRANSFER_ENCODING)
}

/// Reads the body to its end. One that is kept may not be longer than the limit; another is read up
/// to the limit, since no expectation depends on the rest.
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
    if keep && announced > BODY_LIMIT as u64 {
        return Err(errors::too_long());
    }
    while let Some(frame) = driver
        .until(poll_fn(|cx| body.as_mut().poll_frame(cx)))
        .await
    {
        let data = match frame.map(hyper::body::Frame::into_data) {
            Ok(Ok(data)) => data,
            // Trailers are not needed.
            Ok(Err(_)) => continue,
            // Many servers end TLS without a close alert. That ends an open-ended body; with an
            // announced length, the answer broke off.
            Err(e) if open_ended && errors::is_plain_end(&e) => break,
            Err(e) => return Err(errors::within(&e, length)),
        };
        length += data.len();
        if length > BODY_LIMIT && keep {
            return Err(errors::too_long());
        } else if length > BODY_LIMIT {
            break;
        } else if keep {
            kept.extend_from_slice(&data);
        }
    }
    Ok(kept)
}

/// Drives a connection while a future waits for its data.
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

/// The tasks of HTTP/2 streams. They must not outlive the run.
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

/// Ends the tasks when the run ends or is dropped.
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

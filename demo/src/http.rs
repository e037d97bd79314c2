//! HTTP for the demo's own servers: one request, one answer, and the connection is closed.

use std::convert::Infallible;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;

/// How long a client may take for its request and for reading the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// A page may not run or fetch anything; the page of a mail shows it in a frame.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'";

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: StatusCode,
    pub content_type: &'static str,
    pub body: String,
}

impl Answer {
    pub fn ok(content_type: &'static str, body: impl Into<String>) -> Self {
        Self {
            status: StatusCode::OK,
            content_type,
            body: body.into(),
        }
    }

    pub fn html(body: impl Into<String>) -> Self {
        Self::ok("text/html; charset=utf-8", body)
    }

    pub fn failure(status: StatusCode, text: &str) -> Self {
        Self {
            status,
            content_type: "text/plain; charset=utf-8",
            body: format!("{text}\n"),
        }
    }
}

/// Answers the first request on a connection; `answer` gets its path.
pub async fn serve(stream: TcpStream, answer: impl Fn(&str) -> Answer) {
    let service = service_fn(|request: Request<Incoming>| {
        let Answer {
            status,
            content_type,
            body,
        } = answer(request.uri().path());
        async move {
            let mut response = Response::new(Full::new(Bytes::from(body)));
            *response.status_mut() = status;
            let headers = [
                (CONTENT_TYPE, content_type),
                (CONTENT_SECURITY_POLICY, POLICY),
                (X_CONTENT_TYPE_OPTIONS, "nosniff"),
                (CACHE_CONTROL, "no-store"),
            ];
            for (name, value) in headers {
                let value = hyper::header::HeaderValue::from_static(value);
                response.headers_mut().insert(name, value);
            }
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // A client that has gone or is too slow needs no answer.
    let _ = tokio::time::timeout(2 * PATIENCE, connection).await;
}

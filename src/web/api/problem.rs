//! Errors as problem details (RFC 9457).

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::wire;

const KIND: HeaderValue = HeaderValue::from_static("application/problem+json");
/// The longest text of a library that becomes the detail of a problem, in bytes.
const TEXT: usize = 4 * 1024;

/// A request that failed.
pub type Answer<T> = Result<T, Failed>;

/// Boxed, because a problem is larger than most answers.
#[derive(Debug)]
pub struct Failed(Box<wire::Problem>);

impl Failed {
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self(Box::new(wire::Problem {
            kind: "about:blank".to_owned(),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            ..wire::Problem::default()
        }))
    }

    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    pub fn unprocessable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }

    /// A task that panicked.
    pub fn broke_off() -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self::new(status, "the answer broke off; the log says why")
    }

    /// The thing has changed since the version that the request names.
    pub fn changed(version: u64, changes: Vec<wire::Event>) -> Self {
        let detail = "it has changed since the version in If-Match: read `changes`, then send the request again with \
                      the present version";
        let mut failed = Self::new(StatusCode::PRECONDITION_FAILED, detail);
        failed.0.version = Some(version);
        failed.0.changes = changes;
        failed
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or_default();
        let body = serde_json::to_string(&self.0).unwrap_or_default();
        (status, [(header::CONTENT_TYPE, KIND)], body).into_response()
    }
}

/// Turns errors of the layers and extractors below into problems.
pub async fn everywhere(request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    let status = response.status();
    let is_problem = response.headers().get(header::CONTENT_TYPE) == Some(&KIND);
    if is_problem || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (parts, body) = response.into_parts();
    let text = axum::body::to_bytes(body, TEXT).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&text).trim().to_owned();
    let detail = match (status, text.is_empty()) {
        (StatusCode::METHOD_NOT_ALLOWED, _) => {
            format!("{path} has no method {method}: the header Allow lists its methods")
        }
        (StatusCode::PAYLOAD_TOO_LARGE, _) => {
            format!("the body has more than {} KiB", super::BODY / 1024)
        }
        (_, true) => format!("{method} {path} failed"),
        (_, false) => text,
    };
    let mut problem = Failed::new(status, detail).into_response();
    for (name, value) in &parts.headers {
        if !problem.headers().contains_key(name) && name != header::CONTENT_LENGTH {
            problem.headers_mut().insert(name, value.clone());
        }
    }
    problem
}

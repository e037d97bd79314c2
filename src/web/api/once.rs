//! `Idempotency-Key`: a program that got no answer sends the same request again, and it is carried out once.
//!
//! The key is in `people.sqlite` before the work begins, and its answer after it. A key whose answer was lost, because
//! the service was killed between the two, is refused from then on: a person looks what the ledger has.

use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use people::{Earlier, KeptAnswer};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::blocking;
use super::caller::Caller;
use super::problem::{Answer, Failed};
use crate::web::console::Console;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The longest key in characters.
const LONGEST: usize = 255;
/// The largest answer that is kept, in bytes.
const KEPT: usize = 256 * 1024;

/// The key of a request.
pub fn key(headers: &HeaderMap) -> Answer<Option<String>> {
    let Some(value) = headers.get(KEY) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default();
    if text.is_empty() || text.len() > LONGEST || !text.chars().all(|c| c.is_ascii_graphic()) {
        let why = format!("Idempotency-Key has 1 to {LONGEST} visible ASCII characters");
        return Err(Failed::bad_request(why));
    }
    Ok(Some(text.to_owned()))
}

/// Carries out `work` once for a key, also if the caller disconnects. The same key and body get the first answer.
pub async fn answered(
    console: &Arc<Console>,
    caller: &Caller,
    key: Option<String>,
    (request, body): (&'static str, &impl Serialize),
    work: impl Future<Output = Answer<Response>> + Send + 'static,
) -> Answer<Response> {
    let Some(key) = key else {
        return work.await;
    };
    let written = serde_json::to_vec(body).map_err(|_| Failed::broke_off())?;
    let digest = Sha256::new()
        .chain_update(request)
        .chain_update(written)
        .finalize();
    let (people, token, now) = (Arc::clone(&console.people), caller.token, console.app.now());
    let begun = {
        let (people, key) = (Arc::clone(&people), key.clone());
        blocking(move || people.begin_request(token, &key, &digest, now)).await?
    };
    match begun.map_err(|error| unavailable(&error))? {
        Earlier::None => {}
        Earlier::Answered(answer) => return again(answer),
        Earlier::Open => {
            return Err(Failed::conflict(
                "a request with this Idempotency-Key is being carried out, or its answer was lost: look into \
                 /api/v1/events before you send it with another key",
            ));
        }
        Earlier::Different => {
            return Err(Failed::unprocessable(
                "this Idempotency-Key was used for another request: take a new key for each",
            ));
        }
        Earlier::TooMany => {
            let why = "this token used too many Idempotency-Keys within 24 hours";
            return Err(Failed::new(StatusCode::TOO_MANY_REQUESTS, why));
        }
    }
    let carried_out = tokio::spawn(async move {
        let response = work.await.unwrap_or_else(IntoResponse::into_response);
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
        // A failure of the service itself may pass, and nobody knows what it left.
        if !parts.status.is_server_error() {
            let text = |name| parts.headers.get(name)?.to_str().ok().map(str::to_owned);
            let is_secret = parts.extensions.get::<Secret>().is_some();
            let answer = KeptAnswer {
                status: parts.status.as_u16(),
                kind: text(header::CONTENT_TYPE).unwrap_or_default(),
                tag: text(header::ETAG),
                body: Some(bytes.to_vec()).filter(|b| b.len() <= KEPT && !is_secret),
            };
            let keeping = move || people.end_request(token, &key, &answer);
            if let Ok(Err(error)) = tokio::task::spawn_blocking(keeping).await {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "the answer to a request with a key is not kept");
            }
        }
        Response::from_parts(parts, Body::from(bytes))
    });
    carried_out.await.map_err(|_| Failed::broke_off())
}

/// Marks an answer that has a secret. It is not kept.
#[derive(Clone, Copy)]
pub struct Secret;

/// The first answer again.
fn again(answer: KeptAnswer) -> Answer<Response> {
    let Some(body) = answer.body else {
        return Err(Failed::conflict(
            "this request was carried out before, and its answer is shown once only",
        ));
    };
    let status = StatusCode::from_u16(answer.status).unwrap_or_default();
    let mut response = (status, Bytes::from(body)).into_response();
    let headers = [
        (header::CONTENT_TYPE, Some(answer.kind)),
        (header::ETAG, answer.tag),
    ];
    for (name, value) in headers {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

fn unavailable(error: &people::Error) -> Failed {
    let error = error as &dyn std::error::Error;
    tracing::error!(error, "people.sqlite cannot be used");
    Failed::unavailable("the keys of requests cannot be read; the log says why")
}

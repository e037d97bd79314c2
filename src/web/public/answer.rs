//! One answer of the site, in each encoding, and the choice between them (RFC 9110 §12.5.3, §13.1.2).

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use flate2::Compression;

use super::super::compression::{gzip, list, takes_gzip};
use crate::digest::sha256;

/// One answer.
#[derive(Clone)]
pub(super) struct Answer {
    content_type: &'static str,
    plain: Form,
    /// Set if it is smaller.
    gzip: Option<Form>,
    /// A page has links and styles: then the policy of pages.
    is_page: bool,
    /// The content never changes under its path.
    is_fixed: bool,
}

/// The bytes of an answer in one encoding. Each has an entity tag of its own.
#[derive(Clone)]
struct Form {
    bytes: Bytes,
    etag: HeaderValue,
}

pub(super) const HTML: &str = "text/html; charset=utf-8";

/// Pages load their own style, script and pictures, and nothing else.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
);

impl Answer {
    pub(super) fn of(content_type: &'static str, bytes: Bytes) -> Self {
        let hash = version(&bytes);
        let zipped = (content_type != "image/png")
            .then(|| gzip(&bytes, Compression::default()))
            .flatten()
            .filter(|zipped| zipped.len() < bytes.len());
        let form = |bytes, coding| {
            // Digits and letters: always a header.
            let etag = HeaderValue::from_str(&format!("\"{hash}{coding}\""));
            let etag = etag.unwrap_or(HeaderValue::from_static("\"\""));
            Form { bytes, etag }
        };
        Self {
            content_type,
            gzip: zipped.map(|zipped| form(zipped, "-gzip")),
            plain: form(bytes, ""),
            is_page: content_type == HTML,
            is_fixed: false,
        }
    }

    /// The same with a path that names its content.
    pub(super) fn fixed(self) -> Self {
        Self {
            is_fixed: true,
            ..self
        }
    }

    /// The answer as the client can take it; 304 if it has it already.
    pub(super) fn respond(&self, status: StatusCode, asked: &HeaderMap) -> Response<Body> {
        let zipped = self.gzip.as_ref().filter(|_| takes_gzip(asked));
        let form = zipped.unwrap_or(&self.plain);
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        headers.reserve(12);
        headers.insert(header::ETAG, form.etag.clone());
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        let cache = match self.is_fixed {
            true => "public, max-age=31536000, immutable",
            false => "no-cache",
        };
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
        if self.is_page {
            headers.insert(header::CONTENT_SECURITY_POLICY, PAGE_POLICY);
        } else {
            let all = HeaderValue::from_static("*");
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, all);
        }
        if status == StatusCode::OK && has(asked, form) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        let kind = HeaderValue::from_static(self.content_type);
        headers.insert(header::CONTENT_TYPE, kind);
        if zipped.is_some() {
            let gzip = HeaderValue::from_static("gzip");
            headers.insert(header::CONTENT_ENCODING, gzip);
        }
        *response.status_mut() = status;
        *response.body_mut() = Body::from(form.bytes.clone());
        response
    }
}

/// A page that was made for one request. No cache keeps it.
pub(super) fn html(status: StatusCode, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(HTML));
    headers.insert(header::CONTENT_SECURITY_POLICY, PAGE_POLICY);
    response
}

/// True if the client has the form already. Proxies may have made the tag weak.
fn has(asked: &HeaderMap, form: &Form) -> bool {
    let mut tags = list(asked, header::IF_NONE_MATCH);
    tags.any(|tag| tag == "*" || tag.trim_start_matches("W/").as_bytes() == form.etag.as_bytes())
}

/// The first 16 digits of the SHA-256: enough to tell two contents apart.
pub(super) fn version(content: &[u8]) -> String {
    sha256(content)[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    fn headers(lines: &[(HeaderName, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(name, value.parse().unwrap());
        }
        map
    }

    #[test]
    fn each_encoding_has_its_own_tag_and_a_client_that_has_it_gets_no_body() {
        let answer = Answer::of(HTML, "long ".repeat(100).into());
        let gzip = (header::ACCEPT_ENCODING, "gzip");
        let ask = |lines: &[(HeaderName, &str)]| answer.respond(StatusCode::OK, &headers(lines));
        let tag = |response: &Response<Body>| {
            response.headers()[header::ETAG]
                .to_str()
                .unwrap()
                .to_owned()
        };
        let (plain, zipped) = (ask(&[]), ask(std::slice::from_ref(&gzip)));
        assert_ne!(tag(&plain), tag(&zipped));
        assert_eq!(zipped.headers()[header::CONTENT_ENCODING], "gzip");
        assert!(!plain.headers().contains_key(header::CONTENT_ENCODING));
        let known = |lines: &[(HeaderName, &str)]| ask(lines).status() == StatusCode::NOT_MODIFIED;
        let if_none =
            |tag: &str| -> (HeaderName, String) { (header::IF_NONE_MATCH, tag.to_owned()) };
        let (own, weak) = (
            if_none(&tag(&zipped)),
            if_none(&format!("\"x\", W/{}", tag(&zipped))),
        );
        assert!(known(&[gzip.clone(), (own.0.clone(), &own.1)]));
        assert!(known(&[gzip.clone(), (weak.0, &weak.1)]));
        assert!(known(&[(header::IF_NONE_MATCH, "*")]));
        assert!(!known(&[(own.0, &own.1)]), "the tag of another encoding");
        assert!(!known(&[(header::IF_NONE_MATCH, "\"x\"")]));
        for response in [plain, zipped] {
            assert_eq!(response.headers()[header::VARY], "accept-encoding");
        }
    }
}

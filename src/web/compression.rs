//! Compressed answers: whether the client wants one (RFC 9110 §12.5.3), and its bytes.

use std::io::Write as _;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, header};
use flate2::Compression;
use flate2::write::GzEncoder;

/// The elements of a list that may be written in several lines. Text that is no ASCII is left out.
pub(super) fn list(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(name).into_iter();
    let lines = lines.filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

/// True if the client takes gzip, and would not rather have the plain form.
pub(super) fn takes_gzip(asked: &HeaderMap) -> bool {
    let (mut gzip, mut plain, mut any) = (None, None, None);
    for element in list(asked, header::ACCEPT_ENCODING) {
        let mut parts = element.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| {
            let value = part
                .strip_prefix("q=")
                .or_else(|| part.strip_prefix("Q="))?;
            // A wrong weight is none at all: the plain form suits everyone.
            Some(value.parse().unwrap_or(0.0_f32))
        });
        let weight = Some(weight.unwrap_or(1.0));
        match name.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => gzip = weight,
            "identity" => plain = weight,
            "*" => any = weight,
            _ => {}
        }
    }
    let gzip = gzip.or(any).unwrap_or(0.0);
    gzip > 0.0 && gzip >= plain.unwrap_or(0.0)
}

/// The bytes in gzip; `None` if that fails.
pub(super) fn gzip(bytes: &[u8], level: Compression) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(HeaderName, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(name, value.parse().unwrap());
        }
        map
    }

    #[test]
    fn the_client_chooses_the_encoding() {
        for (accepts, zipped) in [
            ("gzip", true),
            ("GZIP", true),
            ("br, gzip;q=0.5", true),
            ("*", true),
            ("deflate, *;q=0.1", true),
            ("identity;q=0.5, gzip;q=1.0", true),
            ("", false),
            ("br", false),
            ("gzip;q=0", false),
            ("gzip; q=0.000", false),
            ("gzip;q=0, *", false),
            ("identity, gzip;q=0.5", false),
            ("gzip;q=high", false),
            ("notgzip", false),
        ] {
            let asked = headers(&[(header::ACCEPT_ENCODING, accepts)]);
            assert_eq!(takes_gzip(&asked), zipped, "{accepts}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
        let two = headers(&[
            (header::ACCEPT_ENCODING, "br"),
            (header::ACCEPT_ENCODING, "gzip"),
        ]);
        assert!(takes_gzip(&two), "two lines are one list");
    }
}

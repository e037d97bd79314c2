//! Bodies that come compressed or in another charset: an expectation sees them as a browser would.

use std::io::Write as _;

use domain::sample::Reason;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use crate::servers::{Spec, ask, check_down, check_up, says, spec};

const PAGE: &str = "<h1>Database error</h1>";

/// `PAGE`, by another program.
const BROTLI: [u8; 20] = [
    0x1b, 0x16, 0x00, 0xf8, 0xa5, 0x63, 0x78, 0x7c, 0xd0, 0xd4, 0x20, 0xa6, 0xa4, 0x0f, 0xc1, 0xdc,
    0xd3, 0x69, 0x3f, 0x7a,
];

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zlib(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn deflate(text: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zstd(text: &[u8]) -> Vec<u8> {
    compress_to_vec(text, CompressionLevel::Fastest)
}

/// A probe of a server that answers with this body and these lines of the head.
async fn serving(head: &str, body: &[u8]) -> Spec {
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\n{head}Content-Length: {length}\r\n\r\n");
    let at = says([head.as_bytes(), body].concat()).await;
    spec(format!("http://{at}/"))
}

async fn encoded(encoding: &str, body: &[u8]) -> Spec {
    serving(&format!("Content-Encoding: {encoding}\r\n"), body).await
}

#[tokio::test]
async fn an_encoded_body_is_decoded_before_it_is_checked() {
    let page = PAGE.as_bytes();
    let skippable = [b"\x50\x2a\x4d\x18\x02\0\0\0xx", zstd(page).as_slice()].concat();
    let (first, second) = page.split_at(8);
    let cases = [
        ("gzip", gzip(page)),
        ("X-GZip", gzip(page)),
        ("gzip", [gzip(first), gzip(second)].concat()),
        ("gzip", [gzip(page), b"left over".to_vec()].concat()),
        ("deflate", zlib(page)),
        ("deflate", deflate(page)),
        ("br", BROTLI.to_vec()),
        ("zstd", zstd(page)),
        ("zstd", [zstd(first), zstd(second)].concat()),
        ("zstd", skippable),
        ("identity", page.to_vec()),
        ("deflate, gzip", gzip(&zlib(page))),
    ];
    for (encoding, body) in cases {
        let spec = encoded(encoding, &body).await;
        let good = spec.clone().with("expect.body_contains", PAGE);
        let finding = ask(good).await;
        assert_eq!(finding.detail, None, "{encoding}");
        let finding = ask(spec.with("expect.body_lacks", "error")).await;
        check_down(&finding, Reason::Body, "the body has `error`");
    }
}

#[tokio::test]
async fn an_encoding_that_cannot_be_decoded_is_down_and_named() {
    let page = PAGE.as_bytes();
    let layers = "gzip, gzip, gzip, gzip, gzip";
    for (encoding, body, words) in [
        (
            "compress",
            page.to_vec(),
            "the encoding `compress` is not known",
        ),
        (
            "secret with spaces",
            page.to_vec(),
            "its encoding is not known",
        ),
        ("gzip", page.to_vec(), "it is not valid gzip"),
        ("gzip", gzip(page)[..20].to_vec(), "it is not valid gzip"),
        ("deflate", page.to_vec(), "it is not valid deflate"),
        ("br", page.to_vec(), "it is not valid br"),
        ("zstd", zstd(page)[..12].to_vec(), "it is not valid zstd"),
        (layers, page.to_vec(), "it is encoded more than 4 times"),
    ] {
        let spec = encoded(encoding, &body).await;
        // Nothing needs the body.
        check_up(&ask(spec.clone()).await);
        let finding = ask(spec.with("expect.body_lacks", "x")).await;
        check_down(
            &finding,
            Reason::Body,
            &format!("cannot be decoded: {words}"),
        );
    }
    let empty = encoded("gzip", b"").await.with("expect.body_lacks", "x");
    check_up(&ask(empty).await);
}

#[tokio::test]
async fn a_body_that_unfolds_beyond_the_limit_is_cut_off() {
    let much = vec![b'x'; probes::http::BODY_LIMIT + 1];
    let twice = gzip(&gzip(&vec![b'x'; 16 * probes::http::BODY_LIMIT]));
    for (encoding, body) in [
        ("gzip", gzip(&much)),
        ("deflate", zlib(&much)),
        ("zstd", zstd(&much)),
        ("gzip, gzip", twice),
    ] {
        let spec = encoded(encoding, &body).await;
        let finding = ask(spec.with("expect.body_lacks", "y")).await;
        check_down(
            &finding,
            Reason::Protocol,
            "the decoded answer is longer than 4 MiB",
        );
    }
    let whole = encoded("gzip", &gzip(&much[1..])).await;
    check_up(&ask(whole.with("expect.body_lacks", "y")).await);
}

#[tokio::test]
async fn text_is_decoded_by_its_charset() {
    let latin = b"St\xf6rung".as_slice();
    let utf16: Vec<u8> = "\u{feff}St\u{f6}rung"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let wide: Vec<u8> = "St\u{f6}rung"
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect();
    for (charset, body) in [
        ("; charset=ISO-8859-1", latin),
        ("; boundary=x; Charset=\"latin1\"", latin),
        ("; charset=windows-1252", latin),
        ("; charset=utf-8", "St\u{f6}rung".as_bytes()),
        ("; charset=no-such", "St\u{f6}rung".as_bytes()),
        ("", "\u{feff}St\u{f6}rung".as_bytes()),
        ("; charset=ISO-8859-1", "\u{feff}St\u{f6}rung".as_bytes()),
        ("; charset=utf-16be", &wide),
        ("; charset=utf-8", &utf16),
    ] {
        let spec = serving(&format!("Content-Type: text/html{charset}\r\n"), body).await;
        let finding = ask(spec.clone().with("expect.body_matches", "^St\u{f6}rung$")).await;
        assert_eq!(finding.detail, None, "{charset}");
        let finding = ask(spec.with("expect.body_lacks", "St\u{f6}rung")).await;
        check_down(&finding, Reason::Body, "the body has");
    }
    // Browsers show no text of it, so a lack of words would say nothing.
    let refused = serving("Content-Type: text/html; charset=hz-gb-2312\r\n", b"x").await;
    let finding = ask(refused.with("expect.body_lacks", "error")).await;
    check_down(&finding, Reason::Body, "browsers refuse its charset");
}

#[tokio::test]
async fn json_may_begin_with_a_byte_order_mark() {
    let spec = serving("", b"\xef\xbb\xbf{\"status\":\"ok\"}").await;
    check_up(&ask(spec.with("expect.json./status", "ok")).await);
}

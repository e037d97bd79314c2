//! The body of an answer as a browser would show it: without its content encodings, and as text. It must
//! never produce more than the limit of a body.

use std::borrow::Cow;
use std::io::Read;

use domain::sample::Reason;
use encoding_rs::{Encoding, REPLACEMENT, UTF_8};
use flate2::bufread::{DeflateDecoder, GzDecoder, ZlibDecoder};
use hyper::header::{self, HeaderMap};
use ruzstd::decoding::StreamingDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};

use crate::fault::Fault;
use crate::kinds::http::BODY_LIMIT;

/// The most encodings of one body.
const LAYERS: usize = 4;

/// The most members of a gzip body, and the most frames of a zstd body.
const PARTS: usize = 1_000;

/// The largest window of a zstd frame (RFC 9659 §3).
const WINDOW: u64 = 8 * 1024 * 1024;

/// The body without its content encodings.
///
/// # Errors
///
/// An encoding that cannot be decoded, or too long a body.
pub(crate) fn plain<'a>(headers: &HeaderMap, body: &'a [u8]) -> Result<Cow<'a, [u8]>, Fault> {
    let mut plain = Cow::Borrowed(body);
    if !headers.contains_key(header::CONTENT_ENCODING) || body.is_empty() {
        return Ok(plain);
    }
    let values = headers.get_all(header::CONTENT_ENCODING).iter();
    let values: Vec<_> = values
        .map(|value| String::from_utf8_lossy(value.as_bytes()).to_lowercase())
        .collect();
    let names = values.iter().flat_map(|value| value.split(','));
    let names: Vec<_> = names
        .map(str::trim)
        .filter(|name| !matches!(*name, "" | "identity" | "none"))
        .collect();
    if names.len() > LAYERS {
        return Err(undecoded(format!("it is encoded more than {LAYERS} times")));
    }
    for name in names.into_iter().rev() {
        plain = Cow::Owned(decode(name, &plain)?);
    }
    Ok(plain)
}

fn undecoded(why: String) -> Fault {
    Fault::new(Reason::Body, format!("the body cannot be decoded: {why}"))
}

/// Takes one encoding off.
fn decode(name: &str, bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut decoded = Vec::new();
    let result = match name {
        "gzip" | "x-gzip" => gzip(bytes, &mut decoded),
        "deflate" => deflate(bytes, &mut decoded),
        "br" => read(
            brotli_decompressor::Decompressor::new(bytes, 4096),
            &mut decoded,
        ),
        "zstd" => zstd(bytes, &mut decoded),
        _ => return Err(undecoded(unknown(name))),
    };
    match result {
        Ok(()) => Ok(decoded),
        Err(Broken::Malformed) => Err(undecoded(format!("it is not valid {name}"))),
        Err(Broken::TooLong) => {
            let limit = BODY_LIMIT / (1024 * 1024);
            Err(Fault::protocol(format!(
                "the decoded answer is longer than {limit} MiB"
            )))
        }
    }
}

/// Repeats only a name that can be an encoding: the peer chose it.
fn unknown(name: &str) -> String {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    if name.len() <= 20 && name.bytes().all(is_token) {
        format!("the encoding `{name}` is not known")
    } else {
        "its encoding is not known".to_owned()
    }
}

enum Broken {
    Malformed,
    TooLong,
}

/// Appends all that a decoder produces, up to the limit.
fn read(decoder: impl Read, decoded: &mut Vec<u8>) -> Result<(), Broken> {
    let room = BODY_LIMIT.saturating_sub(decoded.len()) as u64;
    let read = decoder.take(room + 1).read_to_end(decoded);
    if decoded.len() > BODY_LIMIT {
        return Err(Broken::TooLong);
    }
    read.map(|_| ()).map_err(|_| Broken::Malformed)
}

/// One member or more. Browsers ignore other bytes after them.
fn gzip(mut rest: &[u8], decoded: &mut Vec<u8>) -> Result<(), Broken> {
    for _ in 0..PARTS {
        let mut member = GzDecoder::new(rest);
        read(&mut member, decoded)?;
        rest = member.into_inner();
        if !rest.starts_with(&[0x1f, 0x8b]) {
            return Ok(());
        }
    }
    Err(Broken::Malformed)
}

/// RFC 9110 §8.4.1.2 wants the zlib format, but some servers leave its head out.
fn deflate(bytes: &[u8], decoded: &mut Vec<u8>) -> Result<(), Broken> {
    let is_zlib = match bytes {
        [method, flags, ..] => {
            method & 0x0f == 8 && u16::from_be_bytes([*method, *flags]).is_multiple_of(31)
        }
        _ => false,
    };
    if is_zlib {
        read(ZlibDecoder::new(bytes), decoded)
    } else {
        read(DeflateDecoder::new(bytes), decoded)
    }
}

fn zstd(mut rest: &[u8], decoded: &mut Vec<u8>) -> Result<(), Broken> {
    for _ in 0..PARTS {
        if rest.is_empty() {
            return Ok(());
        }
        match StreamingDecoder::new_with_max_window_size(&mut rest, WINDOW) {
            Ok(frame) => read(frame, decoded)?,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => {
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                rest = rest.get(length..).ok_or(Broken::Malformed)?;
            }
            Err(_) => return Err(Broken::Malformed),
        }
    }
    Err(Broken::Malformed)
}

/// The text of a body: a byte order mark decides, then the charset of `Content-Type`, else it is UTF-8.
///
/// # Errors
///
/// The charset is one that browsers refuse to show.
pub(crate) fn text<'a>(headers: &HeaderMap, plain: &'a [u8]) -> Result<Cow<'a, str>, Fault> {
    let label = charset(headers);
    let encoding = label
        .as_deref()
        .and_then(|l| Encoding::for_label(l.as_bytes()));
    let encoding = encoding.unwrap_or(UTF_8);
    if encoding == REPLACEMENT && Encoding::for_bom(plain).is_none() {
        return Err(undecoded("browsers refuse its charset".to_owned()));
    }
    let (text, _, _) = encoding.decode(plain);
    Ok(text)
}

/// The parameter `charset` of `Content-Type`.
fn charset(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?;
    let value = String::from_utf8_lossy(value.as_bytes());
    value.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let is_charset = name.trim().eq_ignore_ascii_case("charset");
        is_charset.then(|| value.trim().trim_matches(['"', '\'']).trim().to_owned())
    })
}

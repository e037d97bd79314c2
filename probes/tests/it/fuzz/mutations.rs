//! Changes to the bytes of an answer, as strategies of proptest: a failure shrinks to the fewest changes.

use proptest::prelude::*;
use proptest::sample::Index;

/// Bytes that parsers decide by.
const WORDS: [&[u8]; 40] = [
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"\r",
    b"\0",
    b"\xff",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\x80\0\0\0",
    b"\x0b",
    b"\x1c\r",
    b"\x1b[31m",
    b"|",
    b"MSA|",
    b"HTTP/1.1 ",
    b"Content-Length: 18446744073709551615\r\n",
    b"Content-Length: 3\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Encoding: gzip\r\n",
    b"Content-Encoding: br, zstd\r\n",
    b"Content-Type: text/html; charset=utf-16\r\n",
    b"Set-Cookie: a=b; Domain=; Path=\r\n",
    b"Location: http://\r\n",
    b"ffffffffffffffff\r\n",
    b"0\r\n\r\n",
    b"\xe2\x80\xae",
    b"\xf0\x9f\x98\x80",
    b"\xed\xa0\x80",
    b"&#x110000;",
    b"&amp",
    b"<input name=token value='",
    b"<!--",
    b"</form>",
    b"\"",
    b"\\ud800",
    b"1e999",
    b"[[[[[[[[",
    b"{\"a\":",
    b"{token}",
    b"%",
];

/// One change. Places are taken as shares of the length, so that a shorter answer keeps its changes.
#[derive(Clone, Debug)]
pub enum Mutation {
    Flip {
        at: Index,
        bit: u8,
    },
    Set {
        at: Index,
        byte: u8,
    },
    Insert {
        at: Index,
        word: usize,
    },
    Remove {
        at: Index,
        length: usize,
    },
    Repeat {
        at: Index,
        length: usize,
        times: usize,
    },
    Copy {
        from: Index,
        length: usize,
        to: Index,
    },
    Cut {
        at: Index,
    },
}

pub fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let place = any::<Index>;
    let one = prop_oneof![
        4 => (place(), 0..8_u8).prop_map(|(at, bit)| Mutation::Flip { at, bit }),
        4 => (place(), any::<u8>()).prop_map(|(at, byte)| Mutation::Set { at, byte }),
        6 => (place(), 0..WORDS.len()).prop_map(|(at, word)| Mutation::Insert { at, word }),
        3 => (place(), 1..64_usize).prop_map(|(at, length)| Mutation::Remove { at, length }),
        // Rarely a megabyte.
        2 => (place(), 1..64_usize, prop_oneof![9 => 1..20_usize, 1 => 1..16_000_usize])
            .prop_map(|(at, length, times)| Mutation::Repeat { at, length, times }),
        3 => (place(), 1..64_usize, place())
            .prop_map(|(from, length, to)| Mutation::Copy { from, length, to }),
        2 => place().prop_map(|at| Mutation::Cut { at }),
    ];
    proptest::collection::vec(one, 1..6)
}

impl Mutation {
    pub fn apply(&self, bytes: &mut Vec<u8>) {
        // The end is a place, too.
        let place = |index: &Index| index.index(bytes.len() + 1);
        let part = |at: usize, length: usize| at..bytes.len().min(at + length);
        match self {
            Mutation::Flip { at, bit } => {
                let at = place(at);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << bit;
                }
            }
            Mutation::Set { at, byte } => {
                let at = place(at);
                if let Some(old) = bytes.get_mut(at) {
                    *old = *byte;
                }
            }
            Mutation::Insert { at, word } => insert(bytes, place(at), WORDS[*word]),
            Mutation::Remove { at, length } => {
                let part = part(place(at), *length);
                bytes.drain(part);
            }
            Mutation::Repeat { at, length, times } => {
                let at = place(at);
                let repeated = bytes[part(at, *length)].repeat(*times);
                insert(bytes, at, &repeated);
            }
            Mutation::Copy { from, length, to } => {
                let copied = bytes[part(place(from), *length)].to_vec();
                let to = place(to);
                insert(bytes, to, &copied);
            }
            Mutation::Cut { at } => {
                let at = place(at);
                bytes.truncate(at);
            }
        }
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, more: &[u8]) {
    bytes.splice(at..at, more.iter().copied());
}

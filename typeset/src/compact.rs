//! Makes a PDF smaller without changing what it holds.
//!
//! Typst writes each element of the tags, such as a cell of a table, as an object of its own and without
//! compression. In a long report they are most of the file. ISO 32000-1 §7.5.7 puts such objects into
//! compressed object streams, and §7.5.8 compresses the table of positions.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;

/// The largest number of objects in one stream: a reader unpacks a whole stream for one of them.
const TOGETHER: usize = 200;

/// The bytes of a line of the table: a kind, a position and a place.
const LINE: usize = 7;

/// The place of an object in the new file.
#[derive(Clone, Copy)]
enum Place {
    /// Bytes from the start.
    At(usize),
    /// The number of an object stream, and the place in it.
    In(usize, usize),
}

/// `pdf` with its objects packed. `None` if the file is not written as the PDF library of Typst writes it.
pub(crate) fn packed(pdf: &[u8]) -> Option<Vec<u8>> {
    let (objects, trailer) = objects(pdf)?;
    // The first object follows the header.
    let mut out = pdf
        .get(..*objects.iter().map(|(start, _)| start).min()?)?
        .to_vec();
    let mut places: Vec<Place> = vec![Place::At(0); objects.len() + 1];
    let mut loose: Vec<(usize, &[u8])> = Vec::new();
    for (n, (_, body)) in objects.iter().enumerate() {
        let number = n + 1;
        if body.ends_with(b"endstream") {
            places[number] = Place::At(out.len());
            out.extend(header(number).as_bytes());
            out.extend(*body);
            out.extend(b"\nendobj\n");
        } else {
            loose.push((number, body));
        }
    }
    for group in loose.chunks(TOGETHER) {
        let stream = places.len();
        for (place, (number, _)) in group.iter().enumerate() {
            places[*number] = Place::In(stream, place);
        }
        places.push(Place::At(out.len()));
        write_objects(&mut out, stream, group);
    }
    write_table(&mut out, places, trailer);
    Some(out)
}

fn header(number: usize) -> String {
    format!("{number} 0 obj\n")
}

/// The position and the content of an object.
type Object<'a> = (usize, &'a [u8]);

/// Each object in the order of its number, and the trailer's keys without `/Size`.
fn objects(pdf: &[u8]) -> Option<(Vec<Object<'_>>, &str)> {
    let end = text(pdf.get(pdf.len().checked_sub(64)?..)?)?;
    let table: usize = end
        .rsplit_once("startxref\n")?
        .1
        .lines()
        .next()?
        .parse()
        .ok()?;
    let rest = pdf.get(table..)?;
    let trailer_at = table + find(rest, b"trailer\n<<")?;
    let lines = text(pdf.get(table..trailer_at)?)?;
    let mut lines = lines.strip_prefix("xref\n0 ")?.lines();
    let count: usize = lines.next()?.parse().ok()?;
    let starts: Vec<usize> = lines
        .skip(1)
        .map(|line| line.strip_suffix(" 00000 n")?.parse().ok())
        .collect::<Option<_>>()?;
    if starts.len() + 1 != count {
        return None;
    }
    let mut sorted = starts.clone();
    sorted.push(table);
    sorted.sort_unstable();
    let mut all = Vec::with_capacity(starts.len());
    for (n, start) in starts.iter().enumerate() {
        let next = sorted[sorted.partition_point(|s| s <= start)];
        let whole = pdf.get(*start..next)?.trim_ascii_end();
        let body = whole.strip_prefix(header(n + 1).as_bytes())?;
        all.push((*start, body.strip_suffix(b"endobj")?.trim_ascii_end()));
    }
    let keys = pdf.get(trailer_at..)?.strip_prefix(b"trailer\n<<")?;
    let keys = &keys[..find(keys, b">>\nstartxref")?];
    let size = format!("/Size {count}");
    Some((all, text(keys)?.strip_prefix(&size)?))
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|w| w == wanted)
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    // Writing to memory cannot fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

fn write_stream(out: &mut Vec<u8>, number: usize, keys: &str, content: &[u8]) {
    let content = deflated(content);
    let length = content.len();
    let head = format!(
        "{}<<{keys}/Length {length}/Filter/FlateDecode>>\nstream\n",
        header(number)
    );
    out.extend(head.as_bytes());
    out.extend(content);
    out.extend(b"\nendstream\nendobj\n");
}

/// An object stream: the number and position of each object, then the objects.
fn write_objects(out: &mut Vec<u8>, stream: usize, group: &[(usize, &[u8])]) {
    let mut index = String::new();
    let mut bodies = Vec::new();
    for (number, body) in group {
        index.push_str(&format!("{number} {} ", bodies.len()));
        bodies.extend(*body);
        bodies.push(b'\n');
    }
    let keys = format!("/Type/ObjStm/N {}/First {}", group.len(), index.len());
    let content = [index.as_bytes(), &bodies].concat();
    write_stream(out, stream, &keys, &content);
}

/// The table of positions as a stream. Each line is stored as its difference to the line above (PNG's
/// filter "up"), which compresses well.
fn write_table(out: &mut Vec<u8>, mut places: Vec<Place>, trailer: &str) {
    let number = places.len();
    let table = out.len();
    places.push(Place::At(table));
    let mut above = [0; LINE];
    let mut content = Vec::new();
    for (n, place) in places.iter().enumerate() {
        let (kind, position, place) = match place {
            // The first line is no object: the head of the list of free ones.
            Place::At(_) if n == 0 => (0, 0, usize::from(u16::MAX)),
            Place::At(position) => (1, *position, 0),
            Place::In(stream, place) => (2, *stream, *place),
        };
        let position = u32::try_from(position).unwrap_or(u32::MAX).to_be_bytes();
        let place = u16::try_from(place).unwrap_or(u16::MAX).to_be_bytes();
        let [a, b, c, d] = position;
        let line = [kind, a, b, c, d, place[0], place[1]];
        content.push(2);
        content.extend(
            line.iter()
                .zip(above)
                .map(|(now, before)| now.wrapping_sub(before)),
        );
        above = line;
    }
    let keys = format!(
        "/Type/XRef/Size {}{}/W[1 4 2]/DecodeParms<</Predictor 12/Columns {LINE}>>",
        places.len(),
        trailer
    );
    write_stream(out, number, &keys, &content);
    out.extend(format!("startxref\n{table}\n%%EOF").as_bytes());
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    const STREAM: &str = "<</Length 5>>\nstream\nhello\nendstream";
    const CATALOG: &str = "<</Type/Catalog/Pages 2 0 R>>";
    const PAGES: &str = "<</Type/Pages/Count 0/Kids[]>>";

    /// A file as the library writes it. Its objects are not in the order of their numbers.
    fn small() -> String {
        let mut text = "%PDF-1.7\n%\n\n".to_owned();
        let mut at = [0; 3];
        for (number, body) in [(2, PAGES), (3, CATALOG), (1, STREAM)] {
            at[number - 1] = text.len();
            text.push_str(&format!("{number} 0 obj\n{body}\nendobj\n\n"));
        }
        let table = text.len();
        text.push_str("xref\n0 4\n0000000000 65535 f\r\n");
        for at in at {
            text.push_str(&format!("{at:010} 00000 n\r\n"));
        }
        let trailer = "trailer\n<</Size 4/Root 3 0 R/ID[(a)(b)]>>\n";
        text.push_str(&format!("{trailer}startxref\n{table}\n%%EOF"));
        text
    }

    fn inflated(file: &[u8], keys: &str) -> Vec<u8> {
        let from = find(file, keys.as_bytes()).unwrap();
        let start = from + find(&file[from..], b"stream\n").unwrap() + 7;
        let mut content = Vec::new();
        let mut decoder = flate2::read::ZlibDecoder::new(&file[start..]);
        decoder.read_to_end(&mut content).unwrap();
        content
    }

    #[test]
    fn packing_keeps_every_object_and_says_where_it_is() {
        let file = packed(small().as_bytes()).unwrap();
        let stream = find(&file, format!("1 0 obj\n{STREAM}\nendobj\n").as_bytes()).unwrap();
        let together = inflated(&file, "/Type/ObjStm/N 2/First 9/");
        let index = format!("2 0 3 {} ", PAGES.len() + 1);
        assert_eq!(
            String::from_utf8(together).unwrap(),
            format!("{index}{PAGES}\n{CATALOG}\n")
        );
        // Each line is a difference to the line above.
        let mut lines: Vec<[u8; LINE]> = vec![[0; LINE]];
        for row in inflated(&file, "/Type/XRef/Size 6/Root 3 0 R/ID[(a)(b)]/W[1 4 2]").chunks(8) {
            let above = lines[lines.len() - 1];
            let line = std::array::from_fn(|i| above[i].wrapping_add(row[i + 1]));
            lines.push(line);
        }
        let at = |position: usize| u8::try_from(position).unwrap();
        assert_eq!(lines[2], [1, 0, 0, 0, at(stream), 0, 0]);
        assert_eq!(lines[3], [2, 0, 0, 0, 4, 0, 0]);
        assert_eq!(lines[4], [2, 0, 0, 0, 4, 0, 1]);
    }

    #[test]
    fn a_file_of_another_form_stays_as_it_is() {
        assert!(packed(b"").is_none());
        assert!(packed(small().replace("xref\n0 4", "xref\n0 5").as_bytes()).is_none());
        assert!(packed(small().replace("3 0 obj", "7 0 obj").as_bytes()).is_none());
    }
}

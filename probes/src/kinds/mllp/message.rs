//! The message of an `mllp` probe, and the acknowledgement of it. Reads only the segments MSH and MSA. It must
//! never accept a segment about a patient without an agreement, nor show a field.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::fault::Fault;

/// Segments about a patient, a visit, next of kin or insurance.
const OF_PATIENTS: [&str; 10] = [
    "PID", "PD1", "PV1", "PV2", "NK1", "IN1", "IN2", "IN3", "GT1", "MRG",
];

/// The longest message, in bytes.
const LONGEST: usize = 64 * 1024;

const NOW: &str = "{now}";
const CONTROL_ID: &str = "{control_id}";

/// A message with the places that each run fills in. It has the line ends of HL7.
pub(super) struct Message(String);

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Message")
    }
}

impl Message {
    /// # Errors
    ///
    /// It is not an HL7 message, or it names a patient without an agreement.
    pub(super) fn new(content: &[u8], agreed_test_patient: bool) -> Result<Self, String> {
        if content.len() > LONGEST {
            return Err(format!("the message is longer than {} KiB", LONGEST / 1024));
        }
        let text = std::str::from_utf8(content).map_err(|_| "the message is not UTF-8")?;
        let text = text.replace("\r\n", "\r").replace('\n', "\r");
        let segments: Vec<&str> = text.split('\r').filter(|s| !s.trim().is_empty()).collect();
        let message = Self(segments.iter().map(|s| format!("{s}\r")).collect());
        let separator = message
            .separator()
            .ok_or("an HL7 message begins with MSH and its separators, as \"MSH|^~\\&|NINES|…\"")?;
        for (number, segment) in segments.iter().enumerate() {
            let name = segment.split(separator).next().unwrap_or_default();
            let is_name = name.len() == 3
                && name
                    .bytes()
                    .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
            if !is_name {
                return Err(format!(
                    "segment {} of the message has no name of three letters, followed by `{separator}`",
                    number + 1
                ));
            }
            if OF_PATIENTS.contains(&name) && !agreed_test_patient {
                return Err(format!(
                    "the message has a segment {name}: a probe sends no patient. If it is a test patient that \
                     the receiver has agreed to, write `agreed_test_patient = true`"
                ));
            }
            if segment.contains(['\u{b}', '\u{1c}']) {
                return Err("the message has a byte of the MLLP frame".to_owned());
            }
        }
        if message.header(10).is_none_or(str::is_empty) {
            return Err(
                "the message has no control ID in MSH-10: write {control_id} there".to_owned(),
            );
        }
        Ok(message)
    }

    fn separator(&self) -> Option<char> {
        let separator = self.0.strip_prefix("MSH")?.chars().next()?;
        separator.is_ascii_punctuation().then_some(separator)
    }

    /// A field of MSH. The separator itself counts as MSH-1.
    fn header(&self, number: usize) -> Option<&str> {
        let segment = self.0.split('\r').next()?;
        segment.split(self.separator()?).nth(number - 1)
    }

    /// Likely slips.
    pub(super) fn warnings(&self) -> Vec<&'static str> {
        let mut warnings = Vec::new();
        if self.header(10).is_some_and(|id| !id.contains(CONTROL_ID)) {
            warnings.push(
                "each message has the same control ID, so a late acknowledgement looks like a new one: write \
                 {control_id} in MSH-10",
            );
        }
        if self.header(11).is_some_and(|id| id.starts_with('P')) {
            warnings.push("MSH-11 is `P`, production: agree on `T` with the receiver");
        }
        warnings
    }

    /// The bytes of one run, and their control ID.
    pub(super) fn fill(&self) -> (Vec<u8>, String) {
        let now = now();
        let stamp = now.to_zoned(TimeZone::UTC).strftime("%Y%m%d%H%M%S+0000");
        let (stamp, id) = (stamp.to_string(), control_id(now));
        let fill = |text: &str| text.replace(CONTROL_ID, &id).replace(NOW, &stamp);
        let control_id = fill(self.header(10).unwrap_or_default());
        (fill(&self.0).into_bytes(), control_id)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a message carries the time at which it was made"
)]
fn now() -> Timestamp {
    Timestamp::now()
}

/// At most 20 characters (MSH-10 of HL7 2.3), unique among the runs of this process and after a restart.
fn control_id(now: Timestamp) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed) % 10_000;
    format!("N{:x}{count:04}", now.as_microsecond())
}

/// The fields of an acknowledgement that matter.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Acknowledgement {
    /// MSA-1.
    pub(super) code: Vec<u8>,
    /// MSA-2.
    pub(super) control_id: Vec<u8>,
}

impl Acknowledgement {
    pub(super) fn parse(answer: &[u8]) -> Result<Self, Fault> {
        let separator = match answer {
            [b'M', b'S', b'H', separator, ..] if separator.is_ascii_punctuation() => *separator,
            _ => {
                return Err(Fault::protocol(
                    "the answer is not HL7: it does not begin with MSH",
                ));
            }
        };
        let mut segments = answer.split(|b| matches!(b, b'\r' | b'\n'));
        let found = segments
            .find(|segment| segment.starts_with(b"MSA") && segment.get(3) == Some(&separator));
        let segment = found.ok_or_else(|| {
            Fault::protocol("the answer has no segment MSA: it acknowledges nothing")
        })?;
        let mut fields = segment.split(|b| *b == separator).skip(1);
        let mut field = || fields.next().unwrap_or_default().trim_ascii().to_vec();
        Ok(Self {
            code: field(),
            control_id: field(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "MSH|^~\\&|NINES|A|LAB|B|{now}||NMQ^N01|{control_id}|T|2.5\n";

    fn refused(text: &str) -> String {
        Message::new(text.as_bytes(), false).unwrap_err()
    }

    #[test]
    fn places_are_filled_and_line_ends_are_those_of_hl7() {
        let text = format!("\n{GOOD}ZNM|{{control_id}}\r\n\n");
        let message = Message::new(text.as_bytes(), false).unwrap();
        let (bytes, id) = message.fill();
        let sent = String::from_utf8(bytes).unwrap();
        assert!(id.len() <= 20, "{id}");
        let lines: Vec<_> = sent.split('\r').collect();
        assert_eq!(lines.len(), 3, "{sent:?}");
        assert_eq!(lines[1], format!("ZNM|{id}"));
        let fields: Vec<_> = lines[0].split('|').collect();
        assert_eq!(fields[9], id);
        assert_eq!((fields[6].len(), &fields[6][14..]), (19, "+0000"), "{sent}");
        assert_ne!(message.fill().1, id);
        assert!(message.warnings().is_empty());
    }

    #[test]
    fn a_segment_about_a_patient_is_refused_unless_agreed() {
        for name in OF_PATIENTS {
            let text = format!("{GOOD}{name}|1||4711\n");
            assert!(
                refused(&text).contains(&format!("a segment {name}")),
                "{text}"
            );
            assert!(Message::new(text.as_bytes(), true).is_ok(), "{text}");
            // With other separators and line ends, too.
            let text = format!("{}\r\n{name}$1", GOOD.trim_end().replace('|', "$"));
            assert!(
                refused(&text).contains(&format!("a segment {name}")),
                "{text}"
            );
        }
    }

    #[test]
    fn a_text_that_is_no_message_is_refused() {
        for (text, why) in [
            ("", "begins with MSH"),
            ("MSH", "begins with MSH"),
            ("PID|1", "begins with MSH"),
            ("MSH|^~\\&|A|B|C|D|||NMQ^N01", "control ID in MSH-10"),
            (&format!("{GOOD} PID|1"), "segment 2"),
            (&format!("{GOOD}pid|1"), "segment 2"),
            (&format!("{GOOD}PID"), "a segment PID"),
            (&format!("{GOOD}NTE|\u{1c}"), "MLLP frame"),
        ] {
            assert!(refused(text).contains(why), "{text:?}: {}", refused(text));
        }
        assert!(Message::new(b"MSH|\xff", false).is_err());
        assert!(Message::new(&vec![b'x'; LONGEST + 1], false).is_err());
    }

    #[test]
    fn likely_slips_are_warned_of() {
        let text = GOOD.replace("{control_id}", "1").replace("|T|", "|P|");
        let message = Message::new(text.as_bytes(), false).unwrap();
        assert_eq!(message.warnings().len(), 2);
        assert_eq!(message.fill().1, "1");
    }

    #[test]
    fn an_acknowledgement_is_read_as_listeners_write_it() {
        let read = |text: &str| {
            let read = Acknowledgement::parse(text.as_bytes()).unwrap();
            (
                String::from_utf8(read.code).unwrap(),
                String::from_utf8(read.control_id).unwrap(),
            )
        };
        for text in [
            "MSH|^~\\&|LAB\rMSA|AA|N1\r",
            "MSH|^~\\&|LAB\nMSA|AA|N1|text\n",
            "MSH$^~\\&$LAB\rERR$1\rMSA$AA$ N1 \r",
            "MSH|^~\\&|L\u{e4}b\r\nMSA|AA|N1",
        ] {
            assert_eq!(read(text), ("AA".to_owned(), "N1".to_owned()), "{text}");
        }
        assert_eq!(read("MSH|\rMSA|"), (String::new(), String::new()));
        for text in [
            "",
            "MSA|AA|N1",
            "MSH|^~\\&\rMSAX|AA",
            "HTTP/1.1 200 OK",
            "MSH",
        ] {
            assert!(Acknowledgement::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}

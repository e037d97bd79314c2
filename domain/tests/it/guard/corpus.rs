//! Makes the texts of the corpus: a template, drawn values, and sentences of an incident around it. The same seed makes
//! the same texts.

/// SplitMix64: a small generator of which the state is one number.
pub struct Draw(u64);

impl Draw {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from `from` to `to`, both included.
    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.next() % (to - from + 1)
    }

    pub fn one(&mut self, of: &[&'static str]) -> &'static str {
        let last = of.len() as u64 - 1;
        of[usize::try_from(self.between(0, last)).unwrap()]
    }

    fn digits(&mut self, count: u64) -> String {
        let mut text = self.between(1, 9).to_string();
        for _ in 1..count {
            text.push_str(&self.between(0, 9).to_string());
        }
        text
    }

    fn letters(&mut self, count: usize) -> String {
        const LETTERS: &[&str] = &["A", "C", "D", "F", "H", "K", "M", "P", "R", "T", "W", "X"];
        (0..count).map(|_| self.one(LETTERS)).collect()
    }

    fn hex(&mut self) -> String {
        format!("{:08x}", self.next() & 0xffff_ffff)
    }
}

const FIRST: &[&str] = &[
    "Maria", "John", "Aisha", "Wei", "Olga", "DeShawn", "Ana", "Peter",
];
const LAST: &[&str] = &[
    "Jones", "Smith", "O'Hara", "Nguyen", "Garcia", "Kowalski", "Li",
];
const MONTHS: &[&str] = &[
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const HOSTS: &[&str] = &[
    "portal01",
    "db-east-2",
    "hie-router",
    "mirth3",
    "pacs1.example.org",
    "idp.example.org",
];

/// Sentences that stand before or after, in every corpus.
const AROUND: &[&str] = &[
    "",
    "",
    "We are looking into it.",
    "The vendor has been called.",
    "First seen at {time}.",
    "Ticket {ticket}.",
    "The desk was called from {phone}.",
    "Node {ip} is affected.",
    "It started after version {version}.",
    "Next update at {time}.",
];

/// A text from a template, with sentences around it.
pub fn text(draw: &mut Draw, template: &str) -> String {
    let (before, after) = (draw.one(AROUND), draw.one(AROUND));
    // A segment or a resource stands on lines of its own.
    let (open, close) = match template.contains('|') || template.contains('<') {
        true => ("\n", "\n"),
        false => (" ", if template.ends_with('.') { " " } else { ". " }),
    };
    let text = format!("{before}{open}{template}{close}{after}");
    let filled = filled(draw, text.trim());
    match draw.between(0, 9) {
        0 => filled.to_uppercase(),
        1 => filled.to_lowercase(),
        _ => filled,
    }
}

/// The template with a value for each key in braces that is known.
fn filled(draw: &mut Draw, template: &str) -> String {
    let (mut text, mut rest) = (String::new(), template);
    while let Some(open) = rest.find('{') {
        text.push_str(&rest[..open]);
        rest = &rest[open..];
        let end = rest.find('}').map(|close| close + 1);
        match end.and_then(|end| Some((end, value(draw, &rest[1..end - 1])?))) {
            Some((end, value)) => {
                text.push_str(&value);
                rest = &rest[end..];
            }
            None => {
                text.push('{');
                rest = &rest[1..];
            }
        }
    }
    text + rest
}

/// A drawn value; `None` for an unknown key.
fn value(draw: &mut Draw, key: &str) -> Option<String> {
    if let Some(value) = identifier(draw, key) {
        return Some(value);
    }
    if let Some(form) = key.strip_prefix("dob") {
        return birth(draw, form);
    }
    let n = |draw: &mut Draw, from, to| draw.between(from, to).to_string();
    Some(match key {
        "ticket" => format!("{}-{}", draw.one(&["HIE", "INC", "OPS"]), draw.digits(5)),
        "case" => draw.digits(8),
        "change" => format!("CHG00{}", draw.digits(5)),
        "order" => format!("{}-{}", draw.digits(3), draw.digits(7)),
        "build" => draw.digits(5),
        "control" => format!("{}{}", draw.letters(1), draw.digits(11)),
        "circuit" => format!("{}/{}/{}", draw.digits(2), draw.letters(4), draw.digits(6)),
        "host" => draw.one(HOSTS).to_owned(),
        "ip" => format!(
            "10.{}.{}.{}",
            draw.between(0, 255),
            draw.between(0, 255),
            draw.between(1, 254)
        ),
        "port" => n(draw, 1024, 65_535),
        "status" => draw
            .one(&["500", "502", "503", "504", "401", "404"])
            .to_owned(),
        "code4" => draw.digits(4),
        "code6" => draw.digits(6),
        "ext" => draw.digits(4),
        "meeting" => format!("{} {} {}", draw.digits(3), draw.digits(4), draw.digits(4)),
        "aws" => draw.digits(12),
        "oracle" => format!("ORA-0{}", draw.digits(4)),
        "n" => n(draw, 1, 99),
        "count" => match draw.between(0, 1) {
            0 => n(draw, 100, 99_999),
            _ => format!("{},{:03}", draw.between(1, 99), draw.between(0, 999)),
        },
        "ms" => n(draw, 80, 9_000),
        "pct" => format!("{}.{}%", draw.between(1, 99), draw.between(0, 9)),
        "time" => format!("{:02}:{:02}", draw.between(0, 23), draw.between(0, 59)),
        "date" => {
            let (month, day) = (draw.between(1, 12), draw.between(1, 28));
            match draw.between(0, 2) {
                0 => format!("{month:02}/{day:02}/2026"),
                1 => format!("2026-{month:02}-{day:02}"),
                _ => format!("{} {day}", MONTHS[usize::try_from(month - 1).unwrap()]),
            }
        }
        "date_iso" => format!("2026-{:02}-{:02}", draw.between(1, 12), draw.between(1, 28)),
        "iso" => format!(
            "2026-{:02}-{:02}T{:02}:{:02}:{:02}Z",
            draw.between(1, 12),
            draw.between(1, 28),
            draw.between(0, 23),
            draw.between(0, 59),
            draw.between(0, 59)
        ),
        "phone" => {
            let (a, b, c) = (draw.digits(3), draw.digits(3), draw.digits(4));
            match draw.between(0, 3) {
                0 => format!("({a}) {b}-{c}"),
                1 => format!("{a}-{b}-{c}"),
                2 => format!("+1 {a} {b} {c}"),
                _ => format!("{a}.{b}.{c}"),
            }
        }
        "email" => format!("{}@example.org", draw.one(&["desk", "noc", "level-2"])),
        "version" => format!(
            "{}.{}.{}",
            draw.between(1, 30),
            draw.between(0, 30),
            draw.between(0, 20)
        ),
        "hex" => draw.hex(),
        "uuid" => format!("{}-{}-4{}", draw.hex(), &draw.hex()[..4], draw.hex()),
        "name" => format!("{} {}", draw.one(FIRST), draw.one(LAST)),
        "first" => draw.one(FIRST).to_owned(),
        "last" => draw.one(LAST).to_owned(),
        _ => return None,
    })
}

fn identifier(draw: &mut Draw, key: &str) -> Option<String> {
    let ssn = |draw: &mut Draw| {
        let area = match draw.between(1, 898) {
            666 => 667,
            area => area,
        };
        (area, draw.between(1, 99), draw.between(1, 9_999))
    };
    Some(match key {
        "ssn" => {
            let (a, b, c) = ssn(draw);
            format!("{a:03}-{b:02}-{c:04}")
        }
        "ssn_plain" => {
            let (a, b, c) = ssn(draw);
            format!("{a:03}{b:02}{c:04}")
        }
        "ssn_spaced" => {
            let (a, b, c) = ssn(draw);
            format!("{a:03} {b:02} {c:04}")
        }
        "four" => draw.digits(4),
        "mrn" => {
            let length = draw.between(5, 10);
            draw.digits(length)
        }
        "mrn_zero" => format!("00{}", draw.digits(6)),
        "mrn_letter" => format!("{}{}", draw.letters(1), draw.digits(7)),
        "mrn_dash" => format!("{}-{}-{}", draw.digits(2), draw.digits(2), draw.digits(3)),
        "member" => match draw.between(0, 2) {
            0 => draw.digits(9),
            1 => format!("{}{}", draw.letters(3), draw.digits(9)),
            _ => format!(
                "{}{}-{}",
                draw.letters(1),
                draw.digits(8),
                draw.between(10, 99)
            ),
        },
        "mbi" => {
            let (a, b, c) = (draw.letters(1), draw.between(0, 9), draw.between(0, 9));
            let (d, e, f) = (draw.letters(1), draw.between(0, 9), draw.between(0, 9));
            let (g, h) = (draw.letters(2), draw.between(10, 99));
            match draw.between(0, 1) {
                0 => format!("{}{a}{b}{c}{d}{e}{f}{g}{h}", draw.between(1, 9)),
                _ => format!("{}{a}{b}{c}-{d}{e}{f}-{g}{h}", draw.between(1, 9)),
            }
        }
        _ => return None,
    })
}

/// A date of birth in the form that follows `dob` in the key.
fn birth(draw: &mut Draw, form: &str) -> Option<String> {
    let (year, month, day) = (
        draw.between(1925, 2021),
        draw.between(1, 12),
        draw.between(1, 28),
    );
    let name = MONTHS[usize::try_from(month - 1).unwrap()];
    let short = &name[..3];
    Some(match form {
        "" => match draw.between(0, 3) {
            0 => format!("{month}/{day}/{year}"),
            1 => format!("{month:02}/{day:02}/{year}"),
            2 => format!("{month}-{day}-{year}"),
            _ => format!("{month}/{day}/{:02}", year % 100),
        },
        "_iso" => format!("{year}-{month:02}-{day:02}"),
        "_compact" => format!("{year}{month:02}{day:02}"),
        "_dots" => format!("{day:02}.{month:02}.{year}"),
        "_short" => format!("{month}/{day}/{:02}", year % 100),
        "_month_letters" => format!("{day:02}-{short}-{year}"),
        "_words" => match draw.between(0, 2) {
            0 => format!("{name} {day}, {year}"),
            1 => format!("{short} {day} {year}"),
            _ => format!("{name} {day}th, {year}"),
        },
        "_words_day_first" => match draw.between(0, 1) {
            0 => format!("{day} {name} {year}"),
            _ => format!("{day}th of {name} {year}"),
        },
        _ => return None,
    })
}

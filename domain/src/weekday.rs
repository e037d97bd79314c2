//! The stored form of weekdays: `mon` … `sun`.

use jiff::civil::Weekday;
use serde::{Deserialize, Deserializer, Serializer};

const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

fn name(day: Weekday) -> &'static str {
    NAMES[usize::from(day.to_monday_zero_offset().unsigned_abs())]
}

fn parse<E: serde::de::Error>(text: &str) -> Result<Weekday, E> {
    let offset = NAMES.iter().position(|name| *name == text);
    let offset = offset.and_then(|offset| i8::try_from(offset).ok());
    let day = offset.and_then(|offset| Weekday::from_monday_zero_offset(offset).ok());
    day.ok_or_else(|| E::custom(format!("`{text}` is not a weekday (mon … sun)")))
}

pub(crate) fn serialize<S: Serializer>(day: &Weekday, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(name(*day))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Weekday, D::Error> {
    parse(&String::deserialize(d)?)
}

pub(crate) mod list {
    use super::{Deserialize as _, Deserializer, Serializer, Weekday};

    pub(crate) fn serialize<S: Serializer>(days: &[Weekday], s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(days.iter().map(|day| super::name(*day)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<Weekday>, D::Error> {
        let names = Vec::<String>::deserialize(d)?;
        names.iter().map(|text| super::parse(text)).collect()
    }
}

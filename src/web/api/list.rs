//! Parts of lists. The cursor is the key of the last item that the client has.

use super::events::limit;
use super::problem::{Answer, Failed};
use super::wire;

/// The part of `items` that a request wants.
pub fn part_of<T>(
    items: Vec<T>,
    key: impl Fn(&T) -> String,
    part: &wire::Part,
) -> Answer<wire::Page<T>> {
    let limit = limit(part.limit)?;
    let start = match &part.cursor {
        None => 0,
        Some(cursor) => {
            let found = items.iter().position(|item| key(item) == *cursor);
            found.ok_or_else(|| {
                Failed::bad_request(
                    "cursor must be the `next` of the part before; its item is no longer in the list: begin again",
                )
            })? + 1
        }
    };
    let count = items.len();
    let items: Vec<T> = items.into_iter().skip(start).take(limit).collect();
    let next = items.last().filter(|_| start + items.len() < count);
    let next = next.map(key);
    Ok(wire::Page { items, next })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_one_another_and_the_last_has_no_next() {
        let all = || (1..=5).collect::<Vec<u32>>();
        let part = |cursor: Option<&str>| wire::Part {
            cursor: cursor.map(str::to_owned),
            limit: Some(2),
        };
        let read =
            |cursor: Option<&str>| part_of(all(), ToString::to_string, &part(cursor)).unwrap();
        let mut page = read(None);
        let mut seen = page.items;
        while let Some(next) = page.next {
            page = read(Some(&next));
            seen.extend(page.items);
        }
        assert_eq!(seen, all());
        assert!(part_of(all(), ToString::to_string, &part(Some("9"))).is_err());
        let none = wire::Part {
            limit: Some(0),
            ..wire::Part::default()
        };
        assert!(part_of(all(), ToString::to_string, &none).is_err());
    }
}

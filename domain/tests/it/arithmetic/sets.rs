//! Sets of seconds against sets of numbers.

use std::collections::BTreeSet;

use domain::span::Spans;
use proptest::prelude::*;

use super::histories::{always, cases};

fn pairs() -> impl Strategy<Value = Vec<(i64, i64)>> {
    prop::collection::vec((-40_i64..40, -3_i64..12), 0..8)
        .prop_map(|list| list.into_iter().map(|(from, n)| (from, from + n)).collect())
}

fn numbers(pairs: &[(i64, i64)]) -> BTreeSet<i64> {
    pairs.iter().flat_map(|(from, to)| *from..*to).collect()
}

fn of(set: &Spans) -> BTreeSet<i64> {
    set.iter().flat_map(|(from, to)| from..to).collect()
}

#[test]
fn sets_of_spans_behave_as_sets_of_seconds() {
    let inputs = (pairs(), pairs(), -45_i64..50, -5_i64..60);
    always(cases(), &inputs, |(a, b, at, n)| {
        let (x, y): (Spans, Spans) = (a.iter().copied().collect(), b.iter().copied().collect());
        let (p, q) = (numbers(&a), numbers(&b));
        prop_assert_eq!(of(&x), p.clone());
        prop_assert_eq!(of(&x.union(&y)), &p | &q);
        prop_assert_eq!(of(&x.intersection(&y)), &p & &q);
        prop_assert_eq!(of(&x.difference(&y)), &p - &q);
        prop_assert_eq!(x.seconds(), p.len() as i64);
        prop_assert_eq!(x.contains(at), p.contains(&at));
        prop_assert_eq!(x.within(&y), p.is_subset(&q));
        prop_assert_eq!(
            of(&x.clip(at, at + n)),
            p.range(at..(at + n).max(at)).copied().collect()
        );
        let first: BTreeSet<i64> = p.iter().copied().take(n.max(0) as usize).collect();
        prop_assert_eq!(of(&x.first(n)), first);
        // One form: neither empty, touching nor unsorted spans.
        let form: Vec<_> = x.union(&y).iter().collect();
        prop_assert!(form.iter().all(|s| s.0 < s.1));
        prop_assert!(form.windows(2).all(|s| s[0].1 < s[1].0));
        Ok(())
    });
}

//! Durations in steps of 1 %: a `u16` instead of a number of microseconds. Up to 200 µs the code is
//! exact. Above, each step is at most 1 % longer than the one before, so the error is at most half
//! a percent. All arithmetic uses integers, so every machine makes the same table. Each file stores
//! the table, so its rows can be read without this program. The table never changes.

/// The maximum: 2⁴⁰ µs, over twelve days. Longer durations are stored as this.
const LONGEST_US: u64 = 1 << 40;

const fn after(us: u64) -> u64 {
    let next = us * 101 / 100;
    if next > us { next } else { us + 1 }
}

const COUNT: usize = {
    let mut count = 1;
    let mut us = 0;
    while us < LONGEST_US {
        us = after(us);
        count += 1;
    }
    assert!(count <= u16::MAX as usize);
    count
};

/// The duration of each code, in microseconds.
pub(super) static STEPS: [u64; COUNT] = {
    let mut steps = [0; COUNT];
    let mut code = 1;
    while code < COUNT {
        steps[code] = after(steps[code - 1]);
        code += 1;
    }
    steps
};

/// The code of the nearest step; the shorter one if two are equally near.
pub fn encode(us: u64) -> u16 {
    let above = STEPS.partition_point(|step| *step < us);
    let nearest = if above == 0 {
        0
    } else if above == COUNT {
        COUNT - 1
    } else if STEPS[above] - us < us - STEPS[above - 1] {
        above
    } else {
        above - 1
    };
    // An exact match is at `above` with distance 0, so it wins.
    u16::try_from(nearest).unwrap_or(u16::MAX)
}

/// The duration of a code, in microseconds. Codes beyond the table give the maximum.
pub fn decode(code: u16) -> u64 {
    STEPS
        .get(usize::from(code))
        .copied()
        .unwrap_or(STEPS[COUNT - 1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_step_is_its_own_code_and_at_most_one_percent_above_the_one_before() {
        for (code, us) in STEPS.iter().enumerate() {
            assert_eq!(usize::from(encode(*us)), code);
            assert_eq!(decode(u16::try_from(code).unwrap()), *us);
        }
        for pair in STEPS.windows(2) {
            assert!(pair[0] < pair[1]);
            assert!(pair[1] - pair[0] == 1 || (pair[1] - pair[0]) * 100 <= pair[0]);
        }
    }

    #[test]
    fn short_durations_are_exact_and_endless_ones_stay_long() {
        for us in 0..=200 {
            assert_eq!(decode(encode(us)), us);
        }
        assert_eq!(decode(encode(u64::MAX)), STEPS[COUNT - 1]);
        assert!(decode(u16::MAX) >= LONGEST_US);
    }

    #[test]
    fn the_table_is_the_one_that_files_were_written_with() {
        assert_eq!(COUNT, 2482);
        assert_eq!(
            (STEPS[300], STEPS[1000], STEPS[2000]),
            (466, 439_316, 9_206_710_360)
        );
    }

    proptest! {
        #[test]
        fn a_duration_comes_back_within_one_percent(us in prop_oneof![0..10_000_u64, 0..LONGEST_US]) {
            let back = decode(encode(us));
            prop_assert!(back.abs_diff(us) * 100 <= us, "{us} came back as {back}");
        }

        #[test]
        fn longer_durations_never_get_smaller_codes(a in 0..LONGEST_US, b in 0..LONGEST_US) {
            let (short, long) = (a.min(b), a.max(b));
            prop_assert!(encode(short) <= encode(long));
        }
    }
}

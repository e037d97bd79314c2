//! Changes the answers of a corpus, for a number of cases or for a time.

use std::cell::RefCell;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use tokio::time::Instant;

use super::mutations::{Mutation, mutations};

/// The changed answers of a kind in a run of all tests. Then the seed is always the same.
const CASES: u32 = 200;

/// The changed answers between two looks at the clock.
const ROUND: u32 = 200;

/// The most memory of the process at any time. A body of 4 MiB is held twice while it is decoded.
const MOST_MEMORY_KIB: u64 = 256 * 1024;

/// Gives each answer of the corpus with some changes to `ask`, which panics if it finds a mistake.
pub fn fuzz(name: &str, corpus: &[Vec<u8>], ask: impl FnMut(Vec<u8>)) {
    let ask = RefCell::new(ask);
    let seconds = number("NINES_FUZZ_SECONDS");
    let began = Instant::now();
    let mut seed = match (number("NINES_FUZZ_SEED"), seconds) {
        (Some(seed), _) => seed,
        (None, Some(_)) => RandomState::new().hash_one(name),
        (None, None) => 1,
    };
    let mut count = 0;
    loop {
        let cases = if seconds.is_some() { ROUND } else { CASES };
        let one = (any::<Index>(), mutations());
        let result = runner(seed, cases).run(&one, |(which, changes)| {
            ask.borrow_mut()(changed(corpus, which, &changes));
            Ok(())
        });
        if let Err(TestError::Fail(why, (which, changes))) = &result {
            let answer = changed(corpus, *which, changes);
            let shown = answer[..answer.len().min(500)].escape_ascii();
            panic!("{name}, NINES_FUZZ_SEED={seed}: {why}\n{changes:?}\n{shown}");
        }
        result.unwrap();
        count += cases;
        let memory = memory_kib().unwrap_or_default();
        assert!(
            memory < MOST_MEMORY_KIB,
            "{name}, seed {seed}: {memory} KiB"
        );
        let elapsed = began.elapsed();
        if seconds.is_none_or(|seconds| elapsed >= Duration::from_secs(seconds)) {
            println!("{name}: {count} answers in {elapsed:?}, at most {memory} KiB");
            return;
        }
        seed = seed.wrapping_add(1);
    }
}

fn runner(seed: u64, cases: u32) -> TestRunner {
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_time: 20_000,
        ..Config::default()
    };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

/// One file of the corpus with its changes.
fn changed(corpus: &[Vec<u8>], which: Index, changes: &[Mutation]) -> Vec<u8> {
    let mut bytes = which.get(corpus).clone();
    for change in changes {
        change.apply(&mut bytes);
    }
    bytes
}

/// The highest memory of this process so far, in KiB.
fn memory_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

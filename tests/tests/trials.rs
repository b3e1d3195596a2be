//! Short connections in random weather: the release-mode job's first thousand or so, and its replay.
//!
//! `QUICPRO_SEEDS` says how many.

use quicpro_tests::body;
use quicpro_tests::trial::{self, Outcome};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::process::Command;

#[test]
fn connections_complete_or_end_with_a_defined_error() {
    let seeds = std::env::var("QUICPRO_SEEDS").ok();
    let seeds = seeds.map_or(600, |text| text.parse().expect("QUICPRO_SEEDS: a number"));
    let mut outcomes = BTreeMap::new();
    for seed in 0..seeds {
        let report = trial::run(seed).unwrap_or_else(|problem| panic!("{problem}"));
        *outcomes.entry(report.outcome).or_insert(0) += 1;
    }
    let complete = outcomes.get(&Outcome::Complete).copied().unwrap_or(0);
    assert!(complete * 10 >= seeds * 9, "{outcomes:?} of {seeds}");
}

#[test]
fn two_processes_replay_a_seed_bit_by_bit() {
    let run = || {
        let output = Command::new(env!("CARGO_BIN_EXE_simulate"))
            .args(["--first", "40", "--seeds", "10"])
            .output()
            .expect("the program runs");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("text")
    };
    let first = run();
    assert_eq!(first, run());
    let mut digest = Sha256::new();
    for seed in 40..50 {
        let report = trial::run(seed).unwrap_or_else(|problem| panic!("{problem}"));
        digest.update(report.transcript);
    }
    let digest = body::hex(&digest.finalize());
    assert!(first.contains(&digest), "{digest} is not in {first}");
}

//! Many short connections in virtual time, each in weather drawn from its seed ([`quicpro_tests::trial`]).
//!
//! ```text
//! cargo run --release -p quicpro-tests --bin simulate                                  # 100,000 of them
//! cargo run --release -p quicpro-tests --bin simulate -- --first 17 --seeds 1 --verbose # one of them again
//! ```
//! Ends with 1 where a trial failed, after all were run. The digest is over all datagrams of all trials with their
//! times: two runs of the same seeds print the same.

use clap::Parser;
use quicpro::qlog::Writer;
use quicpro_core::mem::Object;
use quicpro_core::trace::Sink;
use quicpro_tests::body;
use quicpro_tests::trial::{self, Outcome, Report};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Short connections of quicpro's client and quinn's server in simulated networks.
#[derive(Parser)]
struct Arguments {
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// How many seeds.
    #[arg(long, default_value_t = 100_000)]
    seeds: u64,
    /// How many at the same time.
    #[arg(long, default_value_t = 1)]
    threads: u64,
    /// Write a qlog file of each into this folder: SEED.sqlog.
    #[arg(long, value_name = "DIR")]
    qlog: Option<PathBuf>,
    /// A line for each.
    #[arg(long)]
    verbose: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(folder) = &arguments.qlog {
        std::fs::create_dir_all(folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    }
    let started = Instant::now();
    let mut figures = Figures::default();
    // In pieces, so that the reports of 100,000 trials need not be kept.
    const PIECE: u64 = 1000;
    let end = arguments.first + arguments.seeds;
    for first in (arguments.first..end).step_by(PIECE as usize) {
        for (seed, result) in run(&arguments, first, end.min(first + PIECE)) {
            if arguments.verbose {
                println!("{seed}: {result:?}");
            }
            figures.take(result);
        }
    }
    figures.print(&arguments, started.elapsed());
    ExitCode::from(u8::from(figures.failed > 0))
}

/// The trials of these seeds, in their order.
fn run(arguments: &Arguments, first: u64, end: u64) -> BTreeMap<u64, Result<Report, String>> {
    let next = AtomicU64::new(first);
    let results = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..arguments.threads.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    let result = trial::run_with(seed, recording(arguments, seed));
                    let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                    results.insert(seed, result);
                }
            });
        }
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Where a trial is written down, if that is asked for.
fn recording(arguments: &Arguments, seed: u64) -> Option<Object<'static, dyn Sink>> {
    let folder = arguments.qlog.as_ref()?;
    let path = folder.join(format!("{seed}.sqlog"));
    let file = File::create(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let writer = Writer::without_wall_clock(BufWriter::new(file), &format!("seed {seed}"));
    Some(Object::Owned(Box::new(writer)))
}

#[derive(Default)]
struct Figures {
    outcomes: BTreeMap<Outcome, u64>,
    failed: u64,
    time: Duration,
    longest: Duration,
    datagrams: u64,
    lost: u64,
    corrupted: u64,
    rebindings: u64,
    digest: Sha256,
}

impl Figures {
    fn take(&mut self, result: Result<Report, String>) {
        let report = match result {
            Ok(report) => report,
            Err(problem) => {
                eprintln!("FAILED {problem}");
                self.failed += 1;
                return;
            }
        };
        *self.outcomes.entry(report.outcome).or_default() += 1;
        self.time += report.time;
        self.longest = self.longest.max(report.time);
        self.datagrams += report.datagrams;
        self.lost += report.lost;
        self.corrupted += report.corrupted;
        self.rebindings += u64::from(report.rebindings);
        self.digest.update(&report.transcript);
    }

    fn print(&self, arguments: &Arguments, real: Duration) {
        let seeds = arguments.seeds;
        println!(
            "{seeds} connections, seeds from {}: {} failed",
            arguments.first, self.failed
        );
        for (outcome, count) in &self.outcomes {
            println!("  {outcome:?}: {count}");
        }
        println!(
            "{} datagrams, {} lost, {} corrupted",
            self.datagrams, self.lost, self.corrupted
        );
        println!("{} rebindings", self.rebindings);
        println!(
            "{:.0} s of virtual time, the longest {:.1} s",
            self.time.as_secs_f64(),
            self.longest.as_secs_f64()
        );
        println!("SHA-256 {}", body::hex(&self.digest.clone().finalize()));
        let rate = seeds as f64 / real.as_secs_f64();
        eprintln!(
            "{:.1} s on {} threads, {rate:.0} connections/s",
            real.as_secs_f64(),
            arguments.threads
        );
    }
}

//! Our client and the quinn + h3 client against the quinn + h3 server, in turns, each run in a process of its own.
//!
//! ```text
//! this process: both servers ◄── UDP on loopback ──► child: one client, one case ──► a line of numbers
//! ```
//! Without arguments it takes some minutes and prints the table of `docs/benchmarks.md`; `bench memory` prints
//! its last rows alone, `bench quick` only shows that it works.

mod child;
mod measure;

use child::{Case, Figures, Subject};
use measure::median;
use quicpro_tests::server::{Options, Server};
use std::io::Write;
use std::process::{Command, Stdio};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// How much is measured.
struct Plan {
    runs: usize,
    download: u64,
    requests: usize,
    /// Downloads whose peak memory is compared.
    memory: [u64; 2],
}

const FULL: Plan = Plan {
    runs: 7,
    download: 256 * MIB,
    requests: 10_000,
    memory: [64 * MIB, GIB],
};

const QUICK: Plan = Plan {
    runs: 1,
    download: 16 * MIB,
    requests: 500,
    memory: [4 * MIB, 32 * MIB],
};

/// Requests in flight where they are not made one after another.
const AT_ONCE: usize = 64;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => run(&FULL),
        ["quick"] => run(&QUICK),
        ["memory"] => memory(&FULL, &Server::start(Options::default())),
        ["client", ref rest @ ..] => child::main(rest),
        _ => {
            eprintln!("bench [quick | memory]");
            std::process::exit(2);
        }
    }
}

fn run(plan: &Plan) {
    let servers = [true, false].map(|batching| {
        let options = Options {
            batching,
            ..Options::default()
        };
        (
            if batching { "GSO" } else { "no GSO" },
            Server::start(options),
        )
    });
    let cases = [
        Case::Download(plan.download),
        Case::Requests(plan.requests, 1),
        Case::Requests(plan.requests, AT_ONCE),
    ];
    println!("| server, case | unit | quicpro | quinn + h3 | ratio |");
    println!("| --- | --- | ---: | ---: | ---: |");
    for (name, server) in &servers {
        for case in cases {
            let [ours, theirs] = in_turns(server, case, plan.runs);
            for (unit, value) in case.rows() {
                let [ours, theirs] =
                    [&ours, &theirs].map(|figures| median(figures.iter().map(value)));
                let ratio = ours / theirs;
                println!("| {name}, {case} | {unit} | {ours:.2} | {theirs:.2} | {ratio:.2} |");
            }
        }
    }
    memory(plan, &servers[0].1);
}

/// What a short and a long download need at most: the long one should need no more.
fn memory(plan: &Plan, server: &Server) {
    for bytes in plan.memory {
        let case = Case::Download(bytes);
        let [ours, theirs] = in_turns(server, case, plan.runs).map(|figures| {
            median(
                figures
                    .iter()
                    .map(|figures| figures.peak_kib as f64 / 1024.0),
            )
        });
        let ratio = ours / theirs;
        println!("| GSO, {case} | peak RSS, MiB | {ours:.2} | {theirs:.2} | {ratio:.2} |");
    }
}

/// Both subjects alternately, so that what else the machine does falls on both.
fn in_turns(server: &Server, case: Case, runs: usize) -> [Vec<Figures>; 2] {
    let mut all = [Vec::new(), Vec::new()];
    for _ in 0..runs {
        for (subject, figures) in Subject::ALL.into_iter().zip(&mut all) {
            figures.push(in_child(server, subject, case));
        }
    }
    all
}

fn in_child(server: &Server, subject: Subject, case: Case) -> Figures {
    let program = std::env::current_exe().expect("a program has a path");
    let mut child = Command::new(program)
        .args(["client", subject.name()])
        .args(case.arguments())
        .arg(server.address().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program starts again");
    let mut input = child.stdin.take().expect("piped");
    input
        .write_all(&server.authority().der())
        .expect("the child reads the authority's certificate");
    drop(input);
    let output = child.wait_with_output().expect("the child ends");
    assert!(output.status.success(), "{} failed", subject.name());
    let line = String::from_utf8_lossy(&output.stdout);
    Figures::parse(&line).unwrap_or_else(|| panic!("no figures: {line}"))
}

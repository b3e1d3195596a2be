//! An upload through a network: how long it takes, and how long the queue gets.

use super::Arguments;
use super::cell::{self, BDP, Cell};
use super::figures::{geometric_mean, in_parallel, median, percentile};
use super::sender::{self, Sender};
use clap::ValueEnum;
use quicpro::qlog::Writer;
use quicpro_core::Instant;
use quicpro_core::mem::Object;
use quicpro_core::trace::Sink;
use quicpro_tests::pair::{Link, Pair, Random};
use std::fs::File;
use std::io::BufWriter;
use std::time::Duration;

/// Longest upload that is waited for: 100 times the line's own time.
const PATIENCE: Duration = Duration::from_secs(600);
/// A slow start has ended before this: 25 round trips.
const STARTUP: Instant = Instant::from_micros(1_000_000);

/// What one upload came to.
pub struct Transfer {
    /// From the first datagram to the answer.
    pub seconds: f64,
    /// The queue in BDP at each arrival, before and after the startup.
    queue: [Vec<f64>; 2],
}

impl Transfer {
    /// Runs one.
    pub fn run(arguments: &Arguments, cell: Cell, sender: Sender, seed: u64) -> Self {
        let mtu = arguments.mtu;
        let sink = recording(arguments, cell, sender, seed);
        let client = sender.client_with(Instant::ZERO, seed, arguments.bytes, mtu, sink);
        let mut pair = Pair::new(seed, &cell::down(mtu), client, sender::server(seed, mtu));
        pair.up = Link::new(cell.up(mtu), Random::new(seed, "up"));
        pair.up.sample_queue();
        let end = pair.run(PATIENCE, |client, _| client.completed() == 1);
        let end = end.unwrap_or_else(|stall| {
            let lost = pair.server.lost();
            let client = pair.client.summary();
            panic!("{sender:?}, {cell:?}, seed {seed}: {stall:?}, {lost:?}, {client}")
        });
        if arguments.verbose {
            let [counts, now] = [format!("{:?}", pair.up.counts()), format!("{end:?}")];
            let client = pair.client.summary();
            eprintln!("{sender:?} {cell:?} seed {seed}: {now} {counts} {client}");
        }
        let mut queue = [Vec::new(), Vec::new()];
        for sample in pair.up.queue_samples() {
            queue[usize::from(sample.at >= STARTUP)].push(sample.waiting as f64 / BDP as f64);
        }
        Self {
            seconds: end.as_micros() as f64 / 1e6,
            queue,
        }
    }
}

/// Where one upload is written down, if that is asked for and the sender is ours: quinn's writes no qlog here.
fn recording(
    arguments: &Arguments,
    cell: Cell,
    sender: Sender,
    seed: u64,
) -> Option<Object<'static, dyn Sink>> {
    let folder = arguments.qlog.as_ref().filter(|_| !sender.is_theirs())?;
    let name = format!("{}-{}-{seed}", word(cell), word(sender));
    let path = folder.join(format!("{name}.sqlog"));
    let file = File::create(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let told = format!("{}: {}, seed {seed}", sender.title(), cell.title());
    let writer = Writer::without_wall_clock(BufWriter::new(file), &told);
    Some(Object::Owned(Box::new(writer)))
}

/// How the command line calls it.
fn word(value: impl ValueEnum) -> String {
    let value = value.to_possible_value().expect("none is skipped");
    value.get_name().to_owned()
}

/// All runs of each sender in one network.
fn runs(arguments: &Arguments, cell: Cell) -> Vec<(Sender, Vec<Transfer>)> {
    let jobs: Vec<_> = arguments
        .sender
        .iter()
        .flat_map(|sender| arguments.seeds().map(|seed| (*sender, seed)))
        .collect();
    let run = |job: &(Sender, u64)| Transfer::run(arguments, cell, job.0, job.1);
    let mut transfers = in_parallel(&jobs, arguments.threads, run).into_iter();
    let of = |sender: &Sender| {
        let own = transfers.by_ref().take(arguments.seeds as usize);
        (*sender, own.collect())
    };
    arguments.sender.iter().map(of).collect()
}

fn seconds(transfers: &[Transfer]) -> f64 {
    median(&transfers.iter().map(|one| one.seconds).collect::<Vec<_>>())
}

/// Times of all senders in all networks, and ours divided by theirs.
pub fn print_table(arguments: &Arguments) {
    let senders = &arguments.sender;
    let rivals = Sender::RIVALS.iter();
    let rivals: Vec<_> = rivals
        .filter(|pair| pair.iter().all(|one| senders.contains(one)))
        .collect();
    let mut titles = vec![format!(
        "seconds for {} MB, median of {}",
        arguments.bytes as f64 / 1e6,
        arguments.seeds
    )];
    titles.extend(senders.iter().map(|sender| sender.title().to_owned()));
    titles.extend(
        rivals
            .iter()
            .map(|pair| format!("{} / quinn", pair[0].title())),
    );
    print_row(&titles);
    print_rule(titles.len());
    let mut ratios = vec![Vec::new(); rivals.len()];
    for &cell in &arguments.cell {
        let runs = runs(arguments, cell);
        let time = |wanted: Sender| {
            let found = runs.iter().find(|(sender, _)| *sender == wanted);
            seconds(&found.expect("every sender ran").1)
        };
        let mut row = vec![cell.title().to_owned()];
        row.extend(senders.iter().map(|sender| format!("{:.3}", time(*sender))));
        for (pair, ratios) in rivals.iter().zip(&mut ratios) {
            let ratio = time(pair[0]) / time(pair[1]);
            ratios.push(ratio);
            row.push(format!("{ratio:.3}"));
        }
        print_row(&row);
    }
    if !rivals.is_empty() {
        let mut row = vec!["geometric mean".to_owned()];
        row.extend(senders.iter().map(|_| String::new()));
        row.extend(
            ratios
                .iter()
                .map(|ratios| format!("{:.3}", geometric_mean(ratios))),
        );
        print_row(&row);
    }
    println!();
}

/// The bottleneck's queue at each arrival, over all seeds, where nothing is lost.
pub fn print_queues(arguments: &Arguments) {
    print_row(&[
        "queue in BDP at each arrival, no loss",
        "95th percentile after 1 s",
        "longest after 1 s",
        "longest at all",
    ]);
    print_rule(4);
    for (sender, transfers) in runs(arguments, Cell::Clear) {
        let of = |part: usize| -> Vec<f64> {
            let queues = transfers.iter().map(|one| &one.queue[part]);
            queues.flatten().copied().collect()
        };
        let longest = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
        let [before, after] = [of(0), of(1)];
        print_row(&[
            sender.title().to_owned(),
            format!("{:.3}", percentile(&after, 95)),
            format!("{:.3}", longest(&after)),
            format!("{:.3}", longest(&before).max(longest(&after))),
        ]);
    }
    println!();
}

/// What reordering alone costs each sender.
pub fn print_reordering(arguments: &Arguments) {
    print_row(&[
        "seconds",
        "in order",
        "overtaken by 3 to 20",
        "goodput kept",
    ]);
    print_rule(4);
    let clear = runs(arguments, Cell::Clear);
    let reordered = runs(arguments, Cell::Reordering);
    for ((sender, clear), (_, reordered)) in clear.iter().zip(&reordered) {
        let [clear, reordered] = [clear, reordered].map(|runs| seconds(runs));
        let kept = clear / reordered * 100.0;
        print_row(&[
            sender.title().to_owned(),
            format!("{clear:.3}"),
            format!("{reordered:.3}"),
            format!("{kept:.1} %"),
        ]);
    }
    println!();
}

/// A row of a table.
pub fn print_row(cells: &[impl AsRef<str>]) {
    let cells: Vec<_> = cells.iter().map(AsRef::as_ref).collect();
    println!("| {} |", cells.join(" | "));
}

/// The line below the titles.
pub fn print_rule(columns: usize) {
    println!("| --- |{}", " ---: |".repeat(columns - 1));
}

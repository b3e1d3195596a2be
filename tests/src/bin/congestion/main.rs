//! Congestion control side by side: our senders and quinn's, to quinn's receiver, in virtual time.
//!
//! ```text
//! cargo run --release -p quicpro-tests --bin congestion                     # all tables
//! cargo run --release -p quicpro-tests --bin congestion -- \
//!     --table transfers --cell loss-1 --sender cubic --sender quinn-cubic --seeds 3
//! ```
//! The bottleneck has 50 Mbit/s and 40 ms of round trip; a bandwidth-delay product (BDP) is 250,000 bytes.
//! Everything is drawn from seeds: the tables are the same on every machine.

mod cell;
mod fairness;
mod figures;
mod handshake;
mod sender;
mod transfer;

use cell::Cell;
use clap::{Parser, ValueEnum};
use sender::Sender;
use std::path::PathBuf;

/// Congestion control of quicpro and quinn in one simulated network; prints tables in Markdown.
#[derive(Parser)]
struct Arguments {
    /// Which tables; all by default.
    #[arg(long, value_enum)]
    table: Vec<Table>,
    /// Which networks; all by default.
    #[arg(long, value_enum)]
    cell: Vec<Cell>,
    /// Which senders; all by default.
    #[arg(long, value_enum)]
    sender: Vec<Sender>,
    /// Runs of each sender in each network.
    #[arg(long, default_value_t = 30)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Bytes to be sent.
    #[arg(long, default_value_t = 20_000_000)]
    bytes: u64,
    /// Longest UDP payload on the path. Above 1,200 a sender has to find it out.
    #[arg(long, default_value_t = 1200)]
    mtu: u16,
    /// Runs at the same time.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Write a qlog file of each upload by a sender of ours into this folder: CELL-SENDER-SEED.sqlog.
    #[arg(long, value_name = "DIR")]
    qlog: Option<PathBuf>,
    /// A line for each run.
    #[arg(long)]
    verbose: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Table {
    /// Times of an upload in each network, and ratios.
    Transfers,
    /// The bottleneck's queue without loss.
    Queue,
    /// Two connections in one bottleneck.
    Fairness,
    /// A handshake over 1.5 s of round trip.
    Handshake,
    /// Packets overtaken by 3 to 20 others.
    Reordering,
}

impl Arguments {
    fn seeds(&self) -> std::ops::Range<u64> {
        self.first..self.first + self.seeds
    }
}

fn main() {
    let mut arguments = Arguments::parse();
    if arguments.cell.is_empty() {
        arguments.cell = Cell::TABLE.to_vec();
    }
    if arguments.sender.is_empty() {
        arguments.sender = Sender::available();
    }
    if let Some(folder) = &arguments.qlog {
        std::fs::create_dir_all(folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    }
    let wants = |table| arguments.table.is_empty() || arguments.table.contains(&table);
    if wants(Table::Transfers) {
        transfer::print_table(&arguments);
    }
    if wants(Table::Queue) {
        transfer::print_queues(&arguments);
    }
    if wants(Table::Reordering) {
        transfer::print_reordering(&arguments);
    }
    if wants(Table::Fairness) {
        fairness::print_table(&arguments);
    }
    if wants(Table::Handshake) {
        handshake::print_table(&arguments);
    }
}

//! Instructions that a client takes, counted by callgrind (from valgrind) and so the same on every run.
//!
//! Without arguments it runs itself under callgrind for each case and prints a table. The peer is quinn-proto in
//! virtual time on a clear day; only the client's own work is counted, from datagram to application and back.

use quicpro_core::Limits;
use quicpro_core::connection::{Connection, Event, State};
use quicpro_core::stream::ReadError;
use quicpro_core::wire::{Direction, StreamId};
use quicpro_tests::meter::{self, Metered};
use quicpro_tests::pair::pattern::{self, head};
use quicpro_tests::pair::{Pair, Party, Weather, ours, quinn};
use quinn_proto::{Dir, StreamEvent};
use std::process::Command;
use std::time::Duration;

/// Bytes of the body that is received.
const BODY: u64 = 10_000_000;
const CLIENTS: [&str; 2] = ["quicpro", "quinn"];
const CASES: [&str; 2] = ["handshake", "receive"];
const PATIENCE: Duration = Duration::from_secs(60);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => print_table(),
        ["quicpro", case] => {
            let application = OurDownload::default();
            let party = ours::Ours::new(1, Limits::DESKTOP, &ours::config(), application);
            run(
                case,
                party,
                |party| {
                    let is_ready = party.connection.state() == State::Confirmed;
                    (is_ready, party.application.received)
                },
                |party| party.application.ask(&mut party.connection),
            );
        }
        ["quinn", case] => {
            let options = quinn::Options::default();
            let party = quinn::Quinn::client(1, options, quinn::root(), QuinnDownload::default());
            run(
                case,
                party,
                |party| (party.application.is_connected, party.application.received),
                |party| QuinnDownload::ask(party.connection().expect("it is established")),
            );
        }
        _ => {
            eprintln!("instructions [quicpro|quinn handshake|receive]");
            std::process::exit(2);
        }
    }
}

/// A handshake until it is confirmed, and then, if asked for, a body.
fn run<P: Party>(case: &str, party: P, progress: impl Fn(&P) -> (bool, u64), ask: impl Fn(&mut P)) {
    let client = Metered {
        party,
        is_counting: case == "handshake",
    };
    let server = quinn::Quinn::server(1, quinn::Options::default(), pattern::Server::default());
    let mut pair = Pair::new(1, &Weather::default(), client, server);
    pair.run(PATIENCE, |client, _| progress(&client.party).0)
        .expect("a handshake");
    // The last acknowledgements of the handshake belong to it.
    pair.run_for(Duration::from_millis(100));
    if case == "receive" {
        pair.client.is_counting = true;
        ask(&mut pair.client.party);
        pair.run(PATIENCE, |client, _| progress(&client.party).1 == BODY)
            .expect("a body");
    }
}

/// The asking side on our connection: reads without a copy.
#[derive(Default)]
struct OurDownload {
    stream: Option<StreamId>,
    received: u64,
}

impl OurDownload {
    fn ask(&mut self, connection: &mut Connection<'static>) {
        let id = connection
            .open_stream(Direction::Bidirectional)
            .expect("a stream");
        let mut stream = connection.send_stream(id).expect("it is open");
        stream.write(&head(BODY)).expect("room for a head");
        stream.finish().expect("it is open");
        self.stream = Some(id);
    }
}

impl ours::Application for OurDownload {
    fn on_event(&mut self, connection: &mut Connection<'static>, event: Event) {
        let Event::Stream(quicpro_core::stream::StreamEvent::Readable { id }) = event else {
            return;
        };
        let mut stream = connection.recv_stream(id).expect("its end is not read");
        loop {
            match stream.peek() {
                Ok([]) | Err(ReadError::Blocked) => return,
                Ok(bytes) => {
                    let length = std::hint::black_box(bytes).len();
                    self.received += length as u64;
                    stream.consume(length);
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// The same on quinn-proto.
#[derive(Default)]
struct QuinnDownload {
    is_connected: bool,
    received: u64,
}

impl QuinnDownload {
    fn ask(connection: &mut quinn_proto::Connection) {
        let id = connection.streams().open(Dir::Bi).expect("a stream");
        let mut stream = connection.send_stream(id);
        stream.write(&head(BODY)).expect("room for a head");
        stream.finish().expect("it is open");
    }
}

impl quinn::Application for QuinnDownload {
    fn on_event(&mut self, connection: &mut quinn_proto::Connection, event: quinn_proto::Event) {
        match event {
            quinn_proto::Event::Connected => self.is_connected = true,
            quinn_proto::Event::Stream(StreamEvent::Readable { id }) => {
                let mut stream = connection.recv_stream(id);
                let Ok(mut chunks) = stream.read(true) else {
                    return;
                };
                while let Ok(Some(chunk)) = chunks.next(usize::MAX) {
                    self.received += std::hint::black_box(&chunk.bytes).len() as u64;
                }
                let _ = chunks.finalize();
            }
            _ => {}
        }
    }
}

fn print_table() {
    println!("| instructions of the client | quicpro | quinn-proto | ratio |");
    println!("| --- | ---: | ---: | ---: |");
    for case in CASES {
        let [ours, theirs] = CLIENTS.map(|client| count(client, case));
        let ratio = ours as f64 / theirs as f64;
        println!("| {case} | {ours} | {theirs} | {ratio:.2} |");
    }
}

/// Runs one case under callgrind, whose last words are the number of instructions collected.
fn count(client: &str, case: &str) -> u64 {
    let program = std::env::current_exe().expect("a program has a path");
    let directory = std::env::temp_dir();
    let output = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg("--collect-atstart=no")
        .arg(format!("--toggle-collect={}", meter::FUNCTION))
        .arg(format!(
            "--callgrind-out-file={}/callgrind.{client}.{case}",
            directory.display()
        ))
        .arg(program)
        .args([client, case])
        .output()
        .expect("valgrind is installed");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    let collected = words
        .lines()
        .find_map(|line| line.split_once("Collected : "));
    let (_, number) = collected.unwrap_or_else(|| panic!("no count in {words}"));
    number.trim().parse().expect("a number")
}

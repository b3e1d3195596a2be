//! Five documents go through three slow steps: text recognition, language processing, insertion into a store.
//!
//! Documents come from the server and go back to it over one connection. The first run waits between the steps, so
//! that nothing ever happens at the same time; the second chains the steps with `then`, and four workers are busy.

use std::error::Error;
use std::thread::sleep;
use std::time::{Duration, Instant};

use quicpro::event_loop::Task;
use quicpro::{Certificate, Client, Result, SyncEventLoop};
use quicpro_tests::server::{Options, Server};

/// Workers of the event loop.
const WORKERS: usize = 4;
/// Lengths of the documents in bytes: the longer, the slower.
const DOCUMENTS: [u64; 5] = [90_000, 120_000, 60_000, 150_000, 80_000];

/// What the steps need of the world.
#[derive(Clone)]
struct Office {
    client: Client,
    origin: String,
}

/// What the store knows of a document.
struct Receipt {
    length: usize,
    sha256: String,
}

impl Office {
    /// The first step: fetches a document and finds the text in it.
    fn recognise(&self, length: u64) -> Result<Vec<u8>> {
        let document = self
            .client
            .get(format!("{}/gen/{length}", self.origin))
            .send()?;
        let document = document.error_for_status()?.bytes()?;
        work(document.len());
        Ok(document
            .iter()
            .filter(|byte| byte.is_ascii_graphic())
            .copied()
            .collect())
    }

    /// The second step: what the text says.
    fn process(mut text: Vec<u8>) -> Vec<u8> {
        work(text.len() * 2);
        text.make_ascii_lowercase();
        text
    }

    /// The third step: into the store, which answers with the SHA-256 of what it got.
    fn insert(&self, text: Vec<u8>) -> Result<Receipt> {
        work(text.len());
        let length = text.len();
        let stored = self
            .client
            .post(format!("{}/sink", self.origin))
            .body(text)
            .send()?;
        let sha256 = stored.error_for_status()?.text()?;
        Ok(Receipt { length, sha256 })
    }
}

/// Stands for the real work: a microsecond for a byte.
fn work(bytes: usize) {
    sleep(Duration::from_micros(bytes as u64));
}

/// Waits for each step before it schedules the next one.
fn blocking(events: &SyncEventLoop, office: &Office) -> Result<Vec<Receipt>, Box<dyn Error>> {
    let mut receipts = Vec::new();
    for length in DOCUMENTS {
        let (first, last) = (office.clone(), office.clone());
        let text = events
            .schedule_task(move || first.recognise(length))
            .result()??;
        let text = events
            .schedule_task(move || Office::process(text))
            .result()?;
        receipts.push(events.schedule_task(move || last.insert(text)).result()??);
    }
    Ok(receipts)
}

/// Says once what follows on what, for all documents, and waits at the end.
fn chained(events: &SyncEventLoop, office: &Office) -> Result<Vec<Receipt>, Box<dyn Error>> {
    let chains: Vec<Task<Result<Receipt>>> = DOCUMENTS
        .into_iter()
        .map(|length| {
            let (first, last) = (office.clone(), office.clone());
            events
                .schedule_task(move || first.recognise(length))
                .then(|text| text.map(Office::process))
                .then(move |text| last.insert(text?))
        })
        .collect();
    let mut receipts = Vec::new();
    for chain in chains {
        receipts.push(chain.result()??);
    }
    Ok(receipts)
}

fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::start(Options::default());
    let authority = Certificate::from_der(&server.authority().der())?;
    let office = Office {
        client: Client::builder()
            .tls_certs_only([authority])
            .no_proxy()
            .build()?,
        origin: server.url(""),
    };
    let events = SyncEventLoop::new(WORKERS);

    let begun = Instant::now();
    let receipts = blocking(&events, &office)?;
    println!(
        "blocking between the steps: {:.2} s",
        begun.elapsed().as_secs_f64()
    );
    let begun = Instant::now();
    let again = chained(&events, &office)?;
    println!(
        "chained with `then`:        {:.2} s",
        begun.elapsed().as_secs_f64()
    );

    for (receipt, again) in receipts.iter().zip(&again) {
        let Receipt { length, sha256 } = receipt;
        println!(
            "{length:>6} bytes stored, sha-256 {}…",
            sha256.get(..16).unwrap_or(sha256)
        );
        if *sha256 != again.sha256 {
            return Err("the two runs stored different texts".into());
        }
    }
    let counts = server.counts();
    println!(
        "{} requests, {} connection",
        counts.requests, counts.connections
    );
    Ok(())
}

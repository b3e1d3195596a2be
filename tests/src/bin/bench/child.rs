//! The child process: one client, one case, one line of figures.
//!
//! Invariant: connecting and the first request are not measured, and nobody looks at bodies.

use super::measure::{cpu_seconds, peak_kib};
use rustls::pki_types::CertificateDer;
use std::collections::VecDeque;
use std::fmt;
use std::io::Read;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Bytes of a small response's body.
const SMALL: u64 = 100;

/// Bytes read at once.
const BUFFER: usize = 64 * 1024;

/// Longer than anything takes that goes well.
const PATIENCE: Duration = Duration::from_secs(120);

/// Whose client is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    Ours,
    Quinn,
}

impl Subject {
    pub const ALL: [Self; 2] = [Self::Ours, Self::Quinn];

    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "quicpro",
            Self::Quinn => "quinn",
        }
    }
}

/// What it does.
#[derive(Clone, Copy, Debug)]
pub enum Case {
    /// One body of so many bytes.
    Download(u64),
    /// So many small requests, and how many of them at a time.
    Requests(usize, usize),
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Download(bytes) => write!(f, "{} MiB down", bytes >> 20),
            Self::Requests(count, 1) => write!(f, "{count} requests in turn"),
            Self::Requests(count, at_once) => write!(f, "{count} requests, {at_once} at once"),
        }
    }
}

/// A row of the table: its unit, and its value.
type Row = (&'static str, fn(&Figures) -> f64);

impl Case {
    /// What the table shows of it.
    pub fn rows(self) -> Vec<Row> {
        match self {
            Self::Download(_) => vec![
                ("MiB/s", |figures| {
                    figures.amount / figures.seconds / f64::from(1 << 20)
                }),
                ("client CPU s/GiB", |figures| {
                    figures.cpu_seconds / figures.amount * f64::from(1 << 30)
                }),
            ],
            Self::Requests(..) => vec![
                ("requests/s", |figures| figures.amount / figures.seconds),
                ("client CPU us/request", |figures| {
                    figures.cpu_seconds / figures.amount * 1e6
                }),
            ],
        }
    }

    pub fn arguments(self) -> Vec<String> {
        match self {
            Self::Download(bytes) => vec!["download".into(), bytes.to_string()],
            Self::Requests(count, at_once) => {
                vec!["requests".into(), count.to_string(), at_once.to_string()]
            }
        }
    }
}

/// What was measured.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// Bytes, or requests.
    pub amount: f64,
    pub seconds: f64,
    pub cpu_seconds: f64,
    pub peak_kib: u64,
}

impl Figures {
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        Some(Self {
            amount: words.next()?.parse().ok()?,
            seconds: words.next()?.parse().ok()?,
            cpu_seconds: words.next()?.parse().ok()?,
            peak_kib: words.next()?.parse().ok()?,
        })
    }

    /// Measures `work`, which says how much it did.
    fn of(work: impl FnOnce() -> f64) -> Self {
        let (started, cpu) = (Instant::now(), cpu_seconds());
        let amount = work();
        Self {
            amount,
            seconds: started.elapsed().as_secs_f64(),
            cpu_seconds: cpu_seconds() - cpu,
            peak_kib: peak_kib(),
        }
    }
}

/// `quicpro|quinn download BYTES ADDRESS` or `quicpro|quinn requests COUNT AT-ONCE ADDRESS`; the authority's
/// certificate comes by standard input.
pub fn main(arguments: &[&str]) {
    let mut root = Vec::new();
    std::io::stdin()
        .read_to_end(&mut root)
        .expect("the authority's certificate");
    let root = CertificateDer::from(root);
    let number = |text: &str| text.parse().expect("a number");
    let (subject, case, address) = match *arguments {
        [subject, "download", bytes, address] => (subject, Case::Download(number(bytes)), address),
        [subject, "requests", count, at_once, address] => {
            let case = Case::Requests(number(count) as usize, number(at_once) as usize);
            (subject, case, address)
        }
        _ => panic!("the parent knows its own arguments"),
    };
    let address = address.parse().expect("an address");
    let figures = if subject == Subject::Quinn.name() {
        measure_quinn(address, root, case)
    } else {
        measure_ours(address, &root, case)
    };
    println!(
        "{} {} {} {}",
        figures.amount, figures.seconds, figures.cpu_seconds, figures.peak_kib
    );
}

fn path(bytes: u64) -> String {
    format!("/gen/{bytes}")
}

fn measure_quinn(address: SocketAddr, root: CertificateDer<'static>, case: Case) -> Figures {
    let mut client =
        quicpro_tests::client::Client::connect(address, "localhost", root).expect("a connection");
    client.drain(&path(SMALL)).expect("a response");
    Figures::of(|| match case {
        Case::Download(bytes) => {
            let read = client.drain(&path(bytes)).expect("a response");
            assert_eq!(read, bytes);
            read as f64
        }
        Case::Requests(count, at_once) => {
            let read = client.drain_many(&path(SMALL), count, at_once);
            assert_eq!(read.expect("responses"), count as u64 * SMALL);
            count as f64
        }
    })
}

fn measure_ours(address: SocketAddr, root: &CertificateDer<'_>, case: Case) -> Figures {
    let root = quicpro::Certificate::from_der(root).expect("the authority's certificate");
    let builder = quicpro::Client::builder().tls_certs_only([root]);
    let builder = builder
        .resolve("localhost", address)
        .timeout(PATIENCE)
        .no_proxy();
    let client = builder.build().expect("a client");
    let url = |bytes| format!("https://localhost:{}{}", address.port(), path(bytes));
    let mut buffer = vec![0; BUFFER];
    let mut read = |mut response: quicpro::Response| {
        assert_eq!(response.status(), 200);
        let mut bytes = 0;
        loop {
            match response.read(&mut buffer).expect("a body") {
                0 => return bytes,
                length => bytes += length as u64,
            }
        }
    };
    let small = url(SMALL);
    read(client.get(&small).send().expect("a response"));
    Figures::of(|| match case {
        Case::Download(bytes) => {
            let response = client.get(url(bytes)).send().expect("a response");
            assert_eq!(read(response), bytes);
            bytes as f64
        }
        Case::Requests(count, at_once) => {
            let mut pending = VecDeque::with_capacity(at_once);
            for _ in 0..count {
                if pending.len() == at_once {
                    finish(&mut pending, &mut read);
                }
                pending.push_back(client.get(&small).start().expect("a request"));
            }
            while !pending.is_empty() {
                finish(&mut pending, &mut read);
            }
            count as f64
        }
    })
}

/// Waits for the oldest response and reads it.
fn finish(
    pending: &mut VecDeque<quicpro::PendingResponse>,
    read: &mut impl FnMut(quicpro::Response) -> u64,
) {
    if let Some(oldest) = pending.pop_front() {
        assert_eq!(read(oldest.wait().expect("a response")), SMALL);
    }
}

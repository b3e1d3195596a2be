//! What a run is told: words `key=value` that QEMU or a debugger hands over by semihosting.

use core::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use quicpro_core::Duration;
use semihosting::experimental::env;
use static_cell::StaticCell;

use crate::exit::Failure;

/// Bytes of all words together.
pub type Line = env::Args<256>;

const KEYS: [&str; 7] = ["server", "name", "get", "post", "date", "seed", "patience"];

/// The words of one run. Numbers are decimal.
#[derive(Clone, Copy)]
pub struct Arguments<'a> {
    /// `server=IP:PORT`.
    pub server: SocketAddr,
    /// `name=NAME`: whom the server's certificate must be for.
    pub name: &'a str,
    /// `get=PATH`: what is fetched.
    pub get: &'a str,
    /// `post=PATH`: where the reading goes.
    pub post: &'a str,
    /// `date=SECONDS` since 1970, against which certificates are judged.
    pub date: u64,
    /// `seed=NUMBER`, from which all that should be random follows.
    pub seed: u64,
    /// `patience=SECONDS`: everything must be over by then. The only word that may be missing: it is 30 then.
    pub patience: Duration,
}

/// Reads the line. Once in the life of the program.
pub fn line() -> Result<&'static Line, Failure> {
    static LINE: StaticCell<Line> = StaticCell::new();
    let line = env::args().map_err(|_| Failure::Arguments)?;
    Ok(LINE.init(line))
}

impl<'a> Arguments<'a> {
    /// Words that nobody knows are ignored.
    pub fn parse(line: &'a Line) -> Result<Self, Failure> {
        let mut values = [None; KEYS.len()];
        for (key, value) in line.flatten().filter_map(|word| word.split_once('=')) {
            if let Some(index) = KEYS.iter().position(|known| *known == key) {
                values[index] = Some(value);
            }
        }
        let patience = values[6].unwrap_or("30");
        let [server, name, get, post, date, seed, _] =
            values.map(|value| value.ok_or(Failure::Arguments));
        let number = |text: &str| text.parse().map_err(|_| Failure::Arguments);
        Ok(Self {
            server: address(server?).ok_or(Failure::Arguments)?,
            name: name?,
            get: get?,
            post: post?,
            date: number(date?)?,
            seed: number(seed?)?,
            patience: Duration::from_secs(number(patience)?),
        })
    }
}

/// `a.b.c.d:port`. Not by the standard library's parser, which the client's name check has, too: the image without
/// the client is subtracted from the one with it, and what both have would seem to cost nothing.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let mut octets = [0; 4];
    let mut parts = ip.split('.');
    for octet in &mut octets {
        *octet = parts.next()?.parse().ok()?;
    }
    let address = SocketAddrV4::new(Ipv4Addr::from(octets), port.parse().ok()?);
    parts.next().is_none().then_some(SocketAddr::V4(address))
}

//! The tests' independent HTTP/3 server as a program.
//!
//! It listens on loopback, writes its authority's certificate where `--ca` says and serves until killed.

use quicpro_tests::certificates::{Authority, Flaw};
use quicpro_tests::server::{Behaviour, Group, Options, Server, Suite};
use std::time::Duration;

const USAGE: &str = "quinn-h3-server [OPTIONS]
  --address IP:PORT       where to listen, on loopback (127.0.0.1:4433)
  --ca FILE               write the authority's certificate there, as PEM
  --algorithm NAME        the leaf's key: p256, p384, ed25519, rsa2048 (p256)
  --suites LIST           aes128,aes256,chacha20 (all)
  --groups LIST           x25519,p256,p384 (x25519,p256)
  --retry                 answer every first flight with a Retry packet
  --window BYTES          flow control window of a stream and of a connection
  --idle-timeout MS       how long a silent connection lives (30000)
  --requests N            requests that a client may have open (100)
  --unidirectional N      unidirectional streams that a client may have open (100)
  --no-batching           one datagram a system call
  --no-grease             no reserved frames and settings
  --late-settings MS      canned answers, SETTINGS this long after the first";

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut options = Options {
        address: ([127, 0, 0, 1], 4433).into(),
        ..Options::default()
    };
    let authority = Authority::default();
    options.identity = Some(authority.good());
    while let Some(name) = arguments.next() {
        if let Err(problem) = apply(&mut options, &authority, &name, &mut arguments) {
            eprintln!("{problem}\n{USAGE}");
            std::process::exit(2);
        }
    }
    let server = Server::start(options);
    println!("listening on {}", server.address());
    server.wait();
}

fn apply(
    options: &mut Options,
    authority: &Authority,
    name: &str,
    arguments: &mut impl Iterator<Item = String>,
) -> Result<(), String> {
    let mut value = || {
        arguments
            .next()
            .ok_or_else(|| format!("{name} needs a value"))
    };
    match name {
        "--address" => options.address = parse(&value()?)?,
        "--ca" => {
            let file = value()?;
            std::fs::write(&file, authority.pem()).map_err(|error| format!("{file}: {error}"))?;
        }
        "--algorithm" => options.identity = Some(authority.issue(value()?.parse()?, Flaw::None)),
        "--suites" => options.suites = list(&value()?, suite)?,
        "--groups" => options.groups = list(&value()?, group)?,
        "--retry" => options.retry = true,
        "--window" => {
            let bytes = parse(&value()?)?;
            options.receive_windows = Some((bytes, bytes));
        }
        "--idle-timeout" => options.idle_timeout = Duration::from_millis(parse(&value()?)?),
        "--requests" => options.requests_max = parse(&value()?)?,
        "--unidirectional" => options.unidirectional_max = parse(&value()?)?,
        "--no-batching" => options.batching = false,
        "--no-grease" => options.grease = false,
        "--late-settings" => {
            options.behaviour = Behaviour::LateSettings(Duration::from_millis(parse(&value()?)?));
        }
        _ => return Err(format!("unknown option {name}")),
    }
    Ok(())
}

fn parse<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("{text} is no legal value"))
}

fn list<T>(text: &str, item: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, String> {
    text.split(',')
        .map(|name| item(name).ok_or_else(|| format!("unknown name {name}")))
        .collect()
}

fn suite(name: &str) -> Option<Suite> {
    Some(match name {
        "aes128" => Suite::Aes128Gcm,
        "aes256" => Suite::Aes256Gcm,
        "chacha20" => Suite::ChaCha20Poly1305,
        _ => return None,
    })
}

fn group(name: &str) -> Option<Group> {
    Some(match name {
        "x25519" => Group::X25519,
        "p256" => Group::P256,
        "p384" => Group::P384,
        _ => return None,
    })
}

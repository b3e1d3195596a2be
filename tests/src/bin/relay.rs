//! The tests' bad network as a program: between a client and a server on this machine.
//!
//! It prints where it listens, then every datagram that it loses or holds back, and works until it is killed.

use quicpro_tests::relay::{Relay, Weather};
use std::error::Error;
use std::net::SocketAddr;

const USAGE: &str = "relay SERVER LOSS REORDERING SEED
  SERVER      IP:PORT of the server
  LOSS        datagrams of 100 that are lost, in each direction
  REORDERING  datagrams of 100 that the next one overtakes
  SEED        a number: which ones";

fn main() {
    if let Err(error) = run() {
        eprintln!("{error}\n{USAGE}");
        std::process::exit(2);
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, loss, reordering, seed] = &arguments[..] else {
        return Err("four arguments".into());
    };
    let server: SocketAddr = server.parse()?;
    let weather = Weather {
        loss: loss.parse()?,
        reordering: reordering.parse()?,
        seed: seed.parse()?,
    };
    let relay = Relay::bind(server, weather)?;
    println!("listening on {}", relay.address()?);
    relay.run(|report| println!("{report}"))?;
    Ok(())
}

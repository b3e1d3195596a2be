//! Prints what a client sent first, from a capture of its network: a line for each thing that could be compared.

use quicpro_tests::first_flight::FirstFlight;
use std::net::Ipv4Addr;

const USAGE: &str = "first-flight FILE.pcap ADDRESS COUNT
  ADDRESS  the client's, IPv4
  COUNT    datagrams to look at";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match read(&arguments) {
        Ok(flight) => print!("{flight}"),
        Err(error) => {
            eprintln!("{error}\n{USAGE}");
            std::process::exit(2);
        }
    }
}

fn read(arguments: &[String]) -> Result<FirstFlight, Box<dyn std::error::Error>> {
    let [file, address, count] = arguments else {
        return Err("three arguments".into());
    };
    let address: Ipv4Addr = address.parse()?;
    let flight = FirstFlight::read(&std::fs::read(file)?, address.octets(), count.parse()?);
    flight.ok_or_else(|| "too few datagrams, or no ClientHello".into())
}

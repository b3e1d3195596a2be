//! How often requests allocate, counted by the global allocator: a program of its own, because there is one.
//!
//! The server runs in this process, the client in a child, so that only the client's allocations are counted.
//! Invariant: after a warm-up every thousand requests allocate equally often, the engine never.

mod counting;
mod engine;
mod runtime;

use quicpro_tests::server::{Options, Server};
use rustls::pki_types::CertificateDer;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::process::{Command, Stdio};

/// Requests whose allocations are compared with those of as many others.
const REQUESTS: usize = 1000;

/// What is asked for: a response that fits one packet.
const PATH: &str = "/gen/100";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["client", "engine", address] => engine::run(parse(address), root()),
        ["client", "runtime", address] => runtime::run(parse(address), &root()),
        // Whatever a test runner adds.
        _ => {
            let server = Server::start(Options::default());
            run(&server, "engine");
            run(&server, "runtime");
        }
    }
}

fn parse(address: &str) -> SocketAddr {
    address.parse().expect("an address")
}

fn root() -> CertificateDer<'static> {
    let mut der = Vec::new();
    std::io::stdin()
        .read_to_end(&mut der)
        .expect("the authority's certificate");
    der.into()
}

fn run(server: &Server, subject: &str) {
    let program = std::env::current_exe().expect("a program has a path");
    let mut child = Command::new(program)
        .args(["client", subject, &server.address().to_string()])
        .stdin(Stdio::piped())
        .spawn()
        .expect("this program starts again");
    let mut input = child.stdin.take().expect("piped");
    input
        .write_all(&server.authority().der())
        .expect("the child reads the authority's certificate");
    drop(input);
    let status = child.wait().expect("the child ends");
    assert!(status.success(), "allocations of the {subject}: {status}");
}

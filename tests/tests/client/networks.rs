//! A machine whose addresses change while requests are under way: real sockets in a network namespace of their own.
//!
//! Each test starts itself once more by unshare(1), as another process whose loopback interface it may reconfigure. Where
//! that is not permitted it says so and is skipped.
//!
//! ```text
//! client 10.77.0.2, later .3 ──► relay 10.77.0.1 ──► server 127.0.0.1
//! ```

use super::moving::{SILENCE_MAX, Seen, relayed};
use quicpro::Client;
use quicpro_tests::body;
use quicpro_tests::server::Server;
use std::io::Read;
use std::net::IpAddr;
use std::process::Command;
use std::time::Instant;

/// Set in the process with a network of its own.
const INSIDE: &str = "QUICPRO_TESTS_NETWORK";

const BODY: usize = 20_000_000;

const FIRST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 77, 0, 2));
const SECOND: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 77, 0, 3));

/// Runs `test`, which is called `name`, in a process with a network of its own.
fn in_own_network(name: &str, test: fn()) {
    if std::env::var_os(INSIDE).is_some() {
        return test();
    }
    let probe = Command::new("unshare")
        .args(["-rn", "ip", "link", "set", "lo", "up"])
        .output();
    if !probe.is_ok_and(|probe| probe.status.success()) {
        eprintln!("skipped: unshare(1) with ip(8) is absent or not permitted");
        return;
    }
    let program = std::env::current_exe().expect("a program");
    let output = Command::new("unshare")
        .arg("-rn")
        .arg(program)
        .args([
            "--exact",
            &format!("client::networks::{name}"),
            "--nocapture",
        ])
        .env(INSIDE, "1")
        .output()
        .expect("it was there just now");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    assert!(text.contains("1 passed"), "{text}{errors}");
}

fn ip(command: &str) {
    let status = Command::new("ip").args(command.split(' ')).status();
    assert!(status.expect("ip(8)").success(), "ip {command}");
}

/// From where the kernel reaches the relay from now on.
fn prefer(source: IpAddr) {
    ip(&format!(
        "route replace local 10.77.0.1 dev lo table local src {source}"
    ));
}

/// Addresses, a server, and a client that reaches it by the relay; where the relay saw it.
fn network() -> (Server, Client, Seen) {
    ip("link set lo up");
    for host in 1..=3 {
        ip(&format!("addr add 10.77.0.{host}/32 dev lo"));
    }
    prefer(FIRST);
    relayed("10.77.0.1:0")
}

/// The socket's address is taken from the machine: the kernel refuses what it sends, nothing comes in any more.
//= rfc9000#9.2 test
#[test]
fn a_download_survives_the_death_of_its_socket() {
    in_own_network("a_download_survives_the_death_of_its_socket", || {
        let (server, client, seen) = network();
        let mut response = client
            .get(server.url(&format!("/gen/{BODY}")))
            .send()
            .expect("a head");
        let mut body = vec![0; BODY];
        let (first, rest) = body.split_at_mut(BODY / 4);
        response.read_exact(first).expect("the first part");
        prefer(SECOND);
        ip("addr del 10.77.0.2/32 dev lo");
        let start = Instant::now();
        response.read_exact(rest).expect("the rest");
        assert!(body == body::pattern(BODY), "other bytes");
        let took = start.elapsed();
        assert!(took.as_secs() < 15, "{took:?}");
        let seen = seen.lock().unwrap().clone();
        let addresses: Vec<_> = seen.iter().map(|seen| seen.0.ip()).collect();
        assert_eq!(addresses, [FIRST, SECOND], "{seen:?}");
        assert_eq!(server.counts().connections, 1);
    });
}

/// The old address still works, but the kernel would not choose it any more.
//= rfc9000#9.2 test
#[test]
fn requests_move_to_the_address_that_the_kernel_prefers() {
    in_own_network(
        "requests_move_to_the_address_that_the_kernel_prefers",
        || {
            let (server, client, seen) = network();
            let get = || {
                let response = client.get(server.url("/gen/100000")).send();
                let body = response.expect("a head").bytes().expect("a body");
                assert_eq!(body.len(), 100_000);
            };
            get();
            prefer(SECOND);
            let start = Instant::now();
            let moved = || {
                let seen = seen.lock().unwrap();
                seen.len() == 2 && seen[1].1 > 100
            };
            while !moved() {
                get();
                assert!(start.elapsed() < SILENCE_MAX, "it stays where it is");
            }
            let seen = seen.lock().unwrap().clone();
            let addresses: Vec<_> = seen.iter().map(|seen| seen.0.ip()).collect();
            assert_eq!(addresses, [FIRST, SECOND], "{seen:?}");
            assert_eq!(server.counts().connections, 1);
        },
    );
}

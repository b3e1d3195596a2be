//! Every example runs and says what it should.

use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quicpro_core::io::Entropy as _;
use quicpro_core::{Storage, TrustAnchor, WallClock};
use quicpro_examples::bare::{self, Memory};
use quicpro_tests::engine::{CountedEntropy, StdClock, StdSocket};
use quicpro_tests::server::{Options, Server};

fn output_of(program: &str) -> String {
    let output = Command::new(program).output().expect("the example starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {errors}");
    String::from_utf8(output.stdout).expect("examples write text")
}

#[test]
fn quickstart_fetches_and_verifies() {
    let output = output_of(env!("CARGO_BIN_EXE_quickstart"));
    for line in [
        "status    200\n",
        "protocol  h3\n",
        "subject   localhost, verified",
        "length    1000000 bytes\n",
        &format!(
            "sha-256   {}\n",
            quicpro_tests::body::pattern_sha256(1_000_000)
        ),
    ] {
        assert!(output.contains(line), "{line:?} is missing in:\n{output}");
    }
}

#[test]
fn run_client_sends_parameters_and_a_priority() {
    let output = output_of(env!("CARGO_BIN_EXE_run_client"));
    assert!(output.starts_with("200 OK from 127.0.0.1:"), "{output}");
    assert!(
        output.contains("/request?q=fish+%26+chips&page=2\n"),
        "{output}"
    );
    assert!(output.contains("\npriority: u=0\n"), "{output}");
}

#[test]
fn pipeline_is_faster_when_chained() {
    let output = output_of(env!("CARGO_BIN_EXE_pipeline"));
    let seconds = |prefix: &str| -> f64 {
        let line = output
            .lines()
            .find(|line| line.starts_with(prefix))
            .expect("a timing");
        let number = line[prefix.len()..].trim().trim_end_matches(" s");
        number.parse().expect("seconds")
    };
    let (blocking, chained) = (
        seconds("blocking between the steps:"),
        seconds("chained with `then`:"),
    );
    assert!(chained < blocking, "{output}");
    assert!(output.ends_with("20 requests, 1 connection\n"), "{output}");
}

#[test]
fn parallel_requests_share_a_connection() {
    let output = output_of(env!("CARGO_BIN_EXE_parallel"));
    assert!(
        output.starts_with("20 answers, 200000 bytes, 1 connection, "),
        "{output}"
    );
}

#[test]
fn the_bare_loop_is_the_readmes_and_works() {
    let source = include_str!("../src/bare.rs");
    let (_, code) = source
        .split_once("\n\n")
        .expect("a line of documentation comes first");
    assert!(
        include_str!("../../README.md").contains(code),
        "the README shows other code"
    );

    let server = Server::start(Options::default());
    let clock = StdClock::default();
    let mut socket = StdSocket::connect(server.address(), clock).expect("a socket");
    let authority = server.authority().der();
    let root: TrustAnchor<'_> = webpki::anchor_from_trusted_cert(&authority).expect("an authority");
    let today = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    let mut memory: Box<Memory> = Box::new(Storage::new());
    let mut ask = |date: Duration| {
        let date = WallClock::At(date.as_secs());
        let mut random = [0; 32];
        let Ok(()) = CountedEntropy.fill(&mut random);
        let roots = [root.to_owned()];
        bare::reading(
            &mut memory,
            &mut socket,
            &clock,
            random,
            server.address(),
            &roots,
            date,
        )
    };
    assert_eq!(ask(today).expect("a socket that works"), Some(200));
    // In the year 2100 the server's certificate has expired.
    assert_eq!(
        ask(Duration::from_secs(4_102_444_800)).expect("a socket that works"),
        None
    );
}

#[test]
fn the_readme_shows_the_embassy_task_as_it_is() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let read = |path: &str| std::fs::read_to_string(format!("{root}/{path}")).expect("it is there");
    let source = "examples/firmware-embassy/src/request.rs";
    let readme = read("README.md");
    let (_, behind) = readme
        .split_once(&format!("<!-- from {source} -->\n```rust,ignore\n"))
        .expect("the sample");
    let (shown, _) = behind.split_once("```").expect("its end");
    let source = read(source);
    for function in shown.split("\n\n/// ") {
        assert!(source.contains(function.trim()), "not there: {function}");
    }
}

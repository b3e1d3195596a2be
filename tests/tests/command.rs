//! The `quicpro` command against the independent server, in this process.

use super::console::{self, Outcome};
use std::fs;
use std::net::UdpSocket;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use quicpro_tests::body;
use quicpro_tests::certificates::Authority;
use quicpro_tests::server::{Options, Server};

/// A folder that goes when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("quicpro-command-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a folder of its own");
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("a plain path").to_owned()
    }

    fn file(&self, name: &str, content: &str) -> String {
        let path = self.path(name);
        fs::write(&path, content).expect("a file in a folder of its own");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs the command with the server's authority.
fn quicpro(server: &Server, args: &[&str]) -> Outcome {
    let folder = Folder::new();
    let authority = folder.file("ca.pem", &server.authority().pem());
    let args: Vec<&str> = ["--cacert", &authority]
        .iter()
        .chain(args)
        .copied()
        .collect();
    console::quicpro(&args, b"")
}

fn server() -> Server {
    Server::start(Options::default())
}

#[test]
fn a_body_goes_to_the_output_or_to_a_file() {
    let (server, folder) = (server(), Folder::new());
    let fetched = quicpro(&server, &[&server.url("/gen/300000")]);
    assert_eq!(fetched.code, 0, "{}", fetched.errors);
    assert_eq!(fetched.output, body::pattern(300_000));
    let path = folder.path("body");
    let to_file = quicpro(&server, &["-so", &path, &server.url("/gen/300001")]);
    assert_eq!(to_file.ok(), "");
    assert_eq!(fs::read(path).unwrap(), body::pattern(300_001));
}

#[test]
fn method_fields_and_body_reach_the_server() {
    let server = server();
    let url = server.url("/request?a=b");
    let seen = quicpro(
        &server,
        &["-X", "DELETE", "-H", "X-Mine: 1", "-H", "x-none;", &url],
    )
    .ok();
    assert!(
        seen.starts_with("DELETE ") && seen.contains("/request?a=b\n"),
        "{seen}"
    );
    assert!(
        seen.contains("\nx-mine: 1\n") && seen.contains("\nx-none: \n"),
        "{seen}"
    );
    assert!(
        seen.contains("\nuser-agent: quicpro/") && seen.contains("\naccept: */*\n"),
        "{seen}"
    );
    let posted = quicpro(&server, &["--json", "{}", &server.url("/request")]).ok();
    assert!(posted.starts_with("POST "), "{posted}");
    assert!(
        posted.contains("\ncontent-type: application/json\n"),
        "{posted}"
    );
    let echo = quicpro(&server, &["-d", "a=1", "-d", "b=2", &server.url("/echo")]).ok();
    assert_eq!(echo, "a=1&b=2");
}

#[test]
fn standard_input_is_sent() {
    let (server, folder) = (server(), Folder::new());
    let authority = folder.file("ca.pem", &server.authority().pem());
    let args = ["--cacert", &authority, "--json", "@-", &server.url("/echo")];
    assert_eq!(console::quicpro(&args, b"[1,\n2]").ok(), "[1,\n2]");
}

#[test]
fn heads_are_written_when_asked_for() {
    let server = server();
    let head = quicpro(&server, &["-I", &server.url("/gen/1000")]).ok();
    assert!(
        head.starts_with("HTTP/3 200\r\n") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
    assert!(head.contains("\r\ncontent-length: 1000\r\n"), "{head}");
    let both = quicpro(&server, &["-i", &server.url("/early")]).ok();
    assert!(
        both.starts_with("HTTP/3 200\r\n") && both.ends_with("\r\n\r\nok"),
        "{both}"
    );
}

#[test]
fn redirects_are_followed_only_when_asked_to() {
    let server = server();
    let url = server.url(&format!("/redirect/302?{}", server.url("/gen/10")));
    let format = "%{http_code} %{num_redirects} %{size_download}";
    assert_eq!(quicpro(&server, &["-w", format, &url]).ok(), "302 0 0");
    let followed = quicpro(&server, &["-Lso/dev/null", "-w", format, &url]).ok();
    assert_eq!(followed, "200 1 10");
    let endless = server.url("/redirect/302?/redirect/302");
    let once = quicpro(&server, &["-L", "-w", "%{http_code}", &endless]);
    assert_eq!(
        (once.code, once.text()),
        (0, "302"),
        "the second has no location"
    );
}

#[test]
fn verbose_tells_the_whole_story() {
    let server = server();
    let told = quicpro(
        &server,
        &[
            "-vL",
            &server.url(&format!("/redirect/307?{}", server.url("/early"))),
        ],
    );
    assert_eq!((told.code, told.text()), (0, "ok"));
    for line in [
        "> GET /redirect/307?https://localhost:",
        "\n* 307 Temporary Redirect: on to https://localhost:",
        "its certificate is verified\n",
        "\n< HTTP/3 103\n< link: </a.css>; rel=preload\n",
        "\n< HTTP/3 200\n",
    ] {
        assert!(
            told.errors.contains(line),
            "{line:?} is missing in\n{}",
            told.errors
        );
    }
    let trailers = quicpro(&server, &["-v", &server.url("/trailers")]).errors;
    assert!(trailers.contains("\n< x-checksum: abc123\n"), "{trailers}");
}

#[test]
fn every_packet_is_told_at_twice_verbose() {
    let server = server();
    let url = server.url("/gen/2000");
    let told = quicpro(&server, &["-vvso/dev/null", &url]);
    assert_eq!(told.code, 0, "{}", told.errors);
    let has = |start: &str, frame: &str| {
        let mut lines = told.errors.lines();
        lines.any(|line| line.starts_with("* ") && line.contains(start) && line.contains(frame))
    };
    for (start, frame) in [
        (" ms  sent initial 0, ", " bytes: CRYPTO[0+"),
        (" ms  received initial 0, ", "ACK["),
        (" ms  received handshake 0, ", "CRYPTO["),
        (" ms  sent 1-RTT ", "STREAM[0: 0+"),
        (" ms  received 1-RTT ", "STREAM[0: "),
    ] {
        assert!(
            has(start, frame),
            "{start}…{frame} is missing in\n{}",
            told.errors
        );
    }
    let once = quicpro(&server, &["-vso/dev/null", &url]);
    assert!(!once.errors.contains(" sent 1-RTT "), "{}", once.errors);
}

#[test]
fn stats_are_a_table_for_people() {
    let server = server();
    let url = server.url("/gen/2000000");
    for (name, shown) in [
        ("cubic", "CUBIC, "),
        ("bbr", "BBRv3, "),
        ("reno", "NewReno, "),
    ] {
        let told = quicpro(&server, &["--stats", "--cc", name, "-so/dev/null", &url]);
        assert_eq!(told.code, 0, "{}", told.errors);
        let row = |name: &str| {
            let mut rows = told
                .errors
                .lines()
                .filter_map(|row| row.split_at_checked(21));
            let found = rows.find(|row| row.0.trim_end() == name);
            match found {
                Some(row) => row.1,
                None => panic!("no {name:?} in\n{}", told.errors),
            }
        };
        let address = server.address();
        assert_eq!(row("server"), format!("{address}, QUIC version 1"));
        assert!(row("cipher").starts_with("TLS_"));
        assert!(
            row("congestion control").starts_with(shown),
            "{}",
            row("congestion control")
        );
        assert!(row("congestion window").contains(" bytes/s"));
        assert!(row("received").starts_with("2,0"), "{}", row("received"));
        let path = row("path 0");
        let (local, rest) = path.split_once(" to ").expect("two addresses");
        let local: std::net::SocketAddr = local.parse().expect("our address");
        assert!(local.port() != 0 && local.ip() == address.ip());
        assert_eq!(rest, format!("{address}, in use"));
        assert!(row("").contains("round trip ") && row("").contains("datagrams of "));
    }
}

#[test]
fn a_status_is_an_error_only_with_fail() {
    let server = server();
    let url = server.url("/nothing");
    assert_eq!(quicpro(&server, &["-w%{http_code}", &url]).ok(), "404");
    let failed = quicpro(&server, &["-f", "-w%{http_code} %{exitcode}", &url]);
    failed.failed(22, "quicpro: (22) the server answered 404 Not Found");
    assert_eq!(failed.text(), "404 22");
    assert_eq!(quicpro(&server, &["-sf", &url]).errors, "");
    quicpro(&server, &["-sSf", &url]).failed(22, "404");
}

#[test]
fn a_server_that_is_not_trusted_is_refused() {
    let (known, unknown) = (server(), server());
    let refused = quicpro(&known, &[&unknown.url("/gen/1")]);
    refused.failed(60, "quicpro: (60) ");
    assert!(
        refused.output.is_empty() && refused.errors.contains("--cacert"),
        "{}",
        refused.errors
    );
    let accepted = quicpro(&known, &["-kv", &unknown.url("/gen/1")]);
    assert_eq!((accepted.code, accepted.output), (0, body::pattern(1)));
    assert!(
        accepted.errors.contains("NOT verified"),
        "{}",
        accepted.errors
    );
    let address = format!("wrong.test:{}:127.0.0.1", known.address().port());
    let url = format!("https://wrong.test:{}/gen/1", known.address().port());
    quicpro(&known, &["--resolve", &address, &url]).failed(60, "wrong.test");
}

#[test]
fn a_client_certificate_is_shown() {
    let folder = Folder::new();
    let clients = Authority::default();
    let visitor = clients.good();
    let server = Server::start(Options {
        client_authority: Some(clients.der()),
        ..Options::default()
    });
    let url = server.url("/certificate");
    quicpro(&server, &[&url]).failed(35, "--cert");
    let (cert, key) = (
        folder.file("cert.pem", &visitor.chain_pem()),
        folder.file("key.pem", &visitor.key_pem()),
    );
    assert_eq!(
        quicpro(&server, &["--cert", &cert, "--key", &key, &url]).ok(),
        "1"
    );
    let both = folder.file("both.pem", &(visitor.key_pem() + &visitor.chain_pem()));
    assert_eq!(quicpro(&server, &["--cert", &both, &url]).ok(), "1");
    quicpro(&server, &["--cert", &key, &url]).failed(58, "key.pem");
}

#[test]
fn nobody_there_is_told_from_too_late() {
    let (server, silent) = (server(), UdpSocket::bind("127.0.0.1:0").expect("a port"));
    let port = silent.local_addr().expect("it is bound").port();
    let url = format!("https://127.0.0.1:{port}/");
    quicpro(&server, &["--connect-timeout", "0.2", &url]).failed(28, "hint: ");
    drop(silent);
    quicpro(&server, &[&url]).failed(7, &format!("127.0.0.1:{port}"));
    let slow = quicpro(
        &server,
        &["-m", "0.3", "-so/dev/null", "-S", &server.url("/slow/1000")],
    );
    slow.failed(28, "--max-time");
    quicpro(&server, &["-4", "https://no-such-name.invalid/"]).failed(6, "hint: ");
}

#[test]
fn a_broken_response_has_the_code_of_http3() {
    let server = server();
    quicpro(&server, &["-so/dev/null", "-S", &server.url("/reset")])
        .failed(95, "H3_INTERNAL_ERROR");
    quicpro(&server, &["-so/dev/null", "-S", &server.url("/short")]).failed(95, "quicpro: (95)");
}

#[test]
fn mistakes_are_named_before_anything_is_sent() {
    let server = server();
    let (nobody, folder) = ("https://localhost:9/", Folder::new());
    quicpro(&server, &["http://localhost/"]).failed(1, "https");
    quicpro(&server, &["https://"]).failed(3, "no URL");
    quicpro(&server, &["--no-such-option", nobody]).failed(2, "--no-such-option");
    quicpro(&server, &["-H", "no colon", nobody]).failed(2, "colon");
    quicpro(&server, &["-d", "@/no/such/file", nobody]).failed(26, "/no/such/file");
    quicpro(&server, &["-O", nobody]).failed(23, "hint: -o");
    console::quicpro(&["--cacert", "/no/such/file", nobody], b"").failed(77, "/no/such/file");
    let empty = folder.file("empty.pem", "");
    console::quicpro(&["--cacert", &empty, nobody], b"").failed(77, "empty.pem");
    let unwritable = folder.path("no/such/folder");
    quicpro(&server, &["-o", &unwritable, &server.url("/gen/1")]).failed(23, "folder");
    let help = console::quicpro(&["--help"], b"").ok();
    assert!(help.contains("--connect-timeout <SECONDS>"), "{help}");
    assert!(
        console::quicpro(&["--version"], b"")
            .ok()
            .starts_with("quicpro 0.")
    );
    assert_eq!(server.counts().requests, 1);
}

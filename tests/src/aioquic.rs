//! aioquic's HTTP/3 server as a child process: an implementation that shares no line with ours or with quinn.
//!
//! The variable [`PYTHON`] names a Python that has aioquic; `.ci/run` sets it. Invariant: the child ends with
//! its [`Server`], and with this process if that dies first.

use crate::certificates::Identity;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, ChildStdin, Command, Stdio};

/// The environment variable with the path of a Python interpreter that can import aioquic.
pub const PYTHON: &str = "QUICPRO_AIOQUIC_PYTHON";

/// How the server behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Answers every first flight with a Retry packet.
    pub retry: bool,
    /// Has no suite but TLS_CHACHA20_POLY1305_SHA256.
    pub chacha20_only: bool,
}

/// The interpreter, where there is one.
pub fn python() -> Option<OsString> {
    std::env::var_os(PYTHON)
}

/// A running server.
pub struct Server {
    child: Child,
    /// Open as long as the server shall live.
    _input: ChildStdin,
    address: SocketAddr,
}

impl Server {
    /// Starts a server that proves itself with `identity`, under the interpreter of [`python`].
    pub fn start(python: OsString, identity: &Identity, options: Options) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tools/aioquic_server.py");
        let flags = [
            (options.retry, "retry"),
            (options.chacha20_only, "chacha20"),
        ];
        let mut child = Command::new(python)
            .arg(script)
            .args(
                flags
                    .iter()
                    .filter(|(is_set, _)| *is_set)
                    .map(|(_, name)| name),
            )
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the interpreter starts");
        let mut input = child.stdin.take().expect("piped");
        let pem = format!("{}{}END\n", identity.chain_pem(), identity.key_pem());
        input
            .write_all(pem.as_bytes())
            .expect("the server reads its identity");
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        output.read_line(&mut line).expect("a line of text");
        let port = line
            .trim()
            .parse()
            .expect("the server prints its port; see its own message above");
        Self {
            child,
            _input: input,
            address: (Ipv4Addr::LOCALHOST, port).into(),
        }
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! A run of the firmware in QEMU against the independent server, and what it measured of itself.
//!
//! Invariant: figures are given only for a run that ended with exit code 0, its request complete.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::firmware::{BOARD, output};

/// Bytes of the body that is fetched.
pub const BODY: u32 = 64 * 1024;

/// One instruction takes 2^6 ns of the board's time, which makes instructions countable with its clock.
const COUNTING: &str = "-icount shift=6";

/// A part of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    pub name: String,
    /// Bytes, at most.
    pub stack: u64,
    pub instructions: u64,
}

/// The server, until the value is dropped.
#[derive(Debug)]
pub struct Server {
    process: Child,
    port: u16,
    /// The certificate of its authority, as DER.
    pub root: PathBuf,
}

impl Server {
    /// Starts `program` on a free port of loopback; its authority's certificate is put into `folder`.
    pub fn start(program: &Path, options: &[&str], folder: &Path) -> Result<Self, String> {
        let problem = |error: std::io::Error| format!("{}: {error}", program.display());
        fs::create_dir_all(folder).map_err(problem)?;
        let (pem, root) = (folder.join("root.pem"), folder.join("root.der"));
        let mut process = Command::new(program)
            .args(["--address", "127.0.0.1:0", "--ca"])
            .arg(&pem)
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(problem)?;
        let said = process.stdout.take().map(BufReader::new);
        let mut server = Self {
            process,
            port: 0,
            root,
        };
        let mut line = String::new();
        if let Some(mut said) = said {
            said.read_line(&mut line).map_err(problem)?;
        }
        let port = line
            .trim()
            .rsplit_once(':')
            .and_then(|(_, port)| port.parse().ok());
        server.port = port.ok_or("the server does not say where it listens")?;
        let text = fs::read_to_string(&pem).map_err(problem)?;
        let certificate = certificate(&text).ok_or("the server's certificate is none")?;
        fs::write(&server.root, certificate).map_err(problem)?;
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing left to do then.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Runs an image of the firmware with the feature `measure` by the script that the firmware comes with.
pub fn run(image: &Path, server: &Server, script: &Path) -> Result<Vec<Phase>, String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let date = now.map_or(0, |since| since.as_secs());
    let mut command = Command::new(script);
    command.arg(BOARD).arg(image);
    command.args(["name=localhost", "post=/sink", "seed=1"]);
    command.arg(format!("server=10.0.2.2:{}", server.port));
    command.arg(format!("get=/gen/{BODY}"));
    command.arg(format!("date={date}"));
    let said = output(command.env("QEMU_OPTIONS", COUNTING))?;
    let phases: Vec<Phase> = said.lines().filter_map(phase).collect();
    if phases.is_empty() {
        return Err(format!("the image measured nothing:\n{said}"));
    }
    Ok(phases)
}

/// `… measured NAME: stack=BYTES instructions=NUMBER …`
fn phase(line: &str) -> Option<Phase> {
    let (_, said) = line.split_once("measured ")?;
    let (name, figures) = said.split_once(": ")?;
    let figure = |key: &str| {
        let word = figures
            .split_whitespace()
            .find_map(|word| word.strip_prefix(key));
        word?.parse().ok()
    };
    Some(Phase {
        name: name.to_owned(),
        stack: figure("stack=")?,
        instructions: figure("instructions=")?,
    })
}

/// The bytes that a PEM file with one certificate stands for.
fn certificate(pem: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for character in pem
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .flat_map(str::bytes)
    {
        let value = match character {
            b'A'..=b'Z' => character - b'A',
            b'a'..=b'z' => character - b'a' + 26,
            b'0'..=b'9' => character - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => break,
            _ => return None,
        };
        (bits, count) = (bits << 6 | u32::from(value), count + 6);
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    (!bytes.is_empty()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_firmware_is_read() {
        let line =
            "INFO  measured get: stack=3120 of=9000 instructions=4567890 (src/measure.rs:80)";
        let expected = Phase {
            name: "get".to_owned(),
            stack: 3120,
            instructions: 4567890,
        };
        assert_eq!(phase(line), Some(expected));
        assert_eq!(phase("INFO  status: 200"), None);
        assert_eq!(phase("INFO  measured get: stack=x instructions=1"), None);
    }

    #[test]
    fn a_certificate_is_taken_out_of_its_armour() {
        let pem = "-----BEGIN CERTIFICATE-----\nMDEy\nMzQ=\n-----END CERTIFICATE-----\n";
        assert_eq!(certificate(pem), Some(b"01234".to_vec()));
        assert_eq!(certificate("-----BEGIN\n!!!!\n"), None);
        assert_eq!(certificate(""), None);
    }
}

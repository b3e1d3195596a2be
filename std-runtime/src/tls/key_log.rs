//! Secrets for tools that decrypt captured traffic, appended to the file that `SSLKEYLOGFILE` names.
//!
//! Invariant: a line is written whole, by one call; nothing is logged unless the client was built to.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::Mutex;

use quicpro_core::tls::KeyLog;

use crate::event_loop::lock;

pub(crate) struct KeyLogFile(Mutex<File>);

impl KeyLogFile {
    /// The file that the environment names, if it names one that can be opened.
    pub fn from_environment() -> Option<Self> {
        let path = std::env::var_os("SSLKEYLOGFILE").filter(|path| !path.is_empty())?;
        match OpenOptions::new().append(true).create(true).open(&path) {
            Ok(file) => Some(Self(Mutex::new(file))),
            Err(error) => {
                log::warn!("cannot write keys to {}: {error}", path.display());
                None
            }
        }
    }
}

impl KeyLog for KeyLogFile {
    fn log(&self, label: &'static str, client_random: &[u8; 32], secret: &[u8]) {
        let line = format!("{label} {} {}\n", Hex(client_random), Hex(secret));
        if let Err(error) = lock(&self.0).write_all(line.as_bytes()) {
            log::warn!("cannot log keys: {error}");
        }
    }
}

struct Hex<'a>(&'a [u8]);

impl std::fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

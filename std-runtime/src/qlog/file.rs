//! One file for each connection, named by its original destination connection ID.
//!
//! Invariant: a disk that fails costs the log and nothing else.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::PathBuf;

use quicpro_core::Instant;
use quicpro_core::trace::{Event, Sink};

use super::Writer;

/// Bytes that are collected before the operating system is called.
const BUFFER: usize = 64 * 1024;

/// Writes the connection that it is given to into a file of its own: `ODCID_client.sqlog`.
///
/// The file is made when the connection begins, so the sink has to be set before `Connection::start`.
#[derive(Debug)]
pub struct FileSink {
    directory: PathBuf,
    writer: Option<Writer<BufWriter<File>>>,
}

impl FileSink {
    /// Files are to be in `directory`, which is made if it does not exist.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            writer: None,
        }
    }

    fn open(&self, name: &str) -> Option<Writer<BufWriter<File>>> {
        let path = self.directory.join(format!("{name}_client.sqlog"));
        let file = fs::create_dir_all(&self.directory).and_then(|()| File::create_new(&path));
        match file {
            Ok(file) => Some(Writer::new(BufWriter::with_capacity(BUFFER, file), name)),
            Err(error) => {
                log::warn!("no qlog: {}: {error}", path.display());
                None
            }
        }
    }
}

impl Sink for FileSink {
    fn event(&mut self, now: Instant, event: &Event<'_>) {
        if let Event::ConnectionStarted { destination, .. } = event {
            self.writer = self.open(&super::text::hex(destination.as_slice()));
        }
        if let Some(writer) = &mut self.writer {
            writer.event(now, event);
        }
    }
}

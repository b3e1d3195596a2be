//! The host's output streams.

use core::fmt;

use wasip2::cli::{stderr, stdout};
use wasip2::io::streams::OutputStream;

/// What one call to the host takes at most (wasi:io/streams, `blocking-write-and-flush`).
const WRITE_MAX: usize = 4096;

/// One of the two outputs.
pub struct Output(OutputStream);

impl Output {
    pub fn plain() -> Self {
        Self(stdout::get_stdout())
    }

    pub fn error() -> Self {
        Self(stderr::get_stderr())
    }

    /// Writes all of it. A reader that has gone away is not waited for.
    pub fn write(&self, bytes: &[u8]) {
        for piece in bytes.chunks(WRITE_MAX) {
            if self.0.blocking_write_and_flush(piece).is_err() {
                return;
            }
        }
    }
}

impl fmt::Write for &Output {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.write(text.as_bytes());
        Ok(())
    }
}

/// Writes formatted text to an [`Output`].
macro_rules! print {
    ($output:expr, $($text:tt)*) => {{
        // An output never says that it failed.
        let _ = core::fmt::Write::write_fmt(&mut &$output, format_args!($($text)*));
    }};
}

pub(crate) use print;

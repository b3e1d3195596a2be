//! Text to a file descriptor, without a buffer.

use core::ffi::c_int;
use core::fmt;

/// One of the two streams that every program has.
pub struct Output(c_int);

impl Output {
    pub const PLAIN: Self = Self(libc::STDOUT_FILENO);
    pub const ERROR: Self = Self(libc::STDERR_FILENO);
}

impl fmt::Write for Output {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            // SAFETY: the pointer and the length are those of a slice.
            let count = unsafe { libc::write(self.0, rest.as_ptr().cast(), rest.len()) };
            let count = usize::try_from(count).map_err(|_| fmt::Error)?;
            rest = rest.get(count..).ok_or(fmt::Error)?;
        }
        Ok(())
    }
}

/// Writes a line. Nobody is left to be told when that fails.
macro_rules! say {
    ($output:expr, $($format:tt)*) => {{
        use core::fmt::Write;
        let mut output = $output;
        let _ = writeln!(output, $($format)*);
    }};
}
pub(super) use say;

/// Bytes in lower-case hexadecimal.
pub struct Hex<'a>(pub &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

//! The command, called as from a shell.

use quicpro::cli::{Console, run};
use std::ffi::OsString;
use std::path::Path;

/// The exit code, the output, the errors.
pub(super) fn quicpro(args: &[&str]) -> (u8, String, String) {
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let mut console = Console {
        input: &mut &b""[..],
        output: &mut output,
        errors: &mut errors,
        has_progress: false,
        output_is_terminal: false,
    };
    let program = std::iter::once(&"quicpro");
    let code = run(program.chain(args).map(OsString::from), &mut console);
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (code, text(output), text(errors))
}

pub(super) fn plain(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

//! The command's verbs for files.

use crate::console::quicpro as run;
use std::path::Path;

/// The exit code, the output, the errors.
pub(super) fn quicpro(args: &[&str]) -> (u8, String, String) {
    let outcome = run(args, b"");
    let output = outcome.text().to_owned();
    (outcome.code, output, outcome.errors)
}

pub(super) fn plain(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

//! The `quicpro` command; everything it does is in [`quicpro::cli`].
#![forbid(unsafe_code)]

use quicpro::cli::{Console, run};
use std::io::{self, IsTerminal};
use std::process::ExitCode;

fn main() -> ExitCode {
    let (output, errors) = (io::stdout(), io::stderr());
    let mut console = Console {
        // A body that goes to the terminal is its own progress bar.
        has_progress: errors.is_terminal(),
        output_is_terminal: output.is_terminal(),
        input: &mut io::stdin(),
        output: &mut output.lock(),
        errors: &mut errors.lock(),
    };
    ExitCode::from(run(std::env::args_os(), &mut console))
}

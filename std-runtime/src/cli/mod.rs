//! The `quicpro` command as a function: arguments in, an exit code of curl's out.
//!
//! Letters and exit codes are curl's wherever curl has them. Invariant: the process's own streams, terminal and exit
//! are the caller's; nothing here touches them, so that a test runs the command in its own process.

mod arguments;
mod content;
mod exit;
mod header_line;
mod output;
mod problem;
mod progress;
mod qlog;
mod resolve;
mod transfer;
mod verbose;
mod write_out;

use std::ffi::OsString;
use std::io::{Read, Write};

use clap::Parser as _;

use arguments::Arguments;
pub use exit::Exit;

/// The streams the command uses.
pub struct Console<'a> {
    /// Where `-d @-` reads from.
    pub input: &'a mut dyn Read,
    /// Where bodies go unless `-o` or `-O` says otherwise.
    pub output: &'a mut dyn Write,
    /// Where errors, `-v` and the progress bar go.
    pub errors: &'a mut dyn Write,
    /// Whether a person watches `errors`, so that long bodies get a progress bar.
    pub has_progress: bool,
    /// Whether a person watches `output`, so that a body that goes there needs no progress bar.
    pub output_is_terminal: bool,
}

/// Runs the command; `args` starts with the program's name. The result is the exit code, [`Exit`] as a number.
pub fn run(args: impl IntoIterator<Item = OsString>, console: &mut Console<'_>) -> u8 {
    let mut args = args.into_iter().peekable();
    let program = args.next().unwrap_or_default();
    if args.peek().is_some_and(|word| word == "qlog") {
        return qlog::run(args, console);
    }
    let args = std::iter::once(program).chain(args);
    let arguments = match Arguments::try_parse_from(args) {
        Ok(arguments) => arguments,
        Err(error) => return explain(&error, console),
    };
    transfer::run(&arguments, console).code()
}

/// Prints clap's answer: what `--help` and `--version` asked for, or why the arguments make no sense.
fn explain(error: &clap::Error, console: &mut Console<'_>) -> u8 {
    let (stream, exit) = if error.use_stderr() {
        (&mut *console.errors, Exit::Usage)
    } else {
        (&mut *console.output, Exit::Success)
    };
    match write!(stream, "{}", error.render()) {
        Ok(()) => exit.code(),
        Err(_) => Exit::Write.code(),
    }
}

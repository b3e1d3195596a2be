//! The `quicpro` command, called in this process as from a shell.

use quicpro::cli::{Console, run};
use std::ffi::OsString;

/// What a run of the command came to.
pub struct Outcome {
    pub code: u8,
    pub output: Vec<u8>,
    pub errors: String,
}

impl Outcome {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.output).expect("text")
    }

    /// The output of a run that went well.
    pub fn ok(self) -> String {
        assert_eq!((self.code, self.errors.as_str()), (0, ""));
        self.text().to_owned()
    }

    /// A run that ended with `code`, and said `why`.
    pub fn failed(&self, code: u8, why: &str) {
        assert_eq!(self.code, code, "{}", self.errors);
        assert!(self.errors.contains(why), "{}", self.errors);
    }
}

/// Runs it with these arguments, and `input` for what it reads.
pub fn quicpro(args: &[&str], mut input: &[u8]) -> Outcome {
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let mut console = Console {
        input: &mut input,
        output: &mut output,
        errors: &mut errors,
        has_progress: false,
        output_is_terminal: false,
    };
    let program = std::iter::once(&"quicpro");
    let code = run(program.chain(args).map(OsString::from), &mut console);
    let errors = String::from_utf8(errors).expect("errors are text");
    Outcome {
        code,
        output,
        errors,
    }
}

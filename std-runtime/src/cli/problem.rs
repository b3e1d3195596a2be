//! Why the command failed, and what a person can do about it.
//!
//! Invariant: every problem has an exit code; a hint names an option or a fact, never a guess as a fact.

use std::fmt;
use std::path::Path;

use super::exit::Exit;
use crate::error::Error;

/// What went wrong.
#[derive(Debug)]
pub(super) struct Problem {
    pub exit: Exit,
    message: String,
    hint: Option<&'static str>,
}

impl Problem {
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            hint: None,
        }
    }

    pub fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    /// `path` cannot be used: read, parsed or written.
    pub fn file(exit: Exit, path: &Path, error: impl fmt::Display) -> Self {
        Self::new(exit, format!("{}: {error}", path.display()))
    }

    pub fn output(error: impl fmt::Display) -> Self {
        Self::new(Exit::Write, format!("cannot write the output: {error}"))
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let exit = Exit::of(&error);
        Self {
            exit,
            message: error.to_string(),
            hint: hint(exit, &error),
        }
    }
}

fn hint(exit: Exit, error: &Error) -> Option<&'static str> {
    Some(match exit {
        Exit::Resolve => {
            "is the host's name right? --resolve HOST:PORT:ADDRESS does without a name server"
        }
        Exit::Timeout if error.is_connect() => {
            "the server may not speak HTTP/3, or something on the way drops UDP; nothing falls back to TCP here"
        }
        Exit::Timeout => {
            "--max-time limits the whole transfer; a server may be silent for 30 seconds"
        }
        Exit::Connect => "nothing listens there for UDP, or something on the way refuses it",
        Exit::PeerCertificate => {
            "--cacert FILE trusts the authority that signed it; -k accepts any server and is for tests only"
        }
        Exit::TlsConnect if !error.is_connect() => {
            "the server may want a certificate: --cert FILE --key FILE"
        }
        Exit::NotBuiltIn => "NO_PROXY in the environment names hosts that need none",
        _ => return None,
    })
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "quicpro: ({}) {}", self.exit.code(), self.message)?;
        match self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

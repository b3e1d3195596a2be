//! Where the body goes.
//!
//! Invariant: a file is created when there is something to write to it, not before the server has answered.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;

use quicpro_core::codec::to_u64;
use url::Url;

use super::arguments::Arguments;
use super::exit::Exit;
use super::problem::Problem;
use super::progress::Progress;

/// The place that the arguments name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Console,
    File(PathBuf),
}

impl Target {
    pub fn of(arguments: &Arguments, url: &Url) -> Result<Self, Problem> {
        match &arguments.output {
            Some(path) if path.as_os_str() == "-" => return Ok(Self::Console),
            Some(path) => return Ok(Self::File(path.clone())),
            None if !arguments.remote_name => return Ok(Self::Console),
            None => {}
        }
        let last = url.path_segments().and_then(|mut parts| parts.next_back());
        match last.unwrap_or_default() {
            "" => {
                let problem = Problem::new(Exit::Write, "the URL's path ends with no file name");
                Err(problem.hint("-o FILE names one"))
            }
            name => Ok(Self::File(name.into())),
        }
    }

    /// The file's name, if it is a file.
    pub fn file_name(&self) -> String {
        match self {
            Self::Console => String::new(),
            Self::File(path) => path.display().to_string(),
        }
    }

    pub fn open<'a>(&self, output: &'a mut dyn Write) -> Result<Box<dyn Write + 'a>, Problem> {
        match self {
            Self::Console => Ok(Box::new(output)),
            Self::File(path) => match File::create(path) {
                Ok(file) => Ok(Box::new(file)),
                Err(error) => Err(Problem::file(Exit::Write, path, error)),
            },
        }
    }
}

/// Counts what is written, shows it, and keeps the reason why writing failed.
pub(super) struct Sink<'a> {
    writer: Box<dyn Write + 'a>,
    progress: Option<Progress>,
    pub written: u64,
    pub failed: Option<io::Error>,
}

impl<'a> Sink<'a> {
    pub fn new(writer: Box<dyn Write + 'a>, progress: Option<Progress>) -> Self {
        Self {
            writer,
            progress,
            written: 0,
            failed: None,
        }
    }
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.writer.write(bytes) {
            Ok(length) => {
                self.written += to_u64(length);
                if let Some(progress) = &mut self.progress {
                    progress.advance(self.written);
                }
                Ok(length)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let kind = error.kind();
                self.failed = Some(error);
                Err(kind.into())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    fn target(args: &[&str]) -> Result<Target, Exit> {
        let program = std::iter::once(&"quicpro");
        let arguments = Arguments::try_parse_from(program.chain(args)).unwrap();
        let url = arguments.url.parse().unwrap();
        Target::of(&arguments, &url).map_err(|problem| problem.exit)
    }

    #[test]
    fn files_are_named_by_the_user_or_by_the_url() {
        let file = |name: &str| Ok(Target::File(name.into()));
        assert_eq!(target(&["https://a/b"]), Ok(Target::Console));
        assert_eq!(target(&["-o-", "https://a/b"]), Ok(Target::Console));
        assert_eq!(target(&["-ox/y", "https://a/b"]), file("x/y"));
        assert_eq!(target(&["-O", "https://a/b/c.txt?d=/e#f"]), file("c.txt"));
        assert_eq!(target(&["-O", "https://a/b/"]), Err(Exit::Write));
        assert_eq!(target(&["-O", "https://a"]), Err(Exit::Write));
        // No way out of the directory: dots and slashes in a path are resolved or escaped by the URL's parser.
        assert_eq!(target(&["-O", "https://a/b/%2e%2e"]), Err(Exit::Write));
        assert_eq!(
            target(&["-O", "https://a/..%2f..%2fx"]),
            file("..%2f..%2fx")
        );
    }
}

//! `quicpro qlog`: pictures of qlog files, files for qvis, and files from the rings of devices.
//!
//! Invariant: a file that cannot be used is named, with what is wrong with it.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};

use super::Console;
use super::exit::Exit;
use super::problem::Problem;
use crate::qlog::{decode_ring, older};

/// Works on qlog files.
#[derive(Debug, Parser)]
#[command(name = "qlog", bin_name = "quicpro qlog", max_term_width = 100)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Draws congestion window, round-trip times, losses, data and streams
    #[cfg(feature = "plot")]
    View {
        /// qlog files; several stand side by side, on the same scales
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,

        /// Write the picture to this file, PNG if its name ends so, SVG otherwise; without it, beside the first FILE
        #[arg(short, long, value_name = "PICTURE")]
        output: Option<PathBuf>,
    },
    /// Turns a qlog file into one that qvis reads: qlog 0.3
    Qvis {
        /// A file that --qlog wrote
        #[arg(value_name = "FILE")]
        file: PathBuf,

        /// Write to this file; without it, beside FILE, with a name that ends in .qvis.sqlog
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Turns the dump of a device's ring of records into a qlog file
    Decode {
        /// The ring's memory, as it stood in RAM
        #[arg(value_name = "FILE")]
        file: PathBuf,

        /// Write to this file instead of the output
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

/// Does what the arguments behind `qlog` say.
pub(super) fn run(args: impl Iterator<Item = OsString>, console: &mut Console<'_>) -> u8 {
    let arguments = match Arguments::try_parse_from(args) {
        Ok(arguments) => arguments,
        Err(error) => return super::explain(&error, console),
    };
    let done = match arguments.verb {
        #[cfg(feature = "plot")]
        Verb::View { files, output } => view(&files, output, console),
        Verb::Qvis { file, output } => qvis(&file, output, console),
        Verb::Decode { file, output } => decode(&file, output.as_deref(), console),
    };
    match done {
        Ok(()) => Exit::Success.code(),
        Err(problem) => {
            let _ = writeln!(console.errors, "{problem}");
            problem.exit.code()
        }
    }
}

fn load(path: &Path) -> Result<Vec<u8>, Problem> {
    fs::read(path).map_err(|error| Problem::file(Exit::Read, path, error))
}

fn stem(path: &Path) -> String {
    path.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

#[cfg(feature = "plot")]
fn view(
    files: &[PathBuf],
    output: Option<PathBuf>,
    console: &mut Console<'_>,
) -> Result<(), Problem> {
    use crate::qlog::view::{read, write};
    let mut recordings = Vec::new();
    for path in files {
        let recording = read(&load(path)?, &stem(path));
        recordings.push(recording.map_err(|error| Problem::file(Exit::Read, path, error))?);
    }
    let output = output.unwrap_or_else(|| {
        let first = files.first().cloned().unwrap_or_default();
        first.with_extension("svg")
    });
    write(&recordings, &output).map_err(|error| Problem::file(Exit::Write, &output, error))?;
    writeln!(console.output, "{}", output.display()).map_err(Problem::output)
}

fn qvis(path: &Path, output: Option<PathBuf>, console: &mut Console<'_>) -> Result<(), Problem> {
    let text = older(&load(path)?).map_err(|error| Problem::file(Exit::Read, path, error))?;
    let output = output.unwrap_or_else(|| path.with_extension("qvis.sqlog"));
    fs::write(&output, text).map_err(|error| Problem::file(Exit::Write, &output, error))?;
    writeln!(console.output, "{}", output.display()).map_err(Problem::output)
}

fn decode(path: &Path, output: Option<&Path>, console: &mut Console<'_>) -> Result<(), Problem> {
    let dump = load(path)?;
    let mut text = Vec::new();
    let replayed = decode_ring(&dump, &stem(path), &mut text)
        .map_err(|error| Problem::file(Exit::Read, path, error))?;
    match output {
        Some(to) => {
            fs::write(to, text).map_err(|error| Problem::file(Exit::Write, to, error))?;
        }
        None => console.output.write_all(&text).map_err(Problem::output)?,
    }
    let told = format!(
        "{} events in {} records; {} were overwritten, {} say nothing",
        replayed.events, replayed.records, replayed.overwritten, replayed.skipped
    );
    let _ = writeln!(console.errors, "{told}");
    Ok(())
}

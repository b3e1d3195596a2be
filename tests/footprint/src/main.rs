//! What a client costs on a microcontroller: flash by crate and layer, static memory, stack, instructions, panics.
//!
//! It builds the firmware of `examples/firmware-cortex-m` for several sets of features, reads the images and their
//! debug information, and lets them measure themselves in QEMU. Invariant: the figures of `docs/footprint.md` come
//! from here and from nowhere else.

mod bars;
mod firmware;
mod flash;
mod frames;
mod image;
mod measure;
mod owner;
mod page;
mod panics;
mod ram;
mod report;
mod run;
mod stack;
mod table;
mod thumb;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use firmware::{Builder, DEFAULT, Set, all_sets, output};
use measure::{Measured, Runner, measure};
use report::Results;

const USAGE: &str = "quicpro-footprint [OPTIONS] [COMMAND]
commands
  report              print the figures of all sets (this one if none is named)
  update              write them into docs/footprint.md
  check               measure the default set and fail where it exceeds a bar
  panics              print every panic site of the engine in the default set
options
  --set NAME          only this set; may be repeated
  --run               run the images, too; needs qemu-system-arm and the server
  --server FILE       the independent server (target/debug/quinn-h3-server)";

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match options.execute() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    Report,
    Update,
    Check,
    Panics,
}

#[derive(Debug)]
struct Options {
    task: Task,
    /// All of them where none is named.
    sets: Vec<&'static Set>,
    run: bool,
    server: PathBuf,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            task: Task::Report,
            sets: Vec::new(),
            run: false,
            server: target().join("debug/quinn-h3-server"),
        };
        while let Some(word) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{word} needs a value"));
            match word.as_str() {
                "report" => options.task = Task::Report,
                "update" => options.task = Task::Update,
                "check" => options.task = Task::Check,
                "panics" => options.task = Task::Panics,
                "--run" => options.run = true,
                "--set" => options.sets.push(set(&value()?)?),
                "--server" => options.server = PathBuf::from(value()?),
                _ => return Err(format!("unknown word {word}")),
            }
        }
        Ok(options)
    }

    fn execute(&self) -> Result<(), String> {
        let builder = Builder::new(&root());
        match self.task {
            Task::Report => {
                let results = self.all(&builder)?;
                println!("{}", report::report(&origin(&results)?, &results));
            }
            Task::Update => {
                let results = self.all(&builder)?;
                update(&report::report(&origin(&results)?, &results))?;
            }
            Task::Check => return check(self.default_set(&builder)?),
            Task::Panics => print!("{}", report::engine_sites(&self.default_set(&builder)?)),
        }
        Ok(())
    }

    fn all(&self, builder: &Builder) -> Result<Results, String> {
        let chosen = |set: &&Set| self.sets.is_empty() || self.sets.contains(set);
        let mut results = Vec::new();
        for set in all_sets().filter(chosen) {
            eprintln!("measuring {}", set.name);
            results.push((set.name, measure(builder, set, self.runner().as_ref())?));
        }
        Ok(results)
    }

    fn default_set(&self, builder: &Builder) -> Result<Measured, String> {
        let measured = measure(builder, set(DEFAULT)?, self.runner().as_ref())?;
        measured.ok_or_else(|| "the default set does not fit the board".to_owned())
    }

    fn runner(&self) -> Option<Runner> {
        self.run.then(|| Runner {
            server: self.server.clone(),
            script: root().join("examples/firmware-cortex-m/run"),
            scratch: root().join("target/footprint/run"),
        })
    }
}

fn set(name: &str) -> Result<&'static Set, String> {
    let found = all_sets().find(|set| set.name == name);
    found.ok_or_else(|| {
        let names: Vec<&str> = all_sets().map(|set| set.name).collect();
        format!("no set {name}; there are: {}", names.join("; "))
    })
}

/// The project's root.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// Where cargo puts what it builds for this machine.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// When, of what and with what.
fn origin(results: &Results) -> Result<String, String> {
    let day = output(Command::new("date").args(["-u", "+%F"]))?;
    let describe = ["describe", "--always", "--dirty", "--exclude=*"];
    let commit = output(Command::new("git").current_dir(root()).args(describe))?;
    let mut measured = results.iter().filter_map(|(_, measured)| measured.as_ref());
    Ok(format!(
        "Measured on {} at commit {} with {} for {}.",
        day.trim(),
        commit.trim(),
        measured.next().map_or("no compiler", |m| &m.compiler),
        firmware::TARGET
    ))
}

fn update(figures: &str) -> Result<(), String> {
    let path = root().join("docs/footprint.md");
    let problem = |error: std::io::Error| format!("{}: {error}", path.display());
    let page = fs::read_to_string(&path).map_err(problem)?;
    fs::write(&path, page::with_figures(&page, figures)?).map_err(problem)
}

fn check(measured: Measured) -> Result<(), String> {
    let above = bars::exceeded(&measured);
    let results = vec![(DEFAULT, Some(measured))];
    println!("{}", report::report("The default set:", &results));
    if above.is_empty() {
        return Ok(());
    }
    Err(above.join("\n"))
}

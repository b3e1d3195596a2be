//! All figures of one set of features.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::firmware::{Builder, Failure, Set};
use crate::flash::{Bytes, Flash};
use crate::image::Image;
use crate::owner::Owner;
use crate::panics::{self, Site};
use crate::ram::{self, Static};
use crate::run::{self, Phase, Server};
use crate::stack::{StackFrame, behind_pointers, deepest, stack_frames};

/// What a set costs.
#[derive(Debug, Default)]
pub struct Measured {
    /// Which compiler made the images.
    pub compiler: String,
    /// The client's image.
    pub image: u64,
    /// The client's image less the echo's.
    pub flash: u64,
    /// Where that comes from. What the echo needs more of is negative.
    pub owners: BTreeMap<Owner, Bytes>,
    /// Code by function, in the client's image.
    pub functions: BTreeMap<(Owner, String, String), i64>,
    pub statics: Vec<Static>,
    pub stack_frames: Vec<StackFrame>,
    /// The deepest way through the calls.
    pub deepest: Vec<StackFrame>,
    /// What is called through pointers, with all that it calls.
    pub behind_pointers: Vec<StackFrame>,
    pub sites: Vec<Site>,
    /// Empty where nothing was run.
    pub phases: Vec<Phase>,
}

/// What a run needs.
#[derive(Debug)]
pub struct Runner {
    /// The independent server.
    pub server: PathBuf,
    /// Runs an image in QEMU and prints what it says.
    pub script: PathBuf,
    /// For files that nobody reads afterwards.
    pub scratch: PathBuf,
}

/// Builds the images of a set and measures them. `None` for one that does not fit the board.
pub fn measure(
    builder: &Builder,
    set: &Set,
    runner: Option<&Runner>,
) -> Result<Option<Measured>, String> {
    let [request, echo] = match builder.sized(set) {
        Ok(paths) => paths,
        Err(Failure::TooLarge) => return Ok(None),
        Err(Failure::Other(problem)) => return Err(problem),
    };
    let mut measured = sizes(&request, &echo)?;
    if let (Some(runner), Some(server)) = (runner, set.server) {
        match runner.run(builder, set, server) {
            Ok(phases) => measured.phases = phases,
            // The paint and the prints of a run are what was too much; the sizes stand.
            Err(Failure::TooLarge) => {}
            Err(Failure::Other(problem)) => return Err(format!("{}: {problem}", set.name)),
        }
    }
    Ok(Some(measured))
}

fn sizes(request: &Path, echo: &Path) -> Result<Measured, String> {
    let (request, echo) = (Image::read(request)?, Image::read(echo)?);
    let flash = Flash::of(&request)?;
    Ok(Measured {
        compiler: request.compiler.clone(),
        image: request.flash(),
        flash: request.flash().saturating_sub(echo.flash()),
        owners: flash.without(&Flash::of(&echo)?),
        functions: flash.functions,
        statics: ram::statics(&request),
        stack_frames: stack_frames(&request),
        deepest: deepest(&request),
        behind_pointers: behind_pointers(&request),
        sites: panics::sites(&request)?,
        phases: Vec::new(),
    })
}

impl Runner {
    fn run(&self, builder: &Builder, set: &Set, server: &[&str]) -> Result<Vec<Phase>, Failure> {
        let server = Server::start(&self.server, server, &self.scratch);
        let server = server.map_err(Failure::Other)?;
        let image = builder.measuring(set, &server.root)?;
        run::run(&image, &server, &self.script).map_err(Failure::Other)
    }
}

//! Pictures of qlog files: congestion window, bytes in flight, round-trip times, losses, data, and a waterfall of the
//! streams.
//!
//! ```text
//! file ──read──▶ Recording ──draw──▶ SVG or PNG; several recordings stand side by side on the same scales
//! ```
//! Invariant: whatever a file holds, reading it ends with a recording or with an error that says where it is broken.

mod chart;
mod read;
mod recording;
mod scale;

use std::fmt;
use std::path::Path;

use plotters::prelude::{BitMapBackend, IntoDrawingArea, SVGBackend};

pub use read::{ReadError, read};
pub use recording::{Recording, Stream};

/// Pixels of a PNG for each unit of the picture: legible on dense screens, and when it is printed.
const PNG_SCALE: f64 = 2.0;

/// Why there is no picture.
#[derive(Debug)]
pub struct DrawError(String);

impl fmt::Display for DrawError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot draw: {}", self.0)
    }
}

impl std::error::Error for DrawError {}

impl DrawError {
    fn of(error: impl fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// The picture of these recordings, side by side, as an SVG document.
pub fn svg(recordings: &[Recording]) -> Result<String, DrawError> {
    chart::use_font()?;
    let layout = chart::Layout::new(recordings, 1.0);
    let mut document = String::new();
    {
        let root = SVGBackend::with_string(&mut document, layout.size()).into_drawing_area();
        chart::draw(&root, recordings, &layout)?;
        root.present().map_err(DrawError::of)?;
    }
    Ok(document)
}

/// Writes the picture to `path`, as PNG if that is how the name ends, as SVG otherwise.
pub fn write(recordings: &[Recording], path: &Path) -> Result<(), DrawError> {
    let is_png = path
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("png"));
    if !is_png {
        return std::fs::write(path, svg(recordings)?).map_err(DrawError::of);
    }
    chart::use_font()?;
    let layout = chart::Layout::new(recordings, PNG_SCALE);
    let root = BitMapBackend::new(path, layout.size()).into_drawing_area();
    chart::draw(&root, recordings, &layout)?;
    root.present().map_err(DrawError::of)
}

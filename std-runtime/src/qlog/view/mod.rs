//! Pictures of qlog files: congestion window, bytes in flight, round-trip times, losses, data, and a waterfall of the
//! streams.
//!
//! ```text
//! file ──read──▶ Recording ──draw──▶ SVG or PNG; several recordings stand side by side on the same scales
//! ```
//! Invariant: whatever a file holds, reading it ends with a recording or with an error that says where it is broken.

mod chart;
mod layout;
mod read;
mod recording;
mod scale;
mod strip;

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
    layout::use_font()?;
    let layout = layout::Layout::new(recordings, 1.0);
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
    layout::use_font()?;
    let layout = layout::Layout::new(recordings, PNG_SCALE);
    let root = BitMapBackend::new(path, layout.size()).into_drawing_area();
    chart::draw(&root, recordings, &layout)?;
    root.present().map_err(DrawError::of)
}

#[cfg(test)]
mod tests {
    use super::recording::Point;
    use super::*;

    /// A minute with an event each 300 us, more teeth than a picture has pixels, three bursts of losses and a loss.
    fn long() -> Recording {
        let series = |of: fn(u32) -> u32| -> Vec<Point> {
            let points = (0..200_000_u32).map(|at| (f64::from(at) * 0.3, f64::from(of(at))));
            points.collect()
        };
        let burst = |from: u32| (0..500).map(move |at| f64::from(from) + f64::from(at) * 0.1);
        let mut losses: Vec<f64> = [5_000, 20_000, 40_000]
            .into_iter()
            .flat_map(burst)
            .collect();
        losses.push(55_000.0);
        Recording {
            title: "long".to_owned(),
            end: 60_000.0,
            window: series(|at| 500_000 + at % 97 * 5_000),
            in_flight: series(|at| 400_000 + at % 89 * 5_000),
            threshold: series(|at| 300_000 + at / 2_000 % 2 * 50_000),
            rtt_latest: series(|at| 40 + at % 31),
            rtt_smoothed: series(|at| 50 + at / 1_000 % 5),
            rtt_min: series(|_| 40),
            sent: series(|at| at * 1_200),
            acknowledged: series(|at| at * 1_190),
            losses,
            phases: vec![
                (0.0, "slow_start".to_owned()),
                (9_000.0, "recovery".to_owned()),
            ],
            ..Recording::default()
        }
    }

    #[test]
    fn a_long_recording_is_a_small_picture_that_shows_each_burst() {
        let picture = svg(&[long()]).unwrap();
        assert!(picture.len() < 200_000, "{} bytes", picture.len());
        // The legend, bursts of at most three bars (their middle and what is left of it), and the single one.
        let red = picture.matches("fill=\"#DC2626\"").count();
        assert!((5..=11).contains(&red), "{red}");
        for shown in ["slow start<", "recovery<", "1501 packets lost", "60 s"] {
            let text = picture.replace('\n', "");
            assert!(text.contains(shown), "{shown}");
        }
    }

    #[test]
    fn what_was_not_recorded_is_not_in_the_legend() {
        let plain = Recording {
            threshold: Vec::new(),
            losses: Vec::new(),
            ..long()
        };
        let picture = svg(&[plain]).unwrap();
        assert!(!picture.contains("slow start threshold") && picture.contains("no packet lost"));
    }
}

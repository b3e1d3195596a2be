//! The sheet that a picture is drawn on: how large everything is, in which colours and letters.
//!
//! Invariant: the same sizes and scales hold for all recordings of a picture.

use std::sync::OnceLock;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::{FontStyle, register_font};

use super::DrawError;
use super::recording::Recording;
use super::scale::{greatest, usual};

pub(super) const INK: RGBColor = RGBColor(31, 37, 46);
pub(super) const MUTED: RGBColor = RGBColor(107, 114, 128);
pub(super) const GRID: RGBColor = RGBColor(229, 231, 235);
pub(super) const BLUE: RGBColor = RGBColor(37, 99, 235);
pub(super) const AMBER: RGBColor = RGBColor(217, 119, 6);
pub(super) const GREEN: RGBColor = RGBColor(5, 150, 105);
pub(super) const RED: RGBColor = RGBColor(220, 38, 38);
pub(super) const VIOLET: RGBColor = RGBColor(124, 58, 237);

/// Streams of a recording that get a row.
pub(super) const ROWS_MAX: usize = 32;

/// Units left and right of a plot: the left ones hold the labels.
pub(super) const MARGINS: [f64; 3] = [12.0, 68.0, 28.0];

/// Units that the panel of the congestion window is high, strips included.
pub(super) const WINDOWS: f64 = 344.0;

/// The name that the letters are known by.
const FONT: &str = "sans-serif";

pub(super) type Area<'a, B> = DrawingArea<B, Shift>;

/// Makes the letters known, once for the process.
pub(super) fn use_font() -> Result<(), DrawError> {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    let registered = REGISTERED.get_or_init(|| {
        let letters = epaint_default_fonts::UBUNTU_LIGHT;
        [FontStyle::Normal, FontStyle::Bold]
            .into_iter()
            .all(|style| register_font(FONT, style, letters).is_ok())
    });
    if *registered {
        Ok(())
    } else {
        Err(DrawError("the font is broken".to_owned()))
    }
}

/// Sizes, all in units that become pixels by `scale`.
pub(super) struct Layout {
    pub(super) scale: f64,
    pub(super) columns: usize,
    pub(super) rows: usize,
    /// Milliseconds, of the longest recording.
    pub(super) duration: f64,
    pub(super) window_max: f64,
    pub(super) rtt_max: f64,
    pub(super) data_max: f64,
}

impl Layout {
    pub(super) fn new(recordings: &[Recording], scale: f64) -> Self {
        let rows = |recording: &Recording| recording.streams.len().min(ROWS_MAX);
        let durations = recordings.iter().map(|one| one.end - one.start);
        let windows = recordings
            .iter()
            .flat_map(|one| [&one.window, &one.in_flight]);
        let data = recordings
            .iter()
            .flat_map(|one| [&one.sent, &one.received, &one.acknowledged]);
        let smoothed = recordings.iter().map(|one| &one.rtt_smoothed);
        let latest = recordings.iter().map(|one| usual(&one.rtt_latest));
        Self {
            scale,
            columns: recordings.len().max(1),
            rows: recordings.iter().map(rows).max().unwrap_or(0).max(1),
            duration: bounded(durations.fold(1.0, f64::max)),
            window_max: bounded(greatest(windows, 1.0) * 1.08),
            rtt_max: bounded(latest.fold(greatest(smoothed, 1.0), f64::max) * 1.15),
            data_max: bounded(greatest(data, 1.0) * 1.08),
        }
    }

    pub(super) fn px(&self, units: f64) -> i32 {
        // A picture has some thousand units.
        (units * self.scale).round() as i32
    }

    pub(super) fn width(&self) -> f64 {
        if self.columns == 1 { 1_100.0 } else { 720.0 }
    }

    /// Milliseconds and units of value that are one pixel of a plot that ends at `max` and is `height` high.
    pub(super) fn grain(&self, max: f64, height: f64) -> (f64, f64) {
        let width = self.width() - MARGINS.iter().sum::<f64>();
        let of = |whole: f64, units: f64| whole / (units * self.scale);
        (of(self.duration, width), of(max, height))
    }

    pub(super) fn streams_height(&self) -> f64 {
        66.0 + 30.0 * self.rows as f64
    }

    pub(super) fn size(&self) -> (u32, u32) {
        let width = self.width() * self.columns as f64;
        let height = 64.0 + WINDOWS + 230.0 + 230.0 + self.streams_height();
        (
            self.px(width).unsigned_abs(),
            self.px(height).unsigned_abs(),
        )
    }

    pub(super) fn text<'a>(&self, size: f64, colour: &RGBColor) -> TextStyle<'a> {
        (FONT, self.px(size)).into_font().color(colour)
    }

    pub(super) fn line(&self, colour: RGBColor, width: f64) -> ShapeStyle {
        colour.stroke_width(self.px(width).max(1).unsigned_abs())
    }
}

/// Hostile numbers must not become coordinates that overflow.
fn bounded(value: f64) -> f64 {
    value.clamp(1e-3, 1e15)
}

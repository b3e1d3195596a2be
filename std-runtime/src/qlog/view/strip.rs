//! Strips above the congestion window: which phase the controller was in, and when packets were lost.
//!
//! Invariant: a strip has the time axis of the plot below it, and no more pieces than it has columns.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::DrawError;
use super::layout::{Area, INK, Layout, MARGINS, MUTED, RED};
use super::recording::Recording;
use super::scale::{axis_time, counts};

/// Columns that losses are counted in: each is two units wide where there is one recording.
const COLUMNS: usize = 496;

/// Behind the phases' names, in the order in which phases are first seen.
const SHADES: [RGBColor; 6] = [
    RGBColor(219, 234, 254),
    RGBColor(254, 243, 199),
    RGBColor(220, 252, 231),
    RGBColor(237, 233, 254),
    RGBColor(255, 228, 230),
    RGBColor(243, 244, 246),
];

/// Losses over time.
pub(super) struct Losses {
    counts: Vec<u32>,
    most: u32,
    /// What a bar means.
    pub(super) legend: String,
}

pub(super) fn losses(recording: &Recording) -> Losses {
    let (start, end) = (recording.start, recording.end);
    let counts = counts(&recording.losses, start, end, COLUMNS);
    let most = counts.iter().copied().max().unwrap_or(0);
    let column = (end - start) / COLUMNS as f64;
    let legend = match most {
        0 => "no packet lost".to_owned(),
        _ => format!(
            "packets lost, up to {most} in {}",
            axis_time(column, column)
        ),
    };
    Losses {
        counts,
        most,
        legend,
    }
}

/// The strip's place below the axis's times: its left end, its length, its top and its bottom, in pixels.
fn frame<B: DrawingBackend>(area: &Area<'_, B>, layout: &Layout) -> (i32, f64, i32, i32) {
    let (width, height) = area.dim_in_pixel();
    let left = layout.px(MARGINS[0] + MARGINS[1]);
    let right = i32::try_from(width).unwrap_or(i32::MAX) - layout.px(MARGINS[2]);
    let bottom = i32::try_from(height).unwrap_or(i32::MAX) - layout.px(1.0);
    (left, f64::from(right - left), layout.px(2.0), bottom)
}

/// A strip's name, where the plot below has the labels of its axis.
fn name<B: DrawingBackend>(
    area: &Area<'_, B>,
    name: &str,
    layout: &Layout,
) -> Result<(), DrawError> {
    let (left, _, top, bottom) = frame(area, layout);
    let style = layout.text(12.0, &MUTED);
    let style = style.pos(Pos::new(HPos::Right, VPos::Center));
    let at = (left - layout.px(6.0), i32::midpoint(top, bottom));
    area.draw_text(name, &style, at).map_err(DrawError::of)
}

/// A bar for each column with losses, the higher the more.
pub(super) fn draw_losses<B: DrawingBackend>(
    area: &Area<'_, B>,
    losses: &Losses,
    recording: &Recording,
    layout: &Layout,
) -> Result<(), DrawError> {
    name(area, "lost", layout)?;
    let (left, length, top, bottom) = frame(area, layout);
    let own = (recording.end - recording.start) / layout.duration * length;
    let x = |column: usize| left + (own * column as f64 / COLUMNS as f64).round() as i32;
    let mut column = 0;
    while let Some(&count) = losses.counts.get(column) {
        let equal = losses.counts[column..].iter();
        let end = column + equal.take_while(|other| **other == count).count();
        if count > 0 {
            let share = f64::from(count) / f64::from(losses.most);
            // One loss among many is seen all the same.
            let height = f64::from(bottom - top) * share.max(0.25);
            let corners = [
                (x(column), bottom - height.round() as i32),
                (x(end).max(x(column) + layout.px(1.0)), bottom),
            ];
            area.draw(&Rectangle::new(corners, RED.filled()))
                .map_err(DrawError::of)?;
        }
        column = end;
    }
    Ok(())
}

/// A piece of the strip for each phase that lasted long enough to be seen.
pub(super) fn draw_phases<B: DrawingBackend>(
    area: &Area<'_, B>,
    recording: &Recording,
    layout: &Layout,
) -> Result<(), DrawError> {
    if recording.phases.is_empty() {
        return Ok(());
    }
    name(area, "phase", layout)?;
    let (left, length, top, bottom) = frame(area, layout);
    let x = |time: f64| {
        let share = (time - recording.start) / layout.duration;
        left + (share * length).round() as i32
    };
    let mut seen: Vec<&str> = Vec::new();
    for (at, (begin, phase)) in recording.phases.iter().enumerate() {
        let end = recording
            .phases
            .get(at + 1)
            .map_or(recording.end, |next| next.0);
        let (from, to) = (x(*begin), x(end));
        if to <= from {
            continue;
        }
        let order = seen.iter().position(|known| known == phase);
        let order = order.unwrap_or_else(|| {
            seen.push(phase);
            seen.len() - 1
        });
        let shade = SHADES[order % SHADES.len()];
        let corners = [(from, top), (to, bottom)];
        area.draw(&Rectangle::new(corners, shade.filled()))
            .map_err(DrawError::of)?;
        phase_name(area, phase, (from, to), layout)?;
    }
    Ok(())
}

/// Writes a phase's name into its piece, as far as there is room: what stands behind its last space at least.
fn phase_name<B: DrawingBackend>(
    area: &Area<'_, B>,
    phase: &str,
    (from, to): (i32, i32),
    layout: &Layout,
) -> Result<(), DrawError> {
    let (_, _, top, bottom) = frame(area, layout);
    let style = layout.text(11.0, &INK);
    let style = style.pos(Pos::new(HPos::Center, VPos::Center));
    let whole = phase.replace('_', " ");
    let last = whole.rsplit(' ').next().unwrap_or_default();
    for text in [whole.as_str(), last] {
        let (width, _) = area
            .estimate_text_size(text, &style)
            .map_err(DrawError::of)?;
        if i32::try_from(width).unwrap_or(i32::MAX / 2) + layout.px(6.0) <= to - from {
            let at = (i32::midpoint(from, to), i32::midpoint(top, bottom));
            return area.draw_text(text, &style, at).map_err(DrawError::of);
        }
    }
    Ok(())
}

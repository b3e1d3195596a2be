//! The picture itself: a column for each recording, a panel for each question, one time axis below them.
//!
//! Invariant: the same scales hold in all columns, so that what looks larger is larger.

use std::fmt::Write;

use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::DrawError;
use super::layout::{
    AMBER, Area, BLUE, GREEN, GRID, INK, Layout, MARGINS, MUTED, RED, ROWS_MAX, VIOLET, WINDOWS,
};
use super::recording::{Point, Recording, Stream};
use super::scale::{axis_time, bytes, spots, straight, thin, time};
use super::strip;

/// Spots of the latest round-trip time, side by side: each is three units wide.
const SPOTS: usize = 330;

type Plot<'a, B> = ChartContext<'a, B, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Draws everything.
pub(super) fn draw<B: DrawingBackend>(
    root: &Area<'_, B>,
    recordings: &[Recording],
    layout: &Layout,
) -> Result<(), DrawError> {
    root.fill(&WHITE).map_err(DrawError::of)?;
    let columns = root.split_evenly((1, layout.columns));
    for (column, recording) in columns.iter().zip(recordings) {
        let (head, rest) = column.split_vertically(layout.px(64.0));
        header(&head, recording, layout)?;
        let (windows, rest) = rest.split_vertically(layout.px(WINDOWS));
        window_panel(&windows, recording, layout)?;
        let (rtts, rest) = rest.split_vertically(layout.px(230.0));
        rtt_panel(&rtts, recording, layout)?;
        let (data, streams) = rest.split_vertically(layout.px(230.0));
        data_panel(&data, recording, layout)?;
        stream_panel(&streams, recording, layout)?;
    }
    Ok(())
}

fn header<B: DrawingBackend>(
    area: &Area<'_, B>,
    recording: &Recording,
    layout: &Layout,
) -> Result<(), DrawError> {
    let left = layout.px(24.0);
    let title = layout.text(22.0, &INK);
    area.draw_text(&recording.title, &title, (left, layout.px(14.0)))
        .map_err(DrawError::of)?;
    let (width, _) = area
        .estimate_text_size(&recording.title, &title)
        .map_err(DrawError::of)?;
    let muted = layout.text(14.0, &MUTED);
    let beside = left + i32::try_from(width).unwrap_or(0) + layout.px(20.0);
    let (width, _) = area
        .estimate_text_size(&recording.told, &muted)
        .map_err(DrawError::of)?;
    // What the writer calls it, if there is room for that.
    if beside + i32::try_from(width).unwrap_or(i32::MAX / 2) < layout.px(layout.width()) {
        area.draw_text(&recording.told, &muted, (beside, layout.px(20.0)))
            .map_err(DrawError::of)?;
    }
    area.draw_text(&summary(recording), &muted, (left, layout.px(42.0)))
        .map_err(DrawError::of)
}

/// A line of figures.
fn summary(recording: &Recording) -> String {
    let duration = recording.end - recording.start;
    let last = |series: &[Point]| series.last().map_or(0.0, |point| point.1);
    let mut told = format!(
        "{}   ·   {} sent   ·   {} received   ·   {} lost   ·   {}",
        axis_time(duration, duration),
        bytes(last(&recording.sent)),
        bytes(last(&recording.received)),
        counted(recording.losses.len(), "packet"),
        counted(recording.streams.len(), "stream"),
    );
    if recording.probes_lost > 0 {
        let probes = counted(recording.probes_lost, "MTU probe");
        let _ = write!(told, "   ·   {probes} unanswered");
    }
    if recording.is_cut {
        told.push_str("   ·   the file is cut short");
    }
    told
}

fn counted(count: usize, what: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {what}{ending}")
}

/// Writes a panel's title and what its colours mean; gives the place for the plot.
fn panel<'a, B: DrawingBackend>(
    area: &Area<'a, B>,
    title: &str,
    legend: &[(RGBColor, &str)],
    layout: &Layout,
) -> Result<Area<'a, B>, DrawError> {
    let (head, plot) = area.split_vertically(layout.px(38.0));
    let middle = layout.px(22.0);
    let anchor = Pos::new(HPos::Left, VPos::Center);
    let style = layout.text(16.0, &INK).pos(anchor);
    head.draw_text(title, &style, (layout.px(24.0), middle))
        .map_err(DrawError::of)?;
    let (width, _) = head
        .estimate_text_size(title, &style)
        .map_err(DrawError::of)?;
    let mut x = layout.px(24.0) + i32::try_from(width).unwrap_or(0) + layout.px(24.0);
    let style = layout.text(13.0, &MUTED).pos(anchor);
    for (colour, name) in legend {
        let half = layout.px(5.0);
        let corners = [(x, middle - half), (x + 2 * half, middle + half)];
        head.draw(&Rectangle::new(corners, colour.filled()))
            .map_err(DrawError::of)?;
        x += 2 * half + layout.px(6.0);
        head.draw_text(name, &style, (x, middle))
            .map_err(DrawError::of)?;
        let (width, _) = head
            .estimate_text_size(name, &style)
            .map_err(DrawError::of)?;
        x += i32::try_from(width).unwrap_or(0) + layout.px(18.0);
    }
    Ok(plot)
}

/// Axes and grid for values from 0 to `max`.
fn plot<'a, B: DrawingBackend>(
    area: &'a Area<'_, B>,
    max: f64,
    label: &dyn Fn(&f64) -> String,
    layout: &Layout,
) -> Result<Plot<'a, B>, DrawError> {
    let mut chart = ChartBuilder::on(area)
        .margin_right(layout.px(MARGINS[2]))
        .margin_left(layout.px(MARGINS[0]))
        .margin_top(layout.px(4.0))
        .set_label_area_size(LabelAreaPosition::Left, layout.px(MARGINS[1]))
        .set_label_area_size(LabelAreaPosition::Bottom, layout.px(26.0))
        .build_cartesian_2d(0.0..layout.duration, 0.0..max)
        .map_err(DrawError::of)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(layout.line(GRID, 1.0))
        .axis_style(layout.line(MUTED, 1.0))
        .label_style(layout.text(12.0, &MUTED))
        .x_labels(10)
        .y_labels(5)
        .x_label_formatter(&|value| axis_time(*value, layout.duration))
        .y_label_formatter(label)
        .draw()
        .map_err(DrawError::of)?;
    Ok(chart)
}

fn line<B: DrawingBackend>(
    chart: &mut Plot<'_, B>,
    points: Vec<Point>,
    style: ShapeStyle,
) -> Result<(), DrawError> {
    chart
        .draw_series(LineSeries::new(points, style))
        .map_err(DrawError::of)?;
    Ok(())
}

fn window_panel<B: DrawingBackend>(
    area: &Area<'_, B>,
    recording: &Recording,
    layout: &Layout,
) -> Result<(), DrawError> {
    let losses = strip::losses(recording);
    let mut legend = vec![(BLUE, "congestion window"), (AMBER, "bytes in flight")];
    if !recording.threshold.is_empty() {
        legend.push((VIOLET, "slow start threshold"));
    }
    legend.push((RED, losses.legend.as_str()));
    let area = panel(area, "Congestion", &legend, layout)?;
    let (phases, area) = area.split_vertically(layout.px(20.0));
    strip::draw_phases(&phases, recording, layout)?;
    let (lost, area) = area.split_vertically(layout.px(24.0));
    strip::draw_losses(&lost, &losses, recording, layout)?;
    let mut chart = plot(&area, layout.window_max, &|value| bytes(*value), layout)?;
    let (start, end) = (recording.start, recording.end);
    let grain = layout.grain(layout.window_max, 232.0);
    let steps = |series: &[Point]| {
        let steps = held(thin(series, start, end), end - start);
        straight(&steps, grain)
    };
    let in_flight = AreaSeries::new(steps(&recording.in_flight), 0.0, AMBER.mix(0.18));
    let in_flight = in_flight.border_style(layout.line(AMBER, 1.0));
    chart.draw_series(in_flight).map_err(DrawError::of)?;
    let threshold = steps(&recording.threshold);
    line(&mut chart, threshold, layout.line(VIOLET, 1.0))?;
    let window = steps(&recording.window);
    line(&mut chart, window, layout.line(BLUE, 2.0))
}

/// A value holds until the next, and to the end.
fn held(points: Vec<Point>, end: f64) -> Vec<Point> {
    let mut steps: Vec<Point> = Vec::with_capacity(points.len() * 2 + 1);
    for point in points {
        if let Some(last) = steps.last() {
            steps.push((point.0, last.1));
        }
        steps.push(point);
    }
    if let Some(last) = steps.last() {
        steps.push((end, last.1));
    }
    steps
}

fn rtt_panel<B: DrawingBackend>(
    area: &Area<'_, B>,
    recording: &Recording,
    layout: &Layout,
) -> Result<(), DrawError> {
    let light = RGBColor(147, 197, 253);
    let legend = [(light, "latest"), (BLUE, "smoothed"), (GREEN, "smallest")];
    let area = panel(area, "Round-trip time", &legend, layout)?;
    let mut chart = plot(&area, layout.rtt_max, &|value| time(*value), layout)?;
    let (start, end) = (recording.start, recording.end);
    let grain = layout.grain(layout.rtt_max, 162.0);
    let dot = layout.px(1.6).max(1);
    let dots = spots(&recording.rtt_latest, (start, end), SPOTS, 2.0 * grain.1)
        .into_iter()
        .filter(|point| point.1 <= layout.rtt_max)
        .map(|point| Circle::new(point, dot, light.filled()));
    chart.draw_series(dots).map_err(DrawError::of)?;
    let least = held(thin(&recording.rtt_min, start, end), end - start);
    let least = straight(&least, grain);
    line(&mut chart, least, layout.line(GREEN, 1.5))?;
    let smoothed = straight(&thin(&recording.rtt_smoothed, start, end), grain);
    line(&mut chart, smoothed, layout.line(BLUE, 2.0))
}

fn data_panel<B: DrawingBackend>(
    area: &Area<'_, B>,
    recording: &Recording,
    layout: &Layout,
) -> Result<(), DrawError> {
    let legend = [
        (BLUE, "sent"),
        (GREEN, "acknowledged"),
        (VIOLET, "received"),
    ];
    let area = panel(area, "Data", &legend, layout)?;
    let mut chart = plot(&area, layout.data_max, &|value| bytes(*value), layout)?;
    let (start, end) = (recording.start, recording.end);
    for (series, colour) in [
        (&recording.sent, BLUE),
        (&recording.acknowledged, GREEN),
        (&recording.received, VIOLET),
    ] {
        let grain = layout.grain(layout.data_max, 162.0);
        let points = straight(&thin(series, start, end), grain);
        line(&mut chart, points, layout.line(colour, 2.0))?;
    }
    Ok(())
}

fn stream_panel<B: DrawingBackend>(
    area: &Area<'_, B>,
    recording: &Recording,
    layout: &Layout,
) -> Result<(), DrawError> {
    let legend = [(BLUE, "first to last byte sent"), (VIOLET, "received")];
    let area = panel(area, "Streams", &legend, layout)?;
    let rows = layout.rows as f64;
    let mut chart = ChartBuilder::on(&area)
        .margin_right(layout.px(MARGINS[2]))
        .margin_left(layout.px(MARGINS[0]))
        .set_label_area_size(LabelAreaPosition::Left, layout.px(MARGINS[1]))
        .set_label_area_size(LabelAreaPosition::Bottom, layout.px(26.0))
        .build_cartesian_2d(0.0..layout.duration, rows..0.0)
        .map_err(DrawError::of)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .light_line_style(TRANSPARENT)
        .bold_line_style(layout.line(GRID, 1.0))
        .axis_style(layout.line(MUTED, 1.0))
        .label_style(layout.text(12.0, &MUTED))
        .x_labels(10)
        .y_labels(0)
        .x_label_formatter(&|value| axis_time(*value, layout.duration))
        .draw()
        .map_err(DrawError::of)?;
    let shown = recording.streams.iter().take(ROWS_MAX);
    for (row, (id, stream)) in shown.enumerate() {
        stream_row(&mut chart, recording.start, row as f64, *id, stream, layout)?;
    }
    let more = recording.streams.len().saturating_sub(ROWS_MAX);
    if more > 0 {
        let anchor = Pos::new(HPos::Right, VPos::Bottom);
        let style = layout.text(12.0, &MUTED).pos(anchor);
        let text = Text::new(format!("and {more} more"), (layout.duration, rows), style);
        chart.draw_series([text]).map_err(DrawError::of)?;
    }
    Ok(())
}

/// A stream's name above two bars: sent, received.
fn stream_row<B: DrawingBackend>(
    chart: &mut Plot<'_, B>,
    start: f64,
    row: f64,
    id: u64,
    stream: &Stream,
    layout: &Layout,
) -> Result<(), DrawError> {
    let bars = [(stream.sent, BLUE, 0.52), (stream.received, VIOLET, 0.72)];
    // A bar that lasted no time is seen all the same.
    let least = layout.duration / 400.0;
    let first = [stream.sent, stream.received];
    let first = first.iter().flatten().map(|span| span.0 - start);
    let first = first.fold(layout.duration, f64::min);
    for (span, colour, at) in bars {
        let Some((from, to)) = span else { continue };
        let to = to.max(from + least);
        let corners = [(from - start, row + at), (to - start, row + at + 0.16)];
        let bar = Rectangle::new(corners, colour.filled());
        chart.draw_series([bar]).map_err(DrawError::of)?;
    }
    let mut told = format!("{id}");
    if !stream.name.is_empty() {
        told = format!("{told}  {}", stream.name);
    }
    for (count, arrow) in [
        (stream.sent_bytes, "sent"),
        (stream.received_bytes, "received"),
    ] {
        if count > 0.0 {
            told = format!("{told}  ·  {} {arrow}", bytes(count));
        }
    }
    // Names of streams that begin late stand left of their beginning, inside the picture.
    let is_late = first > layout.duration * 0.6;
    let across = if is_late { HPos::Right } else { HPos::Left };
    let style = layout.text(12.0, &INK).pos(Pos::new(across, VPos::Bottom));
    let at = if is_late { first + least } else { first };
    let text = Text::new(told, (at, row + 0.5), style);
    chart.draw_series([text]).map_err(DrawError::of)?;
    Ok(())
}

//! Numbers as people read them, and series as short as the picture can show.
//!
//! Invariant: a thinned series has the same first, last, least and greatest values.

use super::recording::Point;

/// Steps of the picture's width that a series is thinned to; each keeps its least and its greatest value.
const STEPS: usize = 500;

/// Bytes with a unit.
pub(super) fn bytes(value: f64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let mut value = value;
    let mut unit = 0;
    while value.abs() >= 999.5 && unit + 1 < units.len() {
        value /= 1_000.0;
        unit += 1;
    }
    format!("{} {}", number(value), units[unit])
}

/// Milliseconds with a unit.
pub(super) fn time(value: f64) -> String {
    if value.abs() >= 10_000.0 {
        format!("{} s", number(value / 1_000.0))
    } else {
        format!("{} ms", number(value))
    }
}

/// Milliseconds on an axis that ends at `end`: one unit for all of its labels.
pub(super) fn axis_time(value: f64, end: f64) -> String {
    if end >= 2_000.0 {
        format!("{} s", number(value / 1_000.0))
    } else {
        time(value)
    }
}

/// Three digits, without zeros that say nothing.
fn number(value: f64) -> String {
    let digits = match value.abs() {
        large if large >= 99.95 => 0,
        middle if middle >= 9.995 => 1,
        _ => 2,
    };
    let text = format!("{value:.digits$}");
    if !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The greatest value of all series, at least `least`.
pub(super) fn greatest<'a>(series: impl IntoIterator<Item = &'a Vec<Point>>, least: f64) -> f64 {
    let values = series.into_iter().flatten().map(|point| point.1);
    values
        .filter(|value| value.is_finite())
        .fold(least, f64::max)
}

/// A value below which nearly all lie: one late packet shall not flatten the rest.
pub(super) fn usual(series: &[Point]) -> f64 {
    let mut values: Vec<_> = series.iter().map(|point| point.1).collect();
    values.sort_by(f64::total_cmp);
    let at = values.len().saturating_mul(99) / 100;
    values.get(at).or(values.last()).copied().unwrap_or(0.0)
}

/// The series between two times, thinned, and counted from the first of them.
pub(super) fn thin(series: &[Point], start: f64, end: f64) -> Vec<Point> {
    let mut thinned: Vec<Point> = Vec::new();
    for step in steps(series, start, end, STEPS) {
        step.push_to(&mut thinned);
    }
    thinned
}

/// The least and the greatest value of each of `count` steps, as spots that do not hide one another: two of a step
/// are further apart than `apart`.
pub(super) fn spots(series: &[Point], span: (f64, f64), count: usize, apart: f64) -> Vec<Point> {
    let mut spots = Vec::new();
    for step in steps(series, span.0, span.1, count) {
        spots.push(step.least);
        if step.greatest.1 - step.least.1 > apart {
            spots.push(step.greatest);
        }
    }
    spots
}

/// How many of `times` fall into each of `count` steps between `start` and `end`.
pub(super) fn counts(times: &[f64], start: f64, end: f64, count: usize) -> Vec<u32> {
    let mut counts = vec![0_u32; count.max(1)];
    let width = ((end - start) / count.max(1) as f64).max(f64::MIN_POSITIVE);
    for time in times {
        // A cast from a float saturates.
        let step = ((time - start) / width) as usize;
        let last = counts.len() - 1;
        let count = &mut counts[step.min(last)];
        *count = count.saturating_add(1);
    }
    counts
}

fn steps(series: &[Point], start: f64, end: f64, count: usize) -> Vec<Step> {
    let width = ((end - start) / count as f64).max(f64::MIN_POSITIVE);
    let mut steps: Vec<Step> = Vec::new();
    for &(time, value) in series.iter().filter(|point| point.1.is_finite()) {
        let point = (time - start, value);
        let number = (point.0 / width) as u64;
        match steps.last_mut() {
            // Where time goes back, too: there are never more than `count` and one.
            Some(step) if step.number >= number => step.add(point),
            _ => steps.push(Step::new(number, point)),
        }
    }
    steps
}

/// The line through `points` with fewer of them (Douglas and Peucker): none that is left out is further from it than
/// half a grain, which is how much time and how much value are one pixel.
pub(super) fn straight(points: &[Point], grain: (f64, f64)) -> Vec<Point> {
    let mut keeps = vec![false; points.len()];
    let mut open = Vec::new();
    if let Some(last) = points.len().checked_sub(1) {
        (keeps[0], keeps[last]) = (true, true);
        open.push((0, last));
    }
    while let Some((first, last)) = open.pop() {
        let off = |at: usize| distance(points[at], points[first], points[last], grain);
        let furthest = (first + 1..last).max_by(|a, b| off(*a).total_cmp(&off(*b)));
        if let Some(at) = furthest.filter(|at| off(*at) > 0.5) {
            keeps[at] = true;
            open.extend([(first, at), (at, last)]);
        }
    }
    let kept = points.iter().zip(keeps).filter(|point| point.1);
    kept.map(|point| *point.0).collect()
}

/// How many grains a point is off the line between two others.
fn distance(point: Point, from: Point, to: Point, grain: (f64, f64)) -> f64 {
    let of = |at: Point| ((at.0 - from.0) / grain.0, (at.1 - from.1) / grain.1);
    let (point, to) = (of(point), of(to));
    let length = to.0.hypot(to.1);
    if length > 0.0 {
        // Times do not go back: a point beyond either end lies beside a vertical line.
        let along = ((point.0 * to.0 + point.1 * to.1) / (length * length)).clamp(0.0, 1.0);
        (point.0 - along * to.0).hypot(point.1 - along * to.1)
    } else {
        point.0.hypot(point.1)
    }
}

/// What happens within one step of the picture.
struct Step {
    number: u64,
    first: Point,
    least: Point,
    greatest: Point,
    last: Point,
}

impl Step {
    fn new(number: u64, point: Point) -> Self {
        Self {
            number,
            first: point,
            least: point,
            greatest: point,
            last: point,
        }
    }

    fn add(&mut self, point: Point) {
        if point.1 < self.least.1 {
            self.least = point;
        }
        if point.1 > self.greatest.1 {
            self.greatest = point;
        }
        self.last = point;
    }

    fn push_to(self, series: &mut Vec<Point>) {
        let (early, late) = if self.least.0 <= self.greatest.0 {
            (self.least, self.greatest)
        } else {
            (self.greatest, self.least)
        };
        for point in [self.first, early, late, self.last] {
            if series.last() != Some(&point) {
                series.push(point);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "what is thinned is copied, not computed")]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let shown = [0.0, 999.0, 1_000.0, 12_345.0, 20e6, 1.5e9].map(bytes);
        assert_eq!(
            shown,
            ["0 B", "999 B", "1 kB", "12.3 kB", "20 MB", "1.5 GB"]
        );
        let shown = [0.25, 40.0, 1_234.0, 90_000.0].map(time);
        assert_eq!(shown, ["0.25 ms", "40 ms", "1234 ms", "90 s"]);
        let shown = [0.0, 500.0, 3_000.0].map(|value| axis_time(value, 3_500.0));
        assert_eq!(shown, ["0 s", "0.5 s", "3 s"]);
        assert_eq!(axis_time(500.0, 1_999.0), "500 ms");
    }

    #[test]
    fn thinning_keeps_the_edges_and_the_extremes() {
        let mut series: Vec<Point> = (0..100_000)
            .map(|at| (f64::from(at), f64::from(at % 10)))
            .collect();
        series[50_000].1 = 1_000.0;
        series[60_000].1 = -5.0;
        let thin = thin(&series, 0.0, 99_999.0);
        assert!(thin.len() <= 4 * (STEPS + 1));
        assert_eq!(
            (thin[0], thin[thin.len() - 1]),
            ((0.0, 0.0), (99_999.0, 9.0))
        );
        let has = |wanted: f64| thin.iter().any(|point| point.1 == wanted);
        assert!(has(1_000.0) && has(-5.0));
    }

    #[test]
    fn spots_of_a_step_are_its_extremes_where_they_can_be_told_apart() {
        let series: Vec<Point> = (0..1_000_u16).map(|at| (at.into(), 40.0)).collect();
        let mut jumpy = series.clone();
        jumpy[501].1 = 65.0;
        assert_eq!(spots(&series, (0.0, 1_000.0), 10, 3.0).len(), 10);
        let jumpy = spots(&jumpy, (0.0, 1_000.0), 10, 3.0);
        assert_eq!((jumpy.len(), jumpy[6]), (11, (501.0, 65.0)));
    }

    #[test]
    fn every_event_is_counted_in_its_step() {
        let times = [0.0, 0.1, 5.0, 9.99, 10.0];
        assert_eq!(counts(&times, 0.0, 10.0, 5), [2, 0, 1, 0, 2]);
        assert_eq!(counts(&times[..1], 0.0, 0.0, 5).iter().sum::<u32>(), 1);
        assert_eq!(counts(&[f64::NAN, -1.0], 0.0, 1.0, 2), [2, 0]);
    }

    #[test]
    fn a_line_is_straightened_within_half_a_pixel() {
        let ramp: Vec<Point> = (0..1_000_u16).map(|at| (at.into(), at.into())).collect();
        assert_eq!(straight(&ramp, (1.0, 1.0)), [ramp[0], ramp[999]]);
        let teeth: Vec<Point> = (0..1_000_u16)
            .map(|at| (at.into(), (at % 100).into()))
            .collect();
        let kept = straight(&teeth, (1.0, 1.0));
        assert!((20..=22).contains(&kept.len()), "{}", kept.len());
        assert!(kept.contains(&(99.0, 99.0)) && kept.contains(&(100.0, 0.0)));
        // What is no pixel high is flat.
        assert_eq!(straight(&teeth, (1.0, 1_000.0)).len(), 2);
        // There and back again at one time.
        let spike = [(0.0, 0.0), (5.0, 0.0), (5.0, 9.0), (5.0, 0.0), (9.0, 0.0)];
        assert!(straight(&spike, (1.0, 1.0)).contains(&(5.0, 9.0)));
        assert!(straight(&[], (1.0, 1.0)).is_empty());
    }
}

//! Numbers as people read them, and series as short as the picture can show.
//!
//! Invariant: a thinned series has the same first, last, least and greatest values.

use super::recording::Point;

/// Steps of the picture's width that a series is thinned to; each keeps its least and its greatest value.
const STEPS: usize = 1_000;

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
    let width = ((end - start) / STEPS as f64).max(f64::MIN_POSITIVE);
    let mut thinned: Vec<Point> = Vec::new();
    let mut step: Option<Step> = None;
    for &(time, value) in series.iter().filter(|point| point.1.is_finite()) {
        let point = (time - start, value);
        let number = (point.0 / width) as u64;
        match &mut step {
            Some(step) if step.number == number => step.add(point),
            _ => {
                if let Some(step) = step.take() {
                    step.push_to(&mut thinned);
                }
                step = Some(Step::new(number, point));
            }
        }
    }
    if let Some(step) = step {
        step.push_to(&mut thinned);
    }
    thinned
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
}

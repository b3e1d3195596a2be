//! The progress bar of a body that takes its time.
//!
//! Invariant: a short transfer shows nothing.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A transfer that takes no longer shows no bar.
const PATIENCE: Duration = Duration::from_millis(500);

const WITH_LENGTH: &str = "{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta} left";
const WITHOUT_LENGTH: &str = "{spinner} {bytes} {bytes_per_sec}";

/// How much of a body has arrived, on the terminal behind the process's standard error.
pub(super) struct Progress {
    length: Option<u64>,
    started: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Of a body of `length` bytes, if that is known.
    pub fn new(length: Option<u64>) -> Self {
        Self {
            length,
            started: Instant::now(),
            bar: None,
        }
    }

    /// So many bytes have been written.
    pub fn advance(&mut self, written: u64) {
        if self.bar.is_none() && self.started.elapsed() >= PATIENCE {
            let target = ProgressDrawTarget::stderr();
            self.bar = Some(bar(self.length, target).with_elapsed(self.started.elapsed()));
        }
        if let Some(bar) = &self.bar {
            bar.set_position(written);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.abandon();
        }
    }
}

fn bar(length: Option<u64>, target: ProgressDrawTarget) -> ProgressBar {
    let template = if length.is_some() {
        WITH_LENGTH
    } else {
        WITHOUT_LENGTH
    };
    let bar = ProgressBar::with_draw_target(length, target);
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_understood() {
        for template in [WITH_LENGTH, WITHOUT_LENGTH] {
            assert!(ProgressStyle::with_template(template).is_ok());
        }
    }

    #[test]
    fn a_short_transfer_shows_nothing() {
        let mut progress = Progress::new(Some(10));
        progress.advance(10);
        assert!(progress.bar.is_none());
        progress.started = Instant::now()
            .checked_sub(PATIENCE)
            .expect("time began before");
        progress.advance(10);
        assert_eq!(progress.bar.as_ref().map(ProgressBar::position), Some(10));
    }
}

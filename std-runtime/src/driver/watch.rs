//! Who listens to a connection: a qlog file, a person, or both.
//!
//! Invariant: without a listener there is no sink, and events cost nothing.

use std::path::PathBuf;
use std::sync::Arc;

use quicpro_core::Instant;
use quicpro_core::mem::Object;
use quicpro_core::trace::{Event, Line, Sink};

use crate::qlog::FileSink;

/// Takes lines about a connection, from its I/O thread.
pub(crate) type TakeLine = dyn Fn(String) + Send + Sync;

/// What is wanted of every connection.
#[derive(Clone, Default)]
pub(crate) struct Watch {
    /// A qlog file, in this directory.
    pub qlog: Option<PathBuf>,
    /// Lines for a person: of every event, or of the phases alone.
    pub lines: Option<(Detail, Arc<TakeLine>)>,
}

/// How much a person wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// What happens to the connection as a whole.
    Phases,
    /// Packets, frames, estimates.
    #[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "the command's -vv"))]
    Everything,
}

impl Watch {
    /// The sink of one connection, if anybody listens.
    pub fn sink(&self) -> Option<Object<'static, dyn Sink>> {
        let file = self.qlog.as_ref().map(FileSink::new);
        if file.is_none() && self.lines.is_none() {
            return None;
        }
        let lines = self.lines.clone();
        Some(Object::Owned(Box::new(Listeners {
            file,
            lines,
            start: None,
        })))
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch")
            .field("qlog", &self.qlog)
            .finish_non_exhaustive()
    }
}

struct Listeners {
    file: Option<FileSink>,
    lines: Option<(Detail, Arc<TakeLine>)>,
    start: Option<Instant>,
}

impl Sink for Listeners {
    fn event(&mut self, now: Instant, event: &Event<'_>) {
        if let Some(file) = &mut self.file {
            file.event(now, event);
        }
        let Some((detail, take)) = &self.lines else {
            return;
        };
        if *detail == Detail::Phases && !event.is_phase() {
            return;
        }
        let start = *self.start.get_or_insert(now);
        let micros = now.saturating_duration_since(start).as_micros();
        let (whole, rest) = (micros / 1_000, micros % 1_000);
        take(format!("{whole:>6}.{rest:03} ms  {}", Line(event)));
    }
}

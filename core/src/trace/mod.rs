//! The instrumentation seam: what happened, for counters, qlog and metrics.
//!
//! ```text
//! connection, http3 ──Event──▶ Sink: the user's, std-runtime's qlog file,
//!                                    or `record::Recorder`, a ring of records in RAM
//! ```
//! Invariant: tracing never changes what the engine does, and costs nothing but counters without a sink.

mod discard;
mod event;
mod line;
#[cfg(feature = "records")]
pub mod record;

pub use discard::{Discard, Trace};
pub use event::{
    Closure, Event, Http3Frame, LossTrigger, Metrics, MigrationState, Owner, Packet, StreamSide,
    StreamState,
};
pub use line::Line;

use crate::time::Instant;

/// Receives events as they happen.
pub trait Sink: Send {
    /// `event` happened at `now`. What it borrows is gone when this returns.
    fn event(&mut self, now: Instant, event: &Event<'_>);
}

//! The instrumentation seam.

/// Where events are reported (counters for now; a sink joins them with qlog).
#[derive(Debug, Default)]
pub struct Trace {}

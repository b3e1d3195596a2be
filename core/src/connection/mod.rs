//! The connection: order of calls, no algorithms.

//! qpack.

//! http3.

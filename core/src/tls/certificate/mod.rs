//! The server's certificates: read as they come, kept where needed, verified.

pub mod chain;
pub mod store;

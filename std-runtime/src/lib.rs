//! A blocking HTTP/3 client without an async runtime.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod event_loop;

pub use event_loop::SyncEventLoop;

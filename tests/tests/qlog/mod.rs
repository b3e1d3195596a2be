//! qlog: files of real downloads, files and rings of simulated ones, and pictures of both.

mod download;
#[cfg(feature = "qlog-tools")]
mod picture;
mod program;
mod qvis;
#[cfg(feature = "qlog-tools")]
mod schema;
mod simulated;

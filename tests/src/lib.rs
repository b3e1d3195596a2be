//! Peers and harnesses for everything that needs two parties.
//!
//! - [`server`]: an independent HTTP/3 server (quinn + h3) on loopback, with paths that go wrong on purpose.
//! - [`client`]: an independent HTTP/3 client (quinn + h3), the yardstick of tests and benchmarks.
//! - [`aioquic`]: an HTTP/3 server of yet another family, as a child process.
//! - [`certificates`]: authorities and leaves, good and bad, made at run time.
//! - [`compliance`]: which sections of the RFCs are marked in code and tests.
//! - [`first_flight`]: what a client sends first, read from a capture.
//! - [`hostile`]: a server that follows a script of bytes, for fuzzing.
//! - [`meter`]: counts what one of two such endpoints does, in instructions.
//! - [`pair`]: two sans-IO endpoints in one virtual time, with weather between them.
//! - [`relay`]: a UDP relay that loses and reorders datagrams.
//! - [`scripted`]: a scripted QUIC server that does what no honest one would.
//! - [`silence`]: why a client hears nothing any more.
//! - [`trial`]: one short connection in weather drawn from a seed.
//! - [`body`]: bodies whose every byte depends on its position.
#![forbid(unsafe_code)]

pub mod aioquic;
pub mod body;
pub mod certificates;
pub mod client;
pub mod compliance;
pub mod engine;
pub mod first_flight;
pub mod hostile;
pub mod meter;
pub mod pair;
pub mod relay;
pub mod scripted;
pub mod server;
pub mod silence;
pub mod trial;

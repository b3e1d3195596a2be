//! Everything that needs two parties, by topic.

mod aioquic;
mod client;
mod command;
mod congestion;
mod console;
mod extensions;
mod first_get;
mod hostile;
mod interop;
mod mtu;
mod pair;
mod paths;
mod peers;
mod qlog;
mod qpack_vectors;
mod reports;
mod seeds;
mod simulation;
mod tidy;
mod trials;

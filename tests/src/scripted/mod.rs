//! A scripted QUIC server: a full handshake with rustls, and then any packet it likes.
//!
//! Frames and headers are encoded by our own codecs; TLS and packet protection are rustls's and aws-lc's, so
//! that a mistake of ours meets an independent opinion. No sockets and no time: a [`Link`] carries datagrams
//! between a [`Client`] and the [`Server`] in virtual time.
//!
//! Invariant: left alone, the server is honest, and every packet of the client is held against the rules
//! (see [`Server::problems`]).

mod assembler;
mod audit;
mod handshake;
pub mod http3;
mod keys;
mod link;
mod options;
mod packet;
mod send;
mod server;

pub use assembler::Assembler;
pub use handshake::RETRY_CID;
pub use link::{Client, Link};
pub use options::{AlterHandshake, AlterParameters, Options, Retry};
pub use packet::{Packet, encode, encoded, varint};
pub use send::{acknowledgement_of, stream_id};
pub use server::{Closed, Received, Server};

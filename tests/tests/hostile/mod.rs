//! A scripted server against clients: what it may do, what it must not, and what happens then.

mod datagrams;
mod floods;
mod frames;
mod handshake;
mod harness;
mod http3;
mod keys;
mod ours;
mod streams;
mod tls;

//! A scripted server against clients: what it may do, what it must not, and what happens then.

mod certificates;
mod datagrams;
mod extensions;
mod floods;
mod frames;
mod handshake;
mod harness;
mod http3;
mod keys;
mod known_bugs;
mod messages;
mod mutations;
mod ours;
mod paths;
mod pressure;
mod qpack;
mod retry;
mod rotation;
mod streams;
mod tls;
mod versions;
mod work;

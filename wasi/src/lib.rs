//! An HTTP/3 client for WASI 0.2 components.
//!
//! ```no_run
//! let client = quicpro_wasi::Client::builder().build()?;
//! let response = client.get("https://cloudflare-quic.com/").send()?;
//! let (status, length) = (response.status(), response.bytes()?.len());
//! # Ok::<(), quicpro_wasi::Error>(())
//! ```
//! Names are those of the desktop's client. QUIC, TLS and certificates are the component's own: the host gives UDP,
//! names, clocks and randomness (wasi:sockets, wasi:clocks, wasi:random) and never sees a plain byte. Certificates are
//! always verified, at the host's time of day.
//!
//! What is different from the desktop: a connection carries one request at a time, nothing happens between calls,
//! redirects are not followed, and statuses are numbers, methods text and fields [`Headers`], because crate `http`
//! needs `std`.
//!
//! ```text
//! Client, RequestBuilder ──► link: one connection ──► quicpro-core
//!          ▲                    │
//! Response └────────────────────┘──► host: wasi:sockets, wasi:clocks, wasi:random
//! ```
//! Everywhere but on `wasm32` the crate compiles and every request fails: there is no host to ask.
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod certificate;
mod client;
mod client_builder;
pub mod config;
mod error;
mod failure;
mod headers;
pub mod host;
mod link;
mod request;
mod response;
mod target;

pub use certificate::Certificate;
pub use client::Client;
pub use client_builder::ClientBuilder;
pub use error::{Error, Result};
pub use headers::Headers;
pub use quicpro_core::Limits;
pub use request::RequestBuilder;
pub use response::Response;

/// Sends one GET request, with a client of its own.
pub fn get(url: impl AsRef<str>) -> Result<Response> {
    Client::builder().build()?.get(url).send()
}

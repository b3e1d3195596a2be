//! A blocking HTTP/3 client without an async runtime.
//!
//! ```no_run
//! let response = quicpro::get("https://cloudflare-quic.com/")?;
//! println!("{} {} bytes", response.status(), response.bytes()?.len());
//! # Ok::<(), quicpro::Error>(())
//! ```
//! Names are those of `reqwest::blocking`. What is different: [`RequestBuilder::start`] puts many requests on one
//! connection from plain blocking code, a [`SyncEventLoop`] runs tasks that may block, and there is no runtime to be in
//! the way of another one.
//!
//! ```text
//! Client, RequestBuilder ──► Exchange ──► driver: I/O thread ──► quicpro-core
//!          ▲                    │ two buffers, swapped
//! Response └────────────────────┘
//! ```
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod body;
#[cfg(feature = "cli")]
pub mod cli;
mod client;
mod client_builder;
pub mod config;
mod driver;
mod error;
pub mod event_loop;
mod priority;
mod proxy;
pub mod qlog;
pub mod redirect;
mod request;
mod response;
mod stats;
mod tls;
mod upload;

pub use body::Body;
pub use client::Client;
pub use client_builder::{ClientBuilder, Family};
pub use error::{Error, Result};
pub use event_loop::SyncEventLoop;
pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
pub use priority::{PriorityLevel, StreamPriority, WeightError};
pub use quicpro_core::congestion;
pub use request::{IntoUrl, Request, RequestBuilder};
pub use response::{Interim, PendingResponse, Response};
pub use stats::{ConnectionStats, PathStats};
pub use tls::{Certificate, Identity};
pub use url::Url;

/// Sends one GET request, with a client of its own.
pub fn get(url: impl IntoUrl) -> Result<Response> {
    Client::builder().build()?.get(url).send()
}

//! HTTP/3 (RFC 9114): requests and responses over the streams of one QUIC connection.
//!
//! ```text
//!   client ──▶ connection ──▶ slot: response, sending half      control, settings: the server's control stream
//!                 │              │                              event, fields: what the user sees
//!                 │              └─ field_rules, frame          message, priority: what the user says
//!                 └─ connection::Connection (the transport)
//! ```

mod authority;
mod client;
mod code;
mod connection;
mod control;
mod error;
mod event;
mod field_rules;
mod fields;
mod frame;
mod memory;
mod message;
mod priority;
#[cfg(feature = "testing")]
pub mod properties;
mod response;
mod settings;
mod slot;
mod stream_type;

pub use crate::qpack::Field;
pub use client::Client;
pub use code::Code;
pub use connection::Connection;
pub use error::{Error, MessageError, RecvError, RequestError, SendError};
pub use event::{Event, RequestId};
pub use fields::{FieldLine, Fields};
pub use memory::{Http3Memory, Memory};
pub use message::Request;
pub use priority::Priority;
pub use settings::Settings;
pub use slot::RequestSlot;

//! Bytes to values and back: packets, frames, transport parameters, error codes. No time, no policy.

pub mod code;
pub mod frame;
pub mod packet;
#[cfg(feature = "testing")]
pub mod properties;
mod rule;
mod stream_id;
pub mod transport_parameters;
#[cfg(feature = "v2")]
mod version_information;

pub use code::{Code, TransportError};
pub use rule::Rule;
pub(crate) use rule::{reason, rule};
pub use stream_id::{Direction, Side, StreamId};
pub use transport_parameters::{PreferredAddress, TransportParameters};
#[cfg(feature = "v2")]
pub use version_information::VersionInformation;

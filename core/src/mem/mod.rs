//! Bounded containers: nothing here grows after it was made, and nothing here knows QUIC.

mod chain;
mod flags;
mod lent;
mod pool;
mod presence;
#[cfg(feature = "testing")]
pub mod properties;
mod range_set;
mod receive_buffer;
mod send_buffer;
mod table;

pub use chain::PoolExhausted;
pub use flags::Flags;
pub use lent::{Object, Shared};
pub use pool::{Link, Pool, PoolMemory, fill};
pub use range_set::{RangeSet, RangeSetFull, Ranges};
pub use receive_buffer::ReceiveBuffer;
pub use send_buffer::SendBuffer;
pub use table::Table;

#[cfg(test)]
pub(crate) use pool::tests::leaked_memory;

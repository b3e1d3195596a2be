//! Bounded containers: nothing here grows after it was made.

mod lent;
mod range_set;
mod table;

pub use lent::{Object, Shared};
pub use range_set::{Bound, RangeSet, RangeSetFull};
pub use table::Table;

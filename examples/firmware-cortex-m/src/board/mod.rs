//! The board, chosen by feature: its clock, and where its Ethernet controller is.
//!
//! A board gives `CLOCK_HZ`, the type `Ethernet` and the function `ethernet`; nothing else differs.

#[cfg(feature = "lm3s6965evb")]
mod lm3s6965evb;
#[cfg(feature = "mps2-an386")]
mod mps2_an386;

#[cfg(feature = "lm3s6965evb")]
pub use lm3s6965evb::*;
#[cfg(feature = "mps2-an386")]
pub use mps2_an386::*;

#[cfg(all(feature = "mps2-an386", feature = "lm3s6965evb"))]
compile_error!("one image is for one board");

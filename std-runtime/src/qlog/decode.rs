//! The ring of records in a device's RAM, as a qlog file.
//!
//! Invariant: a dump that is broken is refused or gives fewer events; it never gives others' bytes.

use std::io::Write;

use quicpro_core::trace::record::{self, Replayed, RingError};

use super::Writer;

/// Writes the events in the `dump` of a ring ([`quicpro_core::trace::record`]) to `out`, as the file named `name`.
///
/// Times count from the device's own zero. What records do not keep is missing: header fields, and what streams
/// carried.
pub fn decode_ring(dump: &[u8], name: &str, out: impl Write + Send) -> Result<Replayed, RingError> {
    let mut writer = Writer::without_wall_clock(out, name);
    let mut scratch = vec![0; record::SCRATCH_BYTES];
    record::replay(dump, &mut scratch, &mut writer)
}

//! SETTINGS (RFC 9114 §7.2.4, RFC 9204 §5, RFC 9220 §3, RFC 9297 §2.1.1): what a side tells of itself once.
//!
//! Invariant: a settings frame is read pair by pair, so its length needs no memory.

use super::error::Violation;
use super::frame;
use super::{Code, stream_type};
use crate::codec::{Full, Writer};
use crate::wire::rule;

const QPACK_MAX_TABLE_CAPACITY: u32 = 0x01;
const MAX_FIELD_SECTION_SIZE: u32 = 0x06;
const QPACK_BLOCKED_STREAMS: u32 = 0x07;
const ENABLE_CONNECT_PROTOCOL: u32 = 0x08;
const H3_DATAGRAM: u32 = 0x33;

/// What the server said of itself. Until it does, the defaults apply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Settings {
    /// The largest field section it takes, in bytes as RFC 9114 §4.2.2 counts them; `None` is unlimited.
    pub max_field_section_size: Option<u64>,
    /// Bytes of QPACK's dynamic table that it keeps for us.
    pub qpack_max_table_capacity: u64,
    /// Streams that may wait for entries of that table.
    pub qpack_blocked_streams: u64,
    /// It takes extended CONNECT requests.
    pub enable_connect_protocol: bool,
    /// It takes HTTP datagrams.
    pub h3_datagram: bool,
}

impl Settings {
    /// What applies until the server says otherwise.
    const UNTOLD: Self = Self {
        max_field_section_size: None,
        qpack_max_table_capacity: 0,
        qpack_blocked_streams: 0,
        enable_connect_protocol: false,
        h3_datagram: false,
    };
}

/// Settings being read: the pairs so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    settings: Settings,
    /// One bit for each identifier that we know and that was there.
    seen: u8,
}

impl Reading {
    /// Nothing yet.
    pub(crate) const NONE: Self = Self {
        settings: Settings::UNTOLD,
        seen: 0,
    };

    /// Takes one pair.
    //= rfc9114#7.2.4
    pub(crate) fn pair(&mut self, identifier: u64, value: u64) -> Result<(), Violation> {
        const ERROR: Code = Code::SETTINGS_ERROR;
        let settings = &mut self.settings;
        // Of those that we know, none has more bits.
        let Ok(identifier) = u32::try_from(identifier) else {
            return Ok(());
        };
        let bit = match identifier {
            MAX_FIELD_SECTION_SIZE => {
                settings.max_field_section_size = Some(value);
                0
            }
            QPACK_MAX_TABLE_CAPACITY => {
                settings.qpack_max_table_capacity = value;
                1
            }
            QPACK_BLOCKED_STREAMS => {
                settings.qpack_blocked_streams = value;
                2
            }
            ENABLE_CONNECT_PROTOCOL => {
                settings.enable_connect_protocol = switch(value)?;
                3
            }
            H3_DATAGRAM => {
                settings.h3_datagram = switch(value)?;
                4
            }
            //= rfc9114#7.2.4.1
            0x00 | 0x02..=0x05 => return Err(Violation::new(rule!(ERROR, "a setting of HTTP/2"))),
            _ => return Ok(()),
        };
        if self.seen & 1 << bit != 0 {
            return Err(Violation::new(rule!(ERROR, "the same setting twice")));
        }
        self.seen |= 1 << bit;
        Ok(())
    }

    /// What the pairs say.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }
}

fn switch(value: u64) -> Result<bool, Violation> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Violation::new(rule!(
            Code::SETTINGS_ERROR,
            "a switch that is neither 0 nor 1"
        ))),
    }
}

/// Bytes that [`write_preface`] needs at most: the type, a frame header of 2 bytes, two pairs of 16.
pub(crate) const PREFACE_MAX: usize = 1 + 2 + 2 * 16;

/// What our control stream begins with: its type and our SETTINGS. `grease` chooses the reserved setting that
/// a peer is to ignore.
///
/// The dynamic table's capacity and the streams it may block are 0, the defaults, and so are left out.
pub(crate) fn write_preface(
    out: &mut Writer<'_>,
    field_section_size: u64,
    grease: u32,
) -> Result<(), Full> {
    //= rfc9114#7.2.4.1
    let reserved = 0x1f * u64::from(grease) + 0x21;
    out.varint(stream_type::CONTROL)?;
    out.varint(frame::SETTINGS.into())?;
    // The length of two pairs is below 64: one byte, as a variable-length integer, too.
    out.vector_u8(|out| {
        out.varint(MAX_FIELD_SECTION_SIZE.into())?;
        out.varint(field_section_size)?;
        out.varint(reserved)?;
        out.varint(u64::from(grease))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn reading() -> Reading {
        Reading::NONE
    }
    use crate::codec::Reader;

    //= rfc9114#7.2.4 test
    //= rfc9114#7.2.4.1 test
    #[test]
    fn what_settings_may_not_say() {
        for identifier in [0, 2, 3, 4, 5] {
            let error = reading().pair(identifier, 0).unwrap_err();
            assert_eq!(error.code(), Code::SETTINGS_ERROR);
        }
        for identifier in [0x01, 0x06, 0x07, 0x08, 0x33] {
            let mut reading = Reading::NONE;
            assert_eq!(reading.pair(identifier, 1), Ok(()));
            let error = reading.pair(identifier, 1).unwrap_err();
            assert_eq!(error.code(), Code::SETTINGS_ERROR);
        }
        for identifier in [0x08, 0x33] {
            assert!(reading().pair(identifier, 2).is_err());
        }
    }

    #[test]
    fn unknown_settings_are_ignored() {
        let mut reading = Reading::NONE;
        for identifier in [0x21, 0x40, 0x2b603742, (1 << 62) - 1] {
            assert_eq!(reading.pair(identifier, 7), Ok(()));
            assert_eq!(reading.pair(identifier, 7), Ok(()));
        }
        assert_eq!(*reading.settings(), Settings::default());
    }

    //= rfc9114#6.2.1 test
    #[test]
    fn our_preface_is_a_control_stream_with_settings() {
        for grease in [0, 1, u32::MAX] {
            let mut buffer = [0; PREFACE_MAX];
            let mut writer = Writer::new(&mut buffer);
            write_preface(&mut writer, (1 << 62) - 1, grease).unwrap();
            let mut reader = Reader::new(writer.written());
            assert_eq!(reader.varint(), Ok(stream_type::CONTROL));
            assert_eq!(reader.varint(), Ok(frame::SETTINGS.into()));
            let length = reader.varint().unwrap();
            assert_eq!(length, reader.remaining() as u64);
            let mut reading = Reading::NONE;
            while !reader.is_empty() {
                let identifier = reader.varint().unwrap();
                if identifier != MAX_FIELD_SECTION_SIZE.into() {
                    assert_eq!((identifier - 0x21) % 0x1f, 0);
                }
                reading.pair(identifier, reader.varint().unwrap()).unwrap();
            }
            let size = reading.settings().max_field_section_size;
            assert_eq!(size, Some((1 << 62) - 1));
        }
    }
}

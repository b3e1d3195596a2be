//! The peer's encoder and decoder instructions (RFC 9204 §4.3 and §4.4), with a dynamic table of capacity 0
//! on both sides.
//!
//! Invariant: an instruction is read whole or not at all, so nothing is kept between calls.

use super::{Cursor, DECODER_STREAM_ERROR, ENCODER_STREAM_ERROR, Error, prefix};
use crate::codec::DecodeError;
use crate::wire::rule;

/// Reads the next instruction of the peer's encoder; `false` if it is not there whole.
///
/// # Errors
/// Every instruction but a capacity of 0: an entry cannot be inserted into a table without room.
//= rfc9204#4.3.1
pub fn read_encoder(cursor: &mut Cursor<'_>) -> Result<bool, Error> {
    let Some(&first) = cursor.piece().first() else {
        return Ok(false);
    };
    if first & 0b1110_0000 != 0b0010_0000 {
        return Err(Error::new(rule!(
            ENCODER_STREAM_ERROR,
            "an insert, and the capacity is 0"
        )));
    }
    match prefix::decode(cursor, 5) {
        Ok(0) => Ok(true),
        Err(DecodeError::UnexpectedEnd) => Ok(false),
        Ok(_) | Err(DecodeError::Invalid) => Err(Error::new(rule!(
            ENCODER_STREAM_ERROR,
            "a capacity above the announced 0"
        ))),
    }
}

/// Reads the next instruction of the peer's decoder; `false` if it is not there whole.
///
/// # Errors
/// Acknowledgements and increments: our encoder inserts and refers to nothing.
//= rfc9204#4.4.1
//= rfc9204#4.4.3
pub fn read_decoder(cursor: &mut Cursor<'_>) -> Result<bool, Error> {
    let Some(&first) = cursor.piece().first() else {
        return Ok(false);
    };
    match first >> 6 {
        0b00 => {
            return Err(Error::new(rule!(
                DECODER_STREAM_ERROR,
                "an increment without an insert"
            )));
        }
        0b01 => {}
        _ => {
            return Err(Error::new(rule!(
                DECODER_STREAM_ERROR,
                "an acknowledgement of no section"
            )));
        }
    }
    match prefix::decode(cursor, 6) {
        Ok(_) => Ok(true),
        Err(DecodeError::UnexpectedEnd) => Ok(false),
        Err(DecodeError::Invalid) => Err(Error::new(rule!(
            DECODER_STREAM_ERROR,
            "an integer of over 62 bits"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Read = fn(&mut Cursor<'_>) -> Result<bool, Error>;

    fn run(read: Read, bytes: &[u8]) -> (Result<bool, Error>, usize) {
        let mut cursor = Cursor::new(&bytes, 0, bytes.len());
        let result = read(&mut cursor);
        (result, cursor.position())
    }

    //= rfc9204#4.3.1 test
    #[test]
    fn an_encoder_may_only_set_capacity_zero() {
        assert_eq!(run(read_encoder, &[0x20, 0x20]), (Ok(true), 1));
        assert_eq!(run(read_encoder, &[]), (Ok(false), 0));
        assert_eq!(run(read_encoder, &[0x3f, 0x80]), (Ok(false), 0));
        for bytes in [
            &[0x21][..],
            &[0x3f, 0xbd, 0x01],
            &[0x00],
            &[0x41],
            &[0x80],
            &[0xc0],
            &[0x3f; 12],
            &[
                0x3f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
            ],
        ] {
            let (result, _) = run(read_encoder, bytes);
            assert_eq!(
                result.map(|_| ()).unwrap_err().rule().code(),
                0x201,
                "{bytes:x?}"
            );
        }
    }

    //= rfc9204#4.4.1 test
    //= rfc9204#4.4.3 test
    #[test]
    fn a_decoder_may_only_cancel_streams() {
        assert_eq!(run(read_decoder, &[0x40]), (Ok(true), 1));
        assert_eq!(run(read_decoder, &[0x7f, 0x80, 0x01]), (Ok(true), 3));
        assert_eq!(run(read_decoder, &[0x7f, 0x80]), (Ok(false), 0));
        assert_eq!(run(read_decoder, &[]), (Ok(false), 0));
        for bytes in [&[0x00][..], &[0x01], &[0x3f, 0x80], &[0x80], &[0xff, 0xff]] {
            let (result, _) = run(read_decoder, bytes);
            assert_eq!(
                result.map(|_| ()).unwrap_err().rule().code(),
                0x202,
                "{bytes:x?}"
            );
        }
    }
}

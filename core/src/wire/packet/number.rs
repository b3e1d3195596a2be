//! Packet numbers on the wire (RFC 9000 §17.1, appendix A.2 and A.3): the low bytes of a 62-bit number.
//!
//! Invariant: a number cut to [`encoded_length`] bytes decodes to itself at a receiver that has seen the
//! largest acknowledged packet and less than half a window beyond it.

use crate::codec::{Full, VarInt, Writer};

/// Bytes to send `full` with, 1 to 4, when `largest_acked` is the largest number the peer acknowledged.
///
/// Four bytes is all there is: a sender that runs 2^31 packets ahead of its peer has stopped long before.
//= rfc9000#17.1
pub const fn encoded_length(full: u64, largest_acked: Option<u64>) -> usize {
    let unacknowledged = match largest_acked {
        Some(largest) => full.saturating_sub(largest),
        None => full.saturating_add(1),
    };
    match unacknowledged {
        0..0x80 => 1,
        0x80..0x8000 => 2,
        0x8000..0x80_0000 => 3,
        _ => 4,
    }
}

/// The number whose lowest `bytes` bytes (1 to 4) are `truncated` and that is closest to the one after
/// `largest`, the largest number received in an authenticated packet of the space.
pub const fn decode(truncated: u64, bytes: usize, largest: Option<u64>) -> u64 {
    debug_assert!(bytes >= 1 && bytes <= 4, "a packet number has 1 to 4 bytes");
    let expected = match largest {
        Some(largest) if largest < VarInt::MAX.get() => largest + 1,
        Some(_) => VarInt::MAX.get(),
        None => 0,
    };
    // How far the number lies behind the expected one, of which only the low bits are known: as a signed
    // number it is the smallest distance.
    let unused = 32 - 8 * bytes as u32; // 1 to 4
    // The low halves, as said.
    let behind = (expected as u32).wrapping_sub(truncated as u32) << unused;
    let behind = behind.cast_signed() >> unused;
    let window = 1_u64 << (32 - unused);
    // Wider, with the sign: `From` is not const.
    match expected.checked_add_signed(-(behind as i64)) {
        Some(number) if number <= VarInt::MAX.get() => number,
        // Beyond the first or the last number it is the other one with these bits.
        Some(number) => number - window,
        None => expected.wrapping_sub(behind as u64).wrapping_add(window),
    }
}

/// Writes the lowest `length` bytes (1 to 4) of `number`; another length does not fit.
pub(super) fn encode(writer: &mut Writer<'_>, number: u64, length: usize) -> Result<(), Full> {
    if !(1..=4).contains(&length) {
        return Err(Full);
    }
    let bytes = number.to_be_bytes();
    writer.bytes(bytes.get(8 - length..).ok_or(Full)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    //= rfc9000#A.2 test
    #[test]
    fn sample_encoding_lengths() {
        assert_eq!(encoded_length(0xac5c02, Some(0xabe8b3)), 2);
        assert_eq!(encoded_length(0xace8fe, Some(0xabe8b3)), 3);
    }

    //= rfc9000#A.3 test
    #[test]
    fn sample_decoding() {
        assert_eq!(decode(0x9b32, 2, Some(0xa82f30ea)), 0xa82f9b32);
    }

    //= rfc9000#17.1 test
    #[test]
    fn more_than_twice_the_unacknowledged_range_is_represented() {
        for (ahead, length) in [
            (1, 1),
            (0x7f, 1),
            (0x80, 2),
            (0x7fff, 2),
            (0x8000, 3),
            (0x7f_ffff, 3),
            (0x80_0000, 4),
            (u64::MAX, 4),
        ] {
            assert_eq!(encoded_length(ahead, Some(0)), length, "{ahead:#x}");
            assert_eq!(encoded_length(ahead - 1, None), length, "{ahead:#x}");
        }
    }

    #[test]
    fn the_edges_of_the_number_space() {
        assert_eq!(decode(0, 1, None), 0);
        assert_eq!(decode(0xff, 1, None), 0xff);
        assert_eq!(decode(0xff, 1, Some(0)), 0xff);
        let last = VarInt::MAX.get();
        assert_eq!(decode(0xff, 1, Some(last)), last);
        assert_eq!(decode(0, 1, Some(last)), last - 0xff);
        assert_eq!(decode(0xffff_ffff, 4, Some(u64::MAX)), last);
    }

    proptest! {
        #[test]
        fn a_number_survives_at_any_receiver_inside_the_window(
            acked in proptest::option::of(0_u64..1 << 61),
            ahead in (0_u32..31, any::<u64>()).prop_map(|(bits, v)| 1 + (v & ((1 << bits) - 1))),
            received in any::<proptest::sample::Index>(),
        ) {
            let full = acked.map_or(ahead - 1, |acked| acked + ahead);
            let length = encoded_length(full, acked);
            let mut buffer = [0; 4];
            let mut writer = Writer::new(&mut buffer);
            encode(&mut writer, full, length).unwrap();
            let truncated = writer.written().iter().fold(0, |n, &b| n << 8 | u64::from(b));
            // The receiver has everything that was acknowledged, and perhaps more, up to one before.
            let largest = if full == 0 {
                None
            } else {
                let seen = received.index(usize::try_from(ahead).unwrap()) as u64;
                acked.map(|acked| acked + seen).or(seen.checked_sub(1))
            };
            prop_assert_eq!(decode(truncated, length, largest), full);
        }

        #[test]
        fn decoding_is_total(truncated: u64, bytes in 1_usize..=4, largest: Option<u64>) {
            let window = 1 << (8 * bytes);
            let number = decode(truncated, bytes, largest);
            prop_assert!(number <= VarInt::MAX.get());
            prop_assert_eq!(number % window, truncated % window);
        }
    }
}

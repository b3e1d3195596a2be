//! ACK frames (RFC 9000 §19.3): ranges of packet numbers, largest first, each relative to the one before.
//!
//! Invariant: the ranges of an [`Ack`] that was decoded are disjoint, descending and never below zero.

use core::ops::RangeInclusive;

use super::kind;
use crate::codec::{DecodeError, Full, Reader, VarInt, Writer};

/// The contents of an ACK frame; all ranges were checked when it was decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack<'a> {
    /// The largest number acknowledged.
    pub largest: u64,
    /// ACK Delay as it stands on the wire, before scaling by the peer's exponent.
    pub delay: u64,
    /// Length of the first range less one, at most `largest`.
    first_range: u64,
    /// How many further ranges there are.
    count: u64,
    /// The encoded further ranges.
    ranges: &'a [u8],
    /// The three counts, for the ECN variant.
    pub ecn: Option<EcnCounts>,
}

/// Cumulative ECN counts of an ACK frame (RFC 9000 §19.3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct EcnCounts {
    /// Packets received with ECT(0).
    pub ect0: u64,
    /// Packets received with ECT(1).
    pub ect1: u64,
    /// Packets received with ECN-CE.
    pub ce: u64,
}

impl<'a> Ack<'a> {
    /// The acknowledged ranges in descending order; never empty.
    pub fn ranges(&self) -> AckRanges<'a> {
        AckRanges {
            next: Some(self.largest.saturating_sub(self.first_range)..=self.largest),
            rest: Reader::new(self.ranges),
        }
    }

    /// Reads what follows the frame's type.
    pub(super) fn decode(reader: &mut Reader<'a>, kind: u64) -> Result<Self, DecodeError> {
        let largest = reader.varint()?;
        let delay = reader.varint()?;
        let count = reader.varint()?;
        let first_range = reader.varint()?;
        //= rfc9000#19.3.1
        let mut smallest = largest
            .checked_sub(first_range)
            .ok_or(DecodeError::Invalid)?;
        let mut ahead = *reader;
        // Each turn reads at least two bytes, so the payload bounds the loop whatever the count says.
        for _ in 0..count {
            smallest = *below(smallest, &mut ahead)?.start();
        }
        let ranges = reader.take(ahead.position() - reader.position())?;
        let ecn = match kind {
            kind::ACK_ECN => Some(EcnCounts {
                ect0: reader.varint()?,
                ect1: reader.varint()?,
                ce: reader.varint()?,
            }),
            _ => None,
        };
        Ok(Self {
            largest,
            delay,
            first_range,
            count,
            ranges,
            ecn,
        })
    }

    /// Writes what follows the frame's type.
    pub(super) fn encode_fields(&self, writer: &mut Writer<'_>) -> Result<(), Full> {
        writer.varint(self.largest)?;
        writer.varint(self.delay)?;
        writer.varint(self.count)?;
        writer.varint(self.first_range)?;
        writer.bytes(self.ranges)?;
        encode_ecn(writer, self.ecn)
    }

    /// Writes an ACK frame with its type, with as many of `ranges` as fit (at most 64), and returns how many that
    /// was.
    ///
    /// `ranges` are disjoint, not adjacent, and descending; what follows a range that is not so is left
    /// out. Nothing is written if not even the first fits, or if there is none. `delay` is scaled already.
    pub fn encode_ranges(
        writer: &mut Writer<'_>,
        delay: u64,
        ranges: impl Iterator<Item = RangeInclusive<u64>>,
        ecn: Option<EcnCounts>,
    ) -> Result<usize, Full> {
        let mut steps = Steps::new(ranges);
        let Some((largest, first_range)) = steps.first() else {
            return Err(Full);
        };
        let ecn_size = ecn.map_or(0, EcnCounts::size);
        writer.whole(|writer| {
            writer.varint(kind::ACK | u64::from(ecn.is_some()))?;
            writer.varint(largest)?;
            writer.varint(delay)?;
            let count_at = writer.len();
            writer.u8(0)?;
            writer.varint(first_range)?;
            let mut count = 0;
            for (gap, length) in steps.take(FURTHER_RANGES_MAX.into()) {
                let size = VarInt::size(gap) + VarInt::size(length);
                if size + ecn_size > writer.remaining() {
                    break;
                }
                writer.varint(gap)?;
                writer.varint(length)?;
                count += 1;
            }
            if let Some(field) = writer.written_mut().get_mut(count_at) {
                *field = count;
            }
            encode_ecn(writer, ecn)?;
            Ok(1 + usize::from(count))
        })
    }
}

/// Their number is written in one byte: nobody remembers more (`Limits::ack_ranges`).
const FURTHER_RANGES_MAX: u8 = 0x3f;

/// The ranges of an ACK frame, from the largest downwards.
#[derive(Clone, Debug)]
pub struct AckRanges<'a> {
    next: Option<RangeInclusive<u64>>,
    rest: Reader<'a>,
}

impl Iterator for AckRanges<'_> {
    type Item = RangeInclusive<u64>;

    fn next(&mut self) -> Option<Self::Item> {
        let current = self.next.take()?;
        self.next = below(*current.start(), &mut self.rest).ok();
        Some(current)
    }
}

/// Reads the range that follows one that starts at `smallest`.
fn below(smallest: u64, reader: &mut Reader<'_>) -> Result<RangeInclusive<u64>, DecodeError> {
    let gap = reader.varint()?;
    let length = reader.varint()?;
    // Neither overflows: both values are below 2^62.
    let largest = smallest.checked_sub(gap + 2).ok_or(DecodeError::Invalid)?;
    let smallest = largest.checked_sub(length).ok_or(DecodeError::Invalid)?;
    Ok(smallest..=largest)
}

/// Ranges as the wire has them: the gap to the one before, and the length less one.
struct Steps<I> {
    ranges: I,
    smallest: u64,
}

impl<I: Iterator<Item = RangeInclusive<u64>>> Steps<I> {
    fn new(ranges: I) -> Self {
        Self {
            ranges,
            smallest: 0,
        }
    }

    /// The largest number, and the first range's length less one.
    fn first(&mut self) -> Option<(u64, u64)> {
        let range = self.ranges.next()?;
        self.smallest = *range.start();
        Some((*range.end(), range.end().checked_sub(*range.start())?))
    }
}

impl<I: Iterator<Item = RangeInclusive<u64>>> Iterator for Steps<I> {
    type Item = (u64, u64);

    fn next(&mut self) -> Option<(u64, u64)> {
        let range = self.ranges.next()?;
        let gap = self.smallest.checked_sub(*range.end())?.checked_sub(2)?;
        self.smallest = *range.start();
        Some((gap, range.end().checked_sub(*range.start())?))
    }
}

impl EcnCounts {
    /// Bytes of the three counts on the wire.
    fn size(self) -> usize {
        VarInt::size(self.ect0) + VarInt::size(self.ect1) + VarInt::size(self.ce)
    }
}

fn encode_ecn(writer: &mut Writer<'_>, ecn: Option<EcnCounts>) -> Result<(), Full> {
    let Some(EcnCounts { ect0, ect1, ce }) = ecn else {
        return Ok(());
    };
    writer.varint(ect0)?;
    writer.varint(ect1)?;
    writer.varint(ce)
}

#[cfg(test)]
mod tests {
    use super::super::{Frame, Frames};
    use super::*;
    use crate::wire::Code;
    use proptest::prelude::*;
    use std::vec::Vec;

    fn decode(bytes: &[u8]) -> Ack<'_> {
        match Frames::new(bytes).next() {
            Some(Ok(Frame::Ack(ack))) => ack,
            other => panic!("{other:?}"),
        }
    }

    //= rfc9000#19.3.1 test
    #[test]
    fn ranges_follow_the_formula_of_the_rfc() {
        // Largest 20, delay 5, two further ranges; 20..=18, then 18 - 1 - 2 = 15..=12, then 12 - 0 - 2 = 10.
        let ack = decode(&[0x02, 20, 5, 2, 2, 1, 3, 0, 0]);
        let ranges: Vec<_> = ack.ranges().collect();
        assert_eq!(ranges, [18..=20, 12..=15, 10..=10]);
        assert_eq!((ack.largest, ack.delay, ack.ecn), (20, 5, None));
        let ack = decode(&[0x03, 0, 0, 0, 0, 1, 2, 3]);
        assert_eq!(ack.ranges().collect::<Vec<_>>(), [0..=0]);
        assert_eq!(
            ack.ecn,
            Some(EcnCounts {
                ect0: 1,
                ect1: 2,
                ce: 3
            })
        );
    }

    //= rfc9000#19.3.1 test
    #[test]
    fn numbers_below_zero_are_refused_at_the_edge() {
        let refused: [&[u8]; 4] = [
            &[0x02, 3, 0, 0, 4],
            &[0x02, 3, 0, 1, 3, 0, 0],
            &[0x02, 3, 0, 1, 2, 0, 0],
            &[0x02, 3, 0, 1, 0, 0, 2],
        ];
        for bytes in refused {
            let error = Frames::new(bytes).next().unwrap().unwrap_err();
            assert_eq!(error.code(), Code::FRAME_ENCODING_ERROR);
            assert_eq!(error.frame(), Some(2));
        }
        assert_eq!(decode(&[0x02, 3, 0, 0, 3]).ranges().count(), 1);
        assert_eq!(
            decode(&[0x02, 3, 0, 1, 0, 0, 1]).ranges().last(),
            Some(0..=1)
        );
    }

    #[test]
    fn a_count_beyond_the_payload_ends_with_an_error() {
        let mut bytes = std::vec![0x02, 0xff];
        bytes.extend([0xff; 7]);
        bytes.extend([0, 0xff]);
        bytes.extend([0xff; 7]);
        bytes.extend([0; 33]);
        assert!(Frames::new(&bytes).next().unwrap().is_err());
    }

    #[test]
    fn ranges_that_are_out_of_order_end_the_frame() {
        let mut buffer = [0; 64];
        let mut writer = Writer::new(&mut buffer);
        let ranges = [9..=10, 5..=7, 6..=6, 0..=0];
        assert_eq!(
            Ack::encode_ranges(&mut writer, 0, ranges.into_iter(), None),
            Ok(2)
        );
        assert_eq!(
            decode(writer.written()).ranges().collect::<Vec<_>>(),
            [9..=10, 5..=7]
        );
        let mut unused = [0; 64];
        let mut nothing = Writer::new(&mut unused);
        let none = core::iter::empty();
        assert_eq!(Ack::encode_ranges(&mut nothing, 0, none, None), Err(Full));
        assert!(nothing.is_empty());
    }

    fn descending() -> impl Strategy<Value = Vec<RangeInclusive<u64>>> {
        let step = (0_u64..100_000, 0_u64..70);
        (proptest::collection::vec(step, 1..90), 0_u64..1 << 40).prop_map(|(steps, base)| {
            let mut next = base;
            let mut ranges = Vec::new();
            for (gap, length) in steps {
                ranges.push(next..=next + length);
                next += length + 2 + gap;
            }
            ranges.reverse();
            ranges
        })
    }

    fn counts() -> impl Strategy<Value = Option<EcnCounts>> {
        let count = 0_u64..1 << 62;
        proptest::option::of(
            (count.clone(), count.clone(), count).prop_map(|(ect0, ect1, ce)| EcnCounts {
                ect0,
                ect1,
                ce,
            }),
        )
    }

    proptest! {
        #[test]
        fn what_fits_is_the_head_of_the_ranges(
            ranges in descending(),
            room in 0_usize..600,
            delay in 0_u64..1 << 20,
            ecn in counts(),
        ) {
            let mut buffer = std::vec![0; room];
            let mut writer = Writer::new(&mut buffer);
            let result = Ack::encode_ranges(&mut writer, delay, ranges.iter().cloned(), ecn);
            let Ok(written) = result else {
                prop_assert!(writer.is_empty());
                prop_assert!(room < 50);
                return Ok(());
            };
            prop_assert!(written >= 1);
            // Two varints of up to four bytes each are the most that another range would have taken.
            prop_assert!(written == ranges.len().min(64) || writer.remaining() < 10);
            let ack = decode(writer.written());
            prop_assert_eq!((ack.delay, ack.ecn), (delay, ecn));
            prop_assert_eq!(ack.largest, *ranges[0].end());
            let decoded: Vec<_> = ack.ranges().collect();
            prop_assert_eq!(&decoded[..], &ranges[..written]);
            let mut again = [0; 600];
            let mut copy = Writer::new(&mut again);
            Frame::Ack(ack).encode(&mut copy).unwrap();
            prop_assert_eq!(copy.written(), writer.written());
        }
    }
}

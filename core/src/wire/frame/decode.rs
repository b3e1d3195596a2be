//! From a decrypted payload to frames (RFC 9000 §12.4, §19).
//!
//! Invariant: every frame that comes out is legal by itself; after an error nothing comes any more.

use super::{Ack, Close, Frame, kind};
use crate::codec::{DecodeError, Reader, VarInt, to_u64};
use crate::wire::packet::CONNECTION_ID_MAX;
use crate::wire::{Code, Direction, Rule, StreamId, TransportError, rule};

/// The most streams of a kind that can ever be counted: identifiers end at 2^62 - 1.
const STREAMS_MAX: u64 = 1 << 60;

/// The frames of one packet, in their order.
///
/// An empty payload yields nothing; that it is a violation is for the caller to say.
#[derive(Clone, Debug)]
pub struct Frames<'a> {
    rest: Reader<'a>,
}

impl<'a> Frames<'a> {
    /// The frames in `payload`.
    pub const fn new(payload: &'a [u8]) -> Self {
        Self {
            rest: Reader::new(payload),
        }
    }

    /// Bytes of the payload that the frames so far took.
    pub const fn position(&self) -> usize {
        self.rest.position()
    }

    fn frame(&mut self) -> Result<Frame<'a>, TransportError> {
        let before = self.rest.position();
        let kind = self.rest.varint().map_err(|_| {
            TransportError::new(rule!(Code::FRAME_ENCODING_ERROR, "frame type cut short"))
        })?;
        //= rfc9000#12.4
        if self.rest.position() - before != VarInt::size(kind) {
            return Err(TransportError::new(rule!(
                Code::PROTOCOL_VIOLATION,
                "frame type not in its shortest encoding"
            ))
            .in_frame(kind));
        }
        fields(&mut self.rest, kind).map_err(|Fault(rule)| TransportError::new(rule).in_frame(kind))
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, TransportError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let frame = self.frame();
        if frame.is_err() {
            self.rest.rest();
        }
        Some(frame)
    }
}

/// What is wrong with a frame.
struct Fault(&'static Rule);

const SHORT: Fault = Fault(rule!(Code::FRAME_ENCODING_ERROR, "frame cut short"));

impl From<DecodeError> for Fault {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::UnexpectedEnd => SHORT,
            DecodeError::Invalid => {
                Self(rule!(Code::FRAME_ENCODING_ERROR, "illegal value in frame"))
            }
        }
    }
}

/// Reads the integers and the bytes that follow the type; of a STREAM frame without a length, all the rest.
fn parts<'a>(reader: &mut Reader<'a>, kind: u64) -> Result<([u64; 3], &'a [u8]), Fault> {
    //= rfc9000#12.4
    if !kind::is_known(kind) {
        return Err(Fault(rule!(
            Code::FRAME_ENCODING_ERROR,
            "unknown frame type"
        )));
    }
    let mut numbers = [0; 3];
    for number in numbers.iter_mut().take(kind::numbers(kind)) {
        *number = reader.varint()?;
    }
    let bytes = if kind::has_bytes(kind) {
        let length = reader.varint()?;
        reader.take_u64(length)?
    } else if kind::has_rest(kind) {
        reader.rest()
    } else {
        &[]
    };
    Ok((numbers, bytes))
}

/// Reads what follows the type.
fn fields<'a>(reader: &mut Reader<'a>, kind: u64) -> Result<Frame<'a>, Fault> {
    let (numbers, bytes) = parts(reader, kind)?;
    let [first, second, third] = numbers;
    let (id, limit) = (StreamId::decoded(first), second);
    Ok(match kind {
        kind::PADDING => padding(reader),
        kind::PING => Frame::Ping,
        kind::ACK | kind::ACK_ECN => Frame::Ack(Ack::decode(reader, kind)?),
        kind::RESET_STREAM => Frame::ResetStream {
            id,
            code: second,
            final_size: third,
        },
        kind::STOP_SENDING => Frame::StopSending { id, code: second },
        kind::CRYPTO => Frame::Crypto {
            //= rfc9000#19.6
            offset: within_stream(first, bytes)?,
            data: bytes,
        },
        kind::NEW_TOKEN => Frame::NewToken {
            token: token(bytes)?,
        },
        kind::STREAM..=kind::STREAM_LAST => Frame::Stream {
            id,
            //= rfc9000#19.8
            offset: within_stream(second, bytes)?,
            data: bytes,
            fin: kind & kind::STREAM_FIN != 0,
        },
        kind::MAX_DATA => Frame::MaxData { limit: first },
        kind::MAX_STREAM_DATA => Frame::MaxStreamData { id, limit },
        kind::MAX_STREAMS | kind::MAX_STREAMS_UNI => Frame::MaxStreams {
            direction: direction(kind),
            limit: streams(first)?,
        },
        kind::DATA_BLOCKED => Frame::DataBlocked { limit: first },
        kind::STREAM_DATA_BLOCKED => Frame::StreamDataBlocked { id, limit },
        kind::STREAMS_BLOCKED | kind::STREAMS_BLOCKED_UNI => Frame::StreamsBlocked {
            direction: direction(kind),
            limit: streams(first)?,
        },
        kind::NEW_CONNECTION_ID => new_connection_id(reader, first, second)?,
        kind::RETIRE_CONNECTION_ID => Frame::RetireConnectionId { sequence: first },
        kind::PATH_CHALLENGE => Frame::PathChallenge(reader.array()?),
        kind::PATH_RESPONSE => Frame::PathResponse(reader.array()?),
        kind::CONNECTION_CLOSE => Frame::ConnectionClose(Close::Transport {
            code: Code::new(first),
            frame: second,
            reason: bytes,
        }),
        kind::CONNECTION_CLOSE_APPLICATION => Frame::ConnectionClose(Close::Application {
            code: first,
            reason: bytes,
        }),
        #[cfg(feature = "ack-frequency")]
        kind::ACK_FREQUENCY => ack_frequency(reader, numbers)?,
        #[cfg(feature = "ack-frequency")]
        kind::IMMEDIATE_ACK => Frame::ImmediateAck,
        #[cfg(feature = "datagrams")]
        kind::DATAGRAM | kind::DATAGRAM_LEN => Frame::Datagram {
            data: bytes,
            has_length: kind == kind::DATAGRAM_LEN,
        },
        _ => Frame::HandshakeDone,
    })
}

#[cfg(feature = "ack-frequency")]
fn ack_frequency<'a>(reader: &mut Reader<'a>, numbers: [u64; 3]) -> Result<Frame<'a>, Fault> {
    let [sequence, threshold, delay_us] = numbers;
    Ok(Frame::AckFrequency {
        sequence,
        threshold,
        delay_us,
        reordering: reader.varint()?,
    })
}

/// The rest of a run of PADDING whose first byte is read.
fn padding<'a>(reader: &mut Reader<'a>) -> Frame<'a> {
    let mut length = 1;
    while reader.peek() == Some(0) && reader.take(1).is_ok() {
        length += 1;
    }
    Frame::Padding { length }
}

fn token(token: &[u8]) -> Result<&[u8], Fault> {
    //= rfc9000#19.7
    if token.is_empty() {
        return Err(Fault(rule!(Code::FRAME_ENCODING_ERROR, "empty token")));
    }
    Ok(token)
}

fn new_connection_id<'a>(
    reader: &mut Reader<'a>,
    sequence: u64,
    retire_prior_to: u64,
) -> Result<Frame<'a>, Fault> {
    let cid = reader.vector_u8()?.rest();
    let reset_token = reader.array()?;
    //= rfc9000#19.15
    if cid.is_empty() || cid.len() > CONNECTION_ID_MAX {
        return Err(Fault(rule!(
            Code::FRAME_ENCODING_ERROR,
            "connection ID not of 1 to 20 bytes"
        )));
    }
    //= rfc9000#19.15
    if retire_prior_to > sequence {
        return Err(Fault(rule!(
            Code::FRAME_ENCODING_ERROR,
            "retires more than it numbers"
        )));
    }
    Ok(Frame::NewConnectionId {
        sequence,
        retire_prior_to,
        cid,
        reset_token,
    })
}

/// A number of streams.
fn streams(limit: u64) -> Result<u64, Fault> {
    //= rfc9000#19.11
    //= rfc9000#19.14
    if limit > STREAMS_MAX {
        return Err(Fault(rule!(
            Code::FRAME_ENCODING_ERROR,
            "more than 2^60 streams"
        )));
    }
    Ok(limit)
}

const fn direction(kind: u64) -> Direction {
    if kind & 1 == 0 {
        Direction::Bidirectional
    } else {
        Direction::Unidirectional
    }
}

/// An offset that leaves room for `data`.
fn within_stream(offset: u64, data: &[u8]) -> Result<u64, Fault> {
    // Does not overflow: a varint plus the length of a payload.
    if offset.saturating_add(to_u64(data.len())) > VarInt::MAX.get() {
        return Err(Fault(rule!(
            Code::FRAME_ENCODING_ERROR,
            "data beyond offset 2^62 - 1"
        )));
    }
    Ok(offset)
}

#[cfg(test)]
mod tests {
    use super::super::EcnCounts;
    use super::*;
    use crate::codec::Writer;
    use crate::wire::Side;
    use proptest::prelude::*;
    use std::vec::Vec;

    fn only(bytes: &[u8]) -> Result<Frame<'_>, TransportError> {
        let mut frames = Frames::new(bytes);
        let frame = frames.next().expect("a frame");
        assert!(frames.next().is_none(), "{bytes:?}");
        frame
    }

    fn refused(bytes: &[u8], code: Code) {
        let error = only(bytes).expect_err("an illegal frame");
        assert_eq!(error.code(), code, "{bytes:?}");
        assert_eq!(error.frame(), Reader::new(bytes).varint().ok());
    }

    /// One frame of each of the 20 kinds and their variants, by number.
    fn sample(which: usize, [a, b, c]: [u64; 3], bytes: &[u8]) -> Frame<'_> {
        let id = StreamId::from_varint(VarInt::new(a).unwrap());
        let direction = direction(b);
        let tail = VarInt::MAX.get() - bytes.len() as u64;
        let eight = c.to_be_bytes();
        match which {
            0 => Frame::Padding {
                length: bytes.len() + 1,
            },
            1 => Frame::Ping,
            2 => Frame::ResetStream {
                id,
                code: b,
                final_size: c,
            },
            3 => Frame::StopSending { id, code: b },
            4 => Frame::Crypto {
                offset: b.min(tail),
                data: bytes,
            },
            5 if bytes.is_empty() => Frame::NewToken { token: &[1] },
            5 => Frame::NewToken { token: bytes },
            6 => Frame::Stream {
                id,
                offset: b.min(tail),
                data: bytes,
                fin: c & 1 == 0,
            },
            7 => Frame::Stream {
                id,
                offset: 0,
                data: bytes,
                fin: c & 1 == 0,
            },
            8 => Frame::MaxData { limit: a },
            9 => Frame::MaxStreamData { id, limit: b },
            10 => Frame::MaxStreams {
                direction,
                limit: c.min(STREAMS_MAX),
            },
            11 => Frame::DataBlocked { limit: a },
            12 => Frame::StreamDataBlocked { id, limit: b },
            13 => Frame::StreamsBlocked {
                direction,
                limit: c.min(STREAMS_MAX),
            },
            14 => Frame::NewConnectionId {
                sequence: a.max(b),
                retire_prior_to: a.min(b),
                cid: match bytes {
                    [] => &[9],
                    _ => &bytes[..bytes.len().min(CONNECTION_ID_MAX)],
                },
                reset_token: [a as u8; 16],
            },
            15 => Frame::RetireConnectionId { sequence: a },
            16 => Frame::PathChallenge(eight),
            17 => Frame::PathResponse(eight),
            18 => Frame::ConnectionClose(Close::Transport {
                code: Code::new(a),
                frame: b,
                reason: bytes,
            }),
            19 => Frame::ConnectionClose(Close::Application {
                code: a,
                reason: bytes,
            }),
            _ => Frame::HandshakeDone,
        }
    }

    /// How many different frames [`sample`] makes; ACK has its own tests.
    const SAMPLES: usize = 21;

    fn encoded(frame: &Frame<'_>) -> Vec<u8> {
        let mut buffer = std::vec![0xaa; 600];
        let mut writer = Writer::new(&mut buffer);
        frame.encode(&mut writer).unwrap();
        writer.written().to_vec()
    }

    fn number() -> impl Strategy<Value = u64> {
        (0_u32..62, any::<u64>()).prop_map(|(bits, value)| value & ((2 << bits) - 1))
    }

    proptest! {
        #[test]
        fn frames_round_trip_whole_or_not_at_all(
            which in 0..SAMPLES,
            numbers in [number(), number(), number()],
            bytes in proptest::collection::vec(any::<u8>(), 0..80),
            cut in any::<proptest::sample::Index>(),
        ) {
            let frame = sample(which, numbers, &bytes);
            let wire = encoded(&frame);
            prop_assert_eq!(only(&wire), Ok(frame));
            prop_assert_eq!(Reader::new(&wire).varint(), Ok(frame.kind()));
            prop_assert!(kind::name(frame.kind()).is_some());
            prop_assert_eq!(frame.is_ack_eliciting(), kind::is_ack_eliciting(frame.kind()));
            let room = cut.index(wire.len());
            let mut small = std::vec![0; room];
            let mut writer = Writer::new(&mut small);
            prop_assert!(frame.encode(&mut writer).is_err());
            prop_assert!(writer.is_empty());
            if which != 0 && room > 0 {
                prop_assert!(only(&wire[..room]).is_err());
            }
        }

        #[test]
        fn whatever_is_decoded_can_be_encoded_and_decoded_again(
            first in 0_u8..0x20,
            rest in proptest::collection::vec(prop_oneof![0_u8..4, any::<u8>()], 0..64),
        ) {
            let mut bytes = std::vec![first];
            bytes.extend(rest);
            for frame in Frames::new(&bytes) {
                let Ok(frame) = frame else {
                    continue;
                };
                if let Frame::Ack(ack) = frame {
                    prop_assert!(ack.ranges().count() > 0);
                }
                let wire = encoded(&frame);
                prop_assert_eq!(only(&wire), Ok(frame));
            }
        }
    }

    #[test]
    fn frames_come_in_order_and_padding_in_runs() {
        let payload = [0, 0, 0, 1, 0, 0x06, 5, 1, 7, 0x08, 4, 1, 2];
        let frames: Result<Vec<_>, _> = Frames::new(&payload).collect();
        let id = StreamId::new(Side::Client, Direction::Bidirectional, 1).unwrap();
        assert_eq!(
            frames.unwrap(),
            [
                Frame::Padding { length: 3 },
                Frame::Ping,
                Frame::Padding { length: 1 },
                Frame::Crypto {
                    offset: 5,
                    data: &[7]
                },
                Frame::Stream {
                    id,
                    offset: 0,
                    data: &[1, 2],
                    fin: false
                },
            ]
        );
        assert!(Frames::new(&[]).next().is_none());
    }

    #[test]
    fn nothing_comes_after_an_error() {
        let mut frames = Frames::new(&[0x01, 0x2f, 0x01]);
        assert_eq!(frames.next(), Some(Ok(Frame::Ping)));
        assert!(frames.next().unwrap().is_err());
        assert_eq!(frames.next(), None);
    }

    //= rfc9000#12.4 test
    #[test]
    fn unknown_and_long_types_are_refused() {
        #[cfg(not(feature = "ack-frequency"))]
        refused(&[0x1f], Code::FRAME_ENCODING_ERROR);
        refused(&[0x2f, 0], Code::FRAME_ENCODING_ERROR);
        #[cfg(not(feature = "datagrams"))]
        refused(&[0x30, 0], Code::FRAME_ENCODING_ERROR);
        refused(&[0x7f, 0xff, 0, 0], Code::FRAME_ENCODING_ERROR);
        refused(&[0x40, 0x01], Code::PROTOCOL_VIOLATION);
        refused(&[0x80, 0, 0, 0x1e], Code::PROTOCOL_VIOLATION);
        refused(&[0x40, 0x1f], Code::PROTOCOL_VIOLATION);
        let error = only(&[0x40]).unwrap_err();
        assert_eq!(
            (error.code(), error.frame()),
            (Code::FRAME_ENCODING_ERROR, None)
        );
    }

    //= rfc9000#19.6 test
    //= rfc9000#19.8 test
    #[test]
    fn data_ends_below_the_largest_offset() {
        // An offset of 2^62 - 2 with one byte, then with two.
        let offset = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe];
        for start in [&[0x06][..], &[0x0e, 0x00]] {
            let legal = [start, &offset, &[1, 9]].concat();
            assert!(only(&legal).is_ok());
            let illegal = [start, &offset, &[2, 9, 9]].concat();
            refused(&illegal, Code::FRAME_ENCODING_ERROR);
        }
        let illegal = [&[0x0c, 0x00][..], &offset, &[9, 9]].concat();
        refused(&illegal, Code::FRAME_ENCODING_ERROR);
    }

    //= rfc9000#19.11 test
    //= rfc9000#19.14 test
    #[test]
    fn streams_number_at_most_two_to_the_sixty() {
        for kind in [0x12, 0x13, 0x16, 0x17] {
            assert!(only(&[kind, 0xd0, 0, 0, 0, 0, 0, 0, 0]).is_ok());
            refused(
                &[kind, 0xd0, 0, 0, 0, 0, 0, 0, 1],
                Code::FRAME_ENCODING_ERROR,
            );
        }
    }

    //= rfc9000#19.15 test
    #[test]
    fn connection_ids_have_1_to_20_bytes_and_retire_only_older_ones() {
        let frame = |sequence: u8, retire: u8, length: u8| {
            let mut bytes = std::vec![0x18, sequence, retire, length];
            bytes.resize(4 + usize::from(length) + 16, 7);
            bytes
        };
        for length in [1, 20] {
            assert!(only(&frame(3, 3, length)).is_ok());
        }
        for length in [0, 21, 255] {
            refused(&frame(3, 3, length), Code::FRAME_ENCODING_ERROR);
        }
        refused(&frame(3, 4, 8), Code::FRAME_ENCODING_ERROR);
    }

    //= rfc9000#19.7 test
    #[test]
    fn an_empty_token_is_refused() {
        refused(&[0x07, 0], Code::FRAME_ENCODING_ERROR);
        assert_eq!(only(&[0x07, 1, 5]), Ok(Frame::NewToken { token: &[5] }));
    }

    #[cfg(feature = "ack-frequency")]
    #[test]
    fn requests_for_acknowledgements() {
        use crate::wire::packet::Space::{Application, Handshake};
        let wire = [0x40, 0xaf, 1, 10, 0x67, 0x10, 3];
        let frame = Frame::AckFrequency {
            sequence: 1,
            threshold: 10,
            delay_us: 10_000,
            reordering: 3,
        };
        assert_eq!(only(&wire), Ok(frame));
        assert_eq!(encoded(&frame), wire);
        assert_eq!(only(&[0x1f]), Ok(Frame::ImmediateAck));
        assert_eq!(encoded(&Frame::ImmediateAck), [0x1f]);
        for frame in [frame, Frame::ImmediateAck] {
            assert!(frame.is_ack_eliciting() && kind::is_ack_eliciting(frame.kind()));
            assert!(kind::check(frame.kind(), Application, Side::Client).is_ok());
            assert!(kind::check(frame.kind(), Handshake, Side::Client).is_err());
            assert!(!kind::is_allowed_in_zero_rtt(frame.kind()));
        }
        for cut in 3..wire.len() {
            refused(&wire[..cut], Code::FRAME_ENCODING_ERROR);
        }
    }

    //= rfc9221#4 test
    #[cfg(feature = "datagrams")]
    #[test]
    fn datagrams_with_and_without_their_length() {
        for (bytes, data, size) in [
            (&[0x30][..], &[][..], 1),
            (&[0x30, 5, 6], &[5, 6], 3),
            (&[0x31, 0], &[], 2),
            (&[0x31, 2, 5, 6], &[5, 6], 4),
        ] {
            let frame = only(bytes).unwrap();
            let has_length = bytes[0] == 0x31;
            assert_eq!(frame, Frame::Datagram { data, has_length });
            assert_eq!(
                (encoded(&frame), frame.datagram_size()),
                (bytes.to_vec(), size)
            );
            assert!(frame.is_ack_eliciting() && kind::name(frame.kind()) == Some("DATAGRAM"));
        }
        refused(&[0x31, 3, 5, 6], Code::FRAME_ENCODING_ERROR);
        refused(&[0x31], Code::FRAME_ENCODING_ERROR);
        let mut frames = Frames::new(&[0x31, 1, 9, 0x01]);
        assert!(frames.next().unwrap().is_ok());
        assert_eq!(frames.next(), Some(Ok(Frame::Ping)));
    }

    #[test]
    fn every_type_of_the_table_is_decoded_and_no_other() {
        let mut seen = [false; 0x20];
        for which in 0..SAMPLES {
            for numbers in [[70, 1, 2], [70, 0, 1], [70, 2, 1]] {
                let wire = encoded(&sample(which, numbers, &[1, 2, 3]));
                seen[only(&wire).unwrap().kind() as usize] = true;
            }
        }
        for ecn in [None, Some(EcnCounts::default())] {
            let mut buffer = [0; 16];
            let mut writer = Writer::new(&mut buffer);
            Ack::encode_ranges(&mut writer, 1, core::iter::once(2..=3), ecn).unwrap();
            seen[only(writer.written()).unwrap().kind() as usize] = true;
        }
        for bare in [0x08, 0x09, 0x0c, 0x0d] {
            assert!(matches!(
                only(&[bare, 1, 2, 3]),
                Ok(Frame::Stream { fin, .. }) if fin == (bare & 1 != 0)
            ));
            seen[usize::from(bare)] = true;
        }
        for kind in 0..0x1f {
            assert_eq!(seen[kind as usize], kind::name(kind).is_some(), "{kind:#x}");
        }
    }
}

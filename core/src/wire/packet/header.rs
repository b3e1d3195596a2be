//! Packet headers (RFC 9000 §17.2, §17.3): where the parts of a packet are, and how they are written.
//!
//! Invariant: all ranges and offsets of a decoded [`Header`] lie inside the datagram it was read from,
//! in the order `start <= token <= number_offset <= end`.

use core::ops::Range;

use super::{CONNECTION_ID_MAX, ConnectionId, FIXED, KEY_PHASE, Kind, LONG, SPIN, Version, number};
use crate::codec::{DecodeError, Full, Reader, Writer, to_u64};

/// Bytes of the integrity tag at the end of a Retry packet.
const RETRY_TAG_LENGTH: usize = 16;

/// A packet's header, without what header protection hides.
///
/// Plain numbers, because the datagram it was read from is decrypted in place afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// What kind of packet.
    pub kind: Kind,
    /// The version; [`Version::V1`] for short headers, which do not say.
    pub version: Version,
    /// Whom the packet is for.
    pub destination: ConnectionId,
    /// Whom answers go to; empty for short headers.
    pub source: ConnectionId,
    /// Where the packet starts in the datagram.
    pub start: usize,
    /// Where in the datagram the token of an Initial packet is, the token of a Retry packet (without
    /// the integrity tag), or the list of a Version Negotiation packet; else empty.
    pub token: Range<usize>,
    /// Where in the datagram the packet number is; `end` for the kinds without one.
    pub number_offset: usize,
    /// Where in the datagram the packet ends and the next may start.
    pub end: usize,
}

/// Why bytes are no packet that can be used; the rest of the datagram is discarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum HeaderError {
    /// The datagram ends inside the header, or before the length it announces.
    Truncated,
    /// The fixed bit is zero.
    FixedBit,
    /// A version that this engine does not speak.
    Version(Version),
    /// A connection ID of more than 20 bytes.
    ConnectionIdTooLong,
    /// A Retry packet without a token.
    EmptyToken,
    /// A Version Negotiation packet without versions, or with a torn one.
    VersionList,
}

impl core::fmt::Display for HeaderError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Truncated => "packet is cut short",
            Self::FixedBit => "fixed bit is zero",
            Self::Version(version) => return write!(f, "version {version} is not supported"),
            Self::ConnectionIdTooLong => "connection ID has more than 20 bytes",
            Self::EmptyToken => "Retry without a token",
            Self::VersionList => "Version Negotiation without a whole list",
        })
    }
}

impl core::error::Error for HeaderError {}

impl From<DecodeError> for HeaderError {
    fn from(_: DecodeError) -> Self {
        Self::Truncated
    }
}

impl Header {
    /// Reads the header of the packet at `start` of `datagram`.
    ///
    /// `local_cid_len` is the length of our connection IDs, which short headers do not tell. After an
    /// error, what remains of the datagram cannot be divided into packets.
    pub fn decode(
        datagram: &[u8],
        start: usize,
        local_cid_len: usize,
    ) -> Result<Self, HeaderError> {
        let packet = datagram.get(start..).ok_or(HeaderError::Truncated)?;
        let mut reader = Reader::new(packet);
        let mut header = Self {
            kind: Kind::Short,
            version: Version::V1,
            destination: ConnectionId::EMPTY,
            source: ConnectionId::EMPTY,
            start,
            token: start..start,
            number_offset: datagram.len(),
            end: datagram.len(),
        };
        let first = reader.u8()?;
        if first & LONG != 0 {
            header.version = Version(reader.u32()?);
            if header.version == Version::NEGOTIATION {
                header.version_list(&mut reader)?;
                return Ok(header);
            }
            if !header.version.is_known() {
                return Err(HeaderError::Version(header.version));
            }
        }
        //= rfc9000#17.2
        //= rfc9000#17.3.1
        //= rfc9287#3
        // Whoever says that it takes packets without the bit does so from its first packet on.
        if !cfg!(feature = "grease") && first & FIXED == 0 {
            return Err(HeaderError::FixedBit);
        }
        if first & LONG != 0 {
            header.long(first, &mut reader)?;
        } else {
            header.destination = ConnectionId::new(reader.take(local_cid_len)?)
                .ok_or(HeaderError::ConnectionIdTooLong)?;
            header.number_offset = start + reader.position();
            header.token = header.number_offset..header.number_offset;
        }
        Ok(header)
    }

    fn connection_ids(&mut self, reader: &mut Reader<'_>) -> Result<(), HeaderError> {
        self.destination = connection_id(reader)?;
        self.source = connection_id(reader)?;
        Ok(())
    }

    fn version_list(&mut self, reader: &mut Reader<'_>) -> Result<(), HeaderError> {
        self.kind = Kind::VersionNegotiation;
        self.connection_ids(reader)?;
        //= rfc8999#6
        if reader.is_empty() || !reader.remaining().is_multiple_of(4) {
            return Err(HeaderError::VersionList);
        }
        self.token = self.start + reader.position()..self.end;
        Ok(())
    }

    fn long(&mut self, first: u8, reader: &mut Reader<'_>) -> Result<(), HeaderError> {
        self.connection_ids(reader)?;
        self.kind = self.version.kind((first >> 4) & 3);
        let token_length = match self.kind {
            Kind::Initial => reader.varint()?,
            Kind::Retry => {
                let length = reader.remaining().checked_sub(RETRY_TAG_LENGTH);
                to_u64(length.ok_or(HeaderError::Truncated)?)
            }
            _ => 0,
        };
        let token = self.start + reader.position();
        self.token = token..token + reader.take_u64(token_length)?.len();
        if self.kind == Kind::Retry {
            //= rfc9000#17.2.5.2
            return match token_length {
                0 => Err(HeaderError::EmptyToken),
                _ => Ok(()),
            };
        }
        let length = reader.varint()?;
        self.number_offset = self.start + reader.position();
        self.end = self.number_offset + reader.take_u64(length)?.len();
        Ok(())
    }
}

fn connection_id(reader: &mut Reader<'_>) -> Result<ConnectionId, HeaderError> {
    // The length is judged before the bytes are looked for: a longer one is refused, not waited for.
    if usize::from(reader.peek().ok_or(HeaderError::Truncated)?) > CONNECTION_ID_MAX {
        return Err(HeaderError::ConnectionIdTooLong);
    }
    let bytes = reader.vector_u8()?.rest();
    ConnectionId::new(bytes).ok_or(HeaderError::ConnectionIdTooLong)
}

/// A long header with a packet number, to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongHeader<'a> {
    /// Initial, 0-RTT or Handshake.
    pub kind: Kind,
    /// The version.
    pub version: Version,
    /// Whom the packet is for.
    pub destination: ConnectionId,
    /// Whom answers go to.
    pub source: ConnectionId,
    /// The token of an Initial packet; not written for other kinds.
    pub token: &'a [u8],
}

/// Where the parts of a written long header are, counted from the start of the writer's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongEncoded {
    /// The Length field, for [`patch_length`].
    pub length_at: usize,
    /// The packet number.
    pub number_at: usize,
}

impl LongHeader<'_> {
    /// Writes the header with the lowest `number_length` bytes (1 to 4) of `number`, whole or not at all.
    ///
    /// The Length field takes two bytes and says 0 until [`patch_length`]. A kind without a packet
    /// number is refused like one that does not fit.
    pub fn encode(
        &self,
        writer: &mut Writer<'_>,
        number: u64,
        number_length: usize,
    ) -> Result<LongEncoded, Full> {
        let kind = match self.kind {
            Kind::Retry => None,
            kind => self.version.kind_bits(kind),
        };
        let first = LONG | FIXED | kind.ok_or(Full)? << 4 | length_bits(number_length)?;
        writer.whole(|writer| {
            invariant_part(writer, first, self.version, &self.destination, &self.source)?;
            if self.kind == Kind::Initial {
                writer.varint(to_u64(self.token.len()))?;
                writer.bytes(self.token)?;
            }
            let length_at = writer.len();
            writer.varint_sized(0, 2)?;
            let number_at = writer.len();
            number::encode(writer, number, number_length)?;
            Ok(LongEncoded {
                length_at,
                number_at,
            })
        })
    }
}

/// Sets the Length field at `length_at` to `value` bytes (number, payload and tag), at most 16,383.
pub fn patch_length(buffer: &mut [u8], length_at: usize, value: u16) {
    debug_assert!(value < 0x4000, "a Length of two bytes holds 14 bits");
    let field = buffer
        .get_mut(length_at..)
        .and_then(<[u8]>::first_chunk_mut);
    debug_assert!(field.is_some(), "the Length field lies in the buffer");
    if let Some(field) = field {
        *field = (0x4000 | (value & 0x3fff)).to_be_bytes();
    }
}

/// Writes a short header whole, or nothing; returns where the packet number is in the writer's buffer.
pub fn encode_short(
    writer: &mut Writer<'_>,
    destination: &ConnectionId,
    spin: bool,
    key_phase: bool,
    number: u64,
    number_length: usize,
) -> Result<usize, Full> {
    let spin = if spin { SPIN } else { 0 };
    let key_phase = if key_phase { KEY_PHASE } else { 0 };
    let first = FIXED | spin | key_phase | length_bits(number_length)?;
    writer.whole(|writer| {
        writer.u8(first)?;
        writer.bytes(destination.as_slice())?;
        let number_at = writer.len();
        number::encode(writer, number, number_length)?;
        Ok(number_at)
    })
}

/// Writes a Retry packet up to its integrity tag, whole or not at all.
pub fn encode_retry(
    writer: &mut Writer<'_>,
    version: Version,
    destination: &ConnectionId,
    source: &ConnectionId,
    token: &[u8],
) -> Result<(), Full> {
    writer.whole(|writer| {
        // The four unused bits are set, as in the example of RFC 9001 appendix A.4.
        let kind = version.kind_bits(Kind::Retry).ok_or(Full)?;
        let first = LONG | FIXED | kind << 4 | 0x0f;
        invariant_part(writer, first, version, destination, source)?;
        writer.bytes(token)
    })
}

/// What the long headers of all versions have in common (RFC 8999 §5.1).
fn invariant_part(
    writer: &mut Writer<'_>,
    first: u8,
    version: Version,
    destination: &ConnectionId,
    source: &ConnectionId,
) -> Result<(), Full> {
    writer.u8(first)?;
    writer.u32(version.0)?;
    writer.vector_u8(|writer| writer.bytes(destination.as_slice()))?;
    writer.vector_u8(|writer| writer.bytes(source.as_slice()))
}

/// The two bits of the first byte that tell the length of the packet number.
fn length_bits(number_length: usize) -> Result<u8, Full> {
    match number_length {
        1..=4 => Ok(number_length as u8 - 1), // one digit
        _ => Err(Full),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{has_reserved_bits, is_long, key_phase, number_length, spin};
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    fn cid(bytes: &[u8]) -> ConnectionId {
        ConnectionId::new(bytes).unwrap()
    }

    //= rfc9001#A.2 test
    #[test]
    fn the_client_initial_of_the_appendix() {
        let header = LongHeader {
            kind: Kind::Initial,
            version: Version::V1,
            destination: cid(&[0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08]),
            source: ConnectionId::EMPTY,
            token: &[],
        };
        let mut buffer = [0; 1200];
        let mut writer = Writer::new(&mut buffer);
        let at = header.encode(&mut writer, 2, 4).unwrap();
        patch_length(writer.written_mut(), at.length_at, 1182);
        let expected = [
            0xc3, 0, 0, 0, 1, 8, 0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08, 0, 0, 0x44, 0x9e,
            0, 0, 0, 2,
        ];
        assert_eq!(writer.written(), expected);
        let decoded = Header::decode(&buffer, 0, 0).unwrap();
        assert_eq!(decoded.kind, Kind::Initial);
        assert_eq!((decoded.number_offset, decoded.end), (18, 1200));
        assert_eq!(decoded.destination, header.destination);
    }

    //= rfc9001#A.4 test
    #[test]
    fn the_retry_of_the_appendix() {
        let mut buffer = [0; 64];
        let mut writer = Writer::new(&mut buffer);
        let source = cid(&[0xf0, 0x67, 0xa5, 0x50, 0x2a, 0x42, 0x62, 0xb5]);
        encode_retry(
            &mut writer,
            Version::V1,
            &ConnectionId::EMPTY,
            &source,
            b"token",
        )
        .unwrap();
        assert_eq!(
            writer.written(),
            [
                0xff, 0, 0, 0, 1, 0, 8, 0xf0, 0x67, 0xa5, 0x50, 0x2a, 0x42, 0x62, 0xb5, b't', b'o',
                b'k', b'e', b'n'
            ]
        );
        writer.bytes(&[7; 16]).unwrap();
        let header = Header::decode(writer.written(), 0, 0).unwrap();
        assert_eq!((header.kind, header.source), (Kind::Retry, source));
        assert_eq!((header.token, header.end), (15..20, 36));
    }

    //= rfc9000#17.2.5.2 test
    #[test]
    fn a_retry_without_a_token_is_discarded() {
        let mut packet = std::vec![0xf0, 0, 0, 0, 1, 0, 0];
        packet.extend([7; 15]);
        assert_eq!(Header::decode(&packet, 0, 0), Err(HeaderError::Truncated));
        packet.push(7);
        assert_eq!(Header::decode(&packet, 0, 0), Err(HeaderError::EmptyToken));
        packet.push(7);
        assert_eq!(Header::decode(&packet, 0, 0).unwrap().token, 7..8);
    }

    //= rfc9000#17.2 test
    //= rfc9000#17.3.1 test
    #[test]
    fn packets_of_no_use_are_told_apart() {
        let long = |first: u8, version: u8, destination: u8| {
            let mut packet = std::vec![first, 0, 0, 0, version, destination];
            packet.extend([0; 60]);
            packet
        };
        let decode = |packet: &[u8]| Header::decode(packet, 0, 4).map(|header| header.kind);
        assert_eq!(decode(&long(0xe0, 1, 20)), Ok(Kind::Handshake));
        assert_eq!(decode(&long(0xd0, 1, 20)), Ok(Kind::ZeroRtt));
        assert_eq!(
            decode(&long(0xe0, 1, 21)),
            Err(HeaderError::ConnectionIdTooLong)
        );
        //= rfc9287#3 test
        let greased = |kind| {
            if cfg!(feature = "grease") {
                Ok(kind)
            } else {
                Err(HeaderError::FixedBit)
            }
        };
        assert_eq!(decode(&long(0x80, 1, 0)), greased(Kind::Initial));
        assert_eq!(
            decode(&long(0xc0, 9, 0)),
            Err(HeaderError::Version(Version(9)))
        );
        assert_eq!(decode(&[0x40, 1, 2, 3, 4]), Ok(Kind::Short));
        assert_eq!(decode(&[0x40, 1, 2, 3]), Err(HeaderError::Truncated));
        assert_eq!(decode(&[0x00; 40]), greased(Kind::Short));
        assert_eq!(decode(&[]), Err(HeaderError::Truncated));
        assert_eq!(
            Header::decode(&[0x40; 40], 0, 21),
            Err(HeaderError::ConnectionIdTooLong)
        );
        assert_eq!(
            Header::decode(&[0x40; 4], 5, 0),
            Err(HeaderError::Truncated)
        );
    }

    //= rfc8999#6 test
    #[test]
    fn a_version_list_is_whole_and_not_empty() {
        let mut packet = std::vec![0x80, 0, 0, 0, 0, 1, 9, 0];
        for length in 0..12 {
            let result = Header::decode(&packet, 0, 0).map(|header| header.token);
            if length > 0 && length % 4 == 0 {
                assert_eq!(result, Ok(8..8 + length));
            } else {
                assert_eq!(result, Err(HeaderError::VersionList));
            }
            packet.push(1);
        }
    }

    #[test]
    fn coalesced_packets_are_walked_to_the_end() {
        let mut buffer = [0; 200];
        let mut writer = Writer::new(&mut buffer);
        for (kind, token) in [
            (Kind::Initial, &b"abc"[..]),
            (Kind::Handshake, b"never written"),
        ] {
            let header = LongHeader {
                kind,
                version: Version::V1,
                destination: cid(&[1, 2, 3, 4]),
                source: cid(&[5]),
                token,
            };
            let at = header.encode(&mut writer, 0x1234, 2).unwrap();
            writer.zeros(30).unwrap();
            patch_length(writer.written_mut(), at.length_at, 32);
        }
        let number_at = encode_short(&mut writer, &cid(&[1, 2, 3, 4]), true, true, 7, 1).unwrap();
        writer.zeros(20).unwrap();
        let datagram = writer.written();

        let mut start = 0;
        let mut kinds = Vec::new();
        while start < datagram.len() {
            let header = Header::decode(datagram, start, 4).unwrap();
            assert_eq!(header.start, start);
            assert_eq!(header.destination.as_slice(), &[1, 2, 3, 4]);
            let first = datagram[start];
            assert!(!has_reserved_bits(first));
            let length = number_length(first);
            let number = &datagram[header.number_offset..][..length];
            match header.kind {
                Kind::Short => {
                    assert_eq!((number, header.number_offset), (&[7][..], number_at));
                    assert!(spin(first) && key_phase(first) && !is_long(first));
                }
                _ => assert_eq!(number, &[0x12, 0x34]),
            }
            kinds.push((header.kind, datagram[header.token.clone()].to_vec()));
            start = header.end;
        }
        assert_eq!(
            kinds,
            [
                (Kind::Initial, b"abc".to_vec()),
                (Kind::Handshake, Vec::new()),
                (Kind::Short, Vec::new())
            ]
        );
    }

    #[test]
    fn reserved_bits_are_where_the_form_has_them() {
        for first in 0..=u8::MAX {
            let mask = if first >= 0x80 { 0x0c } else { 0x18 };
            assert_eq!(has_reserved_bits(first), first & mask != 0);
        }
    }

    #[test]
    fn a_header_that_cannot_be_written_leaves_no_trace() {
        let header = LongHeader {
            kind: Kind::Initial,
            version: Version::V1,
            destination: cid(&[1; 20]),
            source: cid(&[2; 20]),
            token: &[3; 10],
        };
        let whole = 1 + 4 + 21 + 21 + 11 + 2 + 4;
        for room in 0..whole {
            let mut buffer = std::vec![0; room];
            let mut writer = Writer::new(&mut buffer);
            assert_eq!(header.encode(&mut writer, 0, 4), Err(Full));
            assert!(writer.is_empty());
        }
        let mut buffer = [0; 100];
        let mut writer = Writer::new(&mut buffer);
        for length in [0, 5] {
            assert!(header.encode(&mut writer, 0, length).is_err());
            let short = encode_short(&mut writer, &header.source, false, false, 0, length);
            assert!(short.is_err());
        }
        for kind in [Kind::Retry, Kind::VersionNegotiation, Kind::Short] {
            assert!(
                LongHeader { kind, ..header }
                    .encode(&mut writer, 0, 4)
                    .is_err()
            );
        }
        assert!(writer.is_empty());
        assert!(header.encode(&mut writer, 0, 4).is_ok());
        assert_eq!(writer.len(), whole);
    }

    proptest! {
        #[test]
        fn whatever_arrives_stays_inside_the_datagram(
            first: u8,
            version in 0_u8..3,
            rest in proptest::collection::vec(prop_oneof![0_u8..24, any::<u8>()], 0..80),
            start in 0_usize..20,
            local_cid_len in 0_usize..=20,
        ) {
            let mut datagram = std::vec![0xff; start];
            datagram.extend([first, 0, 0, 0, version]);
            datagram.extend(rest);
            if let Ok(header) = Header::decode(&datagram, start, local_cid_len) {
                prop_assert_eq!(header.start, start);
                prop_assert!(start < header.token.start);
                prop_assert!(header.token.start <= header.token.end);
                prop_assert!(header.token.end <= header.number_offset);
                prop_assert!(header.number_offset <= header.end);
                prop_assert!(header.end <= datagram.len());
                for cut in start..header.end {
                    let again = Header::decode(&datagram[..cut], start, local_cid_len);
                    prop_assert_ne!(again.map(|header| header.end), Ok(header.end));
                }
            }
        }
    }
}

//! Transport parameters (RFC 9000 §7.4, §18; RFC 9221 §3): what an endpoint promises and limits.
//!
//! Invariant: parameters that were decoded are legal for the side that sent them, one by one and together.

use core::net::{SocketAddrV4, SocketAddrV6};

#[cfg(feature = "v2")]
use super::VersionInformation;
use super::packet::ConnectionId;
use super::{Code, Side, TransportError};
use crate::codec::{DecodeError, Full, Reader, VarInt, Writer, to_u64};
use crate::wire::rule;

/// One endpoint's transport parameters; [`Self::DEFAULT`] is what it says by leaving all out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransportParameters {
    /// Server only: the destination of the client's very first packet.
    pub original_destination_connection_id: Option<ConnectionId>,
    /// Milliseconds without traffic after which the connection ends; 0 for no such limit.
    pub max_idle_timeout_ms: u64,
    /// Server only: what a stateless reset of the handshake's connection ID ends with.
    pub stateless_reset_token: Option<[u8; 16]>,
    /// The largest UDP payload worth sending to the endpoint, in bytes, at least 1,200.
    pub max_udp_payload_size: u64,
    /// Bytes that may be sent to it on all streams together.
    pub initial_max_data: u64,
    /// Bytes that may be sent to it on each bidirectional stream it opens.
    pub initial_max_stream_data_bidi_local: u64,
    /// Bytes that may be sent to it on each bidirectional stream its peer opens.
    pub initial_max_stream_data_bidi_remote: u64,
    /// Bytes that may be sent to it on each unidirectional stream its peer opens.
    pub initial_max_stream_data_uni: u64,
    /// Bidirectional streams its peer may open, at most 2^60.
    pub initial_max_streams_bidi: u64,
    /// Unidirectional streams its peer may open, at most 2^60.
    pub initial_max_streams_uni: u64,
    /// The power of two that its ACK Delay fields are to be multiplied by, at most 20.
    pub ack_delay_exponent: u64,
    /// Milliseconds by which it delays acknowledgements at most, below 2^14.
    pub max_ack_delay_ms: u64,
    /// It must not be sent to from a new address.
    pub disable_active_migration: bool,
    /// Server only: where it would rather be reached after the handshake.
    pub preferred_address: Option<PreferredAddress>,
    /// Connection IDs of its peer that it keeps, at least 2.
    pub active_connection_id_limit: u64,
    /// The source of its first packet; every endpoint has to say.
    pub initial_source_connection_id: Option<ConnectionId>,
    /// Server only: the source of its Retry packet, if it sent one.
    pub retry_source_connection_id: Option<ConnectionId>,
    /// Bytes of the largest DATAGRAM frame it accepts; 0 if it accepts none (RFC 9221 §3).
    pub max_datagram_frame_size: u64,
    /// It takes requests for acknowledgements, and can hold them back for so many microseconds
    /// (draft-ietf-quic-ack-frequency).
    #[cfg(feature = "ack-frequency")]
    pub min_ack_delay_us: Option<u64>,
    /// It takes packets whose QUIC bit is 0 (RFC 9287 §3).
    #[cfg(feature = "grease")]
    pub grease_quic_bit: bool,
    /// The version it has chosen, and what else it speaks (RFC 9368 §3).
    #[cfg(feature = "v2")]
    pub version_information: Option<VersionInformation>,
}

/// Where a server would rather be reached, with a connection ID of sequence number 1 for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreferredAddress {
    /// Its IPv4 address, unless it was all zero.
    pub ipv4: Option<SocketAddrV4>,
    /// Its IPv6 address, unless it was all zero.
    pub ipv6: Option<SocketAddrV6>,
    /// 1 to 20 bytes.
    pub connection_id: ConnectionId,
    /// What a stateless reset for that connection ID ends with.
    pub reset_token: [u8; 16],
}

impl Default for TransportParameters {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl TransportParameters {
    /// What holds for a parameter that is absent.
    pub const DEFAULT: Self = Self {
        original_destination_connection_id: None,
        max_idle_timeout_ms: 0,
        stateless_reset_token: None,
        max_udp_payload_size: 65_527,
        initial_max_data: 0,
        initial_max_stream_data_bidi_local: 0,
        initial_max_stream_data_bidi_remote: 0,
        initial_max_stream_data_uni: 0,
        initial_max_streams_bidi: 0,
        initial_max_streams_uni: 0,
        ack_delay_exponent: 3,
        max_ack_delay_ms: 25,
        disable_active_migration: false,
        preferred_address: None,
        active_connection_id_limit: 2,
        initial_source_connection_id: None,
        retry_source_connection_id: None,
        max_datagram_frame_size: 0,
        #[cfg(feature = "ack-frequency")]
        min_ack_delay_us: None,
        #[cfg(feature = "grease")]
        grease_quic_bit: false,
        #[cfg(feature = "v2")]
        version_information: None,
    };

    /// Reads the parameters that `from` sent.
    ///
    /// Unknown ones are skipped. Every illegal, repeated or torn one, and one that only a server may
    /// send, is a TRANSPORT_PARAMETER_ERROR. Whether the connection IDs are the right ones is for
    /// [`Self::check_server_ids`].
    pub fn decode(bytes: &[u8], from: Side) -> Result<Self, TransportError> {
        let mut parameters = Self::DEFAULT;
        let mut seen = 0_u32;
        let mut reader = Reader::new(bytes);
        while !reader.is_empty() {
            let (id, value) = one(&mut reader).map_err(|_| torn())?;
            //= rfc9000#7.4.2
            let Some(bit) = known(id) else { continue };
            //= rfc9000#7.4
            if seen & bit != 0 {
                return Err(TransportError::new(rule!(
                    Code::TRANSPORT_PARAMETER_ERROR,
                    "transport parameter sent twice"
                )));
            }
            seen |= bit;
            //= rfc9000#18.2
            if from == Side::Client && bit & SERVERS != 0 {
                return Err(TransportError::new(rule!(
                    Code::TRANSPORT_PARAMETER_ERROR,
                    "transport parameter that only a server may send"
                )));
            }
            parameters.set(id, value)?;
        }
        //= rfc9000#18.2
        if parameters.preferred_address.is_some()
            && parameters.initial_source_connection_id == Some(ConnectionId::EMPTY)
        {
            return Err(TransportError::new(rule!(
                Code::TRANSPORT_PARAMETER_ERROR,
                "preferred_address without connection IDs"
            )));
        }
        #[cfg(feature = "ack-frequency")]
        if parameters.min_ack_delay_us.unwrap_or(0) > parameters.max_ack_delay_ms * 1_000 {
            return Err(illegal());
        }
        Ok(parameters)
    }

    /// Takes the value of a known parameter over, if it is legal.
    fn set(&mut self, id: u64, mut value: Reader<'_>) -> Result<(), TransportError> {
        if let Some(integer) = INTEGERS.iter().find(|integer| u64::from(integer.id) == id) {
            let number = value.varint().map_err(|_| torn())?;
            value.end().map_err(|_| torn())?;
            if number < integer.least.into() || number > integer.most {
                return Err(illegal());
            }
            *self.integer(id) = number;
            return Ok(());
        }
        if id == id::STATELESS_RESET_TOKEN {
            self.stateless_reset_token = Some(value.array().map_err(|_| torn())?);
            return value.end().map_err(|_| torn());
        }
        if id == id::PREFERRED_ADDRESS {
            let address = PreferredAddress::decode(value).map_err(|_| illegal())?;
            self.preferred_address = Some(address);
            return Ok(());
        }
        if id == id::DISABLE_ACTIVE_MIGRATION {
            self.disable_active_migration = true;
            return value.end().map_err(|_| illegal());
        }
        #[cfg(feature = "ack-frequency")]
        if id == id::MIN_ACK_DELAY {
            self.min_ack_delay_us = Some(value.varint().map_err(|_| torn())?);
            return value.end().map_err(|_| torn());
        }
        #[cfg(feature = "grease")]
        if id == id::GREASE_QUIC_BIT {
            self.grease_quic_bit = true;
            //= rfc9287#3
            return value.end().map_err(|_| illegal());
        }
        #[cfg(feature = "v2")]
        if id == id::VERSION_INFORMATION {
            let information = VersionInformation::decode(value).map_err(|_| illegal())?;
            self.version_information = Some(information);
            return Ok(());
        }
        let cid = Some(ConnectionId::new(value.rest()).ok_or(illegal())?);
        match id {
            id::ORIGINAL_DESTINATION_CONNECTION_ID => self.original_destination_connection_id = cid,
            id::INITIAL_SOURCE_CONNECTION_ID => self.initial_source_connection_id = cid,
            _ => self.retry_source_connection_id = cid,
        }
        Ok(())
    }

    /// The parameter `id`, which is one of [`INTEGERS`].
    fn integer(&mut self, id: u64) -> &mut u64 {
        match id {
            id::MAX_IDLE_TIMEOUT => &mut self.max_idle_timeout_ms,
            id::MAX_UDP_PAYLOAD_SIZE => &mut self.max_udp_payload_size,
            id::INITIAL_MAX_DATA => &mut self.initial_max_data,
            id::INITIAL_MAX_STREAM_DATA_BIDI_LOCAL => &mut self.initial_max_stream_data_bidi_local,
            id::INITIAL_MAX_STREAM_DATA_BIDI_REMOTE => {
                &mut self.initial_max_stream_data_bidi_remote
            }
            id::INITIAL_MAX_STREAM_DATA_UNI => &mut self.initial_max_stream_data_uni,
            id::INITIAL_MAX_STREAMS_BIDI => &mut self.initial_max_streams_bidi,
            id::INITIAL_MAX_STREAMS_UNI => &mut self.initial_max_streams_uni,
            id::ACK_DELAY_EXPONENT => &mut self.ack_delay_exponent,
            id::MAX_ACK_DELAY => &mut self.max_ack_delay_ms,
            id::ACTIVE_CONNECTION_ID_LIMIT => &mut self.active_connection_id_limit,
            _ => &mut self.max_datagram_frame_size,
        }
    }

    /// The server's connection IDs are those of the handshake as the client saw it.
    ///
    /// `original` is where the client's very first packet went, `source` where the server's first
    /// Initial packet came from, `retry` where its Retry packet came from, if one was accepted.
    //= rfc9000#7.3
    pub fn check_server_ids(
        &self,
        original: &ConnectionId,
        source: &ConnectionId,
        retry: Option<&ConnectionId>,
    ) -> Result<(), TransportError> {
        let rule = if self.original_destination_connection_id.as_ref() != Some(original) {
            rule!(
                Code::TRANSPORT_PARAMETER_ERROR,
                "original_destination_connection_id is absent or wrong"
            )
        } else if self.initial_source_connection_id.as_ref() != Some(source) {
            rule!(
                Code::TRANSPORT_PARAMETER_ERROR,
                "initial_source_connection_id is absent or wrong"
            )
        } else if self.retry_source_connection_id.as_ref() != retry {
            rule!(
                Code::TRANSPORT_PARAMETER_ERROR,
                "retry_source_connection_id does not match the Retry packet"
            )
        } else {
            return Ok(());
        };
        Err(TransportError::new(rule))
    }

    /// Writes all parameters that differ from their defaults and that `from` may send, whole or not at all.
    ///
    /// `grease` is one more, with an identifier from [`reserved_id`] and any value.
    pub fn encode(
        mut self,
        writer: &mut Writer<'_>,
        from: Side,
        grease: Option<(u64, &[u8])>,
    ) -> Result<(), Full> {
        let mut default = Self::DEFAULT;
        writer.whole(|writer| {
            for integer in &INTEGERS {
                let id = integer.id.into();
                let value = *self.integer(id);
                if value != *default.integer(id) {
                    writer.varint(id)?;
                    writer.varint(to_u64(VarInt::size(value)))?;
                    writer.varint(value)?;
                }
            }
            if let Some(cid) = &self.initial_source_connection_id {
                opaque(writer, id::INITIAL_SOURCE_CONNECTION_ID, cid.as_slice())?;
            }
            #[cfg(feature = "v2")]
            if let Some(information) = &self.version_information {
                writer.varint(id::VERSION_INFORMATION)?;
                writer.varint(to_u64(information.encoded_length()))?;
                information.encode(writer)?;
            }
            #[cfg(feature = "ack-frequency")]
            if let Some(delay_us) = self.min_ack_delay_us {
                writer.varint(id::MIN_ACK_DELAY)?;
                writer.varint(to_u64(VarInt::size(delay_us)))?;
                writer.varint(delay_us)?;
            }
            #[cfg(feature = "grease")]
            if self.grease_quic_bit {
                opaque(writer, id::GREASE_QUIC_BIT, &[])?;
            }
            if self.disable_active_migration {
                opaque(writer, id::DISABLE_ACTIVE_MIGRATION, &[])?;
            }
            if from == Side::Server {
                self.encode_servers(writer)?;
            }
            if let Some((id, value)) = grease {
                opaque(writer, id, value)?;
            }
            Ok(())
        })
    }

    /// What only a server may send.
    fn encode_servers(&self, writer: &mut Writer<'_>) -> Result<(), Full> {
        if let Some(cid) = &self.original_destination_connection_id {
            let id = id::ORIGINAL_DESTINATION_CONNECTION_ID;
            opaque(writer, id, cid.as_slice())?;
        }
        if let Some(cid) = &self.retry_source_connection_id {
            opaque(writer, id::RETRY_SOURCE_CONNECTION_ID, cid.as_slice())?;
        }
        if let Some(token) = &self.stateless_reset_token {
            opaque(writer, id::STATELESS_RESET_TOKEN, token)?;
        }
        match &self.preferred_address {
            Some(address) => address.encode(writer),
            None => Ok(()),
        }
    }
}

impl PreferredAddress {
    fn decode(mut value: Reader<'_>) -> Result<Self, DecodeError> {
        let ipv4 = SocketAddrV4::new(value.array::<4>()?.into(), value.u16()?);
        let ipv6 = SocketAddrV6::new(value.array::<16>()?.into(), value.u16()?, 0, 0);
        let connection_id = value.vector_u8()?.rest();
        let reset_token = value.array()?;
        value.end()?;
        //= rfc9000#18.2
        if connection_id.is_empty() {
            return Err(DecodeError::Invalid);
        }
        let absent4 = ipv4.ip().is_unspecified() && ipv4.port() == 0;
        let absent6 = ipv6.ip().is_unspecified() && ipv6.port() == 0;
        Ok(Self {
            ipv4: (!absent4).then_some(ipv4),
            ipv6: (!absent6).then_some(ipv6),
            connection_id: ConnectionId::new(connection_id).ok_or(DecodeError::Invalid)?,
            reset_token,
        })
    }

    fn encode(&self, writer: &mut Writer<'_>) -> Result<(), Full> {
        let cid = self.connection_id.as_slice();
        writer.varint(id::PREFERRED_ADDRESS)?;
        writer.varint(to_u64(4 + 2 + 16 + 2 + 1 + cid.len() + 16))?;
        writer.bytes(&self.ipv4.map_or([0; 4], |address| address.ip().octets()))?;
        writer.u16(self.ipv4.map_or(0, |address| address.port()))?;
        writer.bytes(&self.ipv6.map_or([0; 16], |address| address.ip().octets()))?;
        writer.u16(self.ipv6.map_or(0, |address| address.port()))?;
        writer.vector_u8(|writer| writer.bytes(cid))?;
        writer.bytes(&self.reset_token)
    }
}

/// One of the identifiers that exist only to be ignored, chosen by `random` (RFC 9000 §18.1).
pub const fn reserved_id(random: u64) -> u64 {
    // 57 bits of it, so that the product is below 2^62.
    31 * (random >> 7) + 27
}

/// A parameter that is an integer, and what it may be.
struct Integer {
    id: u8,
    least: u16,
    most: u64,
}

const fn integer(id: u64, least: u16, most: u64) -> Integer {
    // Those that are listed are below 256.
    let id = id as u8;
    Integer { id, least, most }
}

/// The largest value an integer can have.
const ANY: u64 = VarInt::MAX.get();
/// Every endpoint takes datagrams of this many bytes.
const UDP_PAYLOAD_MIN: u16 = 1200;
/// Stream identifiers end at 2^62 - 1, with two bits for the kind.
const STREAMS_MAX: u64 = 1 << 60;
/// The largest exponent that is legal.
const ACK_DELAY_EXPONENT_MAX: u64 = 20;
/// The longest delay that is legal.
const MAX_ACK_DELAY_MAX_MS: u64 = (1 << 14) - 1;
/// Fewer connection IDs than this could not be replaced.
const CONNECTION_IDS_MIN: u16 = 2;

/// What is legal (RFC 9000 §18.2, RFC 9221 §3).
static INTEGERS: [Integer; 12] = [
    integer(id::MAX_IDLE_TIMEOUT, 0, ANY),
    integer(id::MAX_UDP_PAYLOAD_SIZE, UDP_PAYLOAD_MIN, ANY),
    integer(id::INITIAL_MAX_DATA, 0, ANY),
    integer(id::INITIAL_MAX_STREAM_DATA_BIDI_LOCAL, 0, ANY),
    integer(id::INITIAL_MAX_STREAM_DATA_BIDI_REMOTE, 0, ANY),
    integer(id::INITIAL_MAX_STREAM_DATA_UNI, 0, ANY),
    integer(id::INITIAL_MAX_STREAMS_BIDI, 0, STREAMS_MAX),
    integer(id::INITIAL_MAX_STREAMS_UNI, 0, STREAMS_MAX),
    integer(id::ACK_DELAY_EXPONENT, 0, ACK_DELAY_EXPONENT_MAX),
    integer(id::MAX_ACK_DELAY, 0, MAX_ACK_DELAY_MAX_MS),
    integer(id::ACTIVE_CONNECTION_ID_LIMIT, CONNECTION_IDS_MIN, ANY),
    integer(id::MAX_DATAGRAM_FRAME_SIZE, 0, ANY),
];

/// Identifiers (RFC 9000 §18.2, RFC 9221 §3).
mod id {
    pub const ORIGINAL_DESTINATION_CONNECTION_ID: u64 = 0x00;
    pub const MAX_IDLE_TIMEOUT: u64 = 0x01;
    pub const STATELESS_RESET_TOKEN: u64 = 0x02;
    pub const MAX_UDP_PAYLOAD_SIZE: u64 = 0x03;
    pub const INITIAL_MAX_DATA: u64 = 0x04;
    pub const INITIAL_MAX_STREAM_DATA_BIDI_LOCAL: u64 = 0x05;
    pub const INITIAL_MAX_STREAM_DATA_BIDI_REMOTE: u64 = 0x06;
    pub const INITIAL_MAX_STREAM_DATA_UNI: u64 = 0x07;
    pub const INITIAL_MAX_STREAMS_BIDI: u64 = 0x08;
    pub const INITIAL_MAX_STREAMS_UNI: u64 = 0x09;
    pub const ACK_DELAY_EXPONENT: u64 = 0x0a;
    pub const MAX_ACK_DELAY: u64 = 0x0b;
    pub const DISABLE_ACTIVE_MIGRATION: u64 = 0x0c;
    pub const PREFERRED_ADDRESS: u64 = 0x0d;
    pub const ACTIVE_CONNECTION_ID_LIMIT: u64 = 0x0e;
    pub const INITIAL_SOURCE_CONNECTION_ID: u64 = 0x0f;
    pub const RETRY_SOURCE_CONNECTION_ID: u64 = 0x10;
    #[cfg(feature = "ack-frequency")]
    pub const MIN_ACK_DELAY: u64 = 0xff04_de1b;
    #[cfg(feature = "grease")]
    pub const GREASE_QUIC_BIT: u64 = 0x2ab2;
    #[cfg(feature = "v2")]
    pub const VERSION_INFORMATION: u64 = 0x11;
    pub const MAX_DATAGRAM_FRAME_SIZE: u64 = 0x20;
}

/// The bit that stands for a known identifier.
const fn known(id: u64) -> Option<u32> {
    match id {
        0..=id::RETRY_SOURCE_CONNECTION_ID => Some(1 << id),
        #[cfg(feature = "v2")]
        id::VERSION_INFORMATION => Some(1 << id),
        id::MAX_DATAGRAM_FRAME_SIZE => Some(1 << 31),
        #[cfg(feature = "ack-frequency")]
        id::MIN_ACK_DELAY => Some(1 << 29),
        #[cfg(feature = "grease")]
        id::GREASE_QUIC_BIT => Some(1 << 30),
        _ => None,
    }
}

/// What only a server may send.
const SERVERS: u32 = 1 << id::ORIGINAL_DESTINATION_CONNECTION_ID
    | 1 << id::STATELESS_RESET_TOKEN
    | 1 << id::PREFERRED_ADDRESS
    | 1 << id::RETRY_SOURCE_CONNECTION_ID;

/// The next parameter: its identifier and its value.
fn one<'a>(reader: &mut Reader<'a>) -> Result<(u64, Reader<'a>), DecodeError> {
    let id = reader.varint()?;
    let length = reader.varint()?;
    Ok((id, Reader::new(reader.take_u64(length)?)))
}

fn opaque(writer: &mut Writer<'_>, id: u64, value: &[u8]) -> Result<(), Full> {
    writer.varint(id)?;
    writer.varint(to_u64(value.len()))?;
    writer.bytes(value)
}

const fn torn() -> TransportError {
    TransportError::new(rule!(
        Code::TRANSPORT_PARAMETER_ERROR,
        "transport parameter of a wrong length"
    ))
}

const fn illegal() -> TransportError {
    TransportError::new(rule!(
        Code::TRANSPORT_PARAMETER_ERROR,
        "transport parameter out of range"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::{Ipv4Addr, Ipv6Addr};
    use proptest::prelude::*;
    use std::vec::Vec;

    fn encoded(parameters: &TransportParameters) -> Vec<u8> {
        let mut buffer = [0; 512];
        let mut writer = Writer::new(&mut buffer);
        parameters.encode(&mut writer, Side::Server, None).unwrap();
        writer.written().to_vec()
    }

    /// One parameter with a value of any bytes.
    fn parameter(id: u64, value: &[u8]) -> Vec<u8> {
        let mut buffer = [0; 128];
        let mut writer = Writer::new(&mut buffer);
        opaque(&mut writer, id, value).unwrap();
        writer.written().to_vec()
    }

    fn one_integer(id: u64, value: u64) -> Vec<u8> {
        let mut buffer = [0; 8];
        let mut writer = Writer::new(&mut buffer);
        writer.varint(value).unwrap();
        parameter(id, writer.written())
    }

    fn refused(bytes: &[u8], from: Side) {
        let error = TransportParameters::decode(bytes, from).expect_err("illegal parameters");
        assert_eq!(error.code(), Code::TRANSPORT_PARAMETER_ERROR);
    }

    fn cid(bytes: &[u8]) -> ConnectionId {
        ConnectionId::new(bytes).unwrap()
    }

    /// All parameters with values that are no defaults.
    fn full() -> TransportParameters {
        TransportParameters {
            original_destination_connection_id: Some(cid(&[1; 8])),
            max_idle_timeout_ms: 30_000,
            stateless_reset_token: Some([2; 16]),
            max_udp_payload_size: 1200,
            initial_max_data: 1 << 20,
            initial_max_stream_data_bidi_local: 1 << 18,
            initial_max_stream_data_bidi_remote: 70,
            initial_max_stream_data_uni: 1 << 40,
            initial_max_streams_bidi: STREAMS_MAX,
            initial_max_streams_uni: 3,
            ack_delay_exponent: 20,
            max_ack_delay_ms: MAX_ACK_DELAY_MAX_MS,
            disable_active_migration: true,
            preferred_address: Some(PreferredAddress {
                ipv4: None,
                ipv6: Some(SocketAddrV6::new(Ipv6Addr::LOCALHOST, 443, 0, 0)),
                connection_id: cid(&[3; 20]),
                reset_token: [4; 16],
            }),
            active_connection_id_limit: 8,
            initial_source_connection_id: Some(cid(&[5; 4])),
            retry_source_connection_id: Some(ConnectionId::EMPTY),
            max_datagram_frame_size: 65_535,
            #[cfg(feature = "ack-frequency")]
            min_ack_delay_us: Some(1_000),
            #[cfg(feature = "grease")]
            grease_quic_bit: true,
            #[cfg(feature = "v2")]
            version_information: Some(VersionInformation::new(
                super::super::packet::Version::V1,
                super::super::packet::Version::KNOWN,
            )),
        }
    }

    //= rfc9000#18.2 test
    #[test]
    fn nothing_said_means_the_defaults() {
        let parameters = TransportParameters::decode(&[], Side::Client).unwrap();
        assert_eq!(parameters, TransportParameters::DEFAULT);
        assert!(encoded(&parameters).is_empty());
        assert_eq!(parameters.max_udp_payload_size, 65_527);
        assert_eq!(parameters.ack_delay_exponent, 3);
        assert_eq!(parameters.max_ack_delay_ms, 25);
        assert_eq!(parameters.active_connection_id_limit, 2);
    }

    #[test]
    fn everything_said_comes_back() {
        let wire = encoded(&full());
        assert_eq!(TransportParameters::decode(&wire, Side::Server), Ok(full()));
        // Cut anywhere, it is either refused or says less.
        for cut in 0..wire.len() {
            assert_ne!(
                TransportParameters::decode(&wire[..cut], Side::Server),
                Ok(full())
            );
            let mut small = std::vec![0; cut];
            let mut writer = Writer::new(&mut small);
            assert_eq!(full().encode(&mut writer, Side::Server, None), Err(Full));
            assert!(writer.is_empty());
        }
    }

    //= rfc9000#18.2 test
    #[test]
    fn a_client_may_not_send_what_is_the_servers() {
        let full = full();
        let none = TransportParameters::DEFAULT;
        let servers = [
            TransportParameters {
                original_destination_connection_id: full.original_destination_connection_id,
                ..none
            },
            TransportParameters {
                stateless_reset_token: full.stateless_reset_token,
                ..none
            },
            TransportParameters {
                preferred_address: full.preferred_address,
                ..none
            },
            TransportParameters {
                retry_source_connection_id: full.retry_source_connection_id,
                ..none
            },
        ];
        for parameters in servers {
            let wire = encoded(&parameters);
            assert_eq!(
                TransportParameters::decode(&wire, Side::Server),
                Ok(parameters)
            );
            refused(&wire, Side::Client);
        }
        let common = TransportParameters {
            original_destination_connection_id: None,
            stateless_reset_token: None,
            preferred_address: None,
            retry_source_connection_id: None,
            ..full
        };
        assert_eq!(
            TransportParameters::decode(&encoded(&common), Side::Client),
            Ok(common)
        );
    }

    //= rfc9000#7.4 test
    #[test]
    fn repeated_parameters_are_refused() {
        for (id, value) in [(0x01, 5), (0x03, 1200), (0x0a, 3), (0x20, 0)] {
            let wire = one_integer(id, value);
            assert!(TransportParameters::decode(&wire, Side::Server).is_ok());
            refused(&[&wire[..], &wire[..]].concat(), Side::Server);
        }
        let flag = parameter(0x0c, &[]);
        refused(&[&flag[..], &flag[..]].concat(), Side::Server);
    }

    //= rfc9000#18.2 test
    //= rfc9000#4.6 test
    #[test]
    fn every_limit_at_its_edge() {
        let edges: [(u64, &[u64], &[u64]); 6] = [
            (0x03, &[1200, 65_527, ANY], &[0, 1199]),
            (0x08, &[0, 1 << 60], &[(1 << 60) + 1]),
            (0x09, &[0, 1 << 60], &[(1 << 60) + 1]),
            (0x0a, &[0, 20], &[21, ANY]),
            (0x0b, &[0, (1 << 14) - 1], &[1 << 14]),
            (0x0e, &[2, ANY], &[0, 1]),
        ];
        for (id, legal, illegal) in edges {
            for &value in legal {
                assert!(TransportParameters::decode(&one_integer(id, value), Side::Client).is_ok());
            }
            for &value in illegal {
                refused(&one_integer(id, value), Side::Client);
            }
        }
    }

    #[test]
    fn values_of_a_wrong_length_are_refused() {
        for id in [1, 3, 4, 5, 6, 7, 8, 9, 0x0a, 0x0b, 0x0e, 0x20] {
            refused(&parameter(id, &[]), Side::Server);
            refused(&parameter(id, &[0x44]), Side::Server);
            refused(&parameter(id, &[0x44, 0xb0, 0]), Side::Server);
        }
        for length in [0, 15, 17] {
            refused(&parameter(0x02, &[0; 20][..length]), Side::Server);
        }
        for id in [0x00, 0x0f, 0x10] {
            assert!(TransportParameters::decode(&parameter(id, &[1; 20]), Side::Server).is_ok());
            refused(&parameter(id, &[1; 21]), Side::Server);
        }
        refused(&parameter(0x0c, &[0]), Side::Server);
        refused(&[0x04], Side::Server);
        refused(&[0x04, 2, 1], Side::Server);
        refused(&[0x40], Side::Server);
    }

    //= rfc9000#18.2 test
    #[test]
    fn a_preferred_address_needs_connection_ids() {
        let value = |length: u8| {
            let mut value = std::vec![127, 0, 0, 1, 1, 187];
            value.extend([0; 18]);
            value.push(length);
            value.extend(std::vec![9; usize::from(length) + 16]);
            value
        };
        let wire = parameter(0x0d, &value(4));
        let address = TransportParameters::decode(&wire, Side::Server)
            .unwrap()
            .preferred_address
            .unwrap();
        assert_eq!(
            address.ipv4,
            Some(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 443))
        );
        assert_eq!(address.ipv6, None);
        assert_eq!(address.connection_id, cid(&[9; 4]));
        refused(&parameter(0x0d, &value(0)), Side::Server);
        refused(&parameter(0x0d, &value(21)), Side::Server);
        refused(&parameter(0x0d, &value(4)[..40]), Side::Server);
        refused(
            &parameter(0x0d, &[&value(4)[..], &[0]].concat()),
            Side::Server,
        );
        let empty = parameter(0x0f, &[]);
        refused(&[&wire[..], &empty[..]].concat(), Side::Server);
        refused(&[&empty[..], &wire[..]].concat(), Side::Server);
    }

    //= rfc9000#7.3 test
    #[test]
    fn the_servers_connection_ids_are_compared() {
        let (original, source, retry) = (cid(&[1; 8]), cid(&[2; 8]), cid(&[3; 8]));
        let good = TransportParameters {
            original_destination_connection_id: Some(original),
            initial_source_connection_id: Some(source),
            ..TransportParameters::DEFAULT
        };
        assert!(good.check_server_ids(&original, &source, None).is_ok());
        let retried = TransportParameters {
            retry_source_connection_id: Some(retry),
            ..good
        };
        let checked = retried.check_server_ids(&original, &source, Some(&retry));
        assert!(checked.is_ok());
        let wrong = [
            good.check_server_ids(&source, &source, None),
            good.check_server_ids(&original, &original, None),
            good.check_server_ids(&original, &source, Some(&retry)),
            retried.check_server_ids(&original, &source, None),
            retried.check_server_ids(&original, &source, Some(&source)),
            TransportParameters::DEFAULT.check_server_ids(&original, &source, None),
        ];
        for result in wrong {
            assert_eq!(result.unwrap_err().code(), Code::TRANSPORT_PARAMETER_ERROR);
        }
    }

    //= rfc9000#18.1 test
    //= rfc9000#7.4.2 test
    #[test]
    fn grease_is_written_and_ignored() {
        for random in [0, 1, 77, u64::MAX] {
            let id = reserved_id(random);
            assert_eq!(id % 31, 27);
            assert!(VarInt::new(id).is_some());
            let mut buffer = [0; 512];
            let mut writer = Writer::new(&mut buffer);
            full()
                .encode(&mut writer, Side::Server, Some((id, &[1, 2, 3])))
                .unwrap();
            assert!(writer.written().ends_with(&[3, 1, 2, 3]));
            assert_eq!(
                TransportParameters::decode(writer.written(), Side::Server),
                Ok(full())
            );
        }
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_round_trips(
            items in proptest::collection::vec(
                (
                    0_u64..0x22,
                    prop_oneof![
                        (0_u64..70_000).prop_map(|value| one_integer(1, value)[2..].to_vec()),
                        proptest::collection::vec(any::<u8>(), 0..64),
                    ],
                ),
                0..6,
            ),
            client: bool,
        ) {
            let wire: Vec<u8> = items.iter().flat_map(|(id, value)| parameter(*id, value)).collect();
            let from = if client { Side::Client } else { Side::Server };
            if let Ok(parameters) = TransportParameters::decode(&wire, from) {
                let again = encoded(&parameters);
                prop_assert_eq!(TransportParameters::decode(&again, from), Ok(parameters));
            }
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let decoded = TransportParameters::decode(&bytes, Side::Server);
            prop_assert!(decoded.is_ok_and(|p| p.active_connection_id_limit >= 2)
                || decoded.is_err_and(|e| e.code() == Code::TRANSPORT_PARAMETER_ERROR));
        }
    }
}

//! What both sides promise by their transport parameters (RFC 9000 §7.4, §18.2).
//!
//! Invariant: all that we promise follows from the memory there is; what the server promises takes effect only
//! when the handshake is complete.

use super::config::NEVER_MS;
use super::config::Settings;
use crate::codec::{Full, Writer, to_u64};
use crate::path::cid;
use crate::stream::{RemoteLimits, Streams};
use crate::wire::Side;
use crate::wire::packet::ConnectionId;
#[cfg(feature = "migration")]
use crate::wire::transport_parameters::PreferredAddress;
use crate::wire::transport_parameters::{TransportParameters, reserved_id};

/// Bytes our transport parameters take at most: about fifteen short ones, and what features add.
pub(super) const PARAMETERS_MAX: usize = 160
    + if cfg!(feature = "v2") { 14 } else { 0 }
    + if cfg!(feature = "ack-frequency") {
        11
    } else {
        0
    }
    + if cfg!(feature = "grease") { 3 } else { 0 }
    + if cfg!(feature = "datagrams") { 6 } else { 0 };

/// Longer idle timeouts are announced as this one: 35 years.
const IDLE_TIMEOUT_MAX_MS: u64 = 1 << 40;

/// The part of the server's transport parameters that is acted on.
#[derive(Debug)]
pub(super) struct Promise {
    pub(super) limits: RemoteLimits,
    pub(super) idle_timeout_ms: u64,
    pub(super) max_ack_delay_us: u32,
    pub(super) ack_delay_exponent: u8,
    pub(super) connection_ids: u64,
    pub(super) reset_token: Option<[u8; 16]>,
    /// Bytes of the longest datagram that it takes.
    #[cfg(feature = "pmtud")]
    pub(super) datagram_max: u16,
    #[cfg(feature = "migration")]
    pub(super) disable_migration: bool,
    #[cfg(feature = "migration")]
    pub(super) preferred_address: Option<PreferredAddress>,
    /// It may be asked to hold acknowledgements back, for so many microseconds at least.
    #[cfg(feature = "ack-frequency")]
    pub(super) min_ack_delay_us: Option<u32>,
    /// Packets may come without the QUIC bit.
    #[cfg(feature = "grease")]
    pub(super) grease_quic_bit: bool,
    /// Bytes of the largest DATAGRAM frame; 0 for none at all.
    #[cfg(feature = "datagrams")]
    pub(super) datagram_frame_max: u64,
}

/// What we can take in, in bytes.
pub(super) struct Datagrams {
    /// Of UDP's datagrams.
    pub(super) udp_max: u16,
    /// Of DATAGRAM frames.
    #[cfg(feature = "datagrams")]
    pub(super) frame_max: usize,
}

impl Promise {
    /// Before the server has spoken.
    pub(super) fn none() -> Self {
        Self::of(&TransportParameters::DEFAULT)
    }

    pub(super) fn of(peer: &TransportParameters) -> Self {
        let idle_timeout_ms = match peer.max_idle_timeout_ms {
            0 => NEVER_MS,
            timeout => timeout,
        };
        Self {
            limits: RemoteLimits {
                max_data: peer.initial_max_data,
                max_stream_data_bidi_local: peer.initial_max_stream_data_bidi_local,
                max_stream_data_bidi_remote: peer.initial_max_stream_data_bidi_remote,
                max_stream_data_uni: peer.initial_max_stream_data_uni,
                max_streams_bidi: peer.initial_max_streams_bidi,
                max_streams_uni: peer.initial_max_streams_uni,
            },
            idle_timeout_ms,
            // The parameter is below 2^14.
            max_ack_delay_us: peer.max_ack_delay_ms as u32 * 1_000,
            // At most 20.
            ack_delay_exponent: peer.ack_delay_exponent as u8,
            connection_ids: peer.active_connection_id_limit,
            reset_token: peer.stateless_reset_token,
            #[cfg(feature = "pmtud")]
            datagram_max: u16::try_from(peer.max_udp_payload_size).unwrap_or(u16::MAX),
            #[cfg(feature = "migration")]
            disable_migration: peer.disable_active_migration,
            #[cfg(feature = "migration")]
            preferred_address: peer.preferred_address,
            // At most max_ack_delay.
            #[cfg(feature = "ack-frequency")]
            min_ack_delay_us: peer.min_ack_delay_us.map(|delay_us| delay_us as u32),
            #[cfg(feature = "grease")]
            grease_quic_bit: peer.grease_quic_bit,
            #[cfg(feature = "datagrams")]
            datagram_frame_max: peer.max_datagram_frame_size,
        }
    }
}

/// Writes what we tell the server. `grease` picks a parameter that nobody knows.
pub(super) fn encode_ours(
    settings: &Settings<'_>,
    datagrams: &Datagrams,
    streams: &Streams<'_>,
    local: ConnectionId,
    grease: u64,
    writer: &mut Writer<'_>,
) -> Result<(), Full> {
    let own = streams.local_limits();
    let idle_timeout_ms = match settings.idle_timeout_ms {
        NEVER_MS => 0,
        timeout => timeout.min(IDLE_TIMEOUT_MAX_MS),
    };
    let promised = TransportParameters {
        max_idle_timeout_ms: idle_timeout_ms,
        max_udp_payload_size: datagrams.udp_max.into(),
        #[cfg(feature = "datagrams")]
        max_datagram_frame_size: to_u64(datagrams.frame_max),
        initial_max_data: own.max_data,
        initial_max_stream_data_bidi_local: own.max_stream_data_bidi_local,
        initial_max_stream_data_bidi_remote: own.max_stream_data_bidi_remote,
        initial_max_stream_data_uni: own.max_stream_data_uni,
        initial_max_streams_bidi: own.max_streams_bidi,
        initial_max_streams_uni: own.max_streams_uni,
        active_connection_id_limit: to_u64(cid::REMOTE_MAX),
        initial_source_connection_id: Some(local),
        #[cfg(feature = "ack-frequency")]
        min_ack_delay_us: Some(crate::space::MIN_DELAY_US),
        #[cfg(feature = "grease")]
        grease_quic_bit: true,
        #[cfg(feature = "v2")]
        version_information: Some(settings.versions),
        ..TransportParameters::DEFAULT
    };
    promised.encode(writer, Side::Client, Some((reserved_id(grease), &[])))
}

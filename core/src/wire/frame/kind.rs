//! Frame types as one table: packets they may appear in, whether they ask for an acknowledgement, what they
//! consist of (RFC 9000 §12.4 table 3, §12.5, §19).
//!
//! Invariant: every type that [`super::Frames`] decodes has a row here, and no other has.

use super::super::packet::Space;
use super::super::{Code, Side, TransportError};
use crate::wire::rule;

/// PADDING.
pub const PADDING: u64 = 0x00;
/// PING.
pub const PING: u64 = 0x01;
/// ACK without ECN counts.
pub const ACK: u64 = 0x02;
/// ACK with ECN counts.
pub const ACK_ECN: u64 = 0x03;
/// RESET_STREAM.
pub const RESET_STREAM: u64 = 0x04;
/// STOP_SENDING.
pub const STOP_SENDING: u64 = 0x05;
/// CRYPTO.
pub const CRYPTO: u64 = 0x06;
/// NEW_TOKEN.
pub const NEW_TOKEN: u64 = 0x07;
/// The first of the eight STREAM types; the flags below are added to it.
pub const STREAM: u64 = 0x08;
/// STREAM flag: the stream ends with this frame.
pub const STREAM_FIN: u64 = 0x01;
/// STREAM flag: a length is present; without it the data reaches to the end of the packet.
pub const STREAM_LEN: u64 = 0x02;
/// STREAM flag: an offset is present; without it the data starts at 0.
pub const STREAM_OFF: u64 = 0x04;
/// The last of the eight STREAM types: all flags set.
pub const STREAM_LAST: u64 = 0x0f;
/// MAX_DATA.
pub const MAX_DATA: u64 = 0x10;
/// MAX_STREAM_DATA.
pub const MAX_STREAM_DATA: u64 = 0x11;
/// MAX_STREAMS for bidirectional streams.
pub const MAX_STREAMS: u64 = 0x12;
/// MAX_STREAMS for unidirectional streams.
pub const MAX_STREAMS_UNI: u64 = 0x13;
/// DATA_BLOCKED.
pub const DATA_BLOCKED: u64 = 0x14;
/// STREAM_DATA_BLOCKED.
pub const STREAM_DATA_BLOCKED: u64 = 0x15;
/// STREAMS_BLOCKED for bidirectional streams.
pub const STREAMS_BLOCKED: u64 = 0x16;
/// STREAMS_BLOCKED for unidirectional streams.
pub const STREAMS_BLOCKED_UNI: u64 = 0x17;
/// NEW_CONNECTION_ID.
pub const NEW_CONNECTION_ID: u64 = 0x18;
/// RETIRE_CONNECTION_ID.
pub const RETIRE_CONNECTION_ID: u64 = 0x19;
/// PATH_CHALLENGE.
pub const PATH_CHALLENGE: u64 = 0x1a;
/// PATH_RESPONSE.
pub const PATH_RESPONSE: u64 = 0x1b;
/// CONNECTION_CLOSE with a code of the transport.
pub const CONNECTION_CLOSE: u64 = 0x1c;
/// CONNECTION_CLOSE with a code of the application.
pub const CONNECTION_CLOSE_APPLICATION: u64 = 0x1d;
/// HANDSHAKE_DONE.
pub const HANDSHAKE_DONE: u64 = 0x1e;

/// ACK_FREQUENCY.
#[cfg(feature = "ack-frequency")]
pub const ACK_FREQUENCY: u64 = 0xaf;
/// IMMEDIATE_ACK.
#[cfg(feature = "ack-frequency")]
pub const IMMEDIATE_ACK: u64 = 0x1f;
/// DATAGRAM whose data reaches to the end of the packet.
#[cfg(feature = "datagrams")]
pub const DATAGRAM: u64 = 0x30;
/// DATAGRAM with a length.
#[cfg(feature = "datagrams")]
pub const DATAGRAM_LEN: u64 = 0x31;

/// The RFC's name of a frame type; `None` for a type nobody defined.
pub const fn name(kind: u64) -> Option<&'static str> {
    Some(match kind {
        PADDING => "PADDING",
        PING => "PING",
        ACK | ACK_ECN => "ACK",
        RESET_STREAM => "RESET_STREAM",
        STOP_SENDING => "STOP_SENDING",
        CRYPTO => "CRYPTO",
        NEW_TOKEN => "NEW_TOKEN",
        STREAM..=STREAM_LAST => "STREAM",
        MAX_DATA => "MAX_DATA",
        MAX_STREAM_DATA => "MAX_STREAM_DATA",
        MAX_STREAMS | MAX_STREAMS_UNI => "MAX_STREAMS",
        DATA_BLOCKED => "DATA_BLOCKED",
        STREAM_DATA_BLOCKED => "STREAM_DATA_BLOCKED",
        STREAMS_BLOCKED | STREAMS_BLOCKED_UNI => "STREAMS_BLOCKED",
        NEW_CONNECTION_ID => "NEW_CONNECTION_ID",
        RETIRE_CONNECTION_ID => "RETIRE_CONNECTION_ID",
        PATH_CHALLENGE => "PATH_CHALLENGE",
        PATH_RESPONSE => "PATH_RESPONSE",
        CONNECTION_CLOSE | CONNECTION_CLOSE_APPLICATION => "CONNECTION_CLOSE",
        HANDSHAKE_DONE => "HANDSHAKE_DONE",
        #[cfg(feature = "ack-frequency")]
        ACK_FREQUENCY => "ACK_FREQUENCY",
        #[cfg(feature = "ack-frequency")]
        IMMEDIATE_ACK => "IMMEDIATE_ACK",
        #[cfg(feature = "datagrams")]
        DATAGRAM | DATAGRAM_LEN => "DATAGRAM",
        _ => return None,
    })
}

/// The type may appear in packets of `space`; for the application's space that means 1-RTT packets.
pub const fn is_allowed_in(kind: u64, space: Space) -> bool {
    let packets = match space {
        Space::Initial => I,
        Space::Handshake => H,
        Space::Application => ONE,
    };
    row(kind) & packets != 0
}

/// The type may appear in 0-RTT packets.
pub const fn is_allowed_in_zero_rtt(kind: u64) -> bool {
    row(kind) & ZERO != 0
}

/// The type may be sent by `sender`: some are the server's alone.
pub const fn is_allowed_from(kind: u64, sender: Side) -> bool {
    matches!(sender, Side::Server) || !matches!(kind, NEW_TOKEN | HANDSHAKE_DONE)
}

/// A packet with a frame of this type is to be acknowledged.
pub const fn is_ack_eliciting(kind: u64) -> bool {
    row(kind) & ASKS != 0
}

/// The type is known.
pub(super) const fn is_known(kind: u64) -> bool {
    row(kind) != 0
}

/// How many variable-length integers follow the type.
pub(super) const fn numbers(kind: u64) -> usize {
    (row(kind) >> NUMBERS) as usize & 3 // wider
}

/// Bytes with their number in front follow the integers.
pub(super) const fn has_bytes(kind: u64) -> bool {
    row(kind) & BYTES != 0
}

/// Bytes without their number reach to the end of the packet.
pub(super) const fn has_rest(kind: u64) -> bool {
    #[cfg(feature = "datagrams")]
    if kind == DATAGRAM {
        return true;
    }
    kind >= STREAM && kind <= STREAM_LAST
}

/// A packet of nothing but such frames probes a path, and does not migrate to it (RFC 9000 §9.1).
pub const fn is_probing(kind: u64) -> bool {
    matches!(
        kind,
        PADDING | NEW_CONNECTION_ID | PATH_CHALLENGE | PATH_RESPONSE
    )
}

/// Refuses a frame type that `sender` may not put into a packet of `space`.
//= rfc9000#12.4
//= rfc9000#12.5
pub const fn check(kind: u64, space: Space, sender: Side) -> Result<(), TransportError> {
    let rule = if !is_allowed_in(kind, space) {
        rule!(
            Code::PROTOCOL_VIOLATION,
            "frame not permitted in this packet type"
        )
    } else if !is_allowed_from(kind, sender) {
        rule!(
            Code::PROTOCOL_VIOLATION,
            "frame that only a server may send"
        )
    } else {
        return Ok(());
    };
    Err(TransportError::new(rule).in_frame(kind))
}

/// Initial packets.
const I: u8 = 1;
/// Handshake packets.
const H: u8 = 2;
/// 0-RTT packets.
const ZERO: u8 = 4;
/// 1-RTT packets.
const ONE: u8 = 8;
/// The packet is to be acknowledged.
const ASKS: u8 = 0x10;
/// Where the number of integers stands.
const NUMBERS: u8 = 5;
/// Bytes follow the integers.
const BYTES: u8 = 0x80;

/// What the table says of a type; 0 of one that nobody defined.
const fn row(kind: u64) -> u8 {
    #[cfg(feature = "ack-frequency")]
    if kind == ACK_FREQUENCY {
        // Three integers and a fourth.
        return ONE | ASKS | 3 << NUMBERS;
    }
    // Wider, and then in range: `try_from` is not const.
    if kind < ROWS.len() as u64 {
        ROWS[kind as usize]
    } else {
        0
    }
}

/// Types up to the last one that has a row.
const ROWS_LENGTH: usize = if cfg!(feature = "datagrams") {
    0x32
} else if cfg!(feature = "ack-frequency") {
    0x20
} else {
    0x1f
};

static ROWS: [u8; ROWS_LENGTH] = {
    const EVERYWHERE: u8 = I | H | ZERO | ONE;
    const DATA: u8 = ZERO | ONE | ASKS;
    const ONE_NUMBER: u8 = 1 << NUMBERS;
    const TWO_NUMBERS: u8 = 2 << NUMBERS;
    const THREE_NUMBERS: u8 = 3 << NUMBERS;
    // Evaluated when compiled: a type that does not fit would not be in the array.
    let mut rows = [0; ROWS_LENGTH];
    rows[PADDING as usize] = EVERYWHERE;
    rows[PING as usize] = EVERYWHERE | ASKS;
    // What follows the type of an ACK is for `Ack` to read.
    rows[ACK as usize] = I | H | ONE;
    rows[ACK_ECN as usize] = I | H | ONE;
    rows[RESET_STREAM as usize] = DATA | THREE_NUMBERS;
    rows[STOP_SENDING as usize] = DATA | TWO_NUMBERS;
    rows[CRYPTO as usize] = I | H | ONE | ASKS | ONE_NUMBER | BYTES;
    rows[NEW_TOKEN as usize] = ONE | ASKS | BYTES;
    let mut kind = STREAM;
    while kind <= STREAM_LAST {
        let numbers = if kind & STREAM_OFF == 0 {
            ONE_NUMBER
        } else {
            TWO_NUMBERS
        };
        let bytes = if kind & STREAM_LEN == 0 { 0 } else { BYTES };
        rows[kind as usize] = DATA | numbers | bytes;
        kind += 1;
    }
    rows[MAX_DATA as usize] = DATA | ONE_NUMBER;
    rows[MAX_STREAM_DATA as usize] = DATA | TWO_NUMBERS;
    rows[MAX_STREAMS as usize] = DATA | ONE_NUMBER;
    rows[MAX_STREAMS_UNI as usize] = DATA | ONE_NUMBER;
    rows[DATA_BLOCKED as usize] = DATA | ONE_NUMBER;
    rows[STREAM_DATA_BLOCKED as usize] = DATA | TWO_NUMBERS;
    rows[STREAMS_BLOCKED as usize] = DATA | ONE_NUMBER;
    rows[STREAMS_BLOCKED_UNI as usize] = DATA | ONE_NUMBER;
    // A connection ID and a token follow.
    rows[NEW_CONNECTION_ID as usize] = DATA | TWO_NUMBERS;
    // The table of §12.4 lists 0-RTT here, §12.5 excludes it; the stricter reading loses nothing,
    // because before its handshake is complete a client has no connection ID to retire.
    rows[RETIRE_CONNECTION_ID as usize] = ONE | ASKS | ONE_NUMBER;
    // Eight bytes follow.
    rows[PATH_CHALLENGE as usize] = DATA;
    rows[PATH_RESPONSE as usize] = ONE | ASKS;
    rows[CONNECTION_CLOSE as usize] = EVERYWHERE | TWO_NUMBERS | BYTES;
    rows[CONNECTION_CLOSE_APPLICATION as usize] = ZERO | ONE | ONE_NUMBER | BYTES;
    rows[HANDSHAKE_DONE as usize] = ONE | ASKS;
    #[cfg(feature = "ack-frequency")]
    {
        rows[IMMEDIATE_ACK as usize] = ONE | ASKS;
    }
    #[cfg(feature = "datagrams")]
    {
        rows[DATAGRAM as usize] = DATA;
        rows[DATAGRAM_LEN as usize] = DATA | BYTES;
    }
    rows
};

#[cfg(test)]
mod tests {
    use super::*;

    /// Type range, and the packets of the RFC's own column.
    const RFC_TABLE: [(u64, u64, &str); 21] = [
        (0x00, 0x00, "IH01"),
        (0x01, 0x01, "IH01"),
        (0x02, 0x03, "IH_1"),
        (0x04, 0x04, "__01"),
        (0x05, 0x05, "__01"),
        (0x06, 0x06, "IH_1"),
        (0x07, 0x07, "___1"),
        (0x08, 0x0f, "__01"),
        (0x10, 0x10, "__01"),
        (0x11, 0x11, "__01"),
        (0x12, 0x13, "__01"),
        (0x14, 0x14, "__01"),
        (0x15, 0x15, "__01"),
        (0x16, 0x17, "__01"),
        (0x18, 0x18, "__01"),
        (0x19, 0x19, "___1"),
        (0x1a, 0x1a, "__01"),
        (0x1b, 0x1b, "___1"),
        (0x1c, 0x1c, "IH01"),
        (0x1d, 0x1d, "__01"),
        (0x1e, 0x1e, "___1"),
    ];

    //= rfc9000#12.4 test
    //= rfc9000#12.5 test
    #[test]
    fn every_type_in_every_right_and_wrong_space() {
        let mut seen = 0;
        for (first, last, packets) in RFC_TABLE {
            for kind in first..=last {
                seen += 1;
                for (space, letter) in Space::ALL.into_iter().zip(['I', 'H', '1']) {
                    let allowed = packets.contains(letter);
                    assert_eq!(is_allowed_in(kind, space), allowed, "{kind:#x} {space:?}");
                    match check(kind, space, Side::Server) {
                        Ok(()) => assert!(allowed),
                        Err(error) => {
                            assert!(!allowed);
                            assert_eq!(error.code(), Code::PROTOCOL_VIOLATION);
                            assert_eq!(error.frame(), Some(kind));
                        }
                    }
                }
                assert_eq!(is_allowed_in_zero_rtt(kind), packets.contains('0'));
                assert!(name(kind).is_some());
            }
        }
        assert_eq!(seen, 0x1f);
        for unknown in [0x20, 0x2f, 0x32, 0x4001, u64::MAX] {
            assert_eq!(name(unknown), None);
            assert!(
                Space::ALL
                    .iter()
                    .all(|&space| !is_allowed_in(unknown, space))
            );
            assert!(!is_allowed_in_zero_rtt(unknown));
            assert!(!is_ack_eliciting(unknown));
        }
    }

    //= rfc9000#19.7 test
    //= rfc9000#19.20 test
    #[test]
    fn a_client_may_not_send_what_is_the_servers() {
        for kind in 0..=HANDSHAKE_DONE {
            let servers = kind == NEW_TOKEN || kind == HANDSHAKE_DONE;
            assert!(is_allowed_from(kind, Side::Server));
            assert_eq!(is_allowed_from(kind, Side::Client), !servers);
            assert_eq!(
                check(kind, Space::Application, Side::Client).is_err(),
                servers
            );
        }
    }

    //= rfc9000#13.2 test
    //= rfc9000#9.1 test
    #[test]
    fn markings_of_the_table() {
        let quiet = [0x00, 0x02, 0x03, 0x1c, 0x1d];
        let probing = [0x00, 0x18, 0x1a, 0x1b];
        for kind in 0..=HANDSHAKE_DONE {
            assert_eq!(is_ack_eliciting(kind), !quiet.contains(&kind));
            assert_eq!(is_probing(kind), probing.contains(&kind));
        }
    }
}

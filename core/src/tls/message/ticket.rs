//! NewSessionTicket (RFC 8446 §4.6.1) under QUIC's rule for early data (RFC 9001 §4.6.1).
//!
//! Invariant: one that exists has a ticket of at least one byte and a lifetime of at most a week.

use super::extension::{ExtensionType, Extensions};
use super::{MessageType, ReadError, decode};
use crate::codec::Reader;
use crate::tls::error::{Error, PeerMisbehaved};
use crate::wire::{Code, TransportError, rule};

/// The longest lifetime a ticket may have, in seconds: seven days.
const LIFETIME_MAX: u32 = 604_800;

/// What the server gives for resuming this session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket<'a> {
    /// Seconds it may be used, from 0 (not at all) to a week.
    pub lifetime_seconds: u32,
    /// Added to the ticket's age in milliseconds before that is sent, modulo 2^32.
    pub age_add: u32,
    /// Goes into the derivation of the pre-shared key.
    pub nonce: &'a [u8],
    /// The ticket itself, opaque.
    pub ticket: &'a [u8],
    /// Whether the server will accept 0-RTT packets with it.
    pub early_data: EarlyData,
}

/// Whether a ticket permits early data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EarlyData {
    /// 0-RTT packets may be sent; QUIC's own limits bound them.
    Permitted,
    /// Only a resumed handshake.
    Refused,
}

impl<'a> Ticket<'a> {
    /// Decodes the body.
    pub fn decode(body: &'a [u8]) -> Result<Self, Error> {
        decode(MessageType::NEW_SESSION_TICKET, body, read)
    }
}

fn read<'a>(reader: &mut Reader<'a>) -> Result<Ticket<'a>, ReadError> {
    //= rfc8446#4.6.1
    let lifetime_seconds = reader.u32()?.min(LIFETIME_MAX);
    let age_add = reader.u32()?;
    let nonce = reader.vector_u8()?.rest();
    let ticket = reader.vector_u16()?.rest();
    if ticket.is_empty() {
        return Err(ReadError::Decode);
    }
    let mut early_data = EarlyData::Refused;
    for extension in Extensions::decode(reader)? {
        match extension.kind {
            ExtensionType::EARLY_DATA => {
                let size = extension
                    .data
                    .all(|data| data.u32().map_err(ReadError::from))?;
                //= rfc9001#4.6.1
                if size != u32::MAX {
                    return Err(TransportError::new(rule!(
                        Code::PROTOCOL_VIOLATION,
                        "ticket limits early data by itself"
                    ))
                    .into());
                }
                early_data = EarlyData::Permitted;
            }
            ExtensionType::SERVER_NAME
            | ExtensionType::SUPPORTED_GROUPS
            | ExtensionType::SIGNATURE_ALGORITHMS
            | ExtensionType::ALPN
            | ExtensionType::PRE_SHARED_KEY
            | ExtensionType::SUPPORTED_VERSIONS
            | ExtensionType::COOKIE
            | ExtensionType::KEY_SHARE
            | ExtensionType::QUIC_TRANSPORT_PARAMETERS => {
                return Err(PeerMisbehaved::MisplacedExtension(extension.kind.0).into());
            }
            _ => {}
        }
    }
    Ok(Ticket {
        lifetime_seconds,
        age_add,
        nonce,
        ticket,
        early_data,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::abuse;
    use super::*;

    const HEAD: [u8; 15] = [0, 0, 0x1c, 0x20, 1, 2, 3, 4, 1, 7, 0, 3, 8, 9, 10];

    fn body(extensions: &[u8]) -> std::vec::Vec<u8> {
        [
            &HEAD[..],
            &(extensions.len() as u16).to_be_bytes(),
            extensions,
        ]
        .concat()
    }

    #[test]
    fn a_ticket_decodes_and_survives_abuse() {
        let body = body(&[0, 42, 0, 4, 255, 255, 255, 255, 0x1a, 0x1a, 0, 0]);
        assert_eq!(
            Ticket::decode(&body),
            Ok(Ticket {
                lifetime_seconds: 7200,
                age_add: 0x0102_0304,
                nonce: &[7],
                ticket: &[8, 9, 10],
                early_data: EarlyData::Permitted,
            })
        );
        abuse(&body, |body| Ticket::decode(body).map(drop));
    }

    //= rfc8446#4.6.1 test
    #[test]
    fn a_lifetime_is_cut_at_a_week() {
        let mut body = body(&[]);
        body[0] = 1;
        let ticket = Ticket::decode(&body).unwrap();
        assert_eq!(ticket.lifetime_seconds, 604_800);
        assert_eq!(ticket.early_data, EarlyData::Refused);
    }

    //= rfc9001#4.6.1 test
    #[test]
    fn early_data_has_no_limit_of_its_own() {
        let error = Ticket::decode(&body(&[0, 42, 0, 4, 0, 0, 64, 0])).unwrap_err();
        assert_eq!(error.transport().code(), Code::PROTOCOL_VIOLATION);
    }
}

//! An event as a line that a person can read.
//!
//! Invariant: one line, whatever the peer has sent: what is not printable ASCII is escaped, and what is long is cut.

use core::fmt::{Display, Formatter, Result, Write};

use super::{Closure, Event, Http3Frame, Owner, Packet, StreamSide};
use crate::wire::frame::{Ack, Close, Frame};
use crate::wire::packet::{Kind, Space};

/// Bytes of a name or a value that are shown.
const TEXT_MAX: usize = 64;

/// Shows an event in one line.
///
/// ```
/// use quicpro_core::{trace::{Event, Line}, wire::packet::Space};
/// let line = Line(&Event::KeysDiscarded { space: Space::Initial });
/// assert_eq!(line.to_string(), "initial keys discarded");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Line<'a>(pub &'a Event<'a>);

impl Display for Line<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self.0 {
            Event::ConnectionStarted {
                remote,
                destination,
                ..
            } => {
                write!(f, "connection {destination} to {remote}")
            }
            Event::Versions {
                client,
                server,
                chosen,
            } => match chosen {
                Some(version) => write!(f, "version {version}"),
                None if !server.is_empty() => write!(f, "versions of the server: {server:?}"),
                None => write!(f, "versions offered: {client:?}"),
            },
            Event::StateUpdated { state } => write!(f, "state: {state}"),
            Event::ProtocolChosen { protocol } => write!(f, "protocol {}", Text(protocol)),
            Event::ParametersSet { owner, encoded, .. } => {
                let bytes = encoded.len();
                write!(f, "{} transport parameters, {bytes} bytes", whose(*owner))
            }
            Event::PacketSent(sent) => packet(f, "sent", sent),
            Event::PacketReceived(received) => packet(f, "received", received),
            Event::PacketAcknowledged { space, number } => {
                write!(f, "acknowledged: {} {number}", name(*space))
            }
            Event::PacketLost {
                space,
                number,
                trigger,
            } => write!(f, "lost: {} {number}, by {trigger:?}", name(*space)),
            Event::Discarded { reason, size } => {
                write!(f, "discarded {size} bytes: {}", reason.name())
            }
            Event::MetricsUpdated(now) => write!(
                f,
                "window {} bytes, in flight {}, rtt {} us (min {}), PTO count {}",
                now.window, now.in_flight, now.rtt_us, now.rtt_min_us, now.pto_count
            ),
            Event::CongestionPhase { phase } => write!(f, "congestion control: {phase}"),
            Event::MtuUpdated { old, new } => write!(f, "datagrams of {new} bytes, not {old}"),
            Event::KeysInstalled { space } => write!(f, "{} keys installed", name(*space)),
            Event::KeysDiscarded { space } => write!(f, "{} keys discarded", name(*space)),
            Event::KeyUpdated { updates } => write!(f, "1-RTT keys updated, number {updates}"),
            Event::Migration { state, remote, .. } => write!(f, "path to {remote}: {state:?}"),
            Event::StreamUpdated {
                id, side, state, ..
            } => {
                let side = match side {
                    StreamSide::Sending => "sending",
                    StreamSide::Receiving => "receiving",
                };
                write!(f, "stream {}, {side}: {state:?}", id.get())
            }
            _ => http3(f, self.0),
        }
    }
}

fn http3(f: &mut Formatter<'_>, event: &Event<'_>) -> Result {
    match event {
        Event::Http3Settings { owner, .. } => write!(f, "{} HTTP/3 settings", whose(*owner)),
        Event::Http3Stream { owner, id, kind } => match kind {
            None => write!(f, "stream {} is a request", id.get()),
            Some(kind) => write!(f, "{} stream {}: type {kind:#x}", whose(*owner), id.get()),
        },
        // A value may be a secret.
        Event::Http3Field {
            id, name, value, ..
        } => {
            let length = value.len();
            write!(
                f,
                "stream {}: {}, {length} bytes of value",
                id.get(),
                Text(name)
            )
        }
        Event::Http3Frame { owner, id, frame } => {
            let verb = if *owner == Owner::Local {
                "wrote"
            } else {
                "read"
            };
            write!(f, "stream {}: {verb} ", id.get())?;
            match frame {
                Http3Frame::Data { length } => write!(f, "DATA, {length} bytes"),
                Http3Frame::Headers { length } => write!(f, "HEADERS, {length} bytes"),
                Http3Frame::Settings => f.write_str("SETTINGS"),
                Http3Frame::GoAway { id } => write!(f, "GOAWAY {id}"),
                Http3Frame::PriorityUpdate { request, value } => {
                    write!(
                        f,
                        "PRIORITY_UPDATE of {request}: {}",
                        Text(value.as_bytes())
                    )
                }
            }
        }
        Event::Closed(closure) => match closure {
            Closure::IdleTimeout => f.write_str("closed: idle timeout"),
            Closure::StatelessReset => f.write_str("closed: stateless reset"),
            Closure::VersionMismatch => f.write_str("closed: no common version"),
            Closure::Transport {
                owner,
                code,
                reason,
            } => close(f, "transport", *owner, *code, reason),
            Closure::Application {
                owner,
                code,
                reason,
            } => close(f, "application", *owner, *code, reason),
        },
        _ => Ok(()),
    }
}

fn close(f: &mut Formatter<'_>, space: &str, owner: Owner, code: u64, reason: &[u8]) -> Result {
    let by = if owner == Owner::Local {
        "here"
    } else {
        "by the peer"
    };
    write!(f, "closed {by}: {space} code {code:#x} {}", Text(reason))
}

const fn whose(owner: Owner) -> &'static str {
    match owner {
        Owner::Local => "our",
        Owner::Remote => "the peer's",
    }
}

const fn name(space: Space) -> &'static str {
    kind(space.kind())
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Initial => "initial",
        Kind::ZeroRtt => "0-RTT",
        Kind::Handshake => "handshake",
        Kind::Retry => "retry",
        Kind::VersionNegotiation => "version negotiation",
        Kind::Short => "1-RTT",
    }
}

fn packet(f: &mut Formatter<'_>, verb: &str, packet: &Packet<'_>) -> Result {
    write!(
        f,
        "{verb} {} {}, {} bytes:",
        kind(packet.kind),
        packet.number,
        packet.size
    )?;
    for frame in packet.frames().flatten() {
        f.write_char(' ')?;
        show(f, &frame)?;
    }
    Ok(())
}

fn show(f: &mut Formatter<'_>, frame: &Frame<'_>) -> Result {
    let name = frame.name();
    match frame {
        Frame::Padding { length } => write!(f, "{name}[{length}]"),
        Frame::Ack(ack) => acknowledgement(f, ack),
        Frame::Crypto { offset, data } => write!(f, "{name}[{offset}+{}]", data.len()),
        Frame::Stream {
            id,
            offset,
            data,
            fin,
        } => {
            let fin = if *fin { " FIN" } else { "" };
            write!(f, "{name}[{}: {offset}+{}{fin}]", id.get(), data.len())
        }
        Frame::ResetStream { id, code, .. } | Frame::StopSending { id, code } => {
            write!(f, "{name}[{}: {code:#x}]", id.get())
        }
        Frame::MaxData { limit } | Frame::DataBlocked { limit } => write!(f, "{name}[{limit}]"),
        Frame::MaxStreamData { id, limit } | Frame::StreamDataBlocked { id, limit } => {
            write!(f, "{name}[{}: {limit}]", id.get())
        }
        Frame::NewConnectionId { sequence, .. } | Frame::RetireConnectionId { sequence } => {
            write!(f, "{name}[{sequence}]")
        }
        Frame::ConnectionClose(Close::Transport { code, reason, .. }) => {
            write!(f, "{name}[{code} {}]", Text(reason))
        }
        Frame::ConnectionClose(Close::Application { code, reason }) => {
            write!(f, "{name}[{code:#x} {}]", Text(reason))
        }
        _ => f.write_str(name),
    }
}

fn acknowledgement(f: &mut Formatter<'_>, ack: &Ack<'_>) -> Result {
    f.write_str("ACK[")?;
    for (index, range) in ack.ranges().take(8).enumerate() {
        if index > 0 {
            f.write_char(' ')?;
        }
        write!(f, "{}", range.start())?;
        if range.start() != range.end() {
            write!(f, "-{}", range.end())?;
        }
    }
    f.write_char(']')
}

/// Bytes from anywhere, as text.
struct Text<'a>(&'a [u8]);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let shown = self.0.get(..TEXT_MAX).unwrap_or(self.0);
        write!(f, "\"{}\"", shown.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::packet::{ConnectionId, Version};
    use std::string::ToString;

    #[test]
    fn a_packet_is_one_line() {
        // PING, ACK of 2..=4 and 0, a piece of stream 0 with FIN, three PADDING.
        let payload = [
            0x01, 0x02, 4, 0, 1, 2, 0, 0, 0x0b, 0, 2, b'h', b'i', 0, 0, 0,
        ];
        let packet = Packet {
            kind: Kind::Short,
            number: 7,
            size: 40,
            version: Version::V1,
            destination: ConnectionId::EMPTY,
            source: ConnectionId::EMPTY,
            token_length: 0,
            payload: &payload,
        };
        let line = Line(&Event::PacketSent(packet)).to_string();
        let frames = "PING ACK[2-4 0] STREAM[0: 0+2 FIN] PADDING[3]";
        assert_eq!(line, std::format!("sent 1-RTT 7, 40 bytes: {frames}"));
    }

    #[test]
    fn a_hostile_reason_stays_in_its_line() {
        let mut reason = std::vec![b'\n'; 1000];
        reason[0] = 0xff;
        let closure = Closure::Application {
            owner: Owner::Remote,
            code: 0x10c,
            reason: &reason,
        };
        let line = Line(&Event::Closed(closure)).to_string();
        assert!(line.starts_with("closed by the peer: application code 0x10c \"\\xff\\n"));
        assert!(line.is_ascii() && !line.contains('\n') && line.len() < 200);
    }
}

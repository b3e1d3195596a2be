//! Datagrams larger than every path must carry: probes for them, and how large they are (RFC 9000 §14.3, RFC 8899).
//!
//! Invariant: no datagram is larger than the server's max_udp_payload_size, nor than the application's buffer.

use super::interest::{DATAGRAM_SIZE, Interest};
use super::{Connection, State, Transmit};
use crate::frame_writer::PACKET_TOKENS_MAX;
use crate::recovery::{Codepoint, Purpose, Token};
use crate::time::Instant;
use crate::wire::frame::Frame;
use crate::wire::packet::Space;

impl Connection<'_> {
    /// Larger datagrams are tried from now on: the handshake is confirmed.
    pub(super) fn start_mtu_search(&mut self) {
        let max = self.promise.datagram_max.min(self.datagram_max);
        self.recovery.set_datagram_max(max);
    }

    /// The operating system refused a datagram of `length` bytes as too long for the path in use (`EMSGSIZE`). Lengths
    /// from there on are not tried for ten minutes, without waiting for probes that cannot arrive. What was in it
    /// counts as lost when its time has come. Of no consequence for 1,200 bytes and less.
    pub fn on_datagram_refused(&mut self, now: Instant, length: usize) {
        let length = u16::try_from(length).unwrap_or(u16::MAX);
        let path = self.recovery.active();
        self.recovery.on_datagram_refused(now, path, length);
        self.observe(now);
    }

    /// Bytes of a full datagram into a buffer of `room` bytes.
    pub(super) fn segment_size(&self, room: usize) -> usize {
        let size = usize::from(self.recovery.datagram_size());
        // A buffer that is too short for the path is no reason to be silent.
        size.min(room.max(DATAGRAM_SIZE))
    }

    /// A probe for larger datagrams: a PING and padding, alone.
    //= rfc9000#14.4
    pub(super) fn transmit_mtu_probe(&mut self, now: Instant, out: &mut [u8]) -> Option<Transmit> {
        // While nothing is heard, the question is whether anything arrives at all.
        if self.state != State::Confirmed || self.recovery.probes(Space::Application) > 0 {
            return None;
        }
        let probe = self.recovery.mtu_probe(now)?;
        let out = out.get_mut(..usize::from(probe))?;
        let space = Space::Application;
        let room = self.tokens_room(space, Interest::Everything(Purpose::Data), 0);
        if room == 0 {
            return None;
        }
        let number = self.recovery.next_number(space);
        let destination = self.parts.remote_cids.current();
        let mut builder = self.start_packet(space, number, destination, out)?;
        let mut tokens = heapless::Vec::<Token, PACKET_TOKENS_MAX>::new();
        let mut writer = builder.frames(&mut tokens, room);
        writer.frame(&Frame::Ping, Token::None);
        writer.pad_to(usize::MAX);
        let payload = writer.len();
        self.recovery.on_mtu_probe_sent(probe);
        let codepoint = if self.recovery.is_marking(space) {
            Codepoint::Ect0
        } else {
            Codepoint::NotEct
        };
        let path = self.recovery.active();
        let size = self.finish_probe(now, builder, payload, path);
        Some(self.transmit_of(size, None, codepoint))
    }
}

//! The one vocabulary of bounds: from it follow all memory and all that is promised to the peer.
//!
//! Plain numbers, known to every layer. Invariant: every derived capacity is a sum of named needs, so
//! memory and promise cannot disagree.

/// The most chunks of one pool: the pieces of a stream are told apart by 16 bits that wrap around.
pub const CHUNKS_MAX: usize = (1 << 15) - 1;

/// Unidirectional streams that we open: HTTP/3's control stream, QPACK's encoder and decoder stream.
pub const LOCAL_UNIDIRECTIONAL: usize = 3;

/// Unidirectional streams the peer may have open: the same three, and one of a type that nobody knows,
/// which must not take a critical stream's place.
pub const REMOTE_UNIDIRECTIONAL: usize = 4;

/// Bytes of a frame's type and length in front of a field section, at most.
pub const FRAME_HEADER: usize = 16;

/// How much of everything one connection may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Requests at the same time.
    pub requests: usize,
    /// Streams that the application has left and the peer has not yet ended.
    pub draining: usize,
    /// Bytes the peer may send before the application reads: the connection's flow-control window.
    pub receive_window: usize,
    /// Bytes of one receive chunk; a power of two from 32 to 32,768.
    pub receive_chunk: usize,
    /// Bytes of the receive window kept for streams that the engine reads itself.
    pub engine_window: usize,
    /// Bytes not yet acknowledged, or not yet sent, of all streams together.
    pub send_window: usize,
    /// Bytes of one send chunk; a power of two from 32 to 32,768.
    pub send_chunk: usize,
    /// Records of sent packets in the application space: from 8 to 32,000, four of which are kept for probes.
    pub packets_in_flight: usize,
    /// Bytes of the buffer for received handshake messages. Lent by the receive pool until the handshake
    /// is confirmed.
    pub handshake: usize,
    /// Bytes of that buffer that stay after the handshake, for session tickets.
    pub tickets: usize,
    /// Bytes of handshake messages to be sent. Lent by the send pool.
    pub handshake_send: usize,
    /// Bytes of an encoded field section that is accepted.
    pub field_section: usize,
    /// Bytes of one decoded field line: the size of the scratch.
    pub field_line: usize,
    /// Bytes of a UDP payload, in and out.
    pub datagram: usize,
    /// 1-RTT packets kept that arrive before their keys.
    pub early_datagrams: usize,
    /// Ranges of received packet numbers remembered in the application space, at most 32.
    pub ack_ranges: usize,
    /// Bytes of received DATAGRAM frames that wait to be read, and of those that wait to be sent, with two for each
    /// one. 0 for none at all; without the feature `datagrams` it always is.
    pub datagrams: usize,
}

macro_rules! builders {
    ($($name:ident),* $(,)?) => { $(
        #[doc = concat!("The same with another [`", stringify!($name), "`](Self#structfield.", stringify!($name), ").")]
        #[must_use]
        pub const fn $name(mut self, $name: usize) -> Self {
            self.$name = $name;
            self
        }
    )* };
}

impl Limits {
    /// A microcontroller: two requests in 12 KB.
    ///
    /// The chunks are small because two of them are needed for every stream that receives, and one for every
    /// stream that sends, whatever the windows are. `handshake` keeps 2.5 KB of certificates: three with P-256
    /// keys. `tickets` has room for the messages that end a connection, and for no ticket.
    pub const TINY: Self = Self {
        requests: 2,
        draining: 1,
        receive_window: 4 * 1024,
        receive_chunk: 64,
        engine_window: 1024,
        send_window: 1536,
        send_chunk: 64,
        packets_in_flight: 16,
        handshake: 4 * 1024,
        tickets: 64,
        handshake_send: 1024,
        field_section: 1024,
        field_line: 512,
        datagram: 1280,
        early_datagrams: 0,
        ack_ranges: 8,
        datagrams: 0,
    };

    /// A small computer: eight requests in about 150 KB.
    pub const SMALL: Self = Self {
        requests: 8,
        draining: 8,
        receive_window: 64 * 1024,
        receive_chunk: 1024,
        engine_window: 4 * 1024,
        send_window: 32 * 1024,
        send_chunk: 512,
        packets_in_flight: 128,
        handshake: 8 * 1024,
        tickets: 1024,
        handshake_send: 2 * 1024,
        field_section: 4 * 1024,
        field_line: 2 * 1024,
        datagram: 1472,
        early_datagrams: 0,
        ack_ranges: 32,
        datagrams: 0,
    };

    /// A desktop: 128 requests and 16 MiB in flight, of which only touched pages cost memory.
    pub const DESKTOP: Self = Self {
        requests: 128,
        draining: 128,
        receive_window: 16 * 1024 * 1024,
        receive_chunk: 4096,
        engine_window: 64 * 1024,
        send_window: 8 * 1024 * 1024,
        send_chunk: 4096,
        packets_in_flight: 8192,
        handshake: 64 * 1024,
        tickets: 4096,
        handshake_send: 16 * 1024,
        field_section: 24 * 1024,
        field_line: 16 * 1024,
        datagram: 1472,
        early_datagrams: 8,
        ack_ranges: 32,
        datagrams: 0,
    };

    builders!(
        requests,
        draining,
        receive_window,
        receive_chunk,
        engine_window,
        send_window,
        send_chunk,
        packets_in_flight,
        handshake,
        tickets,
        handshake_send,
        field_section,
        field_line,
        datagram,
        early_datagrams,
        ack_ranges,
        datagrams,
    );

    /// Four of the fields as one number, so that a type can carry them.
    #[doc(hidden)]
    pub const fn packed(&self, part: usize) -> u128 {
        let fields = match part {
            0 => [
                self.requests,
                self.draining,
                self.receive_window,
                self.receive_chunk,
            ],
            1 => [
                self.engine_window,
                self.send_window,
                self.send_chunk,
                self.packets_in_flight,
            ],
            2 => [
                self.handshake,
                self.tickets,
                self.handshake_send,
                self.field_section,
            ],
            _ => [
                self.field_line,
                self.datagram,
                // `problem` refuses more than 16 bits of either.
                self.early_datagrams << 16 | self.ack_ranges,
                self.datagrams,
            ],
        };
        let [a, b, c, d] = fields;
        // Every field is below 2^32: `problem` refuses windows above 1 GiB, and the rest is smaller.
        (a as u128) << 96 | (b as u128) << 64 | (c as u128) << 32 | d as u128
    }

    /// The limits that were packed into four numbers.
    #[doc(hidden)]
    pub const fn unpacked(parts: [u128; 4]) -> Self {
        const fn field(parts: [u128; 4], index: usize) -> usize {
            // One of the four fields of 32 bits, and no `usize` has fewer.
            (parts[index / 4] >> (96 - index % 4 * 32)) as u32 as usize
        }
        Self {
            requests: field(parts, 0),
            draining: field(parts, 1),
            receive_window: field(parts, 2),
            receive_chunk: field(parts, 3),
            engine_window: field(parts, 4),
            send_window: field(parts, 5),
            send_chunk: field(parts, 6),
            packets_in_flight: field(parts, 7),
            handshake: field(parts, 8),
            tickets: field(parts, 9),
            handshake_send: field(parts, 10),
            field_section: field(parts, 11),
            field_line: field(parts, 12),
            datagram: field(parts, 13),
            early_datagrams: field(parts, 14) >> 16,
            ack_ranges: field(parts, 14) & 0xffff,
            datagrams: field(parts, 15),
        }
    }

    /// Slots of bidirectional streams: those in use and those being drained.
    pub const fn bidirectional_slots(&self) -> usize {
        self.requests + self.draining
    }

    /// Slots of streams of any kind.
    pub const fn stream_slots(&self) -> usize {
        self.bidirectional_slots() + LOCAL_UNIDIRECTIONAL + REMOTE_UNIDIRECTIONAL
    }

    /// Slots of streams that we send on.
    pub const fn sending_slots(&self) -> usize {
        self.bidirectional_slots() + LOCAL_UNIDIRECTIONAL
    }

    /// Slots of streams that we receive on.
    pub const fn receiving_slots(&self) -> usize {
        self.bidirectional_slots() + REMOTE_UNIDIRECTIONAL
    }

    /// Streams whose bytes are kept. Those being drained keep none.
    pub const fn buffering_streams(&self) -> usize {
        self.requests + REMOTE_UNIDIRECTIONAL
    }

    /// Chunks of the receive pool. `L` outstanding bytes of one stream touch at most `L / chunk + 2`
    /// chunks, so the window needs its own length in chunks and two for each stream that keeps bytes; the
    /// bytes that stay with the handshake's buffer come on top.
    pub const fn receive_chunks(&self) -> usize {
        let all_after = chunks(self.receive_window, self.receive_chunk)
            + 2 * self.buffering_streams()
            + self.ticket_chunks();
        let handshake = self.handshake_chunks();
        if all_after > handshake {
            all_after
        } else {
            handshake
        }
    }

    /// Receive chunks lent to the handshake.
    pub const fn handshake_chunks(&self) -> usize {
        chunks(self.handshake, self.receive_chunk)
    }

    /// Receive chunks that stay lent afterwards.
    pub const fn ticket_chunks(&self) -> usize {
        chunks(self.tickets, self.receive_chunk)
    }

    /// Chunks of the send pool: the window, but at least one for every stream that sends and what the
    /// handshake borrows.
    pub const fn send_chunks(&self) -> usize {
        let window = chunks(self.send_window, self.send_chunk);
        let least = self.sending_slots() + 1;
        let handshake = self.handshake_send_chunks();
        let chunks = if window > least { window } else { least };
        if chunks > handshake {
            chunks
        } else {
            handshake
        }
    }

    /// Send chunks lent to the handshake.
    pub const fn handshake_send_chunks(&self) -> usize {
        chunks(self.handshake_send, self.send_chunk)
    }

    /// Words of presence bits of the receive pool: one bit a byte.
    pub const fn receive_bits(&self) -> usize {
        self.receive_chunks() * self.receive_chunk / 32
    }

    /// Words of the send pool's acknowledged bits: one bit a byte.
    pub const fn send_bits(&self) -> usize {
        self.send_chunks() * self.send_chunk / 32
    }

    /// Bytes a response may hold before anything of it was read: a field section with its frame's header,
    /// or a quarter of the window over all requests if that is more. The rest is for streams whose reader
    /// keeps up.
    pub const fn initial_stream_window(&self) -> usize {
        let section = self.field_section + FRAME_HEADER;
        let quarter = self.receive_window.saturating_sub(self.engine_window) / 4;
        let quarter = match self.requests {
            0 => 0,
            requests => quarter / requests,
        };
        if section > quarter { section } else { quarter }
    }

    /// Bytes that each of the peer's unidirectional streams may hold.
    pub const fn unidirectional_stream_window(&self) -> usize {
        self.engine_window / REMOTE_UNIDIRECTIONAL
    }

    /// What is wrong with these numbers, or `None`. Checked at compile time for static memory.
    pub const fn problem(&self) -> Option<&'static str> {
        if self.requests == 0 {
            return Some("requests: at least one");
        }
        if self.requests > 8192 || self.draining > 8192 {
            return Some("requests, draining: at most 8,192 each");
        }
        if !is_chunk(self.receive_chunk) || !is_chunk(self.send_chunk) {
            return Some("receive_chunk, send_chunk: a power of two from 32 to 32,768");
        }
        if self.receive_window > 1 << 30 || self.send_window > 1 << 30 {
            return Some("receive_window, send_window: at most 1 GiB");
        }
        if self.receive_chunks() > CHUNKS_MAX {
            return Some("receive_chunk: too small, the window has more than 32,767 of them");
        }
        if self.send_chunks() > CHUNKS_MAX {
            return Some("send_chunk: too small, the window has more than 32,767 of them");
        }
        if self.packets_in_flight < 8 || self.packets_in_flight > 32_000 {
            return Some("packets_in_flight: from 8 to 32,000");
        }
        if self.engine_window < 1024 {
            return Some("engine_window: at least 1,024 bytes");
        }
        let requests = self.requests * self.initial_stream_window();
        if self.receive_window < self.engine_window
            || self.receive_window - self.engine_window < requests
        {
            return Some("receive_window: less than engine_window + requests * field_section");
        }
        if self.tickets > self.handshake {
            return Some("tickets: a part of handshake");
        }
        if self.datagram < 1200 || self.datagram > 65_527 {
            return Some("datagram: from 1,200 to 65,527 bytes");
        }
        if self.early_datagrams > 1 << 15 {
            return Some("early_datagrams: at most 32,768");
        }
        if self.datagrams > 1 << 30 {
            return Some("datagrams: at most 1 GiB");
        }
        if self.ack_ranges == 0 || self.ack_ranges > 32 {
            return Some("ack_ranges: from 1 to 32");
        }
        None
    }
}

const fn is_chunk(length: usize) -> bool {
    length >= 32 && length <= 32_768 && length.is_power_of_two()
}

/// Chunks that `bytes` take; none where chunks have no length, which [`Limits::problem`] names.
const fn chunks(bytes: usize, chunk: usize) -> usize {
    if chunk == 0 {
        return 0;
    }
    let whole = bytes / chunk;
    whole + (whole * chunk < bytes) as usize // 0 or 1
}

const _: () = assert!(Limits::TINY.problem().is_none());
const _: () = assert!(Limits::SMALL.problem().is_none());
const _: () = assert!(Limits::DESKTOP.problem().is_none());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_holds_the_window_and_two_chunks_a_stream() {
        let limits = Limits::TINY;
        assert_eq!(limits.receive_chunks(), 64 + 2 * 6 + 1);
        assert_eq!(limits.requests(3).receive_chunks(), 64 + 2 * 7 + 1);
        assert_eq!(limits.handshake_chunks(), 64);
    }

    #[test]
    fn contradictions_are_named() {
        let tiny = Limits::TINY;
        assert!(tiny.requests(0).problem().unwrap().starts_with("requests"));
        assert!(
            tiny.receive_chunk(40)
                .problem()
                .unwrap()
                .starts_with("receive_chunk")
        );
        let many = tiny.receive_chunk(32).receive_window(1 << 20);
        assert!(many.problem().unwrap().starts_with("receive_chunk"));
        assert!(
            tiny.send_window(4 << 20)
                .problem()
                .unwrap()
                .starts_with("send_chunk")
        );
        assert!(tiny.field_section(1520).problem().is_none());
        assert!(
            tiny.field_section(1521)
                .problem()
                .unwrap()
                .starts_with("receive_window")
        );
        assert!(
            tiny.engine_window(1023)
                .problem()
                .unwrap()
                .starts_with("engine_window")
        );
        assert!(
            tiny.datagram(1199)
                .problem()
                .unwrap()
                .starts_with("datagram")
        );
    }
}

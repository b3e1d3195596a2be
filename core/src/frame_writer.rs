//! The one way a component puts frames into a packet: whole frames or nothing, each with its token.
//!
//! Invariant: what was written fits the packet, and every reliable frame in it has a token.

use crate::codec::{Full, VarInt, Writer, to_u64};
use crate::recovery::Token;
use crate::wire::StreamId;
use crate::wire::frame::Frame;

/// Tokens a single packet can carry; a packet is closed when they are used up.
pub const PACKET_TOKENS_MAX: usize = 32;

/// Fills the payload of one packet.
#[derive(Debug)]
pub struct FrameWriter<'a> {
    out: Writer<'a>,
    tokens: &'a mut heapless::Vec<Token, PACKET_TOKENS_MAX>,
    /// Tokens that may still be added: the token ring can be shorter than a packet's share.
    tokens_room: usize,
    ack_eliciting: bool,
    /// At least one frame other than ACK, PADDING and CONNECTION_CLOSE, or PADDING: counts as in flight.
    padded: bool,
}

impl<'a> FrameWriter<'a> {
    /// A writer for the payload `out`, with at most `tokens_room` tokens.
    pub fn new(
        out: Writer<'a>,
        tokens: &'a mut heapless::Vec<Token, PACKET_TOKENS_MAX>,
        tokens_room: usize,
    ) -> Self {
        let tokens_room = tokens_room.min(tokens.capacity() - tokens.len());
        Self {
            out,
            tokens,
            tokens_room,
            ack_eliciting: false,
            padded: false,
        }
    }

    /// Bytes that still fit; zero once the tokens are used up.
    pub fn room(&self) -> usize {
        if self.tokens_room == 0 {
            0
        } else {
            self.out.remaining()
        }
    }

    /// Bytes written so far.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Nothing was written so far.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// The packet asks for an acknowledgement.
    pub fn is_ack_eliciting(&self) -> bool {
        self.ack_eliciting
    }

    /// The packet counts towards bytes in flight.
    //= rfc9000#13.2.7
    pub fn is_in_flight(&self) -> bool {
        self.ack_eliciting || self.padded
    }

    /// Writes `frame` whole and remembers `token`, or does neither and says so.
    pub fn frame(&mut self, frame: &Frame<'_>, token: Token) -> bool {
        if token != Token::None && self.tokens_room == 0 {
            return false;
        }
        if frame.encode(&mut self.out).is_err() {
            return false;
        }
        match frame {
            Frame::Padding { .. } => self.padded = true,
            Frame::Ack(_) | Frame::ConnectionClose(_) => {}
            _ => self.ack_eliciting = true,
        }
        self.remember(token);
        true
    }

    /// Writes a frame that is not ack-eliciting (an ACK) by hand, whole or not at all.
    ///
    /// Its token is a convenience: where there is no place for it, the frame is written without.
    pub fn raw(
        &mut self,
        token: Token,
        write: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>,
    ) -> bool {
        if self.out.whole(write).is_err() {
            return false;
        }
        if self.tokens_room > 0 {
            self.remember(token);
        }
        true
    }

    /// Writes a CRYPTO frame with as much of `data` as fits; returns how much that was.
    pub fn crypto(&mut self, offset: u64, data: &[u8]) -> usize {
        let overhead = 1 + VarInt::size(offset) + 2;
        let length = self
            .room()
            .saturating_sub(overhead)
            .min(data.len())
            .min(0x3fff);
        if length == 0 {
            return 0;
        }
        let token = Token::Crypto {
            // A handshake has no 4 GB, and the length is bounded above.
            offset: offset as u32,
            length: length as u16,
        };
        if self.frame(
            &Frame::Crypto {
                offset,
                data: &data[..length],
            },
            token,
        ) {
            length
        } else {
            0
        }
    }

    /// Writes a STREAM frame with as many of the `available` bytes from `offset` on as fit.
    ///
    /// `fill` copies exactly the bytes of the slice it is given. `last` says that the stream ends after
    /// `available` bytes. Returns the number of bytes and whether FIN was said; `None` if nothing was
    /// written. A frame without bytes is written only to carry FIN.
    pub fn stream(
        &mut self,
        id: StreamId,
        offset: u64,
        available: usize,
        last: bool,
        fill: impl FnOnce(&mut [u8]),
    ) -> Option<(usize, bool)> {
        let overhead =
            1 + VarInt::size(id.get()) + if offset == 0 { 0 } else { VarInt::size(offset) };
        let space = self.room().checked_sub(overhead)?;
        // A frame that reaches the end of the packet needs no length; it is cheaper to always have one,
        // because other frames may follow.
        let length_size = if available.min(space) < 0x40 { 1 } else { 2 };
        let length = available.min(space.checked_sub(length_size)?).min(0x3fff);
        let fin = last && length == available;
        if length == 0 && !fin {
            return None;
        }
        let written = self.out.whole(|out| {
            out.u8(0x08 | 0x02 | u8::from(offset != 0) << 2 | u8::from(fin))?;
            out.varint(id.get())?;
            if offset != 0 {
                out.varint(offset)?;
            }
            out.varint_sized(to_u64(length), length_size)?;
            fill(out.space(length)?);
            Ok(())
        });
        written.ok()?;
        self.ack_eliciting = true;
        self.remember(Token::Stream {
            // What streams do here ends long before number 2^32 (`STREAMS_EVER`).
            id: id.get() as u32,
            offset,
            length: length as u16, // bounded above
            fin,
        });
        Some((length, fin))
    }

    /// Writes a DATAGRAM frame with `length` bytes that `fill` copies, or nothing and says so.
    #[cfg(feature = "datagrams")]
    pub fn datagram(&mut self, length: usize, fill: impl FnOnce(&mut [u8])) -> bool {
        let overhead = 1 + VarInt::size(to_u64(length));
        if self.room() < overhead + length {
            return false;
        }
        let written = self.out.whole(|out| {
            out.varint(crate::wire::frame::kind::DATAGRAM_LEN)?;
            out.varint(to_u64(length))?;
            fill(out.space(length)?);
            Ok(())
        });
        if written.is_err() {
            return false;
        }
        self.ack_eliciting = true;
        self.remember(Token::Datagram);
        true
    }

    /// PADDING up to `length` bytes of payload, or to the end of the packet.
    pub fn pad_to(&mut self, length: usize) {
        let missing = length
            .saturating_sub(self.out.len())
            .min(self.out.remaining());
        if missing > 0 && self.out.zeros(missing).is_ok() {
            self.padded = true;
        }
    }

    fn remember(&mut self, token: Token) {
        if token != Token::None && self.tokens.push(token).is_ok() {
            self.tokens_room -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    //= rfc9000#13.2.7 test
    #[test]
    fn padding_is_in_flight_and_an_acknowledgement_alone_is_not() {
        let mut buffer = [0; 100];
        let mut tokens = heapless::Vec::new();
        let mut w = FrameWriter::new(Writer::new(&mut buffer), &mut tokens, 1);
        let close = crate::wire::frame::Close::Application {
            code: 0,
            reason: b"",
        };
        assert!(w.frame(&Frame::ConnectionClose(close), Token::None));
        assert!(!w.is_in_flight() && !w.is_ack_eliciting());
        w.pad_to(w.len());
        assert!(!w.is_in_flight(), "nothing was padded");
        w.pad_to(50);
        assert!(w.is_in_flight() && !w.is_ack_eliciting() && w.len() == 50);
        assert!(w.frame(&Frame::Ping, Token::None));
        assert!(w.is_ack_eliciting());
    }
}

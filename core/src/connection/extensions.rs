//! Where extensions of QUIC stand among the frames of a packet; each is a feature.
//!
//! Invariant: without its feature an extension writes nothing and waits for nothing.

use super::components::Components;
use crate::context::Context;
use crate::frame_writer::FrameWriter;

impl Components<'_> {
    /// Something of an extension waits to be sent.
    pub(super) fn has_pending_extension(&self) -> bool {
        #[cfg(feature = "ack-frequency")]
        if self.ack_requests.has_pending() {
            return true;
        }
        #[cfg(feature = "datagrams")]
        if self.datagrams.has_pending() {
            return true;
        }
        false
    }

    /// Writes what applications send: streams and datagrams of at most `largest` bytes, which take turns at being
    /// first.
    pub(super) fn write_data(
        &mut self,
        cx: &mut Context<'_>,
        largest: usize,
        writer: &mut FrameWriter<'_>,
    ) {
        #[cfg(feature = "datagrams")]
        let is_first = self.datagrams.is_first();
        #[cfg(feature = "datagrams")]
        if is_first {
            self.datagrams.on_transmit(largest, writer);
        }
        self.streams.on_transmit(cx, writer);
        #[cfg(feature = "datagrams")]
        if !is_first {
            self.datagrams.on_transmit(largest, writer);
        }
        #[cfg(not(feature = "datagrams"))]
        let _ = largest;
    }
}

impl super::Connection<'_> {
    /// Bytes of the longest datagram that a packet carries.
    pub(super) fn datagram_max_now(&self) -> usize {
        #[cfg(feature = "datagrams")]
        return crate::datagram::data_max(self.datagram_frame_room());
        #[cfg(not(feature = "datagrams"))]
        0
    }
}

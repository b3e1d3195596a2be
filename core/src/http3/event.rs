//! What an HTTP/3 connection tells its user.

use super::fields::Fields;
use super::{Code, Error, MessageError, Settings};
use crate::wire::StreamId;

/// A request, known by the stream that carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RequestId(StreamId);

impl RequestId {
    pub(crate) const fn new(id: StreamId) -> Self {
        Self(id)
    }

    #[cfg(test)]
    pub(crate) fn from_number(number: u64) -> Option<Self> {
        crate::codec::VarInt::new(number).map(|number| Self(StreamId::from_varint(number)))
    }

    /// The stream that carries the request.
    pub const fn stream_id(self) -> StreamId {
        self.0
    }
}

impl core::fmt::Display for RequestId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}

/// Something happened. The fields in it are decoded while they are looked at; their bytes are given back at the
/// next call for an event, or for the request's body.
///
/// Events are edges: one is repeated only after something new came, or after the answer to it left something
/// behind. A read that leaves bytes raises `Data` again, a refused write raises `Writable`.
#[derive(Debug)]
pub enum Event<'a> {
    /// The server is verified and requests can be made.
    Connected,
    /// The certificate chain waits for `resume_verification`.
    VerificationPending,
    /// The server's settings arrived.
    Settings(Settings),
    /// A refused `request` can succeed now.
    RequestsAvailable,
    /// An interim response; more will follow.
    Informational {
        /// The request.
        request: RequestId,
        /// From 100 to 199.
        status: u16,
        /// Its fields.
        fields: Fields<'a>,
    },
    /// The final response. Its content follows.
    Response {
        /// The request.
        request: RequestId,
        /// From 200 to 999.
        status: u16,
        /// Its fields.
        fields: Fields<'a>,
    },
    /// Content can be read.
    Data {
        /// The request.
        request: RequestId,
    },
    /// Fields behind the content.
    Trailers {
        /// The request.
        request: RequestId,
        /// Its fields.
        fields: Fields<'a>,
    },
    /// The response is complete, and all of it was read.
    Finished {
        /// The request.
        request: RequestId,
    },
    /// A refused write can succeed now, or now fails for good.
    Writable {
        /// The request.
        request: RequestId,
    },
    /// The server abandoned the response; with [`Code::REQUEST_REJECTED`] it did not look at the request.
    /// Nothing more follows for this request.
    Reset {
        /// The request.
        request: RequestId,
        /// The server's code.
        code: Code,
    },
    /// The response cannot be used and was cancelled. Nothing more follows for this request.
    Failed {
        /// The request.
        request: RequestId,
        /// What is wrong with it.
        error: MessageError,
    },
    /// The server takes no new requests. Those from `last` on were not processed; each is `Reset` with
    /// [`Code::REQUEST_REJECTED`].
    GoAway {
        /// The first stream that was not processed.
        last: StreamId,
    },
    /// The connection is over. Said once, and last.
    Closed(Error),
}

//! The memory that the stream pools lend to the handshake, and how it is shared.
//!
//! ```text
//! by the receive pool: | certificates that are kept | unread CRYPTO bytes ... | Retry token |
//! by the send pool:    | ClientHello (both, after a HelloRetryRequest) | client's last flight |
//! ```
//! Invariant: the parts do not overlap. After the handshake all that is left is for unread CRYPTO bytes.

use super::{Connection, State};

/// The receive pool's loan.
pub(super) struct Lent<'a> {
    /// Keeps certificates.
    pub(super) store: &'a mut [u8],
    /// Unread CRYPTO bytes.
    pub(super) window: &'a mut [u8],
    /// The Retry token, while Initial packets are sent.
    pub(super) token: &'a mut [u8],
}

/// Divides what the receive pool lends. Certificates are the bulk of a server's flight, and everything else in it
/// is short.
pub(super) fn divide(state: State, lent: &mut [u8], token: usize) -> Lent<'_> {
    let store = if state == State::Handshaking {
        lent.len() / 8 * 5
    } else {
        0
    };
    let (store, rest) = split(lent, store);
    let window = rest.len().saturating_sub(token);
    let (window, token) = split(rest, window);
    Lent {
        store,
        window,
        token,
    }
}

/// Splits at `middle`, or at the end if that is earlier.
fn split(bytes: &mut [u8], middle: usize) -> (&mut [u8], &mut [u8]) {
    let middle = middle.min(bytes.len());
    bytes.split_at_mut_checked(middle).unwrap_or_default()
}

impl Connection<'_> {
    /// What the receive pool lends now, and what the send pool does.
    pub(super) fn lent(&mut self) -> (Lent<'_>, &mut [u8]) {
        let (receive, send) = self.parts.streams.handshake_buffers();
        (
            divide(self.state, receive, self.version.token_length()),
            send,
        )
    }
}

//! Tokens for the next connection (RFC 9000 §8.1.3): the newest that the server gave, until somebody takes it.
//!
//! Invariant: one token of bounded length is kept, whatever the server sends.

use super::Connection;
use crate::fmt::debug;

/// Bytes of the longest token that is kept. Those of common servers have about a hundred.
pub const NEW_TOKEN_MAX: usize = 256;

/// The newest token.
#[derive(Default)]
pub(super) struct NewToken {
    token: heapless::Vec<u8, NEW_TOKEN_MAX>,
    untold: bool,
}

impl NewToken {
    /// NEW_TOKEN arrived. A longer token than is kept is left alone, and so is the one before it.
    pub(super) fn on_frame(&mut self, token: &[u8]) {
        match heapless::Vec::from_slice(token) {
            Ok(token) if token != self.token => {
                self.token = token;
                self.untold = true;
            }
            Ok(_) => {}
            Err(_) => debug!("a token too long to be kept"),
        }
    }

    /// There is a token that was not told of.
    pub(super) fn take_untold(&mut self) -> bool {
        core::mem::take(&mut self.untold)
    }
}

impl Connection<'_> {
    /// The newest token that the server gave for [`super::ClientConfig::token`] of a later connection, at most
    /// [`NEW_TOKEN_MAX`] bytes; empty before. It belongs to the server and to [`Connection::version`].
    pub fn new_token(&self) -> &[u8] {
        &self.parts.new_token.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    //= rfc9000#19.7 test
    #[test]
    fn the_newest_that_fits_is_kept() {
        let mut tokens = NewToken::default();
        assert!(!tokens.take_untold());
        tokens.on_frame(b"first");
        tokens.on_frame(&[7; NEW_TOKEN_MAX]);
        assert!(tokens.take_untold() && !tokens.take_untold());
        tokens.on_frame(&[8; NEW_TOKEN_MAX + 1]);
        assert!(!tokens.take_untold());
        assert_eq!(tokens.token, [7; NEW_TOKEN_MAX]);
        // A copy is no news.
        tokens.on_frame(&[7; NEW_TOKEN_MAX]);
        assert!(!tokens.take_untold());
    }
}

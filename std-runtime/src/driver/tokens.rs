//! The token that each server gave for the next connection to it (RFC 9000 §8.1.3).
//!
//! Invariant: one token a server, used once, for at most [`SERVERS_MAX`] servers: the one that waited longest makes room.

use std::collections::VecDeque;
use std::sync::Arc;

use quicpro_core::wire::packet::Version;

/// Servers whose tokens are kept.
const SERVERS_MAX: usize = 256;

/// A token, and the version of the connection that it came on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub version: Version,
    pub bytes: Arc<[u8]>,
}

/// Tokens by server, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    kept: VecDeque<(Arc<str>, Token)>,
}

impl Tokens {
    /// `authority` gave `bytes` on a connection of `version`; an earlier token of it is replaced.
    pub fn put(&mut self, authority: &Arc<str>, version: Version, bytes: &[u8]) {
        self.take(authority);
        if bytes.is_empty() {
            return;
        }
        if self.kept.len() == SERVERS_MAX {
            self.kept.pop_front();
        }
        let bytes = bytes.into();
        self.kept
            .push_back((authority.clone(), Token { version, bytes }));
    }

    /// The token for the next connection to `authority`, which is the only one that it is used for.
    //= rfc9000#8.1.3
    pub fn take(&mut self, authority: &str) -> Option<Token> {
        let mut kept = self.kept.iter();
        let place = kept.position(|(known, _)| **known == *authority)?;
        Some(self.kept.remove(place)?.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    //= rfc9000#8.1.3 test
    #[test]
    fn a_token_is_used_once_and_the_newest_counts() {
        let mut tokens = Tokens::default();
        let server: Arc<str> = "h3.test:443".into();
        tokens.put(&server, Version::V1, b"old");
        tokens.put(&server, Version::V1, b"new");
        assert_eq!(tokens.take("other.test:443"), None);
        assert_eq!(&*tokens.take(&server).unwrap().bytes, b"new");
        assert_eq!(tokens.take(&server), None);
        tokens.put(&server, Version::V1, b"");
        assert_eq!(tokens.take(&server), None);
    }

    #[test]
    fn the_oldest_makes_room() {
        let mut tokens = Tokens::default();
        let name = |number: usize| -> Arc<str> { format!("{number}.test:443").into() };
        for number in 0..=SERVERS_MAX {
            tokens.put(&name(number), Version::V1, b"token");
        }
        assert_eq!(tokens.kept.len(), SERVERS_MAX);
        assert_eq!(tokens.take(&name(0)), None);
        assert!(tokens.take(&name(1)).is_some());
    }
}

//! What passes on a link, as anyone on the way can see it: sizes, addresses, marks, headers.
//!
//! Invariant: it changes nothing; a [`Verdict`] of the test's own may be given beside it.

use super::link::{Ecn, Link, Verdict};
use quicpro_core::Instant;
use quicpro_core::wire::packet::{Header, Kind};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A datagram that was seen.
#[derive(Clone, Debug)]
pub struct Sight {
    /// When it was sent.
    pub at: Instant,
    /// Bytes of UDP payload.
    pub len: usize,
    /// Its mark.
    pub ecn: Ecn,
    /// From where, as the world sees it.
    pub from: SocketAddr,
    /// Where to.
    pub to: SocketAddr,
    /// The packets in it.
    pub kinds: Vec<Kind>,
    /// The token of an Initial or a Retry packet in it.
    pub token: Vec<u8>,
    /// What became of it before the weather had its say.
    pub verdict: Verdict,
}

impl Sight {
    /// Whether it holds such a packet.
    pub fn has(&self, kind: Kind) -> bool {
        self.kinds.contains(&kind)
    }
}

/// An observer, and what it has seen.
#[derive(Clone, Debug, Default)]
pub struct Witness(Arc<Mutex<Vec<Sight>>>);

impl Witness {
    /// Watches a link from now on.
    pub fn of(link: &mut Link) -> Self {
        Self::with(link, |_| Verdict::Pass)
    }

    /// Watches a link and decides about each datagram by its place, which is 1 for the first.
    pub fn with(link: &mut Link, decide: impl Fn(usize) -> Verdict + Send + 'static) -> Self {
        let witness = Self::default();
        let own = witness.clone();
        link.set_filter(Box::new(move |now, datagram| {
            let mut sights = own.lock();
            let verdict = decide(sights.len() + 1);
            let (kinds, token) = packets(&datagram.bytes);
            sights.push(Sight {
                at: now,
                len: datagram.bytes.len(),
                ecn: datagram.ecn,
                from: datagram.from,
                to: datagram.to,
                kinds,
                token,
                verdict,
            });
            verdict
        }));
        witness
    }

    /// Everything so far.
    pub fn sights(&self) -> Vec<Sight> {
        self.lock().clone()
    }

    /// Datagrams with such a packet.
    pub fn count(&self, kind: Kind) -> usize {
        self.lock().iter().filter(|sight| sight.has(kind)).count()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Sight>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The kinds of the packets in a datagram, as far as their headers can be read, and the first token.
fn packets(datagram: &[u8]) -> (Vec<Kind>, Vec<u8>) {
    let (mut kinds, mut token, mut start) = (Vec::new(), Vec::new(), 0);
    while start < datagram.len()
        && let Ok(header) = Header::decode(datagram, start, 0)
    {
        kinds.push(header.kind);
        if token.is_empty() && matches!(header.kind, Kind::Initial | Kind::Retry) {
            token = datagram[header.token.clone()].to_vec();
        }
        start = header.end;
    }
    (kinds, token)
}

//! Counters and estimates of a connection, for people and dashboards.

#[cfg(any(feature = "migration", feature = "testing"))]
use super::Connection;
#[cfg(feature = "migration")]
use super::migration::PathStats;
#[cfg(feature = "migration")]
use crate::path::Which;
use crate::recovery;
use crate::time::Duration;

/// What a connection has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// UDP datagrams handed out.
    pub datagrams_sent: u64,
    /// UDP datagrams taken in, whatever they were.
    pub datagrams_received: u64,
    /// Bytes of the datagrams handed out.
    pub bytes_sent: u64,
    /// Bytes of the datagrams taken in.
    pub bytes_received: u64,
    /// QUIC packets sealed.
    pub packets_sent: u64,
    /// QUIC packets opened, and a Retry that was followed.
    pub packets_received: u64,
    /// Updates of the 1-RTT keys, by either side.
    pub key_updates: u32,
    /// Smoothed round-trip time.
    pub rtt: Duration,
    /// Smallest round-trip time seen.
    pub rtt_min: Duration,
    /// Congestion window, bytes.
    pub window: u64,
    /// Bytes sent and neither acknowledged nor lost.
    pub in_flight: u64,
    /// What recovery counted.
    pub recovery: recovery::Stats,
}

/// What is counted by the connection itself.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) datagrams_sent: u64,
    pub(super) datagrams_received: u64,
    pub(super) bytes_sent: u64,
    pub(super) bytes_received: u64,
    pub(super) packets_sent: u64,
    pub(super) packets_received: u64,
    pub(super) key_updates: u32,
    /// Bytes of the CRYPTO window that were moved to its front.
    #[cfg(feature = "testing")]
    pub(super) crypto_moved: u64,
}

#[cfg(feature = "migration")]
impl Connection<'_> {
    /// What is known of every path: of the one in use, one that is tried, and one that was left a short while ago.
    pub fn paths(&self) -> impl Iterator<Item = PathStats> {
        let all = [Which::Active, Which::Candidate, Which::Left];
        let routes = all.into_iter().filter_map(|which| self.routes.get(which));
        routes.filter_map(|route| self.path(route.id))
    }
}

#[cfg(feature = "testing")]
impl Connection<'_> {
    /// How many bytes of handshake data were moved within their window so far: work that a server causes.
    pub fn crypto_bytes_moved(&self) -> u64 {
        self.counters.crypto_moved
    }
}

//! What a connection has done so far, for people and dashboards.
//!
//! Invariant: numbers of one connection at one moment; they never go backwards but for estimates.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use quicpro_core::connection::Connection;

/// Counters and estimates of one connection, as they were when it was looked after last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionStats {
    /// The server's address.
    pub remote_addr: SocketAddr,
    /// From the first packet to the verified handshake.
    pub handshake: Option<Duration>,
    /// The cipher suite, by TLS's name.
    pub cipher: Option<&'static str>,
    /// Smoothed round-trip time.
    pub rtt: Duration,
    /// The latest round-trip time.
    pub rtt_latest: Duration,
    /// The smallest round-trip time.
    pub rtt_min: Duration,
    /// How much round-trip times vary.
    pub rtt_variation: Duration,
    /// Bytes that may be in flight.
    pub congestion_window: u64,
    /// Bytes sent and neither acknowledged nor lost.
    pub bytes_in_flight: u64,
    /// What the congestion controller is doing.
    pub congestion_phase: &'static str,
    /// Bytes a second that the pacer lets leave.
    pub pacing_rate: u64,
    /// Bytes of UDP payload in a full datagram.
    pub datagram_size: u16,
    /// UDP datagrams sent.
    pub datagrams_sent: u64,
    /// UDP datagrams received, whatever they were.
    pub datagrams_received: u64,
    /// Bytes of the datagrams sent.
    pub bytes_sent: u64,
    /// Bytes of the datagrams received.
    pub bytes_received: u64,
    /// QUIC packets sent.
    pub packets_sent: u64,
    /// QUIC packets received.
    pub packets_received: u64,
    /// Packets declared lost.
    pub packets_lost: u64,
    /// Of these, acknowledged afterwards.
    pub spurious_losses: u64,
    /// Probe timeouts.
    pub probe_timeouts: u64,
    /// Times that persistent congestion was established.
    pub persistent_congestion: u64,
    /// Updates of the keys, by either side.
    pub key_updates: u64,
    /// Packets carry a mark that lets the network tell of congestion without loss (ECN).
    pub is_marking_ecn: bool,
}

impl ConnectionStats {
    pub(crate) fn of(connection: &Connection<'_>, handshake: Option<Duration>) -> Self {
        let (stats, metrics) = (connection.stats(), connection.metrics());
        let us = |time: u32| Duration::from_micros(time.into());
        Self {
            remote_addr: connection.remote(),
            handshake,
            cipher: connection.suite().map(|suite| match suite.code() {
                0x1301 => "TLS_AES_128_GCM_SHA256",
                0x1302 => "TLS_AES_256_GCM_SHA384",
                _ => "TLS_CHACHA20_POLY1305_SHA256",
            }),
            rtt: stats.rtt,
            rtt_latest: us(metrics.rtt_latest_us),
            rtt_min: stats.rtt_min,
            rtt_variation: us(metrics.rtt_variation_us),
            congestion_window: stats.window,
            bytes_in_flight: stats.in_flight,
            congestion_phase: connection.congestion_phase(),
            pacing_rate: metrics.pacing_rate,
            datagram_size: connection.datagram_size(),
            datagrams_sent: stats.datagrams_sent,
            datagrams_received: stats.datagrams_received,
            bytes_sent: stats.bytes_sent,
            bytes_received: stats.bytes_received,
            packets_sent: stats.packets_sent,
            packets_received: stats.packets_received,
            packets_lost: stats.recovery.lost.into(),
            spurious_losses: stats.recovery.spurious.into(),
            probe_timeouts: stats.recovery.probe_timeouts.into(),
            persistent_congestion: stats.recovery.persistent_congestion.into(),
            key_updates: stats.key_updates.into(),
            is_marking_ecn: connection.is_marking_ecn(),
        }
    }
}

/// A table of two columns.
impl fmt::Display for ConnectionStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |name: &str, value: String| writeln!(f, "{name:<20} {value}");
        let time = |time: Duration| format!("{:.3} ms", time.as_secs_f64() * 1_000.0);
        row("server", self.remote_addr.to_string())?;
        row("cipher", self.cipher.unwrap_or("none yet").to_owned())?;
        let handshake = self.handshake.map_or("not complete".to_owned(), time);
        row("handshake", handshake)?;
        let rtt = format!(
            "{} (smallest {}, latest {}, variation {})",
            time(self.rtt),
            time(self.rtt_min),
            time(self.rtt_latest),
            time(self.rtt_variation)
        );
        row("round-trip time", rtt)?;
        let window = format!(
            "{} bytes ({}), {} in flight, paced at {} bytes/s",
            self.congestion_window, self.congestion_phase, self.bytes_in_flight, self.pacing_rate
        );
        row("congestion window", window)?;
        row(
            "sent",
            amounts(self.bytes_sent, self.datagrams_sent, self.packets_sent),
        )?;
        let received = amounts(
            self.bytes_received,
            self.datagrams_received,
            self.packets_received,
        );
        row("received", received)?;
        let lost = format!(
            "{} packets, {} of them spurious",
            self.packets_lost, self.spurious_losses
        );
        row("lost", lost)?;
        let timeouts = format!(
            "{}, persistent congestion {} times",
            self.probe_timeouts, self.persistent_congestion
        );
        row("probe timeouts", timeouts)?;
        row("key updates", self.key_updates.to_string())?;
        row("datagram size", format!("{} bytes", self.datagram_size))?;
        let ecn = if self.is_marking_ecn {
            "marked"
        } else {
            "not marked"
        };
        row("ECN", ecn.to_owned())
    }
}

fn amounts(bytes: u64, datagrams: u64, packets: u64) -> String {
    format!("{bytes} bytes in {datagrams} datagrams, {packets} packets")
}

//! What a connection has done so far, for people and dashboards.
//!
//! Invariant: numbers of one connection at one moment; they never go backwards but for estimates.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use quicpro_core::connection::{self, Connection};
use quicpro_core::wire::packet::Version;

/// The path in use, one that is tried, and one that was left a short while ago.
const PATHS_MAX: usize = 3;

/// One pair of addresses of a connection, as it was when the connection was looked after last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PathStats {
    /// Its number, counted from 0 in the order in which a connection came to know them.
    pub number: u32,
    /// Our address, if the operating system says which.
    pub local_addr: Option<SocketAddr>,
    /// The server's address.
    pub remote_addr: SocketAddr,
    /// Everything but probes leaves on it.
    pub is_active: bool,
    /// The server was found to answer on it.
    pub is_validated: bool,
    /// Smoothed round-trip time; 333 ms before the first is known (RFC 9002 §6.2.2).
    pub rtt: Duration,
    /// Bytes that may be in flight.
    pub congestion_window: u64,
    /// Bytes sent and neither acknowledged nor lost.
    pub bytes_in_flight: u64,
    /// Bytes of UDP payload in a full datagram.
    pub datagram_size: u16,
}

impl PathStats {
    fn of(path: &connection::PathStats, local_addr: Option<SocketAddr>) -> Self {
        Self {
            number: path.id.number(),
            local_addr: local_addr.or(path.local),
            remote_addr: path.remote,
            is_active: path.is_active,
            is_validated: path.is_validated,
            rtt: path.rtt,
            congestion_window: path.window.into(),
            bytes_in_flight: path.in_flight.into(),
            datagram_size: path.datagram,
        }
    }
}

/// Two lines.
impl fmt::Display for PathStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.local_addr {
            Some(local) => write!(f, "{local} to {}", self.remote_addr)?,
            None => write!(f, "to {}", self.remote_addr)?,
        }
        let state = match (self.is_active, self.is_validated) {
            (true, true) => "in use",
            (true, false) => "in use, no answer yet",
            (false, true) => "left",
            (false, false) => "tried, no answer yet",
        };
        writeln!(f, ", {state}")?;
        let (rtt, window) = (time(self.rtt), grouped(self.congestion_window));
        let (in_flight, size) = (grouped(self.bytes_in_flight), self.datagram_size);
        write!(
            f,
            "round trip {rtt}, window {window} bytes, {in_flight} in flight, datagrams of {size} bytes"
        )
    }
}

/// Counters and estimates of one connection, as they were when it was looked after last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionStats {
    /// The server's address.
    pub remote_addr: SocketAddr,
    /// The version of QUIC: 1 or 2.
    pub quic_version: u8,
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
    /// The congestion controller.
    pub congestion_control: &'static str,
    /// What the congestion controller is doing, in the words of its specification.
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
    paths: [Option<PathStats>; PATHS_MAX],
}

impl ConnectionStats {
    /// Every path that the connection knows, the one in use first.
    pub fn paths(&self) -> impl Iterator<Item = &PathStats> {
        self.paths.iter().flatten()
    }

    /// `address` says what the engine's name for an address of ours stands for, towards a server's.
    pub(crate) fn of(
        connection: &Connection<'_>,
        handshake: Option<Duration>,
        address: impl Fn(Option<SocketAddr>, SocketAddr) -> Option<SocketAddr>,
    ) -> Self {
        let mut paths = [None; PATHS_MAX];
        for (place, path) in paths.iter_mut().zip(connection.paths()) {
            *place = Some(PathStats::of(&path, address(path.local, path.remote)));
        }
        let (stats, metrics) = (connection.stats(), connection.metrics());
        let us = |time: u32| Duration::from_micros(time.into());
        Self {
            remote_addr: connection.remote(),
            quic_version: if connection.version() == Version::V2 {
                2
            } else {
                1
            },
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
            congestion_control: connection.congestion_control(),
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
            paths,
        }
    }
}

/// A table of two columns.
impl fmt::Display for ConnectionStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |name: &str, value: String| writeln!(f, "{name:<20} {value}");
        let server = format!("{}, QUIC version {}", self.remote_addr, self.quic_version);
        row("server", server)?;
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
        let control = format!("{}, {}", self.congestion_control, self.congestion_phase);
        row("congestion control", control)?;
        let window = format!(
            "{} bytes, {} in flight, paced at {} bytes/s",
            grouped(self.congestion_window),
            grouped(self.bytes_in_flight),
            grouped(self.pacing_rate)
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
            grouped(self.packets_lost),
            grouped(self.spurious_losses)
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
        row("ECN", ecn.to_owned())?;
        for path in self.paths() {
            let mut name = format!("path {}", path.number);
            for line in path.to_string().lines() {
                row(&std::mem::take(&mut name), line.to_owned())?;
            }
        }
        Ok(())
    }
}

fn amounts(bytes: u64, datagrams: u64, packets: u64) -> String {
    let (bytes, datagrams, packets) = (grouped(bytes), grouped(datagrams), grouped(packets));
    format!("{bytes} bytes in {datagrams} datagrams, {packets} packets")
}

fn time(time: Duration) -> String {
    format!("{:.3} ms", time.as_secs_f64() * 1_000.0)
}

/// A number with its digits in threes.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_numbers_can_be_read() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_000), "1,000");
        assert_eq!(grouped(u64::MAX), "18,446,744,073,709,551,615");
    }

    #[test]
    fn a_path_says_what_it_is() {
        let mut path = PathStats {
            number: 1,
            local_addr: "[::1]:5000".parse().ok(),
            remote_addr: "[::1]:443".parse().unwrap(),
            is_active: true,
            is_validated: false,
            rtt: Duration::from_micros(20_500),
            congestion_window: 14_720,
            bytes_in_flight: 1_200,
            datagram_size: 1_452,
        };
        assert_eq!(
            path.to_string(),
            "[::1]:5000 to [::1]:443, in use, no answer yet\n\
             round trip 20.500 ms, window 14,720 bytes, 1,200 in flight, datagrams of 1452 bytes"
        );
        (path.local_addr, path.is_active, path.is_validated) = (None, false, true);
        assert!(path.to_string().starts_with("to [::1]:443, left\n"));
    }
}

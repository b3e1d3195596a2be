//! Which packets probe the path's MTU.
//!
//! Invariant: a probe is what is longer than a full datagram (RFC 9000 §14.4); one is out at a time.

/// The probes of a connection.
#[derive(Debug)]
pub(super) struct Probes {
    /// Bytes of a full datagram.
    full: usize,
    /// Number of the last probe.
    last: Option<u64>,
}

impl Default for Probes {
    /// Every path carries this much (RFC 9000 §14.1).
    fn default() -> Self {
        Self {
            full: 1_200,
            last: None,
        }
    }
}

impl Probes {
    /// Full datagrams have this size from now on.
    pub(super) fn on_datagram_size(&mut self, size: u16) {
        self.full = size.into();
    }

    /// A 1-RTT packet was sent; whether it is a probe.
    pub(super) fn is_sent(&mut self, number: u64, size: usize) -> bool {
        let is_probe = size > self.full;
        if is_probe {
            self.last = Some(number);
        }
        is_probe
    }

    /// Whether the lost packet of this number was a probe.
    pub(super) fn is_lost(&self, number: u64) -> bool {
        self.last == Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_longer_than_a_datagram_is_a_probe() {
        let mut probes = Probes::default();
        assert!(!probes.is_sent(1, 1_200) && !probes.is_lost(1));
        assert!(probes.is_sent(2, 1_472) && probes.is_lost(2) && !probes.is_lost(1));
        probes.on_datagram_size(1_472);
        assert!(!probes.is_sent(3, 1_472) && !probes.is_lost(3));
    }
}

//! A translator of the client's addresses (NAT) that forgets them now and then.
//!
//! Before the first rebinding addresses pass unchanged. Each rebinding moves all of the client to another port,
//! or to another port of another address; what is sent to the old place from then on is lost.
//! Invariant: outward and inward agree at every moment.

use quicpro_core::Instant;
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rebinding {
    /// The port.
    Port,
    /// Port and address.
    Address,
}

/// A translator and its plans.
#[derive(Debug, Default)]
pub struct Nat {
    ports: u16,
    addresses: u16,
    /// Public to private, since the last rebinding.
    bindings: BTreeMap<SocketAddr, SocketAddr>,
    /// In the order of their times.
    planned: VecDeque<(Instant, Rebinding)>,
    /// When datagrams came that nobody was bound to.
    lost: Vec<Instant>,
}

impl Nat {
    /// Plans a rebinding, not before those that are planned already.
    pub fn plan(&mut self, at: Instant, rebinding: Rebinding) {
        assert!(self.planned.back().is_none_or(|(last, _)| *last <= at));
        self.planned.push_back((at, rebinding));
    }

    /// Rebinds at once.
    pub fn rebind(&mut self, rebinding: Rebinding) {
        self.ports += 1;
        self.addresses += u16::from(rebinding == Rebinding::Address);
        self.bindings.clear();
    }

    /// Rebindings so far.
    pub fn rebindings(&self) -> u16 {
        self.ports
    }

    /// Datagrams that nobody was bound to.
    pub fn lost(&self) -> u64 {
        self.lost.len() as u64
    }

    /// When those of them came that came at `time` or later.
    pub fn lost_since(&self, time: Instant) -> impl Iterator<Item = Instant> {
        self.lost.iter().copied().filter(move |at| *at >= time)
    }

    /// The address that the world sees in place of `from`.
    pub fn outward(&mut self, now: Instant, from: SocketAddr) -> SocketAddr {
        self.carry_out(now);
        if self.ports == 0 {
            return from;
        }
        let ip = match from.ip() {
            IpAddr::V4(ip) => Ipv4Addr::from(u32::from(ip) + u32::from(self.addresses)).into(),
            IpAddr::V6(ip) => Ipv6Addr::from(u128::from(ip) + u128::from(self.addresses)).into(),
        };
        let public = SocketAddr::new(ip, from.port() + self.ports);
        self.bindings.insert(public, from);
        public
    }

    /// The client's own address that `to` stands for now; `None` if there is none any more.
    pub fn inward(&mut self, now: Instant, to: SocketAddr) -> Option<SocketAddr> {
        self.carry_out(now);
        if self.ports == 0 {
            return Some(to);
        }
        self.bindings.get(&to).copied()
    }

    /// A datagram to `to` has reached the translator.
    pub fn admit(&mut self, now: Instant, to: SocketAddr) -> Option<SocketAddr> {
        let private = self.inward(now, to);
        if private.is_none() {
            self.lost.push(now);
        }
        private
    }

    fn carry_out(&mut self, now: Instant) {
        while let Some(&(at, rebinding)) = self.planned.front()
            && at <= now
        {
            self.planned.pop_front();
            self.rebind(rebinding);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::CLIENT;
    use super::*;

    #[test]
    fn a_rebinding_moves_the_client_and_forgets_its_old_place() {
        let at = Instant::from_micros;
        let mut nat = Nat::default();
        nat.plan(at(10), Rebinding::Port);
        nat.plan(at(20), Rebinding::Address);
        assert_eq!(nat.outward(at(9), CLIENT), CLIENT);
        assert_eq!(nat.admit(at(9), CLIENT), Some(CLIENT));

        assert_eq!(nat.admit(at(10), CLIENT), None);
        let second = nat.outward(at(10), CLIENT);
        assert_eq!((second.ip(), second.port()), (CLIENT.ip(), 40_001));
        assert_eq!(nat.admit(at(19), second), Some(CLIENT));

        assert_eq!(nat.admit(at(20), second), None);
        let third = nat.outward(at(21), CLIENT);
        assert_ne!(third.ip(), CLIENT.ip());
        assert_eq!(nat.admit(at(22), third), Some(CLIENT));
        assert_eq!((nat.rebindings(), nat.lost()), (2, 2));
    }
}

//! Several parties at one end of a network, so that they share its bottleneck.
//!
//! Invariant: a datagram reaches the one member whose address it has, and nobody where there is none.

use super::{Arrival, Party, Transmit};
use quicpro_core::Instant;
use std::net::SocketAddr;

/// Parties, each with the address of a client: its own, or that of the client it serves.
pub struct Crowd<P> {
    /// The members.
    pub members: Vec<(SocketAddr, P)>,
    side: Side,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Clients,
    Servers,
}

impl<P> Crowd<P> {
    /// Clients, each at an address of its own.
    pub fn of_clients(members: Vec<(SocketAddr, P)>) -> Self {
        let side = Side::Clients;
        Self { members, side }
    }

    /// Servers at one address, each for the client at the address given.
    pub fn of_servers(members: Vec<(SocketAddr, P)>) -> Self {
        let side = Side::Servers;
        Self { members, side }
    }
}

impl<P: Party> Party for Crowd<P> {
    fn handle_datagram(&mut self, now: Instant, arrival: &Arrival, datagram: &mut [u8]) {
        let client = match self.side {
            Side::Clients => arrival.to,
            Side::Servers => arrival.from,
        };
        let member = self.members.iter_mut().find(|(own, _)| *own == client);
        if let Some((_, member)) = member {
            member.handle_datagram(now, arrival, datagram);
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        for (_, member) in &mut self.members {
            if member.poll_timeout().is_some_and(|timeout| timeout <= now) {
                member.handle_timeout(now);
            }
        }
    }

    fn run_application(&mut self, now: Instant) {
        for (_, member) in &mut self.members {
            member.run_application(now);
        }
    }

    fn poll_transmit(&mut self, now: Instant, out: &mut [u8]) -> Option<Transmit> {
        let side = self.side;
        self.members.iter_mut().find_map(|(address, member)| {
            let transmit = member.poll_transmit(now, out)?;
            let own = (side == Side::Clients).then_some(*address);
            Some(Transmit {
                from: transmit.from.or(own),
                ..transmit
            })
        })
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        let members = self.members.iter_mut();
        members
            .filter_map(|(_, member)| member.poll_timeout())
            .min()
    }
}

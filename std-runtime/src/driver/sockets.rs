//! The sockets of one connection: one for each path it is on, so that the kernel keeps strangers away from all of them.
//!
//! Invariant: there is at least one, and never more than [`SOCKETS_MAX`].

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};

use mio::{Registry, Token};

use super::socket::{Arrival, Batch, Received, Sent, Slots, Socket};

/// The path in use, the one it came from, and one that is tried.
const SOCKETS_MAX: usize = 3;

pub(crate) struct Sockets {
    /// The newest last.
    list: Vec<Place>,
    token: Token,
}

struct Place {
    socket: Socket,
    /// What the engine calls its address; the first needs no name.
    local: Option<SocketAddr>,
    /// Its address, as far as the kernel has told.
    address: Option<SocketAddr>,
    /// The address from which the kernel reached the server when it was opened.
    ip: Option<IpAddr>,
}

impl Sockets {
    /// With a first socket, to `remote`.
    pub fn connect(remote: SocketAddr, registry: &Registry, token: Token) -> io::Result<Self> {
        let mut sockets = Self {
            list: Vec::with_capacity(SOCKETS_MAX),
            token,
        };
        sockets.open(remote, registry, None)?;
        Ok(sockets)
    }

    /// Opens a socket to `remote` that has no name for the engine, in place of the oldest that is not called `active`.
    fn open(
        &mut self,
        remote: SocketAddr,
        registry: &Registry,
        active: Option<SocketAddr>,
    ) -> io::Result<&mut Place> {
        let mut socket = Socket::connect(remote)?;
        socket.register(registry, self.token)?;
        if self.list.len() >= SOCKETS_MAX {
            let oldest = self.list.iter().position(|place| place.local != active);
            let mut oldest = self.list.remove(oldest.unwrap_or(0));
            oldest.socket.deregister(registry);
        }
        self.list.push(Place {
            address: socket.local_addr().ok(),
            socket,
            local: None,
            ip: own_address(remote),
        });
        let place = self.list.last_mut();
        place.ok_or_else(|| io::Error::other("no socket"))
    }

    /// Opens another socket to `remote` beside the one called `active`; returns its address, by which the engine is to
    /// know it.
    pub fn add(
        &mut self,
        remote: SocketAddr,
        registry: &Registry,
        active: Option<SocketAddr>,
    ) -> io::Result<SocketAddr> {
        let place = self.open(remote, registry, active)?;
        let local = place.socket.local_addr()?;
        place.local = Some(local);
        Ok(local)
    }

    /// The address of the socket that the engine calls `local`, on the path to `remote`.
    pub fn address(&self, local: Option<SocketAddr>, remote: SocketAddr) -> Option<SocketAddr> {
        let is_it = |place: &&Place| place.local == local && place.socket.remote() == remote;
        self.list.iter().find(is_it)?.address
    }

    /// Closes the newest socket: the engine has no use for it.
    pub fn remove_newest(&mut self, registry: &Registry) {
        if self.list.len() > 1
            && let Some(mut place) = self.list.pop()
        {
            place.socket.deregister(registry);
        }
    }

    pub fn deregister(&mut self, registry: &Registry) {
        for place in &mut self.list {
            place.socket.deregister(registry);
        }
    }

    /// Datagrams that one batch may hold.
    pub fn segments_max(&self) -> usize {
        let newest = self.list.last();
        newest.map_or(1, |place| place.socket.segments_max())
    }

    /// Sends a batch to `to`, by the socket that the engine names with `from`. A server that moved, as it said it
    /// would, gets a socket of its own.
    pub fn send(
        &mut self,
        (from, to): (Option<SocketAddr>, SocketAddr),
        registry: &Registry,
        batch: Batch<'_>,
    ) -> Sent {
        let is_it = |place: &Place| place.local == from && place.socket.remote() == to;
        let place = match self.list.iter().position(is_it) {
            Some(index) => self.list.get(index),
            None if from.is_none() => self.open(to, registry, from).ok().map(|place| &*place),
            // Its socket is closed: what it carries is lost.
            None => None,
        };
        place.map_or(Sent::Taken, |place| place.socket.send(batch))
    }

    /// Receives once from each socket that has something.
    pub fn receive(
        &self,
        slots: &mut Slots,
        mut each: impl FnMut(Option<SocketAddr>, Arrival, &mut [u8]),
    ) -> Received {
        let mut found = Received::Nothing;
        for place in &self.list {
            let received = place.socket.receive(slots, |arrival, datagram| {
                each(place.local, arrival, datagram);
            });
            found = match (received, found) {
                (Received::Some, _) | (_, Received::Some) => Received::Some,
                (Received::Refused, _) | (_, Received::Refused) => Received::Refused,
                (Received::Broken, _) | (_, Received::Broken) => Received::Broken,
                (Received::Last, _) | (_, Received::Last) => Received::Last,
                (Received::Nothing, Received::Nothing) => Received::Nothing,
            };
        }
        found
    }

    /// The address from which the kernel would reach `remote` now, if it is another one than when the socket called
    /// `active` was opened: another network. Three system calls, and nothing is sent.
    pub fn other_address(&self, remote: SocketAddr, active: Option<SocketAddr>) -> Option<IpAddr> {
        let own = own_address(remote)?;
        let is_it = |place: &&Place| place.local == active && place.socket.remote() == remote;
        let place = self.list.iter().find(is_it)?;
        (place.ip != Some(own)).then_some(own)
    }
}

/// The address from which the kernel reaches `remote` now; nothing is sent.
fn own_address(remote: SocketAddr) -> Option<IpAddr> {
    let any: SocketAddr = match remote {
        SocketAddr::V4(_) => ([0; 4], 0).into(),
        SocketAddr::V6(_) => ([0_u16; 8], 0).into(),
    };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect(remote).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mio::Poll;

    fn batch(bytes: &[u8]) -> Batch<'_> {
        Batch {
            bytes,
            segment_size: None,
            ecn: None,
        }
    }

    #[test]
    fn what_the_engine_names_leaves_by_its_socket() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let other = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (to, elsewhere) = (server.local_addr().unwrap(), other.local_addr().unwrap());
        let poll = Poll::new().unwrap();
        let registry = poll.registry();
        let mut sockets = Sockets::connect(to, registry, Token(1)).unwrap();
        assert_eq!(sockets.other_address(to, None), None);
        let send = |sockets: &mut Sockets, from, to, by: &UdpSocket| {
            assert_eq!(sockets.send((from, to), registry, batch(b"x")), Sent::Taken);
            by.recv_from(&mut [0; 9]).unwrap().1
        };
        let first = send(&mut sockets, None, to, &server);
        let second = sockets.add(to, registry, None).unwrap();
        assert_eq!(send(&mut sockets, Some(second), to, &server), second);
        assert_eq!(send(&mut sockets, None, to, &server), first);
        // The server's other address gets a socket of its own, and keeps it.
        let third = send(&mut sockets, None, elsewhere, &other);
        assert_eq!(send(&mut sockets, None, elsewhere, &other), third);
        assert!(third != first && third != second);
        assert_eq!(sockets.list.len(), 3);
        // A fourth replaces the oldest but those in use; what was meant for that one is lost.
        let fourth = sockets.add(to, registry, None).unwrap();
        assert_eq!(sockets.list.len(), 3);
        assert!(sockets.list.iter().all(|place| place.local != Some(second)));
        assert_eq!(send(&mut sockets, None, to, &server), first);
        sockets.remove_newest(registry);
        assert_eq!(
            sockets.send((Some(fourth), to), registry, batch(b"x")),
            Sent::Taken
        );
        // The machine's address becomes another one.
        let elsewhere = IpAddr::from([192, 0, 2, 1]);
        for place in &mut sockets.list {
            place.ip = Some(elsewhere);
        }
        assert_eq!(sockets.other_address(to, None), Some(to.ip()));
        sockets.deregister(registry);
    }
}

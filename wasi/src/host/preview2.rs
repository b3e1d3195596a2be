//! WASI 0.2: wasi:sockets, wasi:clocks and wasi:random by the bindings of crate `wasip2`.
//!
//! Invariant: nothing of the bindings appears in a signature.

use alloc::vec::{self, Vec};
use core::convert::Infallible;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use quicpro_core::connection::{Receive, Transmit};
use quicpro_core::io::{Clock, Entropy, Sent, Socket};
use quicpro_core::{Instant, WallClock};
use wasip2::clocks::{monotonic_clock, wall_clock as calendar};
use wasip2::io::poll::{Pollable, poll};
use wasip2::random::random::get_random_u64;
use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::ip_name_lookup::resolve_addresses;
use wasip2::sockets::network::{
    ErrorCode, IpAddress, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress,
};
use wasip2::sockets::udp::{
    IncomingDatagram, IncomingDatagramStream, OutgoingDatagram, OutgoingDatagramStream, UdpSocket,
};
use wasip2::sockets::udp_create_socket::create_udp_socket;

use super::HostError;

/// Datagrams asked for at once.
const BATCH: u64 = 16;

/// A UDP socket, connected to one server.
pub struct Udp {
    remote: SocketAddr,
    /// Taken from the host and not yet asked for.
    received: vec::IntoIter<IncomingDatagram>,
    // Dropped in this order: the host insists on children first.
    readable: Pollable,
    incoming: IncomingDatagramStream,
    outgoing: OutgoingDatagramStream,
    _socket: UdpSocket,
}

/// The host's monotonic clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct Monotonic;

/// The host's generator of randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct Random;

/// The addresses of `name`, in the host's order; it takes no longer than `until`.
///
/// # Errors
/// What the host says.
pub fn lookup(name: &str, until: Option<Instant>) -> Result<Vec<IpAddr>, HostError> {
    let network = instance_network();
    let answers = resolve_addresses(&network, name)?;
    let ready = answers.subscribe();
    let mut addresses = Vec::new();
    loop {
        match answers.resolve_next_address() {
            Ok(Some(IpAddress::Ipv4((a, b, c, d)))) => {
                addresses.push(IpAddr::V4(Ipv4Addr::new(a, b, c, d)));
            }
            Ok(Some(IpAddress::Ipv6(address))) => addresses.push(IpAddr::V6(address_v6(address))),
            Ok(None) => return Ok(addresses),
            Err(ErrorCode::WouldBlock) => {
                if until.is_some_and(|until| Monotonic.now() >= until) {
                    return Err(HostError::TimedOut);
                }
                wait_for(&ready, until);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// The time of day.
pub fn wall_clock() -> WallClock {
    WallClock::At(calendar::now().seconds)
}

impl Udp {
    /// A socket to `remote`.
    ///
    /// # Errors
    /// What the host says.
    pub fn connect(remote: SocketAddr) -> Result<Self, HostError> {
        let network = instance_network();
        let (family, any) = match remote {
            SocketAddr::V4(_) => (
                IpAddressFamily::Ipv4,
                SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            ),
            SocketAddr::V6(_) => (
                IpAddressFamily::Ipv6,
                SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
            ),
        };
        let socket = create_udp_socket(family)?;
        socket.start_bind(&network, socket_address(any))?;
        loop {
            match socket.finish_bind() {
                Ok(()) => break,
                Err(ErrorCode::WouldBlock) => socket.subscribe().block(),
                Err(error) => return Err(error.into()),
            }
        }
        let (incoming, outgoing) = socket.stream(Some(socket_address(remote)))?;
        Ok(Self {
            remote,
            received: Vec::new().into_iter(),
            readable: incoming.subscribe(),
            incoming,
            outgoing,
            _socket: socket,
        })
    }
}

impl Socket for Udp {
    type Error = HostError;

    fn send(&mut self, transmit: &Transmit, bytes: &[u8]) -> Result<Sent, HostError> {
        let segment = transmit.segment_size.unwrap_or(bytes.len()).max(1);
        for (index, datagram) in bytes.chunks(segment).enumerate() {
            // Sending more than is permitted is a trap.
            if self.outgoing.check_send()? == 0 {
                // Those behind the first count as lost on the way.
                return Ok(if index == 0 { Sent::Full } else { Sent::Sent });
            }
            let datagram = OutgoingDatagram {
                data: datagram.to_vec(),
                remote_address: None,
            };
            self.outgoing.send(&[datagram])?;
        }
        Ok(Sent::Sent)
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<Option<(usize, Receive)>, HostError> {
        if self.received.len() == 0 {
            self.received = self.incoming.receive(BATCH)?.into_iter();
        }
        let Some(datagram) = self.received.next() else {
            return Ok(None);
        };
        let length = datagram.data.len().min(buffer.len());
        buffer[..length].copy_from_slice(&datagram.data[..length]);
        // The host lets nobody else's through.
        Ok(Some((length, Receive::from(self.remote))))
    }

    fn wait(&mut self, until: Option<Instant>) -> Result<(), HostError> {
        if self.received.len() == 0 {
            wait_for(&self.readable, until);
        }
        Ok(())
    }
}

impl Clock for Monotonic {
    fn now(&self) -> Instant {
        Instant::from_micros(monotonic_clock::now() / 1000)
    }
}

impl Entropy for Random {
    type Error = Infallible;

    /// By single numbers: a list would leave a copy of the seed on the heap.
    fn fill(&mut self, seed: &mut [u8; 32]) -> Result<(), Infallible> {
        for word in seed.chunks_exact_mut(8) {
            word.copy_from_slice(&get_random_u64().to_ne_bytes());
        }
        Ok(())
    }
}

/// Waits until something is ready or the time is there.
fn wait_for(ready: &Pollable, until: Option<Instant>) {
    match until {
        None => ready.block(),
        Some(until) => {
            let nanoseconds = until.as_micros().saturating_mul(1000);
            let timer = monotonic_clock::subscribe_instant(nanoseconds);
            poll(&[ready, &timer]);
        }
    }
}

fn socket_address(address: SocketAddr) -> IpSocketAddress {
    match address {
        SocketAddr::V4(address) => IpSocketAddress::Ipv4(Ipv4SocketAddress {
            port: address.port(),
            address: address.ip().octets().into(),
        }),
        SocketAddr::V6(address) => IpSocketAddress::Ipv6(Ipv6SocketAddress {
            port: address.port(),
            flow_info: address.flowinfo(),
            address: address.ip().segments().into(),
            scope_id: address.scope_id(),
        }),
    }
}

fn address_v6(segments: (u16, u16, u16, u16, u16, u16, u16, u16)) -> Ipv6Addr {
    let (a, b, c, d, e, f, g, h) = segments;
    Ipv6Addr::new(a, b, c, d, e, f, g, h)
}

impl From<ErrorCode> for HostError {
    fn from(code: ErrorCode) -> Self {
        match code {
            ErrorCode::AccessDenied => Self::AccessDenied,
            ErrorCode::NotSupported => Self::NotSupported,
            ErrorCode::NameUnresolvable => Self::NameUnresolvable,
            ErrorCode::RemoteUnreachable => Self::Unreachable,
            ErrorCode::ConnectionRefused | ErrorCode::ConnectionReset => Self::Refused,
            ErrorCode::Timeout => Self::TimedOut,
            other => Self::Other(other.name()),
        }
    }
}

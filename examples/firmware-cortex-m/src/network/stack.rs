//! smoltcp as embedded-nal's `UdpClientStack`: what the engine's adapter for such stacks wants.
//!
//! Invariant: a frame is taken from the controller only when no socket holds a datagram, so a buffer for one
//! is enough for each and none is lost.

use core::cell::RefCell;
use core::net::{IpAddr, SocketAddr};

use embedded_nal::UdpClientStack;
use quicpro_core::Instant;
use quicpro_core::io::Clock;
use quicpro_core::io::nal::NalSocket;
use smoltcp::iface::{
    Config, Interface, PollIngressSingleResult, PollResult, SocketHandle, SocketSet, SocketStorage,
};
use smoltcp::socket::udp::{PacketBuffer, PacketMetadata, Socket};
use smoltcp::time;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr, IpEndpoint, Ipv4Address};
use static_cell::StaticCell;

use crate::board::{self, Ethernet};
use crate::clock::SysTick;
use crate::measure::outside;

/// The longest datagram, in and out.
const DATAGRAM_MAX: usize = if cfg!(feature = "pmtud") { 1472 } else { 1280 };

/// The first port of those that anybody may take.
const PORT: u16 = 49152;

/// Where QEMU's user network puts its guest, and the way out.
const ADDRESS: Ipv4Address = Ipv4Address::new(10, 0, 2, 15);
const ROUTER: Ipv4Address = Ipv4Address::new(10, 0, 2, 2);

#[derive(Clone, Copy, Debug, PartialEq, Eq, defmt::Format)]
pub enum Error {
    /// The board's controller does not answer.
    NoController,
    /// Every socket is in use.
    NoSocket,
    /// The stack does not take this address.
    Address,
}

/// The bytes of one socket's two buffers. All zeros, so that flash holds none of them.
pub struct Buffers {
    received: [u8; DATAGRAM_MAX],
    sent: [u8; DATAGRAM_MAX],
}

impl Buffers {
    pub const EMPTY: Self = Self {
        received: [0; DATAGRAM_MAX],
        sent: [0; DATAGRAM_MAX],
    };
}

/// What smoltcp keeps of `N` sockets beside their bytes.
pub struct Sockets<const N: usize> {
    received: [[PacketMetadata; 1]; N],
    sent: [[PacketMetadata; 1]; N],
    sockets: [SocketStorage<'static>; N],
}

impl<const N: usize> Sockets<N> {
    pub const EMPTY: Self = Self {
        received: [[PacketMetadata::EMPTY]; N],
        sent: [[PacketMetadata::EMPTY]; N],
        sockets: [SocketStorage::EMPTY; N],
    };
}

/// The board's network. Its sockets share it, so what works on it is behind a cell.
pub struct Network {
    clock: SysTick,
    state: RefCell<State>,
}

struct State {
    controller: Ethernet,
    interface: Interface,
    sockets: SocketSet<'static>,
    /// That of the socket that is opened next.
    port: u16,
}

/// A UDP socket with one remote address.
pub struct Udp {
    handle: SocketHandle,
    remote: Option<IpEndpoint>,
}

/// A socket as the engine wants it.
pub type EngineSocket<'n> = NalSocket<&'n Network, fn(&mut &'n Network, Option<Instant>)>;

impl Network {
    /// Brings the board's controller up and puts the network into `place`. There will be `N` sockets.
    ///
    /// Not inlined: what it needs of the stack is free again afterwards.
    #[inline(never)]
    pub fn start<const N: usize>(
        place: &'static StaticCell<Self>,
        buffers: &'static mut [Buffers; N],
        memory: &'static mut Sockets<N>,
        clock: SysTick,
    ) -> Result<&'static Self, Error> {
        let (mut controller, address) = board::ethernet().ok_or(Error::NoController)?;
        let config = Config::new(EthernetAddress(address).into());
        let mut interface = Interface::new(config, &mut controller, time_of(clock));
        interface.update_ip_addrs(|addresses| {
            // There is room for one: the interface is new.
            let _ = addresses.push(IpCidr::new(ADDRESS.into(), 24));
        });
        let route = interface.routes_mut().add_default_ipv4_route(ROUTER);
        route.map_err(|_| Error::Address)?;
        let mut sockets = SocketSet::new(&mut memory.sockets[..]);
        let metadata = memory.received.iter_mut().zip(&mut memory.sent);
        for (buffers, (received, sent)) in buffers.iter_mut().zip(metadata) {
            sockets.add(Socket::new(
                PacketBuffer::new(&mut received[..], &mut buffers.received[..]),
                PacketBuffer::new(&mut sent[..], &mut buffers.sent[..]),
            ));
        }
        let state = State {
            controller,
            interface,
            sockets,
            port: PORT,
        };
        Ok(place.init(Self {
            clock,
            state: RefCell::new(state),
        }))
    }

    /// A socket for a connection to `server`.
    pub fn engine_socket(&self, server: SocketAddr) -> Result<EngineSocket<'_>, Error> {
        NalSocket::connect(self, server, |network, until| network.wait(until))
    }

    /// Where the socket that is opened next will be.
    pub fn next_address(&self) -> SocketAddr {
        SocketAddr::new(ADDRESS.into(), self.state.borrow().port)
    }

    /// Returns when a frame came, a datagram waits in a socket, or the time is `until`. Between two interrupts the processor sleeps.
    pub fn wait(&self, until: Option<Instant>) {
        outside(|| {
            let mut state = self.state.borrow_mut();
            loop {
                let came = state.take_in(self.clock);
                state.put_out(self.clock);
                if came
                    || state.has_datagram()
                    || until.is_some_and(|until| self.clock.now() >= until)
                {
                    return;
                }
                cortex_m::asm::wfi();
            }
        });
    }
}

impl State {
    /// Some socket holds a datagram that was not yet fetched.
    fn has_datagram(&self) -> bool {
        let mut sockets = self.sockets.iter();
        sockets.any(|(_, smoltcp::socket::Socket::Udp(socket))| socket.can_recv())
    }

    /// Takes one frame from the controller, if every socket has room for it and there is one.
    fn take_in(&mut self, clock: SysTick) -> bool {
        if self.has_datagram() {
            return false;
        }
        let now = time_of(clock);
        let result =
            self.interface
                .poll_ingress_single(now, &mut self.controller, &mut self.sockets);
        result != PollIngressSingleResult::None
    }

    /// Sends what the sockets hold.
    fn put_out(&mut self, clock: SysTick) {
        let now = time_of(clock);
        while self
            .interface
            .poll_egress(now, &mut self.controller, &mut self.sockets)
            == PollResult::SocketStateChanged
        {}
    }

    fn socket(&mut self, handle: SocketHandle) -> &mut Socket<'static> {
        self.sockets.get_mut(handle)
    }

    /// Binds the first socket that is not in use, to a port that none had before.
    fn open(&mut self) -> Result<Udp, Error> {
        for (handle, smoltcp::socket::Socket::Udp(socket)) in self.sockets.iter_mut() {
            if !socket.is_open() {
                socket.bind(self.port).map_err(|_| Error::Address)?;
                self.port = self.port.checked_add(1).unwrap_or(PORT);
                let remote = None;
                return Ok(Udp { handle, remote });
            }
        }
        Err(Error::NoSocket)
    }

    fn receive(
        &mut self,
        udp: &Udp,
        clock: SysTick,
        out: &mut [u8],
    ) -> Option<(usize, SocketAddr)> {
        while !self.socket(udp.handle).can_recv() {
            if !self.take_in(clock) {
                return None;
            }
        }
        let (bytes, from) = self.socket(udp.handle).recv().ok()?;
        let length = bytes.len().min(out.len());
        out[..length].copy_from_slice(&bytes[..length]);
        let IpAddress::Ipv4(address) = from.endpoint.addr;
        Some((length, SocketAddr::new(address.into(), from.endpoint.port)))
    }
}

impl UdpClientStack for &Network {
    type UdpSocket = Udp;
    type Error = Error;

    fn socket(&mut self) -> Result<Udp, Error> {
        self.state.borrow_mut().open()
    }

    fn connect(&mut self, udp: &mut Udp, remote: SocketAddr) -> Result<(), Error> {
        let IpAddr::V4(address) = remote.ip() else {
            return Err(Error::Address);
        };
        udp.remote = Some(IpEndpoint::new(address.into(), remote.port()));
        Ok(())
    }

    fn send(&mut self, udp: &mut Udp, datagram: &[u8]) -> nb::Result<(), Error> {
        outside(|| {
            let remote = udp.remote.ok_or(Error::Address)?;
            let mut state = self.state.borrow_mut();
            if !state.socket(udp.handle).can_send() {
                return Err(nb::Error::WouldBlock);
            }
            let sent = state.socket(udp.handle).send_slice(datagram, remote);
            sent.map_err(|_| Error::Address)?;
            state.put_out(self.clock);
            Ok(())
        })
    }

    fn receive(&mut self, udp: &mut Udp, out: &mut [u8]) -> nb::Result<(usize, SocketAddr), Error> {
        outside(|| {
            let mut state = self.state.borrow_mut();
            state
                .receive(udp, self.clock, out)
                .ok_or(nb::Error::WouldBlock)
        })
    }

    fn close(&mut self, udp: Udp) -> Result<(), Error> {
        self.state.borrow_mut().socket(udp.handle).close();
        Ok(())
    }
}

fn time_of(clock: SysTick) -> time::Instant {
    time::Instant::from_micros(clock.now().as_micros() as i64)
}

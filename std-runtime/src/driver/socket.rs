//! One connection's UDP socket, with the operating system's batching where it has any: GSO out, GRO in, ECN both ways.
//!
//! Invariant: nothing is allocated per datagram; both directions work in the worker's buffers.

use std::io::{self, IoSliceMut};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use mio::{Interest, Registry, Token};
use quinn_udp::{EcnCodepoint, RecvMeta, Transmit, UdpSockRef, UdpSocketState};

/// What is asked of the kernel in each direction: a burst of a second at 16 Mbit/s, or of 16 ms at 1 Gbit/s.
const KERNEL_BUFFER_BYTES: usize = 2 << 20;

/// The largest thing one receive call puts into one slot: a GRO batch.
const SLOT_BYTES: usize = 64 * 1024;

/// Slots offered to one system call when datagrams come alone.
const SLOTS: usize = 32;

/// Slots offered when each holds a GRO batch: 256 KB stay within the cache until they are decrypted.
const BATCH_SLOTS: usize = 4;

/// Whether sending can name a destination on a connected socket. BSD's kernels refuse that.
const CONNECTS: bool = cfg!(any(target_os = "linux", target_os = "android", windows));

/// Whether one system call receives into many slots.
const TAKES_MANY: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// Bytes that a datagram counts for at least, and a call without any: an empty one is work, too.
const COST_MIN: usize = 256;

/// Bytes of the longest datagrams that are worth a try towards `remote`, and taken from there: what the loopback
/// interface carries in either family, or a network with jumbo frames. Shorter limits of the network are found out.
pub(crate) fn datagram_max(remote: SocketAddr) -> usize {
    if remote.ip().is_loopback() {
        LOOPBACK_MAX
    } else {
        JUMBO_MAX
    }
}

/// What fits the 65,535 bytes of an IP packet in either family, and so also a batch.
pub(crate) const LOOPBACK_MAX: usize = 65_487;

/// What fits 9,000 bytes with the headers of IPv4 and UDP.
const JUMBO_MAX: usize = 8_972;

/// A non-blocking UDP socket to one remote address.
pub(crate) struct Socket {
    io: mio::net::UdpSocket,
    state: UdpSocketState,
    remote: SocketAddr,
}

/// What became of a transmission.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The kernel has it, or it is lost in a way that QUIC repairs.
    Taken,
    /// The kernel's buffer is full: offer it again when the socket is writable.
    Full,
    /// It is lost: the first link carries no datagrams of that length.
    TooLong,
    /// It is lost, because there is no way to the server from here at the moment.
    Unreachable,
    /// It is lost, and so will be what follows: the socket's address is gone, or its network.
    Broken,
}

/// A batch to be sent: equal segments, the last possibly shorter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch<'a> {
    pub bytes: &'a [u8],
    pub segment_size: Option<usize>,
    pub ecn: Option<EcnCodepoint>,
}

/// Buffers for receiving, one set per worker.
pub(crate) struct Slots {
    bytes: Box<[u8]>,
    meta: [RecvMeta; SLOTS],
    /// The last receive call found GRO batches.
    batched: bool,
    /// What was received, in bytes, whoever it came from; anything counts for at least [`COST_MIN`].
    pub spent: usize,
}

/// How a datagram came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub remote: SocketAddr,
    pub ecn: Option<EcnCodepoint>,
}

/// What a call of [`Socket::receive`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// Datagrams; there may be more.
    Some,
    /// Datagrams, and there were no more: the next ones make the socket readable again.
    Last,
    /// Nothing until the socket becomes readable again.
    Nothing,
    /// The remote host says that nobody listens there.
    Refused,
    /// Nothing will come any more: the socket's address is gone, or its network.
    Broken,
}

/// Whether an error means that this socket will never work again.
fn is_fatal(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::AddrNotAvailable
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::NotConnected
    )
}

impl Socket {
    pub fn connect(remote: SocketAddr) -> io::Result<Self> {
        let local: SocketAddr = match remote {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let io = std::net::UdpSocket::bind(local)?;
        //= rfc9000#14
        // It also asks for datagrams not to be fragmented.
        let state = UdpSocketState::new(UdpSockRef::from(&io))?;
        // The kernel's maximum may be lower; what it gives is good enough.
        let _ = state.set_recv_buffer_size(UdpSockRef::from(&io), KERNEL_BUFFER_BYTES);
        let _ = state.set_send_buffer_size(UdpSockRef::from(&io), KERNEL_BUFFER_BYTES);
        if CONNECTS {
            io.connect(remote)?;
        }
        Ok(Self {
            io: mio::net::UdpSocket::from_std(io),
            state,
            remote,
        })
    }

    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.io, token, Interest::READABLE | Interest::WRITABLE)
    }

    pub fn deregister(&mut self, registry: &Registry) {
        let _ = registry.deregister(&mut self.io);
    }

    /// Datagrams that one batch may hold.
    pub fn segments_max(&self) -> usize {
        self.state.max_gso_segments()
    }

    pub fn send(&self, batch: Batch<'_>) -> Sent {
        match self.try_send(batch) {
            Ok(()) => Sent::Taken,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Sent::Full,
            Err(error) => self.send_singly(batch, &error),
        }
    }

    /// The server's address.
    pub fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// Its own address.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.local_addr()
    }

    /// After an error that may be due to segmentation, sends each segment alone. What fails now counts as lost:
    /// too long for the path, or no route at the moment.
    fn send_singly(&self, batch: Batch<'_>, error: &io::Error) -> Sent {
        match batch.segment_size {
            Some(size) if size < batch.bytes.len() && !quinn_udp::is_msg_size_err(error) => {
                let mut sent = Sent::Taken;
                for segment in batch.bytes.chunks(size.max(1)) {
                    let single = self.try_send(Batch {
                        bytes: segment,
                        segment_size: None,
                        ..batch
                    });
                    if let Err(error) = single {
                        sent = self.on_send_error(&error);
                    }
                }
                sent
            }
            _ => self.on_send_error(error),
        }
    }

    /// What an error of a datagram that was sent alone means.
    fn on_send_error(&self, error: &io::Error) -> Sent {
        log::debug!("sending to {}: {error}", self.remote);
        // Linux says "invalid argument" when the socket's address is not the host's any more.
        let is_gone = cfg!(any(target_os = "linux", target_os = "android"))
            && error.kind() == io::ErrorKind::InvalidInput;
        match error.kind() {
            _ if quinn_udp::is_msg_size_err(error) => Sent::TooLong,
            _ if is_gone || is_fatal(error) => Sent::Broken,
            io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => Sent::Unreachable,
            _ => Sent::Taken,
        }
    }

    fn try_send(&self, batch: Batch<'_>) -> io::Result<()> {
        let transmit = Transmit {
            destination: self.remote,
            ecn: batch.ecn,
            contents: batch.bytes,
            segment_size: batch.segment_size,
            src_ip: None,
        };
        self.state.try_send(UdpSockRef::from(&self.io), &transmit)
    }

    /// Receives once and hands each datagram to `each`.
    pub fn receive(&self, slots: &mut Slots, mut each: impl FnMut(Arrival, &mut [u8])) -> Received {
        let offered = if slots.batched { BATCH_SLOTS } else { SLOTS };
        let mut pieces = slots.bytes.chunks_exact_mut(SLOT_BYTES);
        let mut buffers: [IoSliceMut<'_>; SLOTS] =
            std::array::from_fn(|_| IoSliceMut::new(pieces.next().unwrap_or_default()));
        let socket = UdpSockRef::from(&self.io);
        let received = self
            .state
            .recv(socket, &mut buffers[..offered], &mut slots.meta[..offered]);
        let count = match received {
            Ok(count) => count,
            Err(error) => {
                slots.spent += COST_MIN;
                return self.on_receive_error(&error);
            }
        };
        slots.batched = false;
        for (meta, buffer) in slots.meta[..count].iter().zip(&mut buffers) {
            slots.spent += meta.len.max(COST_MIN);
            if meta.addr.port() != self.remote.port() || meta.addr.ip() != self.remote.ip() {
                continue;
            }
            slots.batched |= meta.len > meta.stride;
            let arrival = Arrival {
                remote: self.remote,
                ecn: meta.ecn,
            };
            let filled = buffer.get_mut(..meta.len).unwrap_or_default();
            for datagram in filled.chunks_mut(meta.stride.max(1)) {
                each(arrival, datagram);
            }
        }
        // Where many datagrams are received at once, fewer than asked for means that the queue is empty.
        if TAKES_MANY && count < offered {
            Received::Last
        } else {
            Received::Some
        }
    }

    fn on_receive_error(&self, error: &io::Error) -> Received {
        match error.kind() {
            io::ErrorKind::WouldBlock => Received::Nothing,
            io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => Received::Refused,
            _ => {
                log::debug!("receiving from {}: {error}", self.remote);
                if is_fatal(error) {
                    Received::Broken
                } else {
                    Received::Nothing
                }
            }
        }
    }
}

impl Slots {
    pub fn new() -> Self {
        Self {
            bytes: vec![0; SLOTS * SLOT_BYTES].into_boxed_slice(),
            meta: [RecvMeta::default(); SLOTS],
            batched: false,
            spent: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mio::{Events, Poll};
    use std::time::Duration;

    /// Receives until `wanted` datagrams have come.
    fn collect(socket: &Socket, poll: &mut Poll, wanted: usize) -> Vec<Vec<u8>> {
        let mut slots = Slots::new();
        let mut events = Events::with_capacity(4);
        let mut datagrams = Vec::new();
        while datagrams.len() < wanted {
            poll.poll(&mut events, Some(Duration::from_secs(10)))
                .unwrap();
            assert!(!events.is_empty(), "nothing came");
            while socket.receive(&mut slots, |_, datagram| datagrams.push(datagram.to_vec()))
                == Received::Some
            {}
        }
        datagrams
    }

    //= rfc9000#14 test
    #[cfg(target_os = "linux")]
    #[test]
    fn datagrams_are_not_fragmented() {
        for server in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(server) = std::net::UdpSocket::bind(server) else {
                continue;
            };
            let socket = Socket::connect(server.local_addr().unwrap()).unwrap();
            assert!(!socket.state.may_fragment());
        }
    }

    fn connected(remote: SocketAddr) -> (Socket, Poll) {
        let poll = Poll::new().unwrap();
        let mut socket = Socket::connect(remote).unwrap();
        socket.register(poll.registry(), Token(1)).unwrap();
        (socket, poll)
    }

    #[test]
    fn a_batch_arrives_as_its_segments_and_strangers_are_not_heard() {
        let peer = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let (socket, mut poll) = connected(peer.local_addr().unwrap());
        let mut bytes = Vec::new();
        for n in 0..10u8 {
            bytes.extend([n; 1200]);
        }
        bytes.extend([99; 7]);
        let batch = Batch {
            bytes: &bytes,
            segment_size: Some(1200),
            ecn: Some(EcnCodepoint::Ect0),
        };
        if socket.segments_max() >= 11 {
            assert_eq!(socket.send(batch), Sent::Taken);
        } else {
            socket.send_singly(batch, &io::Error::other("no segmentation"));
        }
        let mut buffer = [0; 2000];
        let stranger = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        for n in 0..11 {
            let (length, from) = peer.recv_from(&mut buffer).unwrap();
            assert_eq!(length, if n == 10 { 7 } else { 1200 });
            assert_eq!(buffer[0], if n == 10 { 99 } else { n });
            stranger.send_to(b"stranger", from).unwrap();
            peer.send_to(&buffer[..length], from).unwrap();
        }
        let echoed = collect(&socket, &mut poll, 11);
        assert_eq!(echoed.concat(), bytes);
    }

    /// CVE-2026-11352: what nobody counts can be sent for ever.
    #[test]
    fn empty_datagrams_and_strangers_are_counted() {
        const EACH: usize = 20;
        let peer = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let (socket, mut poll) = connected(peer.local_addr().unwrap());
        let hello = Batch {
            bytes: b"here",
            segment_size: None,
            ecn: None,
        };
        assert_eq!(socket.send(hello), Sent::Taken);
        let (_, client) = peer.recv_from(&mut [0; 10]).unwrap();
        for _ in 0..EACH {
            peer.send_to(&[], client).unwrap();
        }
        peer.send_to(b"the last", client).unwrap();
        let mut slots = Slots::new();
        let mut events = Events::with_capacity(4);
        let mut is_over = false;
        while !is_over {
            poll.poll(&mut events, Some(Duration::from_secs(10)))
                .unwrap();
            assert!(!events.is_empty(), "nothing came");
            let mut each = |_: Arrival, datagram: &mut [u8]| is_over |= datagram == b"the last";
            while socket.receive(&mut slots, &mut each) == Received::Some {}
        }
        assert!(
            slots.spent >= (EACH + 1) * COST_MIN,
            "{} bytes",
            slots.spent
        );
    }

    #[test]
    fn errors_tell_a_dead_socket_from_a_bad_moment() {
        let remote = SocketAddr::from(([127, 0, 0, 1], 9));
        let (socket, _poll) = connected(remote);
        for (kind, sent, received) in [
            (
                io::ErrorKind::AddrNotAvailable,
                Sent::Broken,
                Received::Broken,
            ),
            (io::ErrorKind::NetworkDown, Sent::Broken, Received::Broken),
            (
                io::ErrorKind::NetworkUnreachable,
                Sent::Unreachable,
                Received::Nothing,
            ),
            (
                io::ErrorKind::ConnectionReset,
                Sent::Taken,
                Received::Refused,
            ),
            (
                io::ErrorKind::PermissionDenied,
                Sent::Taken,
                Received::Nothing,
            ),
        ] {
            let error = io::Error::from(kind);
            assert_eq!(socket.on_send_error(&error), sent, "{kind}");
            assert_eq!(socket.on_receive_error(&error), received, "{kind}");
        }
    }

    /// No IP packet has as many bytes; what a network's limit says is the same error.
    #[test]
    fn what_is_too_long_is_told_from_what_is_lost() {
        let peer = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let (socket, _poll) = connected(peer.local_addr().unwrap());
        let send = |length: usize| {
            socket.send(Batch {
                bytes: &vec![0; length],
                segment_size: None,
                ecn: None,
            })
        };
        assert_eq!(send(70_000), Sent::TooLong);
        assert_eq!(send(1_200), Sent::Taken);
        if cfg!(any(target_os = "linux", target_os = "android")) {
            assert_eq!(send(LOOPBACK_MAX), Sent::Taken);
        }
    }

    #[test]
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn a_closed_port_refuses() {
        let address = std::net::UdpSocket::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let (socket, mut poll) = connected(address);
        let batch = Batch {
            bytes: b"anyone?",
            segment_size: None,
            ecn: None,
        };
        assert_eq!(socket.send(batch), Sent::Taken);
        let mut events = Events::with_capacity(4);
        let mut slots = Slots::new();
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        while std::time::Instant::now() < deadline {
            poll.poll(&mut events, Some(Duration::from_millis(50)))
                .unwrap();
            if socket.receive(&mut slots, |_, _| panic!("from nobody")) == Received::Refused {
                return;
            }
        }
        panic!("no refusal");
    }
}

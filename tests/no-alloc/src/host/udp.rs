//! A connected UDP socket of the operating system.

use core::ffi::{c_int, c_void};
use core::net::SocketAddr;
use core::{mem, ptr};

use quicpro_core::Instant;
use quicpro_core::connection::{Receive, Transmit};
use quicpro_core::io::{Clock, Sent, Socket};

use super::system::{Error, Monotonic, errno};

/// A socket that hears one remote address only.
pub struct Udp {
    descriptor: c_int,
    remote: SocketAddr,
}

impl Udp {
    /// A socket whose datagrams go to `remote`.
    pub fn connect(remote: SocketAddr) -> Result<Self, Error> {
        let family = if remote.is_ipv4() {
            libc::AF_INET
        } else {
            libc::AF_INET6
        };
        // SAFETY: no pointer is passed.
        let descriptor = unsafe { libc::socket(family, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
        if descriptor < 0 {
            return Err(Error::last());
        }
        let socket = Self { descriptor, remote };
        let result = match remote {
            SocketAddr::V4(remote) => socket.connect_to(&libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: remote.port().to_be(),
                sin_addr: libc::in_addr {
                    s_addr: u32::from_ne_bytes(remote.ip().octets()),
                },
                sin_zero: [0; 8],
            }),
            SocketAddr::V6(remote) => socket.connect_to(&libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: remote.port().to_be(),
                sin6_flowinfo: remote.flowinfo(),
                sin6_addr: libc::in6_addr {
                    s6_addr: remote.ip().octets(),
                },
                sin6_scope_id: remote.scope_id(),
            }),
        };
        if result < 0 {
            Err(Error::last())
        } else {
            Ok(socket)
        }
    }

    fn connect_to<A>(&self, address: &A) -> c_int {
        let length = mem::size_of::<A>() as libc::socklen_t;
        // SAFETY: the pointer and the length are those of an address structure of the C library.
        unsafe { libc::connect(self.descriptor, ptr::from_ref(address).cast(), length) }
    }
}

impl Drop for Udp {
    fn drop(&mut self) {
        // SAFETY: the descriptor is ours and is not used again.
        unsafe { libc::close(self.descriptor) };
    }
}

impl Socket for Udp {
    type Error = Error;

    fn send(&mut self, transmit: &Transmit, bytes: &[u8]) -> Result<Sent, Error> {
        let size = transmit.segment_size.unwrap_or(bytes.len()).max(1);
        for datagram in bytes.chunks(size) {
            let start: *const c_void = datagram.as_ptr().cast();
            // SAFETY: the pointer and the length are those of a slice.
            let sent =
                unsafe { libc::send(self.descriptor, start, datagram.len(), libc::MSG_DONTWAIT) };
            if sent < 0 {
                match errno() {
                    libc::EAGAIN | libc::ENOBUFS => return Ok(Sent::Full),
                    // What ICMP says of an earlier datagram: a hint only, anybody can forge it.
                    libc::ECONNREFUSED => {}
                    _ => return Err(Error::last()),
                }
            }
        }
        Ok(Sent::Sent)
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<Option<(usize, Receive)>, Error> {
        let start: *mut c_void = buffer.as_mut_ptr().cast();
        // SAFETY: the pointer and the length are those of a slice.
        let count = unsafe { libc::recv(self.descriptor, start, buffer.len(), libc::MSG_DONTWAIT) };
        match usize::try_from(count) {
            Ok(count) => Ok(Some((count, Receive::from(self.remote)))),
            Err(_) => match errno() {
                libc::EAGAIN | libc::EINTR | libc::ECONNREFUSED => Ok(None),
                _ => Err(Error::last()),
            },
        }
    }

    fn wait(&mut self, until: Option<Instant>) -> Result<(), Error> {
        let left = until.map(|until| until - Monotonic.now());
        let milliseconds = left.map_or(-1, |left| {
            // Rounded up: waking early would make the caller spin through the last millisecond.
            c_int::try_from(left.as_micros().div_ceil(1000)).unwrap_or(c_int::MAX)
        });
        let mut descriptor = libc::pollfd {
            fd: self.descriptor,
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one structure, as the count says.
        let ready = unsafe { libc::poll(&mut descriptor, 1, milliseconds) };
        if ready < 0 && errno() != libc::EINTR {
            Err(Error::last())
        } else {
            Ok(())
        }
    }
}

//! The [`Socket`] of every network stack that has embedded-nal's `UdpClientStack` (its `nb` style).
//!
//! Such a stack tells neither the local address nor the ECN field, so neither is used.
//! Invariant: the stack is never asked to block; waiting is the caller's function.

use core::net::SocketAddr;

use embedded_nal::UdpClientStack;

use super::{Sent, Socket};
use crate::connection::{Receive, Transmit};
use crate::time::Instant;

/// A UDP socket of `stack`, connected to one server.
pub struct NalSocket<S: UdpClientStack, W> {
    stack: S,
    socket: S::UdpSocket,
    wait: W,
}

impl<S: UdpClientStack, W: FnMut(&mut S, Option<Instant>)> NalSocket<S, W> {
    /// Opens a socket to `remote`.
    ///
    /// `wait` returns when a datagram may have come or the given time is there, whichever is first; it may
    /// return early, so a function that does nothing makes a loop that spins. It is given the stack, because
    /// most stacks have to be polled for anything to happen.
    ///
    /// # Errors
    /// What the stack says when it has no socket left, or no route.
    pub fn connect(mut stack: S, remote: SocketAddr, wait: W) -> Result<Self, S::Error> {
        let mut socket = stack.socket()?;
        stack.connect(&mut socket, remote)?;
        Ok(Self {
            stack,
            socket,
            wait,
        })
    }

    /// Closes the socket and gives the stack back.
    ///
    /// # Errors
    /// What the stack says.
    pub fn close(mut self) -> Result<S, S::Error> {
        self.stack.close(self.socket)?;
        Ok(self.stack)
    }
}

impl<S: UdpClientStack, W: FnMut(&mut S, Option<Instant>)> Socket for NalSocket<S, W> {
    type Error = S::Error;

    fn send(&mut self, transmit: &Transmit, bytes: &[u8]) -> Result<Sent, S::Error> {
        let segment = transmit.segment_size.unwrap_or(bytes.len()).max(1);
        for datagram in bytes.chunks(segment) {
            match self.stack.send(&mut self.socket, datagram) {
                Ok(()) => {}
                Err(nb::Error::WouldBlock) => return Ok(Sent::Full),
                Err(nb::Error::Other(error)) => return Err(error),
            }
        }
        Ok(Sent::Sent)
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<Option<(usize, Receive)>, S::Error> {
        match self.stack.receive(&mut self.socket, buffer) {
            Ok((length, remote)) => Ok(Some((length, Receive::from(remote)))),
            Err(nb::Error::WouldBlock) => Ok(None),
            Err(nb::Error::Other(error)) => Err(error),
        }
    }

    fn wait(&mut self, until: Option<Instant>) -> Result<(), S::Error> {
        (self.wait)(&mut self.stack, until);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::vec::Vec;

    use super::*;

    /// A stack with one socket: what is sent comes back, and it takes two datagrams at a time.
    #[derive(Default)]
    struct Echo {
        remote: Option<SocketAddr>,
        queue: VecDeque<Vec<u8>>,
    }

    impl UdpClientStack for Echo {
        type UdpSocket = ();
        type Error = &'static str;

        fn socket(&mut self) -> Result<(), Self::Error> {
            Ok(())
        }

        fn connect(&mut self, (): &mut (), remote: SocketAddr) -> Result<(), Self::Error> {
            self.remote = Some(remote);
            Ok(())
        }

        fn send(&mut self, (): &mut (), buffer: &[u8]) -> nb::Result<(), Self::Error> {
            if self.queue.len() == 2 {
                return Err(nb::Error::WouldBlock);
            }
            self.queue.push_back(buffer.to_vec());
            Ok(())
        }

        fn receive(
            &mut self,
            (): &mut (),
            buffer: &mut [u8],
        ) -> nb::Result<(usize, SocketAddr), Self::Error> {
            let datagram = self.queue.pop_front().ok_or(nb::Error::WouldBlock)?;
            let remote = self.remote.ok_or(nb::Error::Other("not connected"))?;
            buffer[..datagram.len()].copy_from_slice(&datagram);
            Ok((datagram.len(), remote))
        }

        fn close(&mut self, (): ()) -> Result<(), Self::Error> {
            Ok(())
        }
    }

    #[test]
    fn a_full_stack_says_so_and_a_waiting_one_is_asked_to_wait() {
        let remote = SocketAddr::from(([127, 0, 0, 1], 4433));
        let mut waits = 0;
        let mut socket = NalSocket::connect(Echo::default(), remote, |_, _| waits += 1).unwrap();
        let transmit = Transmit {
            to: remote,
            from: None,
            len: 3,
            segment_size: Some(2),
            codepoint: crate::connection::Codepoint::NotEct,
        };
        assert_eq!(socket.send(&transmit, &[1, 2, 3]), Ok(Sent::Sent));
        assert_eq!(socket.send(&transmit, &[4]), Ok(Sent::Full));
        let mut buffer = [0; 8];
        let received = socket.receive(&mut buffer).unwrap();
        assert_eq!(received, Some((2, Receive::from(remote))));
        assert_eq!(&buffer[..2], &[1, 2]);
        assert_eq!(
            socket
                .receive(&mut buffer)
                .unwrap()
                .map(|(length, _)| length),
            Some(1)
        );
        assert_eq!(socket.receive(&mut buffer), Ok(None));
        socket.wait(None).unwrap();
        assert!(socket.close().is_ok());
        assert_eq!(waits, 1);
    }
}

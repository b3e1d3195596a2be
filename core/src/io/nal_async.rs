//! The loop for async network stacks with embedded-nal-async's `ConnectedUdp`: one engine underneath.
//!
//! Invariant: the only state between two calls is the client's; a dropped future loses at most one datagram.

use core::future::{Future, poll_fn};
use core::net::SocketAddr;
use core::pin::pin;
use core::task::Poll;

use embedded_nal_async::ConnectedUdp;

use super::{Clock, Driven};
use crate::connection::Receive;
use crate::http3::Client;
use crate::time::Instant;

/// Sends what there is to send, then waits for a datagram or a deadline and acts on it.
///
/// `remote` is the address the socket is connected to. `sleep` makes a future that is ready at the given
/// time, or never for `None`; it is asked for the client's own deadline or `until`, whichever is first.
/// `datagram` is the only packet buffer and should have `Limits::datagram` bytes.
///
/// # Errors
/// What the socket cannot recover from.
pub async fn drive<S, F>(
    client: &mut Client<'_>,
    socket: &mut S,
    remote: SocketAddr,
    clock: &impl Clock,
    sleep: impl FnOnce(Option<Instant>) -> F,
    datagram: &mut [u8],
    until: Option<Instant>,
) -> Result<Driven, S::Error>
where
    S: ConnectedUdp,
    F: Future<Output = ()>,
{
    while let Some(transmit) = client.poll_transmit(clock.now(), datagram) {
        let segment = transmit.segment_size.unwrap_or(transmit.len).max(1);
        for bytes in datagram.get(..transmit.len).unwrap_or(&[]).chunks(segment) {
            socket.send(bytes).await?;
        }
    }
    let deadline = [client.poll_timeout(), until].into_iter().flatten().min();
    let received = {
        let mut receive = pin!(socket.receive_into(datagram));
        let mut sleep = pin!(sleep(deadline));
        poll_fn(|cx| {
            if let Poll::Ready(received) = receive.as_mut().poll(cx) {
                return Poll::Ready(Some(received));
            }
            sleep.as_mut().poll(cx).map(|()| None)
        })
        .await
    };
    if let Some(length) = received.transpose()? {
        let bytes = datagram.get_mut(..length).unwrap_or(&mut []);
        client.handle_datagram(clock.now(), &Receive::from(remote), bytes);
        return Ok(Driven::Input);
    }
    let now = clock.now();
    if client
        .poll_timeout()
        .is_some_and(|deadline| deadline <= now)
    {
        client.handle_timeout(now);
        return Ok(Driven::Deadline);
    }
    Ok(if until.is_some_and(|until| now >= until) {
        Driven::Until
    } else {
        Driven::Idle
    })
}

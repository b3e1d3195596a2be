//! One iteration of the loop that every user writes: input, deadlines, output, wait.

use super::{Clock, Sent, Socket};
use crate::http3::Client;
use crate::time::{Duration, Instant};

/// Why [`drive`] came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Driven {
    /// Datagrams were taken in: poll the events.
    Input,
    /// The connection's own deadline passed and was handled: poll the events.
    Deadline,
    /// The caller's time `until` has come.
    Until,
    /// The socket is full, or returned from its wait early.
    Idle,
}

/// Datagrams taken in before anything is sent: a flood cannot keep the loop from sending.
const DATAGRAMS_MAX: usize = 16;

/// How often a datagram is offered to a socket that is full, and how long to wait in between.
const OFFERS_MAX: usize = 8;
const FULL_WAIT: Duration = Duration::from_millis(1);

/// Moves datagrams between `client` and `socket` until input came, a deadline passed, or `until`.
///
/// `datagram` is the only packet buffer, for both directions; it should have `Limits::datagram` bytes.
/// After it returns the caller drains `poll_event` and calls it again.
///
/// # Errors
/// What the socket cannot recover from.
pub fn drive<S: Socket>(
    client: &mut Client<'_>,
    socket: &mut S,
    clock: &impl Clock,
    datagram: &mut [u8],
    until: Option<Instant>,
) -> Result<Driven, S::Error> {
    if take_in(client, socket, clock, datagram)? {
        put_out(client, socket, clock, datagram)?;
        return Ok(Driven::Input);
    }
    if expire(client, clock) {
        put_out(client, socket, clock, datagram)?;
        return Ok(Driven::Deadline);
    }
    if !put_out(client, socket, clock, datagram)? {
        return Ok(Driven::Idle);
    }
    let deadline = [client.poll_timeout(), until].into_iter().flatten().min();
    if deadline.is_none_or(|deadline| deadline > clock.now()) {
        socket.wait(deadline)?;
    }
    if take_in(client, socket, clock, datagram)? {
        put_out(client, socket, clock, datagram)?;
        return Ok(Driven::Input);
    }
    if expire(client, clock) {
        put_out(client, socket, clock, datagram)?;
        return Ok(Driven::Deadline);
    }
    let is_time = until.is_some_and(|until| clock.now() >= until);
    Ok(if is_time { Driven::Until } else { Driven::Idle })
}

fn take_in<S: Socket>(
    client: &mut Client<'_>,
    socket: &mut S,
    clock: &impl Clock,
    datagram: &mut [u8],
) -> Result<bool, S::Error> {
    let mut any = false;
    for _ in 0..DATAGRAMS_MAX {
        let Some((length, from)) = socket.receive(datagram)? else {
            break;
        };
        let bytes = match datagram.len() {
            all if length < all => datagram.get_mut(..length).unwrap_or_default(),
            _ => &mut *datagram,
        };
        client.handle_datagram(clock.now(), &from, bytes);
        any = true;
    }
    Ok(any)
}

fn expire(client: &mut Client<'_>, clock: &impl Clock) -> bool {
    let now = clock.now();
    let due = client
        .poll_timeout()
        .is_some_and(|deadline| deadline <= now);
    if due {
        client.handle_timeout(now);
    }
    due
}

/// Sends all there is to send; `false` if the socket stays full.
///
/// There is one buffer and it belongs to the input next, so a datagram that the socket goes on refusing
/// is dropped in the end: the transport repairs it like any loss.
fn put_out<S: Socket>(
    client: &mut Client<'_>,
    socket: &mut S,
    clock: &impl Clock,
    datagram: &mut [u8],
) -> Result<bool, S::Error> {
    while let Some(transmit) = client.poll_transmit(clock.now(), datagram) {
        let bytes = datagram.get(..transmit.len).unwrap_or(&[]);
        let mut offers = 1;
        while socket.send(&transmit, bytes)? == Sent::Full {
            if offers == OFFERS_MAX {
                return Ok(false);
            }
            offers += 1;
            socket.wait(Some(clock.now() + FULL_WAIT))?;
        }
    }
    Ok(true)
}

//! How other threads talk to an I/O thread: a queue that is swapped whole, and a waker rung only for a sleeper.
//!
//! Invariant: a command is either taken by the worker or handed back to the sender; none is lost in between.

use std::io;
use std::sync::{Mutex, MutexGuard};

use mio::{Registry, Token, Waker};

use crate::event_loop::lock;

/// The queue of one I/O thread.
pub(crate) struct Inbox<C> {
    queue: Mutex<Queue<C>>,
    waker: Waker,
}

struct Queue<C> {
    commands: Vec<C>,
    /// The worker waits in the poll and has to be woken.
    asleep: bool,
    /// The worker is gone.
    closed: bool,
}

impl<C> Inbox<C> {
    pub fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        let queue = Queue {
            commands: Vec::new(),
            asleep: false,
            closed: false,
        };
        Ok(Self {
            queue: Mutex::new(queue),
            waker: Waker::new(registry, token)?,
        })
    }

    /// Queues `command`; gives it back when nobody will ever read it.
    pub fn push(&self, command: C) -> Result<(), C> {
        let mut queue = lock(&self.queue);
        if queue.closed {
            return Err(command);
        }
        queue.commands.push(command);
        self.wake(queue);
        Ok(())
    }

    fn wake(&self, mut queue: MutexGuard<'_, Queue<C>>) {
        let asleep = std::mem::take(&mut queue.asleep);
        drop(queue);
        if asleep && let Err(error) = self.waker.wake() {
            log::error!("cannot wake the I/O thread: {error}");
        }
    }

    /// Swaps the queue with `empty`; the worker is awake.
    pub fn take(&self, empty: &mut Vec<C>) {
        let mut queue = lock(&self.queue);
        std::mem::swap(&mut queue.commands, empty);
        queue.asleep = false;
    }

    /// Says whether the worker may sleep, and counts it as asleep if so.
    pub fn may_sleep(&self) -> bool {
        let mut queue = lock(&self.queue);
        queue.asleep = queue.commands.is_empty();
        queue.asleep
    }

    /// Accepts nothing from now on, and returns what was not taken.
    pub fn close(&self) -> Vec<C> {
        let mut queue = lock(&self.queue);
        queue.closed = true;
        std::mem::take(&mut queue.commands)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mio::{Events, Poll};
    use std::time::Duration;

    #[test]
    fn a_sleeper_is_woken_once_and_gets_everything_in_order() {
        let mut poll = Poll::new().unwrap();
        let inbox = Inbox::new(poll.registry(), Token(7)).unwrap();
        assert!(inbox.may_sleep());
        std::thread::scope(|scope| {
            scope.spawn(|| (0..100).for_each(|n| inbox.push(n).unwrap()));
            let mut events = Events::with_capacity(4);
            let mut all = Vec::new();
            let mut taken = Vec::new();
            while all.len() < 100 {
                let patience = if inbox.may_sleep() { 10_000 } else { 0 };
                poll.poll(&mut events, Some(Duration::from_millis(patience)))
                    .unwrap();
                inbox.take(&mut taken);
                all.append(&mut taken);
            }
            assert!(all.is_sorted());
        });
        assert!(inbox.close().is_empty());
        assert_eq!(inbox.push(1), Err(1));
    }
}

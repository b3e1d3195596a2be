//! Plain threads that run tasks: a pool, handles to what it runs, and the loop that people schedule on.
//!
//! Invariant: a task that waits for another of the same loop always makes progress, however few workers there are,
//! because the waiting worker runs what it waits for if nobody has begun it.

mod task;
mod thread_pool;

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

pub use task::{Task, TaskError};
pub use thread_pool::ThreadPool;

/// A task pool with the verbs of an event loop, without an async runtime.
///
/// Tasks are ordinary closures and may block, also in requests of a [`Client`](crate::Client): the threads that carry
/// packets are not these. Dropping the loop runs what is queued, cancels delayed tasks that are not due, and joins.
///
/// ```
/// let events = quicpro::SyncEventLoop::new(2);
/// let length = events.schedule_task(|| "hello".to_owned()).then(|text| text.len());
/// assert_eq!(length.result().unwrap(), 5);
/// ```
#[derive(Debug)]
pub struct SyncEventLoop {
    pool: ThreadPool,
    gate: Arc<Gate>,
}

/// Schedules on a [`SyncEventLoop`] from inside its own tasks; does not keep the loop alive.
#[derive(Clone, Debug)]
pub struct EventLoopHandle {
    scheduler: thread_pool::Scheduler,
    gate: Arc<Gate>,
}

/// Where `run_forever` waits for `stop`.
#[derive(Debug, Default)]
struct Gate {
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl SyncEventLoop {
    /// A loop of at most `max_workers` threads (at least one), started as tasks arrive.
    pub fn new(max_workers: usize) -> Self {
        Self {
            pool: ThreadPool::named("quicpro-task", max_workers),
            gate: Arc::default(),
        }
    }

    /// Runs `task` on a worker, after those scheduled before it.
    ///
    /// After [`stop`](Self::stop) the task is cancelled at once.
    pub fn schedule_task<T: Send + 'static>(
        &self,
        task: impl FnOnce() -> T + Send + 'static,
    ) -> Task<T> {
        self.pool.submit(task)
    }

    /// Runs `task` on a worker once `delay` has passed.
    pub fn schedule_after<T: Send + 'static>(
        &self,
        delay: Duration,
        task: impl FnOnce() -> T + Send + 'static,
    ) -> Task<T> {
        self.pool.submit_after(delay, task)
    }

    /// A handle that tasks may own.
    pub fn handle(&self) -> EventLoopHandle {
        EventLoopHandle {
            scheduler: self.pool.scheduler(),
            gate: self.gate.clone(),
        }
    }

    /// Blocks the caller until somebody calls [`stop`](Self::stop). Tasks run with or without it.
    pub fn run_forever(&self) {
        let mut stopped = lock(&self.gate.stopped);
        while !*stopped {
            stopped = wait(&self.gate.changed, stopped);
        }
    }

    /// Accepts no further tasks and lets [`run_forever`](Self::run_forever) return. What is queued still runs.
    pub fn stop(&self) {
        self.handle().stop();
    }
}

impl EventLoopHandle {
    /// As [`SyncEventLoop::schedule_task`].
    pub fn schedule_task<T: Send + 'static>(
        &self,
        task: impl FnOnce() -> T + Send + 'static,
    ) -> Task<T> {
        self.scheduler.submit(task)
    }

    /// As [`SyncEventLoop::schedule_after`].
    pub fn schedule_after<T: Send + 'static>(
        &self,
        delay: Duration,
        task: impl FnOnce() -> T + Send + 'static,
    ) -> Task<T> {
        self.scheduler.submit_after(delay, task)
    }

    /// As [`SyncEventLoop::stop`].
    pub fn stop(&self) {
        self.scheduler.close();
        *lock(&self.gate.stopped) = true;
        self.gate.changed.notify_all();
    }
}

/// Locks through poison: a panicking task is caught before it can leave shared state half-changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits through poison, for the same reason.
pub(crate) fn wait<'a, T>(
    changed: &Condvar,
    guard: std::sync::MutexGuard<'a, T>,
) -> std::sync::MutexGuard<'a, T> {
    changed.wait(guard).unwrap_or_else(PoisonError::into_inner)
}

/// Waits through poison, at most for `timeout`.
pub(crate) fn wait_timeout<'a, T>(
    changed: &Condvar,
    guard: std::sync::MutexGuard<'a, T>,
    timeout: Duration,
) -> std::sync::MutexGuard<'a, T> {
    let waited = changed.wait_timeout(guard, timeout);
    waited.unwrap_or_else(PoisonError::into_inner).0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::time::Instant;

    #[test]
    fn a_task_may_wait_for_another_in_a_loop_of_one() {
        let events = SyncEventLoop::new(1);
        let handle = events.handle();
        let outer = events.schedule_task(move || {
            let deeper = handle.clone();
            let inner = handle.schedule_task(move || {
                let innermost = deeper.schedule_after(Duration::from_millis(2), || 1);
                innermost.then(|one| one + 1).result().unwrap()
            });
            inner.then(|two| two * 21).result().unwrap()
        });
        assert_eq!(outer.result().unwrap(), 42);
    }

    #[test]
    fn tasks_waiting_for_each_other_share_few_workers() {
        let events = SyncEventLoop::new(2);
        let handle = events.handle();
        let outer: Vec<_> = (0..50u64)
            .map(|n| {
                let handle = handle.clone();
                events.schedule_task(move || {
                    let parts: Vec<_> = (0..4)
                        .map(|m| handle.schedule_task(move || n * m))
                        .collect();
                    parts.into_iter().map(|p| p.result().unwrap()).sum::<u64>()
                })
            })
            .collect();
        for (n, task) in outer.into_iter().enumerate() {
            assert_eq!(task.result().unwrap(), n as u64 * 6);
        }
    }

    #[test]
    fn run_forever_ends_at_stop() {
        let events = SyncEventLoop::new(1);
        let handle = events.handle();
        let stopper = events.schedule_task(move || handle.stop());
        events.run_forever();
        stopper.result().unwrap();
        assert_eq!(
            events.schedule_task(|| 1).result(),
            Err(TaskError::Cancelled)
        );
    }

    #[test]
    fn drop_runs_what_is_queued_and_cancels_what_is_not_due() {
        let ran = Arc::new(AtomicUsize::new(0));
        let events = SyncEventLoop::new(1);
        let (release, gate) = mpsc::channel::<()>();
        events.schedule_task(move || gate.recv());
        for _ in 0..10 {
            let ran = ran.clone();
            events.schedule_task(move || ran.fetch_add(1, Ordering::SeqCst));
        }
        let late = events.schedule_after(Duration::from_secs(3600), || ());
        release.send(()).unwrap();
        drop(events);
        assert_eq!(ran.load(Ordering::SeqCst), 10);
        assert_eq!(late.result(), Err(TaskError::Cancelled));
    }

    #[test]
    fn delays_are_kept_in_order_and_length() {
        let events = SyncEventLoop::new(1);
        let (order, seen) = mpsc::channel();
        let begin = Instant::now();
        for (name, delay) in [("late", 30), ("early", 10), ("now", 0)] {
            let order = order.clone();
            events.schedule_after(Duration::from_millis(delay), move || {
                order.send(name).unwrap();
            });
        }
        drop(order);
        assert_eq!(seen.iter().collect::<Vec<_>>(), ["now", "early", "late"]);
        assert!(begin.elapsed() >= Duration::from_millis(30));
    }
}

//! A bounded pool of threads with one queue of ready tasks and one of delayed tasks.
//!
//! Invariant: a worker leaves only when the pool is closed, nothing is queued, and no task runs that could queue more.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};
use std::fmt;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::task::{Run, Task, enter};
use super::{lock, wait, wait_timeout};

/// Threads that run closures in the order they were submitted.
///
/// Threads are started as work arrives, at most `max_workers`. Dropping the pool runs what is queued and joins.
#[derive(Debug)]
pub struct ThreadPool {
    scheduler: Scheduler,
}

/// Puts tasks into a pool's queues.
#[derive(Clone)]
pub(super) struct Scheduler {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
    name: &'static str,
    max_workers: usize,
}

#[derive(Default)]
struct Queue {
    ready: VecDeque<Arc<dyn Run>>,
    delayed: BinaryHeap<Delayed>,
    /// Counts delayed tasks, so that equal due times keep the order of submission.
    sequence: u64,
    workers: Vec<JoinHandle<()>>,
    idle: usize,
    running: usize,
    closed: bool,
}

struct Delayed {
    due: Instant,
    sequence: u64,
    task: Arc<dyn Run>,
}

impl ThreadPool {
    /// A pool of at most `max_workers` threads (at least one).
    pub fn new(max_workers: usize) -> Self {
        Self::named("quicpro-worker", max_workers)
    }

    pub(crate) fn named(name: &'static str, max_workers: usize) -> Self {
        let shared = Shared {
            queue: Mutex::default(),
            changed: Condvar::new(),
            name,
            max_workers: max_workers.max(1),
        };
        Self {
            scheduler: Scheduler {
                shared: Arc::new(shared),
            },
        }
    }

    /// Runs `task` on a worker. After [`shutdown`](Self::shutdown) the task is cancelled at once.
    pub fn submit<T: Send + 'static>(&self, task: impl FnOnce() -> T + Send + 'static) -> Task<T> {
        self.scheduler.submit(task)
    }

    /// Runs `task` on a worker once `delay` has passed.
    pub fn submit_after<T: Send + 'static>(
        &self,
        delay: Duration,
        task: impl FnOnce() -> T + Send + 'static,
    ) -> Task<T> {
        self.scheduler.submit_after(delay, task)
    }

    /// Accepts no further tasks, cancels delayed ones, runs what is queued, and waits for the workers.
    pub fn shutdown(&self) {
        self.scheduler.close();
        let workers = std::mem::take(&mut lock(&self.scheduler.shared.queue).workers);
        let here = std::thread::current().id();
        // A worker that drops its own pool cannot wait for itself, nor for the others, which end when it has.
        if workers.iter().any(|worker| worker.thread().id() == here) {
            return;
        }
        for worker in workers {
            let _ = worker.join();
        }
    }

    pub(super) fn scheduler(&self) -> Scheduler {
        self.scheduler.clone()
    }

    /// Closes the pool and lets its threads end by themselves, for work that may block without bound.
    pub(crate) fn abandon(&self) {
        self.scheduler.close();
        lock(&self.scheduler.shared.queue).workers.clear();
    }
}

impl Drop for ThreadPool {
    fn drop(&mut self) {
        self.shutdown();
    }
}

impl Scheduler {
    pub(super) fn submit<T: Send + 'static>(
        &self,
        task: impl FnOnce() -> T + Send + 'static,
    ) -> Task<T> {
        let task = Task::new(self.clone(), None, task);
        if lock(&self.shared.queue).closed {
            task.cancel();
        } else {
            self.push(task.runnable());
        }
        task
    }

    pub(super) fn submit_after<T: Send + 'static>(
        &self,
        delay: Duration,
        task: impl FnOnce() -> T + Send + 'static,
    ) -> Task<T> {
        let now = Instant::now();
        // A delay past the end of the clock is as good as the longest one that is not.
        let due = now.checked_add(delay).unwrap_or(now + NEVER);
        let task = Task::new(self.clone(), Some(due), task);
        let mut queue = lock(&self.shared.queue);
        if queue.closed {
            drop(queue);
            task.cancel();
            return task;
        }
        let sequence = queue.sequence;
        queue.sequence += 1;
        queue.delayed.push(Delayed {
            due,
            sequence,
            task: task.runnable(),
        });
        self.start_or_wake(&mut queue);
        task
    }

    /// Queues a task that may run now, also while the pool closes: chains end what they began.
    pub(super) fn push(&self, task: Arc<dyn Run>) {
        let mut queue = lock(&self.shared.queue);
        queue.ready.push_back(task);
        self.start_or_wake(&mut queue);
    }

    /// Which pool this is; equal for all schedulers of one pool.
    pub(super) fn identity(&self) -> usize {
        Arc::as_ptr(&self.shared) as usize // an address, to be compared only
    }

    pub(super) fn close(&self) {
        let mut queue = lock(&self.shared.queue);
        queue.closed = true;
        let delayed = std::mem::take(&mut queue.delayed);
        drop(queue);
        self.shared.changed.notify_all();
        for late in delayed {
            late.task.cancel();
        }
    }

    fn start_or_wake(&self, queue: &mut Queue) {
        // An idle worker may have been woken for an earlier task already: count tasks against workers.
        let needed = queue.ready.len().max(1) > queue.idle;
        if !needed || queue.running + queue.idle >= self.shared.max_workers {
            self.shared.changed.notify_one();
            return;
        }
        queue.workers.retain(|worker| !worker.is_finished());
        let shared = self.shared.clone();
        let builder = std::thread::Builder::new().name(self.shared.name.to_owned());
        match builder.spawn(move || work(&shared)) {
            Ok(worker) => {
                queue.running += 1;
                queue.workers.push(worker);
            }
            Err(error) => log::error!("no thread for {}: {error}", self.shared.name),
        }
    }
}

/// A worker's life. It counts as running when it is born, so that two submissions start two threads.
fn work(shared: &Arc<Shared>) {
    enter(shared);
    let mut queue = lock(&shared.queue);
    loop {
        let now = Instant::now();
        while queue.delayed.peek().is_some_and(|first| first.due <= now) {
            if let Some(first) = queue.delayed.pop() {
                queue.ready.push_back(first.task);
            }
        }
        if let Some(task) = queue.ready.pop_front() {
            drop(queue);
            task.run();
            drop(task);
            queue = lock(&shared.queue);
            continue;
        }
        queue.running -= 1;
        if queue.closed && queue.running == 0 {
            shared.changed.notify_all();
            return;
        }
        queue.idle += 1;
        let due = queue.delayed.peek().map(|first| first.due);
        queue = match due {
            None => wait(&shared.changed, queue),
            Some(due) => wait_timeout(&shared.changed, queue, due.saturating_duration_since(now)),
        };
        queue.idle -= 1;
        queue.running += 1;
    }
}

/// The longest delay: a year.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

impl PartialEq for Delayed {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Delayed {}

impl PartialOrd for Delayed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Delayed {
    /// The heap's greatest is the one due first.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.due, other.sequence).cmp(&(self.due, self.sequence))
    }
}

impl fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduler")
            .field("name", &self.shared.name)
            .field("max_workers", &self.shared.max_workers)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn never_more_threads_than_allowed_and_all_of_them_used() {
        let pool = ThreadPool::new(3);
        let (arrived, arrivals) = mpsc::channel();
        let mut gates = Vec::new();
        for _ in 0..6 {
            let (release, gate) = mpsc::channel::<()>();
            let arrived = arrived.clone();
            gates.push(release);
            let _ = pool.submit(move || {
                arrived.send(std::thread::current().id()).unwrap();
                gate.recv()
            });
        }
        let mut threads: Vec<_> = (0..3).map(|_| arrivals.recv().unwrap()).collect();
        assert!(
            arrivals.try_recv().is_err(),
            "three blocked workers, nobody left to begin a fourth task"
        );
        for gate in &gates {
            gate.send(()).unwrap();
        }
        threads.extend((0..3).map(|_| arrivals.recv().unwrap()));
        let distinct: std::collections::HashSet<_> = threads.into_iter().collect();
        assert_eq!(distinct.len(), 3);
    }

    #[test]
    fn a_pool_may_be_dropped_by_its_own_worker() {
        let pool = Arc::new(Mutex::new(None));
        let (done, is_done) = mpsc::channel();
        let holder = pool.clone();
        *lock(&pool) = Some(ThreadPool::new(1));
        let task = lock(&pool).as_ref().unwrap().submit(move || {
            drop(lock(&holder).take());
            done.send(()).unwrap();
        });
        is_done.recv().unwrap();
        assert_eq!(task.result(), Ok(()));
    }

    /// Each of two workers has a clone; the second that drops it drops the pool while the first is idle.
    #[test]
    fn a_pool_of_several_may_be_dropped_by_one_of_them() {
        let pool = Arc::new(ThreadPool::new(2));
        let (done, is_done) = mpsc::channel();
        let both = Arc::new(std::sync::Barrier::new(3));
        for _ in 0..2 {
            let (own, both, done) = (pool.clone(), both.clone(), done.clone());
            pool.submit(move || {
                both.wait();
                drop(own);
                done.send(()).unwrap();
            });
        }
        drop(pool);
        both.wait();
        for _ in 0..2 {
            let end = is_done.recv_timeout(Duration::from_secs(20));
            end.expect("nobody waits for itself");
        }
    }
}

//! The handle of a scheduled task: wait for it, cancel it, chain another behind it.
//!
//! Invariant: a task's closure leaves its cell exactly once, by whoever claims it first: a worker, a task that waits
//! for it, or a cancellation.

use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use super::thread_pool::{Scheduler, Shared};
use super::{lock, wait, wait_timeout};

/// Why a task has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskError {
    /// It, or a task it was chained to, was cancelled, or its loop had stopped.
    Cancelled,
    /// It, or a task it was chained to, panicked with this message.
    Panicked(String),
    /// It was not done in time; it goes on.
    TimedOut,
    /// An earlier call took the value.
    Taken,
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled => f.write_str("the task was cancelled"),
            Self::Panicked(message) => write!(f, "the task panicked: {message}"),
            Self::TimedOut => f.write_str("the task was not done in time"),
            Self::Taken => f.write_str("the task's value was taken before"),
        }
    }
}

impl std::error::Error for TaskError {}

/// A task scheduled on a [`SyncEventLoop`](super::SyncEventLoop) or [`ThreadPool`](super::ThreadPool).
///
/// Dropping the handle lets the task run on.
pub struct Task<T> {
    cell: Arc<TaskCell<T>>,
}

/// What a worker sees of a task.
pub(super) trait Run: Send + Sync {
    /// Runs the closure unless somebody else has claimed it.
    fn run(&self);
    /// Makes the task fail unless it has begun.
    fn cancel(&self) -> bool;
    /// Brings the task to its end on the waiting worker's own thread, or waits for it there until `deadline`.
    fn help(&self, deadline: Option<Instant>);
}

pub(super) struct TaskCell<T> {
    state: Mutex<State<T>>,
    done: Condvar,
    scheduler: Scheduler,
    /// The earliest moment at which the closure may run.
    due: Option<Instant>,
    /// The task that must be done before this one may begin.
    upstream: Option<Arc<dyn Run>>,
}

type Closure<T> = Box<dyn FnOnce() -> Result<T, TaskError> + Send>;
/// Called once with the outcome, when a task is chained to this one.
type Continuation = Arc<dyn Run>;

struct State<T> {
    stage: Stage<T>,
    next: Option<Continuation>,
}

enum Stage<T> {
    Waiting(Closure<T>),
    Running,
    Done(Result<T, TaskError>),
}

impl<T: Send + 'static> Task<T> {
    pub(super) fn new(
        scheduler: Scheduler,
        due: Option<Instant>,
        closure: impl FnOnce() -> T + Send + 'static,
    ) -> Self {
        Self::of(scheduler, due, None, Box::new(move || Ok(closure())))
    }

    fn of(
        scheduler: Scheduler,
        due: Option<Instant>,
        upstream: Option<Arc<dyn Run>>,
        closure: Closure<T>,
    ) -> Self {
        let state = State {
            stage: Stage::Waiting(closure),
            next: None,
        };
        Self {
            cell: Arc::new(TaskCell {
                state: Mutex::new(state),
                done: Condvar::new(),
                scheduler,
                due,
                upstream,
            }),
        }
    }

    pub(super) fn runnable(&self) -> Arc<dyn Run> {
        self.cell.clone()
    }

    /// Waits until the task is done and returns what its closure returned.
    pub fn result(self) -> Result<T, TaskError> {
        self.cell.wait(None)
    }

    /// As [`result`](Self::result), but gives up after `timeout`; the task goes on, and may be asked again.
    ///
    /// A worker of the same loop that waits for a task nobody has begun runs it, and may so return late.
    pub fn result_timeout(&self, timeout: Duration) -> Result<T, TaskError> {
        self.cell.wait(Instant::now().checked_add(timeout))
    }

    /// Whether the task has ended, one way or another.
    pub fn done(&self) -> bool {
        matches!(lock(&self.cell.state).stage, Stage::Done(_))
    }

    /// Cancels the task if it has not begun; tells whether it was cancelled by this call.
    pub fn cancel(&self) -> bool {
        self.cell.cancel()
    }

    /// Runs `next` with this task's value on the same loop, once it is there, and returns the handle of that.
    ///
    /// If this task is cancelled or panics, `next` is dropped and the new task fails in the same way.
    pub fn then<U: Send + 'static>(self, next: impl FnOnce(T) -> U + Send + 'static) -> Task<U> {
        let cell = self.cell.clone();
        let closure = move || cell.take().map(next);
        let scheduler = self.cell.scheduler.clone();
        let task = Task::of(scheduler, None, Some(self.cell.clone()), Box::new(closure));
        self.cell.chain(task.cell.clone());
        task
    }
}

impl<T: Send + 'static> TaskCell<T> {
    fn take(&self) -> Result<T, TaskError> {
        let mut state = lock(&self.state);
        match &mut state.stage {
            Stage::Done(outcome) => std::mem::replace(outcome, Err(TaskError::Taken)),
            _ => Err(TaskError::TimedOut),
        }
    }

    fn wait(&self, deadline: Option<Instant>) -> Result<T, TaskError> {
        if WORKS_FOR.get() == self.scheduler.identity() {
            self.help(deadline);
        }
        self.settle(deadline);
        self.take()
    }

    fn chain(&self, next: Continuation) {
        let mut state = lock(&self.state);
        if matches!(state.stage, Stage::Done(_)) {
            drop(state);
            self.scheduler.push(next);
        } else {
            state.next = Some(next);
        }
    }

    fn finish(&self, outcome: Result<T, TaskError>) {
        let mut state = lock(&self.state);
        state.stage = Stage::Done(outcome);
        let next = state.next.take();
        drop(state);
        self.done.notify_all();
        if let Some(next) = next {
            self.scheduler.push(next);
        }
    }

    /// Takes the closure out, if it is still there and `upstream` is done.
    fn claim(&self) -> Option<Closure<T>> {
        let mut state = lock(&self.state);
        match std::mem::replace(&mut state.stage, Stage::Running) {
            Stage::Waiting(closure) => Some(closure),
            other => {
                state.stage = other;
                None
            }
        }
    }

    /// Waits for the end, or `deadline`, without taking the value.
    fn settle(&self, deadline: Option<Instant>) {
        let mut state = lock(&self.state);
        while !matches!(state.stage, Stage::Done(_)) {
            state = match time_left(deadline) {
                None => wait(&self.done, state),
                Some(Duration::ZERO) => return,
                Some(left) => wait_timeout(&self.done, state, left),
            };
        }
    }

    /// Waits while the task has not begun and may not begin yet, at most until `deadline`.
    fn await_due(&self, due: Instant, deadline: Option<Instant>) {
        let until = deadline.map_or(due, |deadline| deadline.min(due));
        let mut state = lock(&self.state);
        while matches!(state.stage, Stage::Waiting(_)) {
            match time_left(Some(until)) {
                None | Some(Duration::ZERO) => return,
                Some(left) => state = wait_timeout(&self.done, state, left),
            }
        }
    }
}

fn time_left(deadline: Option<Instant>) -> Option<Duration> {
    Some(deadline?.saturating_duration_since(Instant::now()))
}

impl<T: Send + 'static> Run for TaskCell<T> {
    fn run(&self) {
        let Some(closure) = self.claim() else { return };
        let outcome = catch_unwind(AssertUnwindSafe(closure));
        self.finish(outcome.unwrap_or_else(|panic| Err(TaskError::Panicked(message_of(&*panic)))));
    }

    fn cancel(&self) -> bool {
        let claimed = self.claim();
        let cancelled = claimed.is_some();
        drop(claimed);
        if cancelled {
            self.finish(Err(TaskError::Cancelled));
        }
        cancelled
    }

    fn help(&self, deadline: Option<Instant>) {
        if let Some(upstream) = &self.upstream {
            upstream.help(deadline);
        }
        if let Some(due) = self.due {
            self.await_due(due, deadline);
        }
        if time_left(deadline) == Some(Duration::ZERO) {
            return;
        }
        self.run();
        self.settle(deadline);
    }
}

thread_local! {
    /// Which pool this thread is a worker of: the address of its shared state, 0 for none.
    static WORKS_FOR: Cell<usize> = const { Cell::new(0) };
}

/// Marks the calling thread as a worker of `shared`.
pub(super) fn enter(shared: &Arc<Shared>) {
    WORKS_FOR.set(Arc::as_ptr(shared) as usize); // an address, to be compared only
}

fn message_of(panic: &(dyn std::any::Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text.clone()
    } else {
        "no message".to_owned()
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match lock(&self.cell.state).stage {
            Stage::Waiting(_) => "waiting",
            Stage::Running => "running",
            Stage::Done(_) => "done",
        };
        f.debug_tuple("Task").field(&stage).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::ThreadPool;
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn a_panic_is_an_error_of_the_task_and_of_what_follows() {
        let pool = ThreadPool::new(1);
        let task = pool.submit(|| panic!("spilled {}", 3)).then(|()| 1);
        assert_eq!(task.result(), Err(TaskError::Panicked("spilled 3".into())));
        assert_eq!(pool.submit(|| 7).result(), Ok(7));
    }

    #[test]
    fn only_a_task_that_has_not_begun_can_be_cancelled() {
        let pool = ThreadPool::new(1);
        let (begun, has_begun) = mpsc::channel();
        let (release, gate) = mpsc::channel::<()>();
        let first = pool.submit(move || {
            begun.send(()).unwrap();
            gate.recv().unwrap();
        });
        has_begun.recv().unwrap();
        let second = pool.submit(|| 2);
        assert!(!first.cancel());
        assert!(second.cancel());
        assert!(!second.cancel());
        assert!(second.done() && !first.done());
        release.send(()).unwrap();
        assert_eq!(second.then(|two| two).result(), Err(TaskError::Cancelled));
        assert_eq!(first.result(), Ok(()));
    }

    #[test]
    fn a_timeout_leaves_the_task_running() {
        let pool = ThreadPool::new(1);
        let (release, gate) = mpsc::channel::<u8>();
        let task = pool.submit(move || gate.recv().unwrap());
        assert_eq!(
            task.result_timeout(Duration::from_millis(1)),
            Err(TaskError::TimedOut)
        );
        release.send(9).unwrap();
        assert_eq!(task.result_timeout(Duration::from_secs(60)), Ok(9));
        assert_eq!(task.result(), Err(TaskError::Taken));
    }

    #[test]
    fn chains_run_on_workers_not_on_the_caller() {
        let pool = ThreadPool::new(2);
        let here = std::thread::current().id();
        let done = pool.submit(|| 1);
        while !done.done() {
            std::thread::yield_now();
        }
        let there = done.then(move |_| std::thread::current().id());
        assert_ne!(there.result().unwrap(), here);
    }
}

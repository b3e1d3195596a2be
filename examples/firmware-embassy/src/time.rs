//! embassy's time on the processor's own timer: its interrupt ends a sleep once a millisecond.

use core::cell::{Cell, RefCell};
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::Waker;

use critical_section::Mutex;
use embassy_time_driver::Driver;
use embassy_time_queue_utils::Queue;
use quicpro_core::io::Clock;
use quicpro_firmware::clock::SysTick;

struct Timer {
    clock: Mutex<Cell<Option<SysTick>>>,
    queue: Mutex<RefCell<Queue>>,
}

embassy_time_driver::time_driver_impl!(static TIMER: Timer = Timer {
    clock: Mutex::new(Cell::new(None)),
    queue: Mutex::new(RefCell::new(Queue::new())),
});

/// A task was woken since the executor last looked.
static IS_WORK_LEFT: AtomicBool = AtomicBool::new(false);

/// From now on time goes by.
pub fn start(clock: SysTick) {
    critical_section::with(|token| TIMER.clock.borrow(token).set(Some(clock)));
}

/// Wakes every task whose time has come.
pub fn wake() {
    IS_WORK_LEFT.store(false, Ordering::Relaxed);
    let now = TIMER.now();
    critical_section::with(|token| {
        TIMER.queue.borrow_ref_mut(token).next_expiration(now);
    });
}

pub fn note_work() {
    IS_WORK_LEFT.store(true, Ordering::Relaxed);
}

pub fn is_work_left() -> bool {
    IS_WORK_LEFT.load(Ordering::Relaxed)
}

impl Driver for Timer {
    fn now(&self) -> u64 {
        let clock = critical_section::with(|token| self.clock.borrow(token).get());
        clock.map_or(0, |clock| clock.now().as_micros())
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|token| {
            self.queue.borrow_ref_mut(token).schedule_wake(at, waker);
        });
    }
}

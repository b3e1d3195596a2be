//! The processor's own timer as the engine's clock.

use core::cell::Cell;

use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::peripheral::{SCB, SYST};
use cortex_m_rt::exception;
use critical_section::Mutex;
use quicpro_core::Instant;
use quicpro_core::io::Clock;

use crate::board;

/// Cycles of the processor's clock in a millisecond.
const CYCLES: u32 = board::CLOCK_HZ / 1000;

static MILLISECONDS: Mutex<Cell<u64>> = Mutex::new(Cell::new(0));

/// A clock that started when the timer did.
#[derive(Clone, Copy)]
pub struct SysTick(());

impl SysTick {
    /// Starts the timer: one interrupt a millisecond, which also ends a `wfi`.
    pub fn start(mut timer: SYST) -> Self {
        timer.set_clock_source(SystClkSource::Core);
        timer.set_reload(CYCLES - 1);
        timer.clear_current();
        timer.enable_counter();
        timer.enable_interrupt();
        Self(())
    }
}

impl Clock for SysTick {
    fn now(&self) -> Instant {
        let (milliseconds, cycles) = read();
        Instant::from_micros(milliseconds * 1000 + u64::from(cycles * 1000 / CYCLES))
    }
}

/// Cycles since the timer was started.
pub fn cycles() -> u64 {
    let (milliseconds, cycles) = read();
    milliseconds * u64::from(CYCLES) + u64::from(cycles)
}

/// Whole milliseconds, and cycles of the current one.
fn read() -> (u64, u32) {
    critical_section::with(|token| {
        let milliseconds = MILLISECONDS.borrow(token).get();
        let left = SYST::get_current();
        if !SCB::is_pendst_pending() {
            return (milliseconds, CYCLES - 1 - left);
        }
        // The interrupt of a millisecond that is over waits for us; `left` may be from either side of its end.
        (milliseconds + 1, CYCLES - 1 - SYST::get_current())
    })
}

#[exception]
fn SysTick() {
    critical_section::with(|token| {
        let milliseconds = MILLISECONDS.borrow(token);
        milliseconds.set(milliseconds.get() + 1);
    });
}

//! Stack and instructions of a phase, with the feature `measure`; without it nothing of this is in the image.
//!
//! Instructions follow from time, so they are right only under QEMU's `-icount shift=6`, where each takes 64 ns.
//! What the network stack, its driver and the waiting take is not counted.

#[cfg(feature = "measure")]
pub use on::{Phase, outside};

#[cfg(not(feature = "measure"))]
pub use off::{Phase, outside};

#[cfg(not(feature = "measure"))]
mod off {
    /// Nothing is measured.
    pub struct Phase(());

    impl Phase {
        pub fn begin() -> Self {
            Self(())
        }

        pub fn end(&mut self, _: &str) {}
    }

    /// Calls `code`.
    pub fn outside<R>(code: impl FnOnce() -> R) -> R {
        code()
    }
}

#[cfg(feature = "measure")]
mod on {
    use core::cell::Cell;
    use core::ptr::addr_of;

    use critical_section::Mutex;
    use defmt::info;

    use crate::board::CLOCK_HZ;
    use crate::clock::cycles;

    const INSTRUCTION_NANOSECONDS: u64 = 64;
    const CYCLE_NANOSECONDS: u64 = 1_000_000_000 / CLOCK_HZ as u64;

    /// Room below the stack pointer for what a loop over the stack may need itself.
    const MARGIN: usize = 256;

    unsafe extern "C" {
        /// The lowest word that the stack may use, given by the linker.
        static _stack_end: u32;
        /// Where the stack starts, above its highest word.
        static _stack_start: u32;
    }

    /// Cycles that are nobody's: see [`outside`].
    static OUTSIDE: Mutex<Cell<u64>> = Mutex::new(Cell::new(0));

    /// Calls `code`, whose instructions are not counted.
    pub fn outside<R>(code: impl FnOnce() -> R) -> R {
        let start = cycles();
        let result = code();
        let taken = cycles() - start;
        critical_section::with(|token| {
            let outside = OUTSIDE.borrow(token);
            outside.set(outside.get() + taken);
        });
        result
    }

    fn counted() -> u64 {
        cycles() - critical_section::with(|token| OUTSIDE.borrow(token).get())
    }

    /// A part of the run.
    pub struct Phase {
        start: u64,
    }

    impl Phase {
        pub fn begin() -> Self {
            paint();
            Self { start: counted() }
        }

        /// Prints what the phase took, under `name`, and begins the next.
        pub fn end(&mut self, name: &str) {
            let instructions =
                (counted() - self.start) * CYCLE_NANOSECONDS / INSTRUCTION_NANOSECONDS;
            info!(
                "measured {=str}: stack={=usize} of={=usize} instructions={=u64}",
                name,
                touched(),
                addr_of!(_stack_start) as usize - addr_of!(_stack_end) as usize,
                instructions
            );
            *self = Self::begin();
        }
    }

    /// Bytes of the stack from its start to the lowest word that is not painted.
    fn touched() -> usize {
        let end = addr_of!(_stack_end);
        let start = addr_of!(_stack_start) as usize;
        let mut word = end;
        while (word as usize) < start {
            // SAFETY: all words between the two are RAM that no static has.
            if unsafe { word.read_volatile() } != cortex_m_rt::STACK_PAINT_VALUE {
                break;
            }
            word = word.wrapping_add(1);
        }
        start - word as usize
    }

    /// Paints what is below the frames that are alive.
    fn paint() {
        let limit = cortex_m::register::msp::read() as usize - MARGIN;
        let mut word = addr_of!(_stack_end).cast_mut();
        while (word as usize) < limit {
            // SAFETY: RAM that no static has, below every frame; an interrupt's frames are gone when it returns.
            unsafe {
                word.write_volatile(cortex_m_rt::STACK_PAINT_VALUE);
                word = word.add(1);
            }
        }
    }
}

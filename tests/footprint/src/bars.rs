//! What the default client may cost. A change that needs more fails the gate, or changes a figure here and says why.

use crate::measure::Measured;
use crate::ram::{Group, total};

const KIB: u64 = 1024;

/// Flash of the client: code, constants and first values, less those of the echo.
pub const FLASH_MAX: u64 = 144 * KIB;
/// What flash should come to.
pub const FLASH_GOAL: u64 = 96 * KIB;

/// Static memory of a client with one connection and two requests.
pub const MEMORY_MAX: u64 = MEMORY_GOAL;
/// What static memory should come to.
pub const MEMORY_GOAL: u64 = 20 * KIB;

/// Peak of the stack, in every phase of a run.
pub const STACK_MAX: u64 = STACK_GOAL;
/// What the stack should come to.
pub const STACK_GOAL: u64 = 12 * KIB;

/// What is above its bar.
pub fn exceeded(measured: &Measured) -> Vec<String> {
    let stack = measured.phases.iter().map(|phase| phase.stack).max();
    let figures = [
        ("flash of the client", measured.flash, FLASH_MAX),
        (
            "static memory of the client",
            total(&measured.statics, Group::Client),
            MEMORY_MAX,
        ),
        ("peak stack", stack.unwrap_or_default(), STACK_MAX),
    ];
    let above = figures.iter().filter(|(_, figure, bar)| figure > bar);
    above
        .map(|(name, figure, bar)| format!("{name}: {figure} bytes, allowed are {bar}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ram::Static;
    use crate::run::Phase;

    fn measured(flash: u64, memory: u64, stack: u64) -> Measured {
        let statics = vec![Static {
            name: "STORAGE".to_owned(),
            bytes: memory,
            group: Group::Client,
        }];
        let phases = vec![Phase {
            name: "handshake".to_owned(),
            stack,
            instructions: 0,
        }];
        Measured {
            flash,
            statics,
            phases,
            ..Measured::default()
        }
    }

    #[test]
    fn a_figure_may_reach_its_bar_and_not_exceed_it() {
        let at_the_bars = measured(FLASH_MAX, MEMORY_MAX, STACK_MAX);
        assert_eq!(exceeded(&at_the_bars), Vec::<String>::new());
        let above = measured(FLASH_MAX + 1, MEMORY_MAX + 1, STACK_MAX + 1);
        assert_eq!(exceeded(&above).len(), 3);
    }
}

//! The few instructions of Arm's Thumb-2 that say which function calls which, which constants it names and how much
//! stack it takes.
//!
//! Encodings: Armv7-M Architecture Reference Manual, chapter A7.7, at B, BL, MOV (immediate), MOVT, PUSH, STMDB,
//! SUB (SP minus immediate) and VPUSH.

use std::ops::Range;

use crate::image::Image;

/// What an instruction means for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Control comes back from the address.
    Call(u64),
    /// Control goes to the address for good.
    Jump(u64),
    /// The lower half of a register is set, the upper is cleared.
    Low {
        register: u8,
        half: u16,
    },
    /// The upper half of a register is set.
    High {
        register: u8,
        half: u16,
    },
    /// The stack grows by so many bytes.
    Reserve(u32),
    Other,
}

/// All instructions between two addresses, each with its own.
pub fn meanings(image: &Image, range: Range<u64>) -> impl Iterator<Item = (u64, Meaning)> {
    let mut next = range.start;
    std::iter::from_fn(move || {
        let address = next;
        let first = image.half(address).filter(|_| address < range.end)?;
        let second = image.half(address + 2).unwrap_or_default();
        next += if is_wide(first) { 4 } else { 2 };
        Some((address, meaning(address, first, second)))
    })
}

/// An instruction that starts with this half-word has a second one.
fn is_wide(first: u16) -> bool {
    first >> 11 >= 0b11101
}

/// The meaning of the instruction at `address`. `second` is the half-word behind the first.
fn meaning(address: u64, first: u16, second: u16) -> Meaning {
    if let Some(bytes) = reserved(first, second) {
        return Meaning::Reserve(bytes);
    }
    if !is_wide(first) {
        return short_branch(address, first);
    }
    if first >> 11 == 0b11110 {
        match second & 0xd000 {
            0xd000 => return Meaning::Call(wide_target(address, first, second)),
            0x9000 => return Meaning::Jump(wide_target(address, first, second)),
            _ => {}
        }
    }
    let register = (second >> 8 & 0xf) as u8;
    let half =
        (first & 0xf) << 12 | (first >> 10 & 1) << 11 | (second >> 4 & 0x700) | second & 0xff;
    match first & 0xfbf0 {
        0xf240 if second & 0x8000 == 0 => Meaning::Low { register, half },
        0xf2c0 if second & 0x8000 == 0 => Meaning::High { register, half },
        _ => Meaning::Other,
    }
}

/// What a push or a subtraction takes of the stack.
fn reserved(first: u16, second: u16) -> Option<u32> {
    let immediate = u32::from(first >> 10 & 1) << 11 | u32::from(second >> 12 & 7) << 8;
    let immediate = immediate | u32::from(second & 0xff);
    let from_stack_pointer = second & 0x8f00 == 0x0d00;
    match first {
        0xb400..=0xb5ff => Some(4 * (first & 0x1ff).count_ones()),
        0xb080..=0xb0ff => Some(4 * u32::from(first & 0x7f)),
        0xe92d => Some(4 * second.count_ones()),
        0xed2d if second & 0x0e00 == 0x0a00 => Some(4 * u32::from(second & 0xff)),
        0xf1ad | 0xf5ad if from_stack_pointer => Some(expanded(immediate)),
        0xf2ad | 0xf6ad if from_stack_pointer => Some(immediate),
        _ => None,
    }
}

/// A constant of 12 bits that stands for one of 32: ThumbExpandImm without the forms that repeat a byte.
fn expanded(immediate: u32) -> u32 {
    match immediate >> 10 {
        0 => immediate & 0xff,
        _ => (0x80 | immediate & 0x7f).rotate_right(immediate >> 7),
    }
}

/// B without a condition, in 16 bits.
fn short_branch(address: u64, first: u16) -> Meaning {
    if first >> 11 != 0b11100 {
        return Meaning::Other;
    }
    let offset = sign_extended(u32::from(first & 0x7ff) << 1, 12);
    Meaning::Jump(address.wrapping_add(4).wrapping_add_signed(offset))
}

/// Where BL and B without a condition lead, in 32 bits.
fn wide_target(address: u64, first: u16, second: u16) -> u64 {
    let sign = u32::from(first >> 10 & 1);
    let bit = |place: u16| u32::from(second >> place & 1) ^ sign ^ 1;
    let offset = sign << 24
        | bit(13) << 23
        | bit(11) << 22
        | u32::from(first & 0x3ff) << 12
        | u32::from(second & 0x7ff) << 1;
    address
        .wrapping_add(4)
        .wrapping_add_signed(sign_extended(offset, 25))
}

fn sign_extended(value: u32, bits: u32) -> i64 {
    i64::from((value << (32 - bits)) as i32 >> (32 - bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_lead_forwards_and_backwards() {
        // As GNU as assembles them: `bl .+8`, `bl .-4`, `b.w .+4096`.
        assert_eq!(meaning(0x1000, 0xf000, 0xf802), Meaning::Call(0x1008));
        assert_eq!(meaning(0x1000, 0xf7ff, 0xfffc), Meaning::Call(0x0ffc));
        assert_eq!(meaning(0x1000, 0xf000, 0xbffe), Meaning::Jump(0x2000));
    }

    #[test]
    fn short_jumps_lead_forwards_and_backwards() {
        // `b.n .`, `b.n .+6`.
        assert_eq!(meaning(0x1000, 0xe7fe, 0), Meaning::Jump(0x1000));
        assert_eq!(meaning(0x1000, 0xe001, 0), Meaning::Jump(0x1006));
    }

    #[test]
    fn halves_of_constants_are_read() {
        // `movw r1, #0xc7a4`, `movt r1, #0x802`.
        let low = Meaning::Low {
            register: 1,
            half: 0xc7a4,
        };
        assert_eq!(meaning(0, 0xf24c, 0x71a4), low);
        let high = Meaning::High {
            register: 1,
            half: 0x802,
        };
        assert_eq!(meaning(0, 0xf6c0, 0x0102), high);
    }

    #[test]
    fn conditions_and_other_instructions_mean_nothing() {
        // `beq.w .+4`, `ldr.w r0, [r1]`.
        assert_eq!(meaning(0x1000, 0xf000, 0x8000), Meaning::Other);
        assert_eq!(meaning(0x1000, 0xf8d1, 0x0000), Meaning::Other);
    }

    #[test]
    fn the_stack_grows_by_pushes_and_subtractions() {
        let reserve = |first, second| match meaning(0, first, second) {
            Meaning::Reserve(bytes) => bytes,
            _ => 0,
        };
        // `push {r7, lr}`, `push.w {r4-r11, lr}`, `vpush {d8, d9}`.
        assert_eq!(reserve(0xb580, 0), 8);
        assert_eq!(reserve(0xe92d, 0x4ff0), 36);
        assert_eq!(reserve(0xed2d, 0x8b04), 16);
        // `sub sp, #40`, `sub.w sp, sp, #1136`, `subw sp, sp, #1004`.
        assert_eq!(reserve(0xb08a, 0), 40);
        assert_eq!(reserve(0xf5ad, 0x6d8e), 1136);
        assert_eq!(reserve(0xf2ad, 0x3dec), 1004);
    }
}

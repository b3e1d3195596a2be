//! How much stack each function takes for itself.
//!
//! Invariant: what is listed is read from the instructions, so it holds for all of a function's ways; what the
//! functions that it calls take is not in it.

use crate::image::{Image, Symbol};
use crate::thumb::{Meaning, is_wide, meaning};

/// A function's own part of the stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackFrame {
    pub function: String,
    pub bytes: u32,
}

/// All functions that take something, the largest first.
pub fn stack_frames(image: &Image) -> Vec<StackFrame> {
    let frames = image.functions.iter().map(|function| StackFrame {
        function: function.name.clone(),
        bytes: bytes(image, function),
    });
    let mut frames: Vec<StackFrame> = frames.filter(|frame| frame.bytes > 0).collect();
    frames.sort_by_key(|frame| u32::MAX - frame.bytes);
    frames
}

/// Everything that a function's instructions reserve: a compiler's function does that once, where it begins.
fn bytes(image: &Image, function: &Symbol) -> u32 {
    let after = image
        .instructions
        .partition_point(|r| r.end <= function.range.start);
    let ranges = image.instructions[after..].iter();
    let mut sum = 0;
    for range in ranges.take_while(|range| range.start < function.range.end) {
        let mut address = range.start.max(function.range.start);
        let end = range.end.min(function.range.end);
        while let Some(first) = image.half(address).filter(|_| address < end) {
            let second = image.half(address + 2).unwrap_or_default();
            if let Meaning::Reserve(bytes) = meaning(address, first, second) {
                sum += bytes;
            }
            address += if is_wide(first) { 4 } else { 2 };
        }
    }
    sum
}

//! How much stack each function takes for itself, and the deepest way through the calls.
//!
//! Invariant: only instructions are read. Calls through pointers are not followed, recursion is counted once and ways
//! into a panic are not counted, so the deepest way explains the measured peak and does not replace it.

use std::collections::{BTreeMap, BTreeSet};

use crate::image::{Image, Symbol};
use crate::panics::is_panic;
use crate::thumb::{Meaning, meanings};

/// Where the program begins, after the memory was set up.
const ENTRY: &str = "main";
/// What the processor calls.
const ENTRIES: &[&str] = &[ENTRY, "Reset", "HardFault", "SysTick"];

/// A function's own part of the stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackFrame {
    pub function: String,
    pub bytes: u32,
}

/// All functions that take something, the largest first.
pub fn stack_frames(image: &Image) -> Vec<StackFrame> {
    let graph = Graph::of(image);
    let mut frames: Vec<StackFrame> = graph.nodes.values().map(|node| node.frame(image)).collect();
    frames.retain(|frame| frame.bytes > 0);
    frames.sort_by_key(|frame| u32::MAX - frame.bytes);
    frames
}

/// The functions that are called one by the other where the stack is deepest, outermost first.
pub fn deepest(image: &Image) -> Vec<StackFrame> {
    let graph = Graph::of(image);
    let entry = image
        .functions
        .iter()
        .find(|function| function.name == ENTRY);
    let mut depths = BTreeMap::new();
    let mut next = entry.map(|function| function.range.start);
    if let Some(start) = next {
        graph.depth(start, &mut depths);
    }
    let mut way = Vec::new();
    while let Some(start) = next {
        let (Some(node), Some(depth)) = (graph.nodes.get(&start), depths.get(&start)) else {
            break;
        };
        if !depth.jumps {
            way.push(node.frame(image));
        }
        next = depth.next;
    }
    way
}

/// Functions that nothing calls but through a pointer, each with all that it calls, the deepest first.
pub fn behind_pointers(image: &Image) -> Vec<StackFrame> {
    let graph = Graph::of(image);
    let called: BTreeSet<u64> = graph.nodes.values().flat_map(Node::leads_to).collect();
    let uncalled = graph
        .nodes
        .values()
        .filter(|node| !called.contains(&node.start));
    let mut depths = BTreeMap::new();
    let mut found: Vec<StackFrame> = uncalled
        .map(|node| StackFrame {
            bytes: graph.depth(node.start, &mut depths),
            ..node.frame(image)
        })
        .filter(|frame| frame.bytes > 0 && !ENTRIES.contains(&frame.function.as_str()))
        .collect();
    found.sort_by_key(|frame| u32::MAX - frame.bytes);
    found
}

/// A function: its own part of the stack, and where it leads.
#[derive(Debug, Default)]
struct Node {
    start: u64,
    bytes: u32,
    calls: Vec<u64>,
    /// Functions that take this one's place.
    jumps: Vec<u64>,
}

impl Node {
    fn of(image: &Image, function: &Symbol) -> Self {
        let start = function.range.start;
        let mut node = Self {
            start,
            ..Self::default()
        };
        let after = image
            .instructions
            .partition_point(|range| range.end <= start);
        let ranges = image.instructions[after..].iter();
        for range in ranges.take_while(|range| range.start < function.range.end) {
            let part = range.start.max(start)..range.end.min(function.range.end);
            for (_, meaning) in meanings(image, part) {
                match meaning {
                    // A compiler's function reserves once, where it begins.
                    Meaning::Reserve(bytes) => node.bytes += bytes,
                    Meaning::Call(to) => node.calls.push(to),
                    Meaning::Jump(to) if !function.range.contains(&to) => node.jumps.push(to),
                    _ => {}
                }
            }
        }
        node
    }

    fn leads_to(&self) -> impl Iterator<Item = u64> {
        self.calls.iter().chain(&self.jumps).copied()
    }

    fn frame(&self, image: &Image) -> StackFrame {
        let function = image.function_at(self.start);
        StackFrame {
            function: function.map_or_else(String::new, |function| function.name.clone()),
            bytes: self.bytes,
        }
    }
}

/// How deep the stack gets from a function on, and by which way.
#[derive(Clone, Copy, Debug, Default)]
struct Depth {
    bytes: u32,
    next: Option<u64>,
    /// The next one takes this one's place.
    jumps: bool,
}

/// Who calls whom.
#[derive(Debug, Default)]
struct Graph {
    nodes: BTreeMap<u64, Node>,
}

impl Graph {
    fn of(image: &Image) -> Self {
        let node = |function| {
            let node = Node::of(image, function);
            (node.start, node)
        };
        let returning = image.functions.iter().filter(|f| !is_panic(&f.name));
        Self {
            nodes: returning.map(node).collect(),
        }
    }

    /// Fills `depths` for all functions that can be reached from `start`.
    fn depth(&self, start: u64, depths: &mut BTreeMap<u64, Depth>) -> u32 {
        if let Some(known) = depths.get(&start) {
            return known.bytes;
        }
        let Some(node) = self.nodes.get(&start) else {
            return 0;
        };
        // What leads back to here adds nothing.
        depths.insert(start, Depth::default());
        let mut depth = Depth {
            bytes: node.bytes,
            ..Depth::default()
        };
        let calls = node.calls.iter().map(|to| (*to, node.bytes, false));
        let jumps = node.jumps.iter().map(|to| (*to, 0, true));
        for (to, own, jumps) in calls.chain(jumps) {
            let bytes = own + self.depth(to, depths);
            if bytes > depth.bytes {
                let next = Some(to);
                depth = Depth { bytes, next, jumps };
            }
        }
        depths.insert(start, depth);
        depth.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(nodes: &[(u64, u32, &[u64], &[u64])]) -> Graph {
        let node = |(start, bytes, calls, jumps): &(u64, u32, &[u64], &[u64])| {
            let node = Node {
                start: *start,
                bytes: *bytes,
                calls: calls.to_vec(),
                jumps: jumps.to_vec(),
            };
            (*start, node)
        };
        Graph {
            nodes: nodes.iter().map(node).collect(),
        }
    }

    fn depth(graph: &Graph, start: u64) -> u32 {
        graph.depth(start, &mut BTreeMap::new())
    }

    #[test]
    fn the_deeper_of_two_calls_counts() {
        let graph = graph(&[(1, 100, &[2, 3], &[]), (2, 10, &[3], &[]), (3, 5, &[], &[])]);
        assert_eq!(depth(&graph, 1), 115);
    }

    #[test]
    fn a_jump_gives_the_stack_back_first() {
        let graph = graph(&[(1, 100, &[], &[2]), (2, 110, &[], &[]), (3, 200, &[], &[2])]);
        assert_eq!(depth(&graph, 1), 110);
        assert_eq!(depth(&graph, 3), 200);
    }

    #[test]
    fn recursion_ends() {
        let graph = graph(&[(1, 8, &[2], &[]), (2, 16, &[1], &[])]);
        assert_eq!(depth(&graph, 1), 24);
    }
}

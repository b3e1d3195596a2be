//! Static memory, by whose it is: the client's, the network stack's, the board's.
//!
//! Invariant: every byte of `.bss`, `.data` and `.uninit` is in one group; what has no symbol is the board's.

use crate::image::{Image, Kind, Symbol};

/// Whose memory something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// What a client of ours needs, whatever board it runs on: it counts against the bar.
    Client,
    /// Buffers and sockets of the network stack.
    Network,
    /// Timer, semihosting, alignment.
    Board,
}

impl Group {
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Network => "network stack",
            Self::Board => "board",
        }
    }
}

/// The firmware's statics that hold values of ours, and those of the network stack.
const CLIENT: &[&str] = &[
    "::STORAGE",
    "::CLIENT",
    "::DATAGRAM",
    "::SCRATCH",
    "::trust::",
    "::ring::",
];
const NETWORK: &[&str] = &[
    "::NETWORK",
    "::BUFFERS",
    "::SOCKETS",
    "::network::",
    "smoltcp::",
];

/// One static.
#[derive(Clone, Debug)]
pub struct Static {
    pub name: String,
    pub bytes: u64,
    pub group: Group,
}

/// All static memory, the client's first, the largest first.
pub fn statics(image: &Image) -> Vec<Static> {
    let memory = image.sections.iter().filter(|s| is_memory(s.kind));
    let in_memory = |symbol: &&Symbol| {
        let section = image.section_at(symbol.range.start);
        section.is_some_and(|section| is_memory(section.kind))
    };
    let symbols = image.objects.iter().filter(in_memory);
    let mut found: Vec<Static> = symbols
        .map(|symbol| Static {
            name: symbol.name.clone(),
            bytes: symbol.range.end - symbol.range.start,
            group: group(&symbol.name),
        })
        .collect();
    let all: u64 = memory
        .map(|section| section.range.end - section.range.start)
        .sum();
    let named: u64 = found.iter().map(|s| s.bytes).sum();
    if all > named {
        found.push(Static {
            name: "alignment".to_owned(),
            bytes: all - named,
            group: Group::Board,
        });
    }
    found.sort_by_key(|s| (s.group, u64::MAX - s.bytes));
    found
}

/// Bytes of one group.
pub fn total(statics: &[Static], group: Group) -> u64 {
    let same = statics.iter().filter(|s| s.group == group);
    same.map(|s| s.bytes).sum()
}

fn is_memory(kind: Kind) -> bool {
    matches!(kind, Kind::Data | Kind::Zeros)
}

fn group(name: &str) -> Group {
    let has = |marks: &[&str]| marks.iter().any(|mark| name.contains(mark));
    if name.starts_with("quicpro_core::") || has(CLIENT) {
        Group::Client
    } else if has(NETWORK) {
        Group::Network
    } else {
        Group::Board
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_our_types_counts_as_the_clients() {
        assert_eq!(group("request::STORAGE"), Group::Client);
        assert_eq!(group("request::DATAGRAM"), Group::Client);
        assert_eq!(group("quicpro_core::x::Y"), Group::Client);
        assert_eq!(
            group("quicpro_firmware::trust::roots::ROOTS"),
            Group::Client
        );
        assert_eq!(group("request::BUFFERS"), Group::Network);
        assert_eq!(group("request::NETWORK"), Group::Network);
        assert_eq!(group("quicpro_firmware::network::stack::X"), Group::Network);
        assert_eq!(group("quicpro_firmware::clock::MILLISECONDS"), Group::Board);
    }
}

//! A packet as a script describes it: everything about it can be wrong.
//!
//! Invariant: a [`Packet`] is data; its number and its keys are chosen when the server seals it.

use quicpro_core::codec::Writer;
use quicpro_core::wire::frame::Frame;
use quicpro_core::wire::packet::{ConnectionId, Space, Version};

/// Bytes of frames encoded at one time.
const ENCODED_MAX: usize = 64 * 1024;

/// A packet to be sealed and sent.
#[derive(Clone, Debug)]
pub struct Packet {
    /// Which keys, which numbers and which kind of header.
    pub space: Space,
    /// Its number; the next of the space if `None`.
    pub number: Option<u64>,
    /// Bytes of the number in the header, 1 to 4.
    pub number_length: usize,
    /// Bits of the first byte that are flipped before the header is protected.
    pub flip: u8,
    /// Which generation of 1-RTT keys, with the phase bit that belongs to it; the newest if `None`.
    pub generation: Option<usize>,
    /// Where to, if not the client's connection ID.
    pub destination: Option<ConnectionId>,
    /// Where from, if not the server's connection ID.
    pub source: Option<ConnectionId>,
    /// The version of a long header, if not the one that was agreed on.
    pub version: Option<Version>,
    /// The token of an Initial packet; a server sends none.
    pub token: Vec<u8>,
    /// The frames.
    pub payload: Vec<u8>,
}

impl Packet {
    /// An honest packet without frames.
    pub fn new(space: Space) -> Self {
        Self {
            space,
            number: None,
            number_length: 4,
            flip: 0,
            generation: None,
            destination: None,
            source: None,
            version: None,
            token: Vec::new(),
            payload: Vec::new(),
        }
    }

    /// The same with these frames added.
    #[must_use]
    pub fn frames(self, frames: &[Frame<'_>]) -> Self {
        self.raw(&encoded(frames))
    }

    /// The same with these bytes added, where frames belong.
    #[must_use]
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.payload.extend_from_slice(bytes);
        self
    }

    /// The same with PADDING frames up to a payload of `length` bytes.
    #[must_use]
    pub fn padded(mut self, length: usize) -> Self {
        let length = length.max(self.payload.len());
        self.payload.resize(length, 0);
        self
    }

    /// The same with this number.
    #[must_use]
    pub fn number(mut self, number: u64) -> Self {
        self.number = Some(number);
        self
    }

    /// The same with bits of the first byte flipped.
    #[must_use]
    pub fn flip(mut self, bits: u8) -> Self {
        self.flip = bits;
        self
    }

    /// The same to another connection ID.
    #[must_use]
    pub fn to(mut self, destination: &[u8]) -> Self {
        self.destination = Some(ConnectionId::new(destination).expect("at most 20 bytes"));
        self
    }

    /// The same from another connection ID.
    #[must_use]
    pub fn from(mut self, source: &[u8]) -> Self {
        self.source = Some(ConnectionId::new(source).expect("at most 20 bytes"));
        self
    }

    /// The same with another version in a long header; an Initial packet in the version that the client began in is
    /// sealed with the keys of that.
    #[must_use]
    pub fn version(mut self, version: Version) -> Self {
        self.version = Some(version);
        self
    }

    /// The same under keys of this generation.
    #[must_use]
    pub fn generation(mut self, generation: usize) -> Self {
        self.generation = Some(generation);
        self
    }
}

/// Frames to bytes.
pub fn encoded(frames: &[Frame<'_>]) -> Vec<u8> {
    encode(|writer| frames.iter().for_each(|frame| put(writer, frame)))
}

fn put(writer: &mut Writer<'_>, frame: &Frame<'_>) {
    frame.encode(writer).expect("frames of less than 64 KiB");
}

/// Whatever `write` writes.
pub fn encode(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut buffer = vec![0; ENCODED_MAX];
    let mut writer = Writer::new(&mut buffer);
    write(&mut writer);
    writer.written().to_vec()
}

/// A variable-length integer.
pub fn varint(value: u64) -> Vec<u8> {
    encode(|writer| writer.varint(value).expect("8 bytes of room"))
}

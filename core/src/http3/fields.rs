//! The fields of a received section, decoded while they are looked at.
//!
//! Invariant: the section was checked whole before, so nothing here can fail; one line at a time lies in the
//! scratch.

use crate::connection::Connection;
use crate::qpack::{Field, Section, Source};
use crate::wire::StreamId;

/// A stream whose received bytes can be looked at without taking them.
trait Peek {
    fn peek(&self, id: StreamId, offset: usize) -> &[u8];
}

impl Peek for Connection<'_> {
    fn peek(&self, id: StreamId, offset: usize) -> &[u8] {
        self.peek_stream(id, offset)
    }
}

/// The received bytes of one stream, from its read offset on.
#[derive(Clone, Copy)]
pub(crate) struct Received<'a> {
    quic: &'a dyn Peek,
    id: StreamId,
}

impl<'a> Received<'a> {
    pub(crate) fn new(quic: &'a Connection<'_>, id: StreamId) -> Self {
        Self { quic, id }
    }
}

impl Source for Received<'_> {
    fn chunk(&self, offset: usize) -> &[u8] {
        self.quic.peek(self.id, offset)
    }
}

/// One line of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldLine<'a> {
    /// A field.
    Field(Field<'a>),
    /// A field that is longer than `Limits::field_line`; the others are not affected.
    TooLong {
        /// The name, or the part of it that fits.
        name: &'a str,
        /// Bytes of the name and the value together.
        length: usize,
    },
}

/// The fields of a response or of its trailers, without pseudo-header fields.
///
/// Each line is decoded into a scratch that the next line uses again, so this lends instead of iterating:
///
/// ```
/// # use quicpro_core::http3::{FieldLine, Fields};
/// fn show(mut fields: Fields<'_>) {
///     while let Some(line) = fields.next_line() {
///         if let FieldLine::Field(field) = line {
///             let _ = (field.name(), field.value());
///         }
///     }
/// }
/// ```
pub struct Fields<'a> {
    received: Received<'a>,
    /// In front of the next line.
    section: Section,
    /// In front of the first line.
    start: Section,
    scratch: &'a mut [u8],
    count: usize,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(
        received: Received<'a>,
        section: Section,
        scratch: &'a mut [u8],
        count: usize,
    ) -> Self {
        Self {
            received,
            section,
            start: section,
            scratch,
            count,
        }
    }

    /// How many fields there are, those that were passed included.
    pub const fn count(&self) -> usize {
        self.count
    }

    /// The next line, in the order they were sent; `None` behind the last.
    pub fn next_line(&mut self) -> Option<FieldLine<'_>> {
        let line = self.section.next(&self.received, self.scratch).ok()??;
        let name = core::str::from_utf8(line.name).unwrap_or("");
        if !line.is_whole() {
            return Some(FieldLine::TooLong {
                name,
                length: line.name_length.saturating_add(line.value_length),
            });
        }
        let field = Field::new(name, line.value);
        Some(FieldLine::Field(if line.sensitive {
            field.sensitive()
        } else {
            field
        }))
    }

    /// The value of the first field called `name` (in lower case), wherever the reading stands.
    pub fn find(&mut self, name: &str) -> Option<&[u8]> {
        let mut section = self.start;
        loop {
            let mut ahead = section;
            let line = ahead.next(&self.received, self.scratch).ok()??;
            if line.name == name.as_bytes() && line.is_whole() {
                break;
            }
            section = ahead;
        }
        let line = section.next(&self.received, self.scratch).ok()??;
        Some(line.value)
    }

    /// Goes back to the first field.
    pub fn rewind(&mut self) {
        self.section = self.start;
    }
}

impl core::fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Fields({})", self.count)
    }
}

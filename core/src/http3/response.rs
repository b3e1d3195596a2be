//! The frames of a response, in their order (RFC 9114 §4.1).
//!
//! ```text
//!           1xx HEADERS                 DATA
//!            ┌──────┐                 ┌──────┐
//!            ▼      │                 ▼      │
//!   ──────▶ Head ───┴── HEADERS ───▶ Body ───┴── HEADERS ──▶ Trailers ──▶ end of stream
//!            │                         └───────── end of stream ─────────▶
//!            └── 2xx to CONNECT ───▶ Tunnel: DATA only
//! ```
//! Unknown frames may stand anywhere and are skipped.
//!
//! Invariant: bytes are only counted here; a step says how many are used up, and nothing is stored.

use super::Code;
use super::error::{Fault, MessageError, Violation};
use super::field_rules::{self, Checked, Kind};
use super::frame::{self, Header};
use crate::codec::to_u64;
use crate::qpack::{Cursor, Section, Source};
use crate::wire::{reason, rule};

/// What the request was, as far as it decides how the response is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Method {
    /// The response may have content.
    #[default]
    Other,
    /// The response has none.
    Head,
    /// A successful response opens a tunnel.
    Connect,
}

/// The next thing to do with a response's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing until more arrives.
    Wait,
    /// So many bytes in front are used up; step again.
    Consume(usize),
    /// A field section of this many bytes is there, whole.
    Section { length: usize },
    /// Content is there: at most this many bytes of it, in front.
    Body { length: usize },
    /// The response is complete.
    End,
}

#[derive(Clone, Copy, Debug, Default)]
enum Frame {
    /// In front of a frame.
    #[default]
    Header,
    /// A field section that has to arrive whole.
    Section { length: usize },
    /// A field section that is too long; if it is an interim response's, it is skipped.
    LongSection { length: u64 },
    /// Inside DATA.
    Data { left: u64 },
    /// Inside a frame that means nothing to us.
    Skip { left: u64 },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Head,
    Body,
    Tunnel,
    Trailers,
}

/// How much content is still to come.
#[derive(Clone, Copy, Debug, Default)]
enum Content {
    /// Any amount.
    #[default]
    Any,
    /// What is left of content-length.
    Exactly(u64),
    /// This kind of response has none.
    None,
}

/// Where a response stands.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Response {
    frame: Frame,
    phase: Phase,
    content: Content,
}

/// Bytes of an overlong section that are looked at to find out whether it is an interim response's: the
/// prefix and any spelling of `:status`.
const STATUS_LINE_MAX: u64 = 64;

impl Response {
    /// In front of the first frame.
    pub(crate) const NEW: Self = Self {
        frame: Frame::Header,
        phase: Phase::Head,
        content: Content::Any,
    };

    /// Looks at the `available` bytes of `source`; `ended` if none will follow. Sections of more than
    /// `section_max` bytes are not taken.
    pub(crate) fn step(
        &mut self,
        source: &dyn Source,
        available: usize,
        ended: bool,
        section_max: usize,
    ) -> Result<Step, Fault> {
        let step = match self.frame {
            Frame::Header => return self.header(source, available, ended, section_max),
            Frame::Section { length } if available >= length => Step::Section { length },
            Frame::LongSection { length } if to_u64(available) >= length.min(STATUS_LINE_MAX) => {
                self.long_section(source, length, available)?
            }
            Frame::Data { left: 0 } | Frame::Skip { left: 0 } => {
                self.frame = Frame::Header;
                Step::Consume(0)
            }
            Frame::Data { left } if available > 0 => Step::Body {
                length: at_most(available, left),
            },
            Frame::Skip { left } if available > 0 => {
                let length = at_most(available, left);
                self.frame = Frame::Skip {
                    left: left - to_u64(length),
                };
                Step::Consume(length)
            }
            //= rfc9114#7.1
            _ if ended => return Err(TRUNCATED.into()),
            _ => Step::Wait,
        };
        Ok(step)
    }

    /// The section that [`Step::Section`] announced is a header section, or the trailers.
    pub(crate) fn section_kind(&self) -> Kind {
        if self.phase == Phase::Head {
            Kind::Head
        } else {
            Kind::Trailers
        }
    }

    /// The announced section was checked: what follows depends on it.
    pub(crate) fn on_section(&mut self, checked: &Checked, method: Method) {
        self.frame = Frame::Header;
        if self.phase != Phase::Head {
            self.phase = Phase::Trailers;
            return;
        }
        let status = checked.status;
        if status < 200 {
            return;
        }
        if method == Method::Connect && status < 300 {
            self.phase = Phase::Tunnel;
            return;
        }
        self.phase = Phase::Body;
        //= rfc9114#4.1.2
        self.content = match checked.content_length {
            _ if method == Method::Head || status == 204 || status == 304 => Content::None,
            Some(length) => Content::Exactly(length),
            None => Content::Any,
        };
    }

    /// `length` of the bytes that [`Step::Body`] announced were taken.
    pub(crate) fn on_body(&mut self, length: usize) {
        if let Frame::Data { left } = &mut self.frame {
            *left = left.saturating_sub(to_u64(length));
        }
    }

    /// No more content will come: trailers have begun, or are over.
    pub(crate) fn is_behind_body(&self) -> bool {
        let trailers = matches!(self.frame, Frame::Section { .. }) && self.phase == Phase::Body;
        trailers || self.phase == Phase::Trailers
    }

    fn header(
        &mut self,
        source: &dyn Source,
        available: usize,
        ended: bool,
        section_max: usize,
    ) -> Result<Step, Fault> {
        let mut cursor = Cursor::new(source, 0, available);
        if let Some(header) = Header::read(&mut cursor) {
            self.begin(header, section_max)?;
            return Ok(Step::Consume(cursor.position()));
        }
        match (ended, available) {
            (false, _) => Ok(Step::Wait),
            (true, 0) => self.end(),
            (true, _) => Err(TRUNCATED.into()),
        }
    }

    /// Judges a frame by its header.
    //= rfc9114#4.1
    fn begin(&mut self, Header { kind, length }: Header, section_max: usize) -> Result<(), Fault> {
        const UNEXPECTED: Code = Code::FRAME_UNEXPECTED;
        self.frame = match (kind, self.phase) {
            (frame::DATA, Phase::Body | Phase::Tunnel) => {
                self.expect_content(length)?;
                Frame::Data { left: length }
            }
            (frame::DATA, _) => {
                return Err(Violation::new(rule!(UNEXPECTED, "DATA outside of content")).into());
            }
            (frame::HEADERS, Phase::Head) => match usize::try_from(length) {
                Ok(length) if length <= section_max => Frame::Section { length },
                _ => Frame::LongSection { length },
            },
            (frame::HEADERS, Phase::Body) => {
                self.expect_no_more()?;
                match usize::try_from(length) {
                    Ok(length) if length <= section_max => Frame::Section { length },
                    // Trailers nobody can read are no reason to lose the content.
                    _ => {
                        self.phase = Phase::Trailers;
                        Frame::Skip { left: length }
                    }
                }
            }
            (frame::HEADERS, _) => {
                return Err(Violation::new(rule!(
                    UNEXPECTED,
                    "HEADERS behind the end of a message"
                ))
                .into());
            }
            //= rfc9114#7.2.5
            // No push was permitted, so every ID is too large.
            (frame::PUSH_PROMISE, _) => {
                return Err(
                    Violation::new(rule!(Code::ID_ERROR, "a push that was not permitted")).into(),
                );
            }
            (
                frame::CANCEL_PUSH
                | frame::SETTINGS
                | frame::GOAWAY
                | frame::MAX_PUSH_ID
                | frame::PRIORITY_UPDATE
                | frame::PRIORITY_UPDATE_PUSH,
                _,
            ) => {
                return Err(Violation::new(rule!(
                    UNEXPECTED,
                    "a control frame on a request's stream"
                ))
                .into());
            }
            (kind, _) if frame::is_reserved(kind) => {
                return Err(Violation::new(rule!(UNEXPECTED, "a frame of HTTP/2")).into());
            }
            //= rfc9114#9
            _ => Frame::Skip { left: length },
        };
        Ok(())
    }

    /// Holds the length of a DATA frame against content-length.
    //= rfc9114#4.1.2
    fn expect_content(&mut self, length: u64) -> Result<(), MessageError> {
        match &mut self.content {
            Content::Any => Ok(()),
            Content::None if length == 0 => Ok(()),
            Content::None => Err(MessageError::Malformed(reason!(
                "content where there is none"
            ))),
            Content::Exactly(left) => {
                *left = left
                    .checked_sub(length)
                    .ok_or(MessageError::Malformed(reason!(
                        "more content than content-length"
                    )))?;
                Ok(())
            }
        }
    }

    fn long_section(
        &mut self,
        source: &dyn Source,
        length: u64,
        available: usize,
    ) -> Result<Step, Fault> {
        // A constant, below 2^16.
        let mut scratch = [0; STATUS_LINE_MAX as usize];
        // No more of it than was waited for, so that it does not matter how much has come.
        let looked_at = at_most(available, length.min(STATUS_LINE_MAX));
        let section = Section::open(source, 0, looked_at)?;
        if !field_rules::is_interim(section, source, &mut scratch) {
            return Err(MessageError::FieldsTooLarge { length }.into());
        }
        self.frame = Frame::Skip { left: length };
        Ok(Step::Consume(0))
    }

    fn end(&self) -> Result<Step, Fault> {
        if self.phase == Phase::Head {
            return Err(
                MessageError::Malformed(reason!("the stream ended before a response")).into(),
            );
        }
        self.expect_no_more()?;
        Ok(Step::End)
    }

    /// The content is over: content-length must have been reached.
    //= rfc9114#4.1.2
    fn expect_no_more(&self) -> Result<(), MessageError> {
        match self.content {
            Content::Exactly(1..) => Err(MessageError::Malformed(reason!(
                "less content than content-length"
            ))),
            _ => Ok(()),
        }
    }
}

const TRUNCATED: Violation =
    Violation::new(rule!(Code::FRAME_ERROR, "the stream ended inside a frame"));

fn at_most(available: usize, left: u64) -> usize {
    usize::try_from(left).map_or(available, |left| left.min(available))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    const HEAD: [u8; 5] = [1, 3, 0, 0, 0xd9];
    const INTERIM: [u8; 5] = [1, 3, 0, 0, 0xd8];
    const TRAILERS: [u8; 8] = [1, 6, 0, 0, 0x21, b'x', 1, b'1'];

    #[derive(Debug, PartialEq)]
    enum Seen {
        Head(u16),
        Trailers,
        Body(Vec<u8>),
        End,
    }

    /// Plays a whole stream whose bytes arrive `piece` at a time.
    fn play(bytes: &[u8], piece: usize, method: Method) -> Result<Vec<Seen>, Fault> {
        const SECTION_MAX: usize = 100;
        let mut response = Response::NEW;
        let mut seen: Vec<Seen> = Vec::new();
        let (mut start, mut end) = (0, 0);
        loop {
            let rest = &bytes[start..end];
            let ended = end == bytes.len();
            match response.step(&rest, rest.len(), ended, SECTION_MAX)? {
                Step::Wait => {
                    assert!(!ended);
                    end = (end + piece).min(bytes.len());
                }
                Step::Consume(count) => start += count,
                Step::Section { length } => {
                    let kind = response.section_kind();
                    let section = Section::open(&rest, 0, length)?;
                    let checked = field_rules::check(section, &rest, &mut [0; 64], kind, 1 << 16)?;
                    response.on_section(&checked, method);
                    seen.push(match kind {
                        Kind::Head => Seen::Head(checked.status),
                        Kind::Trailers => Seen::Trailers,
                    });
                    start += length;
                }
                Step::Body { length } => {
                    assert!(length > 0);
                    match seen.last_mut() {
                        Some(Seen::Body(body)) => body.extend(&rest[..length]),
                        _ => seen.push(Seen::Body(rest[..length].to_vec())),
                    }
                    response.on_body(length);
                    start += length;
                }
                Step::End => {
                    assert_eq!(start, bytes.len());
                    seen.push(Seen::End);
                    return Ok(seen);
                }
            }
        }
    }

    fn all(parts: &[&[u8]]) -> Vec<u8> {
        parts.concat()
    }

    fn result(parts: &[&[u8]], method: Method) -> Result<Vec<Seen>, Fault> {
        let bytes = all(parts);
        let whole = play(&bytes, bytes.len().max(1), method);
        for piece in 1..bytes.len() {
            assert_eq!(play(&bytes, piece, method), whole, "{bytes:x?} by {piece}");
        }
        whole
    }

    fn code(parts: &[&[u8]]) -> Code {
        match result(parts, Method::Other) {
            Err(Fault::Connection(violation)) => violation.code(),
            other => panic!("{other:?}"),
        }
    }

    fn is_malformed(parts: &[&[u8]], method: Method) -> bool {
        matches!(
            result(parts, method),
            Err(Fault::Message(MessageError::Malformed(_)))
        )
    }

    fn with_length(length: u8) -> Vec<u8> {
        all(&[&[1, 6, 0, 0, 0xd9, 0x54, 1, b'0' + length]])
    }

    #[test]
    fn a_response_with_everything() {
        let unknown = [0x21, 3, 1, 2, 3, 0x40, 0x40, 0];
        let parts: [&[u8]; 9] = [
            &unknown,
            &INTERIM,
            &unknown,
            &HEAD,
            &[0, 2, b'a', b'b', 0, 0],
            &unknown,
            &[0, 1, b'c'],
            &TRAILERS,
            &unknown,
        ];
        let expected = [
            Seen::Head(103),
            Seen::Head(200),
            Seen::Body(b"abc".to_vec()),
            Seen::Trailers,
            Seen::End,
        ];
        assert_eq!(result(&parts, Method::Other).as_deref(), Ok(&expected[..]));
    }

    //= rfc9114#4.1 test
    #[test]
    fn frames_out_of_order() {
        assert_eq!(code(&[&[0, 0]]), Code::FRAME_UNEXPECTED);
        assert_eq!(code(&[&INTERIM, &[0, 1, 1]]), Code::FRAME_UNEXPECTED);
        assert_eq!(code(&[&HEAD, &TRAILERS, &[0, 0]]), Code::FRAME_UNEXPECTED);
        assert_eq!(code(&[&HEAD, &TRAILERS, &TRAILERS]), Code::FRAME_UNEXPECTED);
    }

    //= rfc9114#7.2.5 test
    //= rfc9114#7.2.8 test
    #[test]
    fn frames_that_have_no_place_here() {
        for kind in [2, 3, 4, 6, 7, 8, 9, 0x0d] {
            for before in [&[][..], &HEAD] {
                assert_eq!(
                    code(&[before, &[kind, 0]]),
                    Code::FRAME_UNEXPECTED,
                    "{kind}"
                );
            }
        }
        assert_eq!(code(&[&[0x80, 0x0f, 7, 0, 0]]), Code::FRAME_UNEXPECTED);
        assert_eq!(code(&[&[5, 1, 0]]), Code::ID_ERROR);
    }

    //= rfc9114#7.1 test
    #[test]
    fn streams_that_end_inside_a_frame() {
        for parts in [
            &[&[1][..]][..],
            &[&[0x40]],
            &[&HEAD[..4]],
            &[&HEAD, &[0, 2, 1]],
            &[&HEAD, &[0x21, 2, 1]],
            &[&HEAD, &[0x21]],
            &[&HEAD, &TRAILERS[..4]],
        ] {
            assert_eq!(code(parts), Code::FRAME_ERROR, "{parts:x?}");
        }
    }

    //= rfc9114#4.1.2 test
    #[test]
    fn content_length_is_held_against_content() {
        let two = with_length(2);
        let body: &[u8] = &[0, 1, b'a', 0, 1, b'b'];
        assert!(result(&[&two, body], Method::Other).is_ok());
        assert!(result(&[&two, body, &TRAILERS], Method::Other).is_ok());
        assert!(is_malformed(&[&two, &[0, 1, b'a']], Method::Other));
        assert!(is_malformed(
            &[&two, &[0, 1, b'a'], &TRAILERS],
            Method::Other
        ));
        assert!(is_malformed(&[&two, &[0, 3]], Method::Other));
        assert!(is_malformed(&[&two, body, &[0, 1]], Method::Other));
        assert!(result(&[&two], Method::Head).is_ok());
        assert!(is_malformed(&[&two, &[0, 1, b'a']], Method::Head));
        assert!(
            result(&[&[1, 4, 0, 0, 0xff, 1]], Method::Other).is_ok(),
            "204"
        );
        assert!(is_malformed(
            &[&[1, 4, 0, 0, 0xff, 1], &[0, 1, b'a']],
            Method::Other
        ));
    }

    #[test]
    fn a_stream_without_a_response() {
        assert!(is_malformed(&[], Method::Other));
        assert!(is_malformed(&[&INTERIM], Method::Other));
    }

    //= rfc9114#4.4 test
    #[test]
    fn a_tunnel_carries_data_only() {
        let two = with_length(2);
        assert!(result(&[&two, &[0, 3, 1, 2, 3]], Method::Connect).is_ok());
        let parts = [&two[..], &TRAILERS];
        assert!(matches!(
            result(&parts, Method::Connect),
            Err(Fault::Connection(_))
        ));
    }

    #[test]
    fn sections_that_are_too_long() {
        let long = |first: u8| {
            let mut bytes = Vec::from([1, 0x40, 103, 0, 0, first, 0x27, 90]);
            bytes.extend([b'x'; 98]);
            *bytes.last_mut().unwrap() = 0;
            bytes
        };
        let too_large = Err(Fault::Message(MessageError::FieldsTooLarge { length: 103 }));
        assert_eq!(result(&[&long(0xd9)], Method::Other), too_large);
        let seen = result(&[&long(0xd8), &HEAD], Method::Other).unwrap();
        assert_eq!(seen, [Seen::Head(200), Seen::End]);
        let seen = result(&[&HEAD, &[0, 1, 7], &long(0x21)], Method::Other).unwrap();
        assert_eq!(
            seen,
            [Seen::Head(200), Seen::Body(Vec::from([7])), Seen::End]
        );
    }
}

//! The server's control stream (RFC 9114 §6.2.1): SETTINGS first, then GOAWAY and what is to be ignored.
//!
//! Invariant: a piece of a frame is taken only when it is there whole, so no byte is kept here.

use super::Code;
use super::error::Violation;
use super::frame::{self, Header};
use super::settings::{Reading, Settings};
use crate::codec::{VarInt, to_u64};
use crate::qpack::Cursor;
use crate::wire::{Direction, Side, StreamId, rule};

/// What the control stream said. [`Control`] keeps the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// The server's settings.
    Settings,
    /// Requests from some stream on are not processed.
    GoAway,
}

/// Inside what the reader stands.
#[derive(Clone, Copy, Debug)]
enum Inside {
    /// In front of a frame.
    Nothing,
    Settings,
    /// In front of the identifier that is all of a GOAWAY frame.
    GoAway,
    /// A frame that means nothing to us.
    Unknown,
}

/// The reader of the server's control stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Control {
    inside: Inside,
    /// What is left of the frame.
    left: u64,
    settings: Reading,
    settings_seen: bool,
    settings_complete: bool,
    /// The last GOAWAY's stream: another may only lower it.
    last: Option<StreamId>,
}

impl Control {
    pub(crate) const fn new() -> Self {
        Self {
            inside: Inside::Nothing,
            left: 0,
            settings: Reading::NONE,
            settings_seen: false,
            settings_complete: false,
            last: None,
        }
    }

    /// The server's settings, once they have arrived.
    pub(crate) fn settings(&self) -> Option<&Settings> {
        self.settings_complete.then_some(self.settings.settings())
    }

    /// The stream of the last GOAWAY.
    pub(crate) fn last(&self) -> Option<StreamId> {
        self.last
    }

    /// Reads up to the next message; `None` when more bytes are needed. What `cursor` has passed is used up.
    pub(crate) fn read(&mut self, cursor: &mut Cursor<'_>) -> Result<Option<Message>, Violation> {
        loop {
            let goes_on = match self.inside {
                Inside::Nothing => self.begin(cursor)?,
                Inside::Settings if self.left > 0 => self.pair(cursor)?,
                Inside::Unknown if self.left > 0 => self.skip(cursor),
                Inside::GoAway if self.left > 0 => self.go_away(cursor)?,
                Inside::Settings => {
                    self.inside = Inside::Nothing;
                    self.settings_complete = true;
                    return Ok(Some(Message::Settings));
                }
                Inside::GoAway => {
                    self.inside = Inside::Nothing;
                    return Ok(Some(Message::GoAway));
                }
                Inside::Unknown => {
                    self.inside = Inside::Nothing;
                    true
                }
            };
            if !goes_on {
                return Ok(None);
            }
        }
    }

    /// Passes what is there of a frame that means nothing.
    fn skip(&mut self, cursor: &mut Cursor<'_>) -> bool {
        let piece = cursor.piece().len();
        let count = usize::try_from(self.left).map_or(piece, |left| left.min(piece));
        cursor.advance(count);
        self.left -= to_u64(count);
        count > 0
    }

    /// Reads a frame's header and judges the frame by it; `false` if it is not there whole.
    fn begin(&mut self, cursor: &mut Cursor<'_>) -> Result<bool, Violation> {
        const UNEXPECTED: Code = Code::FRAME_UNEXPECTED;
        let Some(Header { kind, length }) = Header::read(cursor) else {
            return Ok(false);
        };
        //= rfc9114#6.2.1
        if !self.settings_seen && kind != frame::SETTINGS {
            return Err(Violation::new(rule!(
                Code::MISSING_SETTINGS,
                "the control stream begins without SETTINGS"
            )));
        }
        self.left = length;
        self.inside = match kind {
            //= rfc9114#7.2.4
            frame::SETTINGS if self.settings_seen => {
                return Err(Violation::new(rule!(UNEXPECTED, "SETTINGS twice")));
            }
            frame::SETTINGS => {
                self.settings_seen = true;
                Inside::Settings
            }
            frame::GOAWAY if (1..=8).contains(&length) => Inside::GoAway,
            frame::GOAWAY => {
                return Err(Violation::new(rule!(
                    Code::FRAME_ERROR,
                    "GOAWAY is not one integer"
                )));
            }
            //= rfc9114#7.2.3
            // We never permitted a push, so whatever ID is meant is beyond the largest.
            frame::CANCEL_PUSH => {
                return Err(Violation::new(rule!(
                    Code::ID_ERROR,
                    "CANCEL_PUSH without a push"
                )));
            }
            //= rfc9114#7.2.1
            //= rfc9114#7.2.2
            //= rfc9114#7.2.5
            frame::DATA | frame::HEADERS | frame::PUSH_PROMISE => {
                return Err(Violation::new(rule!(
                    UNEXPECTED,
                    "a request's frame on the control stream"
                )));
            }
            //= rfc9114#7.2.7
            //= rfc9218#7.2
            frame::MAX_PUSH_ID | frame::PRIORITY_UPDATE | frame::PRIORITY_UPDATE_PUSH => {
                return Err(Violation::new(rule!(
                    UNEXPECTED,
                    "a client's frame from the server"
                )));
            }
            kind if frame::is_reserved(kind) => {
                return Err(Violation::new(rule!(UNEXPECTED, "a frame of HTTP/2")));
            }
            _ => Inside::Unknown,
        };
        Ok(true)
    }

    /// Reads all of a GOAWAY frame; `false` if it is not there whole.
    //= rfc9114#7.2.6
    //= rfc9114#5.2
    fn go_away(&mut self, cursor: &mut Cursor<'_>) -> Result<bool, Violation> {
        if to_u64(cursor.remaining()) < self.left {
            return Ok(false);
        }
        let start = cursor.position();
        let id = cursor.varint();
        let used = to_u64(cursor.position() - start);
        let Some(id) = id.ok().filter(|_| used == self.left).and_then(VarInt::new) else {
            return Err(Violation::new(rule!(
                Code::FRAME_ERROR,
                "GOAWAY is not one integer"
            )));
        };
        let id = StreamId::from_varint(id);
        if id.initiator() != Side::Client || id.direction() != Direction::Bidirectional {
            return Err(Violation::new(rule!(
                Code::ID_ERROR,
                "GOAWAY names no request"
            )));
        }
        if self.last.is_some_and(|last| id > last) {
            return Err(Violation::new(rule!(
                Code::ID_ERROR,
                "GOAWAY takes requests back"
            )));
        }
        self.last = Some(id);
        self.left = 0;
        Ok(true)
    }

    /// Reads one pair of a SETTINGS frame; `false` if it is not there whole.
    fn pair(&mut self, cursor: &mut Cursor<'_>) -> Result<bool, Violation> {
        const CUT: Violation =
            Violation::new(rule!(Code::FRAME_ERROR, "SETTINGS ends inside a pair"));
        let mut ahead = cursor.clone();
        let (Ok(identifier), Ok(value)) = (ahead.varint(), ahead.varint()) else {
            // A pair has 16 bytes at most: if the whole rest of the frame is there and no pair, none will come.
            let is_cut = to_u64(cursor.remaining()) >= self.left;
            return if is_cut { Err(CUT) } else { Ok(false) };
        };
        let used = to_u64(ahead.position() - cursor.position());
        self.left = self.left.checked_sub(used).ok_or(CUT)?;
        self.settings.pair(identifier, value)?;
        *cursor = ahead;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[derive(Debug, PartialEq)]
    enum Said {
        Settings(Settings),
        GoAway(StreamId),
    }

    /// Feeds `bytes` in pieces that end at each multiple of `piece`, as a stream would.
    fn read_all(bytes: &[u8], piece: usize) -> Result<Vec<Said>, Violation> {
        let mut control = Control::new();
        let mut messages = Vec::new();
        let mut start = 0;
        let mut end = 0;
        while end < bytes.len() {
            end = (end + piece).min(bytes.len());
            let mut cursor = Cursor::new(&bytes, start, end);
            while let Some(message) = control.read(&mut cursor)? {
                messages.push(match message {
                    Message::Settings => Said::Settings(*control.settings().unwrap()),
                    Message::GoAway => Said::GoAway(control.last().unwrap()),
                });
            }
            start = cursor.position();
        }
        Ok(messages)
    }

    fn code(bytes: &[u8]) -> Code {
        let whole = read_all(bytes, bytes.len()).unwrap_err();
        let split = read_all(bytes, 1).unwrap_err();
        assert_eq!(whole, split, "{bytes:x?}");
        whole.code()
    }

    #[test]
    fn settings_and_go_away_in_pieces_of_any_size() {
        // SETTINGS (6 = 16383, reserved), an unknown frame, two empty ones, GOAWAY 8, GOAWAY 4.
        let bytes = [
            4, 6, 6, 0x7f, 0xff, 0x40, 0x40, 1, 0x40, 0x40, 3, 9, 9, 9, 0x21, 0, 0x21, 0, 7, 1, 8,
            7, 2, 0x40, 4,
        ];
        let id = |index| StreamId::new(Side::Client, Direction::Bidirectional, index).unwrap();
        let settings = Settings {
            max_field_section_size: Some(16383),
            ..Settings::default()
        };
        let expected = [
            Said::Settings(settings),
            Said::GoAway(id(2)),
            Said::GoAway(id(1)),
        ];
        for piece in 1..=bytes.len() {
            assert_eq!(read_all(&bytes, piece).as_deref(), Ok(&expected[..]));
        }
    }

    //= rfc9114#6.2.1 test
    #[test]
    fn settings_come_first() {
        for kind in [0_u8, 1, 3, 5, 7, 0x0d, 0x21] {
            assert_eq!(code(&[kind, 1, 0]), Code::MISSING_SETTINGS);
        }
        assert_eq!(read_all(&[4, 0], 1).unwrap().len(), 1, "empty is fine");
    }

    //= rfc9114#7.2.1 test
    //= rfc9114#7.2.2 test
    //= rfc9114#7.2.3 test
    //= rfc9114#7.2.4 test
    //= rfc9114#7.2.5 test
    //= rfc9114#7.2.7 test
    //= rfc9114#7.2.8 test
    //= rfc9218#7.2 test
    #[test]
    fn frames_that_have_no_place_here() {
        for kind in [0_u8, 1, 2, 4, 5, 6, 8, 9, 0x0d] {
            assert_eq!(code(&[4, 0, kind, 1, 0]), Code::FRAME_UNEXPECTED, "{kind}");
        }
        assert_eq!(code(&[4, 0, 3, 1, 0]), Code::ID_ERROR);
        for kind in [0, 1] {
            assert_eq!(
                code(&[4, 0, 0x80, 0x0f, 7, kind, 1, 0]),
                Code::FRAME_UNEXPECTED
            );
        }
    }

    //= rfc9114#5.2 test
    //= rfc9114#7.2.6 test
    #[test]
    fn go_away_names_a_request_and_never_a_later_one() {
        for id in [1, 2, 3, 5] {
            assert_eq!(code(&[4, 0, 7, 1, id]), Code::ID_ERROR);
        }
        assert_eq!(code(&[4, 0, 7, 1, 4, 7, 1, 8]), Code::ID_ERROR);
        assert_eq!(code(&[4, 0, 7, 0]), Code::FRAME_ERROR);
        assert_eq!(code(&[4, 0, 7, 2, 4, 4]), Code::FRAME_ERROR);
        assert_eq!(code(&[4, 0, 7, 1, 0x40]), Code::FRAME_ERROR);
        assert_eq!(code(&[4, 0, 7, 9]), Code::FRAME_ERROR);
    }

    //= rfc9114#7.1 test
    #[test]
    fn settings_that_end_inside_a_pair() {
        assert_eq!(code(&[4, 1, 6]), Code::FRAME_ERROR);
        assert_eq!(code(&[4, 2, 6, 0x40, 0x40]), Code::FRAME_ERROR);
        assert_eq!(code(&[4, 3, 6, 1, 7]), Code::FRAME_ERROR);
        assert_eq!(code(&[4, 4, 6, 1, 6, 1]), Code::SETTINGS_ERROR);
        assert_eq!(code(&[4, 2, 2, 0]), Code::SETTINGS_ERROR);
    }
}

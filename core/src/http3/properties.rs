//! What holds for responses and control streams, whatever their bytes are.
//!
//! Invariant: how the bytes are cut into pieces changes nothing of what is told.

use alloc::vec;
use alloc::vec::Vec;

use super::control::{Control, Message};
use super::error::{Fault, Violation};
use super::field_rules::{self, Kind};
use super::response::{Method, Response, Step};
use super::settings::Settings;
use crate::codec::Reader;
use crate::qpack::properties::Pieces;
use crate::qpack::{Cursor, Section};

/// What a response's reader was told.
#[derive(Debug, Default, PartialEq)]
struct Told {
    /// Status and number of fields of each section; the trailers' status is 0.
    sections: Vec<(u16, usize)>,
    body: Vec<u8>,
    end: Option<Result<(), Fault>>,
}

const SECTION_MAX: usize = 512;

/// The bytes of a request's stream: pieces change nothing, every byte is used once, content is what DATA carried.
pub fn response(bytes: &[u8]) {
    let mut script = Reader::new(bytes);
    let first = script.u8().unwrap_or(0);
    let method = [Method::Other, Method::Head, Method::Connect][usize::from(first % 3)];
    let piece = 1 + usize::from(script.u8().unwrap_or(0));
    let ended = first & 4 == 0;
    let bytes = script.rest();
    let whole = read(bytes, bytes.len().max(1), method, ended);
    assert!(whole.body.len() <= bytes.len());
    assert!(whole.sections.len() <= bytes.len());
    assert_eq!(read(bytes, piece, method, ended), whole);
}

fn read(bytes: &[u8], piece: usize, method: Method, ended: bool) -> Told {
    let mut told = Told::default();
    let mut response = Response::NEW;
    let mut scratch = vec![0; 256];
    let (mut front, mut arrived, mut steps) = (0, 0, 0);
    loop {
        steps += 1;
        assert!(steps <= 8 * bytes.len() + 8, "work without bytes");
        let rest = Pieces {
            bytes: &bytes[front..arrived],
            length: piece,
        };
        let available = arrived - front;
        let is_all = ended && arrived == bytes.len();
        match response.step(&rest, available, is_all, SECTION_MAX) {
            Err(fault) => {
                told.end = Some(Err(fault));
                return told;
            }
            Ok(Step::End) => {
                assert_eq!(front, bytes.len());
                told.end = Some(Ok(()));
                return told;
            }
            Ok(Step::Wait) if arrived == bytes.len() => return told,
            Ok(Step::Wait) => arrived = bytes.len().min(arrived + piece),
            Ok(Step::Consume(count)) => front += count,
            Ok(Step::Body { length }) => {
                assert!(length > 0 && length <= available);
                told.body.extend_from_slice(&bytes[front..front + length]);
                response.on_body(length);
                front += length;
            }
            Ok(Step::Section { length }) => {
                assert!(length <= available && length <= SECTION_MAX);
                let kind = response.section_kind();
                let section = Section::open(&rest, 0, length).map_err(Fault::from);
                let checked = section.and_then(|section| {
                    field_rules::check(section, &rest, &mut scratch, kind, 4096)
                });
                match checked {
                    Err(fault) => {
                        told.end = Some(Err(fault));
                        return told;
                    }
                    Ok(checked) => {
                        assert_eq!(checked.status == 0, kind == Kind::Trailers);
                        response.on_section(&checked, method);
                        told.sections.push((checked.status, checked.fields));
                        front += length;
                    }
                }
            }
        }
        assert!(front <= arrived, "more was used than there is");
    }
}

/// The bytes of a control stream: pieces change nothing, settings come once, GOAWAY only falls.
pub fn control(bytes: &[u8]) {
    let Some((&first, bytes)) = bytes.split_first() else {
        return;
    };
    let piece = 1 + usize::from(first % 64);
    assert_eq!(
        read_control(bytes, piece),
        read_control(bytes, bytes.len().max(1))
    );
}

type Words = (Vec<Message>, Option<Settings>, Option<Violation>);

fn read_control(bytes: &[u8], piece: usize) -> Words {
    let (mut control, mut messages, mut lowest) = (Control::new(), Vec::new(), u64::MAX);
    let (mut front, mut arrived) = (0, 0);
    loop {
        let rest = Pieces {
            bytes: &bytes[front..arrived],
            length: piece,
        };
        let mut cursor = Cursor::new(&rest, 0, arrived - front);
        let message = control.read(&mut cursor);
        front += cursor.position();
        match message {
            Err(violation) => return (messages, control.settings().copied(), Some(violation)),
            Ok(Some(message)) => {
                if message == Message::GoAway {
                    let last = control.last().expect("a GOAWAY names one").get();
                    assert!(last <= lowest, "GOAWAY rose");
                    lowest = last;
                }
                messages.push(message);
                assert!(messages.len() <= bytes.len());
            }
            Ok(None) if arrived == bytes.len() => {
                let settings = messages.iter().filter(|&&word| word == Message::Settings);
                assert_eq!(settings.count(), usize::from(control.settings().is_some()));
                return (messages, control.settings().copied(), None);
            }
            Ok(None) => arrived = bytes.len().min(arrived + piece),
        }
    }
}

/// A field section against the rules: what passes has names in lower case and values without control characters, and
/// never more than was permitted.
pub fn field_rules(bytes: &[u8]) {
    let Some((&first, bytes)) = bytes.split_first() else {
        return;
    };
    let kind = if first & 1 == 0 {
        Kind::Head
    } else {
        Kind::Trailers
    };
    let size_max = 16 * u64::from(first >> 1);
    let bytes = [&[0, 0], bytes].concat();
    let source = &&bytes[..];
    let mut scratch = vec![0; 1 << 12];
    let start = Section::open(source, 0, bytes.len()).expect("an empty prefix");
    let Ok(checked) = field_rules::check(start, source, &mut scratch, kind, size_max) else {
        return;
    };
    let (mut section, mut size, mut fields) = (start, 0, 0);
    while let Some(line) = section.next(source, &mut scratch).expect("it was checked") {
        size += line.name_length + line.value_length + 32;
        if line.name.first() == Some(&b':') {
            assert!(kind == Kind::Head && fields == 0);
            continue;
        }
        fields += 1;
        assert!(!line.name.is_empty() && line.name.iter().all(u8::is_ascii_graphic));
        assert!(!line.name.iter().any(u8::is_ascii_uppercase));
        let control = |&byte: &u8| byte != b'\t' && byte.is_ascii_control();
        assert!(!line.value.iter().any(control));
    }
    assert!(size as u64 <= size_max && fields == checked.fields);
    assert_eq!((100..=999).contains(&checked.status), kind == Kind::Head);
}

//! Which fields a message may have (RFC 9114 §4.2 and §4.3, RFC 9110 §5 and §8.6).
//!
//! A received section is checked whole before anything of it is shown, line by line and without storing it.
//!
//! Invariant: what passes can be shown as text names and CTL-free values.

use super::error::{Fault, MessageError};
use super::message::Request;
use crate::codec::to_u64;
use crate::qpack::{Field, Line, Section, Source};
use crate::wire::reason;

/// Which section of a response is being checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The header section: `:status` comes first.
    Head,
    /// The trailer section: no pseudo-header fields.
    Trailers,
}

/// What the check found out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Checked {
    /// The status; 0 for trailers.
    pub(crate) status: u16,
    pub(crate) content_length: Option<u64>,
    /// Lines that are no pseudo-header fields.
    pub(crate) fields: usize,
    /// In front of the first of them.
    pub(crate) start: Section,
}

/// Checks the section that `section` stands in front of. `size_max` bounds its decoded size, as RFC 9114
/// §4.2.2 counts it: names, values and 32 a line.
pub(crate) fn check(
    mut section: Section,
    source: &dyn Source,
    scratch: &mut [u8],
    kind: Kind,
    size_max: u64,
) -> Result<Checked, Fault> {
    let mut checked = Checked::default();
    let mut size = 0_u64;
    loop {
        if checked.fields == 0 {
            checked.start = section;
        }
        let Some(line) = section.next(source, scratch)? else {
            break;
        };
        size = size
            .saturating_add(to_u64(line.name_length))
            .saturating_add(to_u64(line.value_length))
            .saturating_add(32);
        if size > size_max {
            return Err(MessageError::FieldsTooLarge { length: size }.into());
        }
        checked.line(&line, kind).map_err(MessageError::Malformed)?;
    }
    if kind == Kind::Head && checked.status == 0 {
        return Err(MessageError::Malformed(reason!("no :status")).into());
    }
    Ok(checked)
}

/// The section begins with the `:status` of an interim response. It need not be there whole.
pub(crate) fn is_interim(mut section: Section, source: &dyn Source, scratch: &mut [u8]) -> bool {
    let line = section.next(source, scratch);
    matches!(line, Ok(Some(line)) if line.name == b":status" && line.value.first() == Some(&b'1'))
}

impl Checked {
    fn line(&mut self, line: &Line<'_>, kind: Kind) -> Result<(), &'static str> {
        if line.name.first() == Some(&b':') {
            return self.pseudo(line, kind);
        }
        self.fields += 1;
        check_name(line.name)?;
        check_value(line.value)?;
        match line.name {
            b"content-length" if kind == Kind::Head => {
                //= rfc9110#8.6
                let length = line.is_whole().then(|| decimal(line.value)).flatten();
                let length = length.ok_or(reason!("content-length is no number"))?;
                if self
                    .content_length
                    .replace(length)
                    .is_some_and(|other| other != length)
                {
                    return Err(reason!("two lengths in content-length"));
                }
                Ok(())
            }
            b"te" if line.value != b"trailers" => Err(reason!("te other than trailers")),
            _ => Ok(()),
        }
    }

    //= rfc9114#4.3
    //= rfc9114#4.3.2
    fn pseudo(&mut self, line: &Line<'_>, kind: Kind) -> Result<(), &'static str> {
        if kind == Kind::Trailers {
            return Err(reason!("a pseudo-header field in trailers"));
        }
        if line.name != b":status" {
            return Err(reason!("a pseudo-header field that responses do not have"));
        }
        if self.fields > 0 {
            return Err(reason!(":status behind other fields"));
        }
        if self.status != 0 {
            return Err(reason!(":status twice"));
        }
        let status = decimal(line.value).filter(|_| line.value_length == 3);
        self.status = match status {
            Some(status @ 100..=999) => status as u16, // below 1,000
            _ => return Err(reason!(":status is not three digits")),
        };
        //= rfc9114#4.5
        if self.status == 101 {
            return Err(reason!("status 101"));
        }
        Ok(())
    }
}

/// Checks the head of a request of ours.
pub(crate) fn check_request(request: &Request<'_>, authority: &str) -> Result<(), &'static str> {
    if request.method().is_empty() || !request.method().bytes().all(is_token) {
        return Err(reason!("the method is no token"));
    }
    let pseudo = request.pseudo_fields(authority);
    for field in pseudo.iter().flatten() {
        let printable = |&byte: &u8| byte > b' ' && byte != 0x7f;
        if field.value().is_empty() || !field.value().iter().all(printable) {
            return Err(reason!(
                "scheme, authority or path is empty or has an illegal character"
            ));
        }
    }
    //= rfc9114#4.3.1
    let mut fields = pseudo.iter().flatten().chain(request.given_fields());
    if !fields.any(|field| matches!(field.name(), ":authority" | "host")) {
        return Err(reason!("no authority"));
    }
    check_fields(request.given_fields())
}

/// Checks fields of ours.
//= rfc9114#4.2
pub(crate) fn check_fields(fields: &[Field<'_>]) -> Result<(), &'static str> {
    for field in fields {
        check_name(field.name().as_bytes())?;
        check_value(field.value())?;
        if field.name() == "te" && field.value() != b"trailers" {
            return Err(reason!("te other than trailers"));
        }
    }
    Ok(())
}

/// Checks a name: a token without capitals, and of no field that is about a single connection.
//= rfc9114#4.2
fn check_name(name: &[u8]) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err(reason!("a field without a name"));
    }
    for &byte in name {
        if byte.is_ascii_uppercase() {
            return Err(reason!("a field name with capitals"));
        }
        if !is_token(byte) {
            return Err(reason!("an illegal character in a field name"));
        }
    }
    if ABOUT_THE_CONNECTION.contains(&name) {
        return Err(reason!("a field about the connection"));
    }
    Ok(())
}

static ABOUT_THE_CONNECTION: [&[u8]; 5] = [
    b"connection",
    b"keep-alive",
    b"proxy-connection",
    b"transfer-encoding",
    b"upgrade",
];

//= rfc9110#5.5
fn check_value(value: &[u8]) -> Result<(), &'static str> {
    let legal = |&byte: &u8| byte >= b' ' && byte != 0x7f || byte == b'\t';
    if value.iter().all(legal) {
        Ok(())
    } else {
        Err(reason!("an illegal character in a field value"))
    }
}

//= rfc9110#5.6.2
fn is_token(byte: u8) -> bool {
    const TOKENS: [u32; 4] = {
        let characters =
            b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let mut tokens = [0; 4];
        let mut index = 0;
        while index < characters.len() {
            // A byte; `From` is not const.
            tokens[characters[index] as usize / 32] |= 1 << (characters[index] % 32);
            index += 1;
        }
        tokens
    };
    let word = TOKENS.get(usize::from(byte / 32));
    word.is_some_and(|word| word >> (byte % 32) & 1 == 1)
}

/// A number of decimal digits, nothing else.
fn decimal(text: &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        // Refuses the last few numbers of 64 bits, too.
        if digit > 9 || value > (u64::MAX - 9) / 10 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    (!text.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qpack::{Encoder, encoder};
    use std::vec::Vec;

    fn encoded(fields: &[Field<'_>]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut flush = |bytes: &[u8]| out.extend_from_slice(bytes);
        let mut encoder = Encoder::new(Some(&mut flush));
        encoder.bytes(&encoder::PREFIX);
        for field in fields {
            encoder.field(field);
        }
        encoder.finish();
        out
    }

    fn checked_within(fields: &[Field<'_>], kind: Kind, size_max: u64) -> Result<Checked, Fault> {
        let bytes = encoded(fields);
        let source = &bytes[..];
        let section = Section::open(&source, 0, bytes.len())?;
        check(section, &source, &mut [0; 64], kind, size_max)
    }

    fn head(fields: &[(&str, &str)]) -> Result<Checked, Fault> {
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| Field::new(name, *value))
            .collect();
        checked_within(&fields, Kind::Head, 1 << 20)
    }

    fn is_malformed(result: Result<Checked, Fault>) -> bool {
        matches!(result, Err(Fault::Message(MessageError::Malformed(_))))
    }

    #[test]
    fn a_good_head() {
        let long = "x".repeat(500);
        let result = head(&[
            (":status", "200"),
            ("content-length", "10"),
            ("x", &long),
            ("te", "trailers"),
        ]);
        let checked = result.unwrap();
        assert_eq!(
            (checked.status, checked.content_length, checked.fields),
            (200, Some(10), 3)
        );
        assert_eq!(head(&[(":status", "999")]).unwrap().status, 999);
        assert_eq!(head(&[(":status", "100")]).unwrap().status, 100);
        assert!(
            head(&[
                (":status", "200"),
                ("content-length", "1"),
                ("content-length", "1")
            ])
            .is_ok()
        );
    }

    //= rfc9114#4.3 test
    //= rfc9114#4.3.2 test
    //= rfc9114#4.5 test
    #[test]
    fn pseudo_header_fields() {
        assert!(is_malformed(head(&[])));
        assert!(is_malformed(head(&[("age", "1")])));
        assert!(is_malformed(head(&[("age", "1"), (":status", "200")])));
        assert!(is_malformed(head(&[
            (":status", "200"),
            (":status", "200")
        ])));
        for value in ["", "20", "2000", "2x0", "+20", "099", " 200", "200 "] {
            assert!(is_malformed(head(&[(":status", value)])), "{value}");
        }
        assert!(is_malformed(head(&[(":status", "101")])));
        for name in [
            ":method",
            ":path",
            ":scheme",
            ":authority",
            ":protocol",
            ":",
        ] {
            assert!(
                is_malformed(head(&[(":status", "200"), (name, "GET")])),
                "{name}"
            );
        }
        let status = [Field::new(":status", "200")];
        assert!(is_malformed(checked_within(
            &status,
            Kind::Trailers,
            1 << 20
        )));
        let trailer = [Field::new("x", "1"), Field::new("content-length", "x")];
        assert_eq!(
            checked_within(&trailer, Kind::Trailers, 1 << 20)
                .unwrap()
                .fields,
            2
        );
    }

    //= rfc9114#4.2 test
    #[test]
    fn names_and_values() {
        for name in ["Age", "", "a b", "a:b", "a\0", "é", "\u{7f}", "a\n"] {
            assert!(
                is_malformed(head(&[(":status", "200"), (name, "1")])),
                "{name}"
            );
        }
        for name in [
            "connection",
            "keep-alive",
            "proxy-connection",
            "transfer-encoding",
            "upgrade",
        ] {
            assert!(
                is_malformed(head(&[(":status", "200"), (name, "x")])),
                "{name}"
            );
        }
        for value in ["a\0", "a\r", "a\nb", "\u{7f}", "\u{1}"] {
            assert!(
                is_malformed(head(&[(":status", "200"), ("x", value)])),
                "{value}"
            );
        }
        assert!(head(&[(":status", "200"), ("x", "a\tb é")]).is_ok());
        assert!(is_malformed(head(&[(":status", "200"), ("te", "gzip")])));
    }

    //= rfc9110#8.6 test
    #[test]
    fn content_length() {
        let long = "0".repeat(100);
        for value in [
            "",
            "-1",
            "+1",
            "1x",
            "1, 1",
            "0x1",
            "18446744073709551616",
            &long,
        ] {
            assert!(
                is_malformed(head(&[(":status", "200"), ("content-length", value)])),
                "{value}"
            );
        }
        let two = head(&[
            (":status", "200"),
            ("content-length", "1"),
            ("content-length", "2"),
        ]);
        assert!(is_malformed(two));
    }

    //= rfc9114#4.2.2 test
    #[test]
    fn the_decoded_size_is_bounded() {
        // One byte each on the wire, 7 + 3 + 32 and 15 + 7 + 32 decoded.
        let fields = [
            Field::new(":status", "200"),
            Field::new("accept-encoding", ""),
        ];
        let size: usize = fields.iter().map(Field::size).sum();
        assert_eq!(size, 42 + 47);
        assert!(checked_within(&fields, Kind::Head, 89).is_ok());
        let result = checked_within(&fields, Kind::Head, 88);
        assert_eq!(
            result,
            Err(Fault::Message(MessageError::FieldsTooLarge { length: 89 }))
        );
    }

    #[test]
    fn requests_of_ours() {
        assert_eq!(check_request(&Request::get("/"), "h3.example"), Ok(()));
        assert!(check_request(&Request::get("/"), "").is_err());
        let host = [Field::new("host", "h3.example")];
        assert_eq!(check_request(&Request::get("/").fields(&host), ""), Ok(()));
        assert!(check_request(&Request::get(""), "a").is_err());
        assert!(check_request(&Request::get("/a b"), "a").is_err());
        assert!(check_request(&Request::new("G T", "/"), "a").is_err());
        assert!(check_request(&Request::new("", "/"), "a").is_err());
        assert_eq!(check_request(&Request::new("CONNECT", ""), "a:1"), Ok(()));
        for field in [
            Field::new("Upper", "1"),
            Field::new(":path", "/"),
            Field::new("connection", "close"),
            Field::new("te", "gzip"),
            Field::new("x", "a\r\nb"),
        ] {
            assert!(check_fields(&[field]).is_err(), "{field:?}");
        }
        assert_eq!(check_fields(&[Field::new("te", "trailers")]), Ok(()));
    }
}

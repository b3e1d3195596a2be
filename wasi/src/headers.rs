//! Header fields, in the order they were sent or will be.
//!
//! A type of its own because crate `http`, whose map the desktop uses, needs `std`.
//!
//! Invariant: names are in lower case, so that two names are equal when their bytes are.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use quicpro_core::Field;
use quicpro_core::http3::{FieldLine, Fields};

/// A list of header fields. Names are found in whatever case they are asked for.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, Vec<u8>)>);

impl Headers {
    /// No fields.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a field behind those of the same name.
    pub fn append(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.0.push((name.to_ascii_lowercase(), value.into()));
    }

    /// Sets a field, instead of all of that name.
    pub fn insert(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.remove(name);
        self.append(name, value);
    }

    /// Removes all fields of that name.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(own, _)| !own.eq_ignore_ascii_case(name));
    }

    /// The first value of that name, if it is text.
    pub fn get(&self, name: &str) -> Option<&str> {
        core::str::from_utf8(self.get_bytes(name)?).ok()
    }

    /// The first value of that name.
    pub fn get_bytes(&self, name: &str) -> Option<&[u8]> {
        self.get_all(name).next()
    }

    /// All values of that name.
    pub fn get_all(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let all = self.iter();
        all.filter_map(move |(own, value)| own.eq_ignore_ascii_case(name).then_some(value))
    }

    /// Whether there is a field of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.get_bytes(name).is_some()
    }

    /// All fields: names in lower case, and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fields as they leave the engine's scratch. One that is longer than `Limits::field_line` is left out.
    pub(crate) fn received(mut fields: Fields<'_>) -> Self {
        let mut headers = Self(Vec::with_capacity(fields.count()));
        while let Some(line) = fields.next_line() {
            if let FieldLine::Field(field) = line {
                headers.append(field.name(), field.value());
            }
        }
        headers
    }

    /// The fields for the engine; credentials are marked, so that nobody on the way compresses them.
    pub(crate) fn to_fields(&self) -> Vec<Field<'_>> {
        let field = |(name, value)| match name {
            "authorization" | "cookie" => Field::new(name, value).sensitive(),
            _ => Field::new(name, value),
        };
        self.iter().map(field).collect()
    }
}

/// Values of credentials are not shown.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for field in self.to_fields() {
            let value = field.value_str().unwrap_or("(bytes)");
            let shown = if field.is_sensitive() {
                "(secret)"
            } else {
                value
            };
            map.entry(&field.name(), &shown);
        }
        map.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn names_are_found_in_any_case_and_values_keep_their_order() {
        let mut headers = Headers::new();
        headers.append("Set-Cookie", "a=1");
        headers.append("set-cookie", &b"b=\xff"[..]);
        headers.insert("Accept", "*/*");
        assert_eq!(headers.get("SET-COOKIE"), Some("a=1"));
        let all: Vec<_> = headers.get_all("set-cookie").collect();
        assert_eq!(all, [&b"a=1"[..], b"b=\xff"]);
        headers.insert("Set-cookie", "c");
        assert_eq!((headers.len(), headers.get("set-cookie")), (2, Some("c")));
        assert_eq!(headers.iter().next(), Some(("accept", &b"*/*"[..])));
        assert!(!headers.contains("host") && !headers.is_empty());
    }

    #[test]
    fn credentials_are_marked_and_hidden() {
        let mut headers = Headers::new();
        headers.append("Authorization", "Bearer abc");
        headers.append("accept", "text/plain");
        let marks: Vec<_> = headers
            .to_fields()
            .iter()
            .map(Field::is_sensitive)
            .collect();
        assert_eq!(marks, [true, false]);
        let text = format!("{headers:?}");
        assert!(
            text.contains("text/plain") && !text.contains("abc"),
            "{text}"
        );
    }
}

//! One field: a name and a value (RFC 9110 §5).
//!
//! Invariant: none here; what HTTP/3 allows in a name and a value is checked by `http3::field_rules`.

/// A field line to be sent, or one that was received and checked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    name: &'a str,
    value: &'a [u8],
    sensitive: bool,
}

impl<'a> Field<'a> {
    /// A field with a lower-case `name` and a `value` of text or bytes.
    pub fn new<V: AsRef<[u8]> + ?Sized>(name: &'a str, value: &'a V) -> Self {
        Self {
            name,
            value: value.as_ref(),
            sensitive: false,
        }
    }

    /// The same, never to be put into a compression table, by anyone on the way (RFC 9204 §7.1.3).
    #[must_use]
    pub const fn sensitive(self) -> Self {
        Self {
            sensitive: true,
            ..self
        }
    }

    /// The name, in lower case; a pseudo-header field's begins with a colon.
    pub const fn name(&self) -> &'a str {
        self.name
    }

    /// The value: any bytes but NUL, CR and LF.
    pub const fn value(&self) -> &'a [u8] {
        self.value
    }

    /// The value as text, if it is UTF-8.
    pub fn value_str(&self) -> Option<&'a str> {
        core::str::from_utf8(self.value).ok()
    }

    /// The field is marked as one that must not be put into a compression table.
    pub const fn is_sensitive(&self) -> bool {
        self.sensitive
    }

    /// What the field counts towards a limit on the size of a section: both lengths and 32
    /// (RFC 9114 §4.2.2).
    pub const fn size(&self) -> usize {
        self.name.len() + self.value.len() + 32
    }
}

impl core::fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        if self.sensitive {
            write!(f, "{}: (sensitive)", self.name)
        } else {
            write!(f, "{}: {}", self.name, self.value.escape_ascii())
        }
    }
}

/// Shows each field of a section, in their order. Asked twice by who sends it: what is sent is measured before.
pub(crate) type Lines<'f> = &'f dyn Fn(&mut dyn FnMut(&Field<'_>));

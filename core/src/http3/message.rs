//! The head of a request (RFC 9114 §4.3.1).

use super::Priority;
use crate::qpack::Field;

/// What a request asks for. Built in place; everything in it is borrowed.
///
/// ```
/// use quicpro_core::{qpack::Field, http3::Request};
/// let fields = [Field::new("content-type", "text/plain")];
/// let request = Request::post("/reading").fields(&fields);
/// assert_eq!(request.path(), "/reading");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    method: &'a str,
    scheme: &'a str,
    authority: Option<&'a str>,
    path: &'a str,
    fields: &'a [Field<'a>],
    priority: Option<Priority>,
}

impl<'a> Request<'a> {
    /// A request with any method; `path` includes the query. For CONNECT the path is not sent.
    pub const fn new(method: &'a str, path: &'a str) -> Self {
        Self {
            method,
            scheme: "https",
            authority: None,
            path,
            fields: &[],
            priority: None,
        }
    }

    /// GET.
    pub const fn get(path: &'a str) -> Self {
        Self::new("GET", path)
    }

    /// HEAD: the response has no content.
    pub const fn head(path: &'a str) -> Self {
        Self::new("HEAD", path)
    }

    /// POST. The content follows by `send_body`.
    pub const fn post(path: &'a str) -> Self {
        Self::new("POST", path)
    }

    /// PUT. The content follows by `send_body`.
    pub const fn put(path: &'a str) -> Self {
        Self::new("PUT", path)
    }

    /// DELETE.
    pub const fn delete(path: &'a str) -> Self {
        Self::new("DELETE", path)
    }

    /// Host and port of the resource, where they are not those the client was connected with.
    #[must_use]
    pub const fn authority(self, authority: &'a str) -> Self {
        Self {
            authority: Some(authority),
            ..self
        }
    }

    /// Another scheme than `https`.
    #[must_use]
    pub const fn scheme(self, scheme: &'a str) -> Self {
        Self { scheme, ..self }
    }

    /// The fields, with names in lower case.
    #[must_use]
    pub const fn fields(self, fields: &'a [Field<'a>]) -> Self {
        Self { fields, ..self }
    }

    /// The priority, sent as a field and followed by our own sending.
    #[must_use]
    pub const fn priority(self, priority: Priority) -> Self {
        Self {
            priority: Some(priority),
            ..self
        }
    }

    /// The method.
    pub const fn method(&self) -> &'a str {
        self.method
    }

    /// The path with its query.
    pub const fn path(&self) -> &'a str {
        self.path
    }

    /// The priority, if one was given.
    pub(crate) const fn asked_priority(&self) -> Option<Priority> {
        self.priority
    }

    /// The fields given.
    pub(crate) const fn given_fields(&self) -> &'a [Field<'a>] {
        self.fields
    }

    /// Shows every field of the header section to `each`, in their order.
    pub(crate) fn each_field(&self, default_authority: &str, each: &mut dyn FnMut(&Field<'_>)) {
        let pseudo = self.pseudo_fields(default_authority);
        pseudo.iter().flatten().for_each(&mut *each);
        self.fields.iter().for_each(&mut *each);
        if let Some(priority) = self.priority {
            each(&Field::new("priority", priority.text().as_bytes()));
        }
    }

    /// The pseudo-header fields: three or four, two for CONNECT. `default_authority` where none was given.
    //= rfc9114#4.3.1
    //= rfc9114#4.4
    pub(crate) fn pseudo_fields<'f>(&self, default_authority: &'f str) -> [Option<Field<'f>>; 4]
    where
        'a: 'f,
    {
        let authority = self.authority.unwrap_or(default_authority);
        let target = self.method != "CONNECT";
        [
            Some(Field::new(":method", self.method)),
            target.then(|| Field::new(":scheme", self.scheme)),
            (!authority.is_empty()).then(|| Field::new(":authority", authority)),
            target.then(|| Field::new(":path", self.path)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    //= rfc9114#4.3.1 test
    //= rfc9114#4.4 test
    #[test]
    fn connect_has_no_scheme_and_no_path() {
        fn names(request: Request<'static>) -> Vec<&'static str> {
            let fields = request.pseudo_fields("a");
            fields.iter().flatten().map(Field::name).collect()
        }
        let all = [":method", ":scheme", ":authority", ":path"];
        assert_eq!(names(Request::get("/")), all);
        assert_eq!(
            names(Request::new("CONNECT", "")),
            [":method", ":authority"]
        );
        let request = Request::get("/").authority("b");
        assert!(
            request
                .pseudo_fields("a")
                .contains(&Some(Field::new(":authority", "b")))
        );
    }
}

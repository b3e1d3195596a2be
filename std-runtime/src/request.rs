//! A request as a value, and the builder that collects it.
//!
//! Invariant: a builder never panics and never loses the first mistake: it comes out of `build` and `send`.

use std::fmt::Display;
use std::time::Duration;

use base64::Engine as _;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::Serialize;
use url::Url;

use crate::body::Body;
use crate::client::Client;
use crate::error::{Error, Result};
use crate::priority::StreamPriority;
use crate::response::{PendingResponse, Response};

/// A request: method, URL, header fields, body, and how to treat it.
#[derive(Debug)]
pub struct Request {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Body,
    timeout: Option<Duration>,
    priority: Option<StreamPriority>,
}

/// Collects a request for one client; made by [`Client::get`](crate::Client::get) and its siblings.
#[derive(Debug)]
#[must_use = "a request is sent by `send` or `start`"]
pub struct RequestBuilder {
    client: Client,
    request: Result<Request>,
}

impl Request {
    /// A request without fields or body.
    pub fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: Body::default(),
            timeout: None,
            priority: None,
        }
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The method, to change.
    pub fn method_mut(&mut self) -> &mut Method {
        &mut self.method
    }

    /// The URL.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The URL, to change.
    pub fn url_mut(&mut self) -> &mut Url {
        &mut self.url
    }

    /// The header fields; the client adds its defaults where a name is missing.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The header fields, to change.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.headers
    }

    /// The body.
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// The body, to change.
    pub fn body_mut(&mut self) -> &mut Body {
        &mut self.body
    }

    /// The time from sending to the end of the response's body; `None` for the client's.
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// The time from sending to the end of the response's body, to change.
    pub fn timeout_mut(&mut self) -> &mut Option<Duration> {
        &mut self.timeout
    }

    /// How urgent the response is, if it was said.
    pub fn priority(&self) -> Option<StreamPriority> {
        self.priority
    }

    /// A copy, unless the body is a reader.
    pub fn try_clone(&self) -> Option<Self> {
        let body = self.body.try_clone()?;
        Some(Self {
            body,
            ..self.without_body()
        })
    }

    pub(crate) fn without_body(&self) -> Self {
        Self {
            method: self.method.clone(),
            url: self.url.clone(),
            headers: self.headers.clone(),
            body: Body::default(),
            timeout: self.timeout,
            priority: self.priority,
        }
    }
}

impl RequestBuilder {
    pub(crate) fn new(client: Client, method: Method, url: Result<Url>) -> Self {
        Self {
            client,
            request: url.map(|url| Request::new(method, url)),
        }
    }

    fn change(mut self, change: impl FnOnce(&mut Request) -> Result<()>) -> Self {
        if let Ok(request) = &mut self.request
            && let Err(error) = change(request)
        {
            let url = request.url.clone();
            self.request = Err(error.with_url(url));
        }
        self
    }

    /// Adds a header field; a repeated name is sent repeatedly.
    pub fn header<K, V>(self, name: K, value: V) -> Self
    where
        K: TryInto<HeaderName, Error: Into<http::Error>>,
        V: TryInto<HeaderValue, Error: Into<http::Error>>,
    {
        self.change(|request| {
            let name = name.try_into().map_err(|e| bad_header(e.into()))?;
            let value = value.try_into().map_err(|e| bad_header(e.into()))?;
            request.headers.append(name, value);
            Ok(())
        })
    }

    /// Sets all these header fields, replacing those of the same name.
    pub fn headers(self, headers: HeaderMap) -> Self {
        self.change(|request| {
            replace_headers(&mut request.headers, headers);
            Ok(())
        })
    }

    /// Basic credentials (RFC 7617).
    pub fn basic_auth(self, username: impl Display, password: Option<impl Display>) -> Self {
        let password = password.map_or_else(String::new, |password| password.to_string());
        let plain = format!("{username}:{password}");
        let encoded = base64::engine::general_purpose::STANDARD.encode(plain);
        self.authorization(format!("Basic {encoded}"))
    }

    /// A bearer token (RFC 6750).
    pub fn bearer_auth(self, token: impl Display) -> Self {
        self.authorization(format!("Bearer {token}"))
    }

    fn authorization(self, value: String) -> Self {
        self.change(|request| {
            let mut value = HeaderValue::try_from(value).map_err(|e| bad_header(e.into()))?;
            value.set_sensitive(true);
            request.headers.insert(AUTHORIZATION, value);
            Ok(())
        })
    }

    /// Appends pairs to the URL's query: a slice of pairs, a map, or a struct.
    pub fn query(self, query: &(impl Serialize + ?Sized)) -> Self {
        self.change(|request| {
            let mut pairs = request.url.query_pairs_mut();
            let written = query.serialize(serde_urlencoded::Serializer::new(&mut pairs));
            let outcome = written
                .map(|_| ())
                .map_err(|e| Error::build("bad query").source(e));
            drop(pairs);
            if request.url.query() == Some("") {
                request.url.set_query(None);
            }
            outcome
        })
    }

    /// Sets the body.
    pub fn body(self, body: impl Into<Body>) -> Self {
        self.change(|request| {
            request.body = body.into();
            Ok(())
        })
    }

    /// Sets the body to a form, and its content type.
    pub fn form(self, form: &(impl Serialize + ?Sized)) -> Self {
        self.change(|request| {
            let text = serde_urlencoded::to_string(form)
                .map_err(|e| Error::build("bad form").source(e))?;
            request.set_content(text.into(), "application/x-www-form-urlencoded");
            Ok(())
        })
    }

    /// Sets the body to JSON, and its content type.
    pub fn json(self, value: &(impl Serialize + ?Sized)) -> Self {
        self.change(|request| {
            let bytes =
                serde_json::to_vec(value).map_err(|e| Error::build("bad JSON").source(e))?;
            request.set_content(bytes.into(), "application/json");
            Ok(())
        })
    }

    /// The time from sending to the end of the response's body, instead of the client's.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.change(|request| {
            request.timeout = Some(timeout);
            Ok(())
        })
    }

    /// How urgent the response is, told to the server (RFC 9218).
    pub fn priority(self, priority: impl Into<StreamPriority>) -> Self {
        self.change(|request| {
            request.priority = Some(priority.into());
            Ok(())
        })
    }

    /// The request as a value, with the client's default headers not yet in it.
    pub fn build(self) -> Result<Request> {
        self.request
    }

    /// A copy, unless the body is a reader or a mistake was made.
    pub fn try_clone(&self) -> Option<Self> {
        let request = self.request.as_ref().ok()?.try_clone()?;
        Some(Self {
            client: self.client.clone(),
            request: Ok(request),
        })
    }

    /// Sends the request and waits for the response's head.
    pub fn send(self) -> Result<Response> {
        self.client.execute(self.request?)
    }

    /// Sends the request and returns at once; a body reader is read on a thread of the client's.
    ///
    /// Many requests can be on their way on one connection. What exceeds the server's stream limit waits in a queue of
    /// [`QUEUED_REQUESTS`](crate::config::QUEUED_REQUESTS); beyond that `start` is an error.
    pub fn start(self) -> Result<PendingResponse> {
        self.client.start(self.request?)
    }
}

impl Request {
    fn set_content(&mut self, body: Body, content_type: &'static str) {
        let headers = &mut self.headers;
        headers
            .entry(CONTENT_TYPE)
            .or_insert(HeaderValue::from_static(content_type));
        self.body = body;
    }

    /// Adds the fields of `defaults` whose names are missing, and `accept: */*`.
    pub(crate) fn add_defaults(&mut self, defaults: &HeaderMap) {
        for name in defaults.keys() {
            if !self.headers.contains_key(name) {
                for value in defaults.get_all(name) {
                    self.headers.append(name.clone(), value.clone());
                }
            }
        }
        self.headers
            .entry(ACCEPT)
            .or_insert(HeaderValue::from_static("*/*"));
    }
}

/// What may be sent to.
pub trait IntoUrl: sealed::Sealed {
    /// The URL, or why it is none.
    fn into_url(self) -> Result<Url>;
}

impl IntoUrl for Url {
    fn into_url(self) -> Result<Url> {
        Ok(self)
    }
}

impl IntoUrl for &str {
    fn into_url(self) -> Result<Url> {
        Url::parse(self).map_err(|e| Error::build(format!("{self:?} is no URL: {e}")).source(e))
    }
}

impl IntoUrl for String {
    fn into_url(self) -> Result<Url> {
        self.as_str().into_url()
    }
}

impl IntoUrl for &String {
    fn into_url(self) -> Result<Url> {
        self.as_str().into_url()
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for url::Url {}
    impl Sealed for &str {}
    impl Sealed for String {}
    impl Sealed for &String {}
}

fn bad_header(error: http::Error) -> Error {
    Error::build(format!("bad header field: {error}")).source(error)
}

fn replace_headers(into: &mut HeaderMap, from: HeaderMap) {
    let mut current = None;
    for (name, value) in from {
        match name {
            Some(name) => {
                into.insert(name.clone(), value);
                current = Some(name);
            }
            None => {
                if let Some(name) = &current {
                    into.append(name.clone(), value);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(url: &str) -> RequestBuilder {
        Client::new().get(url)
    }

    #[test]
    fn queries_are_appended_and_escaped() {
        let request = get("https://a.example/?x=1")
            .query(&[("q", "a b&c"), ("é", "")])
            .build()
            .unwrap();
        assert_eq!(request.url().query(), Some("x=1&q=a+b%26c&%C3%A9="));
        let nothing: [(&str, &str); 0] = [];
        assert_eq!(
            get("https://a.example/")
                .query(&nothing)
                .build()
                .unwrap()
                .url()
                .query(),
            None
        );
    }

    #[test]
    fn the_first_mistake_comes_out_of_build() {
        let error = get("a.example").header("x", "y").build().unwrap_err();
        assert!(
            error.is_builder() && error.to_string().contains("a.example"),
            "{error}"
        );
        let error = get("https://a.example")
            .header("x", "a\nb")
            .json(&1)
            .build()
            .unwrap_err();
        assert!(error.to_string().contains("header"), "{error}");
    }

    #[test]
    fn json_and_form_set_their_content_type_unless_it_is_set() {
        let request = get("https://a.example").json(&[1, 2]).build().unwrap();
        assert_eq!(request.body().as_bytes(), Some(&b"[1,2]"[..]));
        assert_eq!(request.headers()[CONTENT_TYPE], "application/json");
        let request = get("https://a.example")
            .header(CONTENT_TYPE, "text/x")
            .form(&[("a", "b c")])
            .build()
            .unwrap();
        assert_eq!(request.body().as_bytes(), Some(&b"a=b+c"[..]));
        assert_eq!(request.headers()[CONTENT_TYPE], "text/x");
    }

    #[test]
    fn credentials_are_encoded_and_hidden() {
        let request = get("https://a.example")
            .basic_auth("Aladdin", Some("open sesame"))
            .build()
            .unwrap();
        let value = &request.headers()[AUTHORIZATION];
        assert_eq!(value, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(!format!("{request:?}").contains("QWxh"));
    }

    #[test]
    fn headers_replaces_and_header_adds() {
        let more = HeaderMap::from_iter([
            (ACCEPT, HeaderValue::from_static("a")),
            (ACCEPT, HeaderValue::from_static("b")),
        ]);
        let mut request = get("https://a.example")
            .header("accept", "x")
            .headers(more)
            .header("accept", "c")
            .build()
            .unwrap();
        request.add_defaults(&HeaderMap::from_iter([(
            ACCEPT,
            HeaderValue::from_static("never"),
        )]));
        let values: Vec<_> = request.headers().get_all(ACCEPT).iter().collect();
        assert_eq!(values, ["a", "b", "c"]);
    }
}

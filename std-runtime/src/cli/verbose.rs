//! `-v`: what is sent, what is received, and what happens in between.
//!
//! Invariant: values that a request marks as sensitive are not written.

use std::io::Write;

use http::{HeaderMap, StatusCode};
use url::Url;

use crate::request::Request;
use crate::response::Response;
use crate::stats::ConnectionStats;

/// Writes lines, or nothing unless asked to. What cannot be written is lost: the transfer matters more.
pub(super) struct Verbose<'a> {
    errors: &'a mut dyn Write,
    wanted: bool,
}

impl<'a> Verbose<'a> {
    pub fn new(errors: &'a mut dyn Write, wanted: bool) -> Self {
        Self { errors, wanted }
    }

    fn line(&mut self, mark: char, text: &str) {
        if self.wanted {
            let line = format!("{mark} {text}");
            let _ = writeln!(self.errors, "{}", line.trim_end());
        }
    }

    fn fields(&mut self, mark: char, fields: &HeaderMap) {
        for (name, value) in fields {
            self.line(mark, &field_line(name.as_str(), value));
        }
    }

    /// Something that happens.
    pub fn note(&mut self, text: &str) {
        self.line('*', text);
    }

    pub fn request(&mut self, request: &Request) {
        let url = request.url();
        let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
        self.line('>', &format!("{} {path} HTTP/3", request.method()));
        self.line('>', &format!("host: {}", url.authority()));
        self.fields('>', request.headers());
        self.line('>', "");
        if let Some(length) = request.body().length().filter(|&length| length > 0) {
            self.note(&format!("body of {length} bytes"));
        }
    }

    pub fn redirects(&mut self, hops: &[(StatusCode, Url)]) {
        for (status, url) in hops {
            self.note(&format!("{status}: on to {url}"));
        }
    }

    pub fn response(&mut self, response: &Response, is_verified: bool) {
        let host = response.url().host_str().unwrap_or_default();
        let trust = if is_verified {
            "its certificate is verified"
        } else {
            "its certificate is NOT verified"
        };
        let remote = response.remote_addr();
        self.note(&format!("{host} at {remote}, QUIC and TLS 1.3, {trust}"));
        for interim in response.interim() {
            self.head(interim.status, &interim.headers);
        }
        self.head(response.status(), response.headers());
    }

    fn head(&mut self, status: StatusCode, fields: &HeaderMap) {
        self.line('<', &format!("HTTP/3 {}", status.as_str()));
        self.fields('<', fields);
        self.line('<', "");
    }

    /// What was asked for, whether this is verbose or not.
    pub fn table(&mut self, stats: &ConnectionStats) {
        let _ = write!(self.errors, "{stats}");
    }

    pub fn trailers(&mut self, fields: &HeaderMap) {
        self.fields('<', fields);
    }
}

/// A head as `-i` and `-I` write it: curl's shape, which tools take apart.
pub(super) fn head_text(response: &Response) -> Vec<u8> {
    let mut text = format!("HTTP/3 {}\r\n", response.status().as_str()).into_bytes();
    for (name, value) in response.headers() {
        text.extend_from_slice(name.as_str().as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value.as_bytes());
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"\r\n");
    text
}

fn field_line(name: &str, value: &http::HeaderValue) -> String {
    if value.is_sensitive() {
        return format!("{name}: (not shown)");
    }
    format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()))
}

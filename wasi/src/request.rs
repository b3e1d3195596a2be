//! A request while it is collected.
//!
//! Invariant: a builder never panics; what is wrong with a request comes out of `send`.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::client::{Client, Order};
use crate::error::Result;
use crate::headers::Headers;
use crate::link::{Patience, now};
use crate::response::Response;
use crate::target::Target;

/// Collects a request; [`send`](Self::send) sends it.
#[derive(Debug)]
#[must_use = "a request is sent by `send`"]
pub struct RequestBuilder {
    client: Client,
    method: String,
    url: String,
    headers: Headers,
    content: Vec<u8>,
    timeout: Option<Duration>,
}

impl RequestBuilder {
    pub(crate) fn new(client: Client, method: &str, url: &str) -> Self {
        Self {
            client,
            method: method.into(),
            url: url.into(),
            headers: Headers::new(),
            content: Vec::new(),
            timeout: None,
        }
    }

    /// Adds a header field.
    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.append(name, value);
        self
    }

    /// Adds header fields.
    pub fn headers(mut self, headers: &Headers) -> Self {
        for (name, value) in headers.iter() {
            self.headers.append(name, value);
        }
        self
    }

    /// Adds `Authorization: Bearer` with `token`.
    pub fn bearer_auth(self, token: &str) -> Self {
        self.header("authorization", alloc::format!("Bearer {token}"))
    }

    /// The content.
    pub fn body(mut self, content: impl Into<Vec<u8>>) -> Self {
        self.content = content.into();
        self
    }

    /// The time from `send` to the end of the response's body, instead of the client's.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sends the request and waits for the response's head. Redirects are not followed.
    pub fn send(self) -> Result<Response> {
        self.try_send().map_err(|error| error.with_url(&self.url))
    }

    fn try_send(&self) -> Result<Response> {
        let target = Target::parse(&self.url)?;
        let inner = self.client.inner();
        let settings = &inner.settings;
        let mut headers = self.headers.clone();
        for (name, value) in settings.headers.iter() {
            if !self.headers.contains(name) {
                headers.append(name, value);
            }
        }
        let timeout = self.timeout.or(settings.timeout);
        let patience = Patience {
            deadline: timeout.map(|timeout| now() + timeout),
            silence: settings.read_timeout,
        };
        let (head, link) = inner.execute(&Order {
            method: &self.method,
            target: &target,
            headers: &headers,
            content: &self.content,
            patience,
        })?;
        Ok(Response::new(
            head,
            link,
            inner.clone(),
            target,
            &self.url,
            patience,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::Certificate;
    use alloc::string::ToString;

    fn client() -> Option<Client> {
        let nobody: [Certificate; 0] = [];
        Client::builder().tls_certs_merge(nobody).build().ok()
    }

    #[test]
    fn mistakes_come_out_of_send_with_the_url() {
        // Without the built-in authorities there is nobody to trust, and no client.
        let Some(client) = client() else { return };
        let error = client.get("http://a.example/").send().unwrap_err();
        assert!(error.is_builder(), "{error}");
        assert!(error.to_string().contains("http://a.example/"), "{error}");
        // The tests run where there is no WASI host.
        let error = client.get("https://a.example/").send().unwrap_err();
        assert!(error.is_dns() && error.is_host(), "{error}");
        let error = client.get("https://192.0.2.1/").send().unwrap_err();
        assert!(error.is_connect() && error.is_host(), "{error}");
        assert_eq!(error.addresses().len(), 1);
    }
}

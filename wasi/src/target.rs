//! Where a URL points: the server to connect to and what to ask it for.
//!
//! The URL is taken apart by iri-string, strictly by RFC 3986: nothing is guessed or repaired.

use alloc::format;
use alloc::string::{String, ToString};

use iri_string::types::UriStr;
use quicpro_core::tls::ServerName;

use crate::error::{Error, Result};

const DEFAULT_PORT: u16 = 443;

/// The parts of a URL that a request needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub name: ServerName,
    pub port: u16,
    /// What `:authority` says: the host, and the port where it is not HTTPS's own.
    pub authority: String,
    /// Path and query.
    pub path: String,
}

impl Target {
    pub fn parse(url: &str) -> Result<Self> {
        let parsed = UriStr::new(url).map_err(|_| {
            Error::build("not a URL; characters outside ASCII have to be percent-encoded")
        })?;
        if !parsed.scheme_str().eq_ignore_ascii_case("https") {
            let scheme = parsed.scheme_str();
            return Err(Error::build(format!("HTTP/3 needs https, not {scheme}")));
        }
        let authority = parsed.authority_components();
        let authority = authority.ok_or(Error::build("the URL has no host"))?;
        //= rfc9110#4.2.4
        if authority.userinfo().is_some() {
            return Err(Error::build(
                "credentials belong into a header field, not into the URL",
            ));
        }
        let host = authority.host().to_ascii_lowercase();
        let name = ServerName::new(&host).map_err(|error| {
            Error::build(if host.is_empty() {
                "the URL has no host".into()
            } else {
                format!("host {host}: {error}")
            })
        })?;
        let port = match authority.port() {
            None | Some("") => DEFAULT_PORT,
            Some(port) => port
                .parse()
                .ok()
                .filter(|port| *port > 0)
                .ok_or(Error::build("the URL's port is none"))?,
        };
        let host = host.strip_suffix('.').unwrap_or(&host);
        Ok(Self {
            name,
            port,
            authority: match port {
                DEFAULT_PORT => host.to_string(),
                _ => format!("{host}:{port}"),
            },
            path: path_and_query(parsed),
        })
    }
}

//= rfc9114#4.3.1
fn path_and_query(url: &UriStr) -> String {
    let path = match url.path_str() {
        "" => "/",
        path => path,
    };
    match url.query_str() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(url: &str) -> (String, u16, String) {
        let target = Target::parse(url).unwrap();
        (target.authority, target.port, target.path)
    }

    #[test]
    fn hosts_ports_and_paths_are_found() {
        let expected = [
            ("https://a.example", "a.example", 443, "/"),
            ("HTTPS://A.Example.:443?x=1#part", "a.example", 443, "/?x=1"),
            (
                "https://a.example:/b/../c%20d?",
                "a.example",
                443,
                "/b/../c%20d?",
            ),
            ("https://[::1]:4433/x?y=/z", "[::1]:4433", 4433, "/x?y=/z"),
            ("https://127.0.0.1:1/", "127.0.0.1:1", 1, "/"),
        ];
        for (url, authority, port, path) in expected {
            assert_eq!(parts(url), (authority.into(), port, path.into()), "{url}");
        }
        let address = Target::parse("https://[::1]/").unwrap().name;
        assert_eq!(address, ServerName::Ip("::1".parse().unwrap()));
    }

    #[test]
    fn what_cannot_be_asked_for_is_refused_with_a_reason() {
        let refused = [
            ("a.example/x", "not a URL"),
            ("https://a b/", "not a URL"),
            ("https://ä.example/", "percent-encoded"),
            ("http://a.example/", "not http"),
            ("https:a.example", "no host"),
            ("https:///x", "no host"),
            ("https://user:word@a.example/", "credentials"),
            ("https://a.example:65536/", "port"),
            ("https://a.example:0/", "port"),
            ("https://a%41.example/", "neither a DNS name"),
        ];
        for (url, reason) in refused {
            let message = Target::parse(url).unwrap_err().to_string();
            assert!(message.contains(reason), "{url}: {message}");
        }
    }
}

//! Proxies named by the environment: an HTTP/3 request cannot go through them, and must not go around them.
//!
//! Invariant: if a proxy would apply to a URL, the request fails before a name is looked up or a packet sent.

use std::net::IpAddr;

use url::{Host, Url};

/// What the environment says, read once when a client is built.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxies {
    proxy: Option<String>,
    except: Vec<Exception>,
}

#[derive(Clone, Debug, PartialEq)]
enum Exception {
    Everything,
    Domain(String),
    Network(IpAddr, u8),
}

impl Proxies {
    pub fn from_environment() -> Self {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: &[&str]| {
            let mut values = names.iter().filter_map(|name| lookup(name));
            values.find(|value| !value.trim().is_empty())
        };
        let proxy = first(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]);
        let except = first(&["no_proxy", "NO_PROXY"]).unwrap_or_default();
        Self {
            proxy,
            except: except
                .split(',')
                .filter_map(|entry| Exception::parse(entry.trim()))
                .collect(),
        }
    }

    /// The proxy that applies to `url`. None does for this machine itself.
    pub fn applying_to(&self, url: &Url) -> Option<&str> {
        let proxy = self.proxy.as_deref()?;
        let host = url.host()?;
        (!is_this_machine(&host) && !self.except.iter().any(|entry| entry.covers(&host)))
            .then_some(proxy)
    }
}

impl Exception {
    fn parse(entry: &str) -> Option<Self> {
        if entry.is_empty() {
            return None;
        }
        if entry == "*" {
            return Some(Self::Everything);
        }
        let (address, bits) = match entry.split_once('/') {
            Some((address, bits)) => (address, bits.parse().ok()),
            None => (entry, None),
        };
        if let Ok(address) = address.trim_matches(['[', ']']).parse::<IpAddr>() {
            let all = if address.is_ipv4() { 32 } else { 128 };
            return Some(Self::Network(address, bits.unwrap_or(all).min(all)));
        }
        let name = entry.trim_start_matches("*.").trim_start_matches('.');
        let name = name.split(':').next().unwrap_or(name);
        Some(Self::Domain(name.to_ascii_lowercase()))
    }

    fn covers(&self, host: &Host<&str>) -> bool {
        match (self, host) {
            (Self::Everything, _) => true,
            (Self::Domain(domain), Host::Domain(name)) => {
                let rest = name.strip_suffix(domain.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            (Self::Network(IpAddr::V4(network), bits), Host::Ipv4(address)) => {
                let shift = 32 - u32::from(*bits);
                let (a, b) = (u32::from(*network), u32::from(*address));
                a.checked_shr(shift) == b.checked_shr(shift)
            }
            (Self::Network(IpAddr::V6(network), bits), Host::Ipv6(address)) => {
                let shift = 128 - u32::from(*bits);
                let (a, b) = (u128::from(*network), u128::from(*address));
                a.checked_shr(shift) == b.checked_shr(shift)
            }
            _ => false,
        }
    }
}

fn is_this_machine(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applies(no_proxy: &str, url: &str) -> bool {
        let proxies = Proxies::from_lookup(|name| match name {
            "HTTPS_PROXY" => Some("http://proxy:3128".into()),
            "no_proxy" => Some(no_proxy.into()),
            _ => None,
        });
        proxies.applying_to(&url.parse().unwrap()).is_some()
    }

    #[test]
    fn a_proxy_applies_unless_an_exception_covers_the_host() {
        for (no_proxy, url, expected) in [
            ("", "https://a.example/", true),
            ("*", "https://a.example/", false),
            ("example", "https://a.example/", false),
            (".a.example", "https://a.example/", false),
            ("*.a.example", "https://b.a.example/", false),
            ("a.example", "https://ba.example/", true),
            ("x, 10.0.0.0/8", "https://10.1.2.3/", false),
            ("10.0.0.0/8", "https://11.1.2.3/", true),
            ("0.0.0.0/0", "https://11.1.2.3/", false),
            ("fd00::/8", "https://[fd12::1]/", false),
            ("::1", "https://[2001:db8::1]/", true),
            ("", "https://localhost:9/", false),
            ("", "https://127.0.0.1/", false),
        ] {
            assert_eq!(applies(no_proxy, url), expected, "{no_proxy:?} {url}");
        }
    }

    #[test]
    fn no_proxy_in_the_environment_applies_to_nothing() {
        let proxies = Proxies::from_lookup(|name| (name == "HTTPS_PROXY").then(String::new));
        assert_eq!(
            proxies.applying_to(&"https://a.example/".parse().unwrap()),
            None
        );
    }
}

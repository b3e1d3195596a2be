//! An entry of `--resolve`: addresses for a host, instead of asking for them.
//!
//! Invariant: an entry has at least one address.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// `HOST:PORT:ADDRESS[,ADDRESS]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resolve {
    pub host: String,
    pub port: u16,
    addresses: Vec<IpAddr>,
}

impl Resolve {
    /// Where to connect to.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let with_port = |address| SocketAddr::new(address, self.port);
        self.addresses.iter().copied().map(with_port).collect()
    }
}

impl FromStr for Resolve {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shape = || "it is not HOST:PORT:ADDRESS[,ADDRESS]".to_owned();
        let mut parts = text.splitn(3, ':');
        let (Some(host), Some(port), Some(addresses)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(shape());
        };
        if host.is_empty() {
            return Err(shape());
        }
        let port = port.parse().map_err(|_| format!("{port:?} is no port"))?;
        let addresses = addresses
            .split(',')
            .map(address)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            host: host.to_owned(),
            port,
            addresses,
        })
    }
}

fn address(text: &str) -> Result<IpAddr, String> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    bare.parse().map_err(|_| format!("{text:?} is no address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_both_families_may_be_given() {
        let entry: Resolve = "a.example:443:127.0.0.1,[::1],::2".parse().unwrap();
        let expected: Vec<SocketAddr> = ["127.0.0.1:443", "[::1]:443", "[::2]:443"]
            .iter()
            .map(|address| address.parse().unwrap())
            .collect();
        assert_eq!(
            (entry.host.as_str(), entry.addresses()),
            ("a.example", expected)
        );
    }

    #[test]
    fn what_is_no_entry_is_refused() {
        for text in [
            "",
            "a",
            "a:443",
            "a:443:",
            ":443:::1",
            "a:x:::1",
            "a:443:b",
            "a:65536:::1",
        ] {
            assert!(text.parse::<Resolve>().is_err(), "{text:?}");
        }
    }
}

//! The name a client wants to find in the server's certificate (RFC 6066 §3, RFC 9110 §4.3.4).
//!
//! Invariant: a [`ServerName`] is a legal DNS name of at most 253 bytes without a final dot, or (feature `ip-names`) an
//! IP address.

use heapless::String;
use rustls_pki_types as pki;

/// Bytes of the longest DNS name in text form (RFC 1035 §2.3.4).
pub const DNS_NAME_MAX: usize = 253;

/// A DNS name or an IP address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerName {
    /// A DNS name: sent in SNI, looked for among the certificate's DNS names.
    Dns(String<DNS_NAME_MAX>),
    /// An address: never sent, looked for among the certificate's addresses.
    #[cfg(feature = "ip-names")]
    Ip(core::net::IpAddr),
}

/// The text is neither a DNS name nor an IP address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct InvalidServerName;

impl core::fmt::Display for InvalidServerName {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("neither a DNS name nor an IP address")
    }
}

impl core::error::Error for InvalidServerName {}

impl ServerName {
    /// The name of nobody.
    pub(super) const EMPTY: Self = Self::Dns(String::new());

    /// Reads a host as a URL has it: a DNS name, an IPv4 address, or an IPv6 address with or without brackets.
    pub fn new(host: &str) -> Result<Self, InvalidServerName> {
        #[cfg(feature = "ip-names")]
        if let Some(ip) = address(host)? {
            return Ok(Self::Ip(ip));
        }
        let host = host.strip_suffix('.').unwrap_or(host);
        pki::DnsName::try_from(host).map_err(|_| InvalidServerName)?;
        String::try_from(host)
            .map(Self::Dns)
            .map_err(|_| InvalidServerName)
    }

    /// The name that goes into SNI.
    //= rfc6066#3
    pub fn sni(&self) -> Option<&str> {
        match self {
            Self::Dns(name) => Some(name),
            #[cfg(feature = "ip-names")]
            Self::Ip(_) => None,
        }
    }

    /// The same for rustls-webpki and for verifiers from outside.
    pub fn pki(&self) -> Result<pki::ServerName<'_>, InvalidServerName> {
        match self {
            Self::Dns(name) => pki::DnsName::try_from(name.as_str())
                .map(pki::ServerName::DnsName)
                .map_err(|_| InvalidServerName),
            #[cfg(feature = "ip-names")]
            Self::Ip(core::net::IpAddr::V4(ip)) => {
                let ip = pki::Ipv4Addr::from(ip.octets());
                Ok(pki::ServerName::IpAddress(pki::IpAddr::V4(ip)))
            }
            #[cfg(feature = "ip-names")]
            Self::Ip(core::net::IpAddr::V6(ip)) => {
                let ip = pki::Ipv6Addr::from(ip.segments());
                Ok(pki::ServerName::IpAddress(pki::IpAddr::V6(ip)))
            }
        }
    }
}

/// The address that `host` is, or that it has in brackets; nothing else may be in brackets.
#[cfg(feature = "ip-names")]
fn address(host: &str) -> Result<Option<core::net::IpAddr>, InvalidServerName> {
    match host.strip_prefix('[') {
        Some(inside) => match inside.strip_suffix(']').map(pki::Ipv6Addr::try_from) {
            Some(Ok(ip)) => Ok(Some(core_address(pki::IpAddr::V6(ip)))),
            _ => Err(InvalidServerName),
        },
        None => Ok(pki::IpAddr::try_from(host).ok().map(core_address)),
    }
}

/// The library's own parser can panic, as far as a linker sees.
#[cfg(feature = "ip-names")]
fn core_address(ip: pki::IpAddr) -> core::net::IpAddr {
    match ip {
        pki::IpAddr::V4(ip) => (*ip.as_ref()).into(),
        pki::IpAddr::V6(ip) => (*ip.as_ref()).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    //= rfc6066#3 test
    #[test]
    fn only_dns_names_go_into_sni() {
        assert_eq!(
            ServerName::new("a.example").unwrap().sni(),
            Some("a.example")
        );
        assert_eq!(
            ServerName::new("a.example.").unwrap().sni(),
            Some("a.example")
        );
        for address in ["127.0.0.1", "::1", "[2001:db8::1]"] {
            let name = ServerName::new(address).unwrap();
            assert_eq!(name.sni(), None, "{address}");
            assert!(matches!(name.pki(), Ok(pki::ServerName::IpAddress(_))));
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let long = std::format!("{}.example", "a.".repeat(130));
        for host in [
            "",
            ".",
            "a b",
            "[a.example]",
            "a/b",
            "[::1",
            "ä.example",
            &long,
        ] {
            assert_eq!(ServerName::new(host), Err(InvalidServerName), "{host}");
        }
    }
}

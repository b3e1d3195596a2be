//! What requests go to that name no authority: the server's name and port (RFC 9110 §4.2.2).
//!
//! Invariant: an address reads as the library's `Display` writes it, which brings 3 KB of code for widths, fills and
//! signs with it.

#[cfg(feature = "ip-names")]
use core::net::IpAddr;
use core::num::NonZeroU16;

use crate::tls::ServerName;

/// The longest name, a colon and a port.
const AUTHORITY_MAX: usize = 253 + 6;

/// The port that an authority with scheme `https` need not name.
const DEFAULT_PORT: u16 = 443;

pub(crate) type Authority = heapless::String<AUTHORITY_MAX>;

/// Fills `authority` with the server's name, and with `port` where the scheme does not imply it (RFC 9110 §4.2.2).
pub(crate) fn fill(name: Option<&ServerName>, port: u16, authority: &mut Authority) {
    authority.clear();
    let mut put = |text: &str| {
        let put = authority.push_str(text);
        debug_assert!(put.is_ok());
    };
    match name {
        Some(ServerName::Dns(name)) => put(name),
        #[cfg(feature = "ip-names")]
        Some(ServerName::Ip(IpAddr::V4(ip))) => dotted(ip.octets(), &mut put),
        #[cfg(feature = "ip-names")]
        Some(ServerName::Ip(IpAddr::V6(ip))) => {
            put("[");
            match ip.to_ipv4_mapped() {
                Some(ip) => {
                    put("::ffff:");
                    dotted(ip.octets(), &mut put);
                }
                None => colons(ip.segments(), &mut put),
            }
            put("]");
        }
        None => {}
    }
    if port != DEFAULT_PORT {
        put(":");
        number(port, DECIMAL, &mut put);
    }
}

#[cfg(feature = "ip-names")]
/// An IPv4 address, as its `Display` would write it.
fn dotted(octets: [u8; 4], put: &mut dyn FnMut(&str)) {
    let mut separator = "";
    for octet in octets {
        put(separator);
        number(octet.into(), DECIMAL, put);
        separator = ".";
    }
}

#[cfg(feature = "ip-names")]
/// An IPv6 address with its longest run of zeros left out, the first of them, if there is one of two or more
/// (RFC 5952 §4).
fn colons(segments: [u16; 8], put: &mut dyn FnMut(&str)) {
    let mut longest = 0..1;
    let mut run = 0..0;
    for (index, &segment) in segments.iter().enumerate() {
        if segment != 0 {
            run = index + 1..index + 1;
            continue;
        }
        run.end = index + 1;
        if run.len() > longest.len() {
            longest = run.clone();
        }
    }
    let left_out = if longest.len() > 1 { longest } else { 8..8 };
    for (index, &segment) in segments.iter().enumerate() {
        if left_out.contains(&index) {
            if index == left_out.start {
                put("::");
            }
            continue;
        }
        if index > 0 && index != left_out.end {
            put(":");
        }
        number(segment, HEXADECIMAL, put);
    }
}

fn number(value: u16, base: NonZeroU16, put: &mut dyn FnMut(&str)) {
    const DIGITS: &str = "0123456789abcdef";
    if value >= base.get() {
        number(value / base, base, put);
    }
    let digit = usize::from(value % base);
    put(DIGITS.get(digit..=digit).unwrap_or_default());
}

// Evaluated when compiled.
const DECIMAL: NonZeroU16 = NonZeroU16::new(10).unwrap();
#[cfg(feature = "ip-names")]
const HEXADECIMAL: NonZeroU16 = NonZeroU16::new(16).unwrap(); // likewise

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::format;
    use std::net::{Ipv4Addr, Ipv6Addr};

    fn filled(name: Option<&ServerName>, port: u16) -> Authority {
        let mut authority = Authority::try_from("what was there before").unwrap();
        fill(name, port, &mut authority);
        authority
    }

    #[test]
    fn authorities() {
        let named = |host: &str, port| filled(ServerName::new(host).ok().as_ref(), port);
        assert_eq!(named("h3.example", 443), "h3.example");
        assert_eq!(named("h3.example", 4433), "h3.example:4433");
        assert_eq!(named("127.0.0.1", 4433), "127.0.0.1:4433");
        assert_eq!(named("::1", 443), "[::1]");
        assert_eq!(named("[::1]", 65535), "[::1]:65535");
        assert!(named(&"x.".repeat(126), 65535).len() <= AUTHORITY_MAX);
    }

    //= rfc5952#4.2 test
    #[test]
    fn addresses_with_zeros() {
        for ip in [
            "::",
            "1::",
            "::1:0:0:1",
            "1:0:2:3:4:5:6:7",
            "1:0:0:2::",
            "::ffff:0.0.0.0",
            "::ffff:1.2.3.4",
        ] {
            assert_eq!(of_ip(ip.parse().unwrap(), 443), format!("[{ip}]"), "{ip}");
        }
    }

    fn of_ip(ip: IpAddr, port: u16) -> std::string::String {
        filled(Some(&ServerName::Ip(ip)), port).as_str().into()
    }

    proptest! {
        #[test]
        fn addresses_look_as_the_library_writes_them(bits: u128, zeros: u128, four: u32, port: u16) {
            let port = port.max(444);
            let four = Ipv4Addr::from_bits(four);
            prop_assert_eq!(of_ip(four.into(), port), format!("{four}:{port}"));
            let six = Ipv6Addr::from_bits(bits & zeros);
            prop_assert_eq!(of_ip(six.into(), port), format!("[{six}]:{port}"));
            // Whole segments of zeros.
            let segments: [u16; 8] = core::array::from_fn(|index| (bits >> index) as u16 & (zeros >> (8 * index) & 1) as u16);
            let six = Ipv6Addr::from(segments);
            prop_assert_eq!(of_ip(six.into(), port), format!("[{six}]:{port}"));
        }
    }
}

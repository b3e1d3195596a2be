//! The static table (RFC 9204 §3.1 and Appendix A).
//!
//! Invariant: 99 entries, in the RFC's order, numbered from 0.

/// The entry with this index, as name and value.
pub fn entry(index: usize) -> Option<(&'static [u8], &'static [u8])> {
    let &[name, value] = ENTRIES.get(index)?;
    Some((string(name), string(value)))
}

/// What the table knows of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// Name and value are the entry's.
    Whole(u8),
    /// The name is the entry's.
    Name(u8),
    /// No entry has the name.
    None,
}

/// The best entry for a field.
pub fn find(name: &[u8], value: &[u8]) -> Match {
    let mut best = Match::None;
    // Entries of one name follow one another, mostly: it is compared once for all of them.
    let mut compared = u16::MAX;
    let mut is_named = false;
    let mut index = FIRST.get(bucket(name)).copied().unwrap_or(END);
    while let Some(entry) = ENTRIES.get(usize::from(index)) {
        if entry[0] != compared {
            compared = entry[0];
            is_named = string(compared) == name;
        }
        if is_named && string(entry[1]) == value {
            return Match::Whole(index);
        }
        if is_named && best == Match::None {
            best = Match::Name(index);
        }
        index = NEXT.get(usize::from(index)).copied().unwrap_or(END);
    }
    best
}

/// Entries whose names have this in common are one chain: two names and a half in the mean, where the table has 52.
const fn bucket(name: &[u8]) -> usize {
    match name {
        // Wider; `From` is not const.
        [first, .., last] => (name.len() + *first as usize + *last as usize) % BUCKETS,
        _ => 0,
    }
}

/// The string at this place of [`TEXT`].
fn string(at: u16) -> &'static [u8] {
    match TEXT.get(usize::from(at)..) {
        Some([length, rest @ ..]) => rest.get(..usize::from(*length)).unwrap_or_default(),
        _ => &[],
    }
}

/// Every string of the table once, each behind its length.
static TEXT: [u8; PACKED.used] = {
    let mut text = [0; PACKED.used];
    copy(&mut text, 0, PACKED.text.split_at(PACKED.used).0);
    text
};

/// Where in [`TEXT`] name and value of each entry are.
static ENTRIES: [[u16; 2]; 99] = PACKED.entries;

const BUCKETS: usize = 32;

/// No entry.
const END: u8 = u8::MAX;

/// The first entry of each bucket's chain.
static FIRST: [u8; BUCKETS] = CHAINS.0;

/// The entry that follows each in its chain. The numbers rise.
static NEXT: [u8; 99] = CHAINS.1;

const CHAINS: ([u8; BUCKETS], [u8; 99]) = {
    let (mut first, mut next) = ([END; BUCKETS], [END; 99]);
    let mut index = TABLE.len();
    while index > 0 {
        index -= 1;
        let chain = &mut first[bucket(TABLE[index].0.as_bytes())];
        next[index] = *chain;
        *chain = index as u8; // below 99
    }
    (first, next)
};

/// The table packed: a third of what pairs of slices and their strings take.
struct Packed {
    text: [u8; 4096],
    used: usize,
    entries: [[u16; 2]; 99],
}

const PACKED: Packed = {
    let mut packed = Packed {
        text: [0; 4096],
        used: 0,
        entries: [[0; 2]; 99],
    };
    let mut index = 0;
    while index < TABLE.len() {
        let (name, value) = TABLE[index];
        let name = packed.place(name.as_bytes());
        let value = packed.place(value.as_bytes());
        packed.entries[index] = [name, value];
        index += 1;
    }
    packed
};

impl Packed {
    /// The place of `string`, at the end if it is not there yet.
    // Evaluated when compiled: lengths are below 256 and places below 2^16, or the table would not fit its type.
    const fn place(&mut self, string: &[u8]) -> u16 {
        let mut at = 0;
        while at < self.used && !self.has(string, at) {
            at += 1 + self.text[at] as usize;
        }
        if at == self.used {
            self.text[at] = string.len() as u8;
            copy(&mut self.text, at + 1, string);
            self.used += 1 + string.len();
        }
        at as u16
    }

    const fn has(&self, string: &[u8], at: usize) -> bool {
        let mut equal = 0;
        while equal < string.len() && self.text[at + 1 + equal] == string[equal] {
            equal += 1;
        }
        self.text[at] as usize == string.len() && equal == string.len()
    }
}

const fn copy(to: &mut [u8], at: usize, from: &[u8]) {
    let mut index = 0;
    while index < from.len() {
        to[at + index] = from[index];
        index += 1;
    }
}

const TABLE: [(&str, &str); 99] = [
    (":authority", ""),
    (":path", "/"),
    ("age", "0"),
    ("content-disposition", ""),
    ("content-length", "0"),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("referer", ""),
    ("set-cookie", ""),
    (":method", "CONNECT"),
    (":method", "DELETE"),
    (":method", "GET"),
    (":method", "HEAD"),
    (":method", "OPTIONS"),
    (":method", "POST"),
    (":method", "PUT"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "103"),
    (":status", "200"),
    (":status", "304"),
    (":status", "404"),
    (":status", "503"),
    ("accept", "*/*"),
    ("accept", "application/dns-message"),
    ("accept-encoding", "gzip, deflate, br"),
    ("accept-ranges", "bytes"),
    ("access-control-allow-headers", "cache-control"),
    ("access-control-allow-headers", "content-type"),
    ("access-control-allow-origin", "*"),
    ("cache-control", "max-age=0"),
    ("cache-control", "max-age=2592000"),
    ("cache-control", "max-age=604800"),
    ("cache-control", "no-cache"),
    ("cache-control", "no-store"),
    ("cache-control", "public, max-age=31536000"),
    ("content-encoding", "br"),
    ("content-encoding", "gzip"),
    ("content-type", "application/dns-message"),
    ("content-type", "application/javascript"),
    ("content-type", "application/json"),
    ("content-type", "application/x-www-form-urlencoded"),
    ("content-type", "image/gif"),
    ("content-type", "image/jpeg"),
    ("content-type", "image/png"),
    ("content-type", "text/css"),
    ("content-type", "text/html; charset=utf-8"),
    ("content-type", "text/plain"),
    ("content-type", "text/plain;charset=utf-8"),
    ("range", "bytes=0-"),
    ("strict-transport-security", "max-age=31536000"),
    (
        "strict-transport-security",
        "max-age=31536000; includesubdomains",
    ),
    (
        "strict-transport-security",
        "max-age=31536000; includesubdomains; preload",
    ),
    ("vary", "accept-encoding"),
    ("vary", "origin"),
    ("x-content-type-options", "nosniff"),
    ("x-xss-protection", "1; mode=block"),
    (":status", "100"),
    (":status", "204"),
    (":status", "206"),
    (":status", "302"),
    (":status", "400"),
    (":status", "403"),
    (":status", "421"),
    (":status", "425"),
    (":status", "500"),
    ("accept-language", ""),
    ("access-control-allow-credentials", "FALSE"),
    ("access-control-allow-credentials", "TRUE"),
    ("access-control-allow-headers", "*"),
    ("access-control-allow-methods", "get"),
    ("access-control-allow-methods", "get, post, options"),
    ("access-control-allow-methods", "options"),
    ("access-control-expose-headers", "content-length"),
    ("access-control-request-headers", "content-type"),
    ("access-control-request-method", "get"),
    ("access-control-request-method", "post"),
    ("alt-svc", "clear"),
    ("authorization", ""),
    (
        "content-security-policy",
        "script-src 'none'; object-src 'none'; base-uri 'none'",
    ),
    ("early-data", "1"),
    ("expect-ct", ""),
    ("forwarded", ""),
    ("if-range", ""),
    ("origin", ""),
    ("purpose", "prefetch"),
    ("server", ""),
    ("timing-allow-origin", "*"),
    ("upgrade-insecure-requests", "1"),
    ("user-agent", ""),
    ("x-forwarded-for", ""),
    ("x-frame-options", "deny"),
    ("x-frame-options", "sameorigin"),
];

#[cfg(test)]
mod tests {
    use super::*;

    //= rfc9204#A test
    #[test]
    fn every_entry_is_found_again() {
        for (index, (name, value)) in TABLE.into_iter().enumerate() {
            let (name, value) = (name.as_bytes(), value.as_bytes());
            assert_eq!(entry(index), Some((name, value)));
            assert_eq!(find(name, value), Match::Whole(index as u8));
        }
        assert_eq!(entry(99), None);
        assert_eq!(entry(usize::MAX), None);
        assert_eq!(
            entry(98),
            Some((&b"x-frame-options"[..], &b"sameorigin"[..]))
        );
    }

    #[test]
    fn the_first_entry_of_a_name_is_its_reference() {
        assert_eq!(find(b":path", b"/index.html"), Match::Name(1));
        assert_eq!(find(b":method", b"PATCH"), Match::Name(15));
        assert_eq!(find(b"x-custom", b""), Match::None);
        assert_eq!(find(b"Age", b"0"), Match::None);
    }
}

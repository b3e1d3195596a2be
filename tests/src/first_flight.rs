//! What a client sends before it has heard anything, from a capture of its network.
//!
//! The keys are rustls's, so nothing here is shared with the client that was captured.

use crate::server::initial_suite;
use rustls::quic::{Keys, Version};
use sha2::{Digest, Sha256};
use std::fmt::{self, Write};

/// Bytes in front of the captures, and in front of each of them.
const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;

/// The first bytes of a file whose numbers are little-endian and whose times are in microseconds.
const MAGIC: [u8; 4] = 0xa1b2_c3d4_u32.to_le_bytes();

const CRYPTO: u64 = 6;
const CLIENT_HELLO: u64 = 1;
const KEY_SHARE: u64 = 51;

/// Where an Initial packet's sample starts behind its number's first byte (RFC 9001 §5.4.2).
const SAMPLE_AT: usize = 4;
const SAMPLE: usize = 16;

/// Groups, each with a key.
type Shares = Vec<(u64, Vec<u8>)>;

/// A client's datagrams, and what its first Initial packet holds.
pub struct FirstFlight {
    datagrams: Vec<Vec<u8>>,
    destination: Vec<u8>,
    source: Vec<u8>,
    random: Vec<u8>,
    shares: Shares,
}

impl FirstFlight {
    /// The first `count` UDP datagrams that `address` sent, from a file as libpcap writes it; `None` where there
    /// are fewer, or where the first is not an Initial packet with a ClientHello.
    pub fn read(pcap: &[u8], address: [u8; 4], count: usize) -> Option<Self> {
        let datagrams: Vec<_> = datagrams(pcap, address)?.into_iter().take(count).collect();
        let first = datagrams.first().filter(|_| datagrams.len() == count)?;
        let mut reader = Reader(first);
        reader.skip(5)?;
        let destination = reader.prefixed(1)?.to_vec();
        let source = reader.prefixed(1)?.to_vec();
        let hello = client_hello(first, &destination)?;
        let (random, shares) = random_and_shares(&hello)?;
        Some(Self {
            datagrams,
            destination,
            source,
            random,
            shares,
        })
    }
}

/// A line for everything, so that two flights can be compared by line.
impl fmt::Display for FirstFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "destination {}", hex(&self.destination))?;
        writeln!(f, "source {}", hex(&self.source))?;
        writeln!(f, "random {}", hex(&self.random))?;
        for (group, key) in &self.shares {
            writeln!(f, "share {group:04x} {}", hex(key))?;
        }
        for datagram in &self.datagrams {
            let (length, digest) = (datagram.len(), Sha256::digest(datagram));
            writeln!(f, "datagram {length} {}", hex(&digest))?;
        }
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Bytes that become fewer as they are read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn skip(&mut self, count: usize) -> Option<&'a [u8]> {
        let (front, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(front)
    }

    /// A number of `count` bytes.
    fn number(&mut self, count: usize) -> Option<u64> {
        let bytes = self.skip(count)?;
        Some(
            bytes
                .iter()
                .fold(0, |number, &byte| number << 8 | u64::from(byte)),
        )
    }

    /// Bytes behind their number, which has `count` bytes.
    fn prefixed(&mut self, count: usize) -> Option<&'a [u8]> {
        let length = self.number(count)?;
        self.skip(length as usize)
    }

    /// A number of QUIC's: its first two bits say how long it is.
    fn varint(&mut self) -> Option<u64> {
        let length = 1 << (self.0.first()? >> 6);
        let number = self.number(length)?;
        Some(number & (u64::MAX >> (66 - 8 * length)))
    }
}

/// The payloads of the UDP datagrams over IPv4 and Ethernet that `address` sent.
fn datagrams(pcap: &[u8], address: [u8; 4]) -> Option<Vec<Vec<u8>>> {
    let mut reader = Reader(pcap);
    if !reader.skip(FILE_HEADER)?.starts_with(&MAGIC) {
        return None;
    }
    let mut found = Vec::new();
    while let Some(header) = reader.skip(RECORD_HEADER) {
        let length = u32::from_le_bytes(header[8..12].try_into().ok()?);
        found.extend(datagram(reader.skip(length as usize)?, address).map(<[u8]>::to_vec));
    }
    Some(found)
}

fn datagram(frame: &[u8], address: [u8; 4]) -> Option<&[u8]> {
    let mut reader = Reader(frame);
    reader.skip(12)?;
    let is_ipv4 = reader.number(2)? == 0x0800;
    let header = *reader.0.first()?;
    let header = reader.skip(usize::from(header & 0xf) * 4)?;
    let is_udp = header.get(9) == Some(&17);
    if !is_ipv4 || !is_udp || header.get(12..16) != Some(&address[..]) {
        return None;
    }
    reader.skip(4)?;
    let length = reader.number(2)? as usize;
    reader.skip(2)?;
    reader.skip(length.checked_sub(8)?)
}

/// What the CRYPTO frames of an Initial packet for `destination` hold together.
fn client_hello(packet: &[u8], destination: &[u8]) -> Option<Vec<u8>> {
    let payload = open(packet, destination)?;
    let mut reader = Reader(&payload);
    let mut hello = Vec::new();
    while !reader.0.is_empty() {
        // Besides CRYPTO there are PADDING and PING, which have no fields.
        if reader.varint()? == CRYPTO {
            let offset = reader.varint()? as usize;
            let length = reader.varint()? as usize;
            let bytes = reader.skip(length)?;
            hello.resize(hello.len().max(offset + length), 0);
            hello[offset..offset + length].copy_from_slice(bytes);
        }
    }
    Some(hello)
}

/// The payload of an Initial packet.
fn open(packet: &[u8], destination: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader(packet);
    reader.skip(5)?;
    reader.prefixed(1)?;
    reader.prefixed(1)?;
    let token = reader.varint()?;
    reader.skip(token as usize)?;
    let length = reader.varint()? as usize;
    let at = packet.len() - reader.0.len();

    let keys: Keys = initial_suite().keys(destination, rustls::Side::Server, Version::V1);
    let mut packet = packet.get(..at + length)?.to_vec();
    let sample: [u8; SAMPLE] = packet.get(at + SAMPLE_AT..)?.first_chunk().copied()?;
    let (front, rest) = packet.split_at_mut(at);
    let mut number = rest.first_chunk::<4>().copied()?;
    let header = &keys.remote.header;
    header
        .decrypt_in_place(&sample, &mut front[0], &mut number)
        .ok()?;
    let count = usize::from(front[0] & 3) + 1;
    rest[..count].copy_from_slice(&number[..count]);
    let (header, payload) = packet.split_at_mut(at + count);
    let number = Reader(&number).number(count)?;
    let payload = keys.remote.packet.decrypt_in_place(number, header, payload);
    payload.ok().map(<[u8]>::to_vec)
}

/// A ClientHello's random, and its key shares.
fn random_and_shares(hello: &[u8]) -> Option<(Vec<u8>, Shares)> {
    let mut reader = Reader(hello);
    let is_hello = reader.number(1)? == CLIENT_HELLO;
    let mut reader = Reader(reader.prefixed(3).filter(|_| is_hello)?);
    reader.skip(2)?;
    let random = reader.skip(32)?.to_vec();
    // The session, the cipher suites and the compression methods.
    reader.prefixed(1)?;
    reader.prefixed(2)?;
    reader.prefixed(1)?;
    let mut extensions = Reader(reader.prefixed(2)?);
    let mut shares = Vec::new();
    while !extensions.0.is_empty() {
        let kind = extensions.number(2)?;
        let content = extensions.prefixed(2)?;
        if kind == KEY_SHARE {
            let mut list = Reader(Reader(content).prefixed(2)?);
            while !list.0.is_empty() {
                shares.push((list.number(2)?, list.prefixed(2)?.to_vec()));
            }
        }
    }
    Some((random, shares))
}

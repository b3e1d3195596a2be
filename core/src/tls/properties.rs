//! What holds for handshake messages and certificates, whatever their bytes are.
//!
//! Invariant: nothing is read beyond the bytes that are there, and an end is an end.

use alloc::vec;
use alloc::vec::Vec;

use super::certificate::store::{CertificateReader, Kept, Selection};
use super::certificate::{path, public_key::PublicKey};
use super::message::{
    CertificateRequest, CertificateVerify, EncryptedExtensions, ServerHello, StatusRequest,
};
use super::{ClientConfig, Error, Handshake, Incoming, Output, ServerName, Ticket, WriteMessage};
use crate::codec::{Full, Reader, Writer};
use crate::crypto::{Random, Secret, Suite};
use crate::wire::TransportError;
use crate::wire::packet::Space;

/// The body of one message of any type: all of it is used, so a byte more or less is another message or none.
pub fn messages(bytes: &[u8]) {
    let Some((&kind, body)) = bytes.split_first() else {
        return;
    };
    if !decodes(kind, body) {
        return;
    }
    if let Some((_, shorter)) = body.split_last() {
        assert!(!decodes(kind, shorter), "a byte at the end was not read");
    }
    assert!(!decodes(kind, &[body, &[0]].concat()));
}

fn decodes(kind: u8, body: &[u8]) -> bool {
    match kind % 5 {
        0 => ServerHello::decode(body).is_ok(),
        1 => {
            let name = ServerName::new("h3.test").expect("a name");
            EncryptedExtensions::decode(body, &[b"h3", b"h4"], &name).is_ok()
        }
        2 => CertificateRequest::decode(body).is_ok_and(|request| {
            assert!(request.schemes().count() * 2 <= body.len());
            true
        }),
        3 => CertificateVerify::decode(body).is_ok(),
        _ => Ticket::decode(body).is_ok_and(|ticket| {
            assert!(!ticket.ticket.is_empty() && ticket.ticket.len() < body.len());
            true
        }),
    }
}

/// Looks at candidates as the real one does, and keeps every second.
struct Chooses;

impl Selection for Chooses {
    fn wants(&self, last: &[u8], candidate: &[u8]) -> bool {
        let _ = path::is_wanted(&[], last, candidate);
        candidate.len().is_multiple_of(2)
    }
}

/// The certificates and the OCSP response that were kept.
type Chain = (Vec<Vec<u8>>, Vec<u8>);

/// The body of a Certificate message: pieces change nothing of what is kept, and that lies in the memory given.
pub fn certificates(bytes: &[u8]) {
    let mut script = Reader::new(bytes);
    let piece = 1 + usize::from(script.u8().unwrap_or(0));
    let room = 8 * usize::from(script.u8().unwrap_or(0));
    let status = [StatusRequest::Asked, StatusRequest::NotAsked];
    let status = status[usize::from(script.u8().unwrap_or(0) % 2)];
    let body = script.rest();
    let whole = read(body, body.len().max(1), room, status);
    assert_eq!(read(body, piece, room, status), whole);
    for certificate in whole.iter().flat_map(|(chain, _)| chain) {
        assert!(certificate.len() <= room);
        if let Some(key) = PublicKey::of(certificate) {
            let at = certificate
                .windows(key.info.len())
                .position(|w| w == key.info);
            assert!(at.is_some(), "a key that is not in the certificate");
        }
        let _ = path::is_certificate(certificate);
    }
}

fn read(body: &[u8], piece: usize, room: usize, status: StatusRequest) -> Result<Chain, Error> {
    let mut reader = CertificateReader::new(body.len() as u32, status);
    let (mut store, mut kept) = (vec![0; room], Kept::EMPTY);
    let (mut from, mut to) = (0, 0);
    loop {
        to = body.len().min(to + piece);
        let progress = reader.read(&body[from..to], &mut store, &mut kept, &Chooses)?;
        from += progress.used;
        assert!(from <= to, "more was used than there is");
        if progress.done {
            assert_eq!(from, body.len());
            let chain = kept.certificates(&store).map(<[u8]>::to_vec).collect();
            return Ok((chain, kept.ocsp(&store).to_vec()));
        }
        assert!(
            to < body.len() || from < to,
            "stuck at the end of the message"
        );
        if to == body.len() {
            // What is left is a number in pieces, which the end of the message makes an error.
            assert!(to - from < 8);
        }
    }
}

/// Takes everything and gives nothing.
#[derive(Default)]
struct Sink {
    hello: Vec<u8>,
    level: Option<Space>,
}

impl Output for Sink {
    fn message(&mut self, _: Space, write: &mut WriteMessage<'_>) -> Result<(), Full> {
        let mut buffer = vec![0; 2048];
        let mut out = Writer::new(&mut buffer);
        write(&self.hello, &mut out)?;
        Ok(())
    }

    fn client_hello(&self) -> &[u8] {
        &self.hello
    }

    fn keys(&mut self, level: Space, _: Suite, _: &Secret, _: &Secret) {
        self.level = Some(level);
    }

    fn parameters(&mut self, _: &[u8]) -> Result<(), TransportError> {
        Ok(())
    }
}

/// A whole handshake's CRYPTO bytes, in pieces: it goes on, waits or ends, and after its end it says the same for ever.
pub fn handshake(bytes: &[u8]) {
    const WINDOW: usize = 1024;
    let mut script = Reader::new(bytes);
    let piece = 1 + usize::from(script.u8().unwrap_or(0));
    let config = ClientConfig::danger_accept_any_server().server_name("h3.test");
    let mut random = Random::new([7; 32]);
    let mut buffer = vec![0; 1024];
    let mut out = Writer::new(&mut buffer);
    let mut handshake = Handshake::idle();
    handshake
        .start(&config, &mut random, &[1, 2, 3], &mut out)
        .expect("a good configuration");
    let mut sink = Sink {
        hello: out.written().to_vec(),
        level: None,
    };
    let mut store = vec![0; 2048];
    let (mut window, mut level) = (Vec::new(), Space::Initial);
    loop {
        let length = piece.min(script.remaining()).min(WINDOW - window.len());
        window.extend_from_slice(script.take(length).unwrap_or(&[]));
        loop {
            let incoming = Incoming {
                level,
                bytes: &window,
                window: WINDOW,
            };
            let used = match handshake.read(&incoming, &mut store, &mut random, &mut sink) {
                Ok(0) => break,
                Ok(used) => used,
                Err(error) => {
                    let again = handshake.read(&incoming, &mut store, &mut random, &mut sink);
                    assert_eq!(again, Err(error), "an end that was none");
                    return;
                }
            };
            assert!(used <= window.len());
            window.drain(..used);
            level = sink.level.unwrap_or(level);
        }
        if length == 0 {
            assert!(window.len() < WINDOW || script.remaining() == 0 || handshake.is_verifying());
            return;
        }
    }
}

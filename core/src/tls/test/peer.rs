//! A TLS 1.3 server for tests: it does what it is told, legal or not. Only for tests.
//!
//! Invariant: unless told otherwise, its messages are those of a correct server.

use p256::ecdsa::signature::Signer as _;
use std::vec::Vec;

use super::super::key_schedule::{ApplicationSecrets, HandshakeSecrets};
use super::super::message::signed_content;
use super::super::transcript::Transcript;
use super::*;
use crate::codec::Reader;
use crate::crypto::KeyShare;
use crate::wire::Side;

/// A server behind its ServerHello.
pub struct Server {
    pub transcript: Transcript,
    pub secrets: HandshakeSecrets,
    pub application: Option<ApplicationSecrets>,
}

/// What a server says at the Handshake level.
#[derive(Clone)]
pub struct Flight {
    pub extensions: Vec<u8>,
    pub request: Option<Vec<u8>>,
    /// Certificates with their extensions.
    pub chain: Vec<(Vec<u8>, Vec<u8>)>,
    pub scheme: u16,
    /// Who signs, by the label of the signature.
    pub signer: Side,
    /// Changes the digest that Finished is computed from.
    pub spoil_finished: bool,
}

impl Flight {
    pub fn correct() -> Self {
        let chain = [certificates::LEAF, certificates::MIDDLE];
        Self {
            extensions: [
                &[0, 16, 0, 5, 0, 3, 2, b'h', b'3', 0, 57, 0, 3][..],
                PARAMETERS,
            ]
            .concat(),
            request: None,
            chain: chain.map(|der| (hex(der), Vec::new())).to_vec(),
            scheme: 0x0403,
            signer: Side::Server,
            spoil_finished: false,
        }
    }
}

pub fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut message = (body.len() as u32).to_be_bytes().to_vec();
    message[0] = kind;
    message.extend_from_slice(body);
    message
}

pub fn with_length(size: usize, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u64).to_be_bytes();
    [&length[8 - size..], body].concat()
}

/// The body of a ServerHello or HelloRetryRequest with an empty session ID.
pub fn hello_body(random: [u8; 32], suite: u16, extensions: &[u8]) -> Vec<u8> {
    let mut body = std::vec![3, 3];
    body.extend(random);
    body.push(0);
    body.extend(suite.to_be_bytes());
    body.push(0);
    body.extend(with_length(2, extensions));
    body
}

pub const VERSION: [u8; 6] = [0, 43, 0, 2, 3, 4];

/// A HelloRetryRequest.
pub fn retry(suite: u16, group: Option<u16>, cookie: Option<&[u8]>) -> Vec<u8> {
    let random = hex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c");
    let mut extensions = VERSION.to_vec();
    if let Some(group) = group {
        extensions.extend([0, 51, 0, 2]);
        extensions.extend(group.to_be_bytes());
    }
    if let Some(cookie) = cookie {
        extensions.extend([0, 44]);
        extensions.extend(with_length(2, &with_length(2, cookie)));
    }
    message(
        2,
        &hello_body(random.try_into().unwrap(), suite, &extensions),
    )
}

/// The extensions of a ClientHello.
pub fn extensions(client_hello: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let mut reader = Reader::new(&client_hello[4 + 2 + 32..]);
    reader.vector_u8().unwrap();
    reader.vector_u16().unwrap();
    reader.vector_u8().unwrap();
    let mut block = reader.vector_u16().unwrap();
    assert!(reader.is_empty());
    let mut extensions = Vec::new();
    while !block.is_empty() {
        let kind = block.u16().unwrap();
        extensions.push((kind, block.vector_u16().unwrap().rest().to_vec()));
    }
    extensions
}

/// The client's public keys, by group.
pub fn shares(client_hello: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let extensions = extensions(client_hello);
    let data = &extensions.iter().find(|(kind, _)| *kind == 51).unwrap().1;
    let mut list = Reader::new(data).vector_u16().unwrap();
    let mut shares = Vec::new();
    while !list.is_empty() {
        let group = list.u16().unwrap();
        shares.push((group, list.vector_u16().unwrap().rest().to_vec()));
    }
    shares
}

impl Server {
    /// Answers `client_hello` with a ServerHello.
    pub fn hello(client_hello: &[u8], suite: Suite, group: Group) -> (Self, Vec<u8>) {
        let transcript = Transcript::new(suite.hash(), client_hello);
        Self::hello_after(transcript, client_hello, suite, group)
    }

    /// The same where `transcript` goes up to `client_hello`.
    pub fn hello_after(
        mut transcript: Transcript,
        client_hello: &[u8],
        suite: Suite,
        group: Group,
    ) -> (Self, Vec<u8>) {
        let share = KeyShare::generate(group, &mut Random::new([2; 32]), None).unwrap();
        let mut public = [0; 65];
        let length = share.public(&mut public);
        let mut extensions = VERSION.to_vec();
        let entry = [
            &group.code().to_be_bytes()[..],
            &with_length(2, &public[..length]),
        ]
        .concat();
        extensions.extend([0, 51]);
        extensions.extend(with_length(2, &entry));
        let hello = message(2, &hello_body([5; 32], suite.code(), &extensions));
        transcript.add(&hello);
        let theirs = shares(client_hello);
        let theirs = &theirs
            .iter()
            .find(|(code, _)| *code == group.code())
            .unwrap()
            .1;
        let shared = share.agree(theirs).unwrap();
        let secrets = HandshakeSecrets::new(suite.hash(), shared.as_slice(), &transcript.digest());
        let server = Self {
            transcript,
            secrets,
            application: None,
        };
        (server, hello)
    }

    /// EncryptedExtensions to Finished.
    pub fn flight(&mut self, flight: &Flight) -> Vec<u8> {
        let mut all = Vec::new();
        let mut say = |transcript: &mut Transcript, message: Vec<u8>| {
            transcript.add(&message);
            all.extend(message);
        };
        let transcript = &mut self.transcript;
        say(transcript, message(8, &with_length(2, &flight.extensions)));
        if let Some(request) = &flight.request {
            say(transcript, message(13, request));
        }
        let entry = |(der, extensions): &(Vec<u8>, Vec<u8>)| {
            [with_length(3, der), with_length(2, extensions)].concat()
        };
        let entries: Vec<u8> = flight.chain.iter().flat_map(entry).collect();
        let body = [std::vec![0], with_length(3, &entries)].concat();
        say(transcript, message(11, &body));
        let mut content = [0; 200];
        let mut content = Writer::new(&mut content);
        signed_content(flight.signer, &transcript.digest(), &mut content).unwrap();
        let signature = sign(content.written());
        let body = [
            &flight.scheme.to_be_bytes()[..],
            &with_length(2, &signature),
        ]
        .concat();
        say(transcript, message(15, &body));
        let mut digest = transcript.digest();
        if flight.spoil_finished {
            digest = crate::crypto::Hash::Sha256.digest(b"something else");
        }
        let finished = self.secrets.server_finished(&digest);
        say(transcript, message(20, finished.as_slice()));
        self.application = Some(self.secrets.application(&transcript.digest()));
        all
    }

    /// Checks that `sent` ends the client's flight with the right Finished; what is in front of it is returned.
    pub fn check_finished<'s>(&mut self, sent: &'s [u8], length: usize) -> &'s [u8] {
        let (front, finished) = sent.split_at(sent.len() - 4 - length);
        self.transcript.add(front);
        let expected = self.secrets.client_finished(&self.transcript.digest());
        assert_eq!(finished, message(20, expected.as_slice()));
        front
    }
}

/// ECDSA by the key of the leaf.
pub fn sign(content: &[u8]) -> Vec<u8> {
    let key = p256::ecdsa::SigningKey::from_slice(&hex(certificates::LEAF_KEY)).unwrap();
    let signature: p256::ecdsa::Signature = key.sign(content);
    signature.to_der().as_bytes().to_vec()
}

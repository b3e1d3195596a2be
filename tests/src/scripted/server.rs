//! The server's state, and what arrives.
//!
//! Invariant: keys are never discarded, so that a script can send in any space at any time.

use super::assembler::Assembler;
use super::audit::Audit;
use super::keys::Level;
use super::options::Options;
use quicpro_core::wire::frame::{Close, Frame, Frames};
use quicpro_core::wire::packet::{ConnectionId, Header, Kind, Space, Version};
use quicpro_core::wire::{Side, TransportParameters};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// A packet of the client, opened.
#[derive(Clone, Debug)]
pub struct Received {
    /// Where its number belongs.
    pub space: Space,
    /// Its number.
    pub number: u64,
    /// The first byte without protection.
    pub first: u8,
    /// Which of the 1-RTT keys it was sealed with.
    pub generation: usize,
    /// The version of its long header; version 1 of a short one.
    pub version: Version,
    /// Where it was sent to.
    pub destination: ConnectionId,
    /// The token of an Initial packet.
    pub token: Vec<u8>,
    /// Its frames.
    pub payload: Vec<u8>,
}

impl Received {
    /// Its frames; the audit has seen to it that they are legal.
    pub fn frames(&self) -> impl Iterator<Item = Frame<'_>> {
        Frames::new(&self.payload).flatten()
    }
}

/// A CONNECTION_CLOSE of the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// In which packets it came.
    pub space: Space,
    /// It is the application's.
    pub application: bool,
    /// Why.
    pub code: u64,
    /// The type of the frame that is to blame, 0 for none.
    pub frame: u64,
    /// For people.
    pub reason: String,
}

/// One packet number space.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    pub next: u64,
    pub received: BTreeSet<u64>,
    pub acknowledgement_due: bool,
    /// Handshake bytes to be sent, all of them, and how many were.
    pub crypto: Vec<u8>,
    pub crypto_sent: usize,
    pub crypto_received: Assembler,
}

/// A scripted server for one connection.
pub struct Server {
    pub(super) options: Options,
    pub(super) tls_config: Arc<rustls::ServerConfig>,
    pub(super) tls: Option<rustls::quic::ServerConnection>,
    pub(super) levels: [Option<Level>; 3],
    /// The Initial keys of the version that the client began in, if another was agreed on.
    pub(super) first_initial: Option<Level>,
    pub(super) original_version: Version,
    /// What is spoken.
    pub(super) version: Version,
    pub(super) spaces: [Numbers; 3],
    /// The level that TLS writes at.
    pub(super) writing: Space,
    pub(super) generation: usize,
    pub(super) own_cid: ConnectionId,
    /// Further connection IDs that the client may use.
    pub(super) issued: Vec<ConnectionId>,
    pub(super) client_cid: ConnectionId,
    /// Where the client's very first packet went.
    pub(super) original_cid: Option<ConnectionId>,
    pub(super) retry_cid: Option<ConnectionId>,
    pub(super) parameters: TransportParameters,
    pub(super) done_sent: bool,
    pub(super) alert: Option<rustls::Error>,
    pub(super) outbox: VecDeque<Vec<u8>>,
    pub(super) sent: Vec<Vec<u8>>,
    pub(super) audit: Audit,
    pub(super) streams_out: BTreeMap<u64, u64>,
    streams: BTreeMap<u64, Assembler>,
    log: Vec<Received>,
    undecryptable: usize,
}

impl Server {
    /// A server that waits for the first datagram of a client.
    pub fn new(options: Options) -> Self {
        let own_cid = ConnectionId::new(&options.connection_id).expect("at most 20 bytes");
        Self {
            tls_config: Arc::new(super::handshake::tls_config(&options)),
            tls: None,
            levels: [None, None, None],
            first_initial: None,
            original_version: Version::V1,
            version: Version::V1,
            spaces: Default::default(),
            writing: Space::Initial,
            generation: 0,
            own_cid,
            issued: Vec::new(),
            client_cid: ConnectionId::EMPTY,
            original_cid: None,
            retry_cid: None,
            parameters: options.parameters,
            done_sent: false,
            alert: None,
            outbox: VecDeque::new(),
            sent: Vec::new(),
            audit: Audit::default(),
            streams_out: BTreeMap::new(),
            streams: BTreeMap::new(),
            log: Vec::new(),
            undecryptable: 0,
            options,
        }
    }

    /// Takes in a datagram of the client, and answers as honestly as the options say.
    pub fn handle_datagram(&mut self, datagram: &[u8]) {
        let mut start = 0;
        let mut kinds = Vec::new();
        while start < datagram.len() {
            let length = self.destination_length(&datagram[start..]);
            let Ok(header) = Header::decode(datagram, start, length) else {
                break;
            };
            kinds.push(header.kind);
            start = header.end;
            self.handle_packet(&header, datagram);
        }
        self.audit.on_datagram(datagram.len(), &kinds);
        if self.options.sends_handshake {
            self.flush();
        }
    }

    /// Bytes of the connection ID in a short header: the client uses one of those that it was given.
    fn destination_length(&self, packet: &[u8]) -> usize {
        let behind = packet.get(1..).unwrap_or_default();
        let fits = |cid: &&ConnectionId| behind.starts_with(cid.as_slice());
        self.issued.iter().find(fits).unwrap_or(&self.own_cid).len()
    }

    fn handle_packet(&mut self, header: &Header, datagram: &[u8]) {
        let Some(space) = header.kind.space() else {
            return self.count_undecryptable();
        };
        if header.kind == Kind::Initial && !self.on_initial(header, datagram) {
            return;
        }
        let largest = self.spaces[space as usize].received.last().copied();
        let level = match (space, &mut self.first_initial) {
            (Space::Initial, Some(level)) if header.version == self.original_version => level,
            _ => match &mut self.levels[space as usize] {
                Some(level) => level,
                None => return self.count_undecryptable(),
            },
        };
        let number_at = header.number_offset - header.start;
        let packet = &datagram[header.start..header.end];
        let Some(opened) = level.open(packet, number_at, largest) else {
            return self.count_undecryptable();
        };
        let received = Received {
            space,
            number: opened.number,
            first: opened.first,
            generation: opened.generation,
            version: header.version,
            destination: header.destination,
            token: datagram[header.token.clone()].to_vec(),
            payload: opened.payload,
        };
        self.on_opened(received);
    }

    fn count_undecryptable(&mut self) {
        self.undecryptable += 1;
    }

    fn on_opened(&mut self, received: Received) {
        self.audit.on_packet(&received, self.version);
        self.generation = self.generation.max(received.generation);
        let space = received.space;
        let numbers = &mut self.spaces[space as usize];
        numbers.received.insert(received.number);
        for frame in received.frames() {
            numbers.acknowledgement_due |= frame.is_ack_eliciting() && self.options.acknowledges;
            match frame {
                Frame::Crypto { offset, data } => {
                    numbers.crypto_received.insert(offset, data, false);
                }
                Frame::Stream {
                    id,
                    offset,
                    data,
                    fin,
                } => {
                    let stream = self.streams.entry(id.get()).or_default();
                    stream.insert(offset, data, fin);
                }
                _ => {}
            }
        }
        self.log.push(received);
        self.read_crypto(space);
    }

    /// Everything the client sent that could be opened, in the order of arrival.
    pub fn log(&self) -> &[Received] {
        &self.log
    }

    /// All frames of the client with the space they came in.
    pub fn frames(&self) -> impl Iterator<Item = (Space, Frame<'_>)> {
        self.log
            .iter()
            .flat_map(|received| received.frames().map(|frame| (received.space, frame)))
    }

    /// How many frames of the client satisfy `wanted`.
    pub fn count(&self, wanted: impl Fn(&Frame<'_>) -> bool) -> usize {
        self.frames().filter(|(_, frame)| wanted(frame)).count()
    }

    /// The client's first CONNECTION_CLOSE, in the highest space in which it sent one.
    pub fn closed(&self) -> Option<Closed> {
        let closes = self.frames().filter_map(|(space, frame)| match frame {
            Frame::ConnectionClose(close) => Some(closed(space, &close)),
            _ => None,
        });
        closes.reduce(|first, next| {
            if next.space > first.space {
                next
            } else {
                first
            }
        })
    }

    /// What arrived of a stream.
    pub fn stream(&self, id: u64) -> Option<&Assembler> {
        self.streams.get(&id)
    }

    /// The client's transport parameters, once its first message is complete.
    pub fn client_parameters(&self) -> Option<TransportParameters> {
        let bytes = self.tls.as_ref()?.quic_transport_parameters()?;
        Some(TransportParameters::decode(bytes, Side::Client).expect("the client's are legal"))
    }

    /// TLS is complete on this side.
    pub fn is_complete(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| !tls.is_handshaking())
    }

    /// What TLS on this side objected to.
    pub fn alert(&self) -> Option<&rustls::Error> {
        self.alert.as_ref()
    }

    /// Packets that could not be opened.
    pub fn undecryptable(&self) -> usize {
        self.undecryptable
    }

    /// The rules that the client broke.
    pub fn problems(&self) -> &[String] {
        self.audit.problems()
    }

    /// Every datagram that was handed out.
    pub fn sent(&self) -> &[Vec<u8>] {
        &self.sent
    }

    /// Which generation of 1-RTT keys this side sends with.
    pub fn generation(&self) -> usize {
        self.generation
    }

    /// The connection ID that the client wants to be reached with.
    pub fn client_cid(&self) -> ConnectionId {
        self.client_cid
    }

    /// Where the client's very first packet went.
    pub fn original_cid(&self) -> Option<ConnectionId> {
        self.original_cid
    }

    /// Keys of this space exist.
    pub fn has_keys(&self, space: Space) -> bool {
        self.levels[space as usize].is_some()
    }

    /// Numbers of `space` that arrived.
    pub fn received(&self, space: Space) -> &BTreeSet<u64> {
        &self.spaces[space as usize].received
    }

    /// What may be changed while the connection runs.
    pub fn options_mut(&mut self) -> &mut Options {
        &mut self.options
    }

    /// Whom the client has to trust.
    pub fn root(&self) -> &rustls::pki_types::CertificateDer<'static> {
        &self.options.root
    }
}

fn closed(space: Space, close: &Close<'_>) -> Closed {
    let text = |reason: &[u8]| String::from_utf8_lossy(reason).into_owned();
    match *close {
        Close::Transport {
            code,
            frame,
            reason,
        } => Closed {
            space,
            application: false,
            code: code.get(),
            frame,
            reason: text(reason),
        },
        Close::Application { code, reason } => Closed {
            space,
            application: true,
            code,
            frame: 0,
            reason: text(reason),
        },
    }
}

//! The client's handshake: what there is of keys, what is waited for, and the machine that hands messages to the
//! first according to the second (RFC 8446 appendix A.1).
//!
//! Invariant: after an error and after the end no key is left; in between there are those that the state needs.

mod certificate;
mod finished;
mod hello;

use rustls_pki_types::SignatureVerificationAlgorithm;

use self::certificate::Requested;
use self::hello::Offer;
use super::certificate::store::{CertificateReader, Kept};
use super::config::{ClientConfig, ConfigError, Identity, KeyLog, Trust, Verdict, WallClock};
use super::error::{CertificateError, Error, PeerMisbehaved};
use super::key_schedule::HandshakeSecrets;
use super::message::{self, HEADER_LENGTH, Header, MessageType, StatusRequest, Ticket};
use super::server_name::ServerName;
use super::transcript::Transcript;
use super::{Incoming, Output};
use crate::codec::{Full, Writer};
use crate::crypto::signature;
use crate::crypto::{Group, Provider, Random, Secret, Suite};
use crate::mem::Shared;
use crate::wire::packet::Space;
use crate::wire::{Code, TransportError, rule};

/// A client's handshake, from the ClientHello that starts it to the tickets that follow it.
pub struct Handshake<'m> {
    setup: Setup<'m>,
    stage: Stage,
}

/// What stays the same over all states, and what they learned for the connection.
struct Setup<'m> {
    server_name: ServerName,
    trust: Trust<'m>,
    clock: WallClock,
    protocols: &'m [&'m [u8]],
    suites: &'m [Suite],
    groups: &'m [Group],
    identity: Option<Identity<'m>>,
    key_log: Option<Shared<'m, dyn KeyLog>>,
    provider: Option<Shared<'m, dyn Provider>>,
    random: [u8; 32],
    suite: Option<Suite>,
    protocol: Option<usize>,
    kept: Kept,
}

/// What a state needs from outside to answer a message.
struct Cx<'a, 'm> {
    setup: &'a mut Setup<'m>,
    random: &'a mut Random,
    store: &'a mut [u8],
    output: &'a mut dyn Output,
}

/// One whole message.
#[derive(Clone, Copy)]
struct Message<'a> {
    /// Header and body, for the transcript.
    whole: &'a [u8],
}

/// How far the handshake is.
struct Stage {
    keys: Keys,
    state: State,
}

/// The secrets of the handshake, worked on in place.
enum Keys {
    /// Until ServerHello.
    Offered(Offer),
    /// From ServerHello to the end.
    Agreed(Protected),
    /// Wiped, after the end or an error.
    Gone,
}

/// What is waited for.
enum State {
    ServerHello,
    EncryptedExtensions,
    /// CertificateRequest or Certificate.
    Certificate {
        requested: Requested,
    },
    /// The rest of Certificate.
    ReadingCertificate {
        requested: Requested,
        reader: CertificateReader,
    },
    /// A verifier from outside is asked; nothing is read until it has answered.
    Verifying {
        requested: Requested,
    },
    CertificateVerify {
        requested: Requested,
    },
    Finished {
        requested: Requested,
    },
    /// So many more bytes of a message behind the handshake are passed over.
    Complete {
        skip: u32,
    },
    Failed(Error),
}

/// What every state between ServerHello and the end carries along.
struct Protected {
    suite: Suite,
    transcript: Transcript,
    secrets: HandshakeSecrets,
}

impl<'m> Handshake<'m> {
    /// A handshake that was not started.
    pub const fn idle() -> Self {
        Self {
            setup: Setup {
                server_name: ServerName::EMPTY,
                trust: Trust::NOBODY,
                clock: WallClock::Absent,
                protocols: &[],
                suites: &[],
                groups: &[],
                identity: None,
                key_log: None,
                provider: None,
                random: [0; 32],
                suite: None,
                protocol: None,
                kept: Kept::EMPTY,
            },
            stage: Stage {
                keys: Keys::Gone,
                state: State::Failed(NOT_STARTED),
            },
        }
    }

    /// Starts it: writes the ClientHello to `out`, the front of the Initial level's CRYPTO stream.
    ///
    /// `parameters` are our transport parameters, encoded. Nothing is borrowed from `config` but what it lends for
    /// `'m`.
    pub fn start(
        &mut self,
        config: &ClientConfig<'m>,
        random: &mut Random,
        parameters: &[u8],
        out: &mut Writer<'_>,
    ) -> Result<(), ConfigError> {
        let setup = &mut self.setup;
        setup.server_name.clone_from(config.check()?);
        setup.trust = config.trust.clone();
        setup.clock = config.clock;
        setup.protocols = config.protocols;
        setup.suites = config.suites;
        setup.groups = config.groups;
        setup.identity.clone_from(&config.identity);
        setup.key_log.clone_from(&config.key_log);
        setup.provider.clone_from(&config.provider);
        random.fill(&mut setup.random);
        let offer = Offer::start(setup, config.shares, random, parameters, out)?;
        self.stage = Stage {
            keys: Keys::Offered(offer),
            state: State::ServerHello,
        };
        Ok(())
    }

    /// Reads CRYPTO bytes and returns how many of them were used. To be called with the rest, and whenever bytes are
    /// added, until it returns 0.
    ///
    /// `store` is where certificates are kept: the same memory with the same content in every call until the
    /// handshake is complete, apart from `incoming.bytes`. What does not fit it ends the handshake, or, further up
    /// the chain, makes it fail if it was needed.
    ///
    /// After an error the handshake is over, and every call returns it again.
    pub fn read(
        &mut self,
        incoming: &Incoming<'_>,
        store: &mut [u8],
        random: &mut Random,
        output: &mut dyn Output,
    ) -> Result<usize, Error> {
        let cx = &mut Cx {
            setup: &mut self.setup,
            random,
            store,
            output,
        };
        let result = self.stage.read(incoming, cx);
        if let Err(error) = result {
            self.stage.fail(error);
        }
        result
    }

    /// The answer of a verifier that had said [`Verdict::Pending`]. The bytes that wait are to be read afterwards.
    ///
    /// Ignored while no answer is waited for.
    pub fn resume_verification(
        &mut self,
        result: Result<(), CertificateError>,
    ) -> Result<(), Error> {
        let State::Verifying { requested } = self.stage.state else {
            return Ok(());
        };
        self.stage.state = State::CertificateVerify { requested };
        result.map_err(|error| {
            self.stage.fail(error.into());
            error.into()
        })
    }

    /// A verifier was asked and has not answered yet.
    pub fn is_verifying(&self) -> bool {
        matches!(self.stage.state, State::Verifying { .. })
    }

    /// The server is who it claims to be, and both sides have the same secrets.
    pub fn is_complete(&self) -> bool {
        matches!(self.stage.state, State::Complete { .. })
    }

    /// The cipher suite, from ServerHello on.
    pub fn suite(&self) -> Option<Suite> {
        self.setup.suite
    }

    /// The application protocol, from EncryptedExtensions on; authentic when the handshake is complete.
    pub fn protocol(&self) -> Option<&'m [u8]> {
        self.setup
            .protocol
            .and_then(|index| self.setup.protocols.get(index).copied())
    }

    /// The name the server was asked to prove.
    pub fn server_name(&self) -> &ServerName {
        &self.setup.server_name
    }

    /// The server's certificate and the issuers that were kept, as long as `store` is as `read` left it. Verified
    /// when the handshake is complete.
    pub fn certificates<'s>(&'s self, store: &'s [u8]) -> impl Iterator<Item = &'s [u8]> {
        self.setup.kept.certificates(store)
    }
}

const fn assert_send<T: Send>() {}
const _: () = assert_send::<Handshake<'static>>();
// With the server name inside, and the larger of two hashes in progress.
const _: () = assert!(size_of::<Handshake<'static>>() <= 1024);

impl Stage {
    fn read(&mut self, incoming: &Incoming<'_>, cx: &mut Cx<'_, '_>) -> Result<usize, Error> {
        let &Incoming {
            level,
            bytes,
            window,
        } = incoming;
        if let State::Failed(error) = self.state {
            return Err(error);
        }
        let Some(&first) = bytes.first() else {
            return Ok(0);
        };
        // Keys changed: what was sent before with the old ones would stand behind the new.
        //= rfc9001#4.1.3
        if level != self.level() {
            return Err(PeerMisbehaved::UnexpectedMessage(MessageType(first)).into());
        }
        match &mut self.state {
            State::Verifying { .. } => return Ok(0),
            State::ReadingCertificate { .. } => return self.read_certificate(bytes, cx),
            State::Complete { skip } if *skip > 0 => return Ok(pass_over(skip, bytes.len())),
            _ => {}
        }
        let Some(header) = Header::decode(bytes) else {
            self.check_due(MessageType(first))?;
            return Ok(0);
        };
        self.check_due(header.kind)?;
        match &mut self.state {
            State::Certificate { .. } if header.kind == MessageType::CERTIFICATE => {
                self.start_certificate(header, bytes, cx);
                return Ok(HEADER_LENGTH);
            }
            // A ticket is a gift: one that is too long is left.
            State::Complete { skip } if header.total().is_none_or(|total| total > window) => {
                *skip = header.length;
                return Ok(HEADER_LENGTH);
            }
            _ => {}
        }
        let total = header.total().filter(|&total| total <= window);
        let total = total.ok_or(Error::TooLarge {
            message: header.kind,
            length: header.length,
        })?;
        let Some((whole, rest)) = bytes.split_at_checked(total) else {
            return Ok(0);
        };
        let changes_keys = matches!(
            header.kind,
            MessageType::SERVER_HELLO | MessageType::FINISHED
        );
        //= rfc8446#5.1
        if changes_keys && !rest.is_empty() {
            return Err(PeerMisbehaved::BytesAfterKeyChange.into());
        }
        self.handle(Message { whole }, cx)?;
        Ok(total)
    }

    /// The level at which the next message comes.
    fn level(&self) -> Space {
        match self.state {
            State::ServerHello => Space::Initial,
            State::Complete { .. } => Space::Application,
            _ => Space::Handshake,
        }
    }

    /// Refuses a message as soon as its type is known.
    fn check_due(&self, kind: MessageType) -> Result<(), Error> {
        let due = match self.state {
            State::ServerHello => MessageType::SERVER_HELLO,
            State::EncryptedExtensions => MessageType::ENCRYPTED_EXTENSIONS,
            // A server asks once.
            State::Certificate {
                requested: Requested::No,
            } if kind == MessageType::CERTIFICATE_REQUEST => kind,
            State::Certificate { .. } => MessageType::CERTIFICATE,
            State::CertificateVerify { .. } => MessageType::CERTIFICATE_VERIFY,
            State::Finished { .. } => MessageType::FINISHED,
            State::Complete { .. } => return after_handshake(kind),
            State::ReadingCertificate { .. } | State::Verifying { .. } | State::Failed(_) => {
                return Err(PeerMisbehaved::UnexpectedMessage(kind).into());
            }
        };
        if kind == due {
            Ok(())
        } else {
            Err(PeerMisbehaved::UnexpectedMessage(kind).into())
        }
    }

    /// Acts on a message that is due. Without the keys that belong to the state nothing is.
    fn handle(&mut self, message: Message<'_>, cx: &mut Cx<'_, '_>) -> Result<(), Error> {
        match (&self.state, &mut self.keys) {
            (State::ServerHello, Keys::Offered(offer)) => {
                if let Some(protected) = offer.handle(message, cx)? {
                    self.keys = Keys::Agreed(protected);
                    self.state = State::EncryptedExtensions;
                }
            }
            (State::EncryptedExtensions, Keys::Agreed(protected)) => {
                protected.handle_extensions(message, cx)?;
                let requested = Requested::No;
                self.state = State::Certificate { requested };
            }
            (State::Certificate { .. }, Keys::Agreed(protected)) => {
                let requested = protected.handle_request(message, cx)?;
                self.state = State::Certificate { requested };
            }
            (&State::CertificateVerify { requested }, Keys::Agreed(protected)) => {
                protected.handle_certificate_verify(message, cx)?;
                self.state = State::Finished { requested };
            }
            (&State::Finished { requested }, Keys::Agreed(protected)) => {
                protected.handle_finished(requested, message, cx)?;
                self.keys = Keys::Gone;
                self.state = State::Complete { skip: 0 };
            }
            (State::Complete { .. }, _) => cx.output.ticket(&Ticket::decode(message.body())?),
            _ => return Err(PeerMisbehaved::UnexpectedMessage(message.kind()).into()),
        }
        Ok(())
    }

    /// Begins with a Certificate: its header is used.
    fn start_certificate(&mut self, header: Header, bytes: &[u8], cx: &Cx<'_, '_>) {
        if let (&State::Certificate { requested }, Keys::Agreed(protected)) =
            (&self.state, &mut self.keys)
        {
            protected
                .transcript
                .add(bytes.get(..HEADER_LENGTH).unwrap_or_default());
            let reader = CertificateReader::new(header.length, cx.setup.status_request());
            self.state = State::ReadingCertificate { requested, reader };
        }
    }

    fn read_certificate(&mut self, bytes: &[u8], cx: &mut Cx<'_, '_>) -> Result<usize, Error> {
        let (State::ReadingCertificate { requested, reader }, Keys::Agreed(protected)) =
            (&mut self.state, &mut self.keys)
        else {
            return Ok(0);
        };
        let requested = *requested;
        let progress = protected.read_certificate(reader, bytes, cx)?;
        if progress.done {
            self.state = match certificate::judge(cx)? {
                Verdict::Pending => State::Verifying { requested },
                _ => State::CertificateVerify { requested },
            };
        }
        Ok(progress.used)
    }

    /// The end, for a reason.
    fn fail(&mut self, error: Error) {
        self.keys = Keys::Gone;
        self.state = State::Failed(error);
    }
}

/// The error of a handshake that was not started.
const NOT_STARTED: Error = Error::Transport(TransportError::new(rule!(
    Code::INTERNAL_ERROR,
    "handshake not started"
)));

/// The messages of a server that may come when the handshake is complete.
fn after_handshake(kind: MessageType) -> Result<(), Error> {
    match kind {
        MessageType::NEW_SESSION_TICKET => Ok(()),
        //= rfc9001#4.4
        MessageType::CERTIFICATE_REQUEST => Err(Error::Transport(TransportError::new(rule!(
            Code::PROTOCOL_VIOLATION,
            "certificate request after the handshake"
        )))),
        //= rfc9001#6
        _ => Err(PeerMisbehaved::UnexpectedMessage(kind).into()),
    }
}

/// Takes bytes of a message that nobody wants.
fn pass_over(skip: &mut u32, available: usize) -> usize {
    let used = usize::try_from(*skip).unwrap_or(usize::MAX).min(available);
    *skip -= used as u32; // no more than it
    used
}

impl<'a> Message<'a> {
    fn kind(&self) -> MessageType {
        MessageType(self.whole.first().copied().unwrap_or_default())
    }

    fn body(&self) -> &'a [u8] {
        self.whole.get(HEADER_LENGTH..).unwrap_or_default()
    }
}

impl Setup<'_> {
    fn provider(&self) -> Option<&dyn Provider> {
        self.provider
            .as_deref()
            .map(|provider| provider as &dyn Provider)
    }

    /// The algorithms that signatures are verified with: the provider's where it has its own.
    fn algorithms(&self) -> &'static [&'static dyn SignatureVerificationAlgorithm] {
        signature::algorithms(self.provider())
    }

    /// A stapled response is of use to a verifier from outside only.
    fn status_request(&self) -> StatusRequest {
        match self.trust {
            Trust::Verifier(_) => StatusRequest::Asked,
            _ => StatusRequest::NotAsked,
        }
    }

    /// Who we are; nobody where that was not compiled in.
    fn identity(&self) -> Option<&Identity<'_>> {
        let identity = self.identity.as_ref();
        identity.filter(|_| cfg!(feature = "client-certificates"))
    }

    fn log(&self, label: &'static str, secret: &Secret) {
        if cfg!(feature = "key-log")
            && let Some(key_log) = &self.key_log
        {
            key_log.log(label, &self.random, secret.as_slice());
        }
    }
}

impl Protected {
    /// Sends a message at the Handshake level and adds it to the transcript.
    fn send(
        &mut self,
        output: &mut dyn Output,
        kind: MessageType,
        body: &mut dyn FnMut(&mut Writer<'_>) -> Result<(), Full>,
    ) -> Result<(), Error> {
        send(
            output,
            Space::Handshake,
            &mut self.transcript,
            &mut |_, out| message::encode(out, kind, |out| body(out)),
        )
    }
}

/// Sends what `write` writes and adds it to the transcript.
fn send(
    output: &mut dyn Output,
    level: Space,
    transcript: &mut Transcript,
    write: &mut super::WriteMessage<'_>,
) -> Result<(), Error> {
    output
        .message(level, &mut |before, out| {
            let start = out.len();
            write(before, out)?;
            transcript.add(out.written().get(start..).unwrap_or_default());
            Ok(())
        })
        .map_err(|Full| Error::SendBufferFull)
}

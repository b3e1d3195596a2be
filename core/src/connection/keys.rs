//! The packet protection keys of a connection and the rules for replacing them (RFC 9001 §4.9, §6).
//!
//! Invariant: a packet is opened once, with the one key that its level, phase and number select.
//! Slots are shared over time: Initial keys and the previous 1-RTT key are never needed together, nor
//! are Handshake keys and the next 1-RTT keys.

use core::ops::Range;

use super::version_choice::VersionChoice;
#[cfg(feature = "alloc")]
use crate::codec::copy;
use crate::crypto::{DirectionKeys, HeaderKey, Keys, PacketKey, Provider, Secret, Suite, initial};
use crate::wire::packet::{Space, Version};
use crate::wire::{Code, Side, TransportError, rule};

/// What stands in the slot of the Initial keys.
#[derive(Default)]
enum First {
    #[default]
    Empty,
    Initial(Keys),
    /// The key that opens packets below `end`, sent before the latest update.
    Previous {
        key: PacketKey,
        end: u64,
    },
}

/// What stands in the slot of the Handshake keys.
#[derive(Default)]
enum Second {
    #[default]
    Empty,
    Handshake(Keys),
    /// The Initial keys of a version that the server may change to.
    #[cfg(feature = "v2")]
    Initial(Keys),
    /// Derived ahead, so that the time an update takes tells nothing.
    Next {
        local: PacketKey,
        remote: PacketKey,
    },
}

/// Everything about 1-RTT protection in the current phase.
struct Application {
    #[cfg(feature = "v2")]
    version: Version,
    suite: Suite,
    keys: Keys,
    local_secret: Secret,
    remote_secret: Secret,
    phase: bool,
    /// Packets sealed with the current key.
    sealed: u64,
    /// Packets that failed to open, over all keys.
    failed: u64,
    /// The first number sent in this phase; an acknowledgement of it or above confirms the phase.
    first_sent: Option<u64>,
    /// The peer is known to have the current keys.
    confirmed: bool,
    /// The lowest number received in this phase.
    first_received: Option<u64>,
    /// The peer's update has not been answered by a packet of ours in the new phase.
    answer_owed: bool,
    /// The peer was asked for an acknowledgement under the current keys.
    confirmation_asked: bool,
    #[cfg(any(test, feature = "testing"))]
    limits: Option<KeyLimits>,
}

/// Packets that one key may seal, and that may fail to open on all, where a test has no time for the AEAD's limits.
#[cfg(any(test, feature = "testing"))]
#[derive(Clone, Copy, Debug)]
pub struct KeyLimits {
    /// Packets sealed with one key.
    pub confidentiality: u64,
    /// Packets that failed to open.
    pub integrity: u64,
}

/// A packet as it was before somebody else's cipher tried to open it, which may have spoiled it.
#[cfg(feature = "alloc")]
struct Ciphertext {
    bytes: [u8; CIPHERTEXT_MAX],
    length: usize,
}

#[cfg(feature = "alloc")]
impl Ciphertext {
    /// A copy of `packet`; of one that is longer than any path carries, none.
    fn of(packet: &[u8]) -> Self {
        let mut copied = Self {
            bytes: [0; CIPHERTEXT_MAX],
            length: 0,
        };
        if let Some(place) = copied.bytes.get_mut(..packet.len()) {
            copy(place, packet);
            copied.length = packet.len();
        }
        copied
    }

    fn restore(&self, packet: &mut [u8]) {
        if let Some(bytes) = self.bytes.get(..self.length)
            && bytes.len() == packet.len()
        {
            copy(packet, bytes);
        }
    }
}

/// Bytes of the longest packet that is copied.
#[cfg(feature = "alloc")]
const CIPHERTEXT_MAX: usize = 1_500;

/// Packets that are kept back for the end of a connection whose key is used up.
const CLOSING_PACKETS: u64 = 64;

/// Why a packet was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyError {
    /// Not authentic, or the key is gone: discard it.
    Undecryptable,
    /// The peer broke a rule of key updates, or a limit was reached.
    Fatal(TransportError),
}

/// Keys of all levels, as far as they exist.
#[derive(Default)]
pub(crate) struct Keyring {
    first: First,
    second: Second,
    application: Option<Application>,
}

impl Keyring {
    /// Initial keys for the server's first connection ID; replaces earlier ones (Retry). The keys of a version that
    /// the server may change to are kept beside them.
    pub(crate) fn install_initial(&mut self, choice: &VersionChoice, destination: &[u8]) {
        let keys = |version| initial::keys(version, destination, Side::Client);
        self.first = First::Initial(keys(choice.original()));
        #[cfg(feature = "v2")]
        if let Some(other) = choice.other() {
            self.second = Second::Initial(keys(other));
        }
    }

    /// The Initial keys of the other version take the place of those in use, which are kept in turn.
    #[cfg(feature = "v2")]
    pub(crate) fn exchange_initial(&mut self) {
        if let (First::Initial(first), Second::Initial(second)) =
            (&mut self.first, &mut self.second)
        {
            core::mem::swap(first, second);
        }
    }

    /// The version does not change any more.
    #[cfg(feature = "v2")]
    pub(crate) fn forget_other_initial(&mut self) {
        if matches!(self.second, Second::Initial(_)) {
            self.second = Second::Empty;
        }
    }

    /// Keys made from the secrets of the Handshake or 1-RTT level.
    pub(crate) fn install(
        &mut self,
        space: Space,
        (version, suite): (Version, Suite),
        local: &Secret,
        remote: &Secret,
        provider: Option<&dyn Provider>,
    ) {
        let keys = Keys {
            local: DirectionKeys::from_secret(version, suite, local, provider),
            remote: DirectionKeys::from_secret(version, suite, remote, provider),
        };
        if space == Space::Handshake {
            self.second = Second::Handshake(keys);
        } else if space == Space::Application {
            self.application = Some(Application {
                #[cfg(feature = "v2")]
                version,
                suite,
                keys,
                local_secret: local.clone(),
                remote_secret: remote.clone(),
                phase: false,
                sealed: 0,
                failed: 0,
                first_sent: None,
                confirmed: true,
                first_received: None,
                answer_owed: false,
                confirmation_asked: false,
                #[cfg(any(test, feature = "testing"))]
                limits: None,
            });
        }
    }

    /// Throws the Initial or Handshake keys away; says whether there were any.
    pub(crate) fn discard(&mut self, space: Space) -> bool {
        match space {
            Space::Initial if matches!(self.first, First::Initial(_)) => self.first = First::Empty,
            Space::Handshake if matches!(self.second, Second::Handshake(_)) => {
                self.second = Second::Empty;
            }
            _ => return false,
        }
        true
    }

    /// Keys of this level exist.
    pub(crate) fn has(&self, space: Space) -> bool {
        match space {
            Space::Initial => matches!(self.first, First::Initial(_)),
            Space::Handshake => matches!(self.second, Second::Handshake(_)),
            Space::Application => self.application.is_some(),
        }
    }

    /// The phase bit of packets we send.
    pub(crate) fn phase(&self) -> bool {
        self.application
            .as_ref()
            .is_some_and(|application| application.phase)
    }

    /// Seals a packet in place; nothing happens without keys of that level.
    pub(crate) fn seal(
        &mut self,
        space: Space,
        packet: &mut [u8],
        number: u64,
        number_at: usize,
        number_length: usize,
    ) {
        let keys = match (space, &self.first, &self.second, &mut self.application) {
            (Space::Initial, First::Initial(keys), _, _) => &keys.local,
            (Space::Handshake, _, Second::Handshake(keys), _) => &keys.local,
            (Space::Application, _, _, Some(application)) => {
                application.sealed += 1;
                application.first_sent.get_or_insert(number);
                application.answer_owed = false;
                &application.keys.local
            }
            _ => return,
        };
        keys.seal(packet, number, number_at, number_length);
    }

    /// The key that removes header protection at this level.
    pub(crate) fn header_key(&self, space: Space) -> Option<&HeaderKey> {
        match (space, &self.first, &self.second, &self.application) {
            (Space::Initial, First::Initial(keys), _, _) => Some(&keys.remote.header),
            (Space::Handshake, _, Second::Handshake(keys), _) => Some(&keys.remote.header),
            (Space::Application, _, _, Some(application)) => Some(&application.keys.remote.header),
            _ => None,
        }
    }

    /// Opens a packet whose header is unprotected; returns where its payload lies.
    pub(crate) fn open(
        &mut self,
        space: Space,
        packet: &mut [u8],
        payload_at: usize,
        number: u64,
        phase: bool,
        provider: Option<&dyn Provider>,
    ) -> Result<Range<usize>, KeyError> {
        let opened = match (space, &self.first, &self.second) {
            (Space::Initial, First::Initial(keys), _) => {
                keys.remote.packet.open_packet(packet, payload_at, number)
            }
            (Space::Handshake, _, Second::Handshake(keys)) => {
                keys.remote.packet.open_packet(packet, payload_at, number)
            }
            (Space::Application, _, _) => {
                return self.open_application(packet, payload_at, number, phase, provider);
            }
            _ => return Err(KeyError::Undecryptable),
        };
        opened.map_err(|_| KeyError::Undecryptable)
    }

    fn open_application(
        &mut self,
        packet: &mut [u8],
        payload_at: usize,
        number: u64,
        phase: bool,
        provider: Option<&dyn Provider>,
    ) -> Result<Range<usize>, KeyError> {
        let application = self.application.as_mut().ok_or(KeyError::Undecryptable)?;
        if phase == application.phase {
            let opened = application
                .keys
                .remote
                .packet
                .open_packet(packet, payload_at, number);
            let range = opened.map_err(|_| application.count_failure())?;
            let first = application.first_received.get_or_insert(number);
            *first = number.min(*first);
            return Ok(range);
        }
        // The other phase is the previous one for numbers below the first of this phase, else the next.
        if let First::Previous { key, end } = &self.first {
            let end = application.first_received.unwrap_or(*end);
            if number < end {
                let opened = key.open_packet(packet, payload_at, number);
                return opened.map_err(|_| application.count_failure());
            }
        }
        #[cfg(feature = "alloc")]
        let has_previous = matches!(self.first, First::Previous { .. });
        #[cfg(feature = "alloc")]
        let ciphertext = has_previous.then(|| Ciphertext::of(packet));
        let opened = if let Second::Next { remote, .. } = &self.second {
            remote.open_packet(packet, payload_at, number)
        } else {
            // Before confirmation the slot is taken, yet a confirmed server may already update.
            let secret = application.next(&application.remote_secret);
            application
                .packet_key(&secret, provider)
                .open_packet(packet, payload_at, number)
        };
        let Ok(range) = opened else {
            #[cfg(feature = "alloc")]
            if let Some(ciphertext) = &ciphertext {
                ciphertext.restore(packet);
            }
            return Err(self.refuse_phase(packet, payload_at, number));
        };
        //= rfc9001#6.2
        // The peer may not update again before it can know that we followed.
        if application.answer_owed {
            return Err(KeyError::Fatal(TransportError::new(rule!(
                Code::KEY_UPDATE_ERROR,
                "a key update before the last one was confirmed"
            ))));
        }
        self.advance(number, provider);
        if let Some(application) = &mut self.application {
            application.first_received = Some(number);
            application.answer_owed = true;
        }
        Ok(range)
    }

    /// What did not open with the next keys may be sealed with those that were replaced, although its number is above
    /// those of the packets that came with newer ones.
    fn refuse_phase(&mut self, packet: &mut [u8], payload_at: usize, number: u64) -> KeyError {
        //= rfc9001#6.4
        // The ciphers that are built in leave alone what does not open.
        if let First::Previous { key, .. } = &self.first
            && key.open_packet(packet, payload_at, number).is_ok()
        {
            return KeyError::Fatal(TransportError::new(rule!(
                Code::KEY_UPDATE_ERROR,
                "old keys for a packet after one with newer keys"
            )));
        }
        match &mut self.application {
            Some(application) => application.count_failure(),
            None => KeyError::Undecryptable,
        }
    }

    /// Takes the next generation into use, in both directions; the replaced receive key stays for a while.
    fn advance(&mut self, first_number: u64, provider: Option<&dyn Provider>) {
        let Some(application) = &mut self.application else {
            return;
        };
        application.local_secret = application.next(&application.local_secret);
        application.remote_secret = application.next(&application.remote_secret);
        let (local, remote) = match core::mem::take(&mut self.second) {
            Second::Next { local, remote } => (local, remote),
            other => {
                self.second = other;
                (
                    application.packet_key(&application.local_secret, provider),
                    application.packet_key(&application.remote_secret, provider),
                )
            }
        };
        application.keys.local.packet = local;
        let previous = core::mem::replace(&mut application.keys.remote.packet, remote);
        self.first = First::Previous {
            key: previous,
            end: first_number,
        };
        application.phase = !application.phase;
        application.sealed = 0;
        application.first_sent = None;
        application.confirmed = false;
        application.confirmation_asked = false;
        application.first_received = None;
        self.derive_next(provider);
    }

    /// Derives the next generation ahead, once the slot is free.
    pub(crate) fn derive_next(&mut self, provider: Option<&dyn Provider>) {
        let (Some(application), Second::Empty) = (&self.application, &self.second) else {
            return;
        };
        let key = |secret| application.packet_key(&application.next(secret), provider);
        self.second = Second::Next {
            local: key(&application.local_secret),
            remote: key(&application.remote_secret),
        };
    }

    /// Starts a key update; refused (`false`) while the last one is not confirmed (RFC 9001 §6.1).
    pub(crate) fn update(&mut self, provider: Option<&dyn Provider>) -> bool {
        //= rfc9001#6.1
        let ready = self.application.as_ref().is_some_and(|application| {
            application.confirmed && application.first_sent.is_some() && !application.answer_owed
        });
        if ready {
            self.advance(u64::MAX, provider);
        }
        ready
    }

    /// A 1-RTT packet of ours was acknowledged.
    pub(crate) fn on_acknowledged(&mut self, number: u64) {
        if let Some(application) = &mut self.application {
            application.confirmed |= application.first_sent.is_some_and(|first| number >= first);
        }
    }

    /// The previous 1-RTT key is no longer needed.
    pub(crate) fn discard_previous(&mut self) {
        if matches!(self.first, First::Previous { .. }) {
            self.first = First::Empty;
        }
    }

    /// A replaced 1-RTT key is still kept, and a packet was opened with the one that replaced it.
    pub(crate) fn has_replaced(&self) -> bool {
        let application = self.application.as_ref();
        let first = application.and_then(|application| application.first_received);
        first.is_some() && matches!(self.first, First::Previous { .. })
    }

    /// Half of what the AEAD allows under one key is used up: time for an update (RFC 9001 §6.6).
    pub(crate) fn wants_update(&self) -> bool {
        self.has_sealed(|limit| limit / 2)
    }

    /// An update is due and has to wait until the peer acknowledges something under the current keys, which it was not
    /// asked for yet. Says so once for each generation of keys.
    pub(crate) fn take_confirmation_due(&mut self) -> bool {
        let is_due = self.wants_update();
        let application = self.application.as_mut().filter(|_| is_due);
        application.is_some_and(|application| {
            let is_asked = core::mem::replace(&mut application.confirmation_asked, true);
            !application.confirmed && !is_asked
        })
    }

    /// The AEAD allows no more packets under this key than it takes to say so: the connection cannot go on.
    //= rfc9001#6.6
    pub(crate) fn is_used_up(&self) -> bool {
        self.has_sealed(|limit| limit.saturating_sub(CLOSING_PACKETS))
    }

    fn has_sealed(&self, part: impl Fn(u64) -> u64) -> bool {
        let limit = |application: &Application| {
            let limit = application.confidentiality_limit();
            limit.is_some_and(|limit| application.sealed >= part(limit))
        };
        self.application.as_ref().is_some_and(limit)
    }

    /// Holds the 1-RTT keys to lower limits than those of their AEAD, as far as such keys exist.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn set_limits(&mut self, limits: KeyLimits) {
        if let Some(application) = &mut self.application {
            application.limits = Some(limits);
        }
    }

    /// The negotiated suite, once 1-RTT keys exist.
    pub(crate) fn suite(&self) -> Option<Suite> {
        self.application
            .as_ref()
            .map(|application| application.suite)
    }
}

impl Application {
    fn confidentiality_limit(&self) -> Option<u64> {
        #[cfg(any(test, feature = "testing"))]
        if let Some(limits) = self.limits {
            return Some(limits.confidentiality);
        }
        self.suite.confidentiality_limit()
    }

    fn integrity_limit(&self) -> u64 {
        #[cfg(any(test, feature = "testing"))]
        if let Some(limits) = self.limits {
            return limits.integrity;
        }
        self.suite.integrity_limit()
    }

    fn version(&self) -> Version {
        #[cfg(feature = "v2")]
        return self.version;
        #[cfg(not(feature = "v2"))]
        Version::V1
    }

    /// The secret after `secret`.
    fn next(&self, secret: &Secret) -> Secret {
        secret.next(self.version(), self.suite)
    }

    fn packet_key(&self, secret: &Secret, provider: Option<&dyn Provider>) -> PacketKey {
        PacketKey::from_secret(self.version(), self.suite, secret, provider)
    }

    //= rfc9001#6.6
    // Failed authentications are counted over all keys of the connection.
    fn count_failure(&mut self) -> KeyError {
        self.failed += 1;
        if self.failed < self.integrity_limit() {
            return KeyError::Undecryptable;
        }
        KeyError::Fatal(TransportError::new(rule!(
            Code::AEAD_LIMIT_REACHED,
            "too many forged packets"
        )))
    }
}

//! The packet protection keys of a connection and the rules for replacing them (RFC 9001 §4.9, §6).
//!
//! Invariant: a packet is opened once, with the one key that its level, phase and number select.
//! Slots are shared over time: Initial keys and the previous 1-RTT key are never needed together, nor
//! are Handshake keys and the next 1-RTT keys.

use core::ops::Range;

use crate::crypto::{DirectionKeys, HeaderKey, Keys, PacketKey, Provider, Secret, Suite, initial};
use crate::wire::packet::Space;
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
    /// Derived ahead, so that the time an update takes tells nothing.
    Next {
        local: PacketKey,
        remote: PacketKey,
    },
}

/// Everything about 1-RTT protection in the current phase.
struct Application {
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
}

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
    /// Initial keys for the server's first connection ID; replaces earlier ones (Retry).
    pub(crate) fn install_initial(&mut self, destination: &[u8]) {
        self.first = First::Initial(initial::keys(destination, Side::Client));
    }

    /// Keys made from the secrets of the Handshake or 1-RTT level.
    pub(crate) fn install(
        &mut self,
        space: Space,
        suite: Suite,
        local: &Secret,
        remote: &Secret,
        provider: Option<&dyn Provider>,
    ) {
        let keys = Keys {
            local: DirectionKeys::from_secret(suite, local, provider),
            remote: DirectionKeys::from_secret(suite, remote, provider),
        };
        if space == Space::Handshake {
            self.second = Second::Handshake(keys);
        } else if space == Space::Application {
            self.application = Some(Application {
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
        let opened = if let Second::Next { remote, .. } = &self.second {
            remote.open_packet(packet, payload_at, number)
        } else {
            // Before confirmation the slot is taken, yet a confirmed server may already update.
            let secret = application.remote_secret.next(application.suite);
            PacketKey::from_secret(application.suite, &secret, provider)
                .open_packet(packet, payload_at, number)
        };
        let range = opened.map_err(|_| application.count_failure())?;
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

    /// Takes the next generation into use, in both directions; the replaced receive key stays for a while.
    fn advance(&mut self, first_number: u64, provider: Option<&dyn Provider>) {
        let Some(application) = &mut self.application else {
            return;
        };
        let suite = application.suite;
        application.local_secret = application.local_secret.next(suite);
        application.remote_secret = application.remote_secret.next(suite);
        let (local, remote) = match core::mem::take(&mut self.second) {
            Second::Next { local, remote } => (local, remote),
            other => {
                self.second = other;
                (
                    PacketKey::from_secret(suite, &application.local_secret, provider),
                    PacketKey::from_secret(suite, &application.remote_secret, provider),
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
        application.first_received = None;
        self.derive_next(provider);
    }

    /// Derives the next generation ahead, once the slot is free.
    pub(crate) fn derive_next(&mut self, provider: Option<&dyn Provider>) {
        let (Some(application), Second::Empty) = (&self.application, &self.second) else {
            return;
        };
        let suite = application.suite;
        let key = |secret: &Secret| PacketKey::from_secret(suite, &secret.next(suite), provider);
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

    /// A replaced 1-RTT key is still kept.
    pub(crate) fn has_previous(&self) -> bool {
        matches!(self.first, First::Previous { .. })
    }

    /// Half of what the AEAD allows under one key is used up: time for an update (RFC 9001 §6.6).
    pub(crate) fn wants_update(&self) -> bool {
        self.application.as_ref().is_some_and(|application| {
            application
                .suite
                .confidentiality_limit()
                .is_some_and(|limit| application.sealed >= limit / 2)
        })
    }

    /// The negotiated suite, once 1-RTT keys exist.
    pub(crate) fn suite(&self) -> Option<Suite> {
        self.application
            .as_ref()
            .map(|application| application.suite)
    }
}

impl Application {
    //= rfc9001#6.6
    // Failed authentications are counted over all keys of the connection.
    fn count_failure(&mut self) -> KeyError {
        self.failed += 1;
        if self.failed < self.suite.integrity_limit() {
            return KeyError::Undecryptable;
        }
        KeyError::Fatal(TransportError::new(rule!(
            Code::AEAD_LIMIT_REACHED,
            "too many forged packets"
        )))
    }
}

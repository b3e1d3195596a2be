//! Moving to another pair of addresses (RFC 9000 §9): at the application's wish, or at the server's.
//!
//! ```text
//! migrate ────────► candidate ─ PATH_RESPONSE ─► in use, and said so by a packet that is no probe
//! preferred address ───┘  └ three probe timeouts ► abandoned; the old path was never left
//! migrate_at_once ─► in use ─ PATH_RESPONSE ─► validated
//! ```
//! Invariant: packet numbers, keys and streams know nothing of it; each path has its own connection ID.

use core::net::{IpAddr, SocketAddr};

use super::interest::{DATAGRAM_BYTES, DATAGRAM_SIZE, Interest};
use super::{Connection, State, Transmit};
use crate::codec::to_u64;
use crate::crypto::random::Random;
use crate::fmt::debug;
use crate::frame_writer::{FrameWriter, PACKET_TOKENS_MAX};
use crate::path::{PathId, Route, Validation, Which};
use crate::recovery::{Codepoint, Purpose, Token};
use crate::time::{Duration, Instant};
use crate::trace::{Event, MigrationState};
use crate::wire::packet::Space;
use crate::wire::transport_parameters::PreferredAddress;

/// Why a connection cannot move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum MigrateError {
    /// The server has not confirmed the handshake yet (RFC 9000 §9).
    NotConfirmed,
    /// The server does not want it (RFC 9000 §18.2, disable_active_migration).
    Disabled,
    /// The server gave no connection ID for another path, or has given none yet (RFC 9000 §9.5).
    NoConnectionId,
    /// That is the address in use.
    SameAddress,
    /// The connection is over.
    Closed,
}

impl core::fmt::Display for MigrateError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::NotConfirmed => "the handshake is not confirmed",
            Self::Disabled => "the server does not permit migration",
            Self::NoConnectionId => "the server gave no connection ID for another path",
            Self::SameAddress => "the address is in use",
            Self::Closed => "the connection is closed",
        })
    }
}

impl core::error::Error for MigrateError {}

/// What is known of one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathStats {
    /// Its name.
    pub id: PathId,
    /// Our address, if the driver says which.
    pub local: Option<SocketAddr>,
    /// The server's.
    pub remote: SocketAddr,
    /// Everything but probes leaves on it.
    pub is_active: bool,
    /// The server has answered on it, or a PATH_CHALLENGE for it.
    pub is_validated: bool,
    /// Smoothed round-trip time; 333 ms before the first sample.
    pub rtt: Duration,
    /// Congestion window, bytes.
    pub window: u32,
    /// Bytes sent on it and neither acknowledged nor lost.
    pub in_flight: u32,
    /// Bytes of the largest datagram that is sent on it.
    pub datagram: u16,
}

impl Connection<'_> {
    /// Moves to another local address as soon as a probe from there was answered. Until then, and if none is for three
    /// probe timeouts, everything goes on where it is. `Event::PathValidated` or `Event::PathAbandoned` tells. A
    /// migration that is not complete is given up for this one.
    ///
    /// [`Transmit::from`] says from which address a datagram is to be sent from now on, and
    /// [`super::Receive::local`] should say where one arrived.
    pub fn migrate(&mut self, now: Instant, local: SocketAddr) -> Result<PathId, MigrateError> {
        self.check_migration(local)?;
        self.try_route(now, Some(local), self.remote)
    }

    /// Moves to another local address without waiting for an answer from there: the old address is dead.
    /// `Event::PathValidated` tells when it was found to work.
    //= rfc9000#9.2
    pub fn migrate_at_once(
        &mut self,
        now: Instant,
        local: SocketAddr,
    ) -> Result<PathId, MigrateError> {
        self.check_migration(local)?;
        let id = self.try_route(now, Some(local), self.remote)?;
        self.switch_route(now);
        Ok(id)
    }

    /// The path in use.
    pub fn active_path(&self) -> PathId {
        self.routes.active.id
    }

    /// What is known of a path; `None` if it was given up and forgotten.
    pub fn path(&self, id: PathId) -> Option<PathStats> {
        let (which, route) = self.routes.of(id)?;
        let estimates = self.recovery.path(route.slot)?;
        Some(PathStats {
            id,
            local: route.local,
            remote: route.remote,
            is_active: which == Which::Active,
            is_validated: route.validation.is_none(),
            rtt: Duration::from_micros(estimates.rtt_us.into()),
            window: estimates.window,
            in_flight: estimates.in_flight,
            datagram: estimates.datagram,
        })
    }

    fn check_migration(&self, local: SocketAddr) -> Result<(), MigrateError> {
        //= rfc9000#9
        match self.state {
            State::Confirmed => {}
            State::Handshaking | State::Established => return Err(MigrateError::NotConfirmed),
            State::Closing | State::Draining | State::Closed => return Err(MigrateError::Closed),
        }
        //= rfc9000#18.2
        if self.promise.disable_migration && self.remote == self.routes.handshake_remote {
            return Err(MigrateError::Disabled);
        }
        if self.routes.active.local == Some(local) {
            return Err(MigrateError::SameAddress);
        }
        Ok(())
    }

    /// Begins to probe a pair of addresses.
    fn try_route(
        &mut self,
        now: Instant,
        local: Option<SocketAddr>,
        remote: SocketAddr,
    ) -> Result<PathId, MigrateError> {
        //= rfc9000#9.5
        let routes = &mut self.routes;
        let cids = &mut self.parts.remote_cids;
        // What another candidate uses is free only after its end: it is known to the network.
        let cid = cids.unused(|sequence| routes.is_cid_used(sequence));
        let cid = cid.ok_or(MigrateError::NoConnectionId)?;
        routes.abandon_candidate(cids);
        let slot = routes.free_slot();
        let id = routes.name();
        let parts = &mut self.parts;
        self.recovery
            .open_path(now, slot, DATAGRAM_BYTES, &mut |space, outcome, token| {
                parts.on_outcome(space, outcome, token);
            });
        let fresh_us = self.recovery.fresh_probe_timeout_us();
        let interval_us = self.recovery.probe_timeout_us().min(fresh_us);
        let timeout_us = self.recovery.probe_timeout_us().max(fresh_us);
        self.routes.candidate = Some(Route {
            id,
            slot,
            local,
            remote,
            cid: Some(cid),
            validation: Some(Validation::new(now, interval_us, timeout_us)),
            ..Route::first(remote)
        });
        self.report_route(now, MigrationState::ProbingStarted);
        Ok(id)
    }

    /// Tells a sink how far the candidate got, or else the route in use.
    fn report_route(&mut self, now: Instant, state: MigrationState) {
        let route = self.routes.candidate.as_ref();
        let route = route.unwrap_or(&self.routes.active);
        let (local, remote) = (route.local, route.remote);
        let event = Event::Migration {
            state,
            local,
            remote,
        };
        self.report(now, &event);
    }

    /// The candidate is in use from now on.
    fn switch_route(&mut self, now: Instant) {
        debug!("another path");
        let keep = u64::from(self.recovery.probe_timeout_us()) * 3;
        let parts = &mut self.parts;
        // The challenges of the route in use stand where its packets are written.
        core::mem::swap(&mut self.routes.active.challenges, &mut parts.challenges);
        self.routes.switch(now.after(keep), &mut parts.remote_cids);
        core::mem::swap(&mut self.routes.active.challenges, &mut parts.challenges);
        self.remote = self.routes.active.remote;
        self.recovery.activate_path(self.routes.active.slot);
        // The first packet that is no probe has the server follow.
        self.ping = true;
        self.report_route(now, MigrationState::MigrationStarted);
    }

    /// Begins to move to where the server would rather be reached, right after the handshake.
    //= rfc9000#9.6.1
    pub(super) fn try_preferred_address(&mut self, now: Instant) {
        let (Some(preferred), true) = (
            self.promise.preferred_address,
            self.settings.preferred_address,
        ) else {
            return;
        };
        //= rfc9000#9.6.3
        let remote = match self.remote.ip() {
            IpAddr::V4(_) => preferred.ipv4.map(SocketAddr::V4),
            IpAddr::V6(_) => preferred.ipv6.map(SocketAddr::V6),
        };
        let remote = remote.filter(|remote| *remote != self.remote && remote.port() != 0);
        //= rfc9000#21.5.6
        // What listens on this machine is none of the server's business.
        let is_local = self.remote.ip().is_loopback();
        let remote = remote.filter(|remote| is_local || !remote.ip().is_loopback());
        if let Some(remote) = remote {
            let local = self.routes.active.local;
            // Without a connection ID it stays where it is, which a server has to live with.
            let _ = self.try_route(now, local, remote);
        }
    }

    /// The connection ID that belongs to the server's preferred address is there from the beginning.
    pub(super) fn take_preferred_cid(&mut self, preferred: Option<PreferredAddress>) {
        if let Some(preferred) = preferred {
            let (cid, token) = (preferred.connection_id, preferred.reset_token);
            // The first of its kind has a place; one that repeats the handshake's is not used.
            let _ = self.parts.remote_cids.on_preferred_address(cid, token);
        }
    }

    /// A PATH_CHALLENGE came; it is answered on the path it came on.
    //= rfc9000#8.2.2
    pub(super) fn on_path_challenge(&mut self, data: [u8; 8]) {
        match self.routes.arrival {
            Which::Active => self.parts.challenges.on_challenge(data),
            which => {
                if let Some(route) = self.routes.get_mut(which) {
                    route.challenges.on_challenge(data);
                }
            }
        }
    }

    /// A PATH_RESPONSE came, on whatever path. One that answers nothing is ignored.
    //= rfc9000#8.2.3
    pub(super) fn on_path_response(&mut self, now: Instant, data: &[u8; 8]) {
        let answers = |route: &Route| {
            let validation = route.validation.as_ref();
            validation.is_some_and(|validation| validation.is_answer(data))
        };
        //= rfc9000#9.6.2
        if self.routes.candidate.as_ref().is_some_and(answers) {
            self.report_route(now, MigrationState::ProbingSuccessful);
            self.switch_route(now);
        } else if !answers(&self.routes.active) {
            return;
        }
        self.routes.active.validation = None;
        self.routes.tell_validated();
        self.report_route(now, MigrationState::MigrationComplete);
    }

    /// Has everything go to another connection ID of the server from now on, on the same path; whether it does. It
    /// does not before the handshake is confirmed, while the last change is less than three probe timeouts ago, or if
    /// the server gave fewer than two unused ones: the last is kept for another path. To have it happen by itself there
    /// is [`super::ClientConfig::connection_id_rotation`].
    //= rfc9000#5.1.2
    pub fn rotate_connection_id(&mut self, now: Instant) -> bool {
        let keep = u64::from(self.recovery.probe_timeout_us()) * 3;
        let cids = &mut self.parts.remote_cids;
        self.state == State::Confirmed && self.routes.rotate(now.after(keep), cids)
    }

    /// The next packet goes to another connection ID, if it is time for that and there is one.
    pub(super) fn rotate_cid(&mut self, now: Instant) {
        if self.routes.rotor.is_due(now) {
            self.rotate_connection_id(now);
        }
    }

    /// The server gave connection IDs, and perhaps took some back.
    pub(super) fn on_remote_cids(&mut self) {
        self.routes.on_cids_changed(&mut self.parts.remote_cids);
    }

    /// Acts on the deadlines of paths.
    pub(super) fn handle_path_timeout(&mut self, now: Instant) {
        if self.routes.left_until <= now {
            self.routes.retire_left(&mut self.parts.remote_cids);
        }
        self.routes.retire_rotated(now, &mut self.parts.remote_cids);
        let failed = |route: &mut Route| {
            let validation = route.validation.as_mut();
            validation.is_some_and(|validation| validation.on_timeout(now))
        };
        if self.routes.candidate.as_mut().is_some_and(failed) {
            self.report_route(now, MigrationState::ProbingAbandoned);
            self.routes.abandon_candidate(&mut self.parts.remote_cids);
        }
        if failed(&mut self.routes.active) {
            let timeout_us = self.recovery.fresh_probe_timeout_us();
            if let Some(validation) = &mut self.routes.active.validation {
                validation.prolong(now, timeout_us);
            }
        }
    }

    /// Whether the path in use is to be challenged.
    pub(super) fn is_challenge_due(&self) -> bool {
        let validation = self.routes.active.validation.as_ref();
        validation.is_some_and(Validation::is_due)
    }

    /// A datagram on a path that is not in use: a challenge of ours, or responses to the server's.
    //= rfc9000#9.1
    //= rfc9000#21.5.3
    pub(super) fn transmit_probe(&mut self, now: Instant, out: &mut [u8]) -> Option<Transmit> {
        if self.state != State::Confirmed {
            return None;
        }
        let which = [Which::Candidate, Which::Left].into_iter().find(|which| {
            let route = self.routes.get(*which);
            route.is_some_and(|route| route.has_pending() && self.recovery.has_window(route.slot))
        })?;
        let route = self.routes.get(which)?;
        let (to, from, slot) = (route.remote, route.local, route.slot);
        let destination = self.parts.remote_cids.get(route.cid?)?;
        // A table that is full of what the path in use does not carry must not keep us on it; the server's challenges
        // wait.
        let is_ours = route.validation.as_ref().is_some_and(Validation::is_due);
        let purpose = if is_ours {
            Purpose::Probe
        } else {
            Purpose::Data
        };
        let interest = Interest::Everything(purpose);
        let room = self.tokens_room(Space::Application, interest, 0);
        if room == 0 {
            return None;
        }
        let space = Space::Application;
        let number = self.recovery.next_number(space);
        //= rfc9000#8.2.1
        let out = out.get_mut(..DATAGRAM_SIZE)?;
        let mut builder = self.start_packet(space, number, destination, out)?;
        let mut tokens = heapless::Vec::<Token, PACKET_TOKENS_MAX>::new();
        let mut writer = builder.frames(&mut tokens, room);
        let route = self.routes.get_mut(which)?;
        route.on_transmit(now, &mut self.random, &mut writer);
        if writer.is_empty() {
            return None;
        }
        writer.pad_to(usize::MAX);
        let payload = writer.len();
        let codepoint = if self.recovery.is_marking_on(slot) {
            Codepoint::Ect0
        } else {
            Codepoint::NotEct
        };
        let size = self.finish_probe(now, builder, payload, slot);
        self.counters.datagrams_sent += 1;
        self.counters.bytes_sent += to_u64(size);
        Some(Transmit {
            to,
            from,
            len: size,
            segment_size: None,
            codepoint,
        })
    }
}

/// Writes a challenge for the path in use, if one is due; whether it did.
pub(super) fn write_challenge(
    route: &mut Route,
    now: Instant,
    random: &mut Random,
    writer: &mut FrameWriter<'_>,
) -> bool {
    let validation = route.validation.as_mut();
    validation.is_some_and(|validation| validation.on_transmit(now, random, writer))
}

//! The pairs of addresses that a connection uses, tries or has left (RFC 9000 §9).
//!
//! Invariant: one route is in use; the others carry probes only, and each sends to a connection ID of its own.

use core::net::SocketAddr;

use super::Challenges;
use super::cid::RemoteCids;
use super::rotation::{Rotation, Rotor};
use super::validation::Validation;
use crate::crypto::random::Random;
use crate::frame_writer::FrameWriter;
use crate::recovery::Slot;
use crate::time::Instant;

/// Which path of a connection, in the order in which they came into being. The handshake's is number 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct PathId(pub(crate) u32);

impl PathId {
    /// Its number.
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// Paths that were given up and are to be told of. More than there can be, unless nobody asks.
const ABANDONED_MAX: usize = 4;

/// One pair of addresses.
#[derive(Clone, Debug)]
pub struct Route {
    /// Its name.
    pub id: PathId,
    /// Where recovery keeps what it knows of it.
    pub slot: Slot,
    /// Our address, if the driver says which.
    pub local: Option<SocketAddr>,
    /// The server's.
    pub remote: SocketAddr,
    /// The number of the connection ID that datagrams on it are sent to, while it has one.
    pub cid: Option<u64>,
    /// What the server asked on it. Not of the route in use.
    pub challenges: Challenges,
    /// What we ask on it.
    pub validation: Option<Validation>,
}

impl Route {
    /// The only one of a connection that begins.
    pub const fn first(remote: SocketAddr) -> Self {
        Self {
            id: PathId(0),
            slot: Slot::FIRST,
            local: None,
            remote,
            cid: Some(0),
            challenges: Challenges::new(),
            validation: None,
        }
    }

    /// Whether a datagram from `remote` to `local` may have come on it.
    fn carries(&self, local: Option<SocketAddr>, remote: SocketAddr) -> bool {
        // A driver that does not tell leaves us with the server's.
        let is_known = self.local.is_some() && local.is_some();
        self.remote == remote && !(is_known && self.local != local)
    }

    /// There is a challenge or a response to be sent on it, which is no matter of the route in use.
    pub fn has_pending(&self) -> bool {
        let is_due = self.validation.as_ref().is_some_and(Validation::is_due);
        self.cid.is_some() && (is_due || self.challenges.has_pending())
    }

    /// Writes what [`Route::has_pending`] means.
    pub fn on_transmit(&mut self, now: Instant, random: &mut Random, w: &mut FrameWriter<'_>) {
        self.challenges.on_transmit(w);
        if let Some(validation) = &mut self.validation {
            validation.on_transmit(now, random, w);
        }
    }
}

/// Which of the routes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Which {
    /// The one in use.
    #[default]
    Active,
    /// The one that is tried.
    Candidate,
    /// The one that was in use before.
    Left,
}

/// All pairs of addresses of a connection.
pub struct Routes {
    /// In use.
    pub active: Route,
    /// To be used once it is validated.
    pub candidate: Option<Route>,
    /// Was in use. What comes on it is taken in until another one is left.
    pub left: Option<Route>,
    /// When the connection ID of the one that was left is retired.
    pub left_until: Instant,
    /// Where the server was during the handshake.
    pub handshake_remote: SocketAddr,
    /// Where the datagram came that is being taken in.
    pub arrival: Which,
    /// The age of the connection ID of the route in use.
    pub rotor: Rotor,
    next_id: u32,
    validated: Option<PathId>,
    abandoned: heapless::Vec<PathId, ABANDONED_MAX>,
}

impl Routes {
    /// The route of a connection that begins.
    pub const fn new(remote: SocketAddr, rotation: Rotation) -> Self {
        Self {
            active: Route::first(remote),
            candidate: None,
            left: None,
            left_until: Instant::NEVER,
            handshake_remote: remote,
            arrival: Which::Active,
            rotor: Rotor::new(rotation),
            next_id: 1,
            validated: None,
            abandoned: heapless::Vec::new(),
        }
    }

    /// On which of them a datagram came; `None` if it came from nobody we know.
    //= rfc9000#9
    pub fn find(&self, local: Option<SocketAddr>, remote: SocketAddr) -> Option<Which> {
        let all = [Which::Active, Which::Candidate, Which::Left];
        let is_it = |which: &Which| {
            let route = self.get(*which);
            route.is_some_and(|route| (route.local, route.remote) == (local, remote))
        };
        let may_be_it = |which: &Which| {
            let route = self.get(*which);
            route.is_some_and(|route| route.carries(local, remote))
        };
        let exact = all.into_iter().find(is_it);
        exact.or_else(|| all.into_iter().find(may_be_it))
    }

    /// One of them, if there is.
    pub fn get(&self, which: Which) -> Option<&Route> {
        match which {
            Which::Active => Some(&self.active),
            Which::Candidate => self.candidate.as_ref(),
            Which::Left => self.left.as_ref(),
        }
    }

    /// One of them, if there is.
    pub fn get_mut(&mut self, which: Which) -> Option<&mut Route> {
        match which {
            Which::Active => Some(&mut self.active),
            Which::Candidate => self.candidate.as_mut(),
            Which::Left => self.left.as_mut(),
        }
    }

    /// The one with a name.
    pub fn of(&self, id: PathId) -> Option<(Which, &Route)> {
        [Which::Active, Which::Candidate, Which::Left]
            .into_iter()
            .filter_map(|which| Some((which, self.get(which)?)))
            .find(|(_, route)| route.id == id)
    }

    /// A name for a new one.
    pub fn name(&mut self) -> PathId {
        let id = PathId(self.next_id);
        self.next_id = self.next_id.wrapping_add(1);
        id
    }

    /// A place in which recovery can put a new one: unused, or else that of the one that was left.
    pub fn free_slot(&self) -> Slot {
        let used = |slot: &Slot| {
            let routes = [Some(&self.active), self.left.as_ref()];
            routes
                .into_iter()
                .flatten()
                .any(|route| route.slot == *slot)
        };
        let free = Slot::ALL.into_iter().find(|slot| !used(slot));
        free.unwrap_or(Slot::FIRST)
    }

    /// Whether a connection ID of the server belongs to one of them, or did until just now.
    pub fn is_cid_used(&self, sequence: u64) -> bool {
        if self.rotor.left() == Some(sequence) {
            return true;
        }
        let routes = [
            Some(&self.active),
            self.candidate.as_ref(),
            self.left.as_ref(),
        ];
        let mut cids = routes.into_iter().flatten().map(|route| route.cid);
        cids.any(|cid| cid == Some(sequence))
    }

    /// Gives the candidate up, and its connection ID back.
    pub fn abandon_candidate(&mut self, cids: &mut RemoteCids) {
        if let Some(route) = self.candidate.take() {
            retire(route.cid, cids);
            self.tell_abandoned(route.id);
        }
    }

    /// The route that was left is not answered on any more.
    //= rfc9000#5.1.2
    pub fn retire_left(&mut self, cids: &mut RemoteCids) {
        self.left_until = Instant::NEVER;
        if let Some(route) = &mut self.left {
            retire(route.cid.take(), cids);
            let id = route.id;
            self.tell_abandoned(id);
        }
    }

    /// The candidate is in use from now on; what was in use before is answered on until `left_until`.
    //= rfc9000#9.5
    pub fn switch(&mut self, left_until: Instant, cids: &mut RemoteCids) {
        let Some(new) = self.candidate.take() else {
            return;
        };
        if self.left_until != Instant::NEVER {
            self.retire_left(cids);
        }
        if let Some(sequence) = new.cid {
            cids.make_current(sequence);
        }
        self.rotor.restart();
        let old = core::mem::replace(&mut self.active, new);
        self.left = Some(old);
        self.left_until = left_until;
    }

    /// Has the route in use send to another connection ID, if there is one that no other path will need; whether there
    /// is. The old one is retired at `until`, and no other is left before.
    //= rfc9000#5.1.2
    //= rfc9000#9.5
    pub fn rotate(&mut self, until: Instant, cids: &mut RemoteCids) -> bool {
        let next = cids.unused(|sequence| self.is_cid_used(sequence));
        let further = cids.unused(|sequence| self.is_cid_used(sequence) || Some(sequence) == next);
        let (Some(sequence), Some(_), None) = (next, further, self.rotor.left()) else {
            return false;
        };
        cids.make_current(sequence);
        let old = self.active.cid.replace(sequence);
        self.rotor.leave(old, until);
        true
    }

    /// Retires the connection ID that the route in use had before, if its time has come.
    pub fn retire_rotated(&mut self, now: Instant, cids: &mut RemoteCids) {
        retire(self.rotor.take_expired(now), cids);
    }

    /// After the server took connection IDs back: a route that lost its own gets another, or cannot be used. None
    /// shares one with another.
    pub fn on_cids_changed(&mut self, cids: &mut RemoteCids) {
        let others = [&mut self.left, &mut self.candidate].into_iter().flatten();
        for route in others {
            route.cid = route.cid.filter(|sequence| cids.contains(*sequence));
        }
        if self.active.cid != Some(cids.current_sequence()) {
            self.active.cid = None;
            if let Some(sequence) = cids.unused(|sequence| self.is_cid_used(sequence)) {
                cids.make_current(sequence);
            }
            let current = cids.current_sequence();
            for route in [&mut self.left, &mut self.candidate].into_iter().flatten() {
                route.cid = route.cid.filter(|sequence| *sequence != current);
            }
            self.active.cid = Some(current);
            self.rotor.restart();
        }
        let current = self.active.cid;
        self.rotor
            .retain(|sequence| Some(sequence) != current && cids.contains(sequence));
        if self
            .candidate
            .as_ref()
            .is_some_and(|route| route.cid.is_none())
        {
            let unused = cids.unused(|sequence| self.is_cid_used(sequence));
            match (&mut self.candidate, unused) {
                (Some(candidate), Some(_)) => candidate.cid = unused,
                _ => self.abandon_candidate(cids),
            }
        }
    }

    /// When something is to be done about validation, or about a route that was left.
    pub fn deadline(&self) -> Instant {
        let of = |route: &Route| route.validation.as_ref().map(Validation::deadline);
        let active = of(&self.active).unwrap_or(Instant::NEVER);
        let candidate = self.candidate.as_ref().and_then(of);
        active
            .min(candidate.unwrap_or(Instant::NEVER))
            .min(self.left_until)
            .min(self.rotor.deadline())
    }

    /// The path in use was found to work.
    pub fn tell_validated(&mut self) {
        self.validated = Some(self.active.id);
    }

    /// Takes the path of which it is to be told that it is validated.
    pub fn take_validated(&mut self) -> Option<PathId> {
        self.validated.take()
    }

    /// Takes a path of which it is to be told that it is not used any more.
    pub fn take_abandoned(&mut self) -> Option<PathId> {
        (!self.abandoned.is_empty()).then(|| self.abandoned.remove(0))
    }

    fn tell_abandoned(&mut self, id: PathId) {
        if self.abandoned.is_full() {
            self.abandoned.remove(0);
        }
        // There is room now.
        let _ = self.abandoned.push(id);
    }
}

fn retire(cid: Option<u64>, cids: &mut RemoteCids) {
    if let Some(sequence) = cid {
        cids.give_back(sequence);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn of_paths_that_end_each_is_told_once_and_the_newest_if_nobody_asks() {
        let remote = SocketAddr::from(([192, 0, 2, 1], 443));
        let mut routes = Routes::new(remote, Rotation::NEVER);
        let told = |routes: &mut Routes| -> Vec<_> {
            core::iter::from_fn(|| routes.take_abandoned()).collect()
        };
        for number in 0..3 {
            routes.tell_abandoned(PathId(number));
        }
        assert_eq!(told(&mut routes), [0, 1, 2].map(PathId));
        assert_eq!(told(&mut routes), []);
        for number in 0..1000 {
            routes.tell_abandoned(PathId(number));
        }
        assert_eq!(told(&mut routes), [996, 997, 998, 999].map(PathId));
    }
}

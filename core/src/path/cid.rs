//! Connection IDs in both directions (RFC 9000 §5.1): those we give to the peer, and those it gave to us.
//!
//! Invariant: there is always a connection ID of the peer in use; ours are never more than the peer's limit.

use subtle::ConstantTimeEq;

use crate::crypto::random::Random;
use crate::frame_writer::FrameWriter;
use crate::recovery::Token;
use crate::wire::frame::Frame;
use crate::wire::frame::kind::{NEW_CONNECTION_ID, RETIRE_CONNECTION_ID};
use crate::wire::packet::ConnectionId;
use crate::wire::{Code, TransportError, rule};

/// Bytes of our connection IDs.
pub const LOCAL_LENGTH: usize = 8;

/// Connection IDs of ours at a time, if the peer's limit allows: more than any peer needs for its paths.
pub const LOCAL_MAX: usize = 4;

/// Our active_connection_id_limit: one in use, one to move to, and two while others are being retired.
pub const REMOTE_MAX: usize = 4;

/// Retired connection IDs of the peer whose retirement it has not acknowledged.
//= rfc9000#5.1.2
const RETIRED_MAX: usize = 2 * REMOTE_MAX;

/// Whether a frame about a connection ID has to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delivery {
    /// It has.
    Pending,
    /// It is on its way, or arrived.
    Sent,
}

/// A connection ID that the peer may use to reach us.
#[derive(Clone, Copy, Debug)]
struct Local {
    sequence: u64,
    cid: ConnectionId,
    reset_token: [u8; 16],
    delivery: Delivery,
}

/// The connection IDs that we issued and the peer did not retire.
pub struct LocalCids {
    active: heapless::Vec<Local, LOCAL_MAX>,
    next_sequence: u64,
    /// Bytes of each of our connection IDs; 0 means that no others can be issued.
    length: usize,
    /// How many the peer is willing to keep.
    limit: usize,
}

impl LocalCids {
    /// With `cid`, the source connection ID of the handshake, as number 0.
    pub fn new(cid: ConnectionId) -> Self {
        let mut active = heapless::Vec::new();
        let first = Local {
            sequence: 0,
            cid,
            reset_token: [0; 16],
            delivery: Delivery::Sent,
        };
        // A new table has room.
        let _ = active.push(first);
        Self {
            active,
            next_sequence: 1,
            length: cid.len(),
            limit: 1,
        }
    }

    /// The peer's active_connection_id_limit is known: more are issued from now on.
    //= rfc9000#5.1.1
    pub fn on_peer_limit(&mut self, active_connection_id_limit: u64) {
        if self.length > 0 {
            let limit = usize::try_from(active_connection_id_limit).unwrap_or(LOCAL_MAX);
            self.limit = limit.clamp(1, LOCAL_MAX);
        }
    }

    /// Whether a packet for `cid` is for this connection.
    pub fn contains(&self, cid: &ConnectionId) -> bool {
        self.active.iter().any(|local| local.cid == *cid)
    }

    /// All that the peer may use, for those who route datagrams to connections.
    pub fn iter(&self) -> impl Iterator<Item = &ConnectionId> {
        self.active.iter().map(|local| &local.cid)
    }

    /// A RETIRE_CONNECTION_ID arrived in a packet whose destination was `destination`.
    pub fn on_retire(
        &mut self,
        sequence: u64,
        destination: &ConnectionId,
    ) -> Result<(), TransportError> {
        //= rfc9000#19.16
        if self.length == 0 {
            return Err(TransportError::new(rule!(
                Code::PROTOCOL_VIOLATION,
                "there is no connection ID to retire"
            ))
            .in_frame(RETIRE_CONNECTION_ID));
        }
        if sequence >= self.next_sequence {
            return Err(TransportError::new(rule!(
                Code::PROTOCOL_VIOLATION,
                "connection ID was never issued"
            ))
            .in_frame(RETIRE_CONNECTION_ID));
        }
        let Some(index) = self
            .active
            .iter()
            .position(|local| local.sequence == sequence)
        else {
            return Ok(());
        };
        if self.active[index].cid == *destination {
            return Err(TransportError::new(rule!(
                Code::PROTOCOL_VIOLATION,
                "connection ID is in use by its own retirement"
            ))
            .in_frame(RETIRE_CONNECTION_ID));
        }
        self.active.remove(index);
        Ok(())
    }

    /// NEW_CONNECTION_ID is to be sent.
    pub fn has_pending(&self) -> bool {
        self.active.len() < self.limit
            || self
                .active
                .iter()
                .any(|local| local.delivery == Delivery::Pending)
    }

    /// Issues what the peer's limit allows, and writes NEW_CONNECTION_ID for what it was not told.
    //= rfc9000#5.1.1
    pub fn on_transmit(&mut self, random: &mut Random, w: &mut FrameWriter<'_>) {
        while self.active.len() < self.limit && self.issue(random) {}
        for local in &mut self.active {
            if local.delivery == Delivery::Pending {
                let frame = Frame::NewConnectionId {
                    sequence: local.sequence,
                    retire_prior_to: 0,
                    cid: local.cid.as_slice(),
                    reset_token: local.reset_token,
                };
                let sequence = local.sequence;
                if !w.frame(&frame, Token::NewConnectionId { sequence }) {
                    return;
                }
                local.delivery = Delivery::Sent;
            }
        }
    }

    /// NEW_CONNECTION_ID number `sequence` was lost.
    pub fn on_loss(&mut self, sequence: u64) {
        if let Some(local) = self
            .active
            .iter_mut()
            .find(|local| local.sequence == sequence)
        {
            local.delivery = Delivery::Pending;
        }
    }

    fn issue(&mut self, random: &mut Random) -> bool {
        let mut bytes = [0; 20];
        let bytes = bytes.get_mut(..self.length).unwrap_or_default();
        random.fill(bytes);
        //= rfc9000#10.3.2
        let mut reset_token = [0; 16];
        random.fill(&mut reset_token);
        let local = Local {
            sequence: self.next_sequence,
            cid: ConnectionId::new(bytes).unwrap_or_default(),
            reset_token,
            delivery: Delivery::Pending,
        };
        let issued = !self.contains(&local.cid) && self.active.push(local).is_ok();
        self.next_sequence += u64::from(issued);
        issued
    }
}

/// A connection ID that reaches the peer.
#[derive(Clone, Copy, Debug)]
struct Remote {
    sequence: u64,
    cid: ConnectionId,
    /// What a stateless reset for it ends with; unknown for the first until transport parameters say it.
    reset_token: Option<[u8; 16]>,
}

/// The connection IDs that the peer issued and we did not retire; the first of them is in use.
pub struct RemoteCids {
    active: heapless::Vec<Remote, REMOTE_MAX>,
    retire_prior_to: u64,
    retired: heapless::Vec<(u64, Delivery), RETIRED_MAX>,
    /// The last ones that we stopped using by ourselves: the frames that brought them may come again.
    #[cfg(feature = "migration")]
    given_back: heapless::Vec<u64, RETIRED_MAX>,
}

impl RemoteCids {
    /// With `cid` as number 0: what a client makes up, or what a server found in the first packet.
    pub fn new(cid: ConnectionId) -> Self {
        let mut active = heapless::Vec::new();
        let first = Remote {
            sequence: 0,
            cid,
            reset_token: None,
        };
        // A new table has room.
        let _ = active.push(first);
        Self {
            active,
            retire_prior_to: 0,
            retired: heapless::Vec::new(),
            #[cfg(feature = "migration")]
            given_back: heapless::Vec::new(),
        }
    }

    /// The destination of the next packet.
    pub fn current(&self) -> ConnectionId {
        self.active
            .first()
            .map_or(ConnectionId::EMPTY, |remote| remote.cid)
    }

    /// A Retry or the server's first packet says what number 0 really is.
    //= rfc9000#7.2
    pub fn set_first(&mut self, cid: ConnectionId) {
        if let Some(first) = self.first() {
            first.cid = cid;
        }
    }

    /// The transport parameter stateless_reset_token, which goes with number 0.
    pub fn set_first_reset_token(&mut self, reset_token: [u8; 16]) {
        if let Some(first) = self.first() {
            first.reset_token = Some(reset_token);
        }
    }

    /// The connection ID of the transport parameter preferred_address, which is number 1.
    //= rfc9000#5.1.1
    pub fn on_preferred_address(
        &mut self,
        cid: ConnectionId,
        reset_token: [u8; 16],
    ) -> Result<(), TransportError> {
        self.on_new(1, 0, cid.as_slice(), reset_token)
    }

    /// A NEW_CONNECTION_ID arrived.
    pub fn on_new(
        &mut self,
        sequence: u64,
        retire_prior_to: u64,
        cid: &[u8],
        reset_token: [u8; 16],
    ) -> Result<(), TransportError> {
        let Some(cid) = ConnectionId::new(cid) else {
            return Err(TransportError::new(rule!(
                Code::PROTOCOL_VIOLATION,
                "connection ID is too long"
            ))
            .in_frame(NEW_CONNECTION_ID));
        };
        //= rfc9000#19.15
        if self.current().is_empty() {
            return Err(TransportError::new(rule!(
                Code::PROTOCOL_VIOLATION,
                "connection IDs have no bytes"
            ))
            .in_frame(NEW_CONNECTION_ID));
        }
        let new = Remote {
            sequence,
            cid,
            reset_token: Some(reset_token),
        };
        let known = self.is_known(&new)? || self.was_given_back(sequence);
        // A frame cannot take back what it gives: at least the new one stays.
        let retire_prior_to = self.retire_prior_to.max(retire_prior_to.min(sequence));
        self.check_room(retire_prior_to, sequence)?;
        self.retire_prior_to = retire_prior_to;
        self.retire_old()?;
        if known {
            return Ok(());
        }
        if sequence < self.retire_prior_to {
            return self.retire(sequence);
        }
        self.active.push(new).map_err(|_| TOO_MANY)
    }

    /// Whether the last bytes of a datagram are the reset token of the connection ID in use.
    //= rfc9000#10.3.1
    pub fn is_reset(&self, candidate: &[u8; 16]) -> bool {
        let token = self.active.first().and_then(|remote| remote.reset_token);
        token.is_some_and(|token| bool::from(token.ct_eq(candidate)))
    }

    /// RETIRE_CONNECTION_ID is to be sent.
    pub fn has_pending(&self) -> bool {
        self.retired
            .iter()
            .any(|entry| entry.1 == Delivery::Pending)
    }

    /// Writes RETIRE_CONNECTION_ID for what the peer was not told.
    pub fn on_transmit(&mut self, w: &mut FrameWriter<'_>) {
        for (sequence, delivery) in &mut self.retired {
            if *delivery == Delivery::Pending {
                let sequence = *sequence;
                let frame = Frame::RetireConnectionId { sequence };
                if !w.frame(&frame, Token::RetireConnectionId { sequence }) {
                    return;
                }
                *delivery = Delivery::Sent;
            }
        }
    }

    /// RETIRE_CONNECTION_ID number `sequence` arrived.
    pub fn on_ack(&mut self, sequence: u64) {
        self.retired.retain(|entry| entry.0 != sequence);
    }

    /// RETIRE_CONNECTION_ID number `sequence` was lost.
    pub fn on_loss(&mut self, sequence: u64) {
        if let Some(entry) = self.retired.iter_mut().find(|entry| entry.0 == sequence) {
            entry.1 = Delivery::Pending;
        }
    }

    /// Stops using number `sequence`, for good.
    //= rfc9000#5.1.2
    #[cfg(feature = "migration")]
    pub fn give_back(&mut self, sequence: u64) {
        let index = self
            .active
            .iter()
            .position(|remote| remote.sequence == sequence);
        // The one in use stays: there is no other that the end of the connection could be sent to.
        let Some(index) = index.filter(|index| *index > 0) else {
            return;
        };
        // Without a place for its retirement it stays with us; the server then issues one less.
        if self.retire(sequence).is_ok() {
            self.active.remove(index);
            if self.given_back.is_full() {
                self.given_back.remove(0);
            }
            // There is room now.
            let _ = self.given_back.push(sequence);
        }
    }

    /// The lowest number that is neither in use nor, as `is_used` says, otherwise taken. None if connection IDs have no
    /// bytes: paths could not be told apart by the server.
    #[cfg(feature = "migration")]
    pub fn unused(&self, is_used: impl Fn(u64) -> bool) -> Option<u64> {
        let spare = self.active.get(1..)?.iter();
        let sequences = spare.map(|remote| remote.sequence);
        sequences.filter(|sequence| !is_used(*sequence)).min()
    }

    /// Whether number `sequence` may be sent to.
    #[cfg(feature = "migration")]
    pub fn contains(&self, sequence: u64) -> bool {
        self.get(sequence).is_some()
    }

    /// The connection ID with number `sequence`.
    #[cfg(feature = "migration")]
    pub fn get(&self, sequence: u64) -> Option<ConnectionId> {
        let remote = self
            .active
            .iter()
            .find(|remote| remote.sequence == sequence);
        remote.map(|remote| remote.cid)
    }

    /// The number of the one in use.
    #[cfg(feature = "migration")]
    pub fn current_sequence(&self) -> u64 {
        self.active.first().map_or(0, |remote| remote.sequence)
    }

    /// Uses number `sequence` from now on.
    #[cfg(feature = "migration")]
    pub fn make_current(&mut self, sequence: u64) {
        let index = self
            .active
            .iter()
            .position(|remote| remote.sequence == sequence);
        if let Some(index) = index {
            self.active.swap(0, index);
        }
    }

    /// Whether the last bytes of a datagram are the reset token of number `sequence`.
    //= rfc9000#10.3.1
    #[cfg(feature = "migration")]
    pub fn is_reset_of(&self, sequence: u64, candidate: &[u8; 16]) -> bool {
        let remote = self
            .active
            .iter()
            .find(|remote| remote.sequence == sequence);
        let token = remote.and_then(|remote| remote.reset_token);
        token.is_some_and(|token| bool::from(token.ct_eq(candidate)))
    }

    fn first(&mut self) -> Option<&mut Remote> {
        self.active.iter_mut().find(|remote| remote.sequence == 0)
    }

    /// Whether it was said before; saying something else under an old number or ID is a violation.
    fn is_known(&self, new: &Remote) -> Result<bool, TransportError> {
        let mut known = false;
        for old in &self.active {
            let same_token = old.reset_token.is_none() || old.reset_token == new.reset_token;
            match (old.sequence == new.sequence, old.cid == new.cid) {
                (false, false) => {}
                (true, true) if same_token => known = true,
                _ => {
                    return Err(TransportError::new(rule!(
                        Code::PROTOCOL_VIOLATION,
                        "a connection ID was issued twice"
                    ))
                    .in_frame(NEW_CONNECTION_ID));
                }
            }
        }
        Ok(known)
    }

    #[cfg_attr(not(feature = "migration"), expect(unused_variables))]
    fn was_given_back(&self, sequence: u64) -> bool {
        #[cfg(feature = "migration")]
        return self.given_back.contains(&sequence);
        #[cfg(not(feature = "migration"))]
        return false;
    }

    /// What is refused must change nothing: the end of the connection is still sent to a connection ID.
    fn check_room(&self, retire_prior_to: u64, sequence: u64) -> Result<(), TransportError> {
        let sequences = self.active.iter().map(|remote| remote.sequence);
        let retiring = sequences
            .chain([sequence])
            .filter(|sequence| *sequence < retire_prior_to)
            .filter(|sequence| !self.retired.iter().any(|entry| entry.0 == *sequence));
        if retiring.count() > RETIRED_MAX - self.retired.len() {
            return Err(TOO_MANY_RETIRED);
        }
        Ok(())
    }

    /// Stops using what the peer wants back.
    //= rfc9000#5.1.2
    fn retire_old(&mut self) -> Result<(), TransportError> {
        while let Some(index) = self
            .active
            .iter()
            .position(|remote| remote.sequence < self.retire_prior_to)
        {
            let old = self.active.remove(index);
            self.retire(old.sequence)?;
        }
        Ok(())
    }

    fn retire(&mut self, sequence: u64) -> Result<(), TransportError> {
        if self.retired.iter().any(|entry| entry.0 == sequence) {
            return Ok(());
        }
        self.retired
            .push((sequence, Delivery::Pending))
            .map_err(|_| TOO_MANY_RETIRED)
    }
}

const TOO_MANY: TransportError = TransportError::new(rule!(
    Code::CONNECTION_ID_LIMIT_ERROR,
    "too many connection IDs"
))
.in_frame(NEW_CONNECTION_ID);

const TOO_MANY_RETIRED: TransportError = TransportError::new(rule!(
    Code::CONNECTION_ID_LIMIT_ERROR,
    "too many connection IDs are being retired"
))
.in_frame(NEW_CONNECTION_ID);

/// A connection ID of `length` random bytes, at most 20.
pub fn random(random: &mut Random, length: usize) -> ConnectionId {
    let mut bytes = [0; 20];
    random.fill(&mut bytes);
    ConnectionId::new(bytes.get(..length).unwrap_or(&bytes)).unwrap_or(ConnectionId::EMPTY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Writer;
    use crate::wire::frame::Frames;
    use proptest::prelude::*;
    use std::vec::Vec;

    fn cid(number: u8) -> ConnectionId {
        ConnectionId::new(&[number; 8]).unwrap()
    }

    /// The frames that `write` wrote into `room` bytes, as (sequence, connection ID, token).
    fn written(
        room: usize,
        write: impl FnOnce(&mut FrameWriter<'_>),
    ) -> Vec<(u64, ConnectionId, [u8; 16])> {
        let mut buffer = [0; 1_000];
        let mut tokens = heapless::Vec::new();
        let mut w = FrameWriter::new(Writer::new(&mut buffer[..room]), &mut tokens, 32);
        write(&mut w);
        let length = w.len();
        let frames = Frames::new(&buffer[..length]);
        let mut seen = Vec::new();
        for frame in frames {
            let token = tokens[seen.len()];
            seen.push(match frame.unwrap() {
                Frame::NewConnectionId {
                    sequence,
                    cid,
                    reset_token,
                    retire_prior_to: 0,
                } => {
                    assert_eq!(token, Token::NewConnectionId { sequence });
                    (sequence, ConnectionId::new(cid).unwrap(), reset_token)
                }
                Frame::RetireConnectionId { sequence } => {
                    assert_eq!(token, Token::RetireConnectionId { sequence });
                    (sequence, ConnectionId::EMPTY, [0; 16])
                }
                other => panic!("{other:?}"),
            });
        }
        seen
    }

    fn issued(local: &mut LocalCids, room: usize) -> Vec<(u64, ConnectionId, [u8; 16])> {
        let mut random = Random::new([7; 32]);
        for _ in 0..local.next_sequence * 5 {
            random.u64();
        }
        written(room, |w| local.on_transmit(&mut random, w))
    }

    fn retired(remote: &mut RemoteCids) -> Vec<u64> {
        let frames = written(1_000, |w| remote.on_transmit(w));
        frames.into_iter().map(|frame| frame.0).collect()
    }

    fn new(
        remote: &mut RemoteCids,
        sequence: u64,
        retire_prior_to: u64,
    ) -> Result<(), TransportError> {
        let number = sequence as u8;
        remote.on_new(
            sequence,
            retire_prior_to,
            cid(number).as_slice(),
            [number; 16],
        )
    }

    //= rfc9000#5.1.1 test
    //= rfc9000#10.3.2 test
    #[test]
    fn as_many_are_issued_as_the_peer_keeps() {
        for (limit, expected) in [(0, 0), (2, 1), (3, 2), (4, 3), (5, 3), (u64::MAX, 3)] {
            let mut local = LocalCids::new(cid(0));
            assert!(issued(&mut local, 1_000).is_empty());
            local.on_peer_limit(limit);
            let frames = issued(&mut local, 1_000);
            assert_eq!(frames.len(), expected);
            assert!(!local.has_pending());
            for (index, frame) in frames.iter().enumerate() {
                assert_eq!(frame.0, index as u64 + 1);
                assert_eq!(frame.1.len(), 8);
                assert!(local.contains(&frame.1));
                assert!(
                    frames
                        .iter()
                        .filter(|other| other.1 == frame.1 || other.2 == frame.2)
                        .count()
                        == 1
                );
            }
        }
    }

    #[test]
    fn what_was_lost_or_did_not_fit_is_said_again_as_it_was() {
        let mut local = LocalCids::new(cid(0));
        local.on_peer_limit(3);
        let first = issued(&mut local, 30);
        assert_eq!(first.len(), 1);
        assert!(local.has_pending());
        assert_eq!(issued(&mut local, 1_000)[0].0, 2);
        local.on_loss(1);
        local.on_loss(99);
        assert_eq!(issued(&mut local, 1_000), first);
    }

    #[test]
    fn a_retired_one_is_replaced() {
        let mut local = LocalCids::new(cid(0));
        local.on_peer_limit(2);
        let second = issued(&mut local, 1_000)[0].1;
        local.on_retire(0, &second).unwrap();
        assert!(!local.contains(&cid(0)));
        assert_eq!(issued(&mut local, 1_000)[0].0, 2);
        // Retired twice, or lost after it was retired: nothing.
        local.on_retire(0, &second).unwrap();
        local.on_loss(0);
        assert!(!local.has_pending());
        assert_eq!(local.iter().count(), 2);
    }

    //= rfc9000#19.16 test
    #[test]
    fn retirements_that_make_no_sense_are_violations() {
        let mut local = LocalCids::new(cid(0));
        local.on_peer_limit(2);
        issued(&mut local, 1_000);
        for (sequence, destination) in [(2, cid(0)), (u64::MAX >> 2, cid(0)), (0, cid(0))] {
            let error = local.on_retire(sequence, &destination).unwrap_err();
            assert_eq!(
                (error.code(), error.frame()),
                (Code::PROTOCOL_VIOLATION, Some(0x19))
            );
        }
        let mut local = LocalCids::new(ConnectionId::EMPTY);
        local.on_peer_limit(8);
        assert!(!local.has_pending());
        assert!(local.on_retire(0, &ConnectionId::EMPTY).is_err());
    }

    //= rfc9000#7.2 test
    #[test]
    fn the_handshake_says_what_the_first_one_is() {
        let mut remote = RemoteCids::new(cid(100));
        remote.set_first(cid(0));
        assert_eq!(remote.current(), cid(0));
        assert!(!remote.is_reset(&[0; 16]));
        remote.set_first_reset_token([9; 16]);
        assert!(remote.is_reset(&[9; 16]));
        assert!(!remote.is_reset(&[8; 16]));
    }

    //= rfc9000#5.1.2 test
    //= rfc9000#10.3.1 test
    #[test]
    fn the_peer_takes_connection_ids_back() {
        let mut remote = RemoteCids::new(cid(0));
        new(&mut remote, 1, 0).unwrap();
        assert_eq!(remote.current(), cid(0));
        assert!(!remote.is_reset(&[1; 16]), "not used yet");
        new(&mut remote, 2, 1).unwrap();
        assert_eq!(remote.current(), cid(1));
        assert!(remote.is_reset(&[1; 16]));
        assert!(remote.has_pending());
        assert_eq!(retired(&mut remote), [0]);
        assert_eq!(retired(&mut remote), []);
        remote.on_loss(0);
        assert_eq!(retired(&mut remote), [0]);
        remote.on_ack(0);
        remote.on_loss(0);
        assert_eq!(retired(&mut remote), []);
        // One that comes late, below what was taken back, is retired unused.
        new(&mut remote, 5, 5).unwrap();
        assert_eq!(remote.current(), cid(5));
        assert_eq!(retired(&mut remote), [1, 2]);
        new(&mut remote, 4, 0).unwrap();
        new(&mut remote, 4, 0).unwrap();
        assert_eq!(retired(&mut remote), [4]);
        assert_eq!(remote.current(), cid(5));
    }

    //= rfc9000#5.1.1 test
    #[test]
    fn more_than_our_limit_is_an_error() {
        let mut remote = RemoteCids::new(cid(0));
        for sequence in 1..REMOTE_MAX as u64 {
            new(&mut remote, sequence, 0).unwrap();
        }
        // Repetition is not one more, and neither is one that takes another's place.
        new(&mut remote, 1, 0).unwrap();
        new(&mut remote, 4, 1).unwrap();
        let error = new(&mut remote, 5, 1).unwrap_err();
        assert_eq!(
            (error.code(), error.frame()),
            (Code::CONNECTION_ID_LIMIT_ERROR, Some(0x18))
        );
    }

    //= rfc9000#5.1.2 test
    #[test]
    fn unacknowledged_retirements_are_bounded() {
        let mut remote = RemoteCids::new(cid(0));
        for sequence in 1..=RETIRED_MAX as u64 {
            new(&mut remote, sequence, sequence).unwrap();
        }
        let mut acknowledged = RemoteCids::new(cid(0));
        for sequence in 1..=50 {
            new(&mut acknowledged, sequence, sequence).unwrap();
            acknowledged.on_ack(sequence - 1);
        }
        let error = new(&mut remote, 9, 9).unwrap_err();
        assert_eq!(error.code(), Code::CONNECTION_ID_LIMIT_ERROR);
        assert_eq!(remote.current(), cid(8), "that is told to a known one");
    }

    //= rfc9000#19.15 test
    #[test]
    fn contradictions_are_violations() {
        let mut remote = RemoteCids::new(cid(0));
        new(&mut remote, 1, 0).unwrap();
        let contradictions = [
            (1, cid(2), [1; 16]), // another ID under the number
            (1, cid(1), [2; 16]), // another token
            (2, cid(1), [1; 16]), // the ID under another number
            (3, cid(0), [3; 16]), // the ID of the handshake
        ];
        for (sequence, cid, token) in contradictions {
            let error = remote
                .on_new(sequence, 0, cid.as_slice(), token)
                .unwrap_err();
            assert_eq!(
                (error.code(), error.frame()),
                (Code::PROTOCOL_VIOLATION, Some(0x18))
            );
        }
        let mut empty = RemoteCids::new(ConnectionId::EMPTY);
        assert!(new(&mut empty, 1, 0).is_err());
        assert!(
            RemoteCids::new(cid(0))
                .on_preferred_address(cid(1), [1; 16])
                .is_ok()
        );
    }

    //= rfc9000#9.5 test
    #[cfg(feature = "migration")]
    #[test]
    fn a_path_gets_one_that_no_other_uses_and_gives_its_own_back() {
        let mut remote = RemoteCids::new(cid(0));
        assert_eq!(remote.unused(|_| false), None);
        new(&mut remote, 2, 0).unwrap();
        new(&mut remote, 1, 0).unwrap();
        assert_eq!(remote.unused(|_| false), Some(1));
        assert_eq!(remote.unused(|sequence| sequence == 1), Some(2));
        remote.make_current(1);
        remote.make_current(7);
        assert_eq!((remote.current(), remote.current_sequence()), (cid(1), 1));
        assert!(remote.is_reset(&[1; 16]) && remote.is_reset_of(2, &[2; 16]));
        assert!(!remote.is_reset_of(2, &[1; 16]) && !remote.is_reset_of(0, &[0; 16]));
        remote.give_back(1);
        assert!(remote.contains(1), "it is in use");
        remote.give_back(0);
        remote.give_back(0);
        assert_eq!(retired(&mut remote), [0]);
        assert_eq!(remote.get(0), None);
        assert_eq!(remote.get(2), Some(cid(2)));
        // What was given back does not come again.
        remote.on_ack(0);
        new(&mut remote, 0, 0).unwrap();
        assert_eq!(retired(&mut remote), []);
        assert!(!remote.contains(0));
    }

    proptest! {
        #[test]
        fn there_is_always_one_in_use(frames in prop::collection::vec((0_u64..12, 0_u64..12, any::<bool>()), 1..60)) {
            let mut remote = RemoteCids::new(cid(0));
            for (sequence, retire_prior_to, acknowledge) in frames {
                if new(&mut remote, sequence, retire_prior_to.min(sequence)).is_err() {
                    break;
                }
                prop_assert!(!remote.active.is_empty());
                prop_assert!(remote.active.iter().all(|active| active.sequence >= remote.retire_prior_to));
                prop_assert!(remote.retired.iter().all(|entry| entry.0 < remote.retire_prior_to));
                if acknowledge {
                    for sequence in retired(&mut remote) {
                        remote.on_ack(sequence);
                    }
                }
            }
        }
    }
}

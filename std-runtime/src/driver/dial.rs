//! Racing a name's addresses (RFC 8305): families alternate, the next begins at a refusal or after a while, the first
//! verified handshake wins.
//!
//! Invariant: at every moment there is an attempt under way, an address to try, or a reason to give up.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

use crate::client_builder::Family;
use crate::config::ATTEMPT_DELAY;
use crate::error::{Cause, Failure, Phase};

/// The search for a connection to one origin.
pub(crate) struct Dial {
    untried: VecDeque<SocketAddr>,
    tried: Vec<SocketAddr>,
    /// Connections that have not failed yet.
    attempts: Vec<usize>,
    /// When the next address gets its turn, if nothing happens before.
    next_at: Option<Instant>,
    /// When the whole search ends.
    pub deadline: Instant,
    resolving: bool,
    failure: Option<Failure>,
}

impl Dial {
    pub fn new(deadline: Instant) -> Self {
        Self {
            untried: VecDeque::new(),
            tried: Vec::new(),
            attempts: Vec::new(),
            next_at: None,
            deadline,
            resolving: true,
            failure: None,
        }
    }

    /// The name's addresses are known, in the order of preference.
    pub fn on_resolved(&mut self, addresses: &[SocketAddr], family: Family, now: Instant) {
        self.resolving = false;
        self.untried = alternate(addresses, family);
        self.next_at = Some(now);
    }

    /// An address to try now, if it is time for one.
    pub fn next_address(&mut self, now: Instant) -> Option<SocketAddr> {
        if self.next_at.is_none_or(|at| now < at) {
            return None;
        }
        let address = self.untried.pop_front()?;
        self.tried.push(address);
        self.next_at = (!self.untried.is_empty()).then(|| now + ATTEMPT_DELAY);
        Some(address)
    }

    pub fn on_attempt(&mut self, key: usize) {
        self.attempts.push(key);
    }

    /// An attempt, or something before one, failed; the next address need not wait any longer.
    pub fn on_failure(&mut self, key: Option<usize>, failure: Failure, now: Instant) {
        if let Some(key) = key {
            let Some(place) = self.attempts.iter().position(|attempt| *attempt == key) else {
                return;
            };
            self.attempts.remove(place);
        }
        // What the server said about itself is worth more than silence.
        let is_better = self
            .failure
            .as_ref()
            .is_none_or(|known| known.cause != Cause::Tls);
        if is_better {
            self.failure = Some(failure);
        }
        if !self.untried.is_empty() {
            self.next_at = Some(now);
        }
    }

    /// Whether there is nothing left to hope for.
    pub fn is_over(&self) -> bool {
        !self.resolving && self.attempts.is_empty() && self.untried.is_empty()
    }

    /// When something is due.
    pub fn wake_at(&self) -> Instant {
        self.next_at
            .map_or(self.deadline, |at| at.min(self.deadline))
    }

    /// The other attempts, when `winner` is connected, or all of them.
    pub fn losers(&self, winner: Option<usize>) -> Vec<usize> {
        self.attempts
            .iter()
            .copied()
            .filter(|key| Some(*key) != winner)
            .collect()
    }

    /// Why no connection came about.
    pub fn into_failure(self, now: Instant) -> Failure {
        let expired = now >= self.deadline;
        let failure = self.failure.unwrap_or_else(|| {
            let phase = if self.resolving {
                Phase::Resolve
            } else {
                Phase::Connect
            };
            let cause = if expired {
                Cause::Timeout
            } else {
                Cause::Other
            };
            let message = if self.resolving {
                "no answer in time"
            } else if expired {
                "no connection in time"
            } else {
                "the name has no address of the wanted family"
            };
            Failure::new(phase, cause, message)
        });
        failure.addresses(self.tried)
    }
}

//= rfc8305#4
fn alternate(addresses: &[SocketAddr], family: Family) -> VecDeque<SocketAddr> {
    let wanted = |address: &&SocketAddr| match family {
        Family::Any => true,
        Family::Ipv4 => address.is_ipv4(),
        Family::Ipv6 => address.is_ipv6(),
    };
    let mut all: Vec<SocketAddr> = Vec::new();
    for address in addresses.iter().filter(wanted) {
        if !all.contains(address) {
            all.push(*address);
        }
    }
    let Some(first) = all.first().map(SocketAddr::is_ipv6) else {
        return VecDeque::new();
    };
    let (mut one, mut other): (VecDeque<_>, VecDeque<_>) = all
        .into_iter()
        .partition(|address| address.is_ipv6() == first);
    let mut mixed = VecDeque::new();
    while !one.is_empty() || !other.is_empty() {
        mixed.extend(one.pop_front());
        mixed.extend(other.pop_front());
    }
    mixed
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    //= rfc8305#4 test
    #[test]
    fn families_alternate_beginning_with_the_preferred_one() {
        let all = addresses(&["[::1]:1", "[::2]:1", "[::1]:1", "1.1.1.1:1", "[::3]:1"]);
        let mixed = alternate(&all, Family::Any);
        assert_eq!(
            mixed,
            addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"])
        );
        assert_eq!(alternate(&all, Family::Ipv4), addresses(&["1.1.1.1:1"]));
        assert!(alternate(&[], Family::Any).is_empty());
    }

    //= rfc8305#5 test
    #[test]
    fn the_next_address_waits_for_a_failure_or_for_its_time() {
        let now = Instant::now();
        let mut dial = Dial::new(now + Duration::from_secs(10));
        assert_eq!(dial.next_address(now), None);
        assert!(!dial.is_over());
        let all = addresses(&["[::1]:1", "1.1.1.1:1", "2.2.2.2:1"]);
        dial.on_resolved(&all, Family::Any, now);
        assert_eq!(dial.next_address(now), Some(all[0]));
        dial.on_attempt(7);
        assert_eq!(dial.next_address(now), None);
        assert_eq!(dial.wake_at(), now + ATTEMPT_DELAY);
        assert_eq!(dial.next_address(now + ATTEMPT_DELAY), Some(all[1]));
        dial.on_attempt(8);
        let refused = Failure::new(Phase::Connect, Cause::Other, "refused");
        dial.on_failure(Some(7), refused.clone(), now + ATTEMPT_DELAY);
        assert_eq!(dial.next_address(now + ATTEMPT_DELAY), Some(all[2]));
        dial.on_attempt(9);
        assert_eq!(dial.losers(Some(9)), [8]);
        let tls = Failure::new(Phase::Handshake, Cause::Tls, "expired");
        dial.on_failure(Some(9), tls, now);
        dial.on_failure(Some(8), refused, now);
        assert!(dial.is_over());
        let failure = dial.into_failure(now);
        assert_eq!((failure.cause, failure.addresses), (Cause::Tls, all));
    }
}

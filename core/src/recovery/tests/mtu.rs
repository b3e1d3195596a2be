//! Datagrams that are larger than every path carries: what their losses mean (RFC 9000 §14.4, RFC 8899).

use super::*;

const LARGE: u16 = 1_472;

impl Bench {
    /// A confirmed client on whose path datagrams of 1,472 bytes arrive.
    fn enlarged() -> Self {
        let mut bench = Self::confirmed(64);
        bench.recovery.set_datagram_max(LARGE);
        let first = bench.send(0, Application);
        let probe = bench.probe(0);
        bench.ack(100, Application, &[first, probe]);
        assert_eq!(bench.recovery.datagram_size(), LARGE);
        bench.outcomes.clear();
        bench
    }

    fn send_sized(&mut self, ms: u64, size: u16) -> u64 {
        let number = self.recovery.next_number(Application);
        let packet = Packet {
            size: size.into(),
            ack_eliciting: true,
            in_flight: true,
            path: Slot::FIRST,
            tokens: &[token(number)],
        };
        self.recovery.on_packet_sent(at(ms), Application, &packet);
        number
    }

    /// Sends the probe that is due.
    fn probe(&mut self, ms: u64) -> u64 {
        let size = self.recovery.mtu_probe(at(ms)).expect("a probe is due");
        self.recovery.on_mtu_probe_sent(size);
        self.send_sized(ms, size)
    }
}

/// Two probe timeouts have the size fall back. What was lost had a size that arrived before, and was no probe.
//= rfc9000#14.4 test
//= rfc9002#7.3.2 test
#[test]
fn a_flight_that_is_lost_is_congestion_although_smaller_datagrams_are_sent_by_then() {
    let mut bench = Bench::enlarged();
    let flight: Vec<_> = (0..8).map(|_| bench.send_sized(200, LARGE)).collect();
    let window = bench.recovery.window();
    for _ in 0..2 {
        let (_, due) = bench.deadline().expect("a probe timeout");
        bench.timeout(Instant::from_micros(due));
    }
    assert_eq!(bench.recovery.datagram_size(), DATAGRAM);
    let ms = bench.deadline().expect("another").1 / MS;
    let last = (0..3).map(|_| bench.send_sized(ms, DATAGRAM)).last();
    bench.ack(ms + 100, Application, &[last.expect("three were sent")]);
    assert_eq!(bench.recovery.stats().lost, flight.len() as u32);
    assert!(bench.recovery.window() <= window / 2 + 1);
}

//= rfc9000#14.4 test
#[test]
fn a_probe_that_is_lost_is_no_congestion_and_undoes_none_when_it_comes_late() {
    let mut bench = Bench::confirmed(64);
    bench.recovery.set_datagram_max(LARGE);
    bench.send(0, Application);
    let probe = bench.probe(0);
    let window = bench.recovery.window();
    let others: Vec<_> = (0..4).map(|_| bench.send(1, Application)).collect();
    bench.ack(100, Application, &others);
    assert_eq!(bench.recovery.stats().lost, 2);
    let halved = bench.recovery.window();
    assert!(halved < window, "the first packet was lost as well");
    bench.ack(101, Application, &[probe]);
    assert_eq!(bench.recovery.window(), halved);
    // It arrived too late to count, so it is tried again.
    let full: Vec<_> = (0..20).map(|_| bench.send(200, Application)).collect();
    bench.ack(300, Application, &full);
    assert_eq!(bench.recovery.datagram_size(), DATAGRAM);
}

/// The probe timeout's two packets are for what may arrive; a larger one is no sign of life.
//= rfc9002#6.2.4 test
#[test]
fn probes_for_larger_datagrams_do_not_stand_for_those_of_a_timeout() {
    let mut bench = Bench::confirmed(64);
    bench.recovery.set_datagram_max(LARGE);
    bench.send(0, Application);
    let (_, due) = bench.deadline().expect("a probe timeout");
    bench.timeout(Instant::from_micros(due));
    assert_eq!(bench.recovery.probes(Application), 2);
    bench.probe(due / MS);
    assert_eq!(bench.recovery.probes(Application), 2);
    bench.send(due / MS, Application);
    assert_eq!(bench.recovery.probes(Application), 1);
}

/// The table is full and a probe timeout takes the oldest record, which was a probe's: the search goes on.
#[test]
fn a_probe_without_a_record_is_not_waited_for() {
    let mut bench = Bench::confirmed(16);
    bench.recovery.set_datagram_max(LARGE);
    bench.recovery.paths.active_mut().mtu.on_sent(DATAGRAM);
    bench.probe(0);
    while bench.room(Application, Purpose::Data) > 0 {
        bench.send_sized(0, 100);
    }
    while bench.recovery.stats().retired == 0 {
        assert!(bench.room(Application, Purpose::Probe) > 0);
        bench.send_sized(1, 100);
    }
    let mtu = &mut bench.recovery.paths.active_mut().mtu;
    mtu.on_sent(DATAGRAM);
    assert_eq!(mtu.next_probe(at(2)), Some(LARGE));
}

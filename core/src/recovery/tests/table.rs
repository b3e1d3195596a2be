//! The table of sent packets: places kept for probes, a dead link, and sums that agree.

use super::*;
use proptest::prelude::*;

#[test]
fn data_leaves_the_last_places_to_probes() {
    let mut bench = Bench::confirmed(8);
    for _ in 0..4 {
        assert!(bench.room(Application, Purpose::Data) > 0);
        bench.send(0, Application);
    }
    bench.recovery.budget(at(0));
    assert_eq!(bench.room(Application, Purpose::Data), 0);
    assert_eq!(bench.recovery.stats().table_full, 1);
    for _ in 0..4 {
        assert!(bench.room(Application, Purpose::Probe) > 0);
        bench.send(1, Application);
    }
    assert!(bench.outcomes.is_empty());
    // All places are used: the oldest is given up, without a congestion signal.
    assert!(bench.room(Application, Purpose::Probe) > 0);
    assert_eq!(bench.reported(Outcome::Lost), [0]);
    bench.send(2, Application);
    assert_eq!(bench.recovery.stats().retired, 1);
    assert_eq!(bench.recovery.window(), 12_000);
    assert_eq!(bench.recovery.bytes_in_flight(), 8 * 1_200);
    // Its late acknowledgement is ignored.
    assert_eq!(bench.ack(100, Application, &[0]), AckSummary::default());
}

#[test]
fn tokens_run_out_before_records_do() {
    let mut bench = Bench::confirmed(8);
    assert_eq!(bench.room(Application, Purpose::Data), 8);
    bench.send_packet(0, Application, true, true, &[token(1); 8]);
    assert_eq!(bench.room(Application, Purpose::Data), 0);
    assert_eq!(bench.room(Application, Purpose::Probe), 8);
    bench.send_packet(0, Application, true, true, &[token(2); 3]);
    assert_eq!(bench.room(Application, Purpose::Probe), 13);
    assert_eq!(bench.reported(Outcome::Lost), [1; 8]);
}

/// The link is dead until `dead_ms`; then every packet is acknowledged after 50 ms.
fn outage(dead_ms: u64) -> Bench {
    let mut bench = Bench::confirmed(16);
    let mut now = 0;
    let mut owed: Vec<u64> = (0..200).collect();
    let mut on_the_way: Vec<(u64, u64)> = Vec::new();
    while !(owed.is_empty() && bench.recovery.bytes_in_flight() == 0) {
        assert!(now < 200_000, "no progress");
        // Send: probes first, then data.
        loop {
            let probing = bench.recovery.probes(Application) > 0;
            let purpose = if probing {
                Purpose::Probe
            } else {
                Purpose::Data
            };
            let budget = matches!(bench.recovery.budget(at(now)), Budget::Bytes(_));
            if !(probing || budget && !owed.is_empty()) || bench.room(Application, purpose) == 0 {
                break;
            }
            owed.extend(bench.reported(Outcome::Lost));
            let number = bench.recovery.next_number(Application);
            let data: Vec<_> = owed.pop().map(token).into_iter().collect();
            bench.send_packet(now, Application, true, true, &data);
            if now >= dead_ms {
                on_the_way.push((now + 50, number));
            }
        }
        assert!(bench.recovery.bytes_in_flight() <= 16 * 1_200);
        let arrived: Vec<u64> = on_the_way
            .iter()
            .filter(|entry| entry.0 <= now)
            .map(|entry| entry.1)
            .collect();
        on_the_way.retain(|entry| entry.0 > now);
        if !arrived.is_empty() {
            bench.ack(now, Application, &arrived);
        }
        bench.timeout(at(now));
        owed.extend(bench.reported(Outcome::Lost));
        for acknowledged in bench.reported(Outcome::Acknowledged) {
            owed.retain(|&number| number != acknowledged);
        }
        now += 1;
    }
    bench
}

#[test]
fn a_full_table_on_a_dead_link_recovers_when_the_link_does() {
    let bench = outage(0);
    assert_eq!(bench.recovery.stats().retired, 0);
    let bench = outage(30_000);
    assert!(bench.recovery.stats().retired > 0);
    assert!(bench.recovery.stats().probe_timeouts >= 4);
}

/// A step of the model test.
#[derive(Clone, Debug)]
enum Step {
    Send { eliciting: bool },
    Ack { picks: Vec<prop::sample::Index> },
    Wait { ms: u64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => any::<bool>().prop_map(|eliciting| Step::Send { eliciting }),
        2 => prop::collection::vec(any::<prop::sample::Index>(), 1..6).prop_map(|picks| Step::Ack { picks }),
        1 => (1_u64..400).prop_map(|ms| Step::Wait { ms }),
    ];
    prop::collection::vec(step, 1..150)
}

proptest! {
    /// Every token ends acknowledged or lost or is still outstanding, and the sums agree at every step.
    #[test]
    fn the_books_balance(steps in steps()) {
        let mut bench = Bench::confirmed(12);
        let mut sent: Vec<u64> = Vec::new();
        let mut lost: Vec<u64> = Vec::new();
        let mut acknowledged: Vec<u64> = Vec::new();
        let mut now = 1;
        for step in steps {
            match step {
                Step::Send { eliciting } => {
                    if bench.room(Application, Purpose::Probe) > 0 {
                        let number = bench.recovery.next_number(Application);
                        bench.send_packet(now, Application, eliciting, true, &[token(number)]);
                        sent.push(number);
                    }
                }
                Step::Ack { picks } if !sent.is_empty() => {
                    let numbers: Vec<u64> = picks.iter().map(|pick| *pick.get(&sent)).collect();
                    let mut numbers = numbers;
                    numbers.sort_unstable();
                    numbers.dedup();
                    bench.ack(now, Application, &numbers);
                }
                Step::Ack { .. } => {}
                Step::Wait { ms } => {
                    now += ms;
                    bench.timeout(at(now));
                }
            }
            for number in bench.reported(Outcome::Lost) {
                prop_assert!(!lost.contains(&number), "lost twice");
                prop_assert!(!acknowledged.contains(&number), "lost after it arrived");
                lost.push(number);
            }
            for number in bench.reported(Outcome::Acknowledged) {
                prop_assert!(!acknowledged.contains(&number), "acknowledged twice");
                acknowledged.push(number);
            }
            let state = &mut bench.recovery.spaces[Application as usize];
            let ring = bench.recovery.memory.ring(Application, &mut state.ring);
            let outstanding: Vec<_> = (0..ring.len()).map(|index| ring.packet(index)).filter(|packet| packet.fate.is_outstanding()).collect();
            let bytes: u32 = outstanding.iter().map(|packet| u32::from(packet.size)).sum();
            prop_assert_eq!(bytes, bench.recovery.bytes_in_flight());
            let eliciting = outstanding.iter().filter(|packet| packet.ack_eliciting).count();
            prop_assert_eq!(eliciting as u32, bench.recovery.spaces[Application as usize].ack_eliciting_in_flight);
            for number in &sent {
                let open = outstanding.iter().any(|packet| packet.number == *number);
                prop_assert!(open || lost.contains(number) || acknowledged.contains(number), "forgotten");
            }
            if eliciting > 0 {
                prop_assert!(bench.deadline().is_some(), "nothing would ever happen");
            }
        }
    }
}

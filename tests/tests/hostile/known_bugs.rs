//! Bugs that other stacks had, each as the case that would have shown it here.

use super::ours::{
    Ours, Seen, assert_alive, assert_closed, assert_legal, assert_works, at, config, deliver,
    fresh, requested, settled,
};
use quicpro_core::Limits;
use quicpro_core::http3::Request;
use quicpro_core::mem::Object;
use quicpro_core::trace::{Discard, Event, Sink};
use quicpro_core::wire::Code;
use quicpro_core::wire::frame::Frame;
use quicpro_core::wire::packet::Space;
use quicpro_tests::body;
use quicpro_tests::scripted::{
    Client, Link, Options, Packet, Retry, Server, acknowledgement_of, http3, varint,
};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const APPLICATION: Space = Space::Application;

/// A long header of six bytes was read beyond its end: every first byte, cut at every length up to 64.
//= rfc9000#17.2 test
#[test]
fn headers_of_every_kind_cut_at_every_length() {
    for space in Space::ALL {
        let mut link = at(space);
        let ping = Packet::new(space).frames(&[Frame::Ping]).padded(100);
        let mut honest = link.server.sent().to_vec();
        honest.push(link.server.seal(&ping));
        for first in 0..=255_u8 {
            for length in 0..64 {
                let mut datagram = honest[usize::from(first) % honest.len()].clone();
                datagram.truncate(length);
                if let Some(byte) = datagram.first_mut() {
                    *byte = first;
                }
                link.server.send_datagram(datagram);
                link.server_speaks();
            }
        }
        assert_alive(&mut link);
    }
}

/// RUSTSEC-2023-0063: frame types of every size of integer, near every power of two.
//= rfc9000#12.4 test
#[test]
fn frame_types_of_every_size() {
    for bits in 5..62 {
        for kind in [(1_u64 << bits) - 1, 1 << bits, (1 << bits) + 1] {
            let known = kind <= 0x1f || (0x30..=0x31).contains(&kind);
            if known {
                continue;
            }
            // Every space has the same table: the others get a look at each size of integer.
            let spaces = if kind.is_power_of_two() && bits % 8 == 6 {
                &Space::ALL[..]
            } else {
                &[APPLICATION]
            };
            for &space in spaces {
                let mut link = at(space);
                let bytes = [varint(kind), vec![0; 8]].concat();
                let packet = Packet::new(space).raw(&bytes);
                link.server.send_packet(packet);
                link.settle();
                assert_closed(&link, Code::FRAME_ENCODING_ERROR.get());
            }
        }
    }
}

/// A server sends no 0-RTT packets; they are thrown away before any key is looked for.
//= rfc9001#5.6 test
#[test]
fn zero_rtt_packets_of_the_server_are_discarded() {
    for space in Space::ALL {
        let mut link = at(space);
        let honest = link.server.seal(
            &Packet::new(Space::Initial)
                .frames(&[Frame::Ping])
                .padded(100),
        );
        let discarded =
            |link: &Link<Ours>, reason| link.client.client.transport().trace().discarded(reason);
        let before = discarded(&link, Discard::Unexpected);
        let undecryptable = discarded(&link, Discard::Undecryptable);
        // Type 1 of the long headers, which has no token.
        let cids = 7 + usize::from(honest[5]) + usize::from(honest[6 + usize::from(honest[5])]);
        let mut datagram = honest[..cids].to_vec();
        datagram[0] = 0xd3;
        datagram.extend(varint(100));
        datagram.extend([0x77; 100]);
        link.server.send_datagram(datagram);
        link.settle();
        assert_eq!(discarded(&link, Discard::Unexpected), before + 1);
        assert_eq!(discarded(&link, Discard::Undecryptable), undecryptable);
        assert_alive(&mut link);
    }
}

/// s2n: a packet that is not authentic must leave no trace in what is remembered of numbers.
//= rfc9000#12.3 test
//= rfc9001#9.5 test
#[test]
fn forged_packets_do_not_take_the_numbers_of_real_ones() {
    let mut link = requested();
    for number in 5000..5020 {
        let packet = Packet::new(APPLICATION)
            .frames(&[Frame::Ping])
            .number(number);
        let real = link.server.seal(&packet);
        let mut forged = real.clone();
        *forged.last_mut().unwrap() ^= 1;
        link.server.send_datagram(forged);
        link.server.send_datagram(real);
    }
    let opened = link.client.client.transport().stats().packets_received;
    link.settle();
    let stats = link.client.client.transport().stats();
    assert_eq!(stats.packets_received, opened + 20);
    // A copy that is spoilt is opened, too, before anybody asks for its number.
    let count =
        |link: &Link<Ours>, reason| link.client.client.transport().trace().discarded(reason);
    let undecryptable = count(&link, Discard::Undecryptable);
    let duplicates = count(&link, Discard::Duplicate);
    let packet = Packet::new(APPLICATION)
        .frames(&[Frame::Ping])
        .number(5_005);
    let mut copy = link.server.seal(&packet);
    *copy.last_mut().unwrap() ^= 1;
    link.server.send_datagram(copy);
    link.settle();
    assert_eq!(count(&link, Discard::Undecryptable), undecryptable + 1);
    assert_eq!(count(&link, Discard::Duplicate), duplicates);
    assert_works(&mut link);
}

/// A packet number was used up by an attempt that had no room: numbers in the server's log have no holes but those
/// that a congestion controller is told of.
#[test]
fn a_buffer_without_room_takes_no_packet_number() {
    let mut link = requested();
    let before = *link.server.received(APPLICATION).last().unwrap();
    link.server.send(APPLICATION, &[Frame::Ping]);
    link.server_speaks();
    let now = super::ours::instant(link.now + Duration::from_millis(30));
    for length in [0, 1, 10, 20] {
        let mut small = vec![0; length];
        assert!(link.client.client.poll_transmit(now, &mut small).is_none());
    }
    link.now += Duration::from_millis(30);
    link.settle();
    let after = *link.server.received(APPLICATION).last().unwrap();
    assert_eq!(after, before + 1);
    assert_works(&mut link);
}

/// More than sixteen ranges were dropped without a word: every second packet of a long upload is acknowledged, in one
/// frame of many ranges, and all of them count.
//= rfc9000#13.2.3 test
#[test]
fn acknowledgements_of_many_ranges_count_whole() {
    let server = Server::new(Options::default().parameters(|parameters| {
        parameters.initial_max_data = 1 << 24;
        parameters.initial_max_stream_data_bidi_remote = 1 << 24;
    }));
    let client = Ours::new(&config(&server), &Limits::DESKTOP, 1);
    let mut link = Link::new(client, server);
    link.settle();
    link.server.open_http3();
    link.settle();
    let id = link.client.client.request(&Request::post("/up")).unwrap();
    let content = body::pattern(4_000_000);
    assert_eq!(
        link.client.client.send_body(id, &content),
        Ok(content.len())
    );
    // Until the window is open for a flight of many packets.
    while link.client.client.transport().stats().window < 100_000 {
        link.client_speaks();
        link.server_speaks();
    }
    link.server.options_mut().acknowledges = false;
    link.settle();
    let received = link.server.received(APPLICATION);
    let last = *received.last().unwrap();
    let odd: Vec<_> = (last.saturating_sub(60)..=last)
        .rev()
        .filter(|number| (last - number).is_multiple_of(2) && received.contains(number))
        .map(|number| number..=number)
        .collect();
    assert!(odd.len() > 16);
    let told = Acknowledged::default();
    let sink = Object::Owned(Box::new(told.clone()) as Box<dyn Sink>);
    link.client.client.transport_mut().set_sink(sink);
    link.server.send_raw(APPLICATION, &acknowledgement_of(&odd));
    link.server_speaks();
    let mut wanted: Vec<_> = odd.iter().map(|range| *range.start()).collect();
    wanted.sort_unstable();
    let mut told = told.0.lock().expect("one thread").clone();
    told.sort_unstable();
    assert_eq!(told, wanted);
    assert_legal(&link);
}

/// The numbers of 1-RTT packets that were acknowledged.
#[derive(Clone, Default)]
struct Acknowledged(Arc<Mutex<Vec<u64>>>);

impl Sink for Acknowledged {
    fn event(&mut self, _: quicpro_core::Instant, event: &Event<'_>) {
        if let Event::PacketAcknowledged {
            space: APPLICATION,
            number,
        } = event
        {
            self.0.lock().expect("one thread").push(*number);
        }
    }
}

/// The delay in acknowledgements was always 0: a lone packet is acknowledged later, and that is said.
//= rfc9000#13.2.5 test
#[test]
fn the_delay_of_an_acknowledgement_is_told() {
    let mut link = requested();
    link.advance(Duration::from_secs(1));
    let seen = link.server.log().len();
    link.server.send(APPLICATION, &[Frame::Ping]);
    link.server_speaks();
    link.advance(Duration::from_millis(100));
    let exponent = link.server.client_parameters().unwrap().ack_delay_exponent;
    let delays = link.server.log()[seen..].iter().flat_map(|packet| {
        packet
            .frames()
            .filter_map(|frame| match frame {
                Frame::Ack(ack) => Some(ack.delay << exponent),
                _ => None,
            })
            .collect::<Vec<_>>()
    });
    let longest = delays.max().expect("an acknowledgement");
    assert!((10_000..=25_000).contains(&longest), "{longest} µs");
    assert_alive(&mut link);
}

/// The probe timeout used our own max_ack_delay: it has to be the server's.
//= rfc9002#6.2.1 test
#[test]
fn the_probe_timeout_has_the_servers_delay_in_it() {
    let first_probe = |max_ack_delay_ms| {
        let mut link = settled(Options::default().parameters(|parameters| {
            parameters.max_ack_delay_ms = max_ack_delay_ms;
        }));
        link.server.open_http3();
        link.advance(Duration::from_secs(1));
        link.server.options_mut().acknowledges = false;
        link.client.get("/");
        link.settle();
        let asked = link.now;
        let deadline = link.client.deadline().unwrap();
        deadline.saturating_sub(asked)
    };
    let (short, long) = (first_probe(0), first_probe(2000));
    let more = long.saturating_sub(short);
    assert!(
        (1900..=2100).contains(&more.as_millis()),
        "{short:?} and {long:?}"
    );
}

/// quiche: the probe timeout's doubling overflowed. A server that is silent for an hour, and a client without an idle
/// timeout: probes become rare, and nothing breaks.
#[test]
fn probes_to_a_server_that_is_silent_for_an_hour() {
    let server = Server::new(Options {
        sends_handshake: false,
        acknowledges: false,
        ..Options::default()
    });
    let config = config(&server).idle_timeout(None);
    let client = Ours::new(&config, &Limits::SMALL, 1);
    let mut link = Link::new(client, server);
    link.advance(Duration::from_secs(3600));
    // One flight, and two datagrams for each of the eleven doublings that an hour holds.
    assert!(
        (20..=80).contains(&link.transmitted.0),
        "{:?}",
        link.transmitted
    );
    assert_eq!(link.client.closed(), None);
    assert_legal(&link);
}

/// A stream was stuck at the size of its buffer: ten times the client's whole window on one stream.
//= rfc9000#4.2 test
#[test]
fn a_response_of_many_windows() {
    let mut link = requested();
    let content = body::pattern(10 * Limits::SMALL.receive_window);
    deliver(
        &mut link,
        0,
        &[http3::status("200"), http3::data(&content)].concat(),
        true,
    );
    assert_eq!(link.client.bodies[&0], content);
    assert_works(&mut link);
}

/// haproxy: a frame type whose integer is cut short was read as padding, for ever.
#[test]
fn a_frame_type_that_is_cut_short() {
    for cut in [&[0x40][..], &[0x80, 0, 0], &[0xc0, 0, 0, 0, 0, 0, 0]] {
        for before in [&[][..], &[0; 3], &[1]] {
            let mut link = requested();
            link.server.send_raw(APPLICATION, &[before, cut].concat());
            link.settle();
            assert_closed(&link, Code::FRAME_ENCODING_ERROR.get());
        }
    }
}

/// RUSTSEC-2024-0399, from the other side: the server's first message in two frames, cut at every byte.
#[test]
fn a_first_message_cut_at_every_byte() {
    let length = at(Space::Initial).server.crypto(Space::Initial).len();
    for cut in 1..length {
        let mut link = fresh(Options {
            sends_handshake: false,
            ..Options::default()
        });
        link.settle();
        link.server.send_crypto(Space::Initial, cut..length);
        link.server.send_crypto(Space::Initial, 0..cut);
        link.settle();
        link.server.skip_crypto(Space::Initial);
        link.server.options_mut().sends_handshake = true;
        link.server.flush();
        link.settle();
        assert!(link.client.has_seen(&Seen::Connected), "cut at {cut}");
    }
}

/// A Retry that comes from where the client has sent its first packet to changes nothing.
//= rfc9000#17.2.5.1 test
#[test]
fn a_retry_that_names_the_same_connection_id_is_discarded() {
    let mut link = settled(Options {
        sends_handshake: false,
        acknowledges: false,
        ..Options::default()
    });
    let original = link.server.original_cid().unwrap();
    let packet = link.server.retry_packet(&original, &Retry::default());
    link.server.send_datagram(packet);
    link.settle();
    let heard = link.server.log().len();
    link.advance(Duration::from_secs(3));
    let probes = &link.server.log()[heard..];
    assert!(!probes.is_empty(), "the client goes on");
    for packet in probes {
        assert_eq!(packet.destination, original);
        assert!(packet.token.is_empty());
    }
    assert_legal(&link);
}

//= rfc9000#13.2.6 test
#[test]
fn packets_are_acknowledged_in_their_own_space() {
    for space in Space::ALL {
        let mut link = at(space);
        let number = 40 + space as u64;
        let packet = Packet::new(space).frames(&[Frame::Ping]).number(number);
        link.server.send_packet(packet);
        link.advance(Duration::from_millis(100));
        let spaces = link
            .server
            .frames()
            .filter_map(|(space, frame)| match frame {
                Frame::Ack(ack) if ack.ranges().any(|range| range.contains(&number)) => Some(space),
                _ => None,
            });
        let spaces: Vec<_> = spaces.collect();
        assert!(!spaces.is_empty() && spaces.iter().all(|&acknowledged| acknowledged == space));
        assert_alive(&mut link);
    }
}

//! An image in which every verb of the engine is called with arguments that nobody knows while compiling. It is
//! linked and looked at by `check`, never run: no call in it that belongs to the engine may lead to a panic.
#![no_std]
#![no_main]

use core::hint::black_box;
use core::net::SocketAddr;
use core::panic::PanicInfo;
#[cfg(feature = "records")]
use core::sync::atomic::AtomicU32;

use quicpro_core::congestion::Congestion;
use quicpro_core::connection::{Connection, Receive, Transmit};
use quicpro_core::http3::{Code, FieldLine, Fields, Priority, RequestId};
use quicpro_core::io::{Clock, Sent, Socket, drive};
use quicpro_core::stream::Priority as StreamPriority;
use quicpro_core::tls::{KeyLog, Pin, Question, Trust, Verdict, Verifier};
use quicpro_core::trace::{self, Sink};
use quicpro_core::wire::Direction;
use quicpro_core::{
    Client, ClientConfig, Event, Field, Instant, Limits, Request, Storage, TrustAnchor, WallClock,
    codec::VarInt, storage,
};

type Memory = storage!(Limits::TINY);

static mut MEMORY: Memory = Storage::new();
static mut SINK: Outside = Outside;
#[cfg(feature = "records")]
static RING: [AtomicU32; trace::record::ring_words(16)] =
    [const { AtomicU32::new(0) }; trace::record::ring_words(16)];

/// Where the panics of other crates end. `check` follows the calls back from here.
#[panic_handler]
fn panicked(info: &PanicInfo<'_>) -> ! {
    black_box(info);
    loop {}
}

/// A value that the compiler knows nothing of.
fn unknown<T: Default>() -> T {
    black_box(T::default())
}

fn text() -> &'static str {
    black_box("text")
}

fn bytes() -> &'static [u8] {
    black_box(b"bytes")
}

struct Outside;

impl Verifier for Outside {
    fn verify(&self, _: &Question<'_>) -> Verdict {
        black_box(Verdict::Pending)
    }
}

impl KeyLog for Outside {
    fn log(&self, label: &'static str, random: &[u8; 32], secret: &[u8]) {
        black_box((label, random, secret));
    }
}

impl Sink for Outside {
    fn event(&mut self, now: Instant, event: &trace::Event) {
        black_box((now, event));
    }
}

impl Clock for Outside {
    fn now(&self) -> Instant {
        Instant::from_micros(unknown())
    }
}

impl Socket for Outside {
    type Error = ();

    fn send(&mut self, transmit: &Transmit, bytes: &[u8]) -> Result<Sent, ()> {
        black_box((transmit, bytes));
        black_box(Ok(Sent::Full))
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<Option<(usize, Receive)>, ()> {
        black_box(buffer);
        black_box(Ok(None))
    }

    fn wait(&mut self, until: Option<Instant>) -> Result<(), ()> {
        black_box(until);
        black_box(Ok(()))
    }
}

/// # Safety
/// Called once, by what starts the program.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _start() -> ! {
    // SAFETY: the only references there will be, as this runs once.
    let (memory, sink) = unsafe {
        (
            &mut *core::ptr::addr_of_mut!(MEMORY),
            &mut *core::ptr::addr_of_mut!(SINK),
        )
    };
    let anchors: &'static [TrustAnchor<'static>] = black_box(&[]);
    let pins: &'static [Pin] = black_box(&[]);
    let trust = match unknown::<u8>() {
        0 => Trust::Roots(anchors.into()),
        1 => Trust::Pinned(pins.into()),
        _ => Trust::Verifier((&Outside as &dyn Verifier).into()),
    };
    let config = ClientConfig::with_trust(trust, black_box(WallClock::At(0)))
        .server_name(text())
        .key_log((&Outside as &dyn KeyLog).into())
        .idle_timeout(unknown())
        .keep_alive(unknown());
    let config = config.congestion(congestion());
    #[cfg(feature = "ack-frequency")]
    let config = config.fewer_acknowledgements(unknown());
    let remote = black_box(SocketAddr::from(([0, 0, 0, 0], 0)));
    #[cfg(feature = "records")]
    let mut recorder = trace::record::Recorder::new(&RING);
    let sink: &mut dyn Sink = match unknown::<u8>() {
        #[cfg(feature = "records")]
        0 => &mut recorder,
        _ => sink,
    };
    let mut client = Client::new(memory.memory());
    client.transport_mut().set_sink(sink.into());
    let _ = black_box(client.start(&config, remote, Outside.now(), unknown()));
    loop {
        step(black_box(&mut client));
    }
}

fn congestion() -> Congestion {
    match unknown::<u8>() {
        #[cfg(feature = "cubic")]
        1 => Congestion::Cubic,
        #[cfg(feature = "bbr")]
        2 => Congestion::Bbr,
        _ => Congestion::NewReno,
    }
}

/// The loop's verbs, then one for everything that happened, then the calls that wait for nothing.
#[inline(never)]
fn step(client: &mut Client<'_>) {
    let mut datagram = black_box([0; 1280]);
    let length = unknown::<usize>().min(datagram.len());
    let from = Receive::from(client.transport().remote());
    client.handle_datagram(Outside.now(), &from, &mut datagram[..length]);
    client.handle_timeout(Outside.now());
    black_box(client.poll_transmit(Outside.now(), &mut datagram[..length]));
    black_box(client.poll_timeout());
    let _ = black_box(drive(
        client,
        &mut Outside,
        &Outside,
        &mut datagram,
        unknown(),
    ));
    let mut request = None;
    while let Some(event) = client.poll_event() {
        request = look_at(event).or(request);
    }
    begin(client);
    if let Some(id) = black_box(request) {
        follow(client, id);
    }
    beneath(client);
    end(client);
}

#[inline(never)]
fn look_at(event: Event<'_>) -> Option<RequestId> {
    match event {
        Event::Response {
            request,
            status,
            fields,
        }
        | Event::Informational {
            request,
            status,
            fields,
        } => {
            black_box(status);
            read(fields);
            Some(request)
        }
        Event::Trailers { request, fields } => {
            read(fields);
            Some(request)
        }
        Event::Data { request } | Event::Writable { request } | Event::Finished { request } => {
            Some(request)
        }
        other => {
            black_box(&other);
            None
        }
    }
}

#[inline(never)]
fn read(mut fields: Fields<'_>) {
    black_box(fields.count());
    while let Some(line) = fields.next_line() {
        match line {
            FieldLine::Field(field) => {
                black_box((field.name(), field.value(), field.value_str()));
            }
            FieldLine::TooLong { name, length } => {
                black_box((name, length));
            }
        }
    }
    fields.rewind();
    black_box(fields.find(text()));
}

#[inline(never)]
fn begin(client: &mut Client<'_>) {
    let fields = [
        Field::new(text(), bytes()),
        Field::new(text(), bytes()).sensitive(),
    ];
    let request = Request::new(text(), text())
        .scheme(text())
        .authority(text())
        .fields(black_box(&fields[..]));
    let priority = Priority::new(unknown());
    let _ = black_box(client.request(&request));
    let _ = black_box(client.request(&request.priority(priority.incremental())));
}

#[inline(never)]
fn follow(client: &mut Client<'_>, id: RequestId) {
    let mut out = [0; 64];
    let length = unknown::<usize>().min(out.len());
    let _ = black_box(client.send_body(id, bytes()));
    let _ = black_box(client.recv_body(id, &mut out[..length]));
    let _ = black_box(client.peek_body(id));
    client.consume_body(id, unknown());
    client.set_priority(id, Priority::new(unknown()));
    let fields = [Field::new(text(), bytes())];
    let _ = black_box(client.send_trailers(id, &fields));
    let _ = black_box(client.finish(id));
    client.cancel(id, Code::new(unknown()));
}

/// The transport's own verbs.
#[inline(never)]
fn beneath(client: &mut Client<'_>) {
    let code = || VarInt::from_u32(unknown());
    let quic = client.transport_mut();
    quic.ping();
    black_box(quic.update_keys());
    black_box((quic.state(), quic.error(), quic.stats(), quic.suite()));
    black_box((quic.protocol(), quic.idle_timeout(), quic.remote()));
    extend(quic);
    quic.certificates().for_each(|certificate| {
        black_box(certificate);
    });
    let direction = match unknown::<bool>() {
        true => Direction::Bidirectional,
        false => Direction::Unidirectional,
    };
    let Ok(id) = black_box(quic.open_stream(direction)) else {
        return;
    };
    black_box(quic.peek_stream(id, unknown()));
    if let Some(mut stream) = quic.send_stream(id) {
        let _ = black_box(stream.write(bytes()));
        let _ = black_box(stream.write_whole(black_box(&[bytes(), bytes()])));
        let _ = black_box(stream.reserve(unknown()));
        black_box((stream.capacity(), stream.largest_whole(), stream.stopped()));
        black_box(stream.is_acknowledged());
        stream.set_priority(StreamPriority {
            urgency: unknown(),
            incremental: unknown(),
        });
        let _ = black_box(stream.finish());
        stream.reset(code());
    }
    if let Some(mut stream) = quic.recv_stream(id) {
        let mut out = [0; 64];
        let length = unknown::<usize>().min(out.len());
        let _ = black_box(stream.read(&mut out[..length]));
        let _ = black_box(stream.peek());
        black_box(stream.peek_at(unknown()));
        black_box((stream.available(), stream.final_size()));
        black_box((stream.read_offset(), stream.received_all()));
        stream.consume(unknown());
        stream.stop(code());
    }
}

/// The verbs of paths and extensions.
#[inline(never)]
fn extend(quic: &mut Connection<'_>) {
    // Without any of these features nothing is left to do with it.
    let _ = &quic;
    #[cfg(feature = "migration")]
    {
        let local = black_box(SocketAddr::from(([0, 0, 0, 0], 0)));
        let _ = black_box(quic.migrate(Outside.now(), local));
        let _ = black_box(quic.migrate_at_once(Outside.now(), local));
        black_box(quic.path(quic.active_path()));
    }
    #[cfg(feature = "records")]
    trace::record::dump(&RING, |word| _ = black_box(word));
    #[cfg(feature = "tokens")]
    black_box(quic.new_token());
    #[cfg(feature = "datagrams")]
    {
        let mut out = [0; 64];
        let length = unknown::<usize>().min(out.len());
        let _ = black_box(quic.send_datagram(bytes()));
        let _ = black_box(quic.recv_datagram(&mut out[..length]));
        black_box((quic.max_datagram_size(), quic.datagram_stats()));
    }
}

#[inline(never)]
fn end(client: &mut Client<'_>) {
    client.resume_verification(Outside.now(), black_box(Ok(())));
    client.go_away(Outside.now());
    black_box((client.http3().settings(), client.http3().requests()));
    let quic = client.transport_mut();
    quic.close(Outside.now(), VarInt::from_u32(unknown()), text());
    client.close(Outside.now());
}

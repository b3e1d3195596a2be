//! Two connections at the same time: all that one needs is its own, so two are two of everything.
#![no_std]
#![no_main]

use cortex_m::Peripherals;
use cortex_m_rt::entry;
use defmt::info;
use quicpro_core::io::{Clock, Driven, Entropy, drive};
use quicpro_core::{Client, ClientConfig, Instant, Limits, Storage, storage};
use quicpro_firmware::arguments::{self, Arguments};
use quicpro_firmware::client::{self, Datagram, Exchange};
use quicpro_firmware::clock::SysTick;
use quicpro_firmware::entropy::Seed;
use quicpro_firmware::exit::{Failure, end};
use quicpro_firmware::network::{Buffers, EngineSocket, Network, Sockets};
use quicpro_firmware::trust;
use static_cell::{ConstStaticCell, StaticCell};

/// One request at a time, and half of everything else.
const LIMITS: Limits = client::LIMITS
    .requests(1)
    .draining(1)
    .receive_window(2048)
    .receive_chunk(64)
    .field_section(768)
    .handshake(2048)
    .send_window(768)
    .handshake_send(768)
    .ack_ranges(8)
    .field_line(256)
    .packets_in_flight(12);

type ClientStorage = storage!(LIMITS);

static NETWORK: StaticCell<Network> = StaticCell::new();
static BUFFERS: ConstStaticCell<[Buffers; 2]> = ConstStaticCell::new([Buffers::EMPTY; 2]);
static SOCKETS: ConstStaticCell<Sockets<2>> = ConstStaticCell::new(Sockets::EMPTY);
static STORAGE: ConstStaticCell<[ClientStorage; 2]> =
    ConstStaticCell::new([const { Storage::new() }; 2]);
static CLIENTS: [StaticCell<Client<'static>>; 2] = [const { StaticCell::new() }; 2];
static DATAGRAM: ConstStaticCell<Datagram> = ConstStaticCell::new([0; LIMITS.datagram]);

/// One connection and what is done on it.
struct Session<'a> {
    client: &'static mut Client<'static>,
    socket: EngineSocket<'a>,
    exchange: Exchange<'a>,
}

#[entry]
fn main() -> ! {
    end(run())
}

fn run() -> Result<(), Failure> {
    let peripherals = Peripherals::take().ok_or(Failure::Arguments)?;
    let clock = SysTick::start(peripherals.SYST);
    let line = arguments::line()?;
    let arguments = Arguments::parse(line)?;
    let network = Network::start(&NETWORK, BUFFERS.take(), SOCKETS.take(), clock)?;
    let config = trust::config(arguments.date)?.server_name(arguments.name);
    let mut seed = Seed::new(arguments.seed);

    let [first, second] = STORAGE.take();
    let mut open = |place, storage| -> Result<Session<'_>, Failure> {
        let mut entropy = [0; 32];
        let Ok(()) = seed.fill(&mut entropy);
        Ok(Session {
            client: connect(place, &config, &arguments, storage, clock.now(), entropy)?,
            socket: network.engine_socket(arguments.server)?,
            exchange: Exchange::new(arguments.get, arguments.post),
        })
    };
    let mut sessions = [open(&CLIENTS[0], first)?, open(&CLIENTS[1], second)?];
    let patience = clock.now() + arguments.patience;
    serve(&mut sessions, network, clock, patience)
}

/// Lets both work until both are done. Only the network waits, and for both.
fn serve(
    sessions: &mut [Session<'_>; 2],
    network: &Network,
    clock: SysTick,
    patience: Instant,
) -> Result<(), Failure> {
    let datagram = DATAGRAM.take();
    let mut were_connected = 0;
    while !sessions
        .iter()
        .all(|session| session.exchange.is_complete())
    {
        if clock.now() >= patience {
            return Err(Failure::TimedOut);
        }
        let mut deadline = patience;
        for session in &mut *sessions {
            let Session {
                client,
                socket,
                exchange,
            } = session;
            // Until there is nothing to do, the answers to what was read included.
            while let Driven::Input | Driven::Deadline =
                drive(client, socket, &clock, datagram, Some(clock.now()))?
            {
                exchange.follow(client)?;
            }
            deadline = client.poll_timeout().unwrap_or(patience).min(deadline);
        }
        let connected = sessions
            .iter()
            .filter(|session| session.exchange.is_connected());
        let connected = connected.count();
        let complete = sessions
            .iter()
            .filter(|session| session.exchange.is_complete());
        if connected > were_connected {
            info!(
                "connected: {=usize}, complete: {=usize}",
                connected,
                complete.count()
            );
            were_connected = connected;
        }
        network.wait(Some(deadline));
    }
    for Session { client, socket, .. } in sessions {
        client.close(clock.now());
        drive(client, socket, &clock, datagram, Some(clock.now()))?;
    }
    Ok(())
}

/// Puts a new client into its place. Not inlined: what it needs of the stack is free again afterwards.
#[inline(never)]
fn connect(
    place: &'static StaticCell<Client<'static>>,
    config: &ClientConfig<'static>,
    arguments: &Arguments<'_>,
    storage: &'static mut ClientStorage,
    now: Instant,
    entropy: [u8; 32],
) -> Result<&'static mut Client<'static>, Failure> {
    let memory = storage.memory();
    let client = place.init_with(|| Client::new(memory));
    client.start(config, arguments.server, now, entropy)?;
    Ok(client)
}

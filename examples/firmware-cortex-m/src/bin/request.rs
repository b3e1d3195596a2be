//! One verified connection, a GET and a POST on it: the loop that a product would have.
#![no_std]
#![no_main]

use cortex_m::Peripherals;
use cortex_m_rt::entry;
use quicpro_core::io::{Clock, Entropy, drive};
use quicpro_core::{Client, Instant, Storage};
use quicpro_firmware::arguments::{self, Arguments};
use quicpro_firmware::client::{ClientStorage, Datagram, Exchange, LIMITS, SUITES};
use quicpro_firmware::clock::SysTick;
use quicpro_firmware::entropy::Seed;
use quicpro_firmware::exit::{Failure, end};
use quicpro_firmware::extensions::{self, Wanderer};
use quicpro_firmware::measure::Phase;
use quicpro_firmware::network::{Buffers, Network, Sockets};
use quicpro_firmware::trust;
use static_cell::{ConstStaticCell, StaticCell};

static NETWORK: StaticCell<Network> = StaticCell::new();
static BUFFERS: ConstStaticCell<[Buffers; 1]> = ConstStaticCell::new([Buffers::EMPTY]);
static SOCKETS: ConstStaticCell<Sockets<1>> = ConstStaticCell::new(Sockets::EMPTY);
static STORAGE: ConstStaticCell<ClientStorage> = ConstStaticCell::new(Storage::new());
static CLIENT: StaticCell<Client<'static>> = StaticCell::new();
static DATAGRAM: ConstStaticCell<Datagram> = ConstStaticCell::new([0; LIMITS.datagram]);

/// All that a client needs beside the network and the stack: one connection, two requests.
const RAM_MAX: usize = 18 * 1024 + extensions::RAM_MAX;

const _: () = assert!(
    size_of::<ClientStorage>() + size_of::<Client<'_>>() + size_of::<Datagram>() <= RAM_MAX
);

#[entry]
fn main() -> ! {
    end(run())
}

fn run() -> Result<(), Failure> {
    let (arguments, network, clock) = begin()?;
    let mut phase = Phase::begin();
    let client = connect(&arguments, clock.now())?;
    phase.end("connect");
    let until = clock.now() + arguments.patience;
    let mut socket = network.engine_socket(arguments.server)?;
    let mut exchange = Exchange::new(arguments.get, arguments.post);
    let mut wanderer = Wanderer::default();
    let datagram = DATAGRAM.take();
    while !exchange.is_complete() {
        if clock.now() >= until {
            return Err(Failure::TimedOut);
        }
        drive(client, &mut socket, &clock, datagram, Some(until))?;
        exchange.follow(client)?;
        if exchange.has_response() {
            socket = wanderer.follow(client, network, socket, clock.now())?;
        }
    }
    client.close(clock.now());
    drive(client, &mut socket, &clock, datagram, Some(clock.now()))?;
    extensions::tell();
    Ok(())
}

/// Brings the board up. Not inlined, as nothing that comes once: what it needs of the stack is free again afterwards.
#[inline(never)]
fn begin() -> Result<(Arguments<'static>, &'static Network, SysTick), Failure> {
    let peripherals = Peripherals::take().ok_or(Failure::Arguments)?;
    let clock = SysTick::start(peripherals.SYST);
    let arguments = Arguments::parse(arguments::line()?)?;
    let network = Network::start(&NETWORK, BUFFERS.take(), SOCKETS.take(), clock)?;
    Ok((arguments, network, clock))
}

/// Puts a new client into its place.
#[inline(never)]
fn connect(
    arguments: &Arguments<'static>,
    now: Instant,
) -> Result<&'static mut Client<'static>, Failure> {
    let mut entropy = [0; 32];
    let Ok(()) = Seed::new(arguments.seed).fill(&mut entropy);
    let config = trust::config(arguments.date)?
        .server_name(arguments.name)
        .suites(SUITES);
    let config = extensions::configured(config);
    let memory = STORAGE.take().memory();
    let client = CLIENT.init_with(|| Client::new(memory));
    extensions::prepare(client);
    client.start(&config, arguments.server, now, entropy)?;
    Ok(client)
}

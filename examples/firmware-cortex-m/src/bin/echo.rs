//! The same image without the client: one datagram to an echo and back, on the same socket.
//!
//! Its size taken from that of `request` leaves what the protocols, their cryptography and the client need.
#![no_std]
#![no_main]

use core::hint::black_box;

use cortex_m::Peripherals;
use cortex_m_rt::entry;
use defmt::info;
use embedded_nal::UdpClientStack;
use quicpro_core::io::{Clock, Entropy};
use quicpro_firmware::arguments::{self, Arguments};
use quicpro_firmware::clock::SysTick;
use quicpro_firmware::entropy::Seed;
use quicpro_firmware::exit::{Failure, end};
use quicpro_firmware::network::{Buffers, Network, Sockets};
use static_cell::{ConstStaticCell, StaticCell};

/// Bytes of the datagram: a full one of QUIC's.
const LENGTH: usize = 1200;

static NETWORK: StaticCell<Network> = StaticCell::new();
static BUFFERS: ConstStaticCell<[Buffers; 1]> = ConstStaticCell::new([Buffers::EMPTY]);
static SOCKETS: ConstStaticCell<Sockets<1>> = ConstStaticCell::new(Sockets::EMPTY);
static DATAGRAM: ConstStaticCell<[u8; LENGTH]> = ConstStaticCell::new([0; LENGTH]);

#[entry]
fn main() -> ! {
    end(run())
}

fn run() -> Result<(), Failure> {
    let peripherals = Peripherals::take().ok_or(Failure::Arguments)?;
    let clock = SysTick::start(peripherals.SYST);
    let line = arguments::line()?;
    // All of them, so that what reads them is in this image, too.
    let arguments = black_box(Arguments::parse(line)?);
    let network = Network::start(&NETWORK, BUFFERS.take(), SOCKETS.take(), clock)?;
    let mut stack = network;
    let mut socket = stack.socket()?;
    stack.connect(&mut socket, arguments.server)?;
    let mut entropy = [0; 32];
    let Ok(()) = Seed::new(arguments.seed).fill(&mut entropy);

    let datagram = DATAGRAM.take();
    datagram[..entropy.len()].copy_from_slice(&entropy);
    stack
        .send(&mut socket, datagram)
        .map_err(|_| Failure::Echo)?;
    datagram.fill(0);
    let patience = clock.now() + arguments.patience;
    loop {
        match stack.receive(&mut socket, datagram) {
            Ok((LENGTH, from)) if from == arguments.server && datagram.starts_with(&entropy) => {
                info!("echoed: {=usize} bytes", LENGTH);
                return Ok(());
            }
            Ok(_) => return Err(Failure::Echo),
            Err(nb::Error::Other(error)) => return Err(error.into()),
            Err(nb::Error::WouldBlock) if clock.now() >= patience => return Err(Failure::TimedOut),
            Err(nb::Error::WouldBlock) => network.wait(Some(patience)),
        }
    }
}

//! The board's Ethernet controller as embassy-net's driver. It is polled: nothing but time says that a frame came.

use core::task::Context;

use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState, RxToken, TxToken};
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::waitqueue::GenericAtomicWaker;
use quicpro_firmware::board::Ethernet;
use smoltcp::phy;
use smoltcp::phy::{Device as _, RxToken as _, TxToken as _};
use smoltcp::time::Instant;

/// The longest frame, with its check sum, in whole words.
const FRAME_MAX: usize = 1520;

/// Who waits for a frame.
static WAITING: GenericAtomicWaker<CriticalSectionRawMutex> =
    GenericAtomicWaker::new(CriticalSectionRawMutex::new());

/// Lets the network look for a frame.
pub fn wake() {
    WAITING.wake();
}

pub struct Device {
    controller: Ethernet,
    address: [u8; 6],
}

impl Device {
    pub fn new(controller: Ethernet, address: [u8; 6]) -> Self {
        Self {
            controller,
            address,
        }
    }
}

/// A frame that waits in the controller.
pub struct Rx<'a>(<Ethernet as phy::Device>::RxToken<'a>);

/// Room for a frame to be sent.
pub struct Tx<'a>(<Ethernet as phy::Device>::TxToken<'a>);

impl RxToken for Rx<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, read: F) -> R {
        self.0.consume(|frame| {
            let mut copy = [0; FRAME_MAX];
            let length = frame.len().min(FRAME_MAX);
            copy[..length].copy_from_slice(&frame[..length]);
            read(&mut copy[..length])
        })
    }
}

impl TxToken for Tx<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, write: F) -> R {
        self.0.consume(length, write)
    }
}

impl Driver for Device {
    type RxToken<'a> = Rx<'a>;
    type TxToken<'a> = Tx<'a>;

    fn receive(&mut self, cx: &mut Context<'_>) -> Option<(Rx<'_>, Tx<'_>)> {
        WAITING.register(cx.waker());
        let (receive, transmit) = self.controller.receive(Instant::ZERO)?;
        Some((Rx(receive), Tx(transmit)))
    }

    fn transmit(&mut self, _: &mut Context<'_>) -> Option<Tx<'_>> {
        self.controller.transmit(Instant::ZERO).map(Tx)
    }

    fn link_state(&mut self, _: &mut Context<'_>) -> LinkState {
        LinkState::Up
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = self.controller.capabilities().max_transmission_unit;
        capabilities.max_burst_size = Some(1);
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet(self.address)
    }
}

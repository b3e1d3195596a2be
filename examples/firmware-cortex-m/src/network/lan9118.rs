//! SMSC's LAN9118, polled: no interrupts, no DMA, and no buffers but the controller's own.

use super::Register;
use super::polled::{Controller, FRAME_MAX};

/// What `BYTE_TEST` always reads as.
const BYTE_TEST_VALUE: u32 = 0x8765_4321;

/// `HW_CFG`: soft reset.
const RESET: u32 = 1;
/// `HW_CFG`: 5 KiB for transmission; this bit must be set beside it.
const TRANSMIT_5_KIB: u32 = 5 << 16 | 1 << 20;
/// `TX_CFG`: the transmitter is on.
const TRANSMITTER_ON: u32 = 1 << 1;
/// `MAC_CSR_CMD`: busy; written, it starts the command.
const BUSY: u32 = 1 << 31;
/// `MAC_CSR_CMD`: the command reads.
const READ: u32 = 1 << 30;
/// The MAC's `MAC_CR`: full duplex, transmitter and receiver on.
const MAC_ON: u32 = 1 << 20 | 1 << 3 | 1 << 2;
/// A word of receive status: something was wrong with the frame.
const BAD_FRAME: u32 = 1 << 15;
/// The first word of a transmit command: these bytes are a frame's first and last.
const WHOLE_FRAME: u32 = 1 << 13 | 1 << 12;

/// Registers of the MAC, which are behind two others.
#[derive(Clone, Copy)]
enum Mac {
    Control = 1,
    AddressHigh = 2,
    AddressLow = 3,
}

pub struct Lan9118 {
    received: Register,
    transmit: Register,
    receive_status: Register,
    transmit_status: Register,
    byte_test: Register,
    transmit_configuration: Register,
    configuration: Register,
    receive_level: Register,
    transmit_level: Register,
    mac_command: Register,
    mac_data: Register,
}

impl Lan9118 {
    /// Brings the controller at `base` up; gives it and its address, or `None` where there is none.
    ///
    /// # Safety
    /// The address must be that of a device, and nothing else may use it.
    pub unsafe fn new(base: usize) -> Option<(Self, [u8; 6])> {
        // SAFETY: the caller's promise covers the whole block of registers.
        let register = |offset| unsafe { Register::new(base + offset) };
        let controller = Self {
            received: register(0x00),
            transmit: register(0x20),
            receive_status: register(0x40),
            transmit_status: register(0x48),
            byte_test: register(0x64),
            transmit_configuration: register(0x70),
            configuration: register(0x74),
            receive_level: register(0x7c),
            transmit_level: register(0x80),
            mac_command: register(0xa4),
            mac_data: register(0xa8),
        };
        if controller.byte_test.read() != BYTE_TEST_VALUE {
            return None;
        }
        controller.configuration.write(RESET);
        while controller.configuration.read() & RESET != 0 {}
        controller.configuration.write(TRANSMIT_5_KIB);
        controller.transmit_configuration.write(TRANSMITTER_ON);
        controller.write_mac(Mac::Control, MAC_ON);
        let low = controller.read_mac(Mac::AddressLow).to_le_bytes();
        let high = controller.read_mac(Mac::AddressHigh).to_le_bytes();
        Some((
            controller,
            [low[0], low[1], low[2], low[3], high[0], high[1]],
        ))
    }

    fn read_mac(&self, register: Mac) -> u32 {
        self.mac_command.write(BUSY | READ | register as u32);
        while self.mac_command.read() & BUSY != 0 {}
        self.mac_data.read()
    }

    fn write_mac(&self, register: Mac, value: u32) {
        self.mac_data.write(value);
        self.mac_command.write(BUSY | register as u32);
        while self.mac_command.read() & BUSY != 0 {}
    }
}

impl Controller for Lan9118 {
    fn has_frame(&self) -> bool {
        self.receive_level.read() >> 16 & 0xff != 0
    }

    /// Takes a frame out of the controller; a bad one has no bytes.
    fn receive<'a>(&self, frame: &'a mut [u8; FRAME_MAX]) -> &'a [u8] {
        let status = self.receive_status.read();
        let length = (status >> 16 & 0x3fff) as usize;
        for word in 0..length.div_ceil(4) {
            let bytes = self.received.read().to_le_bytes();
            if let Some(place) = frame.get_mut(word * 4..word * 4 + 4) {
                place.copy_from_slice(&bytes);
            }
        }
        // The last four bytes are the check sum.
        let end = length.checked_sub(4).filter(|_| status & BAD_FRAME == 0);
        end.and_then(|end| frame.get(..end)).unwrap_or(&[])
    }

    fn send(&self, frame: &[u8]) {
        let length = frame.len() as u32;
        // The frame and its two words of command.
        while self.transmit_level.read() & 0xffff < length + 16 {}
        self.transmit.write(WHOLE_FRAME | length);
        self.transmit.write(length);
        for part in frame.chunks(4) {
            let mut word = [0; 4];
            word[..part.len()].copy_from_slice(part);
            self.transmit.write(u32::from_le_bytes(word));
        }
        while self.transmit_level.read() >> 16 & 0xff != 0 {
            self.transmit_status.read();
        }
    }
}

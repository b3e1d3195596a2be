//! The Ethernet controller of the Stellaris LM3S chips, polled: no interrupts, no DMA, no buffers of its own.

use super::Register;
use super::polled::{Controller, FRAME_MAX};

/// `RCGC2`: the clocks of the controller's two halves are on.
const CLOCKS_ON: u32 = 1 << 30 | 1 << 28;
/// `MACTCTL`: check sums are added, short frames padded, the transmitter is on.
const TRANSMITTER_ON: u32 = 1 << 2 | 1 << 1 | 1;
/// `MACRCTL`: the queue is emptied, bad frames are refused, the receiver is on.
const RECEIVER_ON: u32 = 1 << 4 | 1 << 3 | 1;
/// `MACTR`: a frame is being sent; written, it starts that.
const BUSY: u32 = 1;

/// Bytes of a frame's destination, source and type, which its length leaves out.
const HEADER: usize = 14;

pub struct Stellaris {
    data: Register,
    frames: Register,
    transmission: Register,
}

impl Stellaris {
    /// Brings the controller up; gives it and its address.
    ///
    /// # Safety
    /// The program must run on such a chip, and nothing else may use the controller.
    pub unsafe fn new() -> Option<(Self, [u8; 6])> {
        // SAFETY: the chip's fixed addresses; the caller promises the chip.
        let register = |address| unsafe { Register::new(address) };
        let clocks = register(0x400f_e108);
        clocks.write(clocks.read() | CLOCKS_ON);
        register(0x4004_800c).write(TRANSMITTER_ON);
        register(0x4004_8008).write(RECEIVER_ON);
        let low = register(0x4004_8014).read().to_le_bytes();
        let high = register(0x4004_8018).read().to_le_bytes();
        let controller = Self {
            data: register(0x4004_8010),
            frames: register(0x4004_8034),
            transmission: register(0x4004_8038),
        };
        Some((
            controller,
            [low[0], low[1], low[2], low[3], high[0], high[1]],
        ))
    }
}

impl Controller for Stellaris {
    fn has_frame(&self) -> bool {
        self.frames.read() != 0
    }

    /// Takes a frame out of the controller. Two bytes of length, which count themselves, come before it and
    /// four of check sum behind it.
    fn receive<'a>(&self, frame: &'a mut [u8; FRAME_MAX]) -> &'a [u8] {
        let [low, high, first, second] = self.data.read().to_le_bytes();
        let length = usize::from(u16::from_le_bytes([low, high]));
        [frame[0], frame[1]] = [first, second];
        for at in (2..length.saturating_sub(2)).step_by(4) {
            let bytes = self.data.read().to_le_bytes();
            if let Some(place) = frame.get_mut(at..at + 4) {
                place.copy_from_slice(&bytes);
            }
        }
        let end = length.checked_sub(6);
        end.and_then(|end| frame.get(..end)).unwrap_or(&[])
    }

    fn send(&self, frame: &[u8]) {
        let Some((first, rest)) = frame.split_first_chunk::<2>() else {
            return;
        };
        while self.transmission.read() & BUSY != 0 {}
        let [low, high] = (frame.len().saturating_sub(HEADER) as u16).to_le_bytes();
        self.data
            .write(u32::from_le_bytes([low, high, first[0], first[1]]));
        for part in rest.chunks(4) {
            let mut word = [0; 4];
            word[..part.len()].copy_from_slice(part);
            self.data.write(u32::from_le_bytes(word));
        }
        self.transmission.write(BUSY);
    }
}

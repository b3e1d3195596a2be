//! The image for a microcontroller: linked and measured, not run.
//!
//! The board does not exist. Its registers stand for those that a real one has (a timer, a random number
//! generator, a network controller with a queue of words), and every access is volatile: so the linker must
//! keep all that a product would need.

use core::hint::black_box;
use core::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use core::ptr;

#[cfg(target_arch = "arm")]
use cortex_m_rt::entry;
use quicpro_core::connection::{Receive, Transmit};
use quicpro_core::io::{Clock, Sent, Socket};
use quicpro_core::{Instant, WallClock};
#[cfg(target_arch = "riscv32")]
use riscv_rt::entry;

use crate::client::{self, Answer, Failure, Task};

/// The longest certificate that can be written into [`PROVISIONED`].
const AUTHORITY_MAX: usize = 1024;

/// What is written into flash for each device: its server and the authority it trusts.
#[repr(C)]
struct Provisioned {
    address: [u8; 4],
    port: u16,
    authority_length: u16,
    authority: [u8; AUTHORITY_MAX],
}

#[used]
static PROVISIONED: Provisioned = Provisioned {
    address: [0xff; 4],
    port: 0xffff,
    authority_length: 0xffff,
    authority: [0xff; AUTHORITY_MAX],
};

#[entry]
fn main() -> ! {
    // Its bytes change after linking, so the compiler may not know them.
    let provisioned = black_box(&PROVISIONED);
    let server = SocketAddrV4::new(Ipv4Addr::from(provisioned.address), provisioned.port);
    let length = usize::from(provisioned.authority_length).min(AUTHORITY_MAX);
    let mut entropy = [0; 32];
    for word in entropy.chunks_exact_mut(4) {
        word.copy_from_slice(&RANDOM.read().to_le_bytes());
    }
    let task = Task {
        server: SocketAddr::V4(server),
        name: "h3.test",
        path: "/reading",
        authority: provisioned.authority.get(..length).unwrap_or(&[]),
        date: WallClock::At(u64::from(SECONDS.read())),
        entropy,
    };
    let mut network = Network {
        server: task.server,
    };
    report(client::get(&task, &mut network, &Timer));
    loop {}
}

/// Shows the outcome where a debugger can see it.
fn report<E>(result: Result<Answer, Failure<E>>) {
    match result {
        Ok(answer) => {
            OUTCOME.write(u32::from(answer.status));
            OUTCOME.write(answer.length as u32);
            for word in answer.sha256.chunks_exact(4) {
                OUTCOME.write(u32::from_le_bytes([word[0], word[1], word[2], word[3]]));
            }
        }
        Err(_) => OUTCOME.write(0),
    }
}

/// A register of 32 bits.
struct Register(usize);

const SECONDS: Register = Register(0x4000_0000);
const MICROSECONDS_LOW: Register = Register(0x4000_0004);
/// Holds what the upper half was when the lower was read.
const MICROSECONDS_HIGH: Register = Register(0x4000_0008);
const RANDOM: Register = Register(0x4000_1000);
const OUTCOME: Register = Register(0x4000_2000);
/// Bytes of the datagram that waits, 0 for none. Writing to it takes the datagram away.
const RECEIVED: Register = Register(0x4002_0000);
/// The words of the datagram that waits, one after the other; written, those of the one to be sent.
const QUEUE: Register = Register(0x4002_0004);
/// Bytes that the queue can take. Writing a length to it sends the datagram.
const TRANSMIT: Register = Register(0x4002_0008);

impl Register {
    fn read(&self) -> u32 {
        // SAFETY: a device's register, aligned, outside of all memory that the program uses.
        unsafe { ptr::read_volatile(self.0 as *const u32) }
    }

    fn write(&self, value: u32) {
        // SAFETY: as for reading.
        unsafe { ptr::write_volatile(self.0 as *mut u32, value) }
    }
}

struct Timer;

impl Clock for Timer {
    fn now(&self) -> Instant {
        let low = u64::from(MICROSECONDS_LOW.read());
        Instant::from_micros(u64::from(MICROSECONDS_HIGH.read()) << 32 | low)
    }
}

/// A controller that speaks UDP to one server.
struct Network {
    server: SocketAddr,
}

impl Socket for Network {
    type Error = core::convert::Infallible;

    fn send(&mut self, _: &Transmit, bytes: &[u8]) -> Result<Sent, Self::Error> {
        if (TRANSMIT.read() as usize) < bytes.len() {
            return Ok(Sent::Full);
        }
        for part in bytes.chunks(4) {
            let mut word = [0; 4];
            word[..part.len()].copy_from_slice(part);
            QUEUE.write(u32::from_le_bytes(word));
        }
        TRANSMIT.write(bytes.len() as u32);
        Ok(Sent::Sent)
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<Option<(usize, Receive)>, Self::Error> {
        let length = (RECEIVED.read() as usize).min(buffer.len());
        if length == 0 {
            return Ok(None);
        }
        for part in buffer[..length].chunks_mut(4) {
            part.copy_from_slice(&QUEUE.read().to_le_bytes()[..part.len()]);
        }
        RECEIVED.write(0);
        Ok(Some((length, Receive::from(self.server))))
    }

    fn wait(&mut self, _: Option<Instant>) -> Result<(), Self::Error> {
        Ok(())
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

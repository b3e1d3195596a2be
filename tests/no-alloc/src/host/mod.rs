//! The program on a Unix host: arguments, one file, a printed answer, an exit code.
//!
//! `quicpro-no-alloc ADDRESS NAME PATH AUTHORITY` gets PATH from the server at ADDRESS (`ip:port`), whose
//! certificate must be for NAME and lead to the authority whose certificate, in DER, is in the file AUTHORITY.
//! Exit code 0: the response is complete; 1: there is none, the reason is printed; 2: wrong arguments.

mod output;
mod stack;
mod system;
mod udp;

use core::ffi::{CStr, c_char, c_int};
use core::net::SocketAddr;

use quicpro_core::WallClock;
use static_cell::ConstStaticCell;

use crate::client::{self, Answer, Task};
use output::{Hex, Output, say};
use udp::Udp;

/// The largest authority certificate.
const AUTHORITY_MAX: usize = 4096;

static AUTHORITY: ConstStaticCell<[u8; AUTHORITY_MAX]> = ConstStaticCell::new([0; AUTHORITY_MAX]);

const USAGE: &str = "usage: quicpro-no-alloc ADDRESS:PORT NAME PATH AUTHORITY.der";

/// Where C's run time starts.
#[unsafe(no_mangle)]
extern "C" fn main(count: c_int, arguments: *const *const c_char) -> c_int {
    // SAFETY: a program is started with `count` arguments that live as long as it does.
    let Some(arguments) = (unsafe { Arguments::new(count, arguments) }) else {
        say!(Output::ERROR, "{USAGE}");
        return 2;
    };
    let mut code = 1;
    match stack::peak(|| code = run(&arguments)) {
        Some(bytes) => say!(Output::PLAIN, "peak stack: {bytes} bytes"),
        None => say!(Output::ERROR, "no thread could be started"),
    }
    code
}

struct Arguments {
    server: SocketAddr,
    name: &'static str,
    path: &'static str,
    authority: &'static CStr,
}

impl Arguments {
    /// # Safety
    /// `values` must point to `count` strings of C that live for ever.
    unsafe fn new(count: c_int, values: *const *const c_char) -> Option<Self> {
        if count != 5 {
            return None;
        }
        // SAFETY: the caller's promise, and `index` is below `count`.
        let value = |index| unsafe { CStr::from_ptr(*values.add(index)) };
        Some(Self {
            server: value(1).to_str().ok()?.parse().ok()?,
            name: value(2).to_str().ok()?,
            path: value(3).to_str().ok()?,
            authority: value(4),
        })
    }
}

fn run(arguments: &Arguments) -> c_int {
    match request(arguments) {
        Ok(answer) => {
            say!(Output::PLAIN, "status: {}", answer.status);
            say!(Output::PLAIN, "body: {} bytes", answer.length);
            say!(Output::PLAIN, "sha256: {}", Hex(&answer.sha256));
            0
        }
        Err(()) => 1,
    }
}

fn request(arguments: &Arguments) -> Result<Answer, ()> {
    let failed = |what: &str, error: system::Error| {
        say!(Output::ERROR, "{what}: {error:?}");
    };
    let authority = system::read_file(arguments.authority, AUTHORITY.take())
        .map_err(|error| failed("authority", error))?;
    let mut socket = Udp::connect(arguments.server).map_err(|error| failed("socket", error))?;
    let mut entropy = [0; 32];
    system::fill_random(&mut entropy).map_err(|error| failed("randomness", error))?;
    let task = Task {
        server: arguments.server,
        name: arguments.name,
        path: arguments.path,
        authority,
        date: WallClock::At(system::unix_seconds()),
        entropy,
    };
    client::get(&task, &mut socket, &system::Monotonic)
        .map_err(|failure| say!(Output::ERROR, "{failure}"))
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    say!(Output::ERROR, "{info}");
    // SAFETY: ends the process.
    unsafe { libc::abort() }
}

//! What the operating system gives beside the network: time, randomness, the bytes of a file.

use core::ffi::CStr;

use quicpro_core::Instant;
use quicpro_core::io::Clock;

/// The number of an error of the operating system.
#[derive(Clone, Copy, Debug)]
pub struct Error(#[expect(dead_code, reason = "read when it is printed")] i32);

impl Error {
    /// The error of the last call.
    pub fn last() -> Self {
        Self(errno())
    }
}

/// The number of the last call's error.
pub fn errno() -> i32 {
    // SAFETY: the C library's own address of this thread's number.
    unsafe { *libc::__errno_location() }
}

/// The clock that never goes backwards.
pub struct Monotonic;

impl Clock for Monotonic {
    fn now(&self) -> Instant {
        let time = read_clock(libc::CLOCK_MONOTONIC);
        Instant::from_micros(time.tv_sec as u64 * 1_000_000 + time.tv_nsec as u64 / 1000)
    }
}

/// The date, in seconds since 1970.
pub fn unix_seconds() -> u64 {
    read_clock(libc::CLOCK_REALTIME).tv_sec as u64
}

fn read_clock(clock: libc::clockid_t) -> libc::timespec {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is ours. Both clocks exist everywhere, so the call cannot fail.
    unsafe { libc::clock_gettime(clock, &mut time) };
    time
}

/// Fills `bytes` from the system's generator.
pub fn fill_random(bytes: &mut [u8; 32]) -> Result<(), Error> {
    // SAFETY: the pointer and the length are those of the array.
    let count = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    if usize::try_from(count) == Ok(bytes.len()) {
        Ok(())
    } else {
        Err(Error::last())
    }
}

/// The bytes of a file that fits into `buffer`; of a longer one the beginning, which is no certificate.
pub fn read_file<'a>(name: &CStr, buffer: &'a mut [u8]) -> Result<&'a [u8], Error> {
    // SAFETY: `name` ends with a zero, and the pointer and length are those of a slice. The descriptor is ours.
    let count = unsafe {
        let file = libc::open(name.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
        if file < 0 {
            return Err(Error::last());
        }
        let count = libc::read(file, buffer.as_mut_ptr().cast(), buffer.len());
        libc::close(file);
        count
    };
    let count = usize::try_from(count).map_err(|_| Error::last())?;
    buffer.get(..count).ok_or(Error(libc::EIO))
}

//! How much stack a piece of code needs: it runs on a painted one, and the paint that is gone is counted.
//!
//! ```text
//!   low                                                          high
//!   | guard page | paint ........ | touched by the code | thread's own |
//!                                 ^ deepest             ^ start of the code
//! ```

use core::ffi::c_void;
use core::{mem, ptr, slice};

/// Far more than the client needs, so that running into the guard page is an error worth a crash.
const STACK: usize = 256 * 1024;
const PAGE: usize = 4096;

/// A value that code rarely leaves behind, and never at every byte of its frames.
const PAINT: u8 = 0xa5;

struct Job<F> {
    code: Option<F>,
    /// Where the stack pointer was when the code started.
    start: usize,
}

/// Runs `code` in a thread of its own and returns the bytes of stack it used; `None` if none could be started.
pub fn peak<F: FnOnce() + Send>(code: F) -> Option<usize> {
    let mut job = Job {
        code: Some(code),
        start: 0,
    };
    let low = map()?;
    // SAFETY: the mapping behind the guard page is ours, writable and STACK bytes long.
    unsafe { ptr::write_bytes(low, PAINT, STACK) };
    // SAFETY: `job` lives until the thread has been joined, and only the thread uses it meanwhile.
    unsafe { run_on(low, entry::<F>, ptr::from_mut(&mut job).cast())? };
    // SAFETY: the thread is gone, so nobody writes to the mapping any more; it is never unmapped.
    let stack = unsafe { slice::from_raw_parts(low, STACK) };
    let untouched = stack
        .iter()
        .position(|&byte| byte != PAINT)
        .unwrap_or(STACK);
    Some(job.start.saturating_sub(low as usize + untouched))
}

extern "C" fn entry<F: FnOnce()>(job: *mut c_void) -> *mut c_void {
    // SAFETY: `peak` passes its own job and waits for the end of this thread.
    let job = unsafe { &mut *job.cast::<Job<F>>() };
    let marker = 0u8;
    job.start = ptr::from_ref(&marker) as usize;
    if let Some(code) = job.code.take() {
        code();
    }
    ptr::null_mut()
}

/// Memory for a stack, above a page that nobody may touch.
fn map() -> Option<*mut u8> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping, wherever the system likes; the guard page is its first.
    unsafe {
        let guard = libc::mmap(ptr::null_mut(), PAGE + STACK, protection, flags, -1, 0);
        let is_guarded =
            guard != libc::MAP_FAILED && libc::mprotect(guard, PAGE, libc::PROT_NONE) == 0;
        is_guarded.then(|| guard.cast::<u8>().add(PAGE))
    }
}

/// Runs `entry(job)` on the stack at `low` and waits for its end.
///
/// # Safety
/// STACK bytes at `low` must be nobody else's, and `job` what `entry` expects.
unsafe fn run_on(
    low: *mut u8,
    entry: extern "C" fn(*mut c_void) -> *mut c_void,
    job: *mut c_void,
) -> Option<()> {
    // SAFETY: `attributes` and `thread` are initialised by the calls that come first.
    unsafe {
        let mut attributes: libc::pthread_attr_t = mem::zeroed();
        let mut thread: libc::pthread_t = mem::zeroed();
        let is_run = libc::pthread_attr_init(&mut attributes) == 0
            && libc::pthread_attr_setstack(&mut attributes, low.cast(), STACK) == 0
            && libc::pthread_create(&mut thread, &attributes, entry, job) == 0
            && libc::pthread_join(thread, ptr::null_mut()) == 0;
        is_run.then_some(())
    }
}

//! What std would bring: an allocator, a panic handler, and the function by which the host allocates.

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

/// A trap, which the host reports with the functions it happened in. To print `info` would keep the words and places of
/// all panics, and all that formats them, in the component.
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

// `wasm32-wasip2` takes `memcpy` and its kin from its C library, which is linked for std's sake otherwise.
#[cfg(target_os = "wasi")]
#[link(name = "c")]
unsafe extern "C" {}

/// Where the host puts the lists that it returns. On `wasm32-wasip2` the bindings expect it of the C library.
///
/// # Safety
/// As the component model's canonical ABI calls it: `old` is null, or was returned for `old_length` bytes and `align`.
#[cfg(all(target_os = "wasi", target_env = "p2"))]
#[unsafe(no_mangle)]
unsafe extern "C" fn cabi_realloc(
    old: *mut u8,
    old_length: usize,
    align: usize,
    new_length: usize,
) -> *mut u8 {
    use alloc::alloc::{Layout, alloc, handle_alloc_error, realloc};
    let Ok(layout) = Layout::from_size_align(new_length, align) else {
        core::arch::wasm32::unreachable()
    };
    let new = match (old_length, new_length) {
        (0, 0) => return core::ptr::without_provenance_mut(align),
        // SAFETY: the length is not 0.
        (0, _) => unsafe { alloc(layout) },
        // SAFETY: the caller's promise; `from_size_align` found the new length legal.
        _ => unsafe {
            realloc(
                old,
                Layout::from_size_align_unchecked(old_length, align),
                new_length,
            )
        },
    };
    if new.is_null() {
        handle_alloc_error(layout)
    }
    new
}

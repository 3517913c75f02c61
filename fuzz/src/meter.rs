//! How much memory a parser takes: a global allocator that counts, thread by thread.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

/// Runs a parser over its input.
///
/// # Panics
/// It held more than [`TIMES`] the input's length and [`FIXED`] bytes at some moment.
pub fn bounded<T>(input: &[u8], parse: impl FnOnce() -> T) -> T {
    bounded_by(TIMES, input, parse)
}

/// The same with another factor.
///
/// # Panics
/// It held more than so many times the input's length and [`FIXED`] bytes at some moment.
pub fn bounded_by<T>(times: usize, input: &[u8], parse: impl FnOnce() -> T) -> T {
    let before = LIVE.get();
    PEAK.set(before);
    let parsed = parse();
    let peak = PEAK.get().abs_diff(before);
    let most = FIXED + times * input.len();
    assert!(
        peak <= most,
        "{} bytes of input made the parser hold {peak} bytes; {most} are allowed",
        input.len()
    );
    parsed
}

/// The dearest inputs known are texts whose lines have a few bytes.
pub const TIMES: usize = 48;
/// For what doesn't depend on the input.
pub const FIXED: usize = 128 * 1024;

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    /// Bytes that this thread holds: below zero where it frees what another has allocated.
    static LIVE: Cell<isize> = const { Cell::new(0) };
    /// INVARIANT: since it was set last, never below `LIVE`.
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn grow(bytes: usize) {
    let _ = LIVE.try_with(|live| {
        live.set(live.get().saturating_add_unsigned(bytes));
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(live.get())));
    });
}

fn shrink(bytes: usize) {
    let _ = LIVE.try_with(|live| live.set(live.get().saturating_sub_unsigned(bytes)));
}

#[expect(unsafe_code, reason = "an allocator has an unsafe interface; this one only counts and passes on")]
// SAFETY: each call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        shrink(layout.size());
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // Old and new may exist side by side for a moment.
        grow(new_size);
        shrink(layout.size());
        unsafe { System.realloc(at, layout, new_size) }
    }
}

#[cfg(test)]
mod tests {
    use super::{FIXED, bounded};

    #[test]
    fn lets_pass_what_is_in_proportion() {
        assert_eq!(bounded(&[0; 1000], || vec![0_u8; FIXED + 10_000].len()), FIXED + 10_000);
    }

    #[test]
    #[should_panic(expected = "are allowed")]
    fn finds_what_was_freed_again() {
        bounded(&[0; 1000], || drop(std::hint::black_box(Vec::<u8>::with_capacity(FIXED + 100_000))));
    }
}

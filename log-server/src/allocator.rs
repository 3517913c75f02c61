//! The allocator of the whole process, RocksDB's too, and what it holds: whether a log that grows keeps something (what is
//! allocated grows), or only the room between blocks that came and went (what is resident grows, and that doesn't).

use tikv_jemalloc_ctl::{epoch, stats};

/// A log lives for years, and this allocator gives memory back instead of fragmenting it. It also takes about a tenth of the
/// work off a request.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Bytes of the process's heap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heap {
    /// What the program and RocksDB have asked for and not given back.
    pub allocated: usize,
    /// What the allocator has of the kernel for it, in memory: with the room between, its own tables, and what was given back
    /// to it in the last seconds.
    pub resident: usize,
}

/// What the heap holds now; none where the allocator doesn't tell.
pub fn heap() -> Option<Heap> {
    // The figures are those of the last epoch.
    epoch::advance().ok()?;
    Some(Heap { allocated: stats::allocated::read().ok()?, resident: stats::resident::read().ok()? })
}

#[cfg(test)]
mod tests {
    use super::heap;

    #[test]
    fn what_is_asked_for_is_counted_until_it_is_given_back() {
        const MORE: usize = 64 << 20;
        let before = heap().expect("it tells");
        let held = vec![1_u8; MORE];
        let with = heap().expect("it tells");
        // Other tests allocate at the same time, far less than this.
        assert!(with.allocated > before.allocated + MORE / 2, "{before:?}, {with:?}");
        assert!(with.resident >= with.allocated, "{with:?}");
        drop(held);
        let after = heap().expect("it tells");
        assert!(after.allocated < with.allocated - MORE / 2, "{with:?}, {after:?}");
    }
}

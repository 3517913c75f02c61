//! The program `treering-log`.

/// RocksDB's too: a log lives for years, and this one gives memory back instead of fragmenting it. It also takes about a
/// tenth of the work off a request.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    treering_log::commands::main()
}

//! The program `treering-log`.

fn main() -> std::process::ExitCode {
    treering_log::commands::main()
}

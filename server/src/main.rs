//! The `orc` binary.

use std::process::ExitCode;

/// Runs and analyses are made of many small values.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    server::cli::main()
}

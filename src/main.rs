//! The command line; everything else is in the library.

mod cli;

use std::process::ExitCode;

// Without huge pages: they made an idle service half as large again and nothing faster.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run()
}

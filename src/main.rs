//! The command line; everything else is in the library.

mod cli;

use std::process::ExitCode;

// Built without huge pages (`no_thp`): with them an idle service took 50 % more memory and was no faster.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run()
}

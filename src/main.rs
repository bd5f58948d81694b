//! The command line; everything else is in the library.

mod cli;

use std::process::ExitCode;

// Built without huge pages (`no_thp`): with them an idle service took 50 % more memory and was no faster.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Everything that the program makes is for its owner alone: the database, the files beside it, the key, mails, exports.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    cli::run()
}

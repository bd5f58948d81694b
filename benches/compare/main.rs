//! Compares the service with its limits and its peers, in turn on one machine. `benches/create` and its neighbours start
//! this program. Each bench writes a section of `benches/RESULTS.md`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::print_stdout,
    clippy::format_push_string,
    clippy::missing_panics_doc,
    clippy::too_many_lines,
    missing_docs,
    unreachable_pub,
    reason = "a bench that cannot continue panics at the place of the fault"
)]

mod console;
mod create;
mod details;
mod growth;
mod import;
mod ingest;
mod instructions;
mod pair;
mod profile;
mod read;
mod search;
mod startup;
mod support;

use std::net::SocketAddr;

use clap::{Args, Parser, Subcommand};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Compares the service with its limits and its peers; writes benches/RESULTS.md
#[derive(Debug, Parser)]
struct Cli {
    /// Cargo passes this to every bench
    #[arg(long, hide = true, global = true)]
    bench: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Creates per second: SQLite, PostgreSQL, batches of one, the bare HTTP server, the peers (goals 1 to 3)
    Create(Common),
    /// Reads per second: by id and the newest 20; the bare HTTP server, the peers (goal 4)
    Read {
        /// Customers in each system
        #[arg(long, env = "BENCH_ROWS", default_value_t = 20_000)]
        rows: u64,
        #[command(flatten)]
        common: Common,
    },
    /// Imports: new customers, every second one known, and during creates (goals 6 and 7)
    Import {
        /// Rows in each file
        #[arg(long, env = "BENCH_ROWS", default_value_t = 1_000_000)]
        rows: u64,
        /// Measure only this database: sqlite or postgresql
        #[arg(long)]
        only: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Searches and lists on a million customers, compared with trigram indexes on plaintext (goal 5)
    Search {
        /// Customers in the database
        #[arg(long, env = "BENCH_ROWS", default_value_t = 1_000_000)]
        rows: u64,
        /// Measure only this database: sqlite or postgresql
        #[arg(long)]
        only: Option<String>,
        /// Questions of each kind
        #[arg(long, default_value_t = 200)]
        questions: usize,
        #[command(flatten)]
        common: Common,
    },
    /// Pages of the console on a million customers and on a thousand, beside the same questions to the API
    Console {
        /// Customers of the large store
        #[arg(long, env = "BENCH_ROWS", default_value_t = 1_000_000)]
        rows: u64,
        /// Measure only this database: sqlite or postgresql
        #[arg(long)]
        only: Option<String>,
        /// Questions of each kind
        #[arg(long, default_value_t = 40)]
        questions: usize,
        #[command(flatten)]
        common: Common,
    },
    /// Creates and list pages on few customers and on five million (goal 8)
    Growth {
        /// Customers of the large database
        #[arg(long, env = "BENCH_ROWS", default_value_t = 5_000_000)]
        rows: u64,
        /// Measure only this database: sqlite or postgresql
        #[arg(long)]
        only: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// A customer's details beside a plain read by id, on a million customers
    Details {
        /// Customers in the database
        #[arg(long, env = "BENCH_ROWS", default_value_t = 1_000_000)]
        rows: u64,
        /// Measure only this database: sqlite or postgresql
        #[arg(long)]
        only: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Transactions in batches beside COPY of the same rows, creates beside them, and pages of few and of many
    Ingest {
        /// Customers in the database
        #[arg(long, env = "BENCH_ROWS", default_value_t = 1_000_000)]
        rows: u64,
        /// Transactions in the database when pages of many are read
        #[arg(long, default_value_t = 10_000_000)]
        deep: u64,
        /// Measure only this database: sqlite or postgresql
        #[arg(long)]
        only: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Time from start to ready, memory when idle (goal 9)
    Startup {
        /// Customers in the database
        #[arg(long, env = "BENCH_ROWS", default_value_t = 20_000)]
        rows: u64,
        #[command(flatten)]
        common: Common,
    },
    /// Instructions of a create and of a read, counted by valgrind
    Instructions(Common),
    /// Compares two builds of the service, in turn: creates, reads, searches and imports; writes no results
    Pair {
        /// Program of the earlier build
        #[arg(long, env = "BENCH_BEFORE")]
        before: std::path::PathBuf,
        /// Measure only this database: sqlite or postgresql
        #[arg(long)]
        only: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Profile of the service by perf; writes no results
    Profile {
        /// The kind of request
        kind: profile::RequestKind,
        /// Use PostgreSQL instead of SQLite
        #[arg(long)]
        postgres: bool,
        #[command(flatten)]
        common: Common,
    },
    /// The bare HTTP server, for the other benches
    #[command(hide = true)]
    Ceiling { address: SocketAddr },
}

/// Options of every bench.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// Rounds per system
    #[arg(long, env = "BENCH_ROUNDS", default_value_t = 5)]
    rounds: usize,
    /// Measured seconds per round
    #[arg(long, env = "BENCH_SECONDS", default_value_t = 3.0)]
    seconds: f64,
    /// Concurrent connections
    #[arg(long, env = "BENCH_CLIENTS", default_value_t = 64)]
    clients: usize,
    /// Seed of the random choices
    #[arg(long, env = "BENCH_SEED", default_value_t = 20_261_125)]
    seed: u64,
}

fn main() {
    match Cli::parse().command {
        Command::Create(common) => to_the_end(create::run(&common)),
        Command::Read { rows, common } => to_the_end(read::run(&common, rows)),
        Command::Import { rows, only, common } => {
            to_the_end(import::run(&common, rows, only.as_deref()));
        }
        Command::Search { rows, only, questions, common } => {
            to_the_end(search::run(&common, rows, only.as_deref(), questions));
        }
        Command::Console { rows, only, questions, common } => {
            to_the_end(console::run(&common, rows, only.as_deref(), questions));
        }
        Command::Growth { rows, only, common } => {
            to_the_end(growth::run(&common, rows, only.as_deref()));
        }
        Command::Details { rows, only, common } => {
            to_the_end(details::run(&common, rows, only.as_deref()));
        }
        Command::Ingest { rows, deep, only, common } => {
            to_the_end(ingest::run(&common, rows, deep, only.as_deref()));
        }
        Command::Startup { rows, common } => to_the_end(startup::run(&common, rows)),
        Command::Instructions(common) => to_the_end(instructions::run(&common)),
        Command::Pair { before, only, common } => {
            to_the_end(pair::run(&common, &before, only.as_deref()));
        }
        Command::Profile { kind, postgres, common } => {
            to_the_end(profile::run(&common, kind, postgres));
        }
        Command::Ceiling { address } => support::ceiling::serve(address),
    }
}

/// Runs a bench. When a signal stops it, the bench ends the programs that it started.
fn to_the_end(bench: impl Future<Output = ()>) {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).expect("a signal");
        let mut interrupt = signal(SignalKind::interrupt()).expect("a signal");
        tokio::select! {
            () = bench => {}
            _ = terminate.recv() => println!("terminated"),
            _ = interrupt.recv() => println!("interrupted"),
        }
    });
}

//! The base of every test: a fresh database of either kind (`postgres`), the program as child processes on it
//! (`server`), and an HTTP client for the wire format (`client`). Dropping them removes everything.
//!
//! `both!` makes a test for each database; `fleets!` adds a third with three instances on one PostgreSQL database.
#![allow(dead_code, reason = "each module of tests uses its own part")]

mod client;
mod postgres;
mod server;
mod terminal;

use std::fmt::Display;
use std::path::PathBuf;
use std::time::{Duration, Instant};

pub use client::{Answer, Client};
pub use postgres::{TlsCluster, own_cluster};
pub use server::{Fleet, MASTER_KEY, Server, Site};
pub use terminal::Terminal;

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Db {
    Sqlite,
    Postgres,
}

/// Makes `name::sqlite` and `name::postgres` from one body: `both!(name, |db| async { … });`
macro_rules! both {
    ($name:ident, |$db:ident| $body:expr) => {
        mod $name {
            use super::*;

            async fn run($db: $crate::harness::Db) {
                $body.await
            }

            #[tokio::test]
            async fn sqlite() {
                run($crate::harness::Db::Sqlite).await
            }

            #[tokio::test]
            async fn postgres() {
                run($crate::harness::Db::Postgres).await
            }
        }
    };
}
pub(crate) use both;

/// Like `both!`, but the body gets running instances, and a third test runs three of them on one PostgreSQL database.
macro_rules! fleets {
    ($name:ident, |$fleet:ident| $body:expr) => {
        mod $name {
            use super::*;

            async fn run($fleet: $crate::harness::Fleet) {
                $body.await
            }

            #[tokio::test]
            async fn sqlite() {
                run($crate::harness::Fleet::start($crate::harness::Db::Sqlite, 1).await).await
            }

            #[tokio::test]
            async fn postgres() {
                run($crate::harness::Fleet::start($crate::harness::Db::Postgres, 1).await).await
            }

            #[tokio::test]
            async fn three_instances() {
                run($crate::harness::Fleet::start($crate::harness::Db::Postgres, 3).await).await
            }
        }
    };
}
pub(crate) use fleets;

/// Starts all futures before it waits for any; their outputs in the given order.
pub async fn at_once<F>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let tasks: Vec<_> = futures.into_iter().map(tokio::spawn).collect();
    let mut outputs = Vec::with_capacity(tasks.len());
    for task in tasks {
        outputs.push(finished(task).await);
    }
    outputs
}

/// The output of a task; a panic of the task becomes the test's.
pub async fn finished<T>(task: tokio::task::JoinHandle<T>) -> T {
    task.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

/// Polls until the condition holds, and fails if it does not within `patience`.
pub async fn wait_until(what: &str, patience: Duration, mut holds: impl AsyncFnMut() -> bool) {
    wait_for(what, patience, async || if holds().await { Ok(()) } else { Err("") }).await;
}

/// Polls until there is a value, and fails with the last `Err` if there is none within `patience`.
pub async fn wait_for<T, E: Display>(
    what: &str,
    patience: Duration,
    mut poll: impl AsyncFnMut() -> Result<T, E>,
) -> T {
    let begun = Instant::now();
    loop {
        match poll().await {
            Ok(value) => return value,
            Err(state) => assert!(begun.elapsed() < patience, "not within {patience:?}: {what} {state}"),
        }
        // Short at first, because some tests must catch work in the middle.
        let pause = begun.elapsed() / 50;
        tokio::time::sleep(pause.clamp(Duration::from_millis(5), Duration::from_millis(50))).await;
    }
}

/// A number from the environment, for tests with a short and a long form.
pub fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} must be a number, not {text:?}")),
        Err(_) => default,
    }
}

/// A seeded generator that prints its seed; the same seed makes the same choices (`TEST_SEED=…`).
pub fn seeded() -> fastrand::Rng {
    let seed = setting("TEST_SEED", fastrand::u64(..));
    println!("TEST_SEED={seed}");
    fastrand::Rng::with_seed(seed)
}

/// The Python of the environment that `scripts/test` creates, with the packages that the tests use.
pub fn python() -> PathBuf {
    std::env::var_os("TEST_PYTHON").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/target/test-venv/bin/python")),
        PathBuf::from,
    )
}

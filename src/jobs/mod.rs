//! Work beside the requests: watching the database, rotating keys, and removing what has had its time.

pub mod imports;
pub mod index;
pub mod invitations;
pub mod mail;
pub mod rotation;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::clock;
use crate::domain::kernel::time::Micros;
use crate::store::{SessionLimits, Store, StoreError, Watch};

/// How often revoked tokens and new signing keys are looked for; rules 1 allow 5 s.
const WATCH_EVERY: Duration = Duration::from_secs(1);
/// How often expired idempotency keys are looked for.
const PURGE_EVERY: Duration = Duration::from_secs(30);

/// Asks long-running threads to end.
#[derive(Debug, Clone, Default)]
pub struct StopSignal(Arc<AtomicBool>);

impl StopSignal {
    /// Asks.
    pub fn now(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether somebody asked.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Watches the database from a thread and a connection of its own; `learn` gets what each look saw, nothing where it
/// failed.
///
/// # Errors
/// The operating system's, when it gives no thread.
pub fn watch(
    mut watch: Watch,
    stop: StopSignal,
    learn: impl Fn(Option<Vec<String>>, Micros) + Send + 'static,
) -> std::io::Result<JoinHandle<()>> {
    thread::Builder::new().name("watch".into()).spawn(move || {
        let mut was_well = true;
        while !stop.is_asked() {
            // What is learnt holds as of before the look.
            let asked_at = clock::now();
            let mut seen = watch.poll();
            if was_cut(&seen) {
                seen = watch.poll();
            }
            match seen {
                Ok(revoked) => {
                    learn(Some(revoked), asked_at);
                    was_well = true;
                }
                Err(error) => {
                    learn(None, asked_at);
                    if was_well {
                        tracing::error!(%error, "the database does not answer");
                    }
                    was_well = false;
                }
            }
            thread::park_timeout(WATCH_EVERY);
        }
    })
}

/// Whether a step lost its connection on the way, and is to be taken once more. That befalls whoever stood still (a
/// machine that slept, a container that was paused) for longer than a transaction may be idle; only a second time is
/// something to warn of.
fn was_cut<T>(step: &Result<T, StoreError>) -> bool {
    step.as_ref().err().is_some_and(StoreError::is_of_connection)
}

/// Takes a step, and once more where its connection was cut.
async fn again_if_cut<T>(step: impl AsyncFn() -> Result<T, StoreError>) -> Result<T, StoreError> {
    let taken = step().await;
    if was_cut(&taken) { step().await } else { taken }
}

/// How long mails and invitations of many are kept after their end, in seconds.
const KEPT_SECS: i64 = 30 * 24 * 3600;

/// Removes what has had its time — idempotency keys, imports, mails, invitations, sessions — and what erases left, for as
/// long as the service runs.
pub async fn purge(store: Arc<Store>, import_retention: Duration, session: SessionLimits) {
    let mut timer = tokio::time::interval(PURGE_EVERY);
    let retention_secs = i64::try_from(import_retention.as_secs()).unwrap_or(i64::MAX);
    loop {
        timer.tick().await;
        store.customers().forget_old_records();
        store.customers().finish_erasing().await;
        remove("mails", || store.mail().purge(KEPT_SECS)).await;
        remove("invitations", || store.invitations().purge(KEPT_SECS)).await;
        remove("sessions", || store.accounts().purge(session)).await;
        let jobs = remove("imports", || store.imports().purge(retention_secs)).await;
        if jobs > 0 {
            tracing::info!(jobs, "expired imports removed");
        }
        let rows = remove("idempotency keys", || store.idempotency().purge()).await;
        tracing::debug!(rows, "expired idempotency keys removed");
    }
}

/// Removes some at a time until nothing of a kind is left that has had its time; how many.
async fn remove(kind: &str, step: impl AsyncFn() -> Result<usize, StoreError>) -> usize {
    let mut removed = 0;
    loop {
        match again_if_cut(&step).await {
            Ok(0) => return removed,
            Ok(some) => removed += some,
            Err(error) => {
                tracing::warn!(%error, kind, "what has had its time could not be removed");
                return removed;
            }
        }
    }
}

//! Background work beside the requests: watches the database, runs jobs, and removes expired data.

pub mod imports;
pub mod index;
pub mod invitations;
pub mod labels;
pub mod lifecycle;
pub mod mail;
pub mod provider;
pub mod rotation;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::Notify;

use crate::clock;
use crate::domain::kernel::time::Micros;
use crate::store::{SessionLimits, Store, StoreError, Watch};

/// How often it looks for revoked tokens and new signing keys; rules 1 allow 5 s.
const WATCH_EVERY: Duration = Duration::from_secs(1);
/// How often it removes expired data.
const PURGE_EVERY: Duration = Duration::from_secs(30);

/// Asks long-running threads and tasks to end.
#[derive(Debug, Clone, Default)]
pub struct StopSignal(Arc<(AtomicBool, Notify)>);

impl StopSignal {
    /// Asks them to end.
    pub fn now(&self) {
        self.0.0.store(true, Ordering::Release);
        self.0.1.notify_waiters();
    }

    /// Whether they are to end.
    pub fn is_asked(&self) -> bool {
        self.0.0.load(Ordering::Acquire)
    }

    /// Waits until they are to end.
    async fn asked(&self) {
        // Listen before the check, so that no signal in between is missed.
        let notified = self.0.1.notified();
        if !self.is_asked() {
            notified.await;
        }
    }

    /// Waits for a future, but not beyond the signal.
    async fn or<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = future => Some(done),
            () = self.asked() => None,
        }
    }
}

/// Watches the database from a thread and a connection of its own. After each look `learn` gets the revoked tokens, or
/// `None` if the look failed, and the time before the look.
///
/// # Errors
/// The operating system's, when it cannot start a thread.
pub fn watch(
    mut watch: Watch,
    stop: StopSignal,
    learn: impl Fn(Option<Vec<String>>, Micros) + Send + 'static,
) -> std::io::Result<JoinHandle<()>> {
    thread::Builder::new().name("watch".into()).spawn(move || {
        let mut was_well = true;
        while !stop.is_asked() {
            // The result is valid as of the time before the look.
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

/// Whether a step lost its connection, and is to run once more. A process that was suspended (a sleeping machine, a
/// paused container) for longer than a transaction may be idle loses its connections; only a second failure deserves
/// a warning.
fn was_cut<T>(step: &Result<T, StoreError>) -> bool {
    step.as_ref().err().is_some_and(StoreError::is_of_connection)
}

/// Runs a step, and runs it once more if it lost its connection.
async fn again_if_cut<T>(step: impl AsyncFn() -> Result<T, StoreError>) -> Result<T, StoreError> {
    let taken = step().await;
    if was_cut(&taken) { step().await } else { taken }
}

/// How long to keep mails and bulk invitations after their end, in seconds.
const KEPT_SECS: i64 = 30 * 24 * 3600;

/// Removes expired data (idempotency keys, imports, mails, invitations, sessions) and finishes erases, for as long as the
/// service runs.
pub async fn purge(store: Arc<Store>, import_retention: Duration, session: SessionLimits) {
    let mut timer = tokio::time::interval(PURGE_EVERY);
    let retention_secs = i64::try_from(import_retention.as_secs()).unwrap_or(i64::MAX);
    loop {
        timer.tick().await;
        store.customers().forget_old_records();
        store.customers().finish_erasing().await;
        remove("mails", || store.mail().purge(KEPT_SECS)).await;
        remove("invitations", || store.invitations().purge(KEPT_SECS)).await;
        remove("label jobs", || store.labels().purge(KEPT_SECS)).await;
        remove("sessions", || store.accounts().purge(session)).await;
        remove("sessions of staff", || store.staff().purge(session)).await;
        let jobs = remove("imports", || store.imports().purge(retention_secs)).await;
        if jobs > 0 {
            tracing::info!(jobs, "expired imports removed");
        }
        let rows = remove("idempotency keys", || store.idempotency().purge()).await;
        tracing::debug!(rows, "expired idempotency keys removed");
    }
}

/// Removes expired rows of a kind in steps until none is left; returns how many.
async fn remove(kind: &str, step: impl AsyncFn() -> Result<usize, StoreError>) -> usize {
    let mut removed = 0;
    loop {
        match again_if_cut(&step).await {
            Ok(0) => return removed,
            Ok(some) => removed += some,
            Err(error) => {
                tracing::warn!(%error, kind, "expired data could not be removed");
                return removed;
            }
        }
    }
}

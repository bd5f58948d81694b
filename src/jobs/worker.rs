//! The worker loop for jobs of every kind: takes waiting jobs, runs their steps, and handles errors in one way.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::StopSignal;
use crate::store::{Lease, StepDone, Store, StoreError};

/// How often a worker looks for jobs that another process queued or lost.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The pauses before another try of a step that found the database busy or unavailable: the first and the longest.
const RETRY_FIRST: Duration = Duration::from_millis(500);
const RETRY_LATER: Duration = Duration::from_secs(4);
/// The most tries in a row of a worker that somebody watches.
const RETRIES_WATCHED: u32 = 20;

/// How long a worker goes on with a step that the database does not let it do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// As long as the service runs.
    Endless,
    /// Some seconds: a person waits, and can run the job again.
    Watched,
}

/// A job that this process runs.
pub(super) trait Work: Send + Sized + 'static {
    /// The name of the kind in messages.
    const KIND: &'static str;
    /// How many jobs of the kind a process works on at once.
    const AT_ONCE: usize;

    /// Takes a job without a worker.
    fn take(store: &Arc<Store>) -> impl Future<Output = Result<Option<Self>, StoreError>> + Send;

    /// Waits until this process queues a job of the kind.
    fn queued(store: &Store) -> impl Future<Output = ()> + Send;

    fn lease(&self) -> Lease;

    /// How many rows or customers the next step may do.
    fn most(&self, has_callers: bool) -> usize;

    /// Does at most `most` of them, in one transaction with the checkpoint.
    fn step(&mut self, most: usize) -> impl Future<Output = Result<StepDone, StoreError>> + Send;

    /// Adapts the size of steps to a step that did `done` in the time `took`.
    fn learn(&mut self, done: usize, took: Duration, has_callers: bool);

    /// Makes steps of at most `most`, after a larger one failed.
    fn shrink(&mut self, most: usize);

    /// Reports the next row or customer as failed, after a step with it alone failed.
    fn give_up_one(&mut self, error: StoreError)
    -> impl Future<Output = Result<StepDone, StoreError>> + Send;
}

/// Runs waiting jobs of a kind for as long as the service runs. Ends when every job has given up its lease.
pub(super) async fn work<W: Work>(store: Arc<Store>, stop: StopSignal) {
    let permits = Arc::new(Semaphore::new(W::AT_ONCE));
    while let Some(Ok(permit)) = stop.or(Arc::clone(&permits).acquire_owned()).await {
        match W::take(&store).await {
            Ok(Some(work)) => {
                let (store, stop) = (Arc::clone(&store), stop.clone());
                tokio::spawn(async move {
                    let job = work.lease().id.job_id;
                    if let Err(error) = run(&store, work, Patience::Endless, &stop).await {
                        tracing::warn!(%error, kind = W::KIND, job, "a job failed; it waits for another worker");
                    }
                    drop(permit);
                });
                continue;
            }
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, kind = W::KIND, "the queue of jobs could not be read"),
        }
        drop(permit);
        let _ = stop.or(tokio::time::timeout(LOOK_EVERY, W::queued(&store))).await;
    }
    let _ = permits.acquire_many(u32::try_from(W::AT_ONCE).unwrap_or(u32::MAX)).await;
}

/// Runs a job until it is over, another worker has it, or the process is to stop. What the database refuses for a reason
/// of its own (a lock, a full disk, a cancelled statement, a lost connection) is tried again and decides no row.
///
/// # Errors
/// The store's; the job then waits for the next worker.
pub(super) async fn run<W: Work>(
    store: &Store,
    mut work: W,
    patience: Patience,
    stop: &StopSignal,
) -> Result<(), StoreError> {
    let mut retries = 0_u32;
    let mut pause = RETRY_FIRST;
    loop {
        if stop.is_asked() {
            return store.jobs().release(work.lease()).await;
        }
        let most = work.most(store.has_callers());
        let begun = Instant::now();
        let done = match work.step(most).await {
            // Halving isolates the row that fails, and the others succeed.
            Err(StoreError::Bug(_) | StoreError::Corrupt(_)) if most > 1 => {
                work.shrink(most / 2);
                continue;
            }
            Err(error @ (StoreError::Bug(_) | StoreError::Corrupt(_))) => {
                tracing::error!(%error, kind = W::KIND, job = work.lease().id.job_id, "an item of a job failed");
                work.give_up_one(error).await?
            }
            Err(error @ (StoreError::Busy | StoreError::Unavailable(_)))
                if patience == Patience::Endless || retries < RETRIES_WATCHED =>
            {
                if retries == 0 {
                    let job = work.lease().id.job_id;
                    tracing::warn!(%error, kind = W::KIND, job, "a step of a job waits for the database");
                }
                retries = retries.saturating_add(1);
                let _ = stop.or(tokio::time::sleep(pause)).await;
                if patience == Patience::Endless {
                    pause = RETRY_LATER.min(pause * 2);
                }
                // If this fails too, the next worker finds the database as this one does.
                let _ = store.jobs().keep(work.lease()).await;
                continue;
            }
            done => done?,
        };
        match done {
            StepDone::Over => return Ok(()),
            StepDone::Went(done) => {
                (retries, pause) = (0, RETRY_FIRST);
                if done > 0 {
                    work.learn(done, begun.elapsed(), store.has_callers());
                }
            }
        }
    }
}

//! One loop for jobs of every kind: it takes what waits, works step by step, and has one rule for what goes wrong.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::StopSignal;
use crate::store::{Lease, Store, StoreError};

/// How often jobs are looked for that another process queued or left.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long to wait for a database that does not answer, and how often.
const RETRY_AFTER: Duration = Duration::from_millis(500);
const RETRIES_MAX: u32 = 20;

/// How a step ended.
pub(super) enum Step {
    /// So much is done; there is more.
    Went(usize),
    /// The job is over, another worker has it, or somebody stopped it.
    Over,
}

/// A job of a kind in this process's hands.
pub(super) trait Work: Send + Sized + 'static {
    /// The word in messages.
    const KIND: &'static str;
    /// How many jobs of the kind a process works on at once.
    const AT_ONCE: usize;

    /// Takes a job that nobody works on.
    fn take(store: &Arc<Store>) -> impl Future<Output = Result<Option<Self>, StoreError>> + Send;

    /// Waits until this process queues a job of the kind.
    fn queued(store: &Store) -> impl Future<Output = ()> + Send;

    /// The right to the job.
    fn lease(&self) -> Lease;

    /// How much the next step may do.
    fn most(&self, has_callers: bool) -> usize;

    /// Does at most so much, in one transaction with the checkpoint.
    fn step(&mut self, most: usize) -> impl Future<Output = Result<Step, StoreError>> + Send;

    /// Learns from a step that went: how much it did, and how long that took.
    fn learn(&mut self, done: usize, took: Duration, has_callers: bool);

    /// Takes smaller steps: one of so much failed.
    fn shrink(&mut self, most: usize);

    /// Reports the next one as failed, which cannot be done even by itself.
    fn give_up_one(&mut self, error: StoreError) -> impl Future<Output = Result<Step, StoreError>> + Send;
}

/// Works on whatever waits of a kind, for as long as the service runs.
pub(super) async fn work<W: Work>(store: Arc<Store>, stop: StopSignal) {
    let permits = Arc::new(Semaphore::new(W::AT_ONCE));
    while !stop.is_asked() {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        match W::take(&store).await {
            Ok(Some(work)) => {
                let (store, stop) = (Arc::clone(&store), stop.clone());
                tokio::spawn(async move {
                    let job = work.lease().id.job_id;
                    if let Err(error) = run(&store, work, &stop).await {
                        tracing::warn!(%error, kind = W::KIND, job, "a job waits for another worker");
                    }
                    drop(permit);
                });
                continue;
            }
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, kind = W::KIND, "no job could be looked for"),
        }
        drop(permit);
        let _ = tokio::time::timeout(LOOK_EVERY, W::queued(&store)).await;
    }
}

/// Works on one job until it is over, somebody else has it, or the process is to stop.
///
/// # Errors
/// The store's; the job then waits for whoever comes next.
pub(super) async fn run<W: Work>(store: &Store, mut work: W, stop: &StopSignal) -> Result<(), StoreError> {
    let mut retries = 0;
    loop {
        if stop.is_asked() {
            return store.jobs().release(work.lease()).await;
        }
        let most = work.most(store.has_callers());
        let begun = Instant::now();
        let done = match work.step(most).await {
            // Found by halving, what is broken hurts only itself.
            Err(StoreError::Bug(_) | StoreError::Corrupt(_)) if most > 1 => {
                work.shrink(most / 2);
                continue;
            }
            Err(error @ (StoreError::Bug(_) | StoreError::Corrupt(_))) => {
                tracing::error!(%error, kind = W::KIND, job = work.lease().id.job_id, "one cannot be done");
                work.give_up_one(error).await?
            }
            Err(StoreError::Busy | StoreError::Unavailable(_)) if retries < RETRIES_MAX => {
                retries += 1;
                tokio::time::sleep(RETRY_AFTER).await;
                continue;
            }
            done => done?,
        };
        match done {
            Step::Over => return Ok(()),
            Step::Went(done) => {
                retries = 0;
                if done > 0 {
                    work.learn(done, begun.elapsed(), store.has_callers());
                }
            }
        }
    }
}

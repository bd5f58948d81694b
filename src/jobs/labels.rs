//! Changes the labels of many customers: finds the next customers, and hands them to the store step by step.

use std::sync::Arc;
use std::time::Duration;

use super::StopSignal;
use super::worker::{self, Work};
use crate::clock;
use crate::store::{LabelLease, Lease, StepDone, Store, StoreError};

/// How many customers a step takes while callers of this process wait for writes, and otherwise.
const STEP_SHORT: usize = 25;
const STEP_LONG: usize = 250;

/// Runs waiting jobs for as long as the service runs.
pub async fn work(store: Arc<Store>, stop: StopSignal) {
    worker::work::<Labelling>(store, stop).await;
}

/// A job that this process runs.
struct Labelling {
    store: Arc<Store>,
    lease: Arc<LabelLease>,
    /// The id of the last customer done.
    cursor: i64,
    most: usize,
}

impl Work for Labelling {
    const KIND: &'static str = "label";
    const AT_ONCE: usize = 1;

    async fn take(store: &Arc<Store>) -> Result<Option<Labelling>, StoreError> {
        let Some(lease) = store.labels().take().await? else { return Ok(None) };
        let cursor = lease.cursor;
        Ok(Some(Labelling { store: Arc::clone(store), lease: Arc::new(lease), cursor, most: STEP_LONG }))
    }

    async fn queued(store: &Store) {
        store.labels().queued().await;
    }

    fn lease(&self) -> Lease {
        self.lease.lease
    }

    fn most(&self, has_callers: bool) -> usize {
        if has_callers { self.most.min(STEP_SHORT) } else { self.most }
    }

    async fn step(&mut self, most: usize) -> Result<StepDone, StoreError> {
        if self.cursor == self.lease.cursor {
            if self.lease.plan.selection.conditions(clock::now()).is_err() {
                let why = "this release reads the filter differently; send the change again";
                self.store.jobs().fail(self.lease.lease, why).await?;
                return Ok(StepDone::Over);
            }
            if self.lease.job.total.is_none() {
                self.store.labels().count(Arc::clone(&self.lease)).await?;
            }
        }
        self.next(most, false).await
    }

    fn learn(&mut self, _: usize, _: Duration, _: bool) {
        self.most = self.most.saturating_mul(2).min(STEP_LONG);
    }

    fn shrink(&mut self, most: usize) {
        self.most = most;
    }

    async fn give_up_one(&mut self, _: StoreError) -> Result<StepDone, StoreError> {
        self.next(1, true).await
    }
}

impl Labelling {
    /// Changes the labels of at most `most` next customers; with `gives_up` it reports them as failed without reading them.
    async fn next(&mut self, most: usize, gives_up: bool) -> Result<StepDone, StoreError> {
        let ids = self.store.labels().next(Arc::clone(&self.lease), self.cursor, most).await?;
        let (next, is_last) = (ids.last().copied(), ids.len() < most);
        let lease = Arc::clone(&self.lease);
        let done = self.store.labels().step(lease, self.cursor, ids, is_last, gives_up).await?;
        self.cursor = next.unwrap_or(self.cursor);
        Ok(done)
    }
}

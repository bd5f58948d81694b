//! Works on invitations of many customers: finds the next ones, and hands them to the store step by step.

use std::sync::Arc;
use std::time::Duration;

use super::StopSignal;
use crate::store::{InviteLease, InviteStepDone, Store, StoreError};

/// How often jobs are looked for that another process queued or left.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How many customers a step takes while somebody waits for writes of this process, and while nobody does.
const STEP_SHORT: usize = 25;
const STEP_LONG: usize = 250;
/// How long to wait for a database that does not answer, and how often.
const RETRY_AFTER: Duration = Duration::from_millis(500);
const RETRIES_MAX: u32 = 20;

/// Works on whatever waits, for as long as the service runs.
pub async fn work(store: Arc<Store>, stop: StopSignal) {
    while !stop.is_asked() {
        match store.take_invites().await {
            Ok(Some(lease)) => {
                let lease = Arc::new(lease);
                let id = lease.job.id;
                if let Err(error) = run(&store, &lease, &stop).await {
                    tracing::warn!(%error, invitation = id, "an invitation waits for another worker");
                }
                continue;
            }
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "no invitation could be looked for"),
        }
        let _ = tokio::time::timeout(LOOK_EVERY, store.invites_queued()).await;
    }
}

/// Works on one job until it is over, somebody else has it, or the process is to stop.
///
/// # Errors
/// The store's; the job then waits for whoever comes next.
async fn run(store: &Arc<Store>, lease: &Arc<InviteLease>, stop: &StopSignal) -> Result<(), StoreError> {
    if lease.plan.conditions().is_err() {
        let why = "this release reads the filter in another way; ask again";
        return store.fail_job(lease.lease, why).await;
    }
    if lease.job.total.is_none() {
        store.count_invites(Arc::clone(lease)).await?;
    }
    let mut cursor = lease.cursor;
    let mut retries = 0;
    let mut most = STEP_LONG;
    loop {
        if stop.is_asked() {
            return store.release_job(lease.lease).await;
        }
        let limit = if store.has_callers() { most.min(STEP_SHORT) } else { most };
        let done = step(store, lease, cursor, limit).await;
        match done {
            Ok((InviteStepDone::Over | InviteStepDone::Lost, _)) => return Ok(()),
            Ok((InviteStepDone::Went, next)) => {
                cursor = next;
                retries = 0;
                most = most.saturating_mul(2).min(STEP_LONG);
            }
            // Found by halving, a record that cannot be read hurts only itself.
            Err(StoreError::Bug(_) | StoreError::Corrupt(_)) if limit > 1 => most = limit / 2,
            Err(error @ (StoreError::Bug(_) | StoreError::Corrupt(_))) => {
                tracing::error!(%error, invitation = lease.job.id, "a customer cannot be invited");
                match give_up_one(store, lease, cursor).await? {
                    (InviteStepDone::Went, next) => cursor = next,
                    _ => return Ok(()),
                }
            }
            Err(StoreError::Busy | StoreError::Unavailable(_)) if retries < RETRIES_MAX => {
                retries += 1;
                tokio::time::sleep(RETRY_AFTER).await;
            }
            Err(error) => return Err(error),
        }
    }
}

async fn step(
    store: &Arc<Store>,
    lease: &Arc<InviteLease>,
    cursor: i64,
    limit: usize,
) -> Result<(InviteStepDone, i64), StoreError> {
    let ids = store.next_invites(Arc::clone(lease), cursor, limit).await?;
    let is_last = ids.len() < limit;
    let next = ids.last().copied().unwrap_or(cursor);
    let done = store.invite_step(Arc::clone(lease), cursor, ids, is_last, false).await?;
    Ok((done, next))
}

/// Reports the next customer as failed, unread.
async fn give_up_one(
    store: &Arc<Store>,
    lease: &Arc<InviteLease>,
    cursor: i64,
) -> Result<(InviteStepDone, i64), StoreError> {
    let ids = store.next_invites(Arc::clone(lease), cursor, 1).await?;
    let next = ids.last().copied().unwrap_or(cursor);
    let is_last = ids.is_empty();
    let done = store.invite_step(Arc::clone(lease), cursor, ids, is_last, true).await?;
    Ok((done, next))
}

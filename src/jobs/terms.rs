//! Looks after the search index: moves what is pending into segments, and merges segments, beside the requests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Stop;
use crate::store::{Store, StoreError, Tended};

/// How often to look whether another process wrote terms.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long terms gather after one was written.
const GATHER: Duration = Duration::from_millis(50);
/// From how many pending rows on they are moved while more are coming.
const ROWS_MIN: i64 = 512;
/// How often erased people alone are a reason to write the whole index anew.
const ERASE_EVERY: Duration = Duration::from_secs(300);
/// How long to rest after an error.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Looks after the index for as long as the service runs.
pub async fn work(store: Arc<Store>, stop: Stop) {
    let mut erased_at: Option<Instant> = None;
    while !stop.is_asked() {
        let is_idle = tokio::time::timeout(LOOK_EVERY, store.terms_written()).await.is_err();
        if !is_idle {
            tokio::time::sleep(GATHER).await;
        }
        let may_erase = erased_at.is_none_or(|at| at.elapsed() >= ERASE_EVERY);
        match tend(&store, is_idle, may_erase).await {
            Ok(Tended::Whole) => erased_at = Some(Instant::now()),
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "the search index waits to be looked after");
                tokio::time::sleep(RETRY_AFTER).await;
            }
        }
    }
}

/// Does what is due; what its merge came to.
///
/// # Errors
/// The store's.
async fn tend(store: &Store, is_idle: bool, may_erase: bool) -> Result<Tended, StoreError> {
    let least = if is_idle { 1 } else { ROWS_MIN };
    while store.drain_terms(least).await? == Tended::Went {}
    let merged = store.merge_terms(is_idle, may_erase).await?;
    if is_idle && merged == Tended::Nothing {
        while store.purge_terms().await? == Tended::Went {}
    }
    Ok(merged)
}

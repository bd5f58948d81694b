//! Maintains the search index beside the requests: flushes the memtable, vacuums it, and compacts segments.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{StopSignal, was_cut};
use crate::store::{Maintained, Store, StoreError};

/// How often it checks whether another process wrote terms.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// The size of the memtable from which on it flushes while there are writes: the terms of about 500 customers.
const BYTES_MIN: i64 = 256 << 10;
/// How often erased people alone are a reason to compact all segments.
const ERASE_EVERY: Duration = Duration::from_mins(5);
/// How often it vacuums the memtable while there are writes.
const VACUUM_EVERY: Duration = Duration::from_secs(1);
/// How long it waits after an error.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// What the maintenance did before.
#[derive(Default)]
struct Past {
    erased_at: Option<Instant>,
    vacuumed_at: Option<Instant>,
    /// Whether it flushed rows since the last vacuum.
    has_moved: bool,
    /// Whether the memtable's file may still have pages to give back.
    has_room: bool,
}

fn is_past(at: Option<Instant>, every: Duration) -> bool {
    at.is_none_or(|at| at.elapsed() >= every)
}

/// Maintains the index for as long as the service runs.
pub async fn work(store: Arc<Store>, stop: StopSignal) {
    let mut past = Past::default();
    while !stop.is_asked() {
        let is_idle = tokio::time::timeout(LOOK_EVERY, store.index().written()).await.is_err();
        if !is_idle {
            tokio::time::sleep(store.index().gather()).await;
        }
        let mut maintained = maintain(&store, is_idle, &mut past).await;
        if was_cut(&maintained) {
            maintained = maintain(&store, is_idle, &mut past).await;
        }
        if let Err(error) = maintained {
            tracing::warn!(%error, "the maintenance of the search index failed; it is tried again");
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }
}

/// Does the maintenance that is due.
///
/// # Errors
/// The store's.
async fn maintain(store: &Store, is_idle: bool, past: &mut Past) -> Result<(), StoreError> {
    let mut least = if is_idle { 1 } else { BYTES_MIN };
    while store.index().flush(least).await? == Maintained::Went {
        past.has_moved = true;
        past.has_room = true;
        // Another process may write all the time.
        least = BYTES_MIN;
    }
    // VACUUM keeps rows that an open transaction may still read, so a later round tries again.
    if (past.has_moved || is_idle && past.has_room) && is_past(past.vacuumed_at, VACUUM_EVERY) {
        past.has_room = store.index().vacuum(is_idle).await?;
        past.vacuumed_at = Some(Instant::now());
        past.has_moved = false;
    }
    let may_erase = is_past(past.erased_at, ERASE_EVERY);
    match store.index().compact(is_idle, may_erase).await? {
        Maintained::Whole => past.erased_at = Some(Instant::now()),
        Maintained::Nothing if is_idle => while store.index().purge().await? == Maintained::Went {},
        _ => {}
    }
    Ok(())
}

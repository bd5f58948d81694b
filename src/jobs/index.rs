//! Looks after the search index: moves what is pending into segments, and merges segments, beside the requests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{StopSignal, was_cut};
use crate::store::{Maintained, Store, StoreError};

/// How often to look whether another process wrote terms.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// From how many pending bytes on they are moved while more are coming: those of about 500 customers.
const BYTES_MIN: i64 = 256 << 10;
/// How often erased people alone are a reason to write the whole index anew.
const ERASE_EVERY: Duration = Duration::from_mins(5);
/// How often the room of moved rows is given back while more are coming.
const VACUUM_EVERY: Duration = Duration::from_secs(1);
/// How long to rest after an error.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// What was done when.
#[derive(Default)]
struct Past {
    erased_at: Option<Instant>,
    vacuumed_at: Option<Instant>,
    /// Whether rows were moved since.
    has_moved: bool,
    /// Whether what was moved may have left room behind.
    has_room: bool,
}

fn is_past(at: Option<Instant>, every: Duration) -> bool {
    at.is_none_or(|at| at.elapsed() >= every)
}

/// Looks after the index for as long as the service runs.
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
            tracing::warn!(%error, "the search index waits to be looked after");
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }
}

/// Does what is due.
///
/// # Errors
/// The store's.
async fn maintain(store: &Store, is_idle: bool, past: &mut Past) -> Result<(), StoreError> {
    let mut least = if is_idle { 1 } else { BYTES_MIN };
    while store.index().flush(least).await? == Maintained::Went {
        past.has_moved = true;
        past.has_room = true;
        // Another process may be writing all the time.
        least = BYTES_MIN;
    }
    // Room that somebody may still look at is not given back yet: it is tried again.
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

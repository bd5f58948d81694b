//! Maintains the search index beside the requests: flushes the memtable, vacuums it, compacts segments, removes retired
//! ones, and scrubs out erased people. All of it keeps up with writes that never pause.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{StopSignal, was_cut};
use crate::store::{Compactions, Maintained, Store, StoreError};

/// How often it checks whether another process wrote terms.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// The size of the memtable from which on it flushes while there are writes: the terms of about 500 customers.
const BYTES_MIN: i64 = 256 << 10;
/// How often it flushes during compactions.
const FLUSH_EVERY: Duration = Duration::from_millis(500);
/// After this long without writes it merges even a few small segments. Sooner, each pause between two writes would cost a
/// merge.
const REST: Duration = Duration::from_secs(10);
/// How often it scrubs; SECURITY.md promises that the terms of an erased person are gone after five minutes. A scrub of a
/// large index comes less often, so that it takes at most a fifth of the time.
const SCRUB_EVERY: Duration = Duration::from_mins(1);
const SCRUB_SHARE: u32 = 4;
/// How often it looks for erased people.
const SCRUB_LOOK_EVERY: Duration = Duration::from_secs(2);
/// How often it vacuums the memtable while there are writes.
const VACUUM_EVERY: Duration = Duration::from_secs(1);
/// How often it vacuums the segments at most, and their share of the time.
const VACUUM_SEGMENTS_EVERY: Duration = Duration::from_secs(10);
const VACUUM_SHARE: u32 = 20;
/// The longest pause after the removal of blocks, so that callers get their turn.
const PAUSE_MAX: Duration = Duration::from_millis(30);
/// How long it waits after an error.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Work that is due some time after the last time.
struct Due {
    at: Option<Instant>,
    every: Duration,
}

impl Due {
    fn every(every: Duration) -> Due {
        Due { at: None, every }
    }

    fn is_due(&self) -> bool {
        self.at.is_none_or(|at| at.elapsed() >= self.every)
    }

    fn done(&mut self) {
        self.at = Some(Instant::now());
    }

    /// As [`Due::done`], for work that began at `begun`: the next comes `share` times as long after it as it took.
    fn done_since(&mut self, begun: Instant, least: Duration, share: u32) {
        self.every = least.max(begun.elapsed() * share);
        self.done();
    }
}

/// What the maintenance did before.
#[expect(clippy::struct_excessive_bools, reason = "each tells whether one kind of work is left")]
struct Past {
    compactions: Compactions,
    /// When this process last saw a write.
    written_at: Instant,
    flush: Due,
    vacuum: Due,
    /// Whether it flushed rows since the last vacuum.
    has_moved: bool,
    /// Whether the memtable's file may still have pages to give back.
    has_room: bool,
    scrub: Due,
    scrub_look: Due,
    /// Whether an erased person's terms wait for a scrub.
    has_erased: bool,
    vacuum_segments: Due,
    /// Whether it removed blocks since the last vacuum of the segments.
    has_removed: bool,
}

/// Maintains the index for as long as the service runs.
pub async fn work(store: Arc<Store>, stop: StopSignal) {
    let mut past = Past {
        compactions: Compactions::default(),
        written_at: Instant::now(),
        flush: Due::every(FLUSH_EVERY),
        vacuum: Due::every(VACUUM_EVERY),
        has_moved: false,
        has_room: false,
        scrub: Due::every(SCRUB_EVERY),
        scrub_look: Due::every(SCRUB_LOOK_EVERY),
        has_erased: false,
        vacuum_segments: Due::every(VACUUM_SEGMENTS_EVERY),
        has_removed: false,
    };
    while !stop.is_asked() {
        let written = stop.or(tokio::time::timeout(LOOK_EVERY, store.index().written())).await;
        let Some(written) = written else { break };
        let is_idle = written.is_err();
        if !is_idle {
            past.written_at = Instant::now();
            tokio::time::sleep(store.index().gather()).await;
        }
        let mut maintained = maintain(&store, is_idle, &mut past, &stop).await;
        if was_cut(&maintained) {
            maintained = maintain(&store, is_idle, &mut past, &stop).await;
        }
        if let Err(StoreError::Busy) = maintained {
            // The requests that fill the queue come first; a moment later there is room.
            tracing::debug!("the maintenance of the search index waits for room in the queue");
            let _ = stop.or(tokio::time::sleep(RETRY_AFTER)).await;
        } else if let Err(error) = maintained {
            tracing::warn!(%error, "the maintenance of the search index failed; it is tried again");
            let _ = stop.or(tokio::time::sleep(RETRY_AFTER)).await;
        }
    }
    if let Err(error) = store.index().leave(&mut past.compactions).await {
        tracing::debug!(%error, "the lease of the search index could not be given up");
    }
}

/// Does the maintenance that is due.
///
/// # Errors
/// The store's.
async fn maintain(
    store: &Store,
    is_idle: bool,
    past: &mut Past,
    stop: &StopSignal,
) -> Result<(), StoreError> {
    flush(store, is_idle, past).await?;
    while !stop.is_asked() {
        if past.flush.is_due() {
            flush(store, false, past).await?;
        }
        if past.scrub.is_due() && past.scrub_look.is_due() {
            past.has_erased = store.index().has_erased().await?;
            past.scrub_look.done();
        }
        let compacted = if past.has_erased && past.compactions.are_none() {
            past.has_erased = false;
            scrub(store, past).await?
        } else {
            // Nothing new begins while erased people wait for the last compaction.
            let is_rested = is_idle && past.written_at.elapsed() >= REST;
            let may_begin = !past.has_erased;
            store.index().compact(&mut past.compactions, may_begin, is_rested).await?
        };
        let begun = Instant::now();
        let removed = store.index().purge().await?;
        if removed == Maintained::Went {
            past.has_removed = true;
            if !is_idle || store.has_callers() {
                tokio::time::sleep(begun.elapsed().min(PAUSE_MAX)).await;
            }
        }
        if past.has_removed && past.vacuum_segments.is_due() {
            past.has_removed = false;
            let begun = Instant::now();
            store.index().vacuum_segments().await?;
            past.vacuum_segments.done_since(begun, VACUUM_SEGMENTS_EVERY, VACUUM_SHARE);
        }
        if (compacted, removed) == (Maintained::Nothing, Maintained::Nothing) {
            return Ok(());
        }
    }
    Ok(())
}

/// Flushes the memtable if that is due, and vacuums it.
///
/// # Errors
/// The store's.
async fn flush(store: &Store, is_idle: bool, past: &mut Past) -> Result<(), StoreError> {
    let mut least = if is_idle { 1 } else { BYTES_MIN };
    while store.index().flush(least).await? == Maintained::Went {
        past.has_moved = true;
        past.has_room = true;
        // Another process may write all the time.
        least = BYTES_MIN;
    }
    past.flush.done();
    // VACUUM keeps rows that an open transaction may still read, so a later round tries again.
    if (past.has_moved || is_idle && past.has_room) && past.vacuum.is_due() {
        past.has_room = store.index().vacuum(is_idle).await?;
        past.vacuum.done();
        past.has_moved = false;
    }
    Ok(())
}

/// Takes erased people out of the segments.
///
/// # Errors
/// The store's.
async fn scrub(store: &Store, past: &mut Past) -> Result<Maintained, StoreError> {
    let begun = Instant::now();
    let scrubbed = store.index().scrub(&mut past.compactions).await?;
    if scrubbed == Maintained::Went {
        past.scrub.done_since(begun, SCRUB_EVERY, SCRUB_SHARE);
    }
    Ok(scrubbed)
}

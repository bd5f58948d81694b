//! Carries key rotations to their end, beside the requests and in step with them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::again_if_cut;
use crate::store::{Rotation, RotationPhase, Store, StoreError};

/// How often rotations that somebody began are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long to wait after an error before going on.
const RETRY_AFTER: Duration = Duration::from_secs(10);
/// How long one step may keep the writer, so that creates do not feel it.
const STEP: Duration = Duration::from_millis(30);
/// How many customers the first step takes, and the fewest and most of any.
const FIRST: i64 = 32;
const FEWEST: i64 = 4;
const MOST: i64 = 1_000;

/// Carries on whatever rotation is unfinished, for as long as the service runs.
pub async fn work(store: Arc<Store>) {
    let mut timer = tokio::time::interval(LOOK_EVERY);
    loop {
        timer.tick().await;
        let unfinished = store.keys().unfinished_rotations().await.unwrap_or_default();
        for entrypoint_id in unfinished {
            match run(&store, entrypoint_id, |_| {}).await {
                Ok(rotation) => {
                    tracing::info!(entrypoint_id, customers = rotation.done, "the data key is rotated");
                }
                Err(error) => {
                    tracing::error!(%error, entrypoint_id, "a key rotation waits");
                    tokio::time::sleep(RETRY_AFTER).await;
                }
            }
        }
    }
}

/// Carries one rotation to its end; `progress` is told after each step. Steps grow and shrink with the time they
/// take, and rest as long as they worked.
///
/// # Errors
/// The store's; what was done stays done.
pub async fn run(
    store: &Store,
    entrypoint_id: i64,
    progress: impl Fn(&Rotation),
) -> Result<Rotation, StoreError> {
    let mut most = FIRST;
    loop {
        let begun = Instant::now();
        let rotation = match again_if_cut(|| store.keys().step_rotation(entrypoint_id, most)).await {
            Err(StoreError::Busy) => {
                tokio::time::sleep(STEP).await;
                continue;
            }
            other => other?,
        };
        progress(&rotation);
        if rotation.phase == RotationPhase::Finished {
            return Ok(rotation);
        }
        let took = begun.elapsed();
        most = if took > STEP { most / 2 } else { most + most / 4 }.clamp(FEWEST, MOST);
        tokio::time::sleep(took.min(STEP)).await;
    }
}

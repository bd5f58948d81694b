//! Runs key rotations beside the requests, in steps that leave time for these.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::again_if_cut;
use crate::store::{Rotation, RotationPhase, Store, StoreError};

/// How often it looks for unfinished rotations.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long it waits after an error.
const RETRY_AFTER: Duration = Duration::from_secs(10);
/// How long a step may occupy the writer, so that it does not delay creates.
const STEP: Duration = Duration::from_millis(30);
/// The number of customers of the first step, and the fewest and most of any step.
const FIRST: i64 = 32;
const FEWEST: i64 = 4;
const MOST: i64 = 1_000;

/// Runs unfinished rotations for as long as the service runs.
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
                    tracing::error!(%error, entrypoint_id, "a step of a key rotation failed; it is tried again");
                    tokio::time::sleep(RETRY_AFTER).await;
                }
            }
        }
    }
}

/// Runs a rotation to its end, and calls `progress` after each step. The size of steps follows the time they take.
/// After each step it pauses for as long as the step took, but at most 30 ms.
///
/// # Errors
/// The store's; finished steps stay done.
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

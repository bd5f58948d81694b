//! Moves the stages of customers' lives that change with the time: who bought nothing for long becomes idle (rules 15).

use std::sync::Arc;
use std::time::Duration;

use super::{StopSignal, again_if_cut};
use crate::store::Store;

/// How often it looks for customers whose time has come.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How many customers a step moves while callers of this process wait for writes, and otherwise.
const STEP_SHORT: i64 = 25;
const STEP_LONG: i64 = 250;
/// The pause after a step while callers wait, so that moves take a small part of the writer's time.
const PAUSE: Duration = Duration::from_millis(200);
/// How long it waits after an error.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Moves customers for as long as the service runs.
pub async fn work(store: Arc<Store>, stop: StopSignal) {
    while !stop.is_asked() {
        let has_callers = store.has_callers();
        let most = if has_callers { STEP_SHORT } else { STEP_LONG };
        let pause = match again_if_cut(async || store.lifecycle().step(most).await).await {
            Ok(0) => LOOK_EVERY,
            Ok(moved) => {
                tracing::debug!(moved, "customers whose stage was due");
                if !has_callers {
                    continue;
                }
                PAUSE
            }
            Err(error) => {
                tracing::debug!(%error, "the stages of customers that are due could not be moved");
                RETRY_AFTER
            }
        };
        let _ = stop.or(tokio::time::sleep(pause)).await;
    }
}

//! Makes the calls of payment providers that are due (rules 20). A call is written down before, and its result is a command of
//! its own, so a kill at any point leaves it due again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};

use super::{StopSignal, again_if_cut};
use crate::clock;
use crate::domain::accounts::sight::Sight;
use crate::domain::decide::asking::AskProvider;
use crate::domain::decide::command::{Action, Actor, Command};
use crate::domain::entrypoints::provider::Provider;
use crate::domain::provider::CallId;
use crate::domain::provider::answer::Report;
use crate::domain::provider::sandbox;
use crate::provider::HttpProvider;
use crate::store::{DueCall, Store, StoreError};

/// How often it looks for calls that another process wrote down, or that are due again.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How many calls are made at once.
const AT_ONCE: usize = 16;
/// How many of them may be questions about calls that were sent before: however slow the answers, charges go out.
const QUESTIONS_AT_ONCE: usize = 10;
/// How long a call is nobody else's, beyond the longest time that it takes.
const LEASE_MORE: Duration = Duration::from_secs(5);

/// Makes calls for as long as the service runs.
pub async fn work(store: Arc<Store>, provider: Option<Arc<HttpProvider>>, stop: StopSignal) {
    let lease = provider.as_ref().map_or(Duration::ZERO, |provider| provider.patience()) + LEASE_MORE;
    let mut running = JoinSet::new();
    // The calls under way, and whether each is a question: a hint makes a call due again while its answer is still coming.
    let mut under_way: HashMap<(i64, CallId), bool> = HashMap::new();
    while !stop.is_asked() {
        let free = AT_ONCE.saturating_sub(running.len());
        let asking = under_way.values().filter(|is_question| **is_question).count();
        let limits = (free, QUESTIONS_AT_ONCE.saturating_sub(asking).min(free));
        let limits =
            (i64::try_from(limits.0).unwrap_or_default(), i64::try_from(limits.1).unwrap_or_default());
        let due = match again_if_cut(|| store.provider().take(limits, lease)).await {
            Ok(due) => due,
            Err(error) => {
                tracing::debug!(%error, "the calls of payment providers that are due could not be read");
                Vec::new()
            }
        };
        let took_all = due.len() >= free;
        for call in due {
            let place = (call.entrypoint_id, call.call.id);
            if under_way.contains_key(&place) {
                continue;
            }
            under_way.insert(place, call.call.attempts > 1);
            let (store, provider) = (Arc::clone(&store), provider.clone());
            running.spawn_local(async move {
                make(store, provider, call).await;
                place
            });
        }
        if running.len() >= AT_ONCE {
            forget(&mut under_way, running.join_next().await.as_ref());
        } else if !took_all {
            let woken = async {
                tokio::select! {
                    () = store.provider().queued() => {}
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                }
            };
            let _ = stop.or(woken).await;
        }
        while let Some(ended) = running.try_join_next() {
            forget(&mut under_way, Some(&ended));
        }
        // One that panicked does not say which it was; it is due again once its lease is over.
        if running.is_empty() {
            under_way.clear();
        }
    }
    // Calls under way end with their answers; whoever is killed meanwhile asks again.
    while running.join_next().await.is_some() {}
}

/// Forgets a call that is not under way any more.
fn forget(under_way: &mut HashMap<(i64, CallId), bool>, ended: Option<&Result<(i64, CallId), JoinError>>) {
    if let Some(Ok(place)) = ended {
        under_way.remove(place);
    }
}

/// Makes a call, and records what came back.
async fn make(store: Arc<Store>, provider: Option<Arc<HttpProvider>>, due: DueCall) {
    let (entrypoint_id, id) = (due.entrypoint_id, due.call.id);
    let report = match report(&store, provider, due).await {
        Ok(report) => report,
        Err(error) => {
            tracing::warn!(%error, "a call of a payment provider could not be made yet");
            return;
        }
    };
    let command = Command {
        entrypoint_id,
        actor: Actor::service(),
        sight: Sight::FULL,
        idempotency: None,
        action: Action::Provider(Box::new(AskProvider::Settle { id, report })),
    };
    if let Err(error) = again_if_cut(|| store.customers().write(command.clone())).await {
        // It stays due, and the provider tells its result again.
        tracing::warn!(%error, "the result of a payment provider could not be recorded yet");
    }
}

async fn report(
    store: &Store,
    provider: Option<Arc<HttpProvider>>,
    due: DueCall,
) -> Result<Report, StoreError> {
    if due.call.provider == Provider::Sandbox {
        return Ok(sandbox::answer(&due.call, clock::now()));
    }
    let Some(provider) = provider else {
        tracing::warn!("calls wait for a payment provider; start the service with --provider-url");
        return Ok(Report::Nothing);
    };
    let found = store.entrypoints().settings(due.entrypoint_id).await?;
    let Some(settings) = found else { return Ok(Report::Nothing) };
    let asked = tokio::task::spawn_blocking(move || provider.ask(&due.call, &settings.entrypoint));
    asked.await.map_err(|error| StoreError::Bug(format!("a call of a payment provider panicked: {error}")))
}

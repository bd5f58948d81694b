//! The interface to calls of payment providers: reads by id, and the work of the job. `customers` writes them.

use std::sync::Arc;
use std::time::Duration;

use diesel::prelude::*;

pub use super::work::DueCall;

use super::work;
use crate::clock;
use crate::domain::entrypoints::Entrypoint;
use crate::domain::kernel::money::Money;
use crate::domain::provider::{CallId, CallState, ProviderCall};
use crate::domain::requests::RequestId;
use crate::store::ProviderCalls;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::provider_call;
use crate::store::entrypoints::entrypoint;
use crate::store::keys::keyring::KeyRing;
use crate::store::transactions;

/// A call with its entrypoint.
#[derive(Debug, Clone)]
pub struct FoundCall {
    /// The call.
    pub call: ProviderCall,
    /// The calls about it, itself among them; oldest first.
    pub about: Vec<ProviderCall>,
    /// What its confirmed refunds come to, those that were recorded from outside among them.
    pub refunded: Money,
    /// Its entrypoint.
    pub entrypoint: Arc<Entrypoint>,
}

/// The first and the longest pause between looks at a call for which somebody waits.
const LOOK_FIRST: Duration = Duration::from_millis(5);
const LOOK_MAX: Duration = Duration::from_millis(200);

impl ProviderCalls<'_> {
    /// A call of an entrypoint.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn find(self, entrypoint_id: i64, id: CallId) -> Result<Option<FoundCall>, StoreError> {
        self.0
            .look_up(move |conn, ring| {
                let Some(call) = super::one(conn, ring, entrypoint_id, id)? else { return Ok(None) };
                let about = super::of_charge(conn, ring, entrypoint_id, id)?;
                let entrypoint = entrypoint(conn, entrypoint_id)?;
                let Some((_, entrypoint)) = entrypoint else { return Ok(None) };
                let refunded = transactions::load::refunded(conn, entrypoint_id, id)?;
                Ok(Some(FoundCall { call, about, refunded, entrypoint: Arc::new(entrypoint) }))
            })
            .await
    }

    /// The oldest call that answers a request and is not through yet.
    ///
    /// # Errors
    /// Database errors.
    pub async fn running_of(
        self,
        entrypoint_id: i64,
        request_id: RequestId,
    ) -> Result<Option<CallId>, StoreError> {
        let read = move |conn: &mut Conn, ring: &KeyRing| {
            let all = super::running_of_request(conn, ring, entrypoint_id, request_id)?;
            Ok(all.first().map(|call| call.id))
        };
        self.0.look_up(read).await
    }

    /// Waits until a call is through, but no longer than `patience`. With `or_action` it waits no longer than until the payer has
    /// to do something.
    ///
    /// # Errors
    /// Database errors.
    pub async fn wait(
        self,
        entrypoint_id: i64,
        id: CallId,
        (patience, or_action): (Duration, bool),
    ) -> Result<(), StoreError> {
        let least = if or_action { CallState::RequiresAction } else { CallState::Succeeded };
        let until = tokio::time::Instant::now() + patience;
        let mut pause = LOOK_FIRST;
        loop {
            let state: Option<i16> = self
                .0
                .look_up(move |conn, _| {
                    Ok(on!(conn, |c| provider_call::table
                        .find((entrypoint_id, id.0.to_vec()))
                        .select(provider_call::state)
                        .first(c)
                        .optional())?)
                })
                .await?;
            if state.is_none_or(|state| state >= least.number()) || tokio::time::Instant::now() >= until {
                return Ok(());
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LOOK_MAX);
        }
    }

    /// Takes calls that are due, for `lease`: at most `limits` of those that were never made, and of the others.
    ///
    /// # Errors
    /// Database errors.
    pub async fn take(self, limits: (i64, i64), lease: Duration) -> Result<Vec<DueCall>, StoreError> {
        let lease_us = i64::try_from(lease.as_micros()).unwrap_or(i64::MAX);
        // Most looks find nothing, and need no writer.
        if !self.is_any_due().await? {
            return Ok(Vec::new());
        }
        self.0.administer(move |conn, ring| work::take(conn, ring, clock::now(), lease_us, limits)).await
    }

    async fn is_any_due(self) -> Result<bool, StoreError> {
        self.0
            .look_up(|conn, _| {
                let now = conn.shared_now(clock::now())?;
                let first: Option<Option<i64>> = on!(conn, |c| provider_call::table
                    .filter(provider_call::due_at_us.le(now.0))
                    .order(provider_call::due_at_us)
                    .select(provider_call::due_at_us)
                    .first(c)
                    .optional())?;
                Ok(first.is_some())
            })
            .await
    }

    /// Makes a call due now: its provider says that something became of it. A call that is through stays so, and an id of nobody
    /// is nothing.
    ///
    /// # Errors
    /// Database errors.
    pub async fn hint(self, entrypoint_id: i64, id: CallId) -> Result<(), StoreError> {
        self.0
            .administer(move |conn, _| {
                let now = conn.shared_now(clock::now())?;
                on!(conn, |c| diesel::update(provider_call::table.find((entrypoint_id, id.0.to_vec())))
                    .filter(provider_call::due_at_us.gt(now.0))
                    .set(provider_call::due_at_us.eq(now.0))
                    .execute(c))?;
                Ok(())
            })
            .await?;
        self.0.calls_queued.notify_one();
        Ok(())
    }

    /// Whether the provider of a call, which answers a request, waits for the payer.
    ///
    /// # Errors
    /// Database errors.
    pub async fn waits_for_payer(
        self,
        entrypoint_id: i64,
        (id, request_id): (CallId, RequestId),
    ) -> Result<bool, StoreError> {
        self.0
            .look_up(move |conn, _| {
                let found: Option<i16> = on!(conn, |c| provider_call::table
                    .find((entrypoint_id, id.0.to_vec()))
                    .filter(provider_call::request_id.eq(request_id.0.to_vec()))
                    .select(provider_call::state)
                    .first(c)
                    .optional())?;
                Ok(found == Some(CallState::RequiresAction.number()))
            })
            .await
    }

    /// Waits until this process writes a call down.
    pub async fn queued(self) {
        self.0.calls_queued.notified().await;
    }
}

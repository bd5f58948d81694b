//! The scope of a list: the entrypoints of a request, and the candidates from the search index.

use std::collections::HashMap;
use std::sync::Arc;

use diesel::prelude::*;
use strum::VariantArray as _;

use super::ListRequest;
use super::standing::within;
use crate::domain::customers::record::{Lifecycle, Status};
use crate::domain::entrypoints::Entrypoint;
use crate::domain::filter::Plan;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::reader::Wanted;
use crate::store::engine::schema::customer;
use crate::store::entrypoints::lock_row::{LockRow, with_lock_rows};
use crate::store::index;
use crate::store::keys::keyring::KeyRing;

/// So many customers of a stage or a status are read one by one; among more of them a walk in order soon fills a page.
const FEW: i64 = 5_000;

/// An entrypoint and its lock row.
pub(super) type LockedEntrypoint = (Arc<Entrypoint>, LockRow);

/// The entrypoints of a request that can have matches.
pub(super) struct ListScope<'a> {
    pub plan: Plan,
    pub places: Vec<LockedEntrypoint>,
    /// Present if the plan has terms.
    index: Option<index::Index>,
    /// Who waits for the list.
    pub wanted: &'a Wanted,
}

impl<'a> ListScope<'a> {
    pub(super) fn of(
        conn: &mut Conn,
        ring: &KeyRing,
        request: &ListRequest,
        plan: Plan,
        wanted: &'a Wanted,
    ) -> Result<ListScope<'a>, StoreError> {
        if plan.never {
            return Ok(ListScope { plan, places: Vec::new(), index: None, wanted });
        }
        let wants_deleted = plan.statuses.contains(&Status::Deleted);
        let mut places = with_lock_rows(conn, ring, &request.entrypoints, |lock_row| {
            wants_deleted || lock_row.live_customers > 0
        })?;
        places.retain(|(entrypoint, _)| request.filter.admits_entrypoint(entrypoint));
        let ids: Vec<i64> = places.iter().map(|(entrypoint, _)| entrypoint.id).collect();
        let index = if plan.terms.is_empty() { None } else { Some(index::Index::of(conn, &ids)?) };
        Ok(ListScope { plan, places, index, wanted })
    }

    /// The customers of some entrypoints that the terms of the plan, the indexes of totals and that of stages propose, by id.
    /// `None` if none does; the caller then visits all customers.
    pub(super) fn proposed(
        &self,
        conn: &mut Conn,
        ring: &KeyRing,
        request: &ListRequest,
        places: &[LockedEntrypoint],
    ) -> Result<Vec<Option<Vec<i64>>>, StoreError> {
        let mut proposed = self.proposed_by_terms(conn, ring, places)?;
        for (proposed, (_, lock_row)) in proposed.iter_mut().zip(places) {
            if proposed.is_none() && self.counted_at(lock_row)?.is_some_and(|number| number <= FEW) {
                *proposed = Some(of_stages(conn, lock_row.entrypoint_id, &self.plan)?);
            }
        }
        let Some((field, span)) = request.filter.standing_span() else { return Ok(proposed) };
        for (proposed, (_, lock_row)) in proposed.iter_mut().zip(places) {
            let mut ids = within(conn, lock_row.entrypoint_id, field, span)?;
            if let Some(known) = proposed {
                ids.retain(|id| known.binary_search(id).is_ok());
            }
            *proposed = Some(ids);
        }
        Ok(proposed)
    }

    /// The customers that the terms of the plan propose.
    fn proposed_by_terms(
        &self,
        conn: &mut Conn,
        ring: &KeyRing,
        places: &[LockedEntrypoint],
    ) -> Result<Vec<Option<Vec<i64>>>, StoreError> {
        let Some(index) = &self.index else { return Ok(vec![None; places.len()]) };
        let mut questions = Vec::with_capacity(places.len());
        let mut asks = Vec::with_capacity(places.len());
        for (_, lock_row) in places {
            let keys = lock_row.keys(conn, ring)?;
            let before = questions.len();
            questions.extend(
                keys.all().map(|key| index::Question::of(lock_row.entrypoint_id, &key.key, &self.plan.terms)),
            );
            asks.push(questions.len() - before);
        }
        self.wanted.check()?;
        let mut found = index.having(conn, &questions)?.into_iter();
        let mut proposed = Vec::with_capacity(places.len());
        for asked in asks {
            let mut ids = found.by_ref().take(asked).reduce(|mut ids, more| {
                ids.extend(more);
                ids
            });
            if let Some(ids) = ids.as_mut().filter(|_| asked > 1) {
                ids.sort_unstable();
                ids.dedup();
            }
            proposed.push(ids);
        }
        Ok(proposed)
    }

    /// The total, if the counters of the lock rows know it.
    pub(super) fn counted(&self) -> Result<Option<usize>, StoreError> {
        let is_known = self.is_everything() || self.plan.columns_decide && self.plan.columns.is_empty();
        if !is_known {
            return Ok(None);
        }
        let mut total = 0_i64;
        for (_, lock_row) in &self.places {
            total = total.saturating_add(match self.counted_at(lock_row)? {
                Some(number) => number,
                None => lock_row.live_customers,
            });
        }
        Ok(Some(usize::try_from(total).unwrap_or(0)))
    }

    /// How many customers of an entrypoint have a status and a stage that the plan admits, from its counters; nothing if it
    /// admits every live one.
    fn counted_at(&self, lock_row: &LockRow) -> Result<Option<i64>, StoreError> {
        let Plan { statuses, lifecycles, .. } = &self.plan;
        let is_live = statuses.len() == Status::LIVE.len() && !statuses.contains(&Status::Deleted);
        if is_live && lifecycles.is_none() {
            return Ok(None);
        }
        let counts: HashMap<String, i64> = serde_json::from_str(&lock_row.counts)?;
        let is_admitted = |name: &str| {
            let Some((status, stage)) = name.split_once('/') else { return false };
            let is_stage =
                lifecycles.as_ref().is_none_or(|stages| stages.iter().any(|one| one.name() == stage));
            is_stage && statuses.iter().any(|one| one.code().to_string() == status)
        };
        let admitted = counts.iter().filter(|(name, _)| is_admitted(name));
        Ok(Some(admitted.map(|(_, number)| *number).sum()))
    }

    /// Whether every live customer of the entrypoints matches.
    pub(super) fn is_everything(&self) -> bool {
        is_everything(&self.plan)
    }
}

/// The customers of an entrypoint with a status and a stage that a plan admits, by id.
fn of_stages(conn: &mut Conn, entrypoint_id: i64, plan: &Plan) -> Result<Vec<i64>, StoreError> {
    let statuses = plan.statuses.iter().map(|status| status.code());
    let stages = plan.lifecycles.as_deref().unwrap_or(Lifecycle::VARIANTS);
    let stages = stages.iter().map(|stage| stage.name());
    let mut ids: Vec<i64> = on!(conn, |c| customer::table
        .filter(customer::entrypoint_id.eq(entrypoint_id))
        .filter(customer::lifecycle.eq_any(stages))
        .filter(customer::status.eq_any(statuses))
        .select(customer::customer_id)
        .load(c))?;
    ids.sort_unstable();
    Ok(ids)
}

/// Whether a plan admits every live customer, and nobody else.
pub(super) fn is_everything(plan: &Plan) -> bool {
    plan.columns_decide
        && !plan.never
        && plan.columns.is_empty()
        && plan.lifecycles.is_none()
        && plan.statuses.len() == Status::LIVE.len()
        && !plan.statuses.contains(&Status::Deleted)
}

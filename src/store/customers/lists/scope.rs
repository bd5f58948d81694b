//! The scope of a list: the entrypoints of a request, and the candidates from the search index.

use std::sync::Arc;

use super::ListRequest;
use super::standing::within;
use crate::domain::customers::record::Status;
use crate::domain::entrypoints::Entrypoint;
use crate::domain::filter::Plan;
use crate::store::engine::conn::Conn;
use crate::store::engine::error::StoreError;
use crate::store::engine::reader::Wanted;
use crate::store::entrypoints::lock_row::{LockRow, with_lock_rows};
use crate::store::index;
use crate::store::keys::keyring::KeyRing;

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

    /// Whether [`ListScope::proposed`] names customers.
    pub(super) fn proposes(&self, request: &ListRequest) -> bool {
        self.index.is_some() || request.filter.standing_span().is_some()
    }

    /// The customers of some entrypoints that the terms of the plan and the indexes of totals propose, by id. `None` if neither
    /// does; the caller then visits all customers.
    pub(super) fn proposed(
        &self,
        conn: &mut Conn,
        ring: &KeyRing,
        request: &ListRequest,
        places: &[LockedEntrypoint],
    ) -> Result<Vec<Option<Vec<i64>>>, StoreError> {
        let mut proposed = self.proposed_by_terms(conn, ring, places)?;
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
    pub(super) fn counted(&self) -> Option<usize> {
        let total: i64 = self.places.iter().map(|(_, lock_row)| lock_row.live_customers).sum();
        self.is_everything().then(|| usize::try_from(total).unwrap_or(0))
    }

    /// Whether every live customer of the entrypoints matches.
    pub(super) fn is_everything(&self) -> bool {
        is_everything(&self.plan)
    }
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

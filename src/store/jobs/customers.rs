//! Which customers a job on many means, and how many they are.

use std::time::Duration;

use diesel::prelude::*;

use super::by_id;
use super::lease::{LEASE_US, Lease};
use crate::clock;
use crate::domain::bulk::Selection;
use crate::domain::customers::record::{Customer, Stored};
use crate::domain::filter::Sort;
use crate::domain::imports::JobState;
use crate::store::Jobs;
use crate::store::customers::lists::{self, ListRequest};
use crate::store::customers::record_cache::RecordCache;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::reader::Wanted;
use crate::store::engine::schema::job;
use crate::store::entrypoints;
use crate::store::keys::keyring::KeyRing;

/// How long a job may look for its next customers.
const SEARCH_TIME_MAX: Duration = Duration::from_hours(1);

fn request(selection: &Selection, entrypoint_id: i64) -> Result<ListRequest, StoreError> {
    let (filter, search) = selection.conditions(clock::now()).map_err(StoreError::Corrupt)?;
    Ok(ListRequest {
        entrypoints: vec![entrypoint_id],
        filter,
        search,
        masked: selection.masked,
        sort: Sort::oldest_first(),
        after: None,
        skip: 0,
        limit: 1,
        counts: false,
        counts_max: None,
        // A number of its own, beside those of organisations.
        owner: -entrypoint_id,
        time_max: SEARCH_TIME_MAX,
        shows_money: false,
    })
}

/// The next of some customers after a cursor and up to `last_id`, up to a limit.
fn next_ids(
    conn: &mut Conn,
    ring: &KeyRing,
    mut request: ListRequest,
    place: i64,
    (cursor, last_id): (i64, i64),
    wanted: &Wanted,
) -> Result<Vec<i64>, StoreError> {
    let Some((_, entrypoint)) = entrypoints::entrypoint(conn, place)? else { return Ok(Vec::new()) };
    let bare = Stored { id: cursor, version: 1, customer: Customer::default(), erased: false };
    request.after = Some(request.sort.key(&bare, &entrypoint));
    let page = lists::id_page(conn, ring, &request, wanted)?;
    Ok(page.ids.into_iter().map(|(_, id)| id).filter(|id| *id <= last_id).collect())
}

impl Jobs<'_> {
    /// The next customers of a job after a cursor, up to a limit; fewer only at the end.
    pub(crate) async fn next_customers(
        self,
        place: i64,
        selection: Selection,
        last_id: i64,
        cursor: i64,
        limit: usize,
    ) -> Result<Vec<i64>, StoreError> {
        if let Some(ids) = selection.ids {
            return Ok(ids.into_iter().filter(|id| *id > cursor).take(limit).collect());
        }
        let request = ListRequest { limit, ..request(&selection, place)? };
        let read = move |conn: &mut Conn, ring: &KeyRing, wanted: &Wanted| {
            next_ids(conn, ring, request, place, (cursor, last_id), wanted)
        };
        self.0.search(-place, SEARCH_TIME_MAX, read).await
    }

    /// Counts the customers of a job, to show the progress.
    pub(crate) async fn count_customers(self, held: Lease, selection: Selection) -> Result<(), StoreError> {
        let place = held.id.entrypoint_id;
        let request = ListRequest { counts: true, ..request(&selection, place)? };
        let read = move |conn: &mut Conn, ring: &KeyRing, wanted: &Wanted| {
            let plan = request.plan();
            let page = lists::page(conn, ring, &RecordCache::none(), &request, plan, wanted)?;
            Ok(i64::try_from(page.total.unwrap_or(0)).unwrap_or(i64::MAX))
        };
        let total = self.0.search(-place, SEARCH_TIME_MAX, read).await?;
        self.0
            .administer(move |conn, _| {
                let until_us = conn.shared_now(clock::now())?.0 + LEASE_US;
                // A job that was stopped meanwhile stays as it ended.
                let running = by_id!(held.id)
                    .filter(job::lease_no.eq(held.number))
                    .filter(job::state.eq(JobState::Running.name()));
                on!(conn, |c| diesel::update(running)
                    .set((job::total.eq(Some(total)), job::lease_until_us.eq(until_us)))
                    .execute(c))?;
                Ok(())
            })
            .await
    }
}

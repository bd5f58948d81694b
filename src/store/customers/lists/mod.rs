//! Lists: filtered, searched, sorted, page by page, each page from one state of the database (rules 8).
//!
//! The term index and the columns propose, the opened document decides. In id order, a page of one entrypoint is a
//! range scan; [`ordered`] reads other orders that an index gives. Any further order visits everything that the plan admits,
//! and keeps only the keys of the page.

pub(crate) mod by_id;
mod counting;
mod ordered;
mod scope;
mod sql;
pub(crate) mod standing;

use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use diesel::prelude::*;

use self::counting::Counting;
use self::scope::ListScope;
use self::sql::{light, ordered, rows_by_place, slice};
use self::standing::standings;
use super::record_cache::{OpenedRecord, RecordCache, open};
use super::rows::CustomerRow;
use crate::domain::customers::record::{Customer, Stored};
use crate::domain::entrypoints::Entrypoint;
use crate::domain::filter::{Column, Filter, Plan, Reach, Search, Sort, SortKey, Standing};
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::reader::Wanted;
use crate::store::engine::schema::{customer, entrypoint_lock};
use crate::store::entrypoints::lock_row::{LockRow, with_lock_rows};
use crate::store::keys::keyring::KeyRing;
use crate::store::transactions::summary::{self, CustomerMoney};

/// How many rows one read fetches.
const SLICE: usize = 1_000;
/// How many entrypoints one query of the search index covers.
const PLACES_AT_ONCE: usize = 64;

/// What to list.
#[derive(Debug, Clone)]
pub struct ListRequest {
    /// The entrypoints; the caller may see all of them.
    pub entrypoints: Vec<i64>,
    /// The conditions.
    pub filter: Filter,
    /// The search words.
    pub search: Search,
    /// Whether the search covers only unmasked values.
    pub masked: bool,
    /// The order.
    pub sort: Sort,
    /// Only records after this one.
    pub after: Option<SortKey>,
    /// How many records to skip.
    pub skip: usize,
    /// How many records to answer.
    pub limit: usize,
    /// Whether to count all matches.
    pub counts: bool,
    /// How many matches to count at most, where nothing but opening them counts them; all of them if there is no number.
    pub counts_max: Option<usize>,
    /// Who takes turns with others in searches: the caller's organisation.
    pub owner: i64,
    /// How long the search may take.
    pub time_max: Duration,
    /// Whether the records show what their customers paid.
    pub shows_money: bool,
}

impl ListRequest {
    /// The part of the request that the columns and the search index can answer.
    pub(crate) fn plan(&self) -> Plan {
        Plan::of(&self.filter, &self.search)
    }
}

/// A record with its entrypoint.
pub type Listed = (Arc<OpenedRecord>, Arc<Entrypoint>);

/// A page.
#[derive(Debug, Clone)]
pub struct ListPage {
    /// The records, in order.
    pub records: Vec<Listed>,
    /// The number of all matches, if requested.
    pub total: Option<usize>,
    /// Whether there are more matches than `total`, because the request limits what is counted.
    pub has_uncounted: bool,
    /// Where the next page begins, if there is one.
    pub next: Option<SortKey>,
    /// What those customers paid who paid something, if requested.
    pub money: HashMap<i64, CustomerMoney>,
}

impl ListPage {
    /// A page of these records; the caller sets what else it knows.
    fn of(records: Vec<Listed>, next: Option<SortKey>) -> ListPage {
        ListPage { records, total: None, has_uncounted: false, next, money: HashMap::new() }
    }

    /// The page with what was counted.
    fn counted(mut self, counting: &Counting) -> ListPage {
        self.total = counting.total();
        self.has_uncounted = counting.has_more();
        self
    }

    /// Loads what the customers of the page paid, if the request asks for it.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub(crate) fn load_money(
        &mut self,
        conn: &mut Conn,
        ring: &KeyRing,
        request: &ListRequest,
    ) -> Result<(), StoreError> {
        if request.shows_money {
            let place = |(record, entrypoint): &Listed| (entrypoint.id, record.stored.id);
            let places: Vec<(i64, i64)> = self.records.iter().map(place).collect();
            self.money = summary::of(conn, ring, &places)?;
        }
        Ok(())
    }
}

/// A page that is too long to hold in memory: entrypoints and ids of its records at the time of the request.
#[derive(Debug, Clone)]
pub struct IdPage {
    /// Entrypoints and ids, in order.
    pub ids: Vec<(i64, i64)>,
    /// The number of all matches, if requested.
    pub total: Option<usize>,
    /// Where the next page begins, if there is one; even if the last record has since moved.
    pub next: Option<SortKey>,
}

fn is_by_id(sort: &Sort) -> bool {
    matches!(sort.reach(), Reach::Column(Column::CustomerId))
}

/// A page of a list that is none of [`by_id::asks`].
///
/// # Errors
/// Database errors; [`StoreError::Corrupt`]; [`StoreError::Slow`].
pub(crate) fn page(
    conn: &mut Conn,
    ring: &KeyRing,
    record_cache: &RecordCache,
    request: &ListRequest,
    plan: Plan,
    wanted: &Wanted,
) -> Result<ListPage, StoreError> {
    let scope = ListScope::of(conn, ring, request, plan, wanted)?;
    let total = if request.counts { scope.counted()? } else { None };
    let is_by_id = is_by_id(&request.sort);
    let mut page = match scope.places.as_slice() {
        [] => ListPage { total: Some(0), ..ListPage::of(Vec::new(), None) },
        _ if total == Some(0) => ListPage::of(Vec::new(), None),
        [(entrypoint, lock_row)] if is_by_id => {
            in_id_order(conn, ring, request, &scope, (entrypoint, lock_row), total)?
        }
        _ if ordered::asks(request, total) => ordered::page(conn, ring, request, &scope, total)?,
        _ => by_keys(conn, ring, record_cache, request, &scope, total)?,
    };
    page.total = if request.counts { total.or(page.total) } else { None };
    Ok(page)
}

/// The ids of a long page; the answer then reads the records slice by slice.
///
/// # Errors
/// Database errors; [`StoreError::Corrupt`]; [`StoreError::Slow`].
pub(crate) fn id_page(
    conn: &mut Conn,
    ring: &KeyRing,
    request: &ListRequest,
    wanted: &Wanted,
) -> Result<IdPage, StoreError> {
    let scope = ListScope::of(conn, ring, request, request.plan(), wanted)?;
    let known_total = if request.counts { scope.counted()? } else { None };
    let counts = request.counts && known_total.is_none();
    let last = request.skip.saturating_add(request.limit);
    // In id order, a customer after a full page cannot be on the page.
    let enough = (is_by_id(&request.sort) && !counts).then_some(last.saturating_add(1));
    let mut keys = keys(conn, ring, request, &scope, enough)?;
    let total = if counts { Some(keys.len()) } else { known_total };
    let has_more = keys.len() > last;
    keys.truncate(last);
    let next = keys.last().filter(|_| has_more).map(|(key, _)| key.clone());
    Ok(IdPage { ids: keys.iter().skip(request.skip).map(place_and_id).collect(), total, next })
}

/// The keys of a list with their entrypoints, in order; at most `enough` of each entrypoint. These are the first ones
/// only if the order is by id.
fn keys(
    conn: &mut Conn,
    ring: &KeyRing,
    request: &ListRequest,
    scope: &ListScope<'_>,
    enough: Option<usize>,
) -> Result<Vec<(SortKey, i64)>, StoreError> {
    if is_by_id(&request.sort) && request.after.is_none() && scope.is_everything() {
        return every_key(conn, scope, request);
    }
    let mut keys = Vec::new();
    for some in scope.places.chunks(PLACES_AT_ONCE) {
        let proposed = scope.proposed(conn, ring, request, some)?;
        for ((entrypoint, lock_row), proposed) in some.iter().zip(proposed) {
            let mut here = 0_usize;
            walk(conn, ring, request, scope, (entrypoint, lock_row), proposed, |record, standing| {
                keys.push((request.sort.key_with(&record.stored, entrypoint, standing), entrypoint.id));
                here += 1;
                Ok(enough.is_none_or(|enough| here < enough))
            })?;
        }
    }
    keys.sort_unstable();
    Ok(keys)
}

/// The keys of every live customer in id order, without opening a document.
fn every_key(
    conn: &mut Conn,
    scope: &ListScope<'_>,
    request: &ListRequest,
) -> Result<Vec<(SortKey, i64)>, StoreError> {
    let statuses: Vec<i32> = scope.plan.statuses.iter().map(|status| status.code()).collect();
    let mut keys = Vec::new();
    for (entrypoint, _) in &scope.places {
        let here: Vec<i64> = on!(conn, |c| customer::table
            .filter(customer::entrypoint_id.eq(entrypoint.id))
            .filter(customer::status.eq_any(&statuses))
            .select(customer::customer_id)
            .load(c))?;
        keys.extend(here.into_iter().map(|id| {
            let bare = Stored { id, version: 1, customer: Customer::default(), erased: false };
            (request.sort.key(&bare, entrypoint), entrypoint.id)
        }));
    }
    keys.sort_unstable();
    Ok(keys)
}

fn place_and_id((key, entrypoint_id): &(SortKey, i64)) -> (i64, i64) {
    (*entrypoint_id, key.id)
}

/// The current records of some entrypoints and ids, in the order given; deleted records may be among them.
///
/// # Errors
/// Database errors; [`StoreError::Corrupt`].
pub(crate) fn by_ids(
    conn: &mut Conn,
    ring: &KeyRing,
    record_cache: &RecordCache,
    ids: &[(i64, i64)],
) -> Result<Vec<Listed>, StoreError> {
    let mut places: Vec<i64> = ids.iter().map(|(entrypoint_id, _)| *entrypoint_id).collect();
    places.sort_unstable();
    places.dedup();
    let entrypoints: HashMap<i64, Arc<Entrypoint>> = with_lock_rows(conn, ring, &places, |_| true)?
        .into_iter()
        .map(|(entrypoint, lock_row)| (lock_row.entrypoint_id, entrypoint))
        .collect();
    let mut rows: HashMap<i64, CustomerRow> = HashMap::new();
    for row in rows_by_place(conn, ids)? {
        rows.insert(row.customer_id, row);
    }
    let mut records = Vec::with_capacity(ids.len());
    for (entrypoint_id, id) in ids {
        let Some(row) = rows.remove(id).filter(|row| row.entrypoint_id == *entrypoint_id) else { continue };
        let Some(entrypoint) = entrypoints.get(entrypoint_id) else { continue };
        records.push((record_cache.open(conn, ring, &row)?, Arc::clone(entrypoint)));
    }
    Ok(records)
}

fn in_id_order(
    conn: &mut Conn,
    ring: &KeyRing,
    request: &ListRequest,
    scope: &ListScope<'_>,
    (entrypoint, lock_row): (&Arc<Entrypoint>, &LockRow),
    known_total: Option<usize>,
) -> Result<ListPage, StoreError> {
    let mut counting = Counting::of(request, known_total);
    let mut records: Vec<Listed> = Vec::new();
    let mut matched = 0_usize;
    let mut has_more = false;
    let last = request.skip.saturating_add(request.limit);
    let proposed = scope.proposed(conn, ring, request, &scope.places)?.pop().flatten();
    walk(conn, ring, request, scope, (entrypoint, lock_row), proposed, |record, _| {
        if matched >= request.skip && matched < last {
            records.push((Arc::clone(record), Arc::clone(entrypoint)));
        }
        matched += 1;
        counting.add();
        has_more = matched > last;
        Ok(counting.goes_on() || !has_more)
    })?;
    let next =
        records.last().filter(|_| has_more).map(|(record, place)| request.sort.key(&record.stored, place));
    Ok(ListPage::of(records, next).counted(&counting))
}

fn by_keys(
    conn: &mut Conn,
    ring: &KeyRing,
    record_cache: &RecordCache,
    request: &ListRequest,
    scope: &ListScope<'_>,
    known_total: Option<usize>,
) -> Result<ListPage, StoreError> {
    let is_by_id = is_by_id(&request.sort);
    let mut counting = Counting::of(request, known_total);
    let kept = request.skip.saturating_add(request.limit).saturating_add(1);
    // The greatest key is on top, so that a smaller key can replace it.
    let mut heap: BinaryHeap<(SortKey, i64)> = BinaryHeap::new();
    let mut places = scope.places.clone();
    if is_by_id && request.sort.descending {
        places.sort_by_key(|(_, lock_row)| std::cmp::Reverse(lock_row.next_customer_id));
    }
    for some in places.chunks(PLACES_AT_ONCE) {
        let proposed = scope.proposed(conn, ring, request, some)?;
        for ((entrypoint, lock_row), proposed) in some.iter().zip(proposed) {
            // Skip the entrypoint if its newest customer comes after a full page.
            let last = heap.peek().filter(|_| heap.len() == kept && request.sort.descending);
            let is_beyond = last.is_some_and(|(key, _)| lock_row.next_customer_id <= key.id);
            if is_by_id && !counting.goes_on() && is_beyond {
                continue;
            }
            walk(conn, ring, request, scope, (entrypoint, lock_row), proposed, |record, standing| {
                counting.add();
                let entry = (request.sort.key_with(&record.stored, entrypoint, standing), entrypoint.id);
                let is_full = heap.len() == kept;
                let is_on = !is_full || heap.peek().is_some_and(|last| entry < *last);
                if is_on {
                    heap.push(entry);
                    if is_full {
                        heap.pop();
                    }
                }
                // In id order, nothing after the first customer beyond a full page can be on the page.
                Ok(counting.goes_on() || !is_by_id || is_on)
            })?;
        }
    }
    let keys = heap.into_sorted_vec();
    let has_more = keys.len() == kept;
    let on_page: Vec<(i64, i64)> =
        keys.iter().skip(request.skip).take(request.limit).map(place_and_id).collect();
    let last = keys.get(request.skip + on_page.len().saturating_sub(1)).map(|(key, _)| key.clone());
    let records = by_ids(conn, ring, record_cache, &on_page)?;
    Ok(ListPage::of(records, last.filter(|_| has_more)).counted(&counting))
}

/// The record of a row, if it matches and comes after `request.after`.
fn met(
    conn: &mut Conn,
    ring: &KeyRing,
    request: &ListRequest,
    scope: &ListScope<'_>,
    entrypoint: &Entrypoint,
    (row, standing): (&CustomerRow, Standing),
) -> Result<Option<Arc<OpenedRecord>>, StoreError> {
    scope.wanted.check()?;
    // Check the columns before opening the document.
    if !scope.plan.admits(&light(row)?) || !request.filter.holds_for(standing) {
        return Ok(None);
    }
    let record = open(conn, ring, row)?;
    let stored = &record.stored;
    let key = || request.sort.key_with(stored, entrypoint, standing);
    let matches = request.filter.matches(stored, entrypoint)
        && request.search.matches(&stored.customer, request.masked)
        && request.after.as_ref().is_none_or(|after| key() > *after);
    Ok(matches.then_some(record))
}

/// Calls `visit` with each match of an entrypoint after `request.after`, in id order (newest first unless the request
/// sorts by ascending id), until `visit` returns false.
fn walk(
    conn: &mut Conn,
    ring: &KeyRing,
    request: &ListRequest,
    scope: &ListScope<'_>,
    (entrypoint, lock_row): (&Arc<Entrypoint>, &LockRow),
    proposed: Option<Vec<i64>>,
    mut visit: impl FnMut(&Arc<OpenedRecord>, Standing) -> Result<bool, StoreError>,
) -> Result<(), StoreError> {
    let plan = &scope.plan;
    let is_by_id = is_by_id(&request.sort);
    let descending = !is_by_id || request.sort.descending;
    let needs_standing = request.needs_standing();
    let mut look = |conn: &mut Conn, rows: &[CustomerRow]| -> Result<bool, StoreError> {
        let places = || rows.iter().map(|row| (row.entrypoint_id, row.customer_id)).collect::<Vec<_>>();
        let known = if needs_standing { standings(conn, &places())? } else { HashMap::new() };
        for row in rows {
            let standing = known.get(&row.customer_id).copied().unwrap_or_default();
            if let Some(record) = met(conn, ring, request, scope, entrypoint, (row, standing))?
                && !visit(&record, standing)?
            {
                return Ok(false);
            }
        }
        Ok(true)
    };
    let start = request.after.as_ref().filter(|_| is_by_id).map(|key| key.id);
    if let Some(mut ids) = proposed {
        if descending {
            ids.reverse();
        }
        if let Some(start) = start {
            ids.retain(|id| if descending { *id < start } else { *id > start });
        }
        // Start with small chunks: one is usually enough for the page.
        for bite in ids.chunks(SLICE / 4) {
            let places: Vec<(i64, i64)> = bite.iter().map(|id| (lock_row.entrypoint_id, *id)).collect();
            let rows = ordered(rows_by_place(conn, &places)?, descending);
            if !look(conn, &rows)? {
                return Ok(());
            }
        }
        return Ok(());
    }
    let statuses: Vec<i32> = plan.statuses.iter().map(|status| status.code()).collect();
    let mut from = start;
    // Start with a chunk of the size of the page; if few customers match, the chunks grow.
    let mut bite = request.skip.saturating_add(request.limit).saturating_add(1).clamp(1, SLICE);
    loop {
        let rows = slice(conn, lock_row.entrypoint_id, &statuses, from, descending, 0, bite)?;
        if !look(conn, &rows)? {
            return Ok(());
        }
        match rows.last() {
            Some(last) if rows.len() == bite => from = Some(last.customer_id),
            _ => return Ok(()),
        }
        bite = SLICE;
    }
}

/// The number of customers of an entrypoint for each status and stage, from the counters in the lock row.
pub(crate) fn counts(
    conn: &mut Conn,
    entrypoint_id: i64,
) -> Result<Option<HashMap<String, i64>>, StoreError> {
    let json: Option<String> = on!(conn, |c| entrypoint_lock::table
        .find(entrypoint_id)
        .select(entrypoint_lock::counts)
        .first(c)
        .optional())?;
    Ok(json.map(|json| serde_json::from_str(&json)).transpose()?)
}

//! Lists: filtered, searched, sorted, page by page, each page from one state of the database (rules 8).
//!
//! The term index and the columns propose, the opened document decides. In id order, a page of one entrypoint is a
//! range scan. Any other order visits everything that the plan admits, and keeps only the keys of the page.

pub(crate) mod by_id;
mod scope;
mod sql;
pub(crate) mod standing;

use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use diesel::prelude::*;

use self::scope::ListScope;
use self::sql::{light, ordered, rows_by_place, slice};
use self::standing::standings;
use super::record_cache::{OpenedRecord, RecordCache, open};
use super::rows::CustomerRow;
use crate::domain::customers::record::{Customer, Stored};
use crate::domain::entrypoints::Entrypoint;
use crate::domain::filter::{
    Column, Filter, Plan, Reach, Search, Sort, SortKey, SortValue, Standing, StandingField,
};
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
    /// Where the next page begins, if there is one.
    pub next: Option<SortKey>,
    /// What those customers paid who paid something, if requested.
    pub money: HashMap<i64, CustomerMoney>,
}

impl ListPage {
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
    let total = if request.counts { scope.counted() } else { None };
    let is_by_id = is_by_id(&request.sort);
    let mut page = match scope.places.as_slice() {
        [] => ListPage { records: Vec::new(), total: Some(0), next: None, money: HashMap::new() },
        [(entrypoint, lock_row)] if is_by_id => {
            in_id_order(conn, ring, request, &scope, (entrypoint, lock_row), total)?
        }
        places if is_by_total(request, &scope, total) => by_total(conn, ring, request, &scope, places)?,
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
    let known_total = if request.counts { scope.counted() } else { None };
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
    let counts = request.counts && known_total.is_none();
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
        has_more = matched > last;
        Ok(counts || !has_more)
    })?;
    let next =
        records.last().filter(|_| has_more).map(|(record, place)| request.sort.key(&record.stored, place));
    Ok(ListPage { records, total: counts.then_some(matched), next, money: HashMap::new() })
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
    let counts = request.counts && known_total.is_none();
    let kept = request.skip.saturating_add(request.limit).saturating_add(1);
    // The greatest key is on top, so that a smaller key can replace it.
    let mut heap: BinaryHeap<(SortKey, i64)> = BinaryHeap::new();
    let mut matched = 0_usize;
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
            if is_by_id && !counts && is_beyond {
                continue;
            }
            walk(conn, ring, request, scope, (entrypoint, lock_row), proposed, |record, standing| {
                matched += 1;
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
                Ok(counts || !is_by_id || is_on)
            })?;
        }
    }
    let keys = heap.into_sorted_vec();
    let has_more = keys.len() == kept;
    let on_page: Vec<(i64, i64)> =
        keys.iter().skip(request.skip).take(request.limit).map(place_and_id).collect();
    let last = keys.get(request.skip + on_page.len().saturating_sub(1)).map(|(key, _)| key.clone());
    let records = by_ids(conn, ring, record_cache, &on_page)?;
    Ok(ListPage {
        records,
        total: counts.then_some(matched),
        next: last.filter(|_| has_more),
        money: HashMap::new(),
    })
}

/// Whether a list is read in the order of an index of totals.
fn is_by_total(request: &ListRequest, scope: &ListScope<'_>, known_total: Option<usize>) -> bool {
    let is_counted = !request.counts || known_total.is_some();
    request.sort.standing().is_some() && is_counted && !scope.proposes(request)
}

/// A page in the order of what transactions come to: the first of each entrypoint, of which the first of all are on the page.
fn by_total(
    conn: &mut Conn,
    ring: &KeyRing,
    request: &ListRequest,
    scope: &ListScope<'_>,
    places: &[(Arc<Entrypoint>, LockRow)],
) -> Result<ListPage, StoreError> {
    let last = request.skip.saturating_add(request.limit);
    let mut found = Vec::new();
    for (entrypoint, lock_row) in places {
        let here = first_by_total(conn, ring, request, scope, (entrypoint, lock_row))?;
        found.extend(here.into_iter().map(|(record, key)| (key, record, entrypoint)));
        // What no page of this request can hold is let go before the next entrypoint is read.
        found.sort_unstable_by(|(one, ..), (other, ..)| one.cmp(other));
        found.truncate(last.saturating_add(1));
    }
    let has_more = found.len() > last;
    found.truncate(last);
    let next = found.last().filter(|_| has_more).map(|(key, ..)| key.clone());
    let records = found.into_iter().skip(request.skip);
    let records = records.map(|(_, record, entrypoint)| (record, Arc::clone(entrypoint))).collect();
    Ok(ListPage { records, total: None, next, money: HashMap::new() })
}

/// The first customers of an entrypoint in the order of what transactions come to, one more than the page needs. An index gives
/// the order of those with a number above 0; the others follow or precede them by their ids.
fn first_by_total(
    conn: &mut Conn,
    ring: &KeyRing,
    request: &ListRequest,
    scope: &ListScope<'_>,
    (entrypoint, lock_row): (&Arc<Entrypoint>, &LockRow),
) -> Result<Vec<(Arc<OpenedRecord>, SortKey)>, StoreError> {
    let (descending, Some(field)) = (request.sort.descending, request.sort.standing()) else {
        return Err(StoreError::Bug("an order by no total".into()));
    };
    let wanted = request.skip.saturating_add(request.limit).saturating_add(1);
    let mut page = Ordered { request, scope, entrypoint, found: Vec::new(), wanted };
    let (number, id) = match &request.after {
        Some(SortKey { value: SortValue::Number(number), id, .. }) if *number > 0 => {
            (Some((*number, *id)), None)
        }
        Some(key) => (None, Some(key.id)),
        None => (None, None),
    };
    let begins = request.after.is_none();
    // Ascending, those without a number come first.
    let is_in_first = begins || id.is_some();
    let is_in_second = begins || number.is_some();
    if descending {
        if is_in_second {
            page.by_index(conn, ring, lock_row, field, number)?;
        }
        page.without(conn, ring, lock_row, field, id)?;
    } else {
        if is_in_first {
            page.without(conn, ring, lock_row, field, id)?;
        }
        page.by_index(conn, ring, lock_row, field, number)?;
    }
    Ok(page.found)
}

/// A page that is filled in order.
struct Ordered<'a> {
    request: &'a ListRequest,
    scope: &'a ListScope<'a>,
    entrypoint: &'a Arc<Entrypoint>,
    found: Vec<(Arc<OpenedRecord>, SortKey)>,
    wanted: usize,
}

impl Ordered<'_> {
    /// Adds a customer if it matches.
    fn add(
        &mut self,
        conn: &mut Conn,
        ring: &KeyRing,
        row: &CustomerRow,
        standing: Standing,
    ) -> Result<(), StoreError> {
        if let Some(record) = met(conn, ring, self.request, self.scope, self.entrypoint, (row, standing))? {
            let key = self.request.sort.key_with(&record.stored, self.entrypoint, standing);
            self.found.push((record, key));
        }
        Ok(())
    }

    /// Adds those with a number above 0.
    fn by_index(
        &mut self,
        conn: &mut Conn,
        ring: &KeyRing,
        lock_row: &LockRow,
        field: StandingField,
        mut after: Option<(i64, i64)>,
    ) -> Result<(), StoreError> {
        let place = lock_row.entrypoint_id;
        let mut bite = self.wanted.clamp(1, SLICE);
        while self.found.len() < self.wanted {
            let next = standing::in_order(conn, place, field, after, self.request.sort.descending, bite)?;
            let Some((id, number)) = next.last() else { return Ok(()) };
            after = Some((*number, *id));
            let places: Vec<(i64, i64)> = next.iter().map(|(id, _)| (place, *id)).collect();
            let known = standings(conn, &places)?;
            let rows = rows_by_place(conn, &places)?;
            let rows: HashMap<i64, CustomerRow> =
                rows.into_iter().map(|row| (row.customer_id, row)).collect();
            for (id, _) in &next {
                let Some(row) = rows.get(id) else { continue };
                self.add(conn, ring, row, known.get(id).copied().unwrap_or_default())?;
                if self.found.len() >= self.wanted {
                    return Ok(());
                }
            }
            if next.len() < bite {
                return Ok(());
            }
            bite = SLICE;
        }
        Ok(())
    }

    /// Adds those without a number, by their ids.
    fn without(
        &mut self,
        conn: &mut Conn,
        ring: &KeyRing,
        lock_row: &LockRow,
        field: StandingField,
        mut from: Option<i64>,
    ) -> Result<(), StoreError> {
        let statuses: Vec<i32> = self.scope.plan.statuses.iter().map(|status| status.code()).collect();
        let (place, descending) = (lock_row.entrypoint_id, self.request.sort.descending);
        while self.found.len() < self.wanted {
            let rows = slice(conn, place, &statuses, from, descending, 0, SLICE)?;
            let places: Vec<(i64, i64)> = rows.iter().map(|row| (place, row.customer_id)).collect();
            let known = standings(conn, &places)?;
            for row in &rows {
                let standing = known.get(&row.customer_id).copied().unwrap_or_default();
                if standing.number(field).is_none_or(|number| number <= 0) {
                    self.add(conn, ring, row, standing)?;
                }
                if self.found.len() >= self.wanted {
                    return Ok(());
                }
            }
            match rows.last() {
                Some(last) if rows.len() == SLICE => from = Some(last.customer_id),
                _ => return Ok(()),
            }
        }
        Ok(())
    }
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

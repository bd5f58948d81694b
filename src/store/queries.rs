//! Lists: filtered, searched, sorted, page by page, each page from one state of the database (rules 8).
//!
//! The term index and the columns propose, the opened document decides. A page in id order of one
//! entrypoint is read in that order; any other order keeps the page's keys, and no more, while all that
//! the plan lets through is looked at.

use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

use diesel::prelude::*;

use super::conn::{Conn, on};
use super::entrypoints;
use super::error::StoreError;
use super::keyring::KeyRing;
use super::load;
use super::rows::CustomerRow;
use super::schema::{customer, entrypoint_head};
use super::terms;
use crate::domain::customer::{Customer, Lifecycle, Status, Stored};
use crate::domain::entrypoint::Entrypoint;
use crate::domain::filter::{Column, Filter, Plan, Reach, Search, Sort, SortKey};
use crate::domain::money::Money;
use crate::domain::time::Micros;

/// How many rows are read at once.
const SLICE: usize = 1_000;
/// For how many entrypoints the search index is asked at once.
const PLACES_AT_ONCE: usize = 64;

/// What to list.
#[derive(Debug, Clone)]
pub struct ListRequest {
    /// The entrypoints, all of which the caller may see.
    pub entrypoints: Vec<i64>,
    /// Conditions.
    pub filter: Filter,
    /// Words.
    pub search: Search,
    /// Whether the search covers only what is not masked.
    pub masked: bool,
    /// The order.
    pub sort: Sort,
    /// Only records after this one.
    pub after: Option<SortKey>,
    /// How many records to skip.
    pub skip: usize,
    /// How many records to answer.
    pub limit: usize,
    /// Whether to count all that match.
    pub counts: bool,
}

/// A record with its entrypoint.
pub type Listed = (Stored, Arc<Entrypoint>);

/// A page.
#[derive(Debug, Clone)]
pub struct ListPage {
    /// The records, in order.
    pub records: Vec<Listed>,
    /// How many match in all, where it was asked.
    pub total: Option<usize>,
    /// Where the next page begins, if there is more.
    pub next: Option<SortKey>,
}

/// A page too long to be held in memory: its records by place and id, as they stood when it was asked for.
#[derive(Debug, Clone)]
pub struct IdPage {
    /// Entrypoints and ids, in order.
    pub ids: Vec<(i64, i64)>,
    /// How many match in all, where it was asked.
    pub total: Option<usize>,
    /// Where the next page begins, if there is more; wherever the last record is sorted to by then.
    pub next: Option<SortKey>,
}

/// An entrypoint and its head.
type Place = (Arc<Entrypoint>, load::Head);

/// The entrypoints of a request that can have matches.
struct Scene {
    plan: Plan,
    places: Vec<Place>,
    /// Where the plan has terms.
    index: Option<terms::Index>,
}

impl Scene {
    fn of(conn: &mut Conn, request: &ListRequest) -> Result<Scene, StoreError> {
        let plan = Plan::of(&request.filter, &request.search);
        if plan.never {
            return Ok(Scene { plan, places: Vec::new(), index: None });
        }
        let wants_deleted = plan.statuses.contains(&Status::Deleted);
        let mut places = entrypoints::with_heads(conn, &request.entrypoints, |head| {
            wants_deleted || head.live_customers > 0
        })?;
        places.retain(|(entrypoint, _)| request.filter.admits_entrypoint(entrypoint));
        let ids: Vec<i64> = places.iter().map(|(entrypoint, _)| entrypoint.id).collect();
        let index = if plan.terms.is_empty() { None } else { Some(terms::Index::of(conn, &ids)?) };
        Ok(Scene { plan, places, index })
    }

    /// The customers of some places that the plan's terms propose, by id; nothing where it has no terms, so that all are
    /// looked at.
    fn proposed(
        &self,
        conn: &mut Conn,
        ring: &KeyRing,
        places: &[Place],
    ) -> Result<Vec<Option<Vec<i64>>>, StoreError> {
        let Some(index) = &self.index else { return Ok(vec![None; places.len()]) };
        let mut questions = Vec::with_capacity(places.len());
        let mut asks = Vec::with_capacity(places.len());
        for (_, head) in places {
            let keys = head.keys(conn, ring)?;
            let before = questions.len();
            questions.extend(
                keys.all().map(|key| terms::Question::of(head.entrypoint_id, &key.key, &self.plan.terms)),
            );
            asks.push(questions.len() - before);
        }
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

    /// The total, where the heads' counters know it.
    fn counted(&self, request: &ListRequest) -> Option<usize> {
        let total: i64 = self.places.iter().map(|(_, head)| head.live_customers).sum();
        self.is_everything(request).then(|| usize::try_from(total).unwrap_or(0))
    }

    /// Whether every live customer of its entrypoints matches.
    fn is_everything(&self, request: &ListRequest) -> bool {
        request.search.is_empty()
            && self.plan.columns_decide
            && self.plan.columns.is_empty()
            && self.plan.lifecycles.is_none()
            && self.plan.statuses.len() == Status::ALL.len() - 1
            && !self.plan.statuses.contains(&Status::Deleted)
    }
}

fn is_by_id(sort: &Sort) -> bool {
    matches!(sort.reach(), Reach::Column(Column::CustomerId))
}

/// A page of a list.
///
/// # Errors
/// The database's; [`StoreError::Corrupt`].
pub(super) fn page(conn: &mut Conn, ring: &KeyRing, request: &ListRequest) -> Result<ListPage, StoreError> {
    let scene = Scene::of(conn, request)?;
    let total = if request.counts { scene.counted(request) } else { None };
    let is_by_id = is_by_id(&request.sort);
    let mut page = match scene.places.as_slice() {
        [(entrypoint, _)] if is_by_id && scene.is_everything(request) => {
            plain(conn, ring, request, entrypoint, &scene.plan)?
        }
        [] => ListPage { records: Vec::new(), total: Some(0), next: None },
        [(entrypoint, head)] if is_by_id => {
            in_id_order(conn, ring, request, &scene, (entrypoint, head), total)?
        }
        _ => by_keys(conn, ring, request, &scene, total)?,
    };
    page.total = if request.counts { total.or(page.total) } else { None };
    Ok(page)
}

/// Place and id of everything in a list, in its order.
///
/// # Errors
/// The database's; [`StoreError::Corrupt`].
pub(super) fn ids(
    conn: &mut Conn,
    ring: &KeyRing,
    request: &ListRequest,
) -> Result<Vec<(i64, i64)>, StoreError> {
    let scene = Scene::of(conn, request)?;
    Ok(keys(conn, ring, request, &scene, None)?.iter().map(place_and_id).collect())
}

/// Which records a long page has: what its answer is read by, slice after slice.
///
/// # Errors
/// The database's; [`StoreError::Corrupt`].
pub(super) fn id_page(conn: &mut Conn, ring: &KeyRing, request: &ListRequest) -> Result<IdPage, StoreError> {
    let scene = Scene::of(conn, request)?;
    let known_total = if request.counts { scene.counted(request) } else { None };
    let counts = request.counts && known_total.is_none();
    let last = request.skip.saturating_add(request.limit);
    // In id order, what comes after a full page's worth cannot be on it.
    let enough = (is_by_id(&request.sort) && !counts).then_some(last.saturating_add(1));
    let mut keys = keys(conn, ring, request, &scene, enough)?;
    let total = if counts { Some(keys.len()) } else { known_total };
    let has_more = keys.len() > last;
    keys.truncate(last);
    let next = keys.last().filter(|_| has_more).map(|(key, _)| key.clone());
    Ok(IdPage { ids: keys.iter().skip(request.skip).map(place_and_id).collect(), total, next })
}

/// The keys of a list with their entrypoints, in order; of each entrypoint no more than are `enough`, which are the first
/// ones only where the order is that of ids.
fn keys(
    conn: &mut Conn,
    ring: &KeyRing,
    request: &ListRequest,
    scene: &Scene,
    enough: Option<usize>,
) -> Result<Vec<(SortKey, i64)>, StoreError> {
    if is_by_id(&request.sort) && request.after.is_none() && scene.is_everything(request) {
        return every_key(conn, scene, request);
    }
    let mut keys = Vec::new();
    for some in scene.places.chunks(PLACES_AT_ONCE) {
        let proposed = scene.proposed(conn, ring, some)?;
        for ((entrypoint, head), proposed) in some.iter().zip(proposed) {
            let mut here = 0_usize;
            walk(conn, ring, request, scene, (entrypoint, head), proposed, |stored| {
                keys.push((request.sort.key(stored, entrypoint), entrypoint.id));
                here += 1;
                Ok(enough.is_none_or(|enough| here < enough))
            })?;
        }
    }
    keys.sort_unstable();
    Ok(keys)
}

/// The keys of every live customer in id order; no document is opened.
fn every_key(
    conn: &mut Conn,
    scene: &Scene,
    request: &ListRequest,
) -> Result<Vec<(SortKey, i64)>, StoreError> {
    let statuses: Vec<i32> = scene.plan.statuses.iter().map(|status| status.code()).collect();
    let mut keys = Vec::new();
    for (entrypoint, _) in &scene.places {
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

/// Records by place and id, in the order asked, as they are now: deleted ones may be among them.
///
/// # Errors
/// The database's; [`StoreError::Corrupt`].
pub(super) fn by_ids(conn: &mut Conn, ring: &KeyRing, ids: &[(i64, i64)]) -> Result<Vec<Listed>, StoreError> {
    let mut entrypoints: HashMap<i64, Arc<Entrypoint>> = HashMap::new();
    let mut rows: HashMap<i64, CustomerRow> = HashMap::new();
    for row in rows_by_id(conn, &ids.iter().map(|(_, id)| *id).collect::<Vec<_>>())? {
        rows.insert(row.customer_id, row);
    }
    let mut records = Vec::with_capacity(ids.len());
    for (entrypoint_id, id) in ids {
        let Some(row) = rows.remove(id).filter(|row| row.entrypoint_id == *entrypoint_id) else { continue };
        let entrypoint = match entrypoints.get(entrypoint_id) {
            Some(entrypoint) => Arc::clone(entrypoint),
            None => {
                let Some(found) = entrypoints::entrypoint(conn, *entrypoint_id)? else { continue };
                let found = Arc::new(found);
                entrypoints.insert(*entrypoint_id, Arc::clone(&found));
                found
            }
        };
        records.push((open(conn, ring, &row)?, entrypoint));
    }
    Ok(records)
}

fn in_id_order(
    conn: &mut Conn,
    ring: &KeyRing,
    request: &ListRequest,
    scene: &Scene,
    (entrypoint, head): (&Arc<Entrypoint>, &load::Head),
    known_total: Option<usize>,
) -> Result<ListPage, StoreError> {
    let counts = request.counts && known_total.is_none();
    let mut records: Vec<Listed> = Vec::new();
    let mut matched = 0_usize;
    let mut has_more = false;
    let last = request.skip.saturating_add(request.limit);
    let proposed = scene.proposed(conn, ring, &scene.places)?.pop().flatten();
    walk(conn, ring, request, scene, (entrypoint, head), proposed, |stored| {
        if matched >= request.skip && matched < last {
            records.push((stored.clone(), Arc::clone(entrypoint)));
        }
        matched += 1;
        has_more = matched > last;
        Ok(counts || !has_more)
    })?;
    let next = records.last().filter(|_| has_more).map(|(stored, place)| request.sort.key(stored, place));
    Ok(ListPage { records, total: counts.then_some(matched), next })
}

fn by_keys(
    conn: &mut Conn,
    ring: &KeyRing,
    request: &ListRequest,
    scene: &Scene,
    known_total: Option<usize>,
) -> Result<ListPage, StoreError> {
    let is_by_id = is_by_id(&request.sort);
    let counts = request.counts && known_total.is_none();
    let kept = request.skip.saturating_add(request.limit).saturating_add(1);
    // The greatest key on top, so that it can be dropped for a smaller one.
    let mut heap: BinaryHeap<(SortKey, i64)> = BinaryHeap::new();
    let mut matched = 0_usize;
    let mut places = scene.places.clone();
    if is_by_id && request.sort.descending {
        places.sort_by_key(|(_, head)| std::cmp::Reverse(head.next_customer_id));
    }
    let mut proposals = Vec::new();
    for (place, (entrypoint, head)) in places.iter().enumerate() {
        if proposals.is_empty() {
            let ahead: Vec<_> = places.iter().skip(place).take(PLACES_AT_ONCE).cloned().collect();
            proposals = scene.proposed(conn, ring, &ahead)?;
            proposals.reverse();
        }
        let proposed = proposals.pop().flatten();
        // What can be told before a place is looked at: whether its newest customer comes after a full page's worth.
        let is_beyond = |heap: &BinaryHeap<(SortKey, i64)>| {
            let last = heap.peek().filter(|_| heap.len() == kept && request.sort.descending);
            last.is_some_and(|(key, _)| head.next_customer_id <= key.id)
        };
        if is_by_id && !counts && is_beyond(&heap) {
            continue;
        }
        walk(conn, ring, request, scene, (entrypoint, head), proposed, |stored| {
            matched += 1;
            let entry = (request.sort.key(stored, entrypoint), entrypoint.id);
            let is_full = heap.len() == kept;
            let is_on = !is_full || heap.peek().is_some_and(|last| entry < *last);
            if is_on {
                heap.push(entry);
                if is_full {
                    heap.pop();
                }
            }
            // In id order, what comes after one that comes after a full page's worth cannot be on it.
            Ok(counts || !is_by_id || is_on)
        })?;
    }
    let keys = heap.into_sorted_vec();
    let has_more = keys.len() == kept;
    let on_page: Vec<(i64, i64)> = keys
        .iter()
        .skip(request.skip)
        .take(request.limit)
        .map(|(key, entrypoint_id)| (*entrypoint_id, key.id))
        .collect();
    let last = keys.get(request.skip + on_page.len().saturating_sub(1)).map(|(key, _)| key.clone());
    let records = by_ids(conn, ring, &on_page)?;
    Ok(ListPage { records, total: counts.then_some(matched), next: last.filter(|_| has_more) })
}

/// Calls `visit` with every match of an entrypoint after `request.after`, in id order (newest first unless
/// the request sorts by ascending id), until it says no.
fn walk(
    conn: &mut Conn,
    ring: &KeyRing,
    request: &ListRequest,
    scene: &Scene,
    (entrypoint, head): (&Arc<Entrypoint>, &load::Head),
    proposed: Option<Vec<i64>>,
    mut visit: impl FnMut(&Stored) -> Result<bool, StoreError>,
) -> Result<(), StoreError> {
    let plan = &scene.plan;
    let is_by_id = is_by_id(&request.sort);
    let descending = !is_by_id || request.sort.descending;
    let mut look = |conn: &mut Conn, row: &CustomerRow| -> Result<bool, StoreError> {
        // Columns are looked at before the document is opened.
        if !plan.admits(&light(row)?) {
            return Ok(true);
        }
        let stored = open(conn, ring, row)?;
        let matches = request.filter.matches(&stored, entrypoint)
            && request.search.matches(&stored.customer, request.masked)
            && request.after.as_ref().is_none_or(|after| request.sort.key(&stored, entrypoint) > *after);
        if matches { visit(&stored) } else { Ok(true) }
    };
    let start = request.after.as_ref().filter(|_| is_by_id).map(|key| key.id);
    if let Some(mut ids) = proposed {
        if descending {
            ids.reverse();
        }
        if let Some(start) = start {
            ids.retain(|id| if descending { *id < start } else { *id > start });
        }
        // Small bites first: the page is mostly full after one.
        for bite in ids.chunks(SLICE / 4) {
            for row in ordered(rows_by_id(conn, bite)?, descending) {
                if row.entrypoint_id == head.entrypoint_id && !look(conn, &row)? {
                    return Ok(());
                }
            }
        }
        return Ok(());
    }
    let statuses: Vec<i32> = plan.statuses.iter().map(|status| status.code()).collect();
    let mut from = start;
    // A first bite of what the page needs; a condition that few meet is met in larger ones.
    let mut bite = request.skip.saturating_add(request.limit).saturating_add(1).clamp(1, SLICE);
    loop {
        let rows = slice(conn, head.entrypoint_id, &statuses, from, descending, 0, bite)?;
        for row in &rows {
            if !look(conn, row)? {
                return Ok(());
            }
        }
        match rows.last() {
            Some(last) if rows.len() == bite => from = Some(last.customer_id),
            _ => return Ok(()),
        }
        bite = SLICE;
    }
}

/// A page of all live customers of an entrypoint: the database skips, nothing else is opened.
fn plain(
    conn: &mut Conn,
    ring: &KeyRing,
    request: &ListRequest,
    entrypoint: &Arc<Entrypoint>,
    plan: &Plan,
) -> Result<ListPage, StoreError> {
    let statuses: Vec<i32> = plan.statuses.iter().map(|status| status.code()).collect();
    let from = request.after.as_ref().map(|key| key.id);
    let wanted = request.limit.saturating_add(1);
    let mut rows =
        slice(conn, entrypoint.id, &statuses, from, request.sort.descending, request.skip, wanted)?;
    let has_more = rows.len() == wanted;
    rows.truncate(request.limit);
    let mut records = Vec::with_capacity(rows.len());
    for row in &rows {
        records.push((open(conn, ring, row)?, Arc::clone(entrypoint)));
    }
    let next = records.last().filter(|_| has_more).map(|(stored, place)| request.sort.key(stored, place));
    Ok(ListPage { records, total: None, next })
}

/// Rows of an entrypoint in id order.
fn slice(
    conn: &mut Conn,
    entrypoint_id: i64,
    statuses: &[i32],
    from: Option<i64>,
    descending: bool,
    skip: usize,
    limit: usize,
) -> Result<Vec<CustomerRow>, StoreError> {
    let (skip, limit) = (i64::try_from(skip).unwrap_or(i64::MAX), i64::try_from(limit).unwrap_or(i64::MAX));
    Ok(on!(conn, |c| {
        let base = customer::table
            .filter(customer::entrypoint_id.eq(entrypoint_id))
            .filter(customer::status.eq_any(statuses))
            .select(CustomerRow::as_select())
            .offset(skip)
            .limit(limit);
        if descending {
            let from = from.unwrap_or(i64::MAX);
            base.filter(customer::customer_id.lt(from)).order(customer::customer_id.desc()).load(c)
        } else {
            let from = from.unwrap_or(0);
            base.filter(customer::customer_id.gt(from)).order(customer::customer_id.asc()).load(c)
        }
    })?)
}

/// Rows by id, in no order.
fn rows_by_id(conn: &mut Conn, ids: &[i64]) -> Result<Vec<CustomerRow>, StoreError> {
    match conn {
        Conn::Sqlite(c) => {
            let mut rows = Vec::with_capacity(ids.len());
            for id in ids {
                rows.extend(
                    customer::table
                        .find(id)
                        .select(CustomerRow::as_select())
                        .first::<CustomerRow>(c)
                        .optional()?,
                );
            }
            Ok(rows)
        }
        Conn::Postgres(c) => Ok(customer::table
            .filter(customer::customer_id.eq_any(ids))
            .select(CustomerRow::as_select())
            .load(c)?),
    }
}

fn ordered(mut rows: Vec<CustomerRow>, descending: bool) -> Vec<CustomerRow> {
    rows.sort_unstable_by_key(|row| if descending { -row.customer_id } else { row.customer_id });
    rows
}

fn open(conn: &mut Conn, ring: &KeyRing, row: &CustomerRow) -> Result<Stored, StoreError> {
    let key = ring.data_key(conn, row.key_id)?;
    row.open(&key)
}

/// What the columns say of a customer, without opening the document.
fn light(row: &CustomerRow) -> Result<Stored, StoreError> {
    let unreadable = || StoreError::Corrupt(format!("customer {}: unreadable columns", row.customer_id));
    let status = Status::of_code(row.status.into()).ok_or_else(unreadable)?;
    let lifecycle = Lifecycle::of_name(&row.lifecycle).ok_or_else(unreadable)?;
    let balance = Money::from_units(row.balance_units).ok_or_else(unreadable)?;
    let (created, updated) = (Micros(row.created_at_us), Micros(row.updated_at_us));
    let customer = Customer::erased(status, lifecycle, balance, created, updated);
    Ok(Stored { id: row.customer_id, version: row.version, customer, erased: false })
}

/// How many customers each status and stage of an entrypoint has, by the head's counters.
///
/// # Errors
/// The database's.
pub(super) fn counts(
    conn: &mut Conn,
    entrypoint_id: i64,
) -> Result<Option<HashMap<String, i64>>, StoreError> {
    let json: Option<String> = on!(conn, |c| entrypoint_head::table
        .find(entrypoint_id)
        .select(entrypoint_head::counts)
        .first(c)
        .optional())?;
    Ok(json.map(|json| serde_json::from_str(&json)).transpose()?)
}

//! All live customers of one entrypoint in id order: the most frequent list. On PostgreSQL one statement reads a page,
//! without a transaction.

use std::sync::Arc;

use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Nullable};

use super::scope::is_everything;
use super::sql::{by_pairs, ordered, slice};
use super::{ListPage, ListRequest, Listed, is_by_id};
use crate::domain::customers::record::Status;
use crate::domain::entrypoints::Entrypoint;
use crate::domain::filter::Plan;
use crate::store::customers::record_cache::RecordCache;
use crate::store::customers::rows::{CustomerColumns, CustomerRow};
use crate::store::engine::conn::Conn;
use crate::store::engine::error::StoreError;
use crate::store::entrypoints::lock_row::with_lock_rows;
use crate::store::keys::keyring::KeyRing;

/// The settings version of an entrypoint with the number of its live customers, or one of the customers.
type Row = (Option<CustomerRow>, Option<(i64, i64)>);
type Columns = (Nullable<CustomerColumns>, Nullable<(BigInt, BigInt)>);

by_pairs! {
    /// An entrypoint, followed by some of its live customers.
    newest, oldest: (
        concat!(
            "SELECT ", customer_columns!(), ", l.settings_version, l.live_customers FROM entrypoint_lock l \
             LEFT JOIN customer c ON FALSE WHERE l.entrypoint_id = "
        ), entrypoint_id: &'a i64 as BigInt,
        concat!(
            " UNION ALL SELECT * FROM (SELECT ", customer_columns!(), ", NULL::bigint, NULL::bigint \
             FROM customer c WHERE c.status <> -99 AND "
        )
    ), ") AS page",
    Row as Columns
}

/// Whether a request asks for all live customers of one entrypoint in id order.
pub(crate) fn asks(request: &ListRequest, plan: &Plan) -> bool {
    request.entrypoints.len() == 1 && is_by_id(&request.sort) && is_everything(plan)
}

/// A page of a request that [`asks`] accepts.
///
/// # Errors
/// Database errors; [`StoreError::Corrupt`].
pub(crate) fn page(
    conn: &mut Conn,
    ring: &KeyRing,
    record_cache: &RecordCache,
    request: &ListRequest,
) -> Result<ListPage, StoreError> {
    let found = match conn {
        Conn::Sqlite(..) => by_two(conn, ring, request)?,
        Conn::Postgres(_) => by_one(conn, ring, request)?,
    };
    let found = found.filter(|found| request.filter.admits_entrypoint(&found.entrypoint));
    let Some(Found { entrypoint, live, mut rows }) = found else {
        return Ok(ListPage { total: request.counts.then_some(0), ..ListPage::of(Vec::new(), None) });
    };
    let has_more = rows.len() > request.limit;
    rows.truncate(request.limit);
    let mut records = Vec::with_capacity(rows.len());
    for row in &rows {
        records.push((record_cache.open(conn, ring, row)?, Arc::clone(&entrypoint)));
    }
    let last = records.last().filter(|_| has_more);
    let next = last.map(|(record, place): &Listed| request.sort.key(&record.stored, place));
    let total = request.counts.then(|| usize::try_from(live).unwrap_or(0));
    Ok(ListPage { total, ..ListPage::of(records, next) })
}

/// An entrypoint, the number of its live customers, and those of a page in order; one more if there is a next page.
struct Found {
    entrypoint: Arc<Entrypoint>,
    live: i64,
    rows: Vec<CustomerRow>,
}

/// SQLite needs no round trips, so two separate statements do.
fn by_two(conn: &mut Conn, ring: &KeyRing, request: &ListRequest) -> Result<Option<Found>, StoreError> {
    let Some((entrypoint, lock_row)) = with_lock_rows(conn, ring, &request.entrypoints, |_| true)?.pop()
    else {
        return Ok(None);
    };
    let statuses: Vec<i32> = Status::LIVE.map(Status::code).to_vec();
    let (from, wanted) = (request.after.as_ref().map(|key| key.id), request.limit.saturating_add(1));
    let rows = slice(conn, entrypoint.id, &statuses, from, request.sort.descending, request.skip, wanted)?;
    Ok(Some(Found { entrypoint, live: lock_row.live_customers, rows }))
}

fn by_one(conn: &mut Conn, ring: &KeyRing, request: &ListRequest) -> Result<Option<Found>, StoreError> {
    let (Conn::Postgres(c), Some(place)) = (&mut *conn, request.entrypoints.first().copied()) else {
        return Ok(None);
    };
    let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let (limit, skip) = (number(request.limit.saturating_add(1)), number(request.skip));
    let descending = request.sort.descending;
    let from = request.after.as_ref().map_or(if descending { i64::MAX } else { 0 }, |key| key.id);
    let ask = if descending { newest } else { oldest };
    let told = ask(c, &place, place, from, place, limit, skip)?;
    let mut lock_row = None;
    let mut rows = Vec::with_capacity(told.len());
    for (customer, columns) in told {
        rows.extend(customer);
        lock_row = columns.or(lock_row);
    }
    let Some((settings_version, live)) = lock_row else { return Ok(None) };
    let entrypoint = ring.directory.at(conn, place, settings_version)?;
    Ok(Some(Found { entrypoint, live, rows: ordered(rows, descending) }))
}

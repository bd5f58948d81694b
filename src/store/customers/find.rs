//! Reading customers: one by id, a page of an entrypoint, a history.

use std::collections::HashMap;
use std::sync::Arc;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable};

use super::load::{self, customer_rows};
use super::record_cache::{self, OpenedRecord, RecordCache};
use super::rows::{CustomerColumns, CustomerRow, document_ad, open_document};
use crate::domain::customers::history::{FieldChange, difference};
use crate::domain::customers::record::Customer;
use crate::domain::entrypoints::Entrypoint;
use crate::domain::kernel::time::Micros;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::prepared::{ask, ask_postgres};
use crate::store::engine::reader::{LookUp, Results};
use crate::store::engine::schema::history;
use crate::store::entrypoints::{Placed, PlacedColumns, entrypoint_columns, no_entrypoint};
use crate::store::keys::keyring::KeyRing;

/// A customer with its entrypoint, as one state of the database has them.
#[derive(Debug, Clone)]
pub struct Found {
    /// The record.
    pub record: Arc<OpenedRecord>,
    /// Its entrypoint.
    pub entrypoint: Arc<Entrypoint>,
}

/// The newest version in the history of a customer `c`.
macro_rules! newest_version {
    () => {
        "(SELECT h.version FROM history h WHERE h.entrypoint_id = c.entrypoint_id AND h.customer_id = c.customer_id \
         ORDER BY h.version DESC LIMIT 1)"
    };
}

/// A customer's columns, and the newest version in its history.
type Versioned = (CustomerRow, Option<i64>);
type VersionedColumns = (CustomerColumns, Nullable<BigInt>);

ask! {
    /// One customer with its entrypoint.
    fn whole<'a>(
        concat!(
            "SELECT ", customer_columns!(), ", ", newest_version!(), ", ", entrypoint_columns!(),
            " FROM customer c JOIN entrypoint e ON e.entrypoint_id = c.entrypoint_id \
             JOIN organisation o ON o.org_id = e.org_id WHERE c.customer_id = "
        ), id: i64 as BigInt,
        " AND c.entrypoint_id = ", entrypoint_id: i64 as BigInt;
        ""
    ) -> (Versioned, Placed) as (VersionedColumns, PlacedColumns)
}

ask_postgres! {
    /// Several customers, and after them their entrypoints: each once, however many customers it has.
    several<'a>(
        concat!(
            "SELECT ", customer_columns!(), ", ", newest_version!(), ", ", no_entrypoint!(),
            " FROM customer c WHERE c.customer_id = ANY ("
        ),
        ids: &'a [i64] as Array<BigInt>,
        concat!(
            ") UNION ALL SELECT ", no_customer!(), ", NULL::bigint, ", entrypoint_columns!(),
            " FROM entrypoint e JOIN organisation o ON o.org_id = e.org_id WHERE e.entrypoint_id = ANY ("
        ), entrypoint_ids: &'a [i64] as Array<BigInt>;
        ")"
    ) -> (Option<Versioned>, Option<Placed>) as (Nullable<VersionedColumns>, Nullable<PlacedColumns>)
}

/// Looks customers up by entrypoint and id.
#[derive(Debug)]
pub(crate) struct CustomerLookUp {
    pub ring: Arc<KeyRing>,
    pub record_cache: Arc<RecordCache>,
}

impl LookUp for CustomerLookUp {
    type Key = (i64, i64);
    type Found = Option<Found>;

    fn look_up(&self, conn: &mut Conn, keys: &[(i64, i64)]) -> Result<Results<Option<Found>>, StoreError> {
        // A data key that is read in a statement of its own never changes.
        find_each(conn, &self.ring, &self.record_cache, keys)
    }
}

/// A customer of an entrypoint: one statement, which needs no transaction.
///
/// # Errors
/// The database's; [`StoreError::Corrupt`] for a record that was tampered with.
pub(crate) fn find(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    id: i64,
) -> Result<Option<Found>, StoreError> {
    let Some((row, entrypoint)) = row_of(conn, entrypoint_id, id)? else { return Ok(None) };
    Ok(Some(Found { record: record_cache::open(conn, ring, &row)?, entrypoint }))
}

/// The row of a customer, which is its newest version, and its entrypoint.
///
/// # Errors
/// As [`find`].
fn row_of(
    conn: &mut Conn,
    entrypoint_id: i64,
    id: i64,
) -> Result<Option<(CustomerRow, Arc<Entrypoint>)>, StoreError> {
    let Some(((row, version), (own, organisation))) = whole(conn, id, entrypoint_id)?.pop() else {
        return Ok(None);
    };
    row.must_be_newest(version)?;
    Ok(Some((row, Arc::new(own.read(organisation)?))))
}

/// Customers by entrypoint and id, in the order asked: on PostgreSQL in one statement, where each would be a round trip to
/// the server. None needs a transaction.
///
/// # Errors
/// The database's.
fn find_each(
    conn: &mut Conn,
    ring: &KeyRing,
    record_cache: &RecordCache,
    places: &[(i64, i64)],
) -> Result<Results<Option<Found>>, StoreError> {
    let (Conn::Postgres(c), [_, _, ..]) = (&mut *conn, places) else {
        let mut one = |(entrypoint_id, id): &(i64, i64)| {
            let Some((row, entrypoint)) = row_of(conn, *entrypoint_id, *id)? else { return Ok(None) };
            Ok(Some(Found { record: record_cache.open(conn, ring, &row)?, entrypoint }))
        };
        return places.iter().map(|place| of_one(one(place))).collect();
    };
    let mut ids: Vec<i64> = places.iter().map(|(_, id)| *id).collect();
    let mut entrypoint_ids: Vec<i64> = places.iter().map(|(entrypoint_id, _)| *entrypoint_id).collect();
    for asked in [&mut ids, &mut entrypoint_ids] {
        asked.sort_unstable();
        asked.dedup();
    }
    let mut customers: HashMap<(i64, i64), Versioned> = HashMap::with_capacity(ids.len());
    let mut entrypoints: HashMap<i64, Result<Arc<Entrypoint>, StoreError>> = HashMap::new();
    for (customer, placed) in several(c, &ids, &entrypoint_ids)? {
        if let Some((own, organisation)) = placed {
            entrypoints.insert(own.id(), own.read(organisation).map(Arc::new));
        }
        customers
            .extend(customer.map(|customer| ((customer.0.entrypoint_id, customer.0.customer_id), customer)));
    }
    let mut tell = |place: &(i64, i64)| {
        let Some((row, version)) = customers.get(place) else { return Ok(Ok(None)) };
        let entrypoint = match entrypoints.get(&place.0) {
            Some(Ok(entrypoint)) => Ok(Arc::clone(entrypoint)),
            Some(Err(error)) => Err(error.for_another()),
            None => Err(StoreError::Bug("a customer has no entrypoint".into())),
        };
        of_one(entrypoint.and_then(|entrypoint| {
            row.must_be_newest(*version)?;
            Ok(Some(Found { record: record_cache.open(conn, ring, row)?, entrypoint }))
        }))
    };
    places.iter().map(&mut tell).collect()
}

type OneResult = Result<Option<Found>, StoreError>;

/// What is wrong with the connection is wrong with all.
fn of_one(found: OneResult) -> Result<OneResult, StoreError> {
    match found {
        Err(error) if error.is_of_connection() => Err(error),
        found => Ok(found),
    }
}

/// One entry of a customer's history.
#[derive(Debug, Clone)]
pub struct HistoryEntry {
    /// The version that the change made.
    pub version: i64,
    /// When.
    pub at: Micros,
    /// What was done.
    pub operation: String,
    /// The name of the token that did it.
    pub token_name: String,
    /// The id of the token that did it.
    pub token_jti: String,
    /// The fields that changed, with their values before and after; none once erased.
    pub changes: Vec<FieldChange>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = history)]
struct EntryRow {
    version: i64,
    at_us: i64,
    operation: String,
    token_name: String,
    token_jti: String,
    document_before: Option<Vec<u8>>,
    key_id_before: Option<i64>,
}

/// Entries of a customer's history, newest first, and how many there are.
///
/// # Errors
/// The database's; [`StoreError::Corrupt`].
pub(crate) fn entries(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    id: i64,
    skip: i64,
    limit: i64,
) -> Result<Option<(Vec<HistoryEntry>, i64)>, StoreError> {
    let Some(row) = customer_rows(conn, entrypoint_id, &[id])?.pop() else { return Ok(None) };
    let key = ring.data_key(conn, row.key_id)?;
    let current = row.open(&key)?;
    let newest = row.version - skip;
    let rows: Vec<EntryRow> = on!(conn, |c| history::table
        .filter(history::entrypoint_id.eq(entrypoint_id))
        .filter(history::customer_id.eq(id))
        .filter(history::version.le(newest))
        .order(history::version.desc())
        .limit(limit)
        .select(EntryRow::as_select())
        .load(c))?;
    // The state after the newest entry of the page: the record itself, or the image in the entry above.
    let mut after: Option<Customer> = if newest == row.version {
        Some(current.customer)
    } else {
        load::version_of(conn, ring, &row, newest)?.map(|stored| stored.customer)
    };
    let mut entries = Vec::with_capacity(rows.len());
    for entry in rows {
        let before = match (&row.salt, &entry.document_before, entry.key_id_before) {
            (Some(salt), Some(document), Some(key_id)) => {
                let seal = ring.data_key(conn, key_id)?.seal_key(salt)?;
                Some(open_document(
                    &seal,
                    &document_ad(entrypoint_id, id, entry.version - 1, key_id),
                    document,
                )?)
            }
            _ => None,
        };
        // Nothing is left to compare of an erased person.
        let changes = match &after {
            Some(after) if !current.erased => difference(before.as_ref(), after),
            _ => Vec::new(),
        };
        entries.push(HistoryEntry {
            version: entry.version,
            at: Micros(entry.at_us),
            operation: entry.operation,
            token_name: entry.token_name,
            token_jti: entry.token_jti,
            changes,
        });
        after = before;
    }
    Ok(Some((entries, row.version)))
}

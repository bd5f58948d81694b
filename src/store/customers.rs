//! Reading customers: one by id, a page of an entrypoint, a history.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable};

use super::conn::{Conn, on};
use super::entrypoints::{
    EntrypointColumns, EntrypointRow, OrganisationColumns, OrganisationRow, entrypoint_columns,
};
use super::error::StoreError;
use super::keyring::KeyRing;
use super::load::{self, customer_rows};
use super::prepared::{ask, ask_postgres};
use super::rows::{CustomerColumns, CustomerRow, document_ad, open_document};
use super::schema::history;
use crate::domain::customer::{Customer, Stored};
use crate::domain::entrypoint::Entrypoint;
use crate::domain::history::{FieldChange, difference};
use crate::domain::time::Micros;

/// A customer with its entrypoint, as one state of the database has them.
#[derive(Debug, Clone)]
pub struct Found {
    /// The record.
    pub stored: Stored,
    /// Its entrypoint.
    pub entrypoint: Arc<Entrypoint>,
}

/// The columns of a customer, and the newest version in its history.
macro_rules! customer_columns {
    () => {
        "c.customer_id, c.entrypoint_id, c.version, c.status, c.lifecycle, c.balance_units, c.created_at_us, \
         c.updated_at_us, c.key_id, c.salt, c.document, \
         (SELECT max(h.version) FROM history h WHERE h.entrypoint_id = c.entrypoint_id AND h.customer_id = c.customer_id)"
    };
}

/// What [`customer_columns`] gives.
type Versioned = (CustomerRow, Option<i64>);
type VersionedColumns = (CustomerColumns, Nullable<BigInt>);
/// What [`entrypoint_columns`] gives.
type Placed = (EntrypointRow, OrganisationRow);
type PlacedColumns = (EntrypointColumns, OrganisationColumns);

ask! {
    /// One customer with its entrypoint.
    fn whole<'a>(
        concat!(
            "SELECT ", customer_columns!(), ", ", entrypoint_columns!(),
            " FROM customer c JOIN entrypoint e ON e.entrypoint_id = c.entrypoint_id \
             JOIN organisation o ON o.org_id = e.org_id WHERE c.customer_id = "
        ), id: i64 as BigInt,
        " AND c.entrypoint_id = ", entrypoint_id: i64 as BigInt;
        ""
    ) -> (Versioned, Placed) as (VersionedColumns, PlacedColumns)
}

ask_postgres! {
    /// Several customers, each with the number of its place in the question, from 1 on; with its entrypoint only where that is
    /// asked for.
    several<'a>(
        "SELECT w.number, f.*, p.* FROM unnest(", ids: &'a [i64] as Array<BigInt>,
        ", ", entrypoint_ids: &'a [i64] as Array<BigInt>,
        ", ", with_entrypoint: &'a [bool] as Array<Bool>;
        concat!(
            ") WITH ORDINALITY AS w (customer_id, entrypoint_id, with_entrypoint, number) LEFT JOIN LATERAL (SELECT ",
            customer_columns!(),
            " FROM customer c WHERE c.customer_id = w.customer_id AND c.entrypoint_id = w.entrypoint_id OFFSET 0) AS f ON true \
             LEFT JOIN LATERAL (SELECT ",
            entrypoint_columns!(),
            " FROM entrypoint e JOIN organisation o ON o.org_id = e.org_id \
             WHERE w.with_entrypoint AND e.entrypoint_id = w.entrypoint_id OFFSET 0) AS p ON true"
        )
    ) -> (i64, Option<Versioned>, Option<Placed>)
    as (BigInt, Nullable<VersionedColumns>, Nullable<PlacedColumns>)
}

/// What is known of one of several customers: one that cannot be read hurts none of the others.
pub(super) type Told = Result<Option<Found>, StoreError>;

/// A customer of an entrypoint: one statement, which needs no transaction.
///
/// # Errors
/// The database's; [`StoreError::Corrupt`] for a record that was tampered with.
pub(super) fn find(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    id: i64,
) -> Result<Option<Found>, StoreError> {
    let Some((row, (own, organisation))) = whole(conn, id, entrypoint_id)?.pop() else { return Ok(None) };
    open(conn, ring, row, Arc::new(own.read(organisation)?)).map(Some)
}

/// Customers by entrypoint and id, in the order asked: on PostgreSQL in one statement, where each would be a journey to
/// the server. None needs a transaction.
///
/// # Errors
/// The database's.
pub(super) fn find_each(
    conn: &mut Conn,
    ring: &KeyRing,
    places: &[(i64, i64)],
) -> Result<Vec<Told>, StoreError> {
    let (Conn::Postgres(c), [_, _, ..]) = (&mut *conn, places) else {
        let one = |(entrypoint_id, id): &(i64, i64)| of_one(find(conn, ring, *entrypoint_id, *id));
        return places.iter().map(one).collect();
    };
    let (entrypoint_ids, ids): (Vec<i64>, Vec<i64>) = places.iter().copied().unzip();
    let mut known = HashSet::new();
    let with_entrypoint: Vec<bool> = entrypoint_ids.iter().map(|id| known.insert(*id)).collect();
    let mut entrypoints: HashMap<i64, Result<Arc<Entrypoint>, StoreError>> = HashMap::new();
    let mut customers = Vec::with_capacity(places.len());
    for (number, customer, placed) in several(c, &ids, &entrypoint_ids, &with_entrypoint)? {
        if let Some((own, organisation)) = placed {
            entrypoints.insert(own.id(), own.read(organisation).map(Arc::new));
        }
        customers.extend(customer.map(|customer| (number, customer)));
    }
    let mut told: Vec<Told> = places.iter().map(|_| Ok(None)).collect();
    for (number, customer) in customers {
        let entrypoint = match entrypoints.get(&customer.0.entrypoint_id) {
            Some(Ok(entrypoint)) => Ok(Arc::clone(entrypoint)),
            Some(Err(error)) => Err(error.for_another()),
            None => Err(StoreError::Bug("a customer has no entrypoint".into())),
        };
        let found =
            of_one(entrypoint.and_then(|entrypoint| open(conn, ring, customer, entrypoint)).map(Some))?;
        if let Some(place) = usize::try_from(number - 1).ok().and_then(|at| told.get_mut(at)) {
            *place = found;
        }
    }
    Ok(told)
}

/// What is wrong with the connection is wrong with all.
fn of_one(told: Told) -> Result<Told, StoreError> {
    match told {
        Err(error) if error.is_of_connection() => Err(error),
        told => Ok(told),
    }
}

/// [`StoreError::Corrupt`] for a record that was tampered with.
fn open(
    conn: &mut Conn,
    ring: &KeyRing,
    (row, version): Versioned,
    entrypoint: Arc<Entrypoint>,
) -> Result<Found, StoreError> {
    let row = row.if_newest(version)?;
    let key = ring.data_key(conn, row.key_id)?;
    Ok(Found { stored: row.open(&key)?, entrypoint })
}

/// One entry of a customer's history.
#[derive(Debug, Clone)]
pub struct Entry {
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
pub(super) fn entries(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    id: i64,
    skip: i64,
    limit: i64,
) -> Result<Option<(Vec<Entry>, i64)>, StoreError> {
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
        entries.push(Entry {
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

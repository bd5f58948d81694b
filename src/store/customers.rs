//! Reading customers: one by id, a page of an entrypoint, a history.

use diesel::prelude::*;

use super::conn::{Conn, on};
use super::error::StoreError;
use super::keyring::KeyRing;
use super::load::{self, customer_rows};
use super::rows::{CustomerRow, document_ad, open_document};
use super::schema::{customer, entrypoint_head, history};
use crate::domain::customer::{Customer, Status, Stored};
use crate::domain::entrypoint::Entrypoint;
use crate::domain::history::{FieldChange, difference};
use crate::domain::time::Micros;

/// A customer with its entrypoint, as one state of the database has them.
#[derive(Debug, Clone)]
pub struct Found {
    /// The record.
    pub stored: Stored,
    /// Its entrypoint.
    pub entrypoint: Entrypoint,
}

/// A customer of an entrypoint.
///
/// # Errors
/// The database's; [`StoreError::Corrupt`] for a record that was tampered with.
pub(super) fn find(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    id: i64,
) -> Result<Option<Found>, StoreError> {
    let Some(row) = customer_rows(conn, entrypoint_id, &[id])?.pop() else { return Ok(None) };
    let key = ring.data_key(conn, row.key_id)?;
    let stored = row.open(&key)?;
    let entrypoint = load::entrypoint(conn, entrypoint_id)?;
    Ok(entrypoint.map(|entrypoint| Found { stored, entrypoint }))
}

/// A page of customers with the exact total, from one state of the database.
#[derive(Debug, Clone)]
pub struct Page {
    /// The entrypoint.
    pub entrypoint: Entrypoint,
    /// The records, newest first.
    pub records: Vec<Stored>,
    /// How many live customers the entrypoint has.
    pub total: i64,
}

/// A page of the live customers of an entrypoint, newest first.
///
/// # Errors
/// The database's.
pub(super) fn page(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    skip: i64,
    limit: i64,
) -> Result<Option<Page>, StoreError> {
    let Some(entrypoint) = load::entrypoint(conn, entrypoint_id)? else { return Ok(None) };
    let total: i64 = on!(conn, |c| entrypoint_head::table
        .find(entrypoint_id)
        .select(entrypoint_head::live_customers)
        .first(c))?;
    let rows: Vec<CustomerRow> = on!(conn, |c| customer::table
        .filter(customer::entrypoint_id.eq(entrypoint_id))
        .filter(customer::status.ne(Status::Deleted.code()))
        .order(customer::customer_id.desc())
        .offset(skip)
        .limit(limit)
        .select(CustomerRow::as_select())
        .load(c))?;
    let records = open_rows(conn, ring, &rows)?;
    Ok(Some(Page { entrypoint, records, total }))
}

/// The live customers with ids below one, newest first: a slice of a longer answer.
///
/// # Errors
/// The database's.
pub(super) fn slice(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    below: i64,
    limit: i64,
) -> Result<Vec<Stored>, StoreError> {
    let rows: Vec<CustomerRow> = on!(conn, |c| customer::table
        .filter(customer::entrypoint_id.eq(entrypoint_id))
        .filter(customer::status.ne(Status::Deleted.code()))
        .filter(customer::customer_id.lt(below))
        .order(customer::customer_id.desc())
        .limit(limit)
        .select(CustomerRow::as_select())
        .load(c))?;
    open_rows(conn, ring, &rows)
}

fn open_rows(conn: &mut Conn, ring: &KeyRing, rows: &[CustomerRow]) -> Result<Vec<Stored>, StoreError> {
    rows.iter()
        .map(|row| {
            let key = ring.data_key(conn, row.key_id)?;
            row.open(&key)
        })
        .collect()
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

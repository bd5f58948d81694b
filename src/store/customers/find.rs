//! Reads of customers: one by id, several by id, a history.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt};

use super::load::{customer_rows, version_of};
use super::record_cache::{self, OpenedRecord, RecordCache};
use super::rows::{CustomerRow, Versioned, VersionedColumns, whole};
use crate::domain::customers::history::{FieldChange, difference};
use crate::domain::customers::identifier::reference_key;
use crate::domain::customers::record::{Customer, Stored};
use crate::domain::entrypoints::Entrypoint;
use crate::domain::kernel::time::Micros;
use crate::domain::references::Reference;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::prepared::ask;
use crate::store::engine::reader::Results;
use crate::store::engine::schema::history;
use crate::store::entrypoints::lock_row::read_lock_row;
use crate::store::events;
use crate::store::index::digests::{self, Customers};
use crate::store::keys::keyring::KeyRing;

/// A customer with its entrypoint, read from one state of the database.
#[derive(Debug, Clone)]
pub struct Found {
    /// The record.
    pub record: Arc<OpenedRecord>,
    /// Its entrypoint.
    pub entrypoint: Arc<Entrypoint>,
    /// Whether it has transactions.
    pub has_money: bool,
}

ask! {
    /// Several customers; one look-up each.
    fn several<'a> of PgConnection(
        concat!(
            "SELECT ", customer_columns!(), ", ", newest_version!(), ", ", settings_version!(), ", ", transactions!(),
            " FROM unnest("
        ),
        places: &'a [i64] as Array<BigInt>,
        ", ", ids: &'a [i64] as Array<BigInt>;
        ") AS w (place, id) CROSS JOIN LATERAL (SELECT * FROM customer WHERE entrypoint_id = w.place \
         AND customer_id = w.id OFFSET 0) AS c"
    ) -> Versioned as VersionedColumns
}

/// A customer of an entrypoint, read in one statement without a transaction.
///
/// # Errors
/// Database errors; [`StoreError::Corrupt`] if somebody tampered with the record.
pub(crate) fn find(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    id: i64,
) -> Result<Option<Found>, StoreError> {
    let Some(found) = whole(conn, id, entrypoint_id)?.pop() else { return Ok(None) };
    let entrypoint = checked(conn, ring, &found)?;
    let record = record_cache::open(conn, ring, &found.0)?;
    Ok(Some(Found { record, entrypoint, has_money: found.3.is_some() }))
}

/// The live customer of an entrypoint with a reference. It reads in one snapshot, so that a rotation does not move the
/// customer meanwhile.
///
/// # Errors
/// Same as [`find`].
pub(crate) fn find_by_reference(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    reference: &Reference,
) -> Result<Option<Found>, StoreError> {
    let Some(lock_row) = read_lock_row(conn, entrypoint_id)? else { return Ok(None) };
    let keys = lock_row.keys(conn, ring)?;
    let key = reference_key(&reference.system, &reference.external_id);
    let digests: Vec<Vec<u8>> = keys.all().map(|index| index.digest(&key)).collect();
    for id in digests::find::<Customers>(conn, entrypoint_id, &digests)?.into_values().flatten() {
        let Some(found) = find(conn, ring, entrypoint_id, id)? else { continue };
        let customer = &found.record.stored.customer;
        if !customer.is_deleted() && key.is_of(customer) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The entrypoint of a customer, after a check that the row is the newest version.
///
/// # Errors
/// Same as [`find`].
pub(super) fn checked(
    conn: &mut Conn,
    ring: &KeyRing,
    (row, version, settings_version, _): &Versioned,
) -> Result<Arc<Entrypoint>, StoreError> {
    row.must_be_newest(*version)?;
    let settings_version =
        settings_version.ok_or_else(|| StoreError::Bug("a customer has no entrypoint".into()))?;
    ring.directory.at(conn, row.entrypoint_id, settings_version)
}

/// Customers by entrypoint and id, in the order given. PostgreSQL reads all in one statement and so saves round trips.
/// No transaction is needed.
pub(crate) fn find_each(
    conn: &mut Conn,
    ring: &KeyRing,
    record_cache: &RecordCache,
    places: &[(i64, i64)],
) -> Result<Results<Option<Found>>, StoreError> {
    let tell = |conn: &mut Conn, found: Option<&Versioned>| {
        let Some(found) = found else { return Ok(None) };
        let entrypoint = checked(conn, ring, found)?;
        let record = record_cache.open(conn, ring, &found.0)?;
        Ok(Some(Found { record, entrypoint, has_money: found.3.is_some() }))
    };
    let (Conn::Postgres(c), [_, _, ..]) = (&mut *conn, places) else {
        let mut one = |(entrypoint_id, id): &(i64, i64)| {
            let found = whole(conn, *id, *entrypoint_id)?.pop();
            tell(conn, found.as_ref())
        };
        return places.iter().map(|place| of_one(one(place))).collect();
    };
    let mut asked = places.to_vec();
    asked.sort_unstable();
    asked.dedup();
    let (in_places, ids): (Vec<i64>, Vec<i64>) = asked.into_iter().unzip();
    let customers: HashMap<(i64, i64), Versioned> = several(c, &in_places, &ids)?
        .into_iter()
        .map(|found| ((found.0.entrypoint_id, found.0.customer_id), found))
        .collect();
    places.iter().map(|place| of_one(tell(conn, customers.get(place)))).collect()
}

type OneResult = Result<Option<Found>, StoreError>;

/// An error of the connection is an error of all; any other error belongs to one customer.
fn of_one(found: OneResult) -> Result<OneResult, StoreError> {
    match found {
        Err(error) if error.is_of_connection() => Err(error),
        found => Ok(found),
    }
}

/// One entry of a customer's history: a version of the record, or a change of what hangs on it.
#[derive(Debug, Clone)]
pub struct HistoryEntry {
    /// The version that the change made; `None` where the record itself did not change.
    pub version: Option<i64>,
    /// The time of the change.
    pub at: Micros,
    /// The operation, or the kind of the event.
    pub operation: String,
    /// The id of what hangs on the customer and changed.
    pub subject_id: Option<String>,
    /// The name of the token that made the change.
    pub token_name: String,
    /// The id of the token that made the change.
    pub token_jti: String,
    /// The changed fields with their values before and after; empty after an erasure. An event has no values.
    pub changes: Vec<FieldChange>,
}

/// Which entries of a history are wanted.
#[derive(Debug, Clone)]
pub struct HistoryPage {
    /// How many of the newest entries to pass over.
    pub skip: i64,
    /// How many to read.
    pub limit: i64,
    /// The kinds of events that stand among them.
    pub kinds: Vec<&'static str>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = history)]
struct EntryRow {
    version: i64,
    seq: i64,
    at_us: i64,
    operation: String,
    token_name: String,
    token_jti: String,
    document_before: Option<Vec<u8>>,
    key_id_before: Option<i64>,
}

/// Entries of a customer's history, newest first, and the total number.
///
/// # Errors
/// Database errors; [`StoreError::Corrupt`].
pub(crate) fn entries(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    id: i64,
    page: &HistoryPage,
) -> Result<Option<(Vec<HistoryEntry>, i64)>, StoreError> {
    let Some(row) = customer_rows(conn, entrypoint_id, &[id])?.pop() else { return Ok(None) };
    let key = ring.data_key(conn, row.key_id)?;
    let current = row.open(&key)?;
    let most = page.skip.saturating_add(page.limit);
    let (events, count) = events::newest(conn, (entrypoint_id, id), &page.kinds, most)?;
    let versions: Vec<(i64, i64)> = on!(conn, |c| history::table
        .filter(history::entrypoint_id.eq(entrypoint_id))
        .filter(history::customer_id.eq(id))
        .filter(history::version.le(row.version))
        .order(history::version.desc())
        .limit(most)
        .select((history::seq, history::version))
        .load(c))?;
    // Both are the newest of their kind, so the newest of all are among them. Numbers grow with the versions.
    let events = events.into_iter().map(|seq| (seq, None));
    let mut all: Vec<(i64, Option<i64>)> =
        versions.into_iter().map(|(seq, version)| (seq, Some(version))).chain(events).collect();
    all.sort_unstable_by_key(|(seq, _)| Reverse(*seq));
    let skip = usize::try_from(page.skip).unwrap_or(usize::MAX);
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let wanted: Vec<(i64, Option<i64>)> = all.into_iter().skip(skip).take(limit).collect();
    let numbers: Vec<i64> =
        wanted.iter().filter(|(_, version)| version.is_none()).map(|(seq, _)| *seq).collect();
    let mut entries: Vec<(i64, HistoryEntry)> =
        events::read(conn, entrypoint_id, &numbers)?.into_iter().map(of_event).collect();
    let mut wanted_versions = wanted.iter().filter_map(|(_, version)| *version);
    if let Some(newest) = wanted_versions.next() {
        let oldest = wanted_versions.next_back().unwrap_or(newest);
        entries.extend(revisions(conn, ring, (&row, &current), oldest..=newest)?);
    }
    entries.sort_by_key(|(seq, _)| Reverse(*seq));
    Ok(Some((entries.into_iter().map(|(_, entry)| entry).collect(), row.version + count)))
}

fn of_event(event: events::Logged) -> (i64, HistoryEntry) {
    let change = |field| FieldChange { field, from: None, to: None };
    let entry = HistoryEntry {
        version: None,
        at: event.at,
        operation: event.kind,
        subject_id: event.subject_id,
        token_name: event.actor.name,
        token_jti: event.actor.jti,
        changes: event.changed.into_iter().map(change).collect(),
    };
    (event.seq, entry)
}

/// The names of the fields that a version changed; none of an erased person.
///
/// # Errors
/// Database errors; [`StoreError::Corrupt`].
pub(super) fn changed_fields(
    conn: &mut Conn,
    ring: &KeyRing,
    (entrypoint_id, id): (i64, i64),
    version: i64,
) -> Result<Vec<String>, StoreError> {
    let Some(row) = customer_rows(conn, entrypoint_id, &[id])?.pop() else { return Ok(Vec::new()) };
    let current = row.open(&*ring.data_key(conn, row.key_id)?)?;
    let entries = revisions(conn, ring, (&row, &current), version..=version)?;
    let changes = entries.into_iter().flat_map(|(_, entry)| entry.changes);
    Ok(changes.map(|change| change.field).collect())
}

/// The versions of a record in a range, newest first, each with its number among all changes.
fn revisions(
    conn: &mut Conn,
    ring: &KeyRing,
    (row, current): (&CustomerRow, &Stored),
    versions: RangeInclusive<i64>,
) -> Result<Vec<(i64, HistoryEntry)>, StoreError> {
    let rows: Vec<EntryRow> = on!(conn, |c| history::table
        .filter(history::entrypoint_id.eq(row.entrypoint_id))
        .filter(history::customer_id.eq(row.customer_id))
        .filter(history::version.between(*versions.start(), *versions.end()))
        .order(history::version.desc())
        .select(EntryRow::as_select())
        .load(c))?;
    let newest = *versions.end();
    // The state after the newest entry of the page: the record itself, or the image in the next newer entry.
    let mut after: Option<Customer> = if newest == row.version {
        Some(current.customer.clone())
    } else {
        version_of(conn, ring, row, newest)?.map(|stored| stored.customer)
    };
    let mut entries = Vec::with_capacity(rows.len());
    for entry in rows {
        let image = (entry.document_before, entry.key_id_before);
        let before = row.open_image(conn, ring, entry.version - 1, image)?;
        // An erased person has no values to compare.
        let changes = match &after {
            Some(after) if !current.erased => difference(before.as_ref(), after),
            _ => Vec::new(),
        };
        entries.push((
            entry.seq,
            HistoryEntry {
                version: Some(entry.version),
                at: Micros(entry.at_us),
                operation: entry.operation,
                subject_id: None,
                token_name: entry.token_name,
                token_jti: entry.token_jti,
                changes,
            },
        ));
        after = before;
    }
    Ok(entries)
}

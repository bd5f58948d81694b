//! Who has which identity digest.
//!
//! On PostgreSQL each is a row of `identity_digest`, which has an index of hashes. On SQLite it becomes one a little
//! later: digests fall anywhere in that table, so each would cost its commit a page of its own, which was two thirds
//! of what a batch of creates wrote. A write appends its digests to `recent_digest`, packed; every connection keeps
//! those of that table in memory ([`Recent`]) and looks in both. Once there are many, each write also moves twice as
//! many as it brings, neighbours at a time.
//!
//! Memory may hold digests that are gone: like all of this, it only proposes customers, who are opened and compared.
//! It must lack none. Rows of `recent_digest` have growing numbers that are never used twice, except for those of a
//! transaction that was rolled back; [`Recent`] is emptied then, and read anew.

mod recent;

use std::collections::{BTreeSet, HashMap};

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary};

use self::recent::{DigestEntry, Recent};

use crate::store::engine::conn::Conn;
use crate::store::engine::error::StoreError;
use crate::store::engine::prepared::{ask, ask_postgres, insert};
use crate::store::engine::schema::{customer, idempotency as idempotency_record, identity_digest};
use crate::store::idempotency;

/// The most customers that one statement asks for.
const ASKED_MAX: usize = 500;

/// A row of `identity_digest`. Below 0 its entrypoint is an [`idempotency::place`], and its customer an outcome.
#[derive(Debug)]
pub(crate) struct DigestRow {
    pub entrypoint_id: i64,
    pub digest: Vec<u8>,
    pub customer_id: i64,
}

insert! {
    /// Inserts into `identity_digest`; what is moved again after a crash is there already.
    pub(crate) fn insert_settled(&[DigestRow]) by NewDigests, "INSERT OR IGNORE" "identity_digest" "",
    entrypoint_id: i64 as BigInt,
    digest: Vec<u8> as Binary,
    customer_id: i64 as BigInt,
}

ask_postgres! {
    /// Who has some digests. One look-up each: an index of hashes does not know "= ANY".
    owners<'a>(
        "SELECT w.digest, d.customer_id FROM unnest(", digests: &'a [Vec<u8>] as Array<Binary>,
        ") AS w (digest) CROSS JOIN LATERAL (SELECT customer_id FROM identity_digest WHERE entrypoint_id = ",
        entrypoint_id: i64 as BigInt;
        " AND digest = w.digest OFFSET 0) AS d"
    ) -> (Vec<u8>, i64) as (Binary, BigInt)
}

ask_postgres! {
    /// Removes digests of some customers; whose they were.
    remove_settled<'a>(
        "DELETE FROM identity_digest d USING unnest(", digests: &'a [Vec<u8>] as Array<Binary>,
        ", ", ids: &'a [i64] as Array<BigInt>,
        ") AS w (digest, customer_id) WHERE d.digest = w.digest AND d.customer_id = w.customer_id \
         AND d.entrypoint_id = ", entrypoint_id: i64 as BigInt;
        " RETURNING d.customer_id"
    ) -> i64 as BigInt
}

ask! {
    /// Who has a settled digest.
    fn owners_of<'a>(
        "SELECT customer_id FROM identity_digest WHERE entrypoint_id = ", entrypoint_id: i64 as BigInt,
        " AND digest = ", digest: &'a [u8] as Binary;
        ""
    ) -> i64 as BigInt
}

/// Who may have some digests.
///
/// # Errors
/// The database's.
pub(crate) fn find(
    conn: &mut Conn,
    entrypoint_id: i64,
    digests: &[Vec<u8>],
) -> Result<HashMap<Vec<u8>, Vec<i64>>, StoreError> {
    let mut found: HashMap<Vec<u8>, Vec<i64>> = HashMap::new();
    if digests.is_empty() {
        return Ok(found);
    }
    match conn {
        Conn::Postgres(c) => {
            for (digest, customer_id) in owners(c, digests, entrypoint_id)? {
                found.entry(digest).or_default().push(customer_id);
            }
            return Ok(found);
        }
        // Before the other table is looked at: what is moved meanwhile is found there.
        Conn::Sqlite(c, memory) => memory.of::<Recent>()?.learn(c)?,
    }
    for digest in digests {
        let mut ids = owners_of(conn, entrypoint_id, digest)?;
        if let (Conn::Sqlite(_, memory), Ok(digest)) = (&mut *conn, digest.as_slice().try_into()) {
            ids.extend(memory.of::<Recent>()?.owners(entrypoint_id, digest));
        }
        if !ids.is_empty() {
            found.insert(digest.clone(), ids);
        }
    }
    Ok(found)
}

/// Adds digests of one entrypoint.
///
/// # Errors
/// The database's.
pub(crate) fn add(conn: &mut Conn, entrypoint_id: i64, rows: &[DigestRow]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    if let Conn::Postgres(_) = conn {
        return Ok(insert_settled(conn, rows)?);
    }
    recent::append(conn, entrypoint_id, rows)
}

/// Removes digests of one entrypoint wherever they are.
///
/// # Errors
/// The database's.
pub(crate) fn remove(conn: &mut Conn, entrypoint_id: i64, rows: &[DigestRow]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let (c, recent) = match conn {
        Conn::Postgres(c) => {
            let digests: Vec<Vec<u8>> = rows.iter().map(|row| row.digest.clone()).collect();
            let ids: Vec<i64> = rows.iter().map(|row| row.customer_id).collect();
            remove_settled(c, &digests, &ids, entrypoint_id)?;
            return Ok(());
        }
        Conn::Sqlite(c, memory) => (c, memory.of::<Recent>()?),
    };
    for row in rows {
        diesel::delete(identity_digest::table.find((row.entrypoint_id, &row.digest, row.customer_id)))
            .execute(c)?;
    }
    recent.remove(c, entrypoint_id, rows)
}

/// How many recent digests belong to no live customer and to no outcome: none, unless something is broken.
///
/// # Errors
/// The database's.
pub(crate) fn orphans(conn: &mut Conn) -> Result<i64, StoreError> {
    let Conn::Sqlite(c, memory) = conn else { return Ok(0) };
    let entries = memory.of::<Recent>()?.all(c)?;
    let place = |(entrypoint_id, _, customer_id): &DigestEntry| (*entrypoint_id, *customer_id);
    let mut orphans: BTreeSet<(i64, i64)> = entries.iter().map(place).collect();
    let (outcomes, customers): (Vec<_>, Vec<_>) =
        orphans.iter().copied().partition(|(entrypoint_id, _)| *entrypoint_id < 0);
    for outcomes in outcomes.chunks(ASKED_MAX) {
        let kept: Vec<(i64, i64)> = idempotency_record::table
            .filter(idempotency_record::outcome_id.eq_any(outcomes.iter().map(|(_, outcome_id)| *outcome_id)))
            .select((idempotency_record::entrypoint_id, idempotency_record::outcome_id))
            .load(c)?;
        for (entrypoint_id, outcome_id) in kept {
            orphans.remove(&(idempotency::place(entrypoint_id), outcome_id));
        }
    }
    for customers in customers.chunks(ASKED_MAX) {
        let ids = customers.iter().map(|(_, customer_id)| *customer_id);
        let live: Vec<(i64, i64)> = customer::table
            .filter(customer::customer_id.eq_any(ids))
            .filter(customer::status.ne(-99))
            .select((customer::entrypoint_id, customer::customer_id))
            .load(c)?;
        for place in live {
            orphans.remove(&place);
        }
    }
    let orphans = entries.iter().filter(|entry| orphans.contains(&place(entry))).count();
    Ok(i64::try_from(orphans).unwrap_or(i64::MAX))
}

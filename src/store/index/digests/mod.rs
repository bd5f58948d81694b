//! Finds owners by digest: customers by their identifiers, and on SQLite idempotency records by their keys.
//!
//! On PostgreSQL each identity digest is a row of `identity_digest`, which has a hash index. On SQLite it becomes one
//! a little later. Digests are random, so each would dirty a page of that table, which was about 67 % of what a batch
//! of creates wrote. A write therefore appends its digests, packed, to a table of recent ones. Every connection keeps
//! those in memory ([`recent::Recent`]) and looks in both. Once there are many, each write also moves twice as many
//! as it adds, in the order of the other table. The code serves two pairs of tables ([`recent::Tables`]).
//!
//! Memory may hold digests that were removed: it only proposes owners, and the caller opens and compares them.
//! It must not miss any. Rows of recent digests have growing numbers, and only a rollback lets a number be used
//! again; the connection then clears its memory and reads the rows again.

mod recent;

use std::collections::{BTreeSet, HashMap};

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary};

pub(crate) use self::recent::{Customers, Records, Tables};

use crate::store::engine::conn::Conn;
use crate::store::engine::error::StoreError;
use crate::store::engine::prepared::{ask, new_row};
use crate::store::engine::schema::{customer, idempotency as idempotency_record};

/// The most owners in one statement.
const ASKED_MAX: usize = 500;

new_row! {
    /// A row of a table of digests. SQLite ignores rows that exist, because a move after a crash inserts them again.
    #[derive(Debug)]
    pub(crate) struct DigestRow of "identity_digest":
    "INSERT OR IGNORE", fn insert_settled by NewDigests;
    entrypoint_id: i64 as BigInt,
    digest: Vec<u8> as Binary,
    /// The customer, or the idempotency record.
    customer_id: i64 as BigInt,
}

ask! {
    /// The owners of digests. It looks each up by itself: a hash index does not support "= ANY".
    fn owners<'a> of PgConnection(
        "SELECT w.digest, d.customer_id FROM unnest(", digests: &'a [Vec<u8>] as Array<Binary>,
        ") AS w (digest) CROSS JOIN LATERAL (SELECT customer_id FROM identity_digest WHERE entrypoint_id = ",
        entrypoint_id: i64 as BigInt;
        " AND digest = w.digest OFFSET 0) AS d"
    ) -> (Vec<u8>, i64) as (Binary, BigInt)
}

ask! {
    /// Removes digests of customers, and returns these.
    fn remove_settled<'a> of PgConnection(
        "DELETE FROM identity_digest d USING unnest(", digests: &'a [Vec<u8>] as Array<Binary>,
        ", ", ids: &'a [i64] as Array<BigInt>,
        ") AS w (digest, customer_id) WHERE d.digest = w.digest AND d.customer_id = w.customer_id \
         AND d.entrypoint_id = ", entrypoint_id: i64 as BigInt;
        " RETURNING d.customer_id"
    ) -> i64 as BigInt
}

/// The owners that each digest may have.
pub(crate) fn find<T: Tables>(
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
        // It reads the recent digests first: those moved meanwhile are then in the other table.
        Conn::Sqlite(c, memory) => T::recent(memory)?.learn::<T>(c)?,
    }
    for digest in digests {
        let mut ids = T::owners_of(conn, entrypoint_id, digest)?;
        if let (Conn::Sqlite(_, memory), Ok(digest)) = (&mut *conn, digest.as_slice().try_into()) {
            ids.extend(T::recent(memory)?.owners(entrypoint_id, digest));
        }
        if !ids.is_empty() {
            found.insert(digest.clone(), ids);
        }
    }
    Ok(found)
}

/// Adds digests of an entrypoint.
pub(crate) fn add<T: Tables>(
    conn: &mut Conn,
    entrypoint_id: i64,
    rows: &[DigestRow],
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    if let Conn::Postgres(_) = conn {
        return Ok(insert_settled(conn, rows)?);
    }
    recent::append::<T>(conn, entrypoint_id, rows)
}

/// Removes digests of an entrypoint from both tables.
pub(crate) fn remove<T: Tables>(
    conn: &mut Conn,
    entrypoint_id: i64,
    rows: &[DigestRow],
) -> Result<(), StoreError> {
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
        Conn::Sqlite(c, memory) => (c, T::recent(memory)?),
    };
    for row in rows {
        T::delete_settled(c, row)?;
    }
    recent.remove::<T>(c, entrypoint_id, rows)
}

/// How many recent digests belong to no live customer and no idempotency record. In a sound database there are none.
pub(crate) fn orphans(conn: &mut Conn) -> Result<i64, StoreError> {
    let Conn::Sqlite(c, memory) = conn else { return Ok(0) };
    let customers = Customers::recent(memory)?.orphans::<Customers>(c, |c, ids| {
        customer::table
            .filter(customer::customer_id.eq_any(ids))
            .filter(customer::status.ne(-99))
            .select((customer::entrypoint_id, customer::customer_id))
            .load(c)
    })?;
    let records = Records::recent(memory)?.orphans::<Records>(c, |c, ids| {
        idempotency_record::table
            .filter(idempotency_record::record_id.eq_any(ids))
            .select((idempotency_record::entrypoint_id, idempotency_record::record_id))
            .load(c)
    })?;
    Ok(i64::try_from(customers + records).unwrap_or(i64::MAX))
}

impl recent::Known {
    /// How many digests have no owner; `there` returns which of the given owners exist.
    fn orphans<T: Tables>(
        &mut self,
        c: &mut SqliteConnection,
        there: impl Fn(&mut SqliteConnection, &[i64]) -> QueryResult<Vec<(i64, i64)>>,
    ) -> Result<usize, StoreError> {
        let entries = self.all::<T>(c)?;
        let mut orphans: BTreeSet<(i64, i64)> =
            entries.iter().map(|(entrypoint_id, _, owner)| (*entrypoint_id, *owner)).collect();
        let owners: Vec<i64> = orphans.iter().map(|(_, owner)| *owner).collect();
        for some in owners.chunks(ASKED_MAX) {
            for owner in there(c, some)? {
                orphans.remove(&owner);
            }
        }
        Ok(entries.iter().filter(|(place, _, owner)| orphans.contains(&(*place, *owner))).count())
    }
}

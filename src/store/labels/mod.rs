//! The labels of an entrypoint, with how many live customers have each. `customers::save` counts them in the transaction of
//! each change. A label is found by a keyed hash, and its name is sealed under the entrypoint's key.

pub(crate) mod sealed;
mod work;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Binary};
use diesel::sqlite::Sqlite;

pub use self::work::{LabelLease, LabelReport};

use super::Labels;
use super::engine::conn::{Conn, on};
use super::engine::error::StoreError;
use super::engine::schema::label;
use super::keys::index_keys::IndexKeys;
use super::keys::keyring::{ENTRYPOINT_SALT, KeyRing};
use crate::vault::{Ad, DataKey};

/// A row of `label`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = label)]
struct LabelRow {
    entrypoint_id: i64,
    digest: Vec<u8>,
    key_id: i64,
    name: Vec<u8>,
    customers: i64,
}

/// The hash by which a label is found.
fn digest(key: &DataKey, name: &str) -> Vec<u8> {
    key.labels().digest(name.as_bytes()).to_vec()
}

impl LabelRow {
    fn new(entrypoint_id: i64, key: &DataKey, name: &str, customers: i64) -> Result<LabelRow, StoreError> {
        let mut row = LabelRow {
            entrypoint_id,
            digest: digest(key, name),
            key_id: key.id,
            name: Vec::new(),
            customers,
        };
        row.name = key.seal_key(ENTRYPOINT_SALT)?.seal(&row.ad(), name.as_bytes())?;
        Ok(row)
    }

    /// Binds the name to its place.
    fn ad(&self) -> Ad {
        Ad::new("label", &[self.entrypoint_id, self.key_id]).and(&self.digest)
    }

    fn open(&self, conn: &mut Conn, ring: &KeyRing) -> Result<String, StoreError> {
        let corrupt =
            |_| StoreError::Corrupt(format!("a label of entrypoint {} does not open", self.entrypoint_id));
        let key = ring.data_key(conn, self.key_id)?;
        let plain = key.seal_key(ENTRYPOINT_SALT)?.open(&self.ad(), &self.name).map_err(corrupt)?;
        Ok(String::from_utf8_lossy(&plain).into_owned())
    }
}

/// Adds to the number of customers of some labels, under the entrypoint's lock.
///
/// # Errors
/// The database's.
pub(crate) fn grow(
    conn: &mut Conn,
    entrypoint_id: i64,
    keys: &IndexKeys,
    growth: &BTreeMap<&str, i64>,
) -> Result<(), StoreError> {
    if growth.is_empty() {
        return Ok(());
    }
    let new = &keys.new.key;
    let mut rows = Vec::with_capacity(growth.len());
    for (name, number) in growth {
        rows.push(LabelRow::new(entrypoint_id, new, name, *number)?);
    }
    if let Some(old) = &keys.old {
        // A rotation has not reached these labels.
        for (row, name) in rows.iter_mut().zip(growth.keys()) {
            row.customers += take(conn, entrypoint_id, &digest(&old.key, name))?;
        }
    }
    rows.sort_by(|a, b| a.digest.cmp(&b.digest));
    add(conn, entrypoint_id, &rows)?;
    if growth.values().any(|number| *number < 0) {
        let digests: Vec<&[u8]> = rows.iter().map(|row| row.digest.as_slice()).collect();
        on!(conn, |c| diesel::delete(
            label::table
                .filter(label::entrypoint_id.eq(entrypoint_id))
                .filter(label::digest.eq_any(digests))
                .filter(label::customers.le(0)),
        )
        .execute(c))?;
    }
    Ok(())
}

/// Removes the row of a label; its number of customers, 0 if there is none.
fn take(conn: &mut Conn, entrypoint_id: i64, digest: &[u8]) -> Result<i64, StoreError> {
    let row = label::table.find((entrypoint_id, digest));
    let number: Option<i64> = on!(conn, |c| row.select(label::customers).first(c).optional())?;
    let Some(number) = number else { return Ok(0) };
    on!(conn, |c| diesel::delete(row).execute(c))?;
    Ok(number)
}

const INSERT: &str = "INSERT INTO label (entrypoint_id, digest, key_id, name, customers) ";
const OR_ADD: &str =
    " ON CONFLICT (entrypoint_id, digest) DO UPDATE SET customers = label.customers + excluded.customers";

/// Adds the numbers of some rows to those in the table: in one statement on PostgreSQL, row by row on SQLite.
fn add(conn: &mut Conn, entrypoint_id: i64, rows: &[LabelRow]) -> Result<(), StoreError> {
    match conn {
        Conn::Sqlite(c, _) => {
            for row in rows {
                One(row).execute(c)?;
            }
        }
        Conn::Postgres(c) => {
            All::of(entrypoint_id, rows).execute(c)?;
        }
    }
    Ok(())
}

struct One<'a>(&'a LabelRow);

impl QueryId for One<'_> {
    type QueryId = One<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<C> RunQueryDsl<C> for One<'_> {}

impl QueryFragment<Sqlite> for One<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql(INSERT);
        out.push_sql("VALUES (");
        out.push_bind_param::<BigInt, _>(&self.0.entrypoint_id)?;
        out.push_sql(", ");
        out.push_bind_param::<Binary, _>(&self.0.digest)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(&self.0.key_id)?;
        out.push_sql(", ");
        out.push_bind_param::<Binary, _>(&self.0.name)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(&self.0.customers)?;
        out.push_sql(")");
        out.push_sql(OR_ADD);
        Ok(())
    }
}

struct All<'a> {
    entrypoint_id: i64,
    digests: Vec<&'a [u8]>,
    key_ids: Vec<i64>,
    names: Vec<&'a [u8]>,
    customers: Vec<i64>,
}

impl<'a> All<'a> {
    fn of(entrypoint_id: i64, rows: &'a [LabelRow]) -> All<'a> {
        All {
            entrypoint_id,
            digests: rows.iter().map(|row| row.digest.as_slice()).collect(),
            key_ids: rows.iter().map(|row| row.key_id).collect(),
            names: rows.iter().map(|row| row.name.as_slice()).collect(),
            customers: rows.iter().map(|row| row.customers).collect(),
        }
    }
}

impl QueryId for All<'_> {
    type QueryId = All<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<C> RunQueryDsl<C> for All<'_> {}

impl QueryFragment<Pg> for All<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(INSERT);
        out.push_sql("SELECT ");
        out.push_bind_param::<BigInt, _>(&self.entrypoint_id)?;
        out.push_sql(", unnest(");
        out.push_bind_param::<Array<Binary>, _>(&self.digests)?;
        out.push_sql("), unnest(");
        out.push_bind_param::<Array<BigInt>, _>(&self.key_ids)?;
        out.push_sql("), unnest(");
        out.push_bind_param::<Array<Binary>, _>(&self.names)?;
        out.push_sql("), unnest(");
        out.push_bind_param::<Array<BigInt>, _>(&self.customers)?;
        out.push_sql(")");
        out.push_sql(OR_ADD);
        Ok(())
    }
}

/// All labels of an entrypoint with the number of their customers: the most frequent first, then by name.
///
/// # Errors
/// [`StoreError::Corrupt`] for a label that does not open; the database's.
pub(crate) fn all(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
) -> Result<Vec<(String, i64)>, StoreError> {
    let rows: Vec<LabelRow> = on!(conn, |c| label::table
        .filter(label::entrypoint_id.eq(entrypoint_id))
        .select(LabelRow::as_select())
        .load(c))?;
    let mut labels = Vec::with_capacity(rows.len());
    for row in rows {
        labels.push((row.open(conn, ring)?, row.customers));
    }
    labels.sort_by(|a, b| (Reverse(a.1), &a.0).cmp(&(Reverse(b.1), &b.0)));
    Ok(labels)
}

impl Labels<'_> {
    /// All labels of an entrypoint with the number of their customers: the most frequent first, then by name.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for a label that does not open; the database's.
    pub async fn all(self, entrypoint_id: i64) -> Result<Vec<(String, i64)>, StoreError> {
        self.0.read(move |conn, ring| all(conn, ring, entrypoint_id)).await
    }
}

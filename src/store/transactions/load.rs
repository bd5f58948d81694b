//! Reads transactions, and what they need of their customers, many in a statement.

use std::collections::HashMap;

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Integer, Nullable, Text};

use super::rows::{TransactionColumns, TransactionRow};
use crate::domain::customers::record::Status;
use crate::domain::decide::ledger::Payer;
use crate::domain::kernel::money::Money;
use crate::domain::transactions::Transaction;
use crate::domain::transactions::id::TransId;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::prepared::ask;
use crate::store::engine::schema::{customer, transaction};
use crate::store::keys::keyring::{ENTRYPOINT_SALT, KeyRing};
use crate::vault::SealKey;

/// How many values one statement on SQLite names.
const CHUNK: usize = 500;

/// What transactions need of their customer.
#[derive(Debug, Clone, Queryable)]
pub(crate) struct PayerRow {
    pub customer_id: i64,
    pub status: i32,
    /// `None` once the person is erased.
    pub salt: Option<Vec<u8>>,
    /// The stage of the customer's life.
    pub lifecycle: String,
}

impl PayerRow {
    /// How the customer stands.
    pub(crate) fn payer(&self) -> Payer {
        match (&self.salt, self.status) {
            (None, _) => Payer::Erased,
            (_, status) if status == Status::Deleted.code() => Payer::Deleted,
            _ => Payer::Live,
        }
    }
}

ask! {
    /// Some customers; one look-up each.
    fn payers_of<'a> of PgConnection(
        "SELECT c.customer_id, c.status, c.salt, c.lifecycle FROM unnest(", ids: &'a [i64] as Array<BigInt>,
        ") AS w (id) CROSS JOIN LATERAL (SELECT * FROM customer WHERE entrypoint_id = ", entrypoint_id: i64 as BigInt;
        " AND customer_id = w.id OFFSET 0) AS c"
    ) -> (i64, i32, Option<Vec<u8>>, String) as (BigInt, Integer, Nullable<Binary>, Text)
}

ask! {
    /// Some transactions; one look-up each. The sum keeps the planner from an index that begins with the entrypoint.
    fn by_digest<'a> of PgConnection(
        concat!("SELECT ", transaction_columns!(), " FROM unnest("), digests: &'a [Vec<u8>] as Array<Binary>,
        ") AS w (digest) CROSS JOIN LATERAL (SELECT * FROM \"transaction\" WHERE entrypoint_id + 0 = ",
        entrypoint_id: i64 as BigInt;
        " AND digest = w.digest OFFSET 0) AS t"
    ) -> TransactionRow as TransactionColumns
}

ask! {
    /// What pays some transactions back; one look-up each.
    fn by_refund<'a> of PgConnection(
        concat!("SELECT ", transaction_columns!(), " FROM unnest("), digests: &'a [Vec<u8>] as Array<Binary>,
        ") AS w (digest) CROSS JOIN LATERAL (SELECT * FROM \"transaction\" WHERE entrypoint_id + 0 = ",
        entrypoint_id: i64 as BigInt;
        " AND refund_of = w.digest OFFSET 0) AS t"
    ) -> TransactionRow as TransactionColumns
}

/// The transactions of an entrypoint with some digests.
///
/// # Errors
/// The database's.
pub(crate) fn found(
    conn: &mut Conn,
    entrypoint_id: i64,
    digests: &[Vec<u8>],
) -> Result<Vec<TransactionRow>, StoreError> {
    let c = match conn {
        Conn::Postgres(c) if digests.is_empty() => return Ok(Vec::new()),
        Conn::Postgres(c) => return Ok(by_digest(c, digests, entrypoint_id)?),
        Conn::Sqlite(c, _) => c,
    };
    let mut rows = Vec::new();
    for chunk in digests.chunks(CHUNK) {
        let more: Vec<TransactionRow> = transaction::table
            .filter(transaction::entrypoint_id.eq(entrypoint_id))
            .filter(transaction::digest.eq_any(chunk))
            .select(TransactionRow::as_select())
            .load(c)?;
        rows.extend(more);
    }
    Ok(rows)
}

/// What pays back the transactions of an entrypoint with some digests.
///
/// # Errors
/// The database's.
pub(crate) fn paid_back(
    conn: &mut Conn,
    entrypoint_id: i64,
    digests: &[Vec<u8>],
) -> Result<Vec<TransactionRow>, StoreError> {
    let c = match conn {
        Conn::Postgres(_) if digests.is_empty() => return Ok(Vec::new()),
        Conn::Postgres(c) => return Ok(by_refund(c, digests, entrypoint_id)?),
        Conn::Sqlite(c, _) => c,
    };
    let mut rows = Vec::new();
    for chunk in digests.chunks(CHUNK) {
        let more: Vec<TransactionRow> = transaction::table
            // The sum keeps the planner from the primary key.
            .filter((transaction::entrypoint_id + 0_i64).eq(entrypoint_id))
            .filter(transaction::refund_of.eq_any(chunk.iter().map(Some)))
            .select(TransactionRow::as_select())
            .load(c)?;
        rows.extend(more);
    }
    Ok(rows)
}

ask! {
    /// How many pay some transactions back; one count each.
    fn counted_by_refund<'a> of PgConnection(
        "SELECT w.digest, c.number FROM unnest(", digests: &'a [Vec<u8>] as Array<Binary>,
        ") AS w (digest) CROSS JOIN LATERAL (SELECT count(*) AS number FROM \"transaction\" WHERE entrypoint_id + 0 = ",
        entrypoint_id: i64 as BigInt;
        " AND refund_of = w.digest OFFSET 0) AS c"
    ) -> (Vec<u8>, i64) as (Binary, BigInt)
}

/// How many pay back the transactions of an entrypoint with some digests; those that nothing pays back may be left out.
///
/// # Errors
/// The database's.
pub(crate) fn numbers_paid_back(
    conn: &mut Conn,
    entrypoint_id: i64,
    digests: &[Vec<u8>],
) -> Result<HashMap<Vec<u8>, usize>, StoreError> {
    let mut numbers = HashMap::new();
    for chunk in digests.chunks(CHUNK) {
        let found: Vec<(Vec<u8>, i64)> = match conn {
            Conn::Postgres(c) => counted_by_refund(c, chunk, entrypoint_id)?,
            Conn::Sqlite(c, _) => transaction::table
                // The sum keeps the planner from the primary key.
                .filter((transaction::entrypoint_id + 0_i64).eq(entrypoint_id))
                .filter(transaction::refund_of.eq_any(chunk.iter().map(Some)))
                .group_by(transaction::refund_of)
                .select((transaction::refund_of.assume_not_null(), diesel::dsl::count_star()))
                .load(c)?,
        };
        let number = |(digest, number)| (digest, usize::try_from(number).unwrap_or_default());
        numbers.extend(found.into_iter().map(number));
    }
    Ok(numbers)
}

/// What transactions need of some customers of an entrypoint.
///
/// # Errors
/// The database's.
pub(crate) fn payers(conn: &mut Conn, entrypoint_id: i64, ids: &[i64]) -> Result<Vec<PayerRow>, StoreError> {
    let row = |(customer_id, status, salt, lifecycle)| PayerRow { customer_id, status, salt, lifecycle };
    let c = match conn {
        Conn::Postgres(_) if ids.is_empty() => return Ok(Vec::new()),
        Conn::Postgres(c) => return Ok(payers_of(c, ids, entrypoint_id)?.into_iter().map(row).collect()),
        Conn::Sqlite(c, _) => c,
    };
    let mut rows = Vec::new();
    for chunk in ids.chunks(CHUNK) {
        let more: Vec<(i64, i32, Option<Vec<u8>>, String)> = customer::table
            .filter(customer::customer_id.eq_any(chunk))
            .filter(customer::entrypoint_id.eq(entrypoint_id))
            .select((customer::customer_id, customer::status, customer::salt, customer::lifecycle))
            .load(c)?;
        rows.extend(more.into_iter().map(row));
    }
    Ok(rows)
}

/// Opens rows with the keys that they name, each of which is derived once.
pub(crate) struct Opener<'a> {
    pub ring: &'a KeyRing,
    /// The salts of the customers; `None` for erased ones.
    pub salts: &'a dyn Fn(i64) -> Option<Vec<u8>>,
    seals: HashMap<(i64, Option<i64>), Option<SealKey>>,
}

impl<'a> Opener<'a> {
    pub(crate) fn new(ring: &'a KeyRing, salts: &'a dyn Fn(i64) -> Option<Vec<u8>>) -> Opener<'a> {
        Opener { ring, salts, seals: HashMap::new() }
    }

    /// Derives the key of an owner, `None` for the entrypoint.
    fn prepare(&mut self, conn: &mut Conn, key_id: i64, owner: Option<i64>) -> Result<(), StoreError> {
        if self.seals.contains_key(&(key_id, owner)) {
            return Ok(());
        }
        let salt = match owner {
            None => Some(ENTRYPOINT_SALT.to_vec()),
            Some(id) => (self.salts)(id),
        };
        let key = self.ring.data_key(conn, key_id)?;
        let seal = salt.map(|salt| key.seal_key(&salt)).transpose()?;
        self.seals.insert((key_id, owner), seal);
        Ok(())
    }

    /// Opens a row.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it does not open; the database's.
    pub(crate) fn open(&mut self, conn: &mut Conn, row: &TransactionRow) -> Result<Transaction, StoreError> {
        self.prepare(conn, row.key_id, None)?;
        self.prepare(conn, row.key_id, row.customer_id)?;
        let seal = |owner| self.seals.get(&(row.key_id, owner)).and_then(Option::as_ref);
        let entrypoint = seal(None).ok_or_else(|| StoreError::Bug("no key of an entrypoint".into()))?;
        row.open(entrypoint, seal(row.customer_id))
    }
}

/// A transaction of an entrypoint.
///
/// # Errors
/// The database's.
pub(crate) fn by_id(
    conn: &mut Conn,
    entrypoint_id: i64,
    id: TransId,
) -> Result<Option<TransactionRow>, StoreError> {
    Ok(on!(conn, |c| transaction::table
        .find((entrypoint_id, id.0.to_vec()))
        .select(TransactionRow::as_select())
        .first(c)
        .optional())?)
}

/// What the confirmed refunds of a transaction come to.
///
/// # Errors
/// The database's; [`StoreError::Corrupt`].
pub(crate) fn refunded(conn: &mut Conn, entrypoint_id: i64, id: TransId) -> Result<Money, StoreError> {
    let units: Option<i64> = on!(conn, |c| transaction::table
        .find((entrypoint_id, id.0.to_vec()))
        .select(transaction::refunded_units)
        .first(c)
        .optional())?;
    Money::from_units(units.unwrap_or(0)).ok_or_else(|| StoreError::Corrupt("an amount".into()))
}

/// How many transactions of a customer may still move money.
///
/// # Errors
/// The database's.
pub(crate) fn pending(conn: &mut Conn, entrypoint_id: i64, customer_id: i64) -> Result<i64, StoreError> {
    // The numbers stand in the text, so that a planner knows the partial index.
    let is_pending = diesel::dsl::sql::<diesel::sql_types::Bool>("status IN (1, 2)");
    Ok(on!(conn, |c| transaction::table
        .filter(transaction::entrypoint_id.eq(entrypoint_id))
        .filter(transaction::customer_id.eq(customer_id))
        .filter(is_pending)
        .count()
        .get_result(c))?)
}

#[cfg(test)]
mod tests {
    use crate::domain::transactions::status::Status;

    #[test]
    fn the_index_of_pending_transactions_has_their_numbers() {
        let pending: Vec<i16> =
            (0..100).filter(|number| Status::from_repr(*number).is_some_and(Status::is_pending)).collect();
        assert_eq!(pending, [1, 2]);
    }
}

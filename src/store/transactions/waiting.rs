//! The transactions that wait for the customer who pays, by the digests of what that customer is found by (rules 14).
//! `domain/decide/transaction` decides which of them to link.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Bool};

use super::rows::TransactionRow;
use crate::domain::customers::record::Customer;
use crate::domain::transactions::id::TransId;
use crate::domain::transactions::{Transaction, WAITING_MAX};
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::prepared::{ask, new_row};
use crate::store::engine::schema::{transaction, transaction_payer};
use crate::store::keys::index_keys::{IndexKey, IndexKeys};

/// How many values one statement names.
const CHUNK: usize = 500;

new_row! {
    /// A row of `transaction_payer`.
    #[derive(Debug)]
    pub(crate) struct WaitingRow of "transaction_payer":
    "INSERT", fn insert_waiting by NewWaiting;
    entrypoint_id: i64 as BigInt,
    digest: Vec<u8> as Binary,
    trans_id: Vec<u8> as Binary,
}

ask! {
    /// What waits for the customers with some digests; one look-up each.
    fn by_payer<'a> of PgConnection(
        "SELECT p.digest, p.trans_id FROM unnest(", digests: &'a [Vec<u8>] as Array<Binary>,
        ") AS w (digest) CROSS JOIN LATERAL (SELECT digest, trans_id FROM transaction_payer WHERE digest = w.digest \
         ORDER BY digest, trans_id LIMIT ", most: i64 as BigInt;
        ") AS p"
    ) -> (Vec<u8>, Vec<u8>) as (Binary, Binary)
}

/// The rows of a transaction, if it waits.
pub(crate) fn rows_of(key: &IndexKey, entrypoint_id: i64, transaction: &Transaction) -> Vec<WaitingRow> {
    let payer = if transaction.is_waiting() { transaction.details.payer() } else { None };
    let digests = payer.map(|payer| key.digests(&payer)).unwrap_or_default();
    let row = |digest: Vec<u8>| WaitingRow { entrypoint_id, digest, trans_id: transaction.id.0.to_vec() };
    digests.into_iter().map(row).collect()
}

/// Adds rows.
///
/// # Errors
/// The database's.
pub(crate) fn add(conn: &mut Conn, rows: &[WaitingRow]) -> Result<(), StoreError> {
    if rows.is_empty() { Ok(()) } else { Ok(insert_waiting(conn, rows)?) }
}

/// Removes the rows of some transactions.
///
/// # Errors
/// The database's.
pub(crate) fn remove(conn: &mut Conn, ids: &[Vec<u8>]) -> Result<(), StoreError> {
    for chunk in ids.chunks(CHUNK) {
        let own = transaction_payer::table.filter(transaction_payer::trans_id.eq_any(chunk));
        on!(conn, |c| diesel::delete(own).execute(c))?;
    }
    Ok(())
}

/// What waits for the customers with some digests, each with the digest; the oldest [`WAITING_MAX`] for each.
///
/// # Errors
/// The database's.
pub(crate) fn find(conn: &mut Conn, digests: &[Vec<u8>]) -> Result<Vec<(Vec<u8>, TransId)>, StoreError> {
    let id = |bytes: Vec<u8>| TransId(bytes.as_slice().try_into().unwrap_or_default());
    let most = i64::try_from(WAITING_MAX).unwrap_or(i64::MAX);
    let mut found = Vec::new();
    match conn {
        Conn::Postgres(c) => {
            for chunk in digests.chunks(CHUNK) {
                found.extend(by_payer(c, chunk, most)?);
            }
        }
        Conn::Sqlite(c, _) => {
            for digest in digests {
                let rows: Vec<(Vec<u8>, Vec<u8>)> = transaction_payer::table
                    .filter(transaction_payer::digest.eq(digest))
                    .order(transaction_payer::trans_id)
                    .limit(most)
                    .select((transaction_payer::digest, transaction_payer::trans_id))
                    .load(c)?;
                found.extend(rows);
            }
        }
    }
    Ok(found.into_iter().map(|(digest, bytes)| (digest, id(bytes))).collect())
}

/// Wipes the texts of what waits for a person who is erased. Only a link by hand can give it a customer then.
///
/// # Errors
/// The database's.
pub(crate) fn erase(
    conn: &mut Conn,
    entrypoint_id: i64,
    keys: &IndexKeys,
    person: &Customer,
) -> Result<(), StoreError> {
    let digests: Vec<Vec<u8>> = keys.all().flat_map(|key| key.digests(person)).collect();
    loop {
        let found = find(conn, &digests)?;
        if found.is_empty() {
            return Ok(());
        }
        let ids: Vec<Vec<u8>> = found.into_iter().map(|(_, id)| id.0.to_vec()).collect();
        for chunk in ids.chunks(CHUNK) {
            let unlinked = transaction::table
                .filter(transaction::entrypoint_id.eq(entrypoint_id))
                .filter(transaction::trans_id.eq_any(chunk))
                // As an expression, or a planner would read all that belongs to nobody.
                .filter(sql::<Bool>("COALESCE(customer_id, 0) = 0"));
            on!(conn, |c| diesel::update(unlinked)
                .set(transaction::document.eq(None::<Vec<u8>>))
                .execute(c))?;
        }
        remove(conn, &ids)?;
    }
}

/// Checks that transactions which wait are found by what their customer is found by.
///
/// # Errors
/// [`StoreError::Corrupt`] with the one that is not; the database's.
pub(crate) fn examine(
    conn: &mut Conn,
    key: &IndexKey,
    entrypoint_id: i64,
    (row, opened): (&TransactionRow, &Transaction),
) -> Result<(), StoreError> {
    let wanted = rows_of(key, entrypoint_id, opened);
    if wanted.is_empty() {
        return Ok(());
    }
    let there: Vec<Vec<u8>> = on!(conn, |c| transaction_payer::table
        .filter(transaction_payer::trans_id.eq(&row.trans_id))
        .select(transaction_payer::digest)
        .load(c))?;
    if wanted.iter().any(|row| there.contains(&row.digest)) {
        return Ok(());
    }
    let id = opened.id.show(entrypoint_id);
    Err(StoreError::Corrupt(format!("transaction {id} is not found by who pays it")))
}

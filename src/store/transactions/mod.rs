//! Transactions and what they come to: rows of their own, sealed under the keys of the entrypoint and the customers' salts.
//! `customers::save` writes them in the transaction of their command.

// The modules below use the macro of this one.
#[macro_use]
pub(crate) mod rows;

pub(crate) mod erased;
mod handle;
pub(crate) mod lists;
pub(crate) mod load;
mod receipt;
pub(crate) mod sealed;
pub(crate) mod summary;
pub(crate) mod sums;
pub(crate) mod totals;
pub(crate) mod waiting;

use diesel::prelude::*;

use self::rows::TransactionRow;
use self::totals::TotalRow;
use self::waiting::WaitingRow;
use super::engine::conn::{Conn, on};
use super::engine::error::StoreError;
use super::engine::schema::transaction;
use crate::domain::decide::ledger::Ledger;
use crate::domain::transactions::totals::BASE;

/// Whether an entrypoint has a transaction.
///
/// # Errors
/// The database's.
pub(crate) fn has_any(conn: &mut Conn, entrypoint_id: i64) -> Result<bool, StoreError> {
    let found: Option<i64> = on!(conn, |c| transaction::table
        .filter(transaction::entrypoint_id.eq(entrypoint_id))
        .select(transaction::entrypoint_id)
        .first(c)
        .optional())?;
    Ok(found.is_some())
}

/// Saves new and changed transactions of an entrypoint, under its lock, with what those wait for that wait, and adds to the totals of their customers.
///
/// # Errors
/// The database's.
pub(crate) fn save(
    conn: &mut Conn,
    entrypoint_id: i64,
    (new, changed): (Vec<TransactionRow>, Vec<TransactionRow>),
    waiting: &[WaitingRow],
    ledger: &Ledger,
) -> Result<(), StoreError> {
    rows::write(conn, new, changed)?;
    let has_waited: Vec<Vec<u8>> = ledger.has_waited().map(|id| id.0.to_vec()).collect();
    waiting::remove(conn, &has_waited)?;
    waiting::add(conn, waiting)?;
    let (mut additions, mut stale) = (Vec::new(), Vec::new());
    for (customer_id, currency, growth) in ledger.growth() {
        let currency = currency.map_or(BASE, |currency| currency.code());
        let place = (entrypoint_id, customer_id, currency);
        additions.push(TotalRow::new(place, &growth.totals, (growth.last_at, growth.last_sale_at)));
        if growth.is_stale {
            stale.push((customer_id, currency));
        }
    }
    totals::add(conn, &additions)?;
    sums::add(conn, entrypoint_id, ledger)?;
    for (customer_id, currency) in stale {
        totals::renew_times(conn, entrypoint_id, customer_id, currency)?;
    }
    Ok(())
}

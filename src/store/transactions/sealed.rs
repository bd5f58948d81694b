//! Transactions in the register of sealed tables, with the totals that come of them.

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::load::{Opener, paid_back, payers};
use super::rows::{Seals, TransactionRow, digest, replace};
use super::totals::{self, TotalRow};
use super::waiting;
use crate::domain::decide::ledger::{refunded_of, sum};
use crate::domain::transactions::Transaction;
use crate::domain::transactions::status::Operation;
use crate::domain::transactions::totals::{BASE, contribution, sale_at};
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::{customer_total, transaction};
use crate::store::entrypoints::lock_row::read_lock_row;
use crate::store::keys::keyring::{ENTRYPOINT_SALT, KeyRing};
use crate::store::keys::sealed_table::{Erased, Rekeying, SLICE, SealedTable, Walked};

/// The transactions, under the keys of entrypoints and the customers' salts.
pub(crate) struct TransactionTable;

/// The first byte of a cursor: the walk goes over the transactions, and then over the customers with totals.
const OF_CUSTOMERS: u8 = 1;

/// The next transactions of an entrypoint after an id.
fn after(
    conn: &mut Conn,
    entrypoint_id: i64,
    id: &[u8],
    most: i64,
) -> Result<Vec<TransactionRow>, StoreError> {
    Ok(on!(conn, |c| transaction::table
        .filter(transaction::entrypoint_id.eq(entrypoint_id))
        .filter(transaction::trans_id.gt(id))
        .order(transaction::trans_id)
        .limit(most)
        .select(TransactionRow::as_select())
        .load(c))?)
}

fn walked(rows: &[TransactionRow]) -> Option<Walked> {
    rows.last().map(|row| Walked { rows: rows.len(), cursor: row.trans_id.clone() })
}

/// The salts of the customers of some rows.
fn salts(
    conn: &mut Conn,
    entrypoint_id: i64,
    rows: &[TransactionRow],
) -> Result<BTreeMap<i64, Option<Vec<u8>>>, StoreError> {
    let mut owners: Vec<i64> = rows.iter().filter_map(|row| row.customer_id).collect();
    owners.sort_unstable();
    owners.dedup();
    let found = payers(conn, entrypoint_id, &owners)?;
    Ok(found.into_iter().map(|payer| (payer.customer_id, payer.salt)).collect())
}

impl SealedTable for TransactionTable {
    fn name(&self) -> &'static str {
        "transactions"
    }

    fn columns(&self) -> &'static [&'static str] {
        &["transaction.core", "transaction.document"]
    }

    /// Amounts and the customer's id stay, and what the next delivery of the same transaction needs: money never loses its
    /// owner.
    fn erase(&self, conn: &mut Conn, ring: &KeyRing, erased: &Erased<'_>) -> Result<(), StoreError> {
        on!(conn, |c| {
            let own = transaction::table
                .filter(transaction::entrypoint_id.eq(erased.entrypoint_id))
                .filter(transaction::customer_id.eq(erased.id))
                .filter(transaction::document.is_not_null());
            diesel::update(own).set(transaction::document.eq(None::<Vec<u8>>)).execute(c)
        })?;
        let Some(lock_row) = read_lock_row(conn, erased.entrypoint_id)? else { return Ok(()) };
        let keys = lock_row.keys(conn, ring)?;
        super::erased::remember(conn, ring, erased.entrypoint_id, &keys.new, erased.person)?;
        waiting::erase(conn, erased.entrypoint_id, &keys, erased.person)
    }

    fn is_rotated(&self) -> bool {
        true
    }

    fn rekey(
        &self,
        conn: &mut Conn,
        ring: &KeyRing,
        to: &Rekeying<'_>,
    ) -> Result<Option<Walked>, StoreError> {
        let (place, new) = (to.entrypoint_id, &to.keys.new.key);
        let rows = after(conn, place, to.cursor, to.most)?;
        let salts = salts(conn, place, &rows)?;
        let salt_of = |id: i64| salts.get(&id).cloned().flatten();
        let mut opener = Opener::new(ring, &salt_of);
        let entrypoint = new.seal_key(ENTRYPOINT_SALT)?;
        for row in rows.iter().filter(|row| row.key_id != new.id) {
            let opened = opener.open(conn, row)?;
            let own = row.customer_id.and_then(salt_of).map(|salt| new.seal_key(&salt)).transpose()?;
            let details = if row.customer_id.is_none() { Some(&entrypoint) } else { own.as_ref() };
            let seals = Seals { key: new, entrypoint: &entrypoint, details };
            replace(conn, &TransactionRow::seal(place, &opened, &seals)?)?;
            if opened.is_waiting() {
                waiting::remove(conn, std::slice::from_ref(&row.trans_id))?;
                waiting::add(conn, &waiting::rows_of(&to.keys.new, place, &opened))?;
            }
        }
        Ok(walked(&rows))
    }

    fn under_key(&self, conn: &mut Conn, entrypoint_id: i64, key_id: i64) -> Result<i64, StoreError> {
        Ok(on!(conn, |c| transaction::table
            .filter(transaction::entrypoint_id.eq(entrypoint_id))
            .filter(transaction::key_id.eq(key_id))
            .count()
            .get_result(c))?)
    }

    /// Opens each transaction, finds it by its digest, and sums up what was refunded of it; then adds up the totals of each
    /// customer.
    fn examine(
        &self,
        conn: &mut Conn,
        ring: &KeyRing,
        entrypoint_id: i64,
        cursor: &[u8],
    ) -> Result<Option<Walked>, StoreError> {
        let first = match cursor {
            [OF_CUSTOMERS, id @ ..] => {
                let last = id.try_into().map_or(0, i64::from_be_bytes);
                return examine_totals(conn, ring, entrypoint_id, last);
            }
            [_, id @ ..] => id,
            [] => &[],
        };
        let rows = after(conn, entrypoint_id, first, SLICE)?;
        let Some(last) = walked(&rows) else {
            let cursor = [&[OF_CUSTOMERS][..], &0_i64.to_be_bytes()].concat();
            return Ok(Some(Walked { rows: 0, cursor }));
        };
        examine_rows(conn, ring, entrypoint_id, &rows)?;
        Ok(Some(Walked { cursor: [&[0][..], &last.cursor].concat(), ..last }))
    }

    fn is_well(&self, rows: usize) -> String {
        format!("all {rows} open, and their totals agree")
    }
}

fn examine_rows(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    rows: &[TransactionRow],
) -> Result<(), StoreError> {
    let Some(lock_row) = read_lock_row(conn, entrypoint_id)? else { return Ok(()) };
    let keys = lock_row.keys(conn, ring)?;
    let salts = salts(conn, entrypoint_id, rows)?;
    let salt_of = |id: i64| salts.get(&id).cloned().flatten();
    let mut opener = Opener::new(ring, &salt_of);
    let mut opened = Vec::with_capacity(rows.len());
    for row in rows {
        let transaction = opener.open(conn, row)?;
        let id = transaction.id.show(entrypoint_id);
        let key = &keys.of_row(row.key_id).key;
        if digest(key, &transaction.source, &transaction.external_id) != row.digest {
            return Err(StoreError::Corrupt(format!("transaction {id} is not found by its external id")));
        }
        waiting::examine(conn, keys.of_row(row.key_id), entrypoint_id, (row, &transaction))?;
        if row.customer_id.is_some_and(|owner| !salts.contains_key(&owner)) {
            return Err(StoreError::Corrupt(format!("transaction {id} belongs to nobody that there is")));
        }
        opened.push(transaction);
    }
    let sales: Vec<&Transaction> = opened.iter().filter(|it| it.operation == Operation::Sale).collect();
    let digests = |sale: &&Transaction| {
        keys.all().map(|index| digest(&index.key, &sale.source, &sale.external_id)).collect::<Vec<_>>()
    };
    let wanted: Vec<Vec<u8>> = sales.iter().flat_map(digests).collect();
    let mut refunds = Vec::new();
    for row in paid_back(conn, entrypoint_id, &wanted)? {
        // What is refunded stands in columns; only the sale that it belongs to does not.
        let refund = row.outline()?;
        refunds.push((row.refund_of.unwrap_or_default(), refund));
    }
    for sale in &sales {
        let own = digests(sale);
        let of_sale = refunds.iter().filter(|(digest, _)| own.contains(digest)).map(|(_, refund)| {
            refunded_of(sale, &Transaction { refund_of: Some(sale.external_id.clone()), ..refund.clone() })
        });
        if sum(of_sale) != sale.refunded {
            let id = sale.id.show(entrypoint_id);
            return Err(StoreError::Corrupt(format!(
                "the refunds of transaction {id} are summed up wrongly"
            )));
        }
    }
    Ok(())
}

/// Compares the totals of the next customers with what their transactions come to.
fn examine_totals(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    last: i64,
) -> Result<Option<Walked>, StoreError> {
    let Some(lock_row) = read_lock_row(conn, entrypoint_id)? else { return Ok(None) };
    let base = ring.directory.at(conn, entrypoint_id, lock_row.settings_version)?.currency;
    let mut ids: Vec<i64> = on!(conn, |c| transaction::table
        .filter(transaction::entrypoint_id.eq(entrypoint_id))
        .filter(transaction::customer_id.gt(last))
        .order(transaction::customer_id)
        .select(transaction::customer_id.assume_not_null())
        .distinct()
        .limit(SLICE)
        .load(c))?;
    let of_totals: Vec<i64> = on!(conn, |c| customer_total::table
        .filter(customer_total::entrypoint_id.eq(entrypoint_id))
        .filter(customer_total::customer_id.gt(last))
        .order(customer_total::customer_id)
        .select(customer_total::customer_id)
        .distinct()
        .limit(SLICE)
        .load(c))?;
    ids.extend(of_totals);
    ids.sort_unstable();
    ids.dedup();
    // Beyond the first slice one of both lists may have been cut.
    ids.truncate(usize::try_from(SLICE).unwrap_or(usize::MAX));
    let Some(end) = ids.last().copied() else { return Ok(None) };
    for id in ids {
        let kept = totals::of_customer(conn, entrypoint_id, id)?;
        let mut counted: BTreeMap<String, TotalRow> = BTreeMap::new();
        let mut after = (i64::MIN, Vec::new());
        loop {
            let rows = of_customer(conn, entrypoint_id, id, &after)?;
            let Some(last) = rows.last() else { break };
            after = (last.occurred_at_us, last.trans_id.clone());
            for row in &rows {
                let transaction = row.outline()?;
                let parts = contribution(&transaction, base);
                let times = (transaction.occurred_at.0, sale_at(&transaction).map_or(0, |at| at.0));
                for (currency, part) in [(transaction.currency.code(), parts.own), (BASE, parts.base)] {
                    let place = (entrypoint_id, id, currency);
                    let sum = counted.get(currency).map_or(part, |row| row.totals().plus(part));
                    let times = counted
                        .get(currency)
                        .map_or(times, |row| (row.last_at_us.max(times.0), row.last_sale_at_us.max(times.1)));
                    counted.insert(currency.to_owned(), TotalRow::new(place, &sum, times));
                }
            }
        }
        let is_kept = |row: &&TotalRow| row.transactions != 0;
        if !kept.iter().filter(is_kept).eq(counted.values()) {
            return Err(StoreError::Corrupt(format!(
                "the totals of customer {id} are not what the customer's transactions come to"
            )));
        }
    }
    let cursor = [&[OF_CUSTOMERS][..], &end.to_be_bytes()].concat();
    Ok(Some(Walked { rows: 0, cursor }))
}

/// The next transactions of a customer after a time and an id, in the order of the index of customers: in that of ids the
/// planners read all transactions for each customer.
fn of_customer(
    conn: &mut Conn,
    entrypoint_id: i64,
    customer_id: i64,
    (at_us, id): &(i64, Vec<u8>),
) -> Result<Vec<TransactionRow>, StoreError> {
    let is_later = transaction::occurred_at_us
        .gt(*at_us)
        .or(transaction::occurred_at_us.eq(*at_us).and(transaction::trans_id.gt(id)));
    Ok(on!(conn, |c| transaction::table
        .filter(transaction::entrypoint_id.eq(entrypoint_id))
        .filter(transaction::customer_id.eq(customer_id))
        .filter(transaction::occurred_at_us.ge(*at_us))
        .filter(is_later)
        .order((transaction::occurred_at_us, transaction::trans_id))
        .limit(SLICE)
        .select(TransactionRow::as_select())
        .load(c))?)
}

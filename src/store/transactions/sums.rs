//! What the transactions of all customers of an entrypoint come to, by currency and in the base currency (rules 15): kept in the
//! transaction that saves them, so that it costs nothing to read.

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::totals::bounded;
use crate::domain::decide::ledger::Ledger;
use crate::domain::transactions::totals::{BASE, Totals};
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::entrypoint_total;

/// A row of `entrypoint_total`.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = entrypoint_total)]
struct SumRow {
    entrypoint_id: i64,
    currency: String,
    transactions: i64,
    sales: i64,
    gross_units: i64,
    net_units: i64,
}

/// The sums of an entrypoint, by currency; those over all currencies in the base currency are under [`BASE`].
///
/// # Errors
/// The database's.
pub(crate) fn of_entrypoint(
    conn: &mut Conn,
    entrypoint_id: i64,
) -> Result<BTreeMap<String, Totals>, StoreError> {
    let rows: Vec<SumRow> = on!(conn, |c| entrypoint_total::table
        .filter(entrypoint_total::entrypoint_id.eq(entrypoint_id))
        .select(SumRow::as_select())
        .load(c))?;
    let totals = |row: SumRow| {
        let sums = Totals {
            transactions: row.transactions,
            sales: row.sales,
            gross: row.gross_units.into(),
            net: row.net_units.into(),
            incomplete: 0,
        };
        (row.currency, sums)
    };
    Ok(rows.into_iter().map(totals).collect())
}

/// Adds what a batch adds to the totals of customers, under the entrypoint's lock.
///
/// # Errors
/// The database's.
pub(super) fn add(conn: &mut Conn, entrypoint_id: i64, ledger: &Ledger) -> Result<(), StoreError> {
    let mut grown: BTreeMap<&'static str, Totals> = BTreeMap::new();
    for (_, currency, growth) in ledger.growth() {
        let sum = grown.entry(currency.map_or(BASE, |currency| currency.code())).or_default();
        *sum = sum.plus(Totals { incomplete: 0, ..growth.totals });
    }
    grown.retain(|_, sum| !sum.is_zero());
    if grown.is_empty() {
        return Ok(());
    }
    let mut all = of_entrypoint(conn, entrypoint_id)?;
    for (currency, grown) in grown {
        let sum = all.remove(currency).unwrap_or_default().plus(grown);
        let row = SumRow {
            entrypoint_id,
            currency: currency.to_owned(),
            transactions: sum.transactions,
            sales: sum.sales,
            gross_units: bounded(sum.gross),
            net_units: bounded(sum.net),
        };
        on!(conn, |c| diesel::insert_into(entrypoint_total::table)
            .values(&row)
            .on_conflict((entrypoint_total::entrypoint_id, entrypoint_total::currency))
            .do_update()
            .set(&row)
            .execute(c))?;
    }
    Ok(())
}

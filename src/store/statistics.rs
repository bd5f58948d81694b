//! Numbers of customers that are counted in the transaction of each change (rules 15); `domain::statistics` says what is
//! counted.

use std::collections::BTreeMap;

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Text};
use diesel::sqlite::Sqlite;

use super::customers::rows::CustomerRow;
use super::engine::conn::{Conn, on};
use super::engine::error::StoreError;
use super::engine::schema::{customer, customer_count, entrypoint_lock};
use super::keys::keyring::KeyRing;
use super::keys::sealed_table::SLICE;
use super::transactions::sums;
use crate::domain::kernel::time::Micros;
use crate::domain::statistics::{Numbers, Slot, Tally};
use crate::domain::transactions::totals::Totals;

/// A number to add to a row of `customer_count`.
#[derive(Debug)]
pub(crate) struct CountRow {
    entrypoint_id: i64,
    kind: &'static str,
    slot: String,
    customers: i64,
}

/// Numbers to add, column by column: a statement without its end, which is [`ADD_COUNT`].
pub(crate) struct NewCounts<'a> {
    entrypoints: Vec<i64>,
    kinds: Vec<&'static str>,
    slots: Vec<&'a str>,
    customers: Vec<i64>,
}

impl<'a> From<&'a [CountRow]> for NewCounts<'a> {
    fn from(rows: &'a [CountRow]) -> NewCounts<'a> {
        NewCounts {
            entrypoints: rows.iter().map(|row| row.entrypoint_id).collect(),
            kinds: rows.iter().map(|row| row.kind).collect(),
            slots: rows.iter().map(|row| row.slot.as_str()).collect(),
            customers: rows.iter().map(|row| row.customers).collect(),
        }
    }
}

impl QueryFragment<Pg> for NewCounts<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(INSERT);
        out.push_sql("SELECT unnest(");
        out.push_bind_param::<Array<BigInt>, _>(&self.entrypoints)?;
        out.push_sql("), unnest(");
        out.push_bind_param::<Array<Text>, _>(&self.kinds)?;
        out.push_sql("), unnest(");
        out.push_bind_param::<Array<Text>, _>(&self.slots)?;
        out.push_sql("), unnest(");
        out.push_bind_param::<Array<BigInt>, _>(&self.customers)?;
        out.push_sql(")");
        Ok(())
    }
}

const INSERT: &str = "INSERT INTO customer_count (entrypoint_id, kind, slot, customers) ";
/// The end of the statement that adds [`CountRow`]s.
pub(crate) const ADD_COUNT: &str = " ON CONFLICT (entrypoint_id, kind, slot) DO UPDATE SET \
     customers = customer_count.customers + excluded.customers";

/// The numbers that a batch adds.
pub(crate) fn rows(entrypoint_id: i64, tally: &Tally) -> Vec<CountRow> {
    tally
        .slots()
        .map(|(slot, customers)| {
            let (kind, slot) = slot.place();
            CountRow { entrypoint_id, kind, slot, customers }
        })
        .collect()
}

struct One<'a>(&'a CountRow);

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
        out.push_bind_param::<Text, _>(&self.0.kind)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&self.0.slot)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(&self.0.customers)?;
        out.push_sql(")");
        out.push_sql(ADD_COUNT);
        Ok(())
    }
}

/// Adds numbers on SQLite. On PostgreSQL they go with the other rows of the batch.
///
/// # Errors
/// The database's.
pub(crate) fn count(conn: &mut Conn, rows: &[CountRow]) -> Result<(), StoreError> {
    if let Conn::Sqlite(c, _) = conn {
        for row in rows {
            One(row).execute(c)?;
        }
    }
    Ok(())
}

/// The numbers of an entrypoint since a day, such as `2026-03-01`.
///
/// # Errors
/// The database's.
pub(crate) fn numbers(conn: &mut Conn, entrypoint_id: i64, since: &str) -> Result<Numbers, StoreError> {
    let rows: Vec<(String, String, i64)> = on!(conn, |c| customer_count::table
        .filter(customer_count::entrypoint_id.eq(entrypoint_id))
        .filter(customer_count::kind.ne("created").or(customer_count::slot.ge(since)))
        .filter(customer_count::customers.ne(0))
        .select((customer_count::kind, customer_count::slot, customer_count::customers))
        .load(c))?;
    let slots = rows.iter().filter_map(|(kind, slot, number)| Some((Slot::of_place(kind, slot)?, *number)));
    Ok(Numbers(slots.collect::<BTreeMap<_, _>>()))
}

/// A number of customers by day.
#[derive(QueryableByName)]
struct OfDay {
    #[diesel(sql_type = BigInt)]
    day: i64,
    #[diesel(sql_type = BigInt)]
    customers: i64,
}

/// What transactions in a currency come to.
#[derive(QueryableByName)]
struct OfCurrency {
    #[diesel(sql_type = Text)]
    currency: String,
    #[diesel(sql_type = BigInt)]
    transactions: i64,
    #[diesel(sql_type = BigInt)]
    sales: i64,
    #[diesel(sql_type = BigInt)]
    gross: i64,
    #[diesel(sql_type = BigInt)]
    net: i64,
}

/// Counts and sums up all anew, and compares.
///
/// # Errors
/// [`StoreError::Corrupt`] for what is counted wrongly; the database's.
pub(crate) fn examine(conn: &mut Conn, ring: &KeyRing) -> Result<String, StoreError> {
    let places: Vec<i64> =
        on!(conn, |c| entrypoint_lock::table.select(entrypoint_lock::entrypoint_id).load(c))?;
    for place in &places {
        // It reads one snapshot, because the service may be at work.
        conn.begin_read()?;
        let agree = compare(conn, ring, *place);
        conn.end_read();
        agree?;
    }
    Ok("a recount of customers and money agrees".into())
}

fn compare(conn: &mut Conn, ring: &KeyRing, place: i64) -> Result<(), StoreError> {
    let wrong =
        |what: &str| StoreError::Corrupt(format!("the {what} of entrypoint {place} are counted wrongly"));
    let kept = numbers(conn, place, "")?.0;
    let mut counted: BTreeMap<Slot, i64> = BTreeMap::new();
    // Shifted, because a division rounds towards zero and some were created before 1970.
    let days = format!(
        "SELECT (created_at_us + 3456000000000000) / 86400000000 - 40000 AS day, count(*) AS customers \
         FROM customer WHERE entrypoint_id = {place} AND status <> -99 GROUP BY 1"
    );
    let days: Vec<OfDay> = on!(conn, |c| diesel::sql_query(days).load(c))?;
    for OfDay { day, customers } in days {
        let day = Micros(0).plus_secs(day.saturating_mul(86_400)).day();
        counted.insert(Slot::Created(day), customers);
    }
    let mut last = 0;
    loop {
        let rows: Vec<CustomerRow> = on!(conn, |c| customer::table
            .filter(customer::entrypoint_id.eq(place))
            .filter(customer::customer_id.gt(last))
            .filter(customer::methods.is_not_null())
            .order(customer::customer_id)
            .limit(SLICE)
            .select(CustomerRow::as_select())
            .load(c))?;
        let Some(end) = rows.last() else { break };
        last = end.customer_id;
        for row in &rows {
            let stored = row.open(&*ring.data_key(conn, row.key_id)?)?;
            let mut tally = Tally::default();
            tally.change(None, Some(&stored.customer));
            for (slot, number) in tally.slots().filter(|(slot, _)| matches!(slot, Slot::Method(_))) {
                *counted.entry(slot.clone()).or_default() += number;
            }
        }
    }
    if kept != counted {
        return Err(wrong("customers by day and by method"));
    }
    let sums = format!(
        "SELECT currency, CAST(sum(transactions) AS BIGINT) AS transactions, CAST(sum(sales) AS BIGINT) AS sales, \
         CAST(sum(gross_units) AS BIGINT) AS gross, CAST(sum(net_units) AS BIGINT) AS net \
         FROM customer_total WHERE entrypoint_id = {place} GROUP BY currency"
    );
    let sums: Vec<OfCurrency> = on!(conn, |c| diesel::sql_query(sums).load(c))?;
    let of = |one: OfCurrency| {
        let (gross, net) = (i128::from(one.gross), i128::from(one.net));
        let totals = Totals { transactions: one.transactions, sales: one.sales, gross, net, incomplete: 0 };
        (one.currency, totals)
    };
    let mut counted: BTreeMap<String, Totals> = sums.into_iter().map(of).collect();
    let mut kept = sums::of_entrypoint(conn, place)?;
    counted.retain(|_, totals| !totals.is_zero());
    kept.retain(|_, totals| !totals.is_zero());
    if kept == counted { Ok(()) } else { Err(wrong("sums of money")) }
}

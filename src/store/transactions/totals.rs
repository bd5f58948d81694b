//! The totals of customers. `customers::save` adds to them in the transaction that saves the transactions themselves.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use diesel::dsl::max;
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Bool, Text};
use diesel::sqlite::Sqlite;

use super::rows::confirmed;
use crate::domain::kernel::time::Micros;
use crate::domain::transactions::status::Operation;
use crate::domain::transactions::totals::{BASE, Totals};
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::prepared::ask;
use crate::store::engine::schema::{customer_total, transaction};
use crate::store::invoices;

/// A row of `customer_total`, or what to add to it.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = customer_total)]
pub(crate) struct TotalRow {
    pub entrypoint_id: i64,
    pub customer_id: i64,
    pub currency: String,
    pub transactions: i64,
    pub sales: i64,
    pub gross_units: i64,
    pub net_units: i64,
    pub incomplete: i64,
    pub last_at_us: i64,
    pub last_sale_at_us: i64,
}

impl TotalRow {
    /// The columns but the currency, in the order of [`INSERT`].
    fn numbers(&self) -> [i64; 9] {
        [
            self.entrypoint_id,
            self.customer_id,
            self.transactions,
            self.sales,
            self.gross_units,
            self.net_units,
            self.incomplete,
            self.last_at_us,
            self.last_sale_at_us,
        ]
    }
}

/// How many customers one statement names.
const CHUNK: usize = 500;

const INSERT: &str = "INSERT INTO customer_total (currency, entrypoint_id, customer_id, transactions, sales, gross_units, \
                      net_units, incomplete, last_at_us, last_sale_at_us) ";

/// The greatest sum that is kept, in ten-thousandths. A greater one stays here, rather than to overflow.
const SUM_MAX: i64 = 9_000_000_000_000_000_000;

/// A sum as its column holds it.
pub(super) fn bounded(sum: i128) -> i64 {
    i64::try_from(sum.clamp(-i128::from(SUM_MAX), i128::from(SUM_MAX))).unwrap_or(SUM_MAX)
}

impl TotalRow {
    /// A row, or what to add to it.
    pub(super) fn new(
        (entrypoint_id, customer_id, currency): (i64, i64, &str),
        totals: &Totals,
        (last_at_us, last_sale_at_us): (i64, i64),
    ) -> TotalRow {
        TotalRow {
            entrypoint_id,
            customer_id,
            currency: currency.to_owned(),
            transactions: totals.transactions,
            sales: totals.sales,
            gross_units: bounded(totals.gross),
            net_units: bounded(totals.net),
            incomplete: totals.incomplete,
            last_at_us,
            last_sale_at_us,
        }
    }

    /// The sums of the row.
    pub(crate) fn totals(&self) -> Totals {
        Totals {
            transactions: self.transactions,
            sales: self.sales,
            gross: self.gross_units.into(),
            net: self.net_units.into(),
            incomplete: self.incomplete,
        }
    }
}

/// The columns that sum up, and those that keep the greater value.
const SUMS: &str = "transactions sales gross_units net_units incomplete";
const LATEST: &str = "last_at_us last_sale_at_us";

/// The end of an insert that adds to the rows that are there. `greatest` is the name of the function of two values.
fn addition(greatest: &str) -> String {
    let sum = |column: &str| {
        let (old, new) = (format!("customer_total.{column}"), format!("excluded.{column}"));
        format!(
            "{column} = CASE WHEN {old} > 0 AND {new} > {SUM_MAX} - {old} THEN {SUM_MAX} \
             WHEN {old} < 0 AND {new} < -{SUM_MAX} - {old} THEN -{SUM_MAX} ELSE {old} + {new} END"
        )
    };
    let latest = |column: &str| format!("{column} = {greatest}(customer_total.{column}, excluded.{column})");
    let all: Vec<String> = SUMS.split(' ').map(sum).chain(LATEST.split(' ').map(latest)).collect();
    format!(" ON CONFLICT (entrypoint_id, customer_id, currency) DO UPDATE SET {}", all.join(", "))
}

/// Made once, as Diesel asks for the text at each call.
static ADDITION_SQLITE: LazyLock<String> = LazyLock::new(|| addition("max"));
static ADDITION_POSTGRES: LazyLock<String> = LazyLock::new(|| addition("GREATEST"));

/// Adds to the totals of some customers, under the entrypoint's lock: in one statement on PostgreSQL.
///
/// # Errors
/// The database's.
pub(crate) fn add(conn: &mut Conn, rows: &[TotalRow]) -> Result<(), StoreError> {
    match conn {
        Conn::Sqlite(c, _) => {
            for row in rows {
                One { currency: &row.currency, numbers: row.numbers() }.execute(c)?;
            }
        }
        Conn::Postgres(c) => {
            if !rows.is_empty() {
                All::of(rows).execute(c)?;
            }
        }
    }
    Ok(())
}

struct One<'a> {
    currency: &'a str,
    numbers: [i64; 9],
}

impl QueryId for One<'_> {
    type QueryId = One<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<C> RunQueryDsl<C> for One<'_> {}

impl QueryFragment<Sqlite> for One<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql(INSERT);
        out.push_sql("VALUES (");
        out.push_bind_param::<Text, _>(self.currency)?;
        for number in &self.numbers {
            out.push_sql(", ");
            out.push_bind_param::<BigInt, _>(number)?;
        }
        out.push_sql(")");
        out.push_sql(&ADDITION_SQLITE);
        Ok(())
    }
}

/// Rows, column by column.
struct All<'a> {
    currencies: Vec<&'a str>,
    numbers: [Vec<i64>; 9],
}

impl<'a> All<'a> {
    fn of(rows: &'a [TotalRow]) -> All<'a> {
        let mut numbers: [Vec<i64>; 9] = Default::default();
        for row in rows {
            numbers.iter_mut().zip(row.numbers()).for_each(|(column, number)| column.push(number));
        }
        All { currencies: rows.iter().map(|row| row.currency.as_str()).collect(), numbers }
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
        out.push_sql("SELECT unnest(");
        out.push_bind_param::<Array<Text>, _>(&self.currencies)?;
        for column in &self.numbers {
            out.push_sql("), unnest(");
            out.push_bind_param::<Array<BigInt>, _>(column)?;
        }
        out.push_sql(")");
        out.push_sql(&ADDITION_POSTGRES);
        Ok(())
    }
}

/// Finds the latest times of a customer's totals anew, where a change may have taken the latest one back.
///
/// # Errors
/// The database's.
pub(crate) fn renew_times(
    conn: &mut Conn,
    entrypoint_id: i64,
    customer_id: i64,
    currency: &str,
) -> Result<(), StoreError> {
    let own = currency != BASE;
    let of_customer = || {
        transaction::table
            .filter(transaction::entrypoint_id.eq(entrypoint_id))
            .filter(transaction::customer_id.eq(customer_id))
            .filter(transaction::currency.eq(currency).or((!own).into_sql::<Bool>()))
    };
    let is_sale = transaction::operation.eq(Operation::Sale.number());
    let (last, last_sale): (Option<i64>, Option<i64>) = on!(conn, |c| {
        let last = of_customer().select(max(transaction::occurred_at_us)).first(c)?;
        let confirmed = of_customer().filter(is_sale).filter(transaction::status.eq_any(confirmed()));
        Ok::<_, diesel::result::Error>((last, confirmed.select(max(transaction::occurred_at_us)).first(c)?))
    })?;
    let place = customer_total::table.find((entrypoint_id, customer_id, currency));
    on!(conn, |c| diesel::update(place)
        .set((
            customer_total::last_at_us.eq(last.unwrap_or(0)),
            customer_total::last_sale_at_us.eq(last_sale.unwrap_or(0)),
        ))
        .execute(c))?;
    Ok(())
}

/// The totals of a customer, by currency; that of the base currency is the first.
///
/// # Errors
/// The database's.
pub(crate) fn of_customer(
    conn: &mut Conn,
    entrypoint_id: i64,
    customer_id: i64,
) -> Result<Vec<TotalRow>, StoreError> {
    Ok(on!(conn, |c| customer_total::table
        .filter(customer_total::entrypoint_id.eq(entrypoint_id))
        .filter(customer_total::customer_id.eq(customer_id))
        .order(customer_total::currency)
        .select(TotalRow::as_select())
        .load(c))?)
}

/// When each of some customers last bought something, where they did: when a sale was paid, or an invoice issued.
///
/// # Errors
/// The database's.
pub(crate) fn last_sales(
    conn: &mut Conn,
    entrypoint_id: i64,
    customers: &[i64],
) -> Result<BTreeMap<i64, Micros>, StoreError> {
    let mut all = last_paid(conn, entrypoint_id, customers)?;
    for (id, at) in invoices::last_issued(conn, entrypoint_id, customers)? {
        all.entry(id).and_modify(|last| *last = at.max(*last)).or_insert(at);
    }
    Ok(all)
}

fn last_paid(
    conn: &mut Conn,
    entrypoint_id: i64,
    customers: &[i64],
) -> Result<BTreeMap<i64, Micros>, StoreError> {
    let timed = |(id, at)| (id, Micros(at));
    let c = match conn {
        Conn::Postgres(c) => {
            return Ok(last_sales_of(c, customers, entrypoint_id)?.into_iter().map(timed).collect());
        }
        Conn::Sqlite(c, _) => c,
    };
    let mut all = BTreeMap::new();
    for chunk in customers.chunks(CHUNK) {
        let rows: Vec<(i64, i64)> = customer_total::table
            .filter(customer_total::entrypoint_id.eq(entrypoint_id))
            .filter(customer_total::customer_id.eq_any(chunk))
            .filter(customer_total::currency.eq(BASE))
            .filter(customer_total::last_sale_at_us.gt(0))
            .select((customer_total::customer_id, customer_total::last_sale_at_us))
            .load(c)?;
        all.extend(rows.into_iter().map(timed));
    }
    Ok(all)
}

ask! {
    /// The last sales of some customers; one look-up each. The concatenation keeps the planner from the indexes by which lists
    /// sort, which it takes for as good as long as the table has no statistics.
    fn last_sales_of<'a> of PgConnection(
        "SELECT t.customer_id, t.last_sale_at_us FROM unnest(", ids: &'a [i64] as Array<BigInt>,
        ") AS w (id) CROSS JOIN LATERAL (SELECT customer_id, last_sale_at_us, currency FROM customer_total WHERE entrypoint_id = ",
        entrypoint_id: i64 as BigInt;
        " AND customer_id = w.id OFFSET 0) AS t WHERE t.currency || '' = '' AND t.last_sale_at_us > 0"
    ) -> (i64, i64) as (BigInt, BigInt)
}

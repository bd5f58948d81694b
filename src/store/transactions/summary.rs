//! What a record shows of its customer's transactions: the totals and the last ones (rules 15).

use std::collections::HashMap;

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text};

use super::load::{Opener, payers};
use super::rows::{TransactionColumns, TransactionRow};
use super::totals::TotalRow;
use crate::domain::kernel::time::Micros;
use crate::domain::transactions::Transaction;
use crate::domain::transactions::currency::Currency;
use crate::domain::transactions::totals::{BASE, Totals};
use crate::store::engine::conn::Conn;
use crate::store::engine::error::StoreError;
use crate::store::engine::prepared::ask;
use crate::store::engine::schema::{customer_total, transaction};
use crate::store::keys::keyring::KeyRing;

/// How many of the last transactions a record shows.
const RECENT: i64 = 5;

/// The totals of a customer in one currency, or in the base currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrencyTotals {
    /// `None` for those over all currencies in the base currency.
    pub currency: Option<Currency>,
    /// The sums.
    pub totals: Totals,
    /// The time of the latest transaction.
    pub last_at: Micros,
    /// The time of the latest confirmed sale; `None` without one.
    pub last_sale_at: Option<Micros>,
}

/// The totals and the last transactions of a customer who has some.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CustomerMoney {
    /// Those in the base currency first, then by currency.
    pub totals: Vec<CurrencyTotals>,
    /// At most five, the latest first.
    pub recent: Vec<Transaction>,
}

type Numbers = (i64, i64, String, (i64, i64, i64, i64, i64), (i64, i64));
type NumberColumns = (BigInt, BigInt, Text, (BigInt, BigInt, BigInt, BigInt, BigInt), (BigInt, BigInt));

ask! {
    /// The totals of some customers; one look-up each.
    fn totals_of<'a> of PgConnection(
        "SELECT t.entrypoint_id, t.customer_id, t.currency, t.transactions, t.sales, t.gross_units, t.net_units, t.incomplete, \
         t.last_at_us, t.last_sale_at_us FROM unnest(", places: &'a [i64] as Array<BigInt>,
        ", ", ids: &'a [i64] as Array<BigInt>;
        ") AS w (place, id) CROSS JOIN LATERAL (SELECT * FROM customer_total WHERE entrypoint_id = w.place \
         AND customer_id = w.id ORDER BY entrypoint_id, customer_id, currency) AS t"
    ) -> Numbers as NumberColumns
}

ask! {
    /// The last transactions of some customers; one look-up each.
    fn recent_of<'a> of PgConnection(
        concat!("SELECT ", transaction_columns!(), " FROM unnest("), places: &'a [i64] as Array<BigInt>,
        ", ", ids: &'a [i64] as Array<BigInt>,
        ") AS w (place, id) CROSS JOIN LATERAL (SELECT * FROM \"transaction\" WHERE entrypoint_id = w.place \
         AND customer_id = w.id ORDER BY entrypoint_id DESC, customer_id DESC, occurred_at_us DESC, trans_id DESC LIMIT ",
        most: i64 as BigInt;
        ") AS t"
    ) -> TransactionRow as TransactionColumns
}

/// The rows of totals of some customers, by entrypoint and id.
///
/// # Errors
/// The database's.
pub(super) fn totals(conn: &mut Conn, places: &[(i64, i64)]) -> Result<Vec<TotalRow>, StoreError> {
    let c = match conn {
        Conn::Postgres(c) => {
            let (in_places, ids): (Vec<i64>, Vec<i64>) = places.iter().copied().unzip();
            let row = |(entrypoint_id, customer_id, currency, sums, times): Numbers| TotalRow {
                entrypoint_id,
                customer_id,
                currency,
                transactions: sums.0,
                sales: sums.1,
                gross_units: sums.2,
                net_units: sums.3,
                incomplete: sums.4,
                last_at_us: times.0,
                last_sale_at_us: times.1,
            };
            return Ok(totals_of(c, &in_places, &ids)?.into_iter().map(row).collect());
        }
        Conn::Sqlite(c, _) => c,
    };
    let mut rows = Vec::new();
    for (entrypoint_id, id) in places {
        let more: Vec<TotalRow> = customer_total::table
            .filter(customer_total::entrypoint_id.eq(entrypoint_id))
            .filter(customer_total::customer_id.eq(id))
            .order(customer_total::currency)
            .select(TotalRow::as_select())
            .load(c)?;
        rows.extend(more);
    }
    Ok(rows)
}

/// The last transactions of some customers, by entrypoint and id.
fn recent(conn: &mut Conn, places: &[(i64, i64)]) -> Result<Vec<TransactionRow>, StoreError> {
    let c = match conn {
        Conn::Postgres(c) => {
            let (in_places, ids): (Vec<i64>, Vec<i64>) = places.iter().copied().unzip();
            return Ok(recent_of(c, &in_places, &ids, RECENT)?);
        }
        Conn::Sqlite(c, _) => c,
    };
    let mut rows = Vec::new();
    for (entrypoint_id, id) in places {
        let more: Vec<TransactionRow> = transaction::table
            .filter(transaction::entrypoint_id.eq(entrypoint_id))
            .filter(transaction::customer_id.eq(id))
            .order((transaction::occurred_at_us.desc(), transaction::trans_id.desc()))
            .limit(RECENT)
            .select(TransactionRow::as_select())
            .load(c)?;
        rows.extend(more);
    }
    Ok(rows)
}

/// The totals and the last transactions of those among some customers, by entrypoint and id, that have some.
///
/// # Errors
/// [`StoreError::Corrupt`] if a transaction does not open; the database's.
pub(crate) fn of(
    conn: &mut Conn,
    ring: &KeyRing,
    places: &[(i64, i64)],
) -> Result<HashMap<i64, CustomerMoney>, StoreError> {
    let mut all: HashMap<i64, CustomerMoney> = HashMap::new();
    let mut having: Vec<(i64, i64)> = Vec::new();
    if places.is_empty() {
        return Ok(all);
    }
    for row in totals(conn, places)?.into_iter().filter(|row| row.transactions != 0) {
        if having.last() != Some(&(row.entrypoint_id, row.customer_id)) {
            having.push((row.entrypoint_id, row.customer_id));
        }
        let currency = if row.currency == BASE {
            None
        } else {
            let corrupt = |_| StoreError::Corrupt(format!("the totals of customer {}", row.customer_id));
            Some(Currency::parse(&row.currency).map_err(corrupt)?)
        };
        all.entry(row.customer_id).or_default().totals.push(CurrencyTotals {
            currency,
            totals: row.totals(),
            last_at: Micros(row.last_at_us),
            last_sale_at: (row.last_sale_at_us != 0).then_some(Micros(row.last_sale_at_us)),
        });
    }
    if having.is_empty() {
        return Ok(all);
    }
    having.sort_unstable();
    let rows = recent(conn, &having)?;
    let mut salts: HashMap<i64, Option<Vec<u8>>> = HashMap::new();
    for same in having.chunk_by(|a, b| a.0 == b.0) {
        let ids: Vec<i64> = same.iter().map(|(_, id)| *id).collect();
        let place = same.first().map_or(0, |(place, _)| *place);
        salts.extend(payers(conn, place, &ids)?.into_iter().map(|payer| (payer.customer_id, payer.salt)));
    }
    let salt_of = |id: i64| salts.get(&id).cloned().flatten();
    let mut opener = Opener::new(ring, &salt_of);
    for row in &rows {
        let opened = opener.open(conn, row)?;
        if let Some(money) = row.customer_id.and_then(|id| all.get_mut(&id)) {
            money.recent.push(opened);
        }
    }
    Ok(all)
}

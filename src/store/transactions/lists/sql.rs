//! Rows of transactions for lists.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::{TransactionKey, TransactionSums};
use crate::domain::kernel::time::Micros;
use crate::domain::transactions::filter::Narrow;
use crate::domain::transactions::id::TransId;
use crate::domain::transactions::status::{Operation, Status};
use crate::domain::transactions::totals::Amounts;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::transaction;
use crate::store::transactions::rows::{TransactionRow, confirmed};

/// Sums are added up in two parts, so that the database's whole numbers cannot overflow.
const PART: i64 = 1_000_000;

/// Which rows of an entrypoint to read.
pub(super) struct Cut {
    pub entrypoint_id: i64,
    pub after: Option<TransactionKey>,
    pub descending: bool,
    pub limit: usize,
}

/// The rows of an entrypoint that the columns admit, as a query without an order.
macro_rules! narrowed {
    ($entrypoint_id:expr, $narrow:expr) => {{
        let narrow: &Narrow = $narrow;
        let mut query = transaction::table.filter(transaction::entrypoint_id.eq($entrypoint_id)).into_boxed();
        if narrow.occurred.first > i64::MIN {
            query = query.filter(transaction::occurred_at_us.ge(narrow.occurred.first));
        }
        if narrow.occurred.last < i64::MAX {
            query = query.filter(transaction::occurred_at_us.le(narrow.occurred.last));
        }
        if narrow.amount.first > i64::MIN {
            query = query.filter(transaction::amount_units.ge(narrow.amount.first));
        }
        if narrow.amount.last < i64::MAX {
            query = query.filter(transaction::amount_units.le(narrow.amount.last));
        }
        if let Some(statuses) = &narrow.statuses {
            query = query.filter(transaction::status.eq_any(small(statuses)));
        }
        if let Some(operations) = &narrow.operations {
            query = query.filter(transaction::operation.eq_any(small(operations)));
        }
        if let Some(customers) = &narrow.customers {
            let ids: Vec<Option<i64>> = customers.iter().filter(|id| **id != 0).copied().map(Some).collect();
            query = match (ids.as_slice(), customers.contains(&0)) {
                ([one], false) => query.filter(transaction::customer_id.eq(*one)),
                // Alone, since SQLite uses no index for it beside others.
                ([], true) => query.filter(transaction::customer_id.is_null()),
                (_, true) => {
                    let is_named = transaction::customer_id.eq_any(ids);
                    query.filter(transaction::customer_id.is_null().or(is_named.assume_not_null()))
                }
                (_, false) => query.filter(transaction::customer_id.eq_any(ids)),
            };
        }
        if let Some(ids) = &narrow.ids {
            let own = ids.iter().filter_map(|id| TransId::parse(id));
            let own: Vec<Vec<u8>> =
                own.filter(|(place, _)| *place == $entrypoint_id).map(|(_, id)| id.0.to_vec()).collect();
            query = query.filter(transaction::trans_id.eq_any(own));
        }
        query
    }};
}

fn small(numbers: &std::collections::BTreeSet<i64>) -> Vec<i16> {
    numbers.iter().filter_map(|number| i16::try_from(*number).ok()).collect()
}

/// The next rows of an entrypoint in the order of time.
pub(super) fn slice(conn: &mut Conn, cut: &Cut, narrow: &Narrow) -> Result<Vec<TransactionRow>, StoreError> {
    let limit = i64::try_from(cut.limit).unwrap_or(i64::MAX);
    let place = cut.entrypoint_id;
    // Within one moment, another entrypoint's transactions stand before or after all of this one's.
    let after = cut.after.map(|after| {
        let id = match after.entrypoint_id.cmp(&place) {
            std::cmp::Ordering::Equal => after.id,
            std::cmp::Ordering::Less => [0; 16],
            std::cmp::Ordering::Greater => [0xff; 16],
        };
        (after.at, id.to_vec())
    });
    Ok(on!(conn, |c| {
        let mut query = narrowed!(place, narrow).select(TransactionRow::as_select()).limit(limit);
        if let Some((at, id)) = after {
            let (bound, same) = (transaction::occurred_at_us, transaction::occurred_at_us.eq(at));
            query = if cut.descending {
                let before = bound.lt(at).or(same.and(transaction::trans_id.lt(id)));
                query.filter(bound.le(at)).filter(before)
            } else {
                let behind = bound.gt(at).or(same.and(transaction::trans_id.gt(id)));
                query.filter(bound.ge(at)).filter(behind)
            };
        }
        // The entrypoint stands in the order, so that a plan which does not know it still reads by the index.
        query = if cut.descending {
            query.order((
                transaction::entrypoint_id.desc(),
                transaction::occurred_at_us.desc(),
                transaction::trans_id.desc(),
            ))
        } else {
            query.order((transaction::entrypoint_id, transaction::occurred_at_us, transaction::trans_id))
        };
        query.load(c)?
    }))
}

/// What a confirmed transaction adds to gross and net in its own currency: [`Amounts::counted`] as SQL.
fn counted() -> (String, String) {
    let listed = |numbers: &[i16]| numbers.iter().map(i16::to_string).collect::<Vec<_>>().join(", ");
    let moved = format!("status IN ({})", listed(&confirmed()));
    let is_sale = format!("operation = {}", Operation::Sale.number());
    let went_back = format!(
        "CASE WHEN status = {} AND amount_units > refunded_units THEN amount_units - refunded_units ELSE 0 END",
        Status::Refunded.rank()
    );
    let gross = format!("CASE WHEN {moved} AND {is_sale} THEN amount_units ELSE 0 END");
    let net = format!(
        "CASE WHEN {moved} AND {is_sale} \
         THEN COALESCE(net_units, amount_units - COALESCE(fee_units, 0)) - {went_back} \
         WHEN {moved} THEN -amount_units ELSE 0 END"
    );
    (gross, net)
}

/// The sums over all rows of an entrypoint that the columns admit (rules 15).
pub(super) fn sums(
    conn: &mut Conn,
    entrypoint_id: i64,
    narrow: &Narrow,
    base: &'static str,
) -> Result<TransactionSums, StoreError> {
    type Whole = (i64, i64, i64, i64, i64);
    type Foreign = (i16, i16, i64, Option<i64>, Option<i64>, i64, Option<i64>);
    let (gross, net) = counted();
    let whole = || {
        let sum = |of: &str| sql::<BigInt>(&format!("CAST(COALESCE(SUM({of}), 0) AS BIGINT)"));
        (
            sql::<BigInt>("COUNT(*)"),
            sum(&format!("({gross}) / {PART}")),
            sum(&format!("({gross}) % {PART}")),
            sum(&format!("({net}) / {PART}")),
            sum(&format!("({net}) % {PART}")),
        )
    };
    let is_base = || transaction::currency.eq(base);
    let (own, foreign, others): (Whole, i64, Vec<Foreign>) = on!(conn, |c| {
        let own = narrowed!(entrypoint_id, narrow).filter(is_base()).select(whole()).first(c)?;
        let is_foreign = diesel::dsl::not(is_base());
        let foreign = narrowed!(entrypoint_id, narrow).filter(is_foreign).count().get_result(c)?;
        let others = if foreign == 0 {
            Vec::new()
        } else {
            narrowed!(entrypoint_id, narrow)
                .filter(diesel::dsl::not(is_base()))
                .filter(transaction::base_units.is_not_null())
                .filter(transaction::status.eq_any(confirmed()))
                .select((
                    transaction::operation,
                    transaction::status,
                    transaction::amount_units,
                    transaction::fee_units,
                    transaction::net_units,
                    transaction::refunded_units,
                    transaction::base_units,
                ))
                .load(c)?
        };
        (own, foreign, others)
    });
    let joined = |high: i64, low: i64| i128::from(high) * i128::from(PART) + i128::from(low);
    let (count, amount_high, amount_low, net_high, net_low) = own;
    let mut sums = TransactionSums {
        count: count + foreign,
        amount: joined(amount_high, amount_low),
        net: joined(net_high, net_low),
    };
    for (operation, status, amount, fee, net, refunded, in_base) in others {
        let corrupt = || StoreError::Corrupt("a transaction has unreadable columns".into());
        let operation = Operation::from_repr(operation).ok_or_else(corrupt)?;
        let status = Status::from_repr(status).ok_or_else(corrupt)?;
        let amounts = Amounts { operation, status, amount, fee, net, refunded };
        let (gross, net) = amounts.counted_in_base(in_base.unwrap_or(0)).unwrap_or_default();
        sums.amount += gross;
        sums.net += net;
    }
    Ok(sums)
}

/// The times and amounts of confirmed sales of a customer, in the base currency.
pub(super) fn sales(
    conn: &mut Conn,
    entrypoint_id: i64,
    customer_id: i64,
    (from, to): (Micros, Micros),
    base: &str,
) -> Result<Vec<(Micros, i64)>, StoreError> {
    let rows: Vec<(i64, i64, Option<i64>, String)> = on!(conn, |c| transaction::table
        .filter(transaction::entrypoint_id.eq(entrypoint_id))
        .filter(transaction::customer_id.eq(customer_id))
        .filter(transaction::occurred_at_us.ge(from.0))
        .filter(transaction::occurred_at_us.lt(to.0))
        .filter(transaction::operation.eq(Operation::Sale.number()))
        .filter(transaction::status.eq_any(confirmed()))
        .select((
            transaction::occurred_at_us,
            transaction::amount_units,
            transaction::base_units,
            transaction::currency,
        ))
        .load(c))?;
    let in_base = |(at, amount, in_base, currency): (i64, i64, Option<i64>, String)| {
        let amount = if currency == base { Some(amount) } else { in_base };
        Some((Micros(at), amount?))
    };
    Ok(rows.into_iter().filter_map(in_base).collect())
}

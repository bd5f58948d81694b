//! Rows of customers for lists.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer};

use crate::domain::customer::{Customer, Lifecycle, Status, Stored};
use crate::domain::money::Money;
use crate::domain::time::Micros;
use crate::store::conn::Conn;
use crate::store::error::StoreError;
use crate::store::prepared::ask_postgres;
use crate::store::rows::{CustomerColumns, CustomerRow, customer_columns};
use crate::store::schema::customer;

/// A number greater than every customer's.
macro_rules! no_id {
    () => {
        "9223372036854775807"
    };
}
pub(super) use no_id;

// An entrypoint's customers are asked for by pairs: asked for by "entrypoint_id = … ORDER BY customer_id", a server that
// plans once for all entrypoints may walk down all customers, those of a hundred other entrypoints, to find the twenty of this one.

ask_postgres! {
    /// Customers of an entrypoint whose id is below another, greatest first.
    below<'a>(
        concat!("SELECT ", customer_columns!(), " FROM customer c WHERE c.status = ANY ("),
        statuses: &'a [i32] as Array<Integer>,
        ") AND (c.entrypoint_id, c.customer_id) < (", of: i64 as BigInt,
        ", ", from: i64 as BigInt,
        ") AND (c.entrypoint_id, c.customer_id) > (", of_none: i64 as BigInt,
        ", 0) ORDER BY c.entrypoint_id DESC, c.customer_id DESC LIMIT ", limit: i64 as BigInt,
        " OFFSET ", skip: i64 as BigInt;
        ""
    ) -> CustomerRow as CustomerColumns
}

ask_postgres! {
    /// As [`below`], above the other, least first.
    above<'a>(
        concat!("SELECT ", customer_columns!(), " FROM customer c WHERE c.status = ANY ("),
        statuses: &'a [i32] as Array<Integer>,
        ") AND (c.entrypoint_id, c.customer_id) > (", of: i64 as BigInt,
        ", ", from: i64 as BigInt,
        ") AND (c.entrypoint_id, c.customer_id) < (", of_all: i64 as BigInt,
        concat!(", ", no_id!(), ") ORDER BY c.entrypoint_id, c.customer_id LIMIT "), limit: i64 as BigInt,
        " OFFSET ", skip: i64 as BigInt;
        ""
    ) -> CustomerRow as CustomerColumns
}

/// Rows of an entrypoint in id order.
pub(super) fn slice(
    conn: &mut Conn,
    entrypoint_id: i64,
    statuses: &[i32],
    from: Option<i64>,
    descending: bool,
    skip: usize,
    limit: usize,
) -> Result<Vec<CustomerRow>, StoreError> {
    let (skip, limit) = (i64::try_from(skip).unwrap_or(i64::MAX), i64::try_from(limit).unwrap_or(i64::MAX));
    // As many as there are, so that the statement has one text and stays prepared; fewer are told more than once.
    let Some(first) = statuses.first() else { return Ok(Vec::new()) };
    let mut told = [*first; Status::ALL.len()];
    told.iter_mut().zip(statuses).for_each(|(place, status)| *place = *status);
    let [s0, s1, s2, s3] = told;
    let c = match conn {
        Conn::Postgres(c) if descending => {
            let from = from.unwrap_or(i64::MAX);
            return Ok(below(c, statuses, entrypoint_id, from, entrypoint_id, limit, skip)?);
        }
        Conn::Postgres(c) => {
            return Ok(above(c, statuses, entrypoint_id, from.unwrap_or(0), entrypoint_id, limit, skip)?);
        }
        Conn::Sqlite(c, ..) => c,
    };
    Ok({
        let has_status = customer::status.eq(s0).or(customer::status.eq(s1));
        let has_status = has_status.or(customer::status.eq(s2)).or(customer::status.eq(s3));
        let base = customer::table
            .filter(customer::entrypoint_id.eq(entrypoint_id))
            .filter(has_status)
            .select(CustomerRow::as_select())
            .offset(skip)
            .limit(limit);
        if descending {
            let from = from.unwrap_or(i64::MAX);
            base.filter(customer::customer_id.lt(from)).order(customer::customer_id.desc()).load(c)
        } else {
            let from = from.unwrap_or(0);
            base.filter(customer::customer_id.gt(from)).order(customer::customer_id.asc()).load(c)
        }
    }?)
}

/// Rows by id, in no order.
pub(super) fn rows_by_id(conn: &mut Conn, ids: &[i64]) -> Result<Vec<CustomerRow>, StoreError> {
    match conn {
        Conn::Sqlite(c, ..) => {
            let mut rows = Vec::with_capacity(ids.len());
            for id in ids {
                rows.extend(
                    customer::table
                        .find(id)
                        .select(CustomerRow::as_select())
                        .first::<CustomerRow>(c)
                        .optional()?,
                );
            }
            Ok(rows)
        }
        Conn::Postgres(c) => Ok(customer::table
            .filter(customer::customer_id.eq_any(ids))
            .select(CustomerRow::as_select())
            .load(c)?),
    }
}

pub(super) fn ordered(mut rows: Vec<CustomerRow>, descending: bool) -> Vec<CustomerRow> {
    rows.sort_unstable_by_key(|row| if descending { -row.customer_id } else { row.customer_id });
    rows
}

/// What the columns say of a customer, without opening the document.
pub(super) fn light(row: &CustomerRow) -> Result<Stored, StoreError> {
    let unreadable = || StoreError::Corrupt(format!("customer {}: unreadable columns", row.customer_id));
    let status = Status::of_code(row.status.into()).ok_or_else(unreadable)?;
    let lifecycle = Lifecycle::of_name(&row.lifecycle).ok_or_else(unreadable)?;
    let balance = Money::from_units(row.balance_units).ok_or_else(unreadable)?;
    let (created, updated) = (Micros(row.created_at_us), Micros(row.updated_at_us));
    let customer = Customer::erased(status, lifecycle, balance, created, updated);
    Ok(Stored { id: row.customer_id, version: row.version, customer, erased: false })
}

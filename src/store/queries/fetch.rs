//! Rows of customers for lists.

use diesel::prelude::*;

use crate::domain::customer::{Customer, Lifecycle, Status, Stored};
use crate::domain::money::Money;
use crate::domain::time::Micros;
use crate::store::conn::{Conn, on};
use crate::store::error::StoreError;
use crate::store::rows::CustomerRow;
use crate::store::schema::customer;

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
    Ok(on!(conn, |c| {
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
    })?)
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

//! Rows of customers for lists.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer};
use strum::VariantArray as _;

use crate::domain::customers::record::{Customer, Status, Stored};
use crate::domain::kernel::money::Money;
use crate::domain::kernel::time::Micros;
use crate::store::customers::rows::{CustomerColumns, CustomerRow};
use crate::store::engine::conn::Conn;
use crate::store::engine::error::StoreError;
use crate::store::engine::prepared::ask;
use crate::store::engine::schema::customer;

// Select by pairs (entrypoint, id). With "entrypoint_id = … ORDER BY customer_id" and a generic plan, the server may
// scan the customers of all entrypoints to find the twenty of this one.

/// Condition and order of the customers `c` of an entrypoint with ids below a bound, descending, or above it,
/// ascending. The macro takes the name of the generated statement, its documentation, and the text around the
/// condition: the beginning with its parameter, and the end.
macro_rules! by_pairs {
    (
        $(#[$doc:meta])*
        $below:ident, $above:ident: ($begin:expr, $param:ident: $type:ty as $sql:ty, $more:expr), $end:literal,
        $row:ty as $columns:ty
    ) => {
        by_pairs!($(#[$doc])* $below: ($begin, $param: $type as $sql, $more), "<", ">", "0", "DESC", $end, $row as $columns);
        by_pairs!($(#[$doc])* $above: ($begin, $param: $type as $sql, $more), ">", "<", "9223372036854775807", "", $end, $row as $columns);
    };
    (
        $(#[$doc:meta])*
        $name:ident: ($begin:expr, $param:ident: $type:ty as $sql:ty, $more:expr),
        $beyond:literal, $within:literal, $bound:literal, $direction:literal, $end:literal, $row:ty as $columns:ty
    ) => {
        $crate::store::engine::prepared::ask! {
            $(#[$doc])*
            fn $name<'a> of PgConnection(
                $begin, $param: $type as $sql,
                concat!($more, "(c.entrypoint_id, c.customer_id) ", $beyond, " ("), place: i64 as BigInt,
                ", ", from: i64 as BigInt,
                concat!(") AND (c.entrypoint_id, c.customer_id) ", $within, " ("), same_place: i64 as BigInt,
                concat!(
                    ", ", $bound, ") ORDER BY c.entrypoint_id ", $direction, ", c.customer_id ", $direction, " LIMIT "
                ), limit: i64 as BigInt,
                " OFFSET ", skip: i64 as BigInt;
                $end
            ) -> $row as $columns
        }
    };
}
pub(super) use by_pairs;

by_pairs! {
    /// Customers of an entrypoint that have one of some statuses.
    below, above: (
        concat!("SELECT ", customer_columns!(), " FROM customer c WHERE c.status = ANY ("),
        statuses: &'a [i32] as Array<Integer>,
        ") AND "
    ), "",
    CustomerRow as CustomerColumns
}

/// Rows of an entrypoint, in id order.
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
    let from = from.unwrap_or(if descending { i64::MAX } else { 0 });
    let c = match conn {
        Conn::Postgres(c) => {
            let ask = if descending { below } else { above };
            return Ok(ask(c, statuses, entrypoint_id, from, entrypoint_id, limit, skip)?);
        }
        Conn::Sqlite(c, ..) => c,
    };
    // Always bind as many statuses as exist, so that the text never changes and stays prepared; repeat one to fill up.
    let Some(first) = statuses.first() else { return Ok(Vec::new()) };
    let mut told = [*first; Status::VARIANTS.len()];
    told.iter_mut().zip(statuses).for_each(|(place, status)| *place = *status);
    let [s0, s1, s2, s3] = told;
    let has_status = customer::status.eq(s0).or(customer::status.eq(s1));
    let has_status = has_status.or(customer::status.eq(s2)).or(customer::status.eq(s3));
    let base = customer::table
        .filter(customer::entrypoint_id.eq(entrypoint_id))
        .filter(has_status)
        .select(CustomerRow::as_select())
        .offset(skip)
        .limit(limit);
    Ok(if descending {
        base.filter(customer::customer_id.lt(from)).order(customer::customer_id.desc()).load(c)?
    } else {
        base.filter(customer::customer_id.gt(from)).order(customer::customer_id.asc()).load(c)?
    })
}

ask! {
    /// Customers by entrypoint and id; one look-up each.
    fn placed<'a> of PgConnection(
        concat!("SELECT ", customer_columns!(), " FROM unnest("), places: &'a [i64] as Array<BigInt>,
        ", ", ids: &'a [i64] as Array<BigInt>;
        ") AS w (place, id) CROSS JOIN LATERAL (SELECT * FROM customer \
         WHERE entrypoint_id = w.place AND customer_id = w.id OFFSET 0) AS c"
    ) -> CustomerRow as CustomerColumns
}

/// Rows by entrypoint and id, in no order.
pub(super) fn rows_by_place(conn: &mut Conn, places: &[(i64, i64)]) -> Result<Vec<CustomerRow>, StoreError> {
    match conn {
        Conn::Sqlite(c, ..) => {
            let mut rows = Vec::with_capacity(places.len());
            for (entrypoint_id, id) in places {
                let row = customer::table
                    .find((entrypoint_id, id))
                    .select(CustomerRow::as_select())
                    .first::<CustomerRow>(c)
                    .optional()?;
                rows.extend(row);
            }
            Ok(rows)
        }
        Conn::Postgres(c) => {
            let (entrypoints, ids): (Vec<i64>, Vec<i64>) = places.iter().copied().unzip();
            Ok(placed(c, &entrypoints, &ids)?)
        }
    }
}

pub(super) fn ordered(mut rows: Vec<CustomerRow>, descending: bool) -> Vec<CustomerRow> {
    rows.sort_unstable_by_key(|row| if descending { -row.customer_id } else { row.customer_id });
    rows
}

/// A customer as far as the columns describe it, without opening the document.
pub(super) fn light(row: &CustomerRow) -> Result<Stored, StoreError> {
    let unreadable = || StoreError::Corrupt(format!("customer {}: unreadable columns", row.customer_id));
    let status = Status::of_code(row.status.into()).ok_or_else(unreadable)?;
    let lifecycle = row.lifecycle.parse().map_err(|_| unreadable())?;
    let balance = Money::from_units(row.balance_units).ok_or_else(unreadable)?;
    let (created, updated) = (Micros(row.created_at_us), Micros(row.updated_at_us));
    let customer = Customer::erased(status, lifecycle, balance, created, updated);
    Ok(Stored { id: row.customer_id, version: row.version, customer, erased: false })
}

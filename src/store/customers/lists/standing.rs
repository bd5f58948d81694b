//! What the transactions of listed customers come to: read beside the rows, and by index where it gives the order or narrows the
//! list (rules 15).

use std::collections::HashMap;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::{ListRequest, SLICE};
use crate::domain::filter::{Span, Standing, StandingField};
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::customer_total;

/// The rows in the base currency. The text is as in the indexes, which a parameter in its place would not reach.
const IS_BASE: &str = "currency = ''";

/// The same, in words that no partial index has: without statistics PostgreSQL would read all rows of an entrypoint from one of
/// them instead of those of a few customers from the primary key.
const IS_BASE_UNINDEXED: &str = "currency || '' = ''";

impl ListRequest {
    /// Whether it needs what transactions come to.
    pub(crate) fn needs_standing(&self) -> bool {
        self.filter.needs_standing() || self.sort.standing().is_some()
    }
}

/// What the transactions of some customers come to; those without transactions are left out.
///
/// # Errors
/// Database errors.
pub(crate) fn standings(
    conn: &mut Conn,
    places: &[(i64, i64)],
) -> Result<HashMap<i64, Standing>, StoreError> {
    let mut wanted: HashMap<i64, Vec<i64>> = HashMap::new();
    for (entrypoint_id, id) in places {
        wanted.entry(*entrypoint_id).or_default().push(*id);
    }
    let mut found = HashMap::new();
    for (entrypoint_id, ids) in wanted {
        for some in ids.chunks(SLICE) {
            let rows: Vec<(i64, i64, i64, i64)> = on!(conn, |c| customer_total::table
                .filter(customer_total::entrypoint_id.eq(entrypoint_id))
                .filter(customer_total::customer_id.eq_any(some))
                .filter(sql::<Bool>(IS_BASE_UNINDEXED))
                .select((
                    customer_total::customer_id,
                    customer_total::sales,
                    customer_total::gross_units,
                    customer_total::last_at_us,
                ))
                .load(c))?;
            let standing = |(id, sales, gross, last_at)| (id, Standing { sales, gross, last_at });
            found.extend(rows.into_iter().map(standing));
        }
    }
    Ok(found)
}

/// The next customers of an entrypoint in the order of a number above 0, after a number and an id: ids with their numbers.
pub(super) fn in_order(
    conn: &mut Conn,
    entrypoint_id: i64,
    field: StandingField,
    after: Option<(i64, i64)>,
    descending: bool,
    limit: usize,
) -> Result<Vec<(i64, i64)>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    macro_rules! by {
        ($c:ident, $column:expr) => {{
            let mut query = customer_total::table
                .filter(customer_total::entrypoint_id.eq(entrypoint_id))
                .filter(sql::<Bool>(IS_BASE))
                .filter($column.gt(0))
                .select((customer_total::customer_id, $column))
                .limit(limit)
                .into_boxed();
            if let Some((number, id)) = after {
                let same = $column.eq(number);
                query = if descending {
                    let behind = $column.lt(number).or(same.and(customer_total::customer_id.lt(id)));
                    query.filter($column.le(number)).filter(behind)
                } else {
                    let behind = $column.gt(number).or(same.and(customer_total::customer_id.gt(id)));
                    query.filter($column.ge(number)).filter(behind)
                };
            }
            if descending {
                let order = (
                    customer_total::entrypoint_id.desc(),
                    $column.desc(),
                    customer_total::customer_id.desc(),
                );
                query.order(order).load($c)?
            } else {
                query.order((customer_total::entrypoint_id, $column, customer_total::customer_id)).load($c)?
            }
        }};
    }
    Ok(on!(conn, |c| match field {
        StandingField::Count => by!(c, customer_total::sales),
        StandingField::Spent => by!(c, customer_total::gross_units),
        StandingField::Last => by!(c, customer_total::last_at_us),
    }))
}

/// The customers of an entrypoint with a number in a span above 0, in the order of their ids.
pub(super) fn within(
    conn: &mut Conn,
    entrypoint_id: i64,
    field: StandingField,
    span: Span,
) -> Result<Vec<i64>, StoreError> {
    macro_rules! by {
        ($c:ident, $column:expr) => {
            customer_total::table
                .filter(customer_total::entrypoint_id.eq(entrypoint_id))
                .filter(sql::<Bool>(IS_BASE))
                .filter($column.ge(span.first))
                .filter($column.le(span.last))
                .select(customer_total::customer_id)
                .load($c)?
        };
    }
    let mut ids: Vec<i64> = on!(conn, |c| match field {
        StandingField::Count => by!(c, customer_total::sales),
        StandingField::Spent => by!(c, customer_total::gross_units),
        StandingField::Last => by!(c, customer_total::last_at_us),
    });
    ids.sort_unstable();
    Ok(ids)
}

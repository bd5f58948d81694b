//! The interface to orders: reads by id, and lists. `customers` writes them.

use diesel::prelude::*;

use super::OrderRow;
use crate::domain::filter::ListOrder;
use crate::domain::orders::filter::{OrderField, OrderFilter};
use crate::domain::orders::{Order, OrderId};
use crate::store::Orders;
use crate::store::customers::find::{Found, find_each};
use crate::store::customers::record_cache::RecordCache;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::ordered::ordered;
use crate::store::engine::schema::sales_order;
use crate::store::keys::keyring::KeyRing;

/// A page of a list of orders.
#[derive(Debug, Clone)]
pub struct OrderRequest {
    /// The entrypoints; the token sees all of them.
    pub entrypoints: Vec<i64>,
    /// Which ones.
    pub filter: OrderFilter,
    /// Their order.
    pub order: ListOrder<OrderField>,
    /// Only those after this place: the value that they are sorted by, and the id.
    pub after: Option<(i64, OrderId)>,
    /// How many to skip.
    pub skip: i64,
    /// How many to read at most.
    pub limit: i64,
    /// Whether to count them.
    pub counts: bool,
}

impl OrderRequest {
    /// The newest ones of a customer. They are not counted.
    pub fn newest_of(entrypoint_id: i64, customer_id: i64, limit: i64) -> OrderRequest {
        OrderRequest {
            entrypoints: vec![entrypoint_id],
            filter: OrderFilter { customers: Some([customer_id].into()), ..OrderFilter::default() },
            order: ListOrder::default(),
            after: None,
            skip: 0,
            limit,
            counts: false,
        }
    }

    /// The place of an order of the list.
    pub fn place(&self, order: &Order) -> (i64, OrderId) {
        (self.order.by.map_or(0, |field| field.of(order)), order.id)
    }
}

/// An order with its customer.
#[derive(Debug, Clone)]
pub struct FoundOrder {
    /// The order.
    pub order: Order,
    /// Its customer.
    pub found: Found,
}

/// A page of a list.
#[derive(Debug, Clone)]
pub struct OrderPage {
    /// The orders.
    pub records: Vec<FoundOrder>,
    /// How many there are on all pages, if they were counted.
    pub total: Option<i64>,
    /// Whether there are more.
    pub has_more: bool,
}

/// The rows that a request asks for, in one entrypoint or several.
macro_rules! asked {
    ($request:expr) => {{
        let filter = &$request.filter;
        let mut rows =
            sales_order::table.filter(sales_order::entrypoint_id.eq_any(&$request.entrypoints)).into_boxed();
        if let Some(states) = &filter.states {
            rows = rows.filter(sales_order::state.eq_any(states.iter().map(|state| state.number())));
        }
        if let Some(customers) = &filter.customers {
            rows = rows.filter(sales_order::customer_id.eq_any(customers));
        }
        if let Some(from) = filter.created.from {
            rows = rows.filter(sales_order::created_at_us.ge(from));
        }
        if let Some(before) = filter.created.before {
            rows = rows.filter(sales_order::created_at_us.lt(before));
        }
        rows
    }};
}

/// The rows of a page in the order of the request.
macro_rules! sorted {
    ($rows:expr, $request:expr) => {{
        let after = $request.after.map(|(value, last)| (value, last.0.to_vec()));
        ordered!($rows, $request, id: sales_order::order_id, key: $request.order.by.map(column), after: after)
    }};
}

/// What [`OrderField::of`] is in SQL.
const fn column(field: OrderField) -> &'static str {
    match field {
        OrderField::CreatedAt => "sales_order.created_at_us",
        OrderField::Total => "sales_order.total_units",
    }
}

fn page(conn: &mut Conn, ring: &KeyRing, request: &OrderRequest) -> Result<OrderPage, StoreError> {
    let mut rows: Vec<OrderRow> =
        on!(conn, |c| sorted!(asked!(request), request).select(OrderRow::as_select()).load(c))?;
    let total =
        if request.counts { Some(on!(conn, |c| asked!(request).count().get_result(c))?) } else { None };
    let limit = usize::try_from(request.limit).unwrap_or(0);
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    Ok(OrderPage { records: with_customers(conn, ring, &rows)?, total, has_more })
}

/// The newest orders of a customer, and how many there are.
///
/// # Errors
/// The database's; [`StoreError::Corrupt`].
pub(crate) fn of_customer(
    conn: &mut Conn,
    ring: &KeyRing,
    found: &Found,
    limit: i64,
) -> Result<(Vec<FoundOrder>, i64), StoreError> {
    let request = OrderRequest::newest_of(found.entrypoint.id, found.record.stored.id, limit);
    let total: i64 = on!(conn, |c| asked!(request).count().get_result(c))?;
    if total == 0 {
        return Ok((Vec::new(), 0));
    }
    let rows: Vec<OrderRow> =
        on!(conn, |c| sorted!(asked!(request), request).limit(limit).select(OrderRow::as_select()).load(c))?;
    let salt = super::salt_of(conn, found.entrypoint.id, found.record.stored.id)?;
    let open = |row: &OrderRow| {
        Ok(FoundOrder { order: row.open(conn, ring, salt.as_deref())?, found: found.clone() })
    };
    Ok((rows.iter().map(open).collect::<Result<_, StoreError>>()?, total))
}

fn with_customers(conn: &mut Conn, ring: &KeyRing, rows: &[OrderRow]) -> Result<Vec<FoundOrder>, StoreError> {
    let mut records = Vec::with_capacity(rows.len());
    if rows.is_empty() {
        return Ok(records);
    }
    let places: Vec<(i64, i64)> = rows.iter().map(|row| (row.entrypoint_id, row.customer_id)).collect();
    let customers = find_each(conn, ring, &RecordCache::none(), &places)?;
    for (row, customer) in rows.iter().zip(customers) {
        let Some(found) = customer? else { continue };
        let salt = super::salt_of(conn, row.entrypoint_id, row.customer_id)?;
        records.push(FoundOrder { order: row.open(conn, ring, salt.as_deref())?, found });
    }
    Ok(records)
}

impl Orders<'_> {
    /// An order of an entrypoint, with its customer.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn find(self, entrypoint_id: i64, id: OrderId) -> Result<Option<FoundOrder>, StoreError> {
        self.0
            .look_up(move |conn, ring| {
                let row: Option<OrderRow> = on!(conn, |c| sales_order::table
                    .find((entrypoint_id, id.0.to_vec()))
                    .select(OrderRow::as_select())
                    .first(c)
                    .optional())?;
                let rows: Vec<OrderRow> = row.into_iter().collect();
                Ok(with_customers(conn, ring, &rows)?.pop())
            })
            .await
    }

    /// A page of a list, read from one state of the database.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn page(self, request: OrderRequest) -> Result<OrderPage, StoreError> {
        self.0.read(move |conn, ring| page(conn, ring, &request)).await
    }
}

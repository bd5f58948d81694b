//! Orders: rows of their own, sealed under the customer's salt. `customers::save` writes them in the transaction of their
//! command.

mod handle;
pub(crate) mod sealed;

use diesel::prelude::*;

pub(crate) use self::handle::of_customer;
pub use self::handle::{FoundOrder, OrderPage, OrderRequest};

use super::engine::conn::{Conn, on};
use super::engine::error::StoreError;
use super::engine::schema::{customer, sales_order};
use super::keys::keyring::KeyRing;
use crate::domain::kernel::money::Money;
use crate::domain::kernel::time::Micros;
use crate::domain::orders::{Collect, Order, OrderContent, OrderId, OrderState};
use crate::domain::transactions::currency::Currency;
use crate::vault::{Ad, Plain, SealKey};

/// A row of `sales_order`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = sales_order, treat_none_as_null = true)]
pub(crate) struct OrderRow {
    #[diesel(skip_update)]
    entrypoint_id: i64,
    #[diesel(skip_update)]
    order_id: Vec<u8>,
    customer_id: i64,
    version: i64,
    state: i16,
    collect: i16,
    currency: String,
    total_units: i64,
    invoice_id: Option<i64>,
    created_at_us: i64,
    updated_at_us: i64,
    key_id: i64,
    document: Option<Vec<u8>>,
}

impl OrderRow {
    /// A row of an order. `seal` is the key of its customer, `None` once the person is erased.
    ///
    /// # Errors
    /// The seal's.
    pub(crate) fn seal(
        entrypoint_id: i64,
        order: &Order,
        key_id: i64,
        seal: Option<&SealKey>,
    ) -> Result<OrderRow, StoreError> {
        let mut row = OrderRow {
            entrypoint_id,
            order_id: order.id.0.to_vec(),
            customer_id: order.customer_id,
            version: order.version,
            state: order.state.number(),
            collect: order.collect.number(),
            currency: order.currency.code().to_owned(),
            total_units: order.total.units(),
            invoice_id: order.invoice_id,
            created_at_us: order.created_at.0,
            updated_at_us: order.updated_at.0,
            key_id,
            document: None,
        };
        if let (Some(seal), Some(content)) = (seal, &order.content) {
            row.document = Some(seal.seal(&row.ad(), &Plain::from(serde_json::to_vec(content)?))?);
        }
        Ok(row)
    }

    /// Binds the sealed part to its place and to the columns beside it.
    fn ad(&self) -> Ad {
        let place = [
            self.entrypoint_id,
            self.customer_id,
            self.version,
            i64::from(self.state),
            i64::from(self.collect),
            self.total_units,
            self.invoice_id.unwrap_or(0),
            self.created_at_us,
            self.updated_at_us,
            self.key_id,
        ];
        Ad::new("order", &place).and(&self.order_id).and(self.currency.as_bytes())
    }

    fn id(&self) -> OrderId {
        crate::domain::transactions::id::TransId(self.order_id.as_slice().try_into().unwrap_or_default())
    }

    /// Opens the row with the salt of its customer; `None` once the person is erased.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it does not open; the database's.
    fn open(&self, conn: &mut Conn, ring: &KeyRing, salt: Option<&[u8]>) -> Result<Order, StoreError> {
        let shown = || self.id().show(self.entrypoint_id);
        let corrupt = || StoreError::Corrupt(format!("order {} does not open", shown()));
        let content: Option<OrderContent> = match (&self.document, salt) {
            (Some(document), Some(salt)) => {
                let seal = ring.data_key(conn, self.key_id)?.seal_key(salt)?;
                let plain = seal.open(&self.ad(), document).map_err(|_| corrupt())?;
                Some(serde_json::from_slice(&plain)?)
            }
            _ => None,
        };
        Ok(Order {
            id: self.id(),
            version: self.version,
            customer_id: self.customer_id,
            state: OrderState::from_repr(self.state).ok_or_else(corrupt)?,
            collect: Collect::from_repr(self.collect).ok_or_else(corrupt)?,
            currency: Currency::parse(&self.currency).map_err(|_| corrupt())?,
            total: Money::from_units(self.total_units).ok_or_else(corrupt)?,
            invoice_id: self.invoice_id,
            content,
            created_at: Micros(self.created_at_us),
            updated_at: Micros(self.updated_at_us),
        })
    }
}

/// The salt of a customer; none if the person is erased.
fn salt_of(conn: &mut Conn, entrypoint_id: i64, customer_id: i64) -> Result<Option<Vec<u8>>, StoreError> {
    let found: Option<Option<Vec<u8>>> = on!(conn, |c| customer::table
        .find((entrypoint_id, customer_id))
        .select(customer::salt)
        .first(c)
        .optional())?;
    Ok(found.flatten())
}

/// An order of an entrypoint.
///
/// # Errors
/// [`StoreError::Corrupt`] if it does not open; the database's.
pub(crate) fn one(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    id: OrderId,
) -> Result<Option<Order>, StoreError> {
    let row: Option<OrderRow> = on!(conn, |c| sales_order::table
        .find((entrypoint_id, id.0.to_vec()))
        .select(OrderRow::as_select())
        .first(c)
        .optional())?;
    let Some(row) = row else { return Ok(None) };
    let salt = salt_of(conn, entrypoint_id, row.customer_id)?;
    row.open(conn, ring, salt.as_deref()).map(Some)
}

/// Writes a row under the entrypoint's lock.
///
/// # Errors
/// The database's; [`StoreError::Bug`] if an order to change is not there.
pub(crate) fn save(conn: &mut Conn, row: &OrderRow, is_new: bool) -> Result<(), StoreError> {
    let there = sales_order::table.find((row.entrypoint_id, &row.order_id));
    let number = if is_new {
        on!(conn, |c| diesel::insert_into(sales_order::table).values(row).execute(c))?
    } else {
        on!(conn, |c| diesel::update(there).set(row).execute(c))?
    };
    if number == 1 { Ok(()) } else { Err(StoreError::Bug("an order vanished".into())) }
}

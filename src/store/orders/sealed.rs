//! Orders in the register of sealed tables.

use diesel::prelude::*;

use super::{OrderRow, salt_of, save};
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::sales_order;
use crate::store::keys::keyring::KeyRing;
use crate::store::keys::sealed_table::{Erased, Rekeying, SLICE, SealedTable, Walked};

/// The orders, under the keys of entrypoints and the customers' salts.
pub(crate) struct OrderTable;

fn after(conn: &mut Conn, entrypoint_id: i64, id: &[u8], most: i64) -> Result<Vec<OrderRow>, StoreError> {
    Ok(on!(conn, |c| sales_order::table
        .filter(sales_order::entrypoint_id.eq(entrypoint_id))
        .filter(sales_order::order_id.gt(id))
        .order(sales_order::order_id)
        .limit(most)
        .select(OrderRow::as_select())
        .load(c))?)
}

fn walked(rows: &[OrderRow]) -> Option<Walked> {
    rows.last().map(|row| Walked { rows: rows.len(), cursor: row.order_id.clone() })
}

impl SealedTable for OrderTable {
    fn name(&self) -> &'static str {
        "orders"
    }

    fn columns(&self) -> &'static [&'static str] {
        &["sales_order.document"]
    }

    /// What was ordered goes; that there was an order over an amount stays.
    fn erase(&self, conn: &mut Conn, _: &KeyRing, erased: &Erased<'_>) -> Result<(), StoreError> {
        on!(conn, |c| {
            let own = sales_order::table
                .filter(sales_order::entrypoint_id.eq(erased.entrypoint_id))
                .filter(sales_order::customer_id.eq(erased.id));
            diesel::update(own).set(sales_order::document.eq(None::<Vec<u8>>)).execute(c)
        })?;
        Ok(())
    }

    fn is_rotated(&self) -> bool {
        true
    }

    fn rekey(
        &self,
        conn: &mut Conn,
        ring: &KeyRing,
        to: &Rekeying<'_>,
    ) -> Result<Option<Walked>, StoreError> {
        let new = &to.keys.new.key;
        let rows = after(conn, to.entrypoint_id, to.cursor, to.most)?;
        for row in rows.iter().filter(|row| row.key_id != new.id) {
            let salt = salt_of(conn, row.entrypoint_id, row.customer_id)?;
            let order = row.open(conn, ring, salt.as_deref())?;
            let seal = salt.map(|salt| new.seal_key(&salt)).transpose()?;
            save(conn, &OrderRow::seal(row.entrypoint_id, &order, new.id, seal.as_ref())?, false)?;
        }
        Ok(walked(&rows))
    }

    fn under_key(&self, conn: &mut Conn, entrypoint_id: i64, key_id: i64) -> Result<i64, StoreError> {
        Ok(on!(conn, |c| sales_order::table
            .filter(sales_order::entrypoint_id.eq(entrypoint_id))
            .filter(sales_order::key_id.eq(key_id))
            .count()
            .get_result(c))?)
    }

    fn examine(
        &self,
        conn: &mut Conn,
        ring: &KeyRing,
        entrypoint_id: i64,
        cursor: &[u8],
    ) -> Result<Option<Walked>, StoreError> {
        let rows = after(conn, entrypoint_id, cursor, SLICE)?;
        for row in &rows {
            let salt = salt_of(conn, entrypoint_id, row.customer_id)?;
            let order = row.open(conn, ring, salt.as_deref())?;
            let agrees = order.content.as_ref().is_none_or(|content| content.sums.total == order.total);
            if !agrees {
                let id = order.id.show(entrypoint_id);
                return Err(StoreError::Corrupt(format!(
                    "order {id} comes to something else than its lines"
                )));
            }
        }
        Ok(walked(&rows))
    }

    fn is_well(&self, rows: usize) -> String {
        format!("all {rows} open")
    }
}

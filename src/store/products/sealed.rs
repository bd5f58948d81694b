//! Products in the register of sealed tables.

use diesel::prelude::*;

use super::{ProductRow, keep};
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::product;
use crate::store::keys::keyring::KeyRing;
use crate::store::keys::sealed_table::{Erased, Rekeying, SLICE, SealedTable, Walked};

/// The products, under the keys of entrypoints. They are nobody's personal data.
pub(crate) struct ProductTable;

/// The next products of an entrypoint after an id.
fn after(conn: &mut Conn, entrypoint_id: i64, id: &[u8], most: i64) -> Result<Vec<ProductRow>, StoreError> {
    Ok(on!(conn, |c| product::table
        .filter(product::entrypoint_id.eq(entrypoint_id))
        .filter(product::product_id.gt(id))
        .order(product::product_id)
        .limit(most)
        .select(ProductRow::as_select())
        .load(c))?)
}

fn walked(rows: &[ProductRow]) -> Option<Walked> {
    rows.last().map(|row| Walked { rows: rows.len(), cursor: row.product_id.clone() })
}

impl SealedTable for ProductTable {
    fn name(&self) -> &'static str {
        "products"
    }

    fn columns(&self) -> &'static [&'static str] {
        &["product.document"]
    }

    fn erase(&self, _: &mut Conn, _: &KeyRing, _: &Erased<'_>) -> Result<(), StoreError> {
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
            let opened = row.open(conn, ring)?;
            keep(conn, &ProductRow::seal(row.entrypoint_id, &opened, new)?)?;
        }
        Ok(walked(&rows))
    }

    fn under_key(&self, conn: &mut Conn, entrypoint_id: i64, key_id: i64) -> Result<i64, StoreError> {
        Ok(on!(conn, |c| product::table
            .filter(product::entrypoint_id.eq(entrypoint_id))
            .filter(product::key_id.eq(key_id))
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
            row.open(conn, ring)?;
        }
        Ok(walked(&rows))
    }

    fn is_well(&self, rows: usize) -> String {
        format!("all {rows} open")
    }
}

//! Comments in the register of sealed tables.

use diesel::prelude::*;

use super::{CommentRow, salt_of};
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::{comment, comment_book};
use crate::store::keys::keyring::KeyRing;
use crate::store::keys::sealed_table::{Erased, Rekeying, SLICE, SealedTable, Walked};

/// The comments, under the keys of entrypoints and the customers' salts.
pub(crate) struct CommentTable;

/// The customer and the number in a cursor. An empty cursor begins.
fn place_at(cursor: &[u8]) -> (i64, i64) {
    let number = |bytes: &[u8]| bytes.try_into().map_or(0, i64::from_be_bytes);
    cursor.split_at_checked(8).map_or((0, 0), |(customer, comment)| (number(customer), number(comment)))
}

/// The next comments of an entrypoint after a cursor.
fn after(
    conn: &mut Conn,
    entrypoint_id: i64,
    cursor: &[u8],
    most: i64,
) -> Result<Vec<CommentRow>, StoreError> {
    let (customer_id, comment_id) = place_at(cursor);
    let of_the_same = comment::customer_id.eq(customer_id).and(comment::comment_id.gt(comment_id));
    Ok(on!(conn, |c| comment::table
        .filter(comment::entrypoint_id.eq(entrypoint_id))
        .filter(comment::customer_id.ge(customer_id))
        .filter(comment::customer_id.gt(customer_id).or(of_the_same))
        .order((comment::customer_id, comment::comment_id))
        .limit(most)
        .select(CommentRow::as_select())
        .load(c))?)
}

fn walked(rows: &[CommentRow]) -> Option<Walked> {
    let cursor = |row: &CommentRow| [row.customer_id.to_be_bytes(), row.comment_id.to_be_bytes()].concat();
    rows.last().map(|row| Walked { rows: rows.len(), cursor: cursor(row) })
}

/// The salt of the customer of a comment.
fn salt(conn: &mut Conn, row: &CommentRow) -> Result<Vec<u8>, StoreError> {
    salt_of(conn, row.entrypoint_id, row.customer_id)?.ok_or_else(|| {
        let (customer, comment) = (row.customer_id, row.comment_id);
        StoreError::Corrupt(format!("comment {comment} is left of the erased customer {customer}"))
    })
}

impl SealedTable for CommentTable {
    fn name(&self) -> &'static str {
        "comments"
    }

    fn columns(&self) -> &'static [&'static str] {
        &["comment.document"]
    }

    fn erase(&self, conn: &mut Conn, _: &KeyRing, erased: &Erased<'_>) -> Result<(), StoreError> {
        let (place, id) = (erased.entrypoint_id, erased.id);
        on!(conn, |c| {
            let comments = comment::table.filter(comment::entrypoint_id.eq(place));
            diesel::delete(comments.filter(comment::customer_id.eq(id))).execute(c)?;
            diesel::delete(comment_book::table.find((place, id))).execute(c)
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
            let salt = salt(conn, row)?;
            let plain = ring.data_key(conn, row.key_id)?.seal_key(&salt)?.open(&row.ad(), &row.document)?;
            let mut moved = CommentRow { key_id: new.id, ..row.clone() };
            moved.document = new.seal_key(&salt)?.seal(&moved.ad(), &plain)?;
            let there = comment::table.find((row.entrypoint_id, row.customer_id, row.comment_id));
            on!(conn, |c| diesel::update(there).set(&moved).execute(c))?;
        }
        Ok(walked(&rows))
    }

    fn under_key(&self, conn: &mut Conn, entrypoint_id: i64, key_id: i64) -> Result<i64, StoreError> {
        Ok(on!(conn, |c| comment::table
            .filter(comment::entrypoint_id.eq(entrypoint_id))
            .filter(comment::key_id.eq(key_id))
            .count()
            .get_result(c))?)
    }

    /// Opens each comment, and counts those of each customer whose last comment is among them.
    fn examine(
        &self,
        conn: &mut Conn,
        ring: &KeyRing,
        entrypoint_id: i64,
        cursor: &[u8],
    ) -> Result<Option<Walked>, StoreError> {
        let rows = after(conn, entrypoint_id, cursor, SLICE)?;
        let mut customers: Vec<i64> = Vec::new();
        for row in &rows {
            let salt = salt(conn, row)?;
            row.open(conn, ring, &salt)?;
            if customers.last() != Some(&row.customer_id) {
                customers.push(row.customer_id);
            }
        }
        for id in customers {
            let counted = super::book(conn, entrypoint_id, id)?;
            let of_customer = comment::table
                .filter(comment::entrypoint_id.eq(entrypoint_id))
                .filter(comment::customer_id.eq(id));
            let (there, last): (i64, Option<i64>) = on!(conn, |c| of_customer
                .select((diesel::dsl::count_star(), diesel::dsl::max(comment::comment_id)))
                .first(c))?;
            if there != counted.count || last.is_some_and(|last| last >= counted.next_id) {
                return Err(StoreError::Corrupt(format!(
                    "customer {id} counts {} comments but has {there}",
                    counted.count
                )));
            }
        }
        Ok(walked(&rows))
    }

    fn is_well(&self, rows: usize) -> String {
        format!("all {rows} open and are counted")
    }
}

//! Idempotency records in the register of sealed tables: walks those of an entrypoint, to rotate keys and to examine.

use diesel::prelude::*;

use super::{IdempotencyRow, digest, outcome_ad};
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::{customer, idempotency};
use crate::store::index::digests::{self, Records};
use crate::store::keys::keyring::{ENTRYPOINT_SALT, KeyRing};
use crate::store::keys::sealed_table::{Erased, Rekeying, SLICE, SealedTable, Walked, by_id_after, id_at};

/// A cursor on PostgreSQL: the expiry of a record, and the hash of its key.
fn cursor_of(row: &IdempotencyRow) -> Vec<u8> {
    [row.expires_at_us.to_be_bytes().as_slice(), &row.key_hash].concat()
}

/// The expiry and hash in such a cursor. An empty cursor begins.
fn place_at(cursor: &[u8]) -> (i64, &[u8]) {
    cursor.split_first_chunk().map_or((i64::MIN, &[]), |(expires, hash)| (i64::from_be_bytes(*expires), hash))
}

/// The next records of an entrypoint after a cursor, each with its own cursor; an empty cursor begins.
fn after(
    conn: &mut Conn,
    entrypoint_id: i64,
    cursor: &[u8],
    most: i64,
) -> Result<Vec<(Vec<u8>, IdempotencyRow)>, StoreError> {
    match conn {
        Conn::Sqlite(c, _) => {
            let rows: Vec<(i64, IdempotencyRow)> =
                by_id_after!(idempotency, record_id, entrypoint_id, cursor)
                    .limit(most)
                    .select((idempotency::record_id, IdempotencyRow::as_select()))
                    .load(c)?;
            Ok(rows.into_iter().map(|(id, row)| (id.to_be_bytes().to_vec(), row)).collect())
        }
        Conn::Postgres(c) => {
            let (expires_at_us, key_hash) = place_at(cursor);
            let is_later = idempotency::expires_at_us.gt(expires_at_us);
            let rows: Vec<IdempotencyRow> = idempotency::table
                .filter(idempotency::entrypoint_id.eq(entrypoint_id))
                .filter(idempotency::expires_at_us.ge(expires_at_us))
                .filter(is_later.or(idempotency::key_hash.gt(key_hash)))
                .order((idempotency::expires_at_us, idempotency::key_hash))
                .limit(most)
                .select(IdempotencyRow::as_select())
                .load(c)?;
            Ok(rows.into_iter().map(|row| (cursor_of(&row), row)).collect())
        }
    }
}

/// Replaces the data key and the sealed part of the record at a cursor.
fn seal_anew(conn: &mut Conn, cursor: &[u8], moved: &IdempotencyRow) -> Result<(), StoreError> {
    let sealed = (idempotency::key_id.eq(moved.key_id), idempotency::detail.eq(&moved.detail));
    match conn {
        Conn::Sqlite(c, _) => {
            diesel::update(idempotency::table.filter(idempotency::record_id.eq(id_at(cursor))))
                .set(sealed)
                .execute(c)?
        }
        Conn::Postgres(c) => {
            let row = idempotency::table.find((moved.entrypoint_id, &moved.key_hash));
            diesel::update(row).set(sealed).execute(c)?
        }
    };
    Ok(())
}

/// The idempotency records.
pub(crate) struct IdempotencyTable;

impl SealedTable for IdempotencyTable {
    fn name(&self) -> &'static str {
        "idempotency"
    }

    fn columns(&self) -> &'static [&'static str] {
        &["idempotency.detail"]
    }

    /// Does nothing: the detail is sealed under the customer's salt, and no longer opens once that is erased. The
    /// record must still say that the key was used.
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
        let (place, keys) = (to.entrypoint_id, to.keys);
        let rows = after(conn, place, to.cursor, to.most)?;
        let walked = walked(&rows);
        for (cursor, row) in rows.into_iter().filter(|(_, row)| row.key_id != keys.new.key.id) {
            let salt: Option<Vec<u8>> = match row.customer_id {
                Some(id) => on!(conn, |c| customer::table.find((place, id)).select(customer::salt).first(c))?,
                None => Some(ENTRYPOINT_SALT.to_vec()),
            };
            let mut moved = IdempotencyRow { key_id: keys.new.key.id, ..row.clone() };
            // Without the salt of an erased person the detail opens under no key.
            if let Some(salt) = salt {
                let plain =
                    ring.data_key(conn, row.key_id)?.seal_key(&salt)?.open(&outcome_ad(&row), &row.detail)?;
                moved.detail = keys.new.key.seal_key(&salt)?.seal(&outcome_ad(&moved), &plain)?;
            }
            seal_anew(conn, &cursor, &moved)?;
        }
        Ok(walked)
    }

    fn under_key(&self, conn: &mut Conn, entrypoint_id: i64, key_id: i64) -> Result<i64, StoreError> {
        Ok(on!(conn, |c| idempotency::table
            .filter(idempotency::entrypoint_id.eq(entrypoint_id))
            .filter(idempotency::key_id.eq(key_id))
            .count()
            .get_result(c))?)
    }

    /// Checks that each record is found by its key.
    fn examine(
        &self,
        conn: &mut Conn,
        _: &KeyRing,
        entrypoint_id: i64,
        cursor: &[u8],
    ) -> Result<Option<Walked>, StoreError> {
        let rows = after(conn, entrypoint_id, cursor, SLICE)?;
        if let Conn::Sqlite(..) = conn {
            let digests: Vec<Vec<u8>> = rows.iter().map(|(_, row)| digest(&row.key_hash)).collect();
            let found = digests::find::<Records>(conn, entrypoint_id, &digests)?;
            for ((cursor, _), digest) in rows.iter().zip(&digests) {
                let id = id_at(cursor);
                if !found.get(digest).is_some_and(|ids| ids.contains(&id)) {
                    return Err(StoreError::Corrupt(format!(
                        "idempotency record {id} is not found by its key: a retry would act again"
                    )));
                }
            }
        }
        Ok(walked(&rows))
    }

    fn is_well(&self, _: usize) -> String {
        "all idempotency records are found by their keys".into()
    }
}

fn walked(rows: &[(Vec<u8>, IdempotencyRow)]) -> Option<Walked> {
    rows.last().map(|(cursor, _)| Walked { rows: rows.len(), cursor: cursor.clone() })
}

//! Secrets of webhooks in the register of sealed tables.

use diesel::prelude::*;

use super::IngestSecretRow;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::ingest_secret;
use crate::store::keys::keyring::KeyRing;
use crate::store::keys::sealed_table::{Erased, Rekeying, SLICE, SealedTable, Walked, by_id_after};

/// The secrets, under the keys of entrypoints. They are nobody's personal data.
pub(crate) struct IngestSecretTable;

impl SealedTable for IngestSecretTable {
    fn name(&self) -> &'static str {
        "secrets of webhooks"
    }

    fn columns(&self) -> &'static [&'static str] {
        &["ingest_secret.secret"]
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
        let rows: Vec<IngestSecretRow> =
            on!(conn, |c| by_id_after!(ingest_secret, secret_id, to.entrypoint_id, to.cursor)
                .limit(to.most)
                .select(IngestSecretRow::as_select())
                .load(c))?;
        for row in rows.iter().filter(|row| row.key_id != new.id) {
            let secret = row.open(conn, ring)?;
            let moved = row.clone().seal(new, &secret)?;
            let there = ingest_secret::table.find((row.entrypoint_id, row.secret_id));
            on!(conn, |c| diesel::update(there).set(&moved).execute(c))?;
        }
        Ok(Walked::by_id(rows.len(), rows.last().map(|row| row.secret_id)))
    }

    fn under_key(&self, conn: &mut Conn, entrypoint_id: i64, key_id: i64) -> Result<i64, StoreError> {
        Ok(on!(conn, |c| ingest_secret::table
            .filter(ingest_secret::entrypoint_id.eq(entrypoint_id))
            .filter(ingest_secret::key_id.eq(key_id))
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
        let rows: Vec<IngestSecretRow> =
            on!(conn, |c| by_id_after!(ingest_secret, secret_id, entrypoint_id, cursor)
                .limit(SLICE)
                .select(IngestSecretRow::as_select())
                .load(c))?;
        for row in &rows {
            row.open(conn, ring)?;
            row.shown()?;
        }
        Ok(Walked::by_id(rows.len(), rows.last().map(|row| row.secret_id)))
    }

    fn is_well(&self, rows: usize) -> String {
        format!("all {rows} open")
    }
}

//! Mails in the register of sealed tables.

use diesel::prelude::*;

use super::{MailRow, drop_all};
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::mail_outbox;
use crate::store::keys::keyring::KeyRing;
use crate::store::keys::sealed_table::{Erased, SLICE, SealedTable, Walked, by_id_after};

/// The mails that are not yet sent or given up, sealed under the key of the service and their own salts.
pub(crate) struct MailTable;

impl SealedTable for MailTable {
    fn name(&self) -> &'static str {
        "mails"
    }

    fn columns(&self) -> &'static [&'static str] {
        &["mail_outbox.content"]
    }

    fn erase(&self, conn: &mut Conn, _: &KeyRing, erased: &Erased<'_>) -> Result<(), StoreError> {
        drop_all(conn, erased.entrypoint_id, erased.id, erased.now)
    }

    /// Checks that each mail opens.
    fn examine(
        &self,
        conn: &mut Conn,
        ring: &KeyRing,
        entrypoint_id: i64,
        cursor: &[u8],
    ) -> Result<Option<Walked>, StoreError> {
        let next = by_id_after!(mail_outbox, mail_id, entrypoint_id, cursor).limit(SLICE);
        let rows: Vec<MailRow> = on!(conn, |c| next.select(MailRow::as_select()).load(c))?;
        for row in &rows {
            row.content(conn, ring)?;
        }
        Ok(Walked::by_id(rows.len(), rows.last().map(|row| row.mail_id)))
    }

    fn is_well(&self, _: usize) -> String {
        "every unsent mail opens".into()
    }
}

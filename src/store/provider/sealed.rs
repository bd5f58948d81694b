//! Calls of payment providers in the register of sealed tables.

use diesel::prelude::*;

use super::{CallRow, save};
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::provider_call;
use crate::store::keys::keyring::KeyRing;
use crate::store::keys::sealed_table::{Erased, Rekeying, SLICE, SealedTable, Walked};

/// The calls, under the keys of entrypoints and the customers' salts.
pub(crate) struct ProviderTable;

fn after(conn: &mut Conn, entrypoint_id: i64, id: &[u8], most: i64) -> Result<Vec<CallRow>, StoreError> {
    Ok(on!(conn, |c| provider_call::table
        .filter(provider_call::entrypoint_id.eq(entrypoint_id))
        .filter(provider_call::call_id.gt(id))
        .order(provider_call::call_id)
        .limit(most)
        .select(CallRow::as_select())
        .load(c))?)
}

fn walked(rows: &[CallRow]) -> Option<Walked> {
    rows.last().map(|row| Walked { rows: rows.len(), cursor: row.call_id.clone() })
}

impl SealedTable for ProviderTable {
    fn name(&self) -> &'static str {
        "provider calls"
    }

    fn columns(&self) -> &'static [&'static str] {
        &["provider_call.document"]
    }

    /// What was charged goes; that money moved stays.
    fn erase(&self, conn: &mut Conn, _: &KeyRing, erased: &Erased<'_>) -> Result<(), StoreError> {
        on!(conn, |c| {
            let own = provider_call::table
                .filter(provider_call::entrypoint_id.eq(erased.entrypoint_id))
                .filter(provider_call::customer_id.eq(erased.id));
            diesel::update(own).set(provider_call::document.eq(None::<Vec<u8>>)).execute(c)
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
            let call = row.open(conn, ring)?;
            let seal = row.salt(conn)?.map(|salt| new.seal_key(&salt)).transpose()?;
            save(conn, &CallRow::seal(row.entrypoint_id, &call, new.id, seal.as_ref())?, false)?;
        }
        Ok(walked(&rows))
    }

    fn under_key(&self, conn: &mut Conn, entrypoint_id: i64, key_id: i64) -> Result<i64, StoreError> {
        Ok(on!(conn, |c| provider_call::table
            .filter(provider_call::entrypoint_id.eq(entrypoint_id))
            .filter(provider_call::key_id.eq(key_id))
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
            let call = row.open(conn, ring)?;
            if call.state.is_final() == call.due_at.is_some() {
                let id = call.id.show(entrypoint_id);
                return Err(StoreError::Corrupt(format!(
                    "provider call {id} is through and still due, or neither"
                )));
            }
        }
        Ok(walked(&rows))
    }

    fn is_well(&self, rows: usize) -> String {
        format!("all {rows} open")
    }
}

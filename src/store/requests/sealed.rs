//! Requests in the register of sealed tables.

use diesel::prelude::*;

use super::{RequestRow, save};
use crate::domain::requests::RequestState;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::payment_request;
use crate::store::keys::keyring::KeyRing;
use crate::store::keys::sealed_table::{Erased, Rekeying, SLICE, SealedTable, Walked};

/// The requests, under the keys of entrypoints and the customers' salts.
pub(crate) struct RequestTable;

fn after(conn: &mut Conn, entrypoint_id: i64, id: &[u8], most: i64) -> Result<Vec<RequestRow>, StoreError> {
    Ok(on!(conn, |c| payment_request::table
        .filter(payment_request::entrypoint_id.eq(entrypoint_id))
        .filter(payment_request::request_id.gt(id))
        .order(payment_request::request_id)
        .limit(most)
        .select(RequestRow::as_select())
        .load(c))?)
}

fn walked(rows: &[RequestRow]) -> Option<Walked> {
    rows.last().map(|row| Walked { rows: rows.len(), cursor: row.request_id.clone() })
}

impl SealedTable for RequestTable {
    fn name(&self) -> &'static str {
        "requests"
    }

    fn columns(&self) -> &'static [&'static str] {
        &["payment_request.document"]
    }

    /// What was asked for in words goes; that something was asked for stays. Nothing can be answered any more.
    fn erase(&self, conn: &mut Conn, _: &KeyRing, erased: &Erased<'_>) -> Result<(), StoreError> {
        let open =
            [RequestState::New, RequestState::InProgress, RequestState::Declined].map(RequestState::number);
        on!(conn, |c| {
            let own = payment_request::table
                .filter(payment_request::entrypoint_id.eq(erased.entrypoint_id))
                .filter(payment_request::customer_id.eq(erased.id));
            diesel::update(own).set(payment_request::document.eq(None::<Vec<u8>>)).execute(c)?;
            let waiting = own.filter(payment_request::state.eq_any(open));
            diesel::update(waiting)
                .set(payment_request::state.eq(RequestState::Cancelled.number()))
                .execute(c)
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
            let salt = row.salt(conn)?;
            let request = row.open_with(conn, ring, salt.as_deref())?;
            let seal = salt.map(|salt| new.seal_key(&salt)).transpose()?;
            save(conn, &RequestRow::seal(row.entrypoint_id, &request, new.id, seal.as_ref())?, false)?;
        }
        Ok(walked(&rows))
    }

    fn under_key(&self, conn: &mut Conn, entrypoint_id: i64, key_id: i64) -> Result<i64, StoreError> {
        Ok(on!(conn, |c| payment_request::table
            .filter(payment_request::entrypoint_id.eq(entrypoint_id))
            .filter(payment_request::key_id.eq(key_id))
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
            let request = row.open(conn, ring)?;
            if request.max_uses.is_some_and(|most| request.uses > most && request.state.is_open()) {
                let id = request.id.show(entrypoint_id);
                return Err(StoreError::Corrupt(format!(
                    "request {id} is open although it was answered as often as it can be"
                )));
            }
        }
        Ok(walked(&rows))
    }

    fn is_well(&self, rows: usize) -> String {
        format!("all {rows} open")
    }
}

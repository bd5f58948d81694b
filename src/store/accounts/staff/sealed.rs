//! Members of staff in the register of sealed tables.

use diesel::prelude::*;

use super::rows::MemberRow;
use super::views;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::staff_member;
use crate::store::keys::keyring::{KeyRing, SERVICE_ENTRYPOINT};
use crate::store::keys::sealed_table::{Erased, SLICE, SealedTable, Walked};

/// The members, sealed under the key of the service and their own salts. They are no customers, so an erase leaves them.
pub(crate) struct StaffTable;

impl SealedTable for StaffTable {
    fn name(&self) -> &'static str {
        "staff"
    }

    fn columns(&self) -> &'static [&'static str] {
        &["staff_member.document", "staff_view.query"]
    }

    fn erase(&self, _: &mut Conn, _: &KeyRing, _: &Erased<'_>) -> Result<(), StoreError> {
        Ok(())
    }

    /// Checks that each member opens with its views, and is found by the e-mail address.
    fn examine(
        &self,
        conn: &mut Conn,
        ring: &KeyRing,
        entrypoint_id: i64,
        cursor: &[u8],
    ) -> Result<Option<Walked>, StoreError> {
        if entrypoint_id != SERVICE_ENTRYPOINT {
            return Ok(None);
        }
        let after = String::from_utf8_lossy(cursor).into_owned();
        let rows: Vec<MemberRow> = on!(conn, |c| staff_member::table
            .filter(staff_member::member_id.gt(&after))
            .order(staff_member::member_id)
            .limit(SLICE)
            .select(MemberRow::as_select())
            .load(c))?;
        let count = rows.len();
        let last = rows.last().map(|row| row.member_id.clone().into_bytes());
        for row in rows {
            views::of_member(conn, ring, &row.member_id)?;
            row.open(conn, ring)?;
        }
        Ok(last.map(|cursor| Walked { rows: count, cursor }))
    }

    fn is_well(&self, rows: usize) -> String {
        format!("all {rows} members open")
    }
}

//! Labels in the register of sealed tables.

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::{LabelRow, all};
use crate::domain::labels::growth;
use crate::store::customers::load::customer_rows;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::{customer, label};
use crate::store::keys::keyring::KeyRing;
use crate::store::keys::sealed_table::{Erased, Rekeying, SLICE, SealedTable, Walked, by_id_after};

/// The labels, under the keys of entrypoints.
pub(crate) struct LabelTable;

impl SealedTable for LabelTable {
    fn name(&self) -> &'static str {
        "labels"
    }

    fn columns(&self) -> &'static [&'static str] {
        &["label.name"]
    }

    /// Does nothing: the change that erases counts the person's labels down, and the last one removes the row.
    fn erase(&self, _: &mut Conn, _: &KeyRing, _: &Erased<'_>) -> Result<(), StoreError> {
        Ok(())
    }

    fn is_rotated(&self) -> bool {
        true
    }

    /// Moves those that no write has moved. They leave the old hashes, so the walk begins anew each time.
    fn rekey(
        &self,
        conn: &mut Conn,
        ring: &KeyRing,
        to: &Rekeying<'_>,
    ) -> Result<Option<Walked>, StoreError> {
        let new = &to.keys.new.key;
        let rows: Vec<LabelRow> = on!(conn, |c| label::table
            .filter(label::entrypoint_id.eq(to.entrypoint_id))
            .filter(label::key_id.ne(new.id))
            .limit(to.most)
            .select(LabelRow::as_select())
            .load(c))?;
        for row in &rows {
            let moved = LabelRow::new(row.entrypoint_id, new, &row.open(conn, ring)?, row.customers)?;
            on!(conn, |c| {
                diesel::delete(label::table.find((row.entrypoint_id, &row.digest))).execute(c)?;
                diesel::insert_into(label::table).values(&moved).execute(c)
            })?;
        }
        Ok((!rows.is_empty()).then(|| Walked { rows: rows.len(), cursor: Vec::new() }))
    }

    fn under_key(&self, conn: &mut Conn, entrypoint_id: i64, key_id: i64) -> Result<i64, StoreError> {
        Ok(on!(conn, |c| label::table
            .filter(label::entrypoint_id.eq(entrypoint_id))
            .filter(label::key_id.eq(key_id))
            .count()
            .get_result(c))?)
    }

    /// Counts the labels of all live customers anew, in the one snapshot of a step.
    fn examine(
        &self,
        conn: &mut Conn,
        ring: &KeyRing,
        entrypoint_id: i64,
        cursor: &[u8],
    ) -> Result<Option<Walked>, StoreError> {
        if !cursor.is_empty() {
            return Ok(None);
        }
        let counted: BTreeMap<String, i64> = all(conn, ring, entrypoint_id)?.into_iter().collect();
        let mut there: BTreeMap<String, i64> = BTreeMap::new();
        let mut last = Vec::new();
        loop {
            let next = by_id_after!(customer, customer_id, entrypoint_id, &last).limit(SLICE);
            let ids: Vec<i64> = on!(conn, |c| next.select(customer::customer_id).load(c))?;
            let Some(end) = ids.last() else { break };
            last = end.to_be_bytes().to_vec();
            let mut slice = Vec::with_capacity(ids.len());
            for row in customer_rows(conn, entrypoint_id, &ids)? {
                slice.push(row.open(&*ring.data_key(conn, row.key_id)?)?.customer);
            }
            for (label, number) in growth(slice.iter().map(|customer| (None, customer))) {
                *there.entry(label.to_owned()).or_default() += number;
            }
        }
        if there == counted {
            return Ok(Some(Walked { rows: counted.len(), cursor: vec![1] }));
        }
        let is_wrong = |label: &&String| there.get(*label) != counted.get(*label);
        let wrong =
            there.keys().chain(counted.keys()).filter(is_wrong).collect::<std::collections::BTreeSet<_>>();
        Err(StoreError::Corrupt(format!(
            "the customers of {} labels of entrypoint {entrypoint_id} are counted wrongly",
            wrong.len()
        )))
    }

    fn is_well(&self, rows: usize) -> String {
        format!("all {rows} open, and a recount agrees")
    }
}

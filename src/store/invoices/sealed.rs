//! Invoices in the register of sealed tables, with their documents and the series of their numbers.

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::{InvoiceRow, digest, documents};
use crate::domain::invoices::{Invoice, InvoiceKind, InvoiceState};
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::{invoice, invoice_document};
use crate::store::entrypoints::lock_row::read_lock_row;
use crate::store::keys::keyring::KeyRing;
use crate::store::keys::sealed_table::{Erased, Rekeying, SLICE, SealedTable, Walked, by_id_after};

/// The invoices, each under a salt of its own and the key of its entrypoint.
pub(crate) struct InvoiceTable;

fn rows(
    conn: &mut Conn,
    entrypoint_id: i64,
    cursor: &[u8],
    most: i64,
) -> Result<Vec<InvoiceRow>, StoreError> {
    Ok(on!(conn, |c| by_id_after!(invoice, invoice_id, entrypoint_id, cursor)
        .limit(most)
        .select(InvoiceRow::as_select())
        .load(c))?)
}

fn walked(rows: &[InvoiceRow]) -> Option<Walked> {
    Walked::by_id(rows.len(), rows.last().map(|row| row.invoice_id))
}

impl SealedTable for InvoiceTable {
    fn name(&self) -> &'static str {
        "invoices"
    }

    fn columns(&self) -> &'static [&'static str] {
        &["invoice.document", "invoice_document.document"]
    }

    /// Drafts go. What was issued stays, because the law asks for it: it is under a key of its own, and only tokens with the
    /// scope `money:legal` see it.
    fn erase(&self, conn: &mut Conn, _: &KeyRing, erased: &Erased<'_>) -> Result<(), StoreError> {
        on!(conn, |c| {
            let own = invoice::table
                .filter(invoice::entrypoint_id.eq(erased.entrypoint_id))
                .filter(invoice::customer_id.eq(erased.id))
                .filter(invoice::state.eq(InvoiceState::Draft.number()));
            diesel::delete(own).execute(c)
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
        let rows = rows(conn, to.entrypoint_id, to.cursor, to.most)?;
        for row in &rows {
            if row.key_id != to.keys.new.key.id {
                let opened = row.open(&*ring.data_key(conn, row.key_id)?)?;
                let moved = InvoiceRow::seal(row.entrypoint_id, &opened, &to.keys.new)?;
                let there = invoice::table.find((row.entrypoint_id, row.invoice_id));
                on!(conn, |c| diesel::update(there).set(&moved).execute(c))?;
            }
            documents::rekey(conn, ring, (row.entrypoint_id, row.invoice_id), &to.keys.new.key)?;
        }
        Ok(walked(&rows))
    }

    fn under_key(&self, conn: &mut Conn, entrypoint_id: i64, key_id: i64) -> Result<i64, StoreError> {
        on!(conn, |c| {
            let invoices: i64 = invoice::table
                .filter(invoice::entrypoint_id.eq(entrypoint_id))
                .filter(invoice::key_id.eq(key_id))
                .count()
                .get_result(c)?;
            let documents: i64 = invoice_document::table
                .filter(invoice_document::entrypoint_id.eq(entrypoint_id))
                .filter(invoice_document::key_id.eq(key_id))
                .count()
                .get_result(c)?;
            Ok(invoices + documents)
        })
    }

    /// Opens each invoice and its document, finds it by its number, and compares what it says with its columns.
    fn examine(
        &self,
        conn: &mut Conn,
        ring: &KeyRing,
        entrypoint_id: i64,
        cursor: &[u8],
    ) -> Result<Option<Walked>, StoreError> {
        let rows = rows(conn, entrypoint_id, cursor, SLICE)?;
        if rows.is_empty() {
            return Ok(None);
        }
        let Some(lock_row) = read_lock_row(conn, entrypoint_id)? else { return Ok(None) };
        let keys = lock_row.keys(conn, ring)?;
        let mut last_days: BTreeMap<InvoiceKind, i64> = BTreeMap::new();
        for row in &rows {
            let one = row.open(&*ring.data_key(conn, row.key_id)?)?;
            documents::examine(conn, ring, (entrypoint_id, one.id))?;
            let wrong = |what: &str| Err(StoreError::Corrupt(format!("invoice {} {what}", one.id)));
            if let Some(issue) = &one.issue
                && row.number_digest.as_ref() != Some(&digest(keys.of_row(row.key_id), &issue.number))
            {
                return wrong("is not found by its number");
            }
            if !agrees(row, &one) {
                return wrong("stands otherwise than its payments say");
            }
            if let Some(day) = row.day {
                last_days.insert(one.kind, day);
            }
        }
        for (kind, day) in last_days {
            let series = super::series(conn, entrypoint_id, kind)?;
            let last = series.last_day.map(crate::domain::invoices::filter::number_of_day);
            if last.is_none_or(|last| last < day) {
                let name = kind.name();
                return Err(StoreError::Corrupt(format!(
                    "the series of {name} numbers is behind its documents"
                )));
            }
        }
        Ok(walked(&rows))
    }

    fn is_well(&self, rows: usize) -> String {
        format!("all {rows} open, and their sums agree")
    }
}

fn agrees(row: &InvoiceRow, one: &Invoice) -> bool {
    row.state == one.state().number()
        && row.paid_units == one.paid().units()
        && row.total_units == one.content.sums.total.units()
}

//! Jobs in the register of sealed tables, with the tables that depend on imports.

use diesel::prelude::*;

use super::{JobRow, plan_ad};
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::job;
use crate::store::imports;
use crate::store::keys::keyring::KeyRing;
use crate::store::keys::sealed_table::{Erased, SLICE, SealedTable, Walked, by_id_after};

/// The sealed data of jobs, under the service's key and a salt of each job.
pub(crate) struct JobTables;

impl SealedTable for JobTables {
    fn name(&self) -> &'static str {
        "jobs"
    }

    fn columns(&self) -> &'static [&'static str] {
        &[
            "job.plan",
            "job.errors",
            "import_chunk.data",
            "import_report.data",
            "dry_run_record.document",
            "dry_run_transaction.document",
        ]
    }

    fn erase(&self, conn: &mut Conn, ring: &KeyRing, erased: &Erased<'_>) -> Result<(), StoreError> {
        imports::erase(conn, ring, erased.entrypoint_id, erased.id, erased.person)
    }

    /// Checks that the plans open.
    fn examine(
        &self,
        conn: &mut Conn,
        ring: &KeyRing,
        entrypoint_id: i64,
        cursor: &[u8],
    ) -> Result<Option<Walked>, StoreError> {
        let next = by_id_after!(job, job_id, entrypoint_id, cursor).limit(SLICE);
        let rows: Vec<JobRow> = on!(conn, |c| next.select(JobRow::as_select()).load(c))?;
        for row in &rows {
            if let Some(plan) = &row.plan {
                row.seal_key(conn, ring)?.open(&plan_ad(row.id()), plan)?;
            }
        }
        Ok(Walked::by_id(rows.len(), rows.last().map(|row| row.job_id)))
    }

    fn is_well(&self, rows: usize) -> String {
        format!("the plans of all {rows} open")
    }
}

//! What a batch reads of an entrypoint before anything else: on PostgreSQL in one statement.

use diesel::sql_types::{Array, BigInt, Binary, Nullable};

use crate::domain::entrypoints::Entrypoint;
use crate::domain::kernel::time::Micros;
use crate::store::engine::conn::Conn;
use crate::store::engine::error::StoreError;
use crate::store::engine::prepared::ask_postgres;
use crate::store::entrypoints::{Placed, PlacedColumns, entrypoint, entrypoint_columns};
use crate::store::idempotency::{self, IdempotencyColumns, IdempotencyRow, outcome_columns};

ask_postgres! {
    /// An entrypoint, once for each of some idempotency keys that has an outcome there, or once if none has.
    entrypoint_and_outcomes<'a>(
        concat!(
            "SELECT ", entrypoint_columns!(), ", i.* FROM entrypoint e JOIN organisation o ON o.org_id = e.org_id \
             LEFT JOIN LATERAL (SELECT k.* FROM unnest("
        ), key_hashes: &'a [Vec<u8>] as Array<Binary>,
        concat!(
            ") AS w (key_hash) CROSS JOIN LATERAL (SELECT ", outcome_columns!(),
            " FROM idempotency i WHERE i.entrypoint_id = e.entrypoint_id AND i.key_hash = w.key_hash OFFSET 0) AS k) AS i \
             ON true WHERE e.entrypoint_id = "
        ), entrypoint_id: i64 as BigInt;
        ""
    ) -> (Placed, Option<IdempotencyRow>) as (PlacedColumns, Nullable<IdempotencyColumns>)
}

/// An entrypoint as a batch begins with it.
pub(super) struct Beginning {
    pub entrypoint: Entrypoint,
    /// What some idempotency keys came to there.
    pub outcomes: Vec<IdempotencyRow>,
    /// Those of them that have expired and were not yet removed.
    pub expired: Vec<Vec<u8>>,
}

impl Beginning {
    /// Reads an entrypoint and what some idempotency keys came to; nothing where there is no such entrypoint.
    ///
    /// # Errors
    /// The database's; [`StoreError::Corrupt`].
    pub(super) fn read(
        conn: &mut Conn,
        entrypoint_id: i64,
        key_hashes: &[Vec<u8>],
        now: Micros,
    ) -> Result<Option<Beginning>, StoreError> {
        let Conn::Postgres(c) = conn else {
            let Some(entrypoint) = entrypoint(conn, entrypoint_id)? else { return Ok(None) };
            let outcomes = idempotency::find(conn, entrypoint_id, key_hashes, now)?;
            return Ok(Some(Beginning { entrypoint, outcomes, expired: Vec::new() }));
        };
        let mut rows = entrypoint_and_outcomes(c, key_hashes, entrypoint_id)?.into_iter();
        let Some(((own, organisation), first)) = rows.next() else { return Ok(None) };
        let entrypoint = own.read(organisation)?;
        let outcomes = first.into_iter().chain(rows.filter_map(|(_, outcome)| outcome));
        let (kept, expired): (Vec<_>, Vec<_>) = outcomes.partition(|row| row.expires_at_us > now.0);
        let expired = expired.into_iter().map(|row| row.key_hash).collect();
        Ok(Some(Beginning { entrypoint, outcomes: kept, expired }))
    }
}

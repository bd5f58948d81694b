//! What a batch reads of an entrypoint before anything else: on PostgreSQL in one statement.

use std::collections::HashMap;

use diesel::sql_types::{Array, BigInt, Binary, Nullable};

use crate::domain::entrypoint::Entrypoint;
use crate::domain::time::Micros;
use crate::store::conn::Conn;
use crate::store::entrypoints::{Placed, PlacedColumns, entrypoint, entrypoint_columns, no_entrypoint};
use crate::store::error::StoreError;
use crate::store::outcomes::{self, IdempotencyColumns, IdempotencyRow, no_outcome, outcome_columns};
use crate::store::prepared::ask_postgres;

ask_postgres! {
    /// An entrypoint, once for each of some idempotency keys that has an outcome there, or once if none has; and who
    /// has some digests.
    entrypoint_and_facts<'a>(
        concat!(
            "SELECT ", entrypoint_columns!(), ", i.*, NULL::bytea, NULL::bigint FROM entrypoint e \
             JOIN organisation o ON o.org_id = e.org_id LEFT JOIN LATERAL (SELECT k.* FROM unnest("
        ), key_hashes: &'a [Vec<u8>] as Array<Binary>,
        concat!(
            ") AS w (key_hash) CROSS JOIN LATERAL (SELECT ", outcome_columns!(),
            " FROM idempotency i WHERE i.entrypoint_id = e.entrypoint_id AND i.key_hash = w.key_hash OFFSET 0) AS k) AS i \
             ON true WHERE e.entrypoint_id = "
        ), entrypoint_id: i64 as BigInt,
        concat!(" UNION ALL SELECT ", no_entrypoint!(), ", ", no_outcome!(), ", w.digest, d.customer_id FROM unnest("),
        digests: &'a [Vec<u8>] as Array<Binary>,
        ") AS w (digest) CROSS JOIN LATERAL (SELECT customer_id FROM identity_digest WHERE entrypoint_id = ",
        place: i64 as BigInt;
        " AND digest = w.digest OFFSET 0) AS d"
    ) -> (Option<Placed>, Option<IdempotencyRow>, Option<(Vec<u8>, i64)>)
    as (Nullable<PlacedColumns>, Nullable<IdempotencyColumns>, Nullable<(Binary, BigInt)>)
}

/// An entrypoint as a batch begins with it.
pub(super) struct Beginning {
    pub entrypoint: Entrypoint,
    /// What some idempotency keys came to there.
    pub outcomes: Vec<IdempotencyRow>,
    /// Those of them that have expired and were not yet removed.
    pub expired: Vec<Vec<u8>>,
    /// Who has some digests.
    pub owners: Owners,
}

/// Who has digests that were asked for already; none for one that nobody has.
pub(super) type Owners = HashMap<Vec<u8>, Vec<i64>>;

impl Beginning {
    /// Reads what some idempotency keys came to, and on PostgreSQL who has some digests; nothing where there is no such
    /// entrypoint.
    ///
    /// # Errors
    /// The database's; [`StoreError::Corrupt`].
    pub(super) fn read(
        conn: &mut Conn,
        entrypoint_id: i64,
        key_hashes: &[Vec<u8>],
        digests: &[Vec<u8>],
        now: Micros,
    ) -> Result<Option<Beginning>, StoreError> {
        let Conn::Postgres(c) = conn else {
            let Some(entrypoint) = entrypoint(conn, entrypoint_id)? else { return Ok(None) };
            let outcomes = outcomes::find(conn, entrypoint_id, key_hashes, now)?;
            let (expired, owners) = (Vec::new(), Owners::new());
            return Ok(Some(Beginning { entrypoint, outcomes, expired, owners }));
        };
        let mut entrypoint = None;
        let mut outcomes = Vec::new();
        let mut owners: Owners = digests.iter().map(|digest| (digest.clone(), Vec::new())).collect();
        for (placed, outcome, owner) in
            entrypoint_and_facts(c, key_hashes, entrypoint_id, digests, entrypoint_id)?
        {
            entrypoint = placed.or(entrypoint);
            outcomes.extend(outcome);
            if let Some((digest, customer_id)) = owner {
                owners.entry(digest).or_default().push(customer_id);
            }
        }
        let Some((own, organisation)) = entrypoint else { return Ok(None) };
        let entrypoint = own.read(organisation)?;
        let (outcomes, expired): (Vec<_>, Vec<_>) =
            outcomes.into_iter().partition(|row: &IdempotencyRow| row.expires_at_us > now.0);
        let expired = expired.into_iter().map(|row| row.key_hash).collect();
        Ok(Some(Beginning { entrypoint, outcomes, expired, owners }))
    }
}

//! Moves the customers whose time has come, for the job.

use diesel::prelude::*;

use super::{command, move_one};
use crate::clock;
use crate::domain::decide::command::{Actor, Command};
use crate::domain::kernel::time::Micros;
use crate::store::customers::save::save;
use crate::store::customers::tx::EntrypointTx;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::lifecycle_due;
use crate::store::keys::keyring::KeyRing;
use crate::store::{Lifecycles, in_transaction};

/// The entrypoint whose customers have been due for the longest time, if some are due.
fn next_place(conn: &mut Conn, now: Micros) -> Result<Option<i64>, StoreError> {
    Ok(on!(conn, |c| lifecycle_due::table
        .filter(lifecycle_due::due_at_us.le(now.0))
        .order(lifecycle_due::due_at_us)
        .select(lifecycle_due::entrypoint_id)
        .first(c)
        .optional())?)
}

/// Moves at most `most` customers of an entrypoint that are due; returns how many were due.
fn step(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    most: i64,
    retention_secs: i64,
) -> Result<usize, StoreError> {
    // The rows are read under the lock, so that another instance does not move the same customers.
    let tx = EntrypointTx::lock(conn, entrypoint_id)?;
    let now = tx.now;
    let ids: Vec<i64> = on!(conn, |c| lifecycle_due::table
        .filter(lifecycle_due::entrypoint_id.eq(entrypoint_id))
        .filter(lifecycle_due::due_at_us.le(now.0))
        .order(lifecycle_due::due_at_us)
        .limit(most)
        .select(lifecycle_due::customer_id)
        .load(c))?;
    if ids.is_empty() {
        return Ok(0);
    }
    // A customer that stays active gets a new row.
    on!(conn, |c| diesel::delete(
        lifecycle_due::table
            .filter(lifecycle_due::entrypoint_id.eq(entrypoint_id))
            .filter(lifecycle_due::customer_id.eq_any(&ids)),
    )
    .execute(c))?;
    let commands: Vec<Command> = ids.iter().map(|id| command(entrypoint_id, *id, Actor::service())).collect();
    let commands: Vec<&Command> = commands.iter().collect();
    let mut loaded = tx.load(conn, ring, &commands)?;
    for command in commands {
        move_one(conn, ring, &mut loaded, command)?;
    }
    save(conn, ring, &mut loaded, retention_secs)?;
    Ok(ids.len())
}

impl Lifecycles<'_> {
    /// Moves at most `most` customers whose time has come; returns how many were due.
    ///
    /// # Errors
    /// The database's; [`StoreError::Corrupt`] for a customer that does not open.
    pub async fn step(self, most: i64) -> Result<usize, StoreError> {
        let now = clock::now();
        let Some(place) = self.0.look_up(move |conn, _| next_place(conn, now)).await? else { return Ok(0) };
        let retention_secs = self.0.idempotency_secs;
        self.0
            .on_writer(move |conn, ring| {
                in_transaction(conn, |conn| step(conn, ring, place, most, retention_secs))
            })
            .await
    }
}

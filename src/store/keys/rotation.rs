//! Rotates an entrypoint's data key: seals, hashes and indexes all data of its customers under a new key, while
//! creates, matches and searches go on (rules 7).
//!
//! [`start`] makes the new key that of all writes, and stores the old one in the lock row. From then on each customer
//! is wholly under one of the two, which its row names, and searches look under both.
//! [`step`] moves customers in id order; a write to a customer moves it too. [`finish`] deletes the old key.
//! Every step locks the lock row and saves its checkpoint in `job`, so that any process can continue.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use super::index_keys::IndexKeys;
use super::keyring::KeyRing;
use super::sealed_table::{Rekeying, SealedTable};
use crate::clock;
use crate::domain::decide::command::Actor;
use crate::domain::imports::JobState;
use crate::domain::kernel::problem::Rejection;
use crate::domain::kernel::time::Micros;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::{customer, data_key, entrypoint_lock, job};
use crate::store::entrypoints;
use crate::store::entrypoints::lock_row::lock_entrypoint;
use crate::store::entrypoints::settings::digest_identifiers;
use crate::store::jobs::lease::{self, Advance};
use crate::store::jobs::{self, JobKind, JobRow, NewJob};
use crate::store::register::REGISTER;

/// The phase of a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
pub enum RotationPhase {
    /// It moves customers with their history, digests and terms.
    Customers,
    /// It moves idempotency records.
    Outcomes,
    /// It checks that nothing is left under the old key.
    Check,
    /// It has deleted the old key.
    Finished,
}

impl RotationPhase {
    /// Its name in the database and in answers.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// The progress of a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// The entrypoint of the keys.
    pub entrypoint_id: i64,
    /// The id of the key to delete.
    pub old_key_id: i64,
    /// The id of the key that replaces it.
    pub new_key_id: i64,
    /// Its phase.
    pub phase: RotationPhase,
    /// The number of customers moved.
    pub done: i64,
    /// The number of customers when it began, including deleted ones.
    pub total: i64,
    /// When it began.
    pub started_at: Micros,
    /// When it deleted the old key.
    pub ended_at: Option<Micros>,
}

/// The checkpoint of a rotation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Checkpoint {
    old_key_id: i64,
    new_key_id: i64,
    phase: RotationPhase,
    /// The index of the current table among the rotated ones, and the cursor of its last row under the new key. All rows
    /// before that are under it too.
    table: usize,
    cursor: Vec<u8>,
}

impl Checkpoint {
    fn new(old_key_id: i64, new_key_id: i64) -> Checkpoint {
        Checkpoint { old_key_id, new_key_id, phase: RotationPhase::Customers, table: 0, cursor: Vec::new() }
    }
}

/// The newest rotation of an entrypoint.
struct Running {
    row: JobRow,
    checkpoint: Checkpoint,
}

impl Running {
    fn of(row: JobRow) -> Result<Running, StoreError> {
        Ok(Running { checkpoint: row.checkpoint()?, row })
    }

    fn rotation(&self) -> Rotation {
        Rotation {
            entrypoint_id: self.row.entrypoint_id,
            old_key_id: self.checkpoint.old_key_id,
            new_key_id: self.checkpoint.new_key_id,
            phase: self.checkpoint.phase,
            done: self.row.done,
            total: self.row.total.unwrap_or(0),
            started_at: self.row.times().0,
            ended_at: self.row.times().2,
        }
    }

    /// Moves some rows of the current table, or advances to the next table.
    fn walk(
        &mut self,
        conn: &mut Conn,
        ring: &KeyRing,
        keys: &IndexKeys,
        most: i64,
    ) -> Result<(), StoreError> {
        let Checkpoint { table, cursor, phase, .. } = &mut self.checkpoint;
        let at = rotated().nth(*table);
        let to = Rekeying { entrypoint_id: self.row.entrypoint_id, keys, cursor, most };
        let walked = at.map(|table| table.rekey(conn, ring, &to)).transpose()?.flatten();
        match walked {
            Some(walked) => {
                *cursor = walked.cursor;
                if *phase == RotationPhase::Customers {
                    self.row.done += i64::try_from(walked.rows).unwrap_or(0);
                }
            }
            None => {
                *table += 1;
                cursor.clear();
                let is_last = rotated().nth(*table).is_none();
                *phase = if is_last { RotationPhase::Check } else { RotationPhase::Outcomes };
            }
        }
        Ok(())
    }

    fn keep(&self, conn: &mut Conn, now: Micros) -> Result<(), StoreError> {
        let went = Advance {
            checkpoint: &self.checkpoint,
            done: self.row.done,
            counts: self.row.counts.clone(),
            errors: None,
            failure: None,
            over: self.row.ended_at_us.map(|_| JobState::Finished),
        };
        lease::advance(conn, self.row.id(), went, now)
    }
}

/// The tables sealed under the keys of entrypoints; customers come first.
fn rotated() -> impl Iterator<Item = &'static dyn SealedTable> {
    REGISTER.into_iter().filter(|table| table.is_rotated())
}

/// The newest rotation of an entrypoint.
pub(crate) fn find(conn: &mut Conn, entrypoint_id: i64) -> Result<Option<Rotation>, StoreError> {
    Ok(running(conn, entrypoint_id)?.map(|running| running.rotation()))
}

/// The entrypoints with an unfinished rotation.
pub(crate) fn unfinished(conn: &mut Conn) -> Result<Vec<i64>, StoreError> {
    Ok(on!(conn, |c| job::table
        .filter(job::kind.eq(JobKind::Rotation.name()))
        .filter(sql::<Bool>("state IN ('uploading', 'queued', 'running')"))
        .select(job::entrypoint_id)
        .order(job::entrypoint_id)
        .load(c))?)
}

fn running(conn: &mut Conn, entrypoint_id: i64) -> Result<Option<Running>, StoreError> {
    let (mut rows, _) = jobs::list(conn, JobKind::Rotation, entrypoint_id, 0, 1)?;
    rows.pop().map(Running::of).transpose()
}

/// Makes a new data key that of all writes. If a rotation runs already, returns that instead.
///
/// # Errors
/// [`Rejection::NotFound`]; the database's.
pub(crate) fn start(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    now: Micros,
) -> Result<Rotation, StoreError> {
    let mut lock_row = lock_entrypoint(conn, entrypoint_id)?;
    let Some((_, entrypoint)) = entrypoints::entrypoint(conn, entrypoint_id)? else {
        return Err(Rejection::NotFound.into());
    };
    if lock_row.old_key_id.is_some()
        && let Some(running) = find(conn, entrypoint_id)?
    {
        return Ok(running);
    }
    let newest: i64 = on!(conn, |c| data_key::table
        .filter(data_key::entrypoint_id.eq(entrypoint_id))
        .select(data_key::epoch)
        .order(data_key::epoch.desc())
        .first(c))?;
    let new_key_id = ring.create_data_key(conn, entrypoint_id, newest + 1, now)?;
    let total: i64 = on!(conn, |c| customer::table
        .filter(customer::entrypoint_id.eq(entrypoint_id))
        .count()
        .get_result(c))?;
    let checkpoint = Checkpoint::new(lock_row.key_id, new_key_id);
    lock_row.old_key_id = Some(lock_row.key_id);
    lock_row.old_digest_identifiers = std::mem::take(&mut lock_row.digest_identifiers);
    lock_row.key_id = new_key_id;
    // Customers that it moves get digests for the current policy.
    lock_row.digest_identifiers = digest_identifiers(&entrypoint.policy)?;
    on!(conn, |c| diesel::update(entrypoint_lock::table.find(entrypoint_id)).set(&lock_row).execute(c))?;
    // Only the newest rotation of an entrypoint is kept.
    if let Some(before) = running(conn, entrypoint_id)? {
        jobs::remove(conn, before.row.id())?;
    }
    let new = NewJob {
        kind: JobKind::Rotation,
        entrypoint_id,
        state: JobState::Running,
        actor: &Actor { name: String::new(), jti: String::new() },
        parent: None,
        checkpoint: serde_json::to_string(&checkpoint)?,
        total: Some(total),
        counts: "{}",
        now,
    };
    jobs::insert(conn, ring, &new)?;
    find(conn, entrypoint_id)?.ok_or_else(|| Rejection::Defect.into())
}

/// Moves at most `most` rows of a rotation, and returns its progress.
///
/// # Errors
/// [`Rejection::NotFound`] if there is no rotation; [`StoreError::Corrupt`] for a customer that does not open; the
/// database's.
pub(crate) fn step(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    most: i64,
) -> Result<Rotation, StoreError> {
    let lock_row = lock_entrypoint(conn, entrypoint_id)?;
    let mut running = running(conn, entrypoint_id)?.ok_or(Rejection::NotFound)?;
    let keys = lock_row.keys(conn, ring)?;
    match running.checkpoint.phase {
        RotationPhase::Customers | RotationPhase::Outcomes => running.walk(conn, ring, &keys, most)?,
        RotationPhase::Check | RotationPhase::Finished => return Ok(running.rotation()),
    }
    running.keep(conn, clock::now())?;
    Ok(running.rotation())
}

/// How many rows are still under the old key.
pub(crate) fn leftovers(conn: &mut Conn, rotation: &Rotation) -> Result<i64, StoreError> {
    let mut left = 0;
    for table in rotated() {
        left += table.under_key(conn, rotation.entrypoint_id, rotation.old_key_id)?;
    }
    Ok(left)
}

/// Deletes the old key; or, if rows are left under it, begins again at the first customer.
///
/// # Errors
/// [`Rejection::NotFound`] if there is no rotation; the database's.
pub(crate) fn finish(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    leftovers: i64,
    now: Micros,
) -> Result<Rotation, StoreError> {
    let mut lock_row = lock_entrypoint(conn, entrypoint_id)?;
    let mut running = running(conn, entrypoint_id)?.ok_or(Rejection::NotFound)?;
    if running.checkpoint.phase != RotationPhase::Check {
        return Ok(running.rotation());
    }
    if leftovers > 0 {
        tracing::warn!(entrypoint_id, leftovers, "a key rotation begins again: the old key still seals rows");
        let Checkpoint { old_key_id, new_key_id, .. } = running.checkpoint;
        running.checkpoint = Checkpoint::new(old_key_id, new_key_id);
        running.row.done = 0;
    } else {
        running.checkpoint.phase = RotationPhase::Finished;
        running.row.ended_at_us = Some(now.0);
        lock_row.old_key_id = None;
        "[]".clone_into(&mut lock_row.old_digest_identifiers);
        on!(conn, |c| {
            diesel::update(entrypoint_lock::table.find(entrypoint_id)).set(&lock_row).execute(c)?;
            diesel::delete(data_key::table.filter(data_key::key_id.eq(running.checkpoint.old_key_id)))
                .execute(c)
        })?;
        ring.forget(running.checkpoint.old_key_id);
    }
    running.keep(conn, now)?;
    Ok(running.rotation())
}

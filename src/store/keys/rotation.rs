//! Rotating an entrypoint's data key: everything of its customers is sealed, hashed and indexed anew, while
//! creates, matches and searches go on (rules 7).
//!
//! [`start`] makes the new key the one of all writes; the lock row remembers the old one. From then on each customer
//! stands wholly under one of the two (its row says which), and whoever looks for customers looks under both.
//! [`step`] moves some customers over, in id order; a write to one moves it too. [`finish`] drops the old key.
//! Every step holds the lock row's lock and leaves its place in `job`, so that any process goes on.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use super::index_keys::IndexKeys;
use super::keyring::{ENTRYPOINT_SALT, KeyRing};
use crate::clock;
use crate::domain::decide::command::Actor;
use crate::domain::imports::JobState;
use crate::domain::kernel::problem::Rejection;
use crate::domain::kernel::time::Micros;
use crate::store::customers::load::customer_rows;
use crate::store::customers::rows::{CustomerRow, document_ad};
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::{
    customer, data_key, entrypoint_lock, history, idempotency as idempotency_record, job,
};
use crate::store::entrypoints;
use crate::store::entrypoints::lock_row::lock_entrypoint;
use crate::store::entrypoints::settings::digest_identifiers;
use crate::store::idempotency::{self, IdempotencyRow, outcome_ad};
use crate::store::index;
use crate::store::index::digests::{self, Customers, DigestRow};
use crate::store::jobs::lease::{self, Advance};
use crate::store::jobs::{self, JobKind, JobRow, NewJob};

/// What a rotation is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
pub enum RotationPhase {
    /// Customers, with their history and what they are found by.
    Customers,
    /// Kept outcomes of idempotency keys.
    Outcomes,
    /// Making sure that nothing is left under the old key.
    Check,
    /// The old key is gone.
    Finished,
}

impl RotationPhase {
    /// Its name in the database and in answers.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// How far a rotation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// Whose keys.
    pub entrypoint_id: i64,
    /// The id of the key that goes.
    pub old_key_id: i64,
    /// The id of the key that comes.
    pub new_key_id: i64,
    /// What it is at.
    pub phase: RotationPhase,
    /// Customers that are done.
    pub done: i64,
    /// Customers there were when it began, deleted ones included.
    pub total: i64,
    /// When it began.
    pub started_at: Micros,
    /// When the old key was dropped.
    pub ended_at: Option<Micros>,
}

/// Where a rotation stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Checkpoint {
    old_key_id: i64,
    new_key_id: i64,
    phase: RotationPhase,
    /// Every customer and every record up to here is under the new key.
    customer_cursor: i64,
    record_cursor: Vec<u8>,
}

impl Checkpoint {
    fn new(old_key_id: i64, new_key_id: i64) -> Checkpoint {
        Checkpoint {
            old_key_id,
            new_key_id,
            phase: RotationPhase::Customers,
            customer_cursor: 0,
            record_cursor: Vec::new(),
        }
    }
}

/// A rotation, the newest of its entrypoint.
struct Running {
    row: JobRow,
    checkpoint: Checkpoint,
    /// How many customers are done.
    done: i64,
    ended_at: Option<Micros>,
}

impl Running {
    fn of(row: JobRow) -> Result<Running, StoreError> {
        let checkpoint = row.checkpoint()?;
        let (done, ended_at) = (row.done, row.ended_at_us.map(Micros));
        Ok(Running { row, checkpoint, done, ended_at })
    }

    fn rotation(&self) -> Rotation {
        Rotation {
            entrypoint_id: self.row.entrypoint_id,
            old_key_id: self.checkpoint.old_key_id,
            new_key_id: self.checkpoint.new_key_id,
            phase: self.checkpoint.phase,
            done: self.done,
            total: self.row.total.unwrap_or(0),
            started_at: Micros(self.row.queued_at_us),
            ended_at: self.ended_at,
        }
    }

    fn keep(&self, conn: &mut Conn, now: Micros) -> Result<(), StoreError> {
        let went = Advance {
            checkpoint: &self.checkpoint,
            done: self.done,
            counts: self.row.counts.clone(),
            errors: None,
            failure: None,
            over: self.ended_at.map(|_| JobState::Finished),
        };
        lease::advance(conn, self.row.id(), went, now)
    }
}

/// The newest rotation of an entrypoint.
///
/// # Errors
/// The database's.
pub(crate) fn find(conn: &mut Conn, entrypoint_id: i64) -> Result<Option<Rotation>, StoreError> {
    Ok(running(conn, entrypoint_id)?.map(|running| running.rotation()))
}

/// The entrypoints whose keys are being rotated.
///
/// # Errors
/// The database's.
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

/// Makes a new data key the one of all writes; while a rotation runs, that one.
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
    // Whoever is moved gets digests for the policy that is in force by now.
    lock_row.digest_identifiers = digest_identifiers(&entrypoint.policy)?;
    on!(conn, |c| diesel::update(entrypoint_lock::table.find(entrypoint_id)).set(&lock_row).execute(c))?;
    // The newest one of an entrypoint is known.
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

/// Does at most `most` customers or outcomes of a rotation; how far it is then.
///
/// # Errors
/// [`Rejection::NotFound`] where there is none; [`StoreError::Corrupt`] for a customer that does not open; the
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
        RotationPhase::Customers => customers(conn, ring, &keys, &mut running, most)?,
        RotationPhase::Outcomes => outcomes(conn, ring, &keys, &mut running, most)?,
        RotationPhase::Check | RotationPhase::Finished => return Ok(running.rotation()),
    }
    running.keep(conn, clock::now())?;
    Ok(running.rotation())
}

/// How much still stands under the old key.
///
/// # Errors
/// The database's.
pub(crate) fn leftovers(conn: &mut Conn, rotation: &Rotation) -> Result<i64, StoreError> {
    let (place, old) = (rotation.entrypoint_id, rotation.old_key_id);
    Ok(on!(conn, |c| {
        let customers: i64 = customer::table
            .filter(customer::entrypoint_id.eq(place))
            .filter(customer::key_id.eq(old))
            .count()
            .get_result(c)?;
        let images: i64 = history::table
            .filter(history::entrypoint_id.eq(place))
            .filter(history::key_id_before.eq(old))
            .filter(history::document_before.is_not_null())
            .count()
            .get_result(c)?;
        let outcomes: i64 = idempotency_record::table
            .filter(idempotency_record::entrypoint_id.eq(place))
            .filter(idempotency_record::key_id.eq(old))
            .count()
            .get_result(c)?;
        Ok::<_, diesel::result::Error>(customers + images + outcomes)
    })?)
}

/// Drops the old key; or, where something is left under it, begins again at the first customer.
///
/// # Errors
/// [`Rejection::NotFound`] where there is none; the database's.
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
        tracing::warn!(entrypoint_id, leftovers, "a key rotation begins again: something is left");
        let Checkpoint { old_key_id, new_key_id, .. } = running.checkpoint;
        running.checkpoint = Checkpoint::new(old_key_id, new_key_id);
        running.done = 0;
    } else {
        running.checkpoint.phase = RotationPhase::Finished;
        running.ended_at = Some(now);
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

fn customers(
    conn: &mut Conn,
    ring: &KeyRing,
    keys: &IndexKeys,
    rotation: &mut Running,
    most: i64,
) -> Result<(), StoreError> {
    let place = rotation.row.entrypoint_id;
    let ids: Vec<i64> = on!(conn, |c| customer::table
        .filter(customer::entrypoint_id.eq(place))
        .filter(customer::customer_id.gt(rotation.checkpoint.customer_cursor))
        .order(customer::customer_id)
        .limit(most)
        .select(customer::customer_id)
        .load(c))?;
    let Some(last) = ids.last() else {
        rotation.checkpoint.phase = RotationPhase::Outcomes;
        return Ok(());
    };
    let mut moved = Moved::default();
    for row in customer_rows(conn, place, &ids)? {
        if let Some(salt) = &row.salt {
            history_of(conn, ring, keys, &row, salt)?;
        }
        if row.key_id != keys.new.key.id {
            moved.add(keys, &row)?;
        }
    }
    moved.write(conn, place)?;
    rotation.checkpoint.customer_cursor = *last;
    rotation.done += i64::try_from(ids.len()).unwrap_or(0);
    Ok(())
}

/// Seals anew what a customer was before.
fn history_of(
    conn: &mut Conn,
    ring: &KeyRing,
    keys: &IndexKeys,
    row: &CustomerRow,
    salt: &[u8],
) -> Result<(), StoreError> {
    let new = &keys.new.key;
    let (place, id) = (row.entrypoint_id, row.customer_id);
    // A customer that never changed has no image of a past.
    if row.version == 1 {
        return Ok(());
    }
    let images: Vec<(i64, Option<Vec<u8>>, Option<i64>)> = on!(conn, |c| history::table
        .filter(history::entrypoint_id.eq(place))
        .filter(history::customer_id.eq(id))
        .filter(history::key_id_before.ne(new.id))
        .select((history::version, history::document_before, history::key_id_before))
        .load(c))?;
    for (version, document, key_id) in images {
        let (Some(document), Some(key_id)) = (document, key_id) else { continue };
        let old_ad = document_ad(place, id, version - 1, key_id);
        let plain = ring.data_key(conn, key_id)?.seal_key(salt)?.open(&old_ad, &document)?;
        let sealed = new.seal_key(salt)?.seal(&document_ad(place, id, version - 1, new.id), &plain)?;
        on!(conn, |c| diesel::update(history::table.find((place, id, version)))
            .set((history::document_before.eq(&sealed), history::key_id_before.eq(new.id)))
            .execute(c))?;
    }
    Ok(())
}

/// Customers that leave the old key.
#[derive(Default)]
struct Moved {
    rows: Vec<CustomerRow>,
    digests_removed: Vec<DigestRow>,
    digests_added: Vec<DigestRow>,
    terms: Vec<index::Indexed>,
}

impl Moved {
    fn add(&mut self, keys: &IndexKeys, row: &CustomerRow) -> Result<(), StoreError> {
        let old = keys.of_row(row.key_id);
        let stored = row.open(&old.key)?;
        let new = &keys.new.key;
        match &row.salt {
            Some(salt) => {
                let seal = new.seal_key(salt)?;
                self.rows.push(CustomerRow::seal(row.entrypoint_id, &stored, new, salt, &seal)?);
            }
            None => self.rows.push(CustomerRow { key_id: new.id, ..row.clone() }),
        }
        if stored.customer.is_deleted() {
            return Ok(());
        }
        let (entrypoint_id, customer_id) = (row.entrypoint_id, row.customer_id);
        let with = |digest| DigestRow { entrypoint_id, digest, customer_id };
        self.digests_removed.extend(old.digests(&stored.customer).into_iter().map(with));
        self.digests_added.extend(keys.new.digests(&stored.customer).into_iter().map(with));
        self.terms.push(index::Indexed {
            customer_id: row.customer_id,
            terms: index::of_customer(new.terms(), &stored.customer),
            replaces: true,
            erased: false,
        });
        Ok(())
    }

    fn write(mut self, conn: &mut Conn, entrypoint_id: i64) -> Result<(), StoreError> {
        for row in &self.rows {
            let changed =
                on!(conn, |c| diesel::update(customer::table.find((row.entrypoint_id, row.customer_id)))
                    .set((customer::key_id.eq(row.key_id), customer::document.eq(&row.document)))
                    .execute(c))?;
            if changed != 1 {
                return Err(StoreError::Bug(format!("customer {} vanished", row.customer_id)));
            }
        }
        self.digests_added.sort_by(|a, b| a.digest.cmp(&b.digest));
        digests::remove::<Customers>(conn, entrypoint_id, &self.digests_removed)?;
        digests::add::<Customers>(conn, entrypoint_id, &self.digests_added)?;
        index::add(conn, entrypoint_id, &self.terms)
    }
}

fn outcomes(
    conn: &mut Conn,
    ring: &KeyRing,
    keys: &IndexKeys,
    rotation: &mut Running,
    most: i64,
) -> Result<(), StoreError> {
    let place = rotation.row.entrypoint_id;
    let rows = idempotency::after(conn, place, &rotation.checkpoint.record_cursor, most)?;
    let Some((last, _)) = rows.last() else {
        rotation.checkpoint.phase = RotationPhase::Check;
        return Ok(());
    };
    rotation.checkpoint.record_cursor.clone_from(last);
    for (cursor, row) in rows.into_iter().filter(|(_, row)| row.key_id != keys.new.key.id) {
        let salt: Option<Vec<u8>> = match row.customer_id {
            Some(id) => on!(conn, |c| customer::table.find((place, id)).select(customer::salt).first(c))?,
            None => Some(ENTRYPOINT_SALT.to_vec()),
        };
        let mut moved = IdempotencyRow { key_id: keys.new.key.id, ..row.clone() };
        // What is kept of an erased person opens under no key.
        if let Some(salt) = salt {
            let plain =
                ring.data_key(conn, row.key_id)?.seal_key(&salt)?.open(&outcome_ad(&row), &row.detail)?;
            moved.detail = keys.new.key.seal_key(&salt)?.seal(&outcome_ad(&moved), &plain)?;
        }
        idempotency::seal_anew(conn, &cursor, &moved)?;
    }
    Ok(())
}

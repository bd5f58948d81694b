//! Rotating an entrypoint's data key: everything of its customers is sealed, hashed and indexed anew, while
//! creates, matches and searches go on (rules 7).
//!
//! [`start`] makes the new key the one of all writes; the lock row remembers the old one. From then on each customer
//! stands wholly under one of the two (its row says which), and whoever looks for customers looks under both.
//! [`step`] moves some customers over, in id order; a write to one moves it too. [`finish`] drops the old key.
//! Every step holds the lock row's lock and leaves its place in `key_rotation`, so that any process goes on.

use diesel::prelude::*;
use strum::{EnumString, IntoStaticStr};

use super::index_keys::IndexKeys;
use super::keyring::{ENTRYPOINT_SALT, KeyRing};
use crate::domain::kernel::problem::Rejection;
use crate::domain::kernel::time::Micros;
use crate::store::customers::load::customer_rows;
use crate::store::customers::rows::{CustomerRow, document_ad};
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::{
    customer, data_key, entrypoint_head, history, idempotency as idempotency_record, key_rotation,
};
use crate::store::entrypoints;
use crate::store::entrypoints::lock_row::lock_entrypoint;
use crate::store::entrypoints::settings::digest_identifiers;
use crate::store::idempotency::{self, IdempotencyRow, outcome_ad};
use crate::store::index;
use crate::store::index::digests::{self, DigestRow};

/// What a rotation is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, EnumString)]
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

#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = key_rotation, treat_none_as_null = true)]
struct RotationRow {
    #[diesel(skip_update)]
    entrypoint_id: i64,
    old_key_id: i64,
    new_key_id: i64,
    phase: String,
    customer_cursor: i64,
    outcome_cursor: Vec<u8>,
    customers_done: i64,
    customers_total: i64,
    started_at_us: i64,
    ended_at_us: Option<i64>,
}

impl RotationRow {
    fn phase(&self) -> Result<RotationPhase, StoreError> {
        self.phase.parse().map_err(|_| StoreError::Corrupt(format!("a key rotation in phase {}", self.phase)))
    }

    fn rotation(&self) -> Result<Rotation, StoreError> {
        Ok(Rotation {
            entrypoint_id: self.entrypoint_id,
            old_key_id: self.old_key_id,
            new_key_id: self.new_key_id,
            phase: self.phase()?,
            done: self.customers_done,
            total: self.customers_total,
            started_at: Micros(self.started_at_us),
            ended_at: self.ended_at_us.map(Micros),
        })
    }
}

/// The newest rotation of an entrypoint.
///
/// # Errors
/// The database's.
pub(crate) fn find(conn: &mut Conn, entrypoint_id: i64) -> Result<Option<Rotation>, StoreError> {
    row(conn, entrypoint_id)?.map(|row| row.rotation()).transpose()
}

/// The entrypoints whose keys are being rotated.
///
/// # Errors
/// The database's.
pub(crate) fn unfinished(conn: &mut Conn) -> Result<Vec<i64>, StoreError> {
    Ok(on!(conn, |c| key_rotation::table
        .filter(key_rotation::ended_at_us.is_null())
        .select(key_rotation::entrypoint_id)
        .order(key_rotation::entrypoint_id)
        .load(c))?)
}

fn row(conn: &mut Conn, entrypoint_id: i64) -> Result<Option<RotationRow>, StoreError> {
    Ok(on!(conn, |c| key_rotation::table
        .find(entrypoint_id)
        .select(RotationRow::as_select())
        .first(c)
        .optional())?)
}

fn keep(conn: &mut Conn, row: &RotationRow) -> Result<(), StoreError> {
    on!(conn, |c| diesel::update(key_rotation::table.find(row.entrypoint_id)).set(row).execute(c))?;
    Ok(())
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
    let Some(entrypoint) = entrypoints::entrypoint(conn, entrypoint_id)? else {
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
    let row = RotationRow {
        entrypoint_id,
        old_key_id: lock_row.key_id,
        new_key_id,
        phase: RotationPhase::Customers.name().to_owned(),
        customer_cursor: 0,
        outcome_cursor: Vec::new(),
        customers_done: 0,
        customers_total: total,
        started_at_us: now.0,
        ended_at_us: None,
    };
    lock_row.old_key_id = Some(lock_row.key_id);
    lock_row.old_digest_identifiers = std::mem::take(&mut lock_row.digest_identifiers);
    lock_row.key_id = new_key_id;
    // Whoever is moved gets digests for the policy that is in force by now.
    lock_row.digest_identifiers = digest_identifiers(&entrypoint.policy)?;
    on!(conn, |c| {
        diesel::update(entrypoint_head::table.find(entrypoint_id)).set(&lock_row).execute(c)?;
        diesel::delete(key_rotation::table.find(entrypoint_id)).execute(c)?;
        diesel::insert_into(key_rotation::table).values(&row).execute(c)
    })?;
    row.rotation()
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
    let mut row = row(conn, entrypoint_id)?.ok_or(Rejection::NotFound)?;
    let keys = lock_row.keys(conn, ring)?;
    match row.phase()? {
        RotationPhase::Customers => customers(conn, ring, &keys, &mut row, most)?,
        RotationPhase::Outcomes => outcomes(conn, ring, &keys, &mut row, most)?,
        RotationPhase::Check | RotationPhase::Finished => {}
    }
    keep(conn, &row)?;
    row.rotation()
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
    let mut row = row(conn, entrypoint_id)?.ok_or(Rejection::NotFound)?;
    if row.phase()? != RotationPhase::Check {
        return row.rotation();
    }
    if leftovers > 0 {
        tracing::warn!(entrypoint_id, leftovers, "a key rotation begins again: something is left");
        RotationPhase::Customers.name().clone_into(&mut row.phase);
        (row.customer_cursor, row.outcome_cursor, row.customers_done) = (0, Vec::new(), 0);
    } else {
        RotationPhase::Finished.name().clone_into(&mut row.phase);
        row.ended_at_us = Some(now.0);
        lock_row.old_key_id = None;
        "[]".clone_into(&mut lock_row.old_digest_identifiers);
        on!(conn, |c| {
            diesel::update(entrypoint_head::table.find(entrypoint_id)).set(&lock_row).execute(c)?;
            diesel::delete(data_key::table.filter(data_key::key_id.eq(row.old_key_id))).execute(c)
        })?;
        ring.forget(row.old_key_id);
    }
    keep(conn, &row)?;
    row.rotation()
}

fn customers(
    conn: &mut Conn,
    ring: &KeyRing,
    keys: &IndexKeys,
    rotation: &mut RotationRow,
    most: i64,
) -> Result<(), StoreError> {
    let place = rotation.entrypoint_id;
    let ids: Vec<i64> = on!(conn, |c| customer::table
        .filter(customer::entrypoint_id.eq(place))
        .filter(customer::customer_id.gt(rotation.customer_cursor))
        .order(customer::customer_id)
        .limit(most)
        .select(customer::customer_id)
        .load(c))?;
    let Some(last) = ids.last() else {
        RotationPhase::Outcomes.name().clone_into(&mut rotation.phase);
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
    rotation.customer_cursor = *last;
    rotation.customers_done += i64::try_from(ids.len()).unwrap_or(0);
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
            let changed = on!(conn, |c| diesel::update(customer::table.find(row.customer_id))
                .set((customer::key_id.eq(row.key_id), customer::document.eq(&row.document)))
                .execute(c))?;
            if changed != 1 {
                return Err(StoreError::Bug(format!("customer {} vanished", row.customer_id)));
            }
        }
        self.digests_added.sort_by(|a, b| a.digest.cmp(&b.digest));
        digests::remove(conn, entrypoint_id, &self.digests_removed)?;
        digests::add(conn, entrypoint_id, &self.digests_added)?;
        index::add(conn, entrypoint_id, &self.terms)
    }
}

fn outcomes(
    conn: &mut Conn,
    ring: &KeyRing,
    keys: &IndexKeys,
    rotation: &mut RotationRow,
    most: i64,
) -> Result<(), StoreError> {
    let place = rotation.entrypoint_id;
    let rows = idempotency::after(conn, place, &rotation.outcome_cursor, most)?;
    let Some((last, _)) = rows.last() else {
        RotationPhase::Check.name().clone_into(&mut rotation.phase);
        return Ok(());
    };
    rotation.outcome_cursor.clone_from(last);
    for (cursor, row) in rows.into_iter().filter(|(_, row)| row.key_id != keys.new.key.id) {
        let salt: Option<Vec<u8>> = match row.customer_id {
            Some(id) => on!(conn, |c| customer::table.find(id).select(customer::salt).first(c))?,
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

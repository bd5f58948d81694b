//! Customers and their histories in the register of sealed tables: erase, reseal, examine.

use diesel::prelude::*;

use super::load::customer_rows;
use super::rows::{CustomerRow, document_ad, update_customer};
use crate::domain::customers::record::Stored;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::{customer, history};
use crate::store::entrypoints::lock_row::read_lock_row;
use crate::store::index;
use crate::store::index::digests::{self, Customers, DigestRow};
use crate::store::keys::index_keys::IndexKeys;
use crate::store::keys::keyring::KeyRing;
use crate::store::keys::sealed_table::{Erased, Rekeying, SLICE, SealedTable, Walked, by_id_after};
use crate::store::lifecycle;
use crate::store::subscriptions;

/// Customers, with their histories and index entries.
pub(crate) struct CustomerTables;

fn next_ids(conn: &mut Conn, entrypoint_id: i64, cursor: &[u8], most: i64) -> Result<Vec<i64>, StoreError> {
    let next = by_id_after!(customer, customer_id, entrypoint_id, cursor).limit(most);
    Ok(on!(conn, |c| next.select(customer::customer_id).load(c))?)
}

impl SealedTable for CustomerTables {
    fn name(&self) -> &'static str {
        "customers"
    }

    fn columns(&self) -> &'static [&'static str] {
        &["customer.document", "customer.methods", "customer.subscriptions", "history.document_before"]
    }

    /// The history keeps time, actor and operation. The change that erases writes the customer's own row.
    fn erase(&self, conn: &mut Conn, _: &KeyRing, erased: &Erased<'_>) -> Result<(), StoreError> {
        subscriptions::remove(conn, erased.entrypoint_id, erased.id)?;
        lifecycle::forget(conn, erased.entrypoint_id, erased.id)?;
        wipe_history(conn, erased.entrypoint_id, &[erased.id])
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
        let (place, keys) = (to.entrypoint_id, to.keys);
        let ids = next_ids(conn, place, to.cursor, to.most)?;
        let mut moved = Moved::default();
        let rows = customer_rows(conn, place, &ids)?;
        // Nothing opens what an erase left, and under the old key it would keep the rotation from its end.
        wipe_history(conn, place, &erased_of(&rows))?;
        for row in rows {
            if let Some(salt) = &row.salt {
                history_of(conn, ring, keys, &row, salt)?;
            }
            if row.key_id != keys.new.key.id {
                moved.add(keys, &row)?;
            }
        }
        moved.write(conn, place, keys)?;
        Ok(Walked::by_id(ids.len(), ids.last().copied()))
    }

    fn under_key(&self, conn: &mut Conn, entrypoint_id: i64, key_id: i64) -> Result<i64, StoreError> {
        Ok(on!(conn, |c| {
            let customers: i64 = customer::table
                .filter(customer::entrypoint_id.eq(entrypoint_id))
                .filter(customer::key_id.eq(key_id))
                .count()
                .get_result(c)?;
            let images: i64 = history::table
                .filter(history::entrypoint_id.eq(entrypoint_id))
                .filter(history::key_id_before.eq(key_id))
                .filter(history::document_before.is_not_null())
                .count()
                .get_result(c)?;
            Ok::<_, diesel::result::Error>(customers + images)
        })?)
    }

    /// Opens each row, checks it against its history, and finds it by its digests.
    fn examine(
        &self,
        conn: &mut Conn,
        ring: &KeyRing,
        entrypoint_id: i64,
        cursor: &[u8],
    ) -> Result<Option<Walked>, StoreError> {
        let Some(lock_row) = read_lock_row(conn, entrypoint_id)? else { return Ok(None) };
        let keys = lock_row.keys(conn, ring)?;
        let ids = next_ids(conn, entrypoint_id, cursor, SLICE)?;
        let mut having: Vec<(i64, Vec<Vec<u8>>)> = Vec::with_capacity(ids.len());
        let rows = customer_rows(conn, entrypoint_id, &ids)?;
        let mut subscribers = Vec::new();
        let left: Option<i64> = on!(conn, |c| sealed_history!(entrypoint_id, &erased_of(&rows))
            .select(history::customer_id)
            .first(c)
            .optional())?;
        if let Some(id) = left {
            return Err(StoreError::Corrupt(format!(
                "customer {id} is erased, but its history has sealed versions left; customary keys rotate removes them"
            )));
        }
        for row in rows {
            let stored = row.open(&*ring.data_key(conn, row.key_id)?)?;
            subscribers.push((stored.id, keys.of_row(row.key_id), stored.customer.subscriptions.clone()));
            if !stored.customer.is_deleted() {
                having.push((row.customer_id, keys.of_row(row.key_id).digests(&stored.customer)));
            }
        }
        subscriptions::examine(conn, entrypoint_id, &subscribers)?;
        let digests: Vec<Vec<u8>> = having.iter().flat_map(|(_, digests)| digests.iter().cloned()).collect();
        let found = digests::find::<Customers>(conn, entrypoint_id, &digests)?;
        for (id, digests) in having {
            if digests.iter().any(|digest| !found.get(digest).is_some_and(|ids| ids.contains(&id))) {
                return Err(StoreError::Corrupt(format!(
                    "customer {id} is not found by all of its identifiers: a create of the same person would duplicate it; \
                     customary keys rotate makes its digests anew"
                )));
            }
        }
        Ok(Walked::by_id(ids.len(), ids.last().copied()))
    }

    fn is_well(&self, rows: usize) -> String {
        format!("all {rows} open, are their newest versions and are found by their identifiers")
    }
}

/// The customers among some rows that are erased.
fn erased_of(rows: &[CustomerRow]) -> Vec<i64> {
    rows.iter().filter(|row| row.salt.is_none()).map(|row| row.customer_id).collect()
}

/// The entries of some customers' histories that have a sealed version.
macro_rules! sealed_history {
    ($entrypoint_id:expr, $ids:expr) => {
        history::table
            .filter(history::entrypoint_id.eq($entrypoint_id))
            .filter(history::customer_id.eq_any($ids))
            .filter(history::document_before.is_not_null())
    };
}
use sealed_history;

/// Removes the earlier versions of some customers; the entries stay.
fn wipe_history(conn: &mut Conn, entrypoint_id: i64, ids: &[i64]) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    let no_bytes: Option<Vec<u8>> = None;
    on!(conn, |c| diesel::update(sealed_history!(entrypoint_id, ids))
        .set(history::document_before.eq(&no_bytes))
        .execute(c))?;
    Ok(())
}

/// Reseals the history of a customer.
fn history_of(
    conn: &mut Conn,
    ring: &KeyRing,
    keys: &IndexKeys,
    row: &CustomerRow,
    salt: &[u8],
) -> Result<(), StoreError> {
    let new = &keys.new.key;
    let (place, id) = (row.entrypoint_id, row.customer_id);
    // A customer that never changed has no image in the history.
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
    /// Those with subscriptions.
    subscribers: Vec<Stored>,
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
        if !stored.customer.subscriptions.is_empty() {
            self.subscribers.push(stored.clone());
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

    fn write(mut self, conn: &mut Conn, entrypoint_id: i64, keys: &IndexKeys) -> Result<(), StoreError> {
        for row in &self.rows {
            update_customer(conn, row)?;
        }
        for stored in &self.subscribers {
            subscriptions::place(conn, entrypoint_id, stored, &keys.new)?;
        }
        self.digests_added.sort_by(|a, b| a.digest.cmp(&b.digest));
        digests::remove::<Customers>(conn, entrypoint_id, &self.digests_removed)?;
        digests::add::<Customers>(conn, entrypoint_id, &self.digests_added)?;
        index::add(conn, entrypoint_id, &self.terms)
    }
}

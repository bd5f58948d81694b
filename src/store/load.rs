//! What a batch must know before it decides: locked heads, entrypoints, customers, candidates.
//!
//! On PostgreSQL the rows are read in statements *after* the one that locks: a statement that both
//! waits and reads does not see what was committed while it waited.

mod beginning;
mod keys;

use std::collections::HashMap;
use std::sync::Arc;

use diesel::dsl::max;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text};

use super::conn::{Conn, on};
use super::digests;
use super::error::StoreError;
use super::imports::Ghosts;
use super::keyring::KeyRing;
use super::outcomes::{self, IdempotencyRow};
use super::prepared::ask_postgres;
use super::rows::{CustomerRow, document_ad, open_document};
use super::schema::{customer, entrypoint_head, history, id_block};
use super::terms;
use crate::domain::command::{Act, Command};
use crate::domain::customer::Stored;
use crate::domain::decide::foreseen_keys;
use crate::domain::identifier::MatchKey;
use crate::domain::time::Micros;
use crate::domain::world::World;
use beginning::Beginning;
pub(super) use keys::{IndexKey, IndexKeys};

/// How many customer ids one block holds.
pub(super) const ID_BLOCK: i64 = 1024;

/// The block of a customer id.
pub(super) fn block_of(customer_id: i64) -> i64 {
    (customer_id - 1) / ID_BLOCK + 1
}

/// A row of `entrypoint_head`, as it stands under the lock.
#[derive(Debug, Clone, Queryable, Selectable, AsChangeset)]
#[diesel(table_name = entrypoint_head, treat_none_as_null = true)]
pub struct Head {
    #[diesel(skip_update)]
    pub entrypoint_id: i64,
    pub next_customer_id: i64,
    pub block_end: i64,
    pub key_id: i64,
    pub digest_identifiers: String,
    pub live_customers: i64,
    pub counts: String,
    pub old_key_id: Option<i64>,
    pub old_digest_identifiers: String,
}

impl Head {
    /// The keys under which this entrypoint's customers are sealed and indexed: that of new writes, and while
    /// a rotation runs the one it replaces.
    pub(super) fn keys(&self, conn: &mut Conn, ring: &KeyRing) -> Result<IndexKeys, StoreError> {
        let new = IndexKey::of(conn, ring, self.key_id, &self.digest_identifiers)?;
        let old = match self.old_key_id {
            Some(id) => Some(IndexKey::of(conn, ring, id, &self.old_digest_identifiers)?),
            None => None,
        };
        Ok(IndexKeys { new, old })
    }
}

/// How to meet heads that another writer has locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waiting {
    /// Leave them out.
    Skip,
    /// Wait for them.
    Wait,
}

/// Makes a function that locks heads in the order of their ids.
macro_rules! heads {
    ($name:ident<$life:lifetime>($of:literal, $param:ident: $type:ty as $sql:ty), $locks:literal) => {
        ask_postgres! {
            /// Locks heads.
            $name<$life>(
                concat!(
                    "SELECT entrypoint_id, next_customer_id, block_end, key_id, digest_identifiers, live_customers, \
                     counts, old_key_id, old_digest_identifiers FROM entrypoint_head WHERE entrypoint_id = ", $of
                ), $param: $type as $sql;
                concat!(") ORDER BY entrypoint_id ", $locks)
            ) -> Head
            as (BigInt, BigInt, BigInt, BigInt, Text, BigInt, Text, Nullable<BigInt>, Text)
        }
    };
}
// Of one by itself: that need not be sorted.
heads!(head<'a>("(", id: &'a i64 as BigInt), "FOR UPDATE");
heads!(free_head<'a>("(", id: &'a i64 as BigInt), "FOR UPDATE SKIP LOCKED");
heads!(heads<'a>("ANY (", ids: &'a [i64] as Array<BigInt>), "FOR UPDATE");
heads!(free_heads<'a>("ANY (", ids: &'a [i64] as Array<BigInt>), "FOR UPDATE SKIP LOCKED");

/// Locks the heads of some entrypoints, in sorted order.
pub(super) fn lock_heads(conn: &mut Conn, ids: &[i64], waiting: Waiting) -> Result<Vec<Head>, StoreError> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    match conn {
        // BEGIN IMMEDIATE has locked everything.
        Conn::Sqlite(c, ..) => {
            let mut heads = Vec::new();
            for id in ids {
                let head = entrypoint_head::table
                    .filter(entrypoint_head::entrypoint_id.eq(id))
                    .select(Head::as_select())
                    .first(c)
                    .optional()?;
                heads.extend(head);
            }
            Ok(heads)
        }
        Conn::Postgres(c) => Ok(match (waiting, ids.as_slice()) {
            (Waiting::Skip, [id]) => free_head(c, id)?,
            (Waiting::Skip, ids) => free_heads(c, ids)?,
            (Waiting::Wait, [id]) => head(c, id)?,
            (Waiting::Wait, ids) => heads(c, ids)?,
        }),
    }
}

/// The world of one entrypoint with what it takes to save it.
pub(super) struct Loaded {
    pub world: World,
    pub head: Head,
    pub keys: IndexKeys,
    /// The rows of the told customers, for their salts and sealed documents.
    pub rows: HashMap<i64, CustomerRow>,
    /// What a dry run would have written before.
    pub ghosts: Option<Ghosts>,
    /// Idempotency keys whose outcomes have expired and were not yet removed.
    pub expired: Vec<Vec<u8>>,
}

impl Loaded {
    /// Loads what some commands of one entrypoint will ask for.
    pub(super) fn load(
        conn: &mut Conn,
        ring: &KeyRing,
        head: Head,
        commands: &[&Command],
        now: Micros,
    ) -> Result<Loaded, StoreError> {
        let key_hashes: Vec<Vec<u8>> = commands
            .iter()
            .filter_map(|command| command.idempotency.map(|key_use| key_use.key.to_vec()))
            .collect();
        let keys = head.keys(conn, ring)?;
        let Beginning { entrypoint, outcomes, expired } =
            Beginning::read(conn, head.entrypoint_id, &key_hashes, now)?
                .ok_or_else(|| StoreError::Bug(format!("entrypoint {} is gone", head.entrypoint_id)))?;
        ring.remember_newest(head.entrypoint_id, &keys.new.key);
        let ids = head.next_customer_id..head.block_end;
        let world = World::new(Arc::new(entrypoint), now, ids);
        let mut loaded = Loaded { world, head, keys, rows: HashMap::new(), ghosts: None, expired };
        loaded.load_outcomes(conn, ring, outcomes)?;
        let targets: Vec<i64> = commands
            .iter()
            .filter_map(|command| match &command.act {
                Act::Update(update) => Some(update.id),
                Act::Delete(delete) => Some(delete.id),
                Act::Invite(invite) => Some(invite.id),
                Act::Consent(consent) => Some(consent.id),
                Act::Archive(archive) => Some(archive.id),
                Act::Create(_) | Act::Match(_) => None,
            })
            .collect();
        loaded.load_customers(conn, ring, &targets)?;
        loaded.load_foreseen(conn, ring, commands)?;
        Ok(loaded)
    }

    /// As [`Loaded::load`] for creates of which nothing will be saved: with what a dry run would have written before,
    /// and ids that nobody has.
    pub(super) fn rehearse(
        conn: &mut Conn,
        ring: &KeyRing,
        head: Head,
        commands: &[&Command],
        now: Micros,
        ghosts: Ghosts,
        first_id: i64,
    ) -> Result<Loaded, StoreError> {
        let mut loaded = Loaded::load(conn, ring, head, &[], now)?;
        loaded.world.tell_ids(first_id..i64::MAX);
        loaded.ghosts = Some(ghosts);
        loaded.load_foreseen(conn, ring, commands)?;
        Ok(loaded)
    }

    fn load_foreseen(
        &mut self,
        conn: &mut Conn,
        ring: &KeyRing,
        commands: &[&Command],
    ) -> Result<(), StoreError> {
        let keys = commands.iter().flat_map(|command| foreseen_keys(&self.world, command)).collect();
        self.load_keys(conn, ring, keys)
    }

    /// Tells the world who has some keys.
    pub(super) fn load_keys(
        &mut self,
        conn: &mut Conn,
        ring: &KeyRing,
        mut keys: Vec<MatchKey>,
    ) -> Result<(), StoreError> {
        keys.retain(|key| !self.world.knows_key(key));
        keys.sort();
        keys.dedup();
        let mut found: Vec<(MatchKey, Vec<i64>)> = keys.into_iter().map(|key| (key, Vec::new())).collect();
        for index in self.keys.all() {
            candidates(conn, self.head.entrypoint_id, index, &mut found)?;
        }
        if let Some(ghosts) = &self.ghosts {
            ghosts.candidates(conn, &mut found)?;
        }
        let ids: Vec<i64> = found.iter().flat_map(|(_, ids)| ids.iter().copied()).collect();
        self.load_customers(conn, ring, &ids)?;
        for (key, ids) in found {
            self.world.tell_key(key, ids);
        }
        Ok(())
    }

    /// Tells the world a new block of customer ids.
    pub(super) fn load_ids(&mut self, conn: &mut Conn) -> Result<(), StoreError> {
        let block: i64 = on!(conn, |c| diesel::insert_into(id_block::table)
            .values(id_block::entrypoint_id.eq(self.head.entrypoint_id))
            .returning(id_block::block_no)
            .get_result(c))?;
        self.world.tell_ids((block - 1) * ID_BLOCK + 1..block * ID_BLOCK + 1);
        Ok(())
    }

    /// Tells the world some customers of this entrypoint.
    pub(super) fn load_customers(
        &mut self,
        conn: &mut Conn,
        ring: &KeyRing,
        ids: &[i64],
    ) -> Result<(), StoreError> {
        let mut ids: Vec<i64> = ids
            .iter()
            .copied()
            .filter(|id| !self.rows.contains_key(id) && self.world.customer(*id).is_none())
            .collect();
        ids.sort_unstable();
        ids.dedup();
        if let Some(ghosts) = &self.ghosts {
            ghosts.tell(conn, &mut self.world, &ids)?;
            ids.retain(|id| self.world.customer(*id).is_none());
        }
        for row in customer_rows(conn, self.head.entrypoint_id, &ids)? {
            let key = ring.data_key(conn, row.key_id)?;
            self.world.tell_customer(row.open(&key)?);
            self.rows.insert(row.customer_id, row);
        }
        Ok(())
    }

    fn load_outcomes(
        &mut self,
        conn: &mut Conn,
        ring: &KeyRing,
        rows: Vec<IdempotencyRow>,
    ) -> Result<(), StoreError> {
        for row in rows {
            if let Some(id) = row.customer_id {
                self.load_customers(conn, ring, &[id])?;
            }
            let owner = row.customer_id.and_then(|id| self.rows.get(&id)).cloned();
            if let (Some(owner), Some(version)) = (&owner, row.version)
                && let Some(stored) = version_of(conn, ring, owner, version)?
            {
                self.world.tell_version(stored);
            }
            let (key_hash, record) = outcomes::open(conn, ring, &row, owner.as_ref())?;
            self.world.tell_idempotency(key_hash, record);
        }
        Ok(())
    }
}

/// Adds who may have some keys, among the customers that stand under one data key.
fn candidates(
    conn: &mut Conn,
    entrypoint_id: i64,
    index: &IndexKey,
    found: &mut [(MatchKey, Vec<i64>)],
) -> Result<(), StoreError> {
    let (digested, by_terms): (Vec<_>, Vec<_>) =
        found.iter_mut().partition(|(key, _)| index.digests.contains(&key.identifier));
    let wanted: Vec<Vec<u8>> = digested.iter().map(|(key, _)| index.digest(key)).collect();
    let owners = digests::find(conn, entrypoint_id, &wanted)?;
    for ((_, ids), digest) in digested.into_iter().zip(wanted) {
        ids.extend(owners.get(&digest).into_iter().flatten());
    }
    for (key, ids) in by_terms {
        ids.extend(terms::find(conn, entrypoint_id, &index.key, key)?);
    }
    Ok(())
}

ask_postgres! {
    /// The newest versions in some histories; one look-up each.
    newest_versions<'a>(
        "SELECT w.id, (SELECT max(version) FROM history WHERE entrypoint_id = ", entrypoint_id: i64 as BigInt,
        " AND customer_id = w.id) FROM unnest(", ids: &'a [i64] as Array<BigInt>;
        ") AS w (id)"
    ) -> (i64, Option<i64>) as (BigInt, Nullable<BigInt>)
}

/// Rows of customers, each held against the newest version in its history: an old row put back with
/// its old version does not pass.
pub(super) fn customer_rows(
    conn: &mut Conn,
    entrypoint_id: i64,
    ids: &[i64],
) -> Result<Vec<CustomerRow>, StoreError> {
    let newest = max(history::version);
    let pairs: Vec<(CustomerRow, Option<i64>)> = match conn {
        Conn::Sqlite(c, ..) => {
            let mut pairs = Vec::with_capacity(ids.len());
            for id in ids {
                let row = customer::table
                    .filter(customer::customer_id.eq(id))
                    .filter(customer::entrypoint_id.eq(entrypoint_id))
                    .select(CustomerRow::as_select())
                    .first(c)
                    .optional()?;
                let Some(row) = row else { continue };
                let version = history::table
                    .filter(history::entrypoint_id.eq(entrypoint_id))
                    .filter(history::customer_id.eq(id))
                    .select(newest)
                    .first(c)?;
                pairs.push((row, version));
            }
            pairs
        }
        Conn::Postgres(c) => {
            if ids.is_empty() {
                return Ok(Vec::new());
            }
            let rows: Vec<CustomerRow> = customer::table
                .filter(customer::customer_id.eq_any(ids))
                .filter(customer::entrypoint_id.eq(entrypoint_id))
                .select(CustomerRow::as_select())
                .load(c)?;
            let versions: HashMap<i64, Option<i64>> =
                newest_versions(c, entrypoint_id, ids)?.into_iter().collect();
            rows.into_iter()
                .map(|row| {
                    let version = versions.get(&row.customer_id).copied().flatten();
                    (row, version)
                })
                .collect()
        }
    };
    pairs.into_iter().map(|(row, version)| row.must_be_newest(version).map(|()| row)).collect()
}

/// A customer as it was at an earlier version; `None` where that is gone or never was.
pub(super) fn version_of(
    conn: &mut Conn,
    ring: &KeyRing,
    row: &CustomerRow,
    version: i64,
) -> Result<Option<Stored>, StoreError> {
    if row.version == version {
        return Ok(Some(row.open(&*ring.data_key(conn, row.key_id)?)?));
    }
    let Some(salt) = &row.salt else { return Ok(None) };
    let sealed: Option<(Option<Vec<u8>>, Option<i64>)> = on!(conn, |c| history::table
        .filter(history::entrypoint_id.eq(row.entrypoint_id))
        .filter(history::customer_id.eq(row.customer_id))
        .filter(history::version.eq(version + 1))
        .select((history::document_before, history::key_id_before))
        .first(c)
        .optional())?;
    let Some((Some(document), Some(key_id))) = sealed else { return Ok(None) };
    let seal = ring.data_key(conn, key_id)?.seal_key(salt)?;
    let ad = document_ad(row.entrypoint_id, row.customer_id, version, key_id);
    let record = open_document(&seal, &ad, &document)?;
    Ok(Some(Stored { id: row.customer_id, version, customer: record, erased: false }))
}

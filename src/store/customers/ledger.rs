//! Loads what decisions about transactions need, in a few statements a batch.

use std::collections::{HashMap, HashSet};

use super::load::Loaded;
use crate::domain::customers::identifier::MatchKey;
use crate::domain::decide::command::{Action, Command};
use crate::domain::decide::delivery::Delivery;
use crate::domain::decide::ledger::{Payer, key_of};
use crate::domain::decide::missing::ExternalKey;
use crate::domain::transactions::Transaction;
use crate::domain::transactions::id::TransId;
use crate::domain::transactions::item::Whose;
use crate::store::engine::conn::Conn;
use crate::store::engine::error::StoreError;
use crate::store::keys::keyring::KeyRing;
use crate::store::transactions::erased::was_erased;
use crate::store::transactions::load::{Opener, by_id, found, numbers_paid_back, paid_back, payers};
use crate::store::transactions::rows::{TransactionRow, digest};
use crate::store::transactions::waiting;

impl Loaded {
    /// Loads what the deliveries among some commands need.
    pub(crate) fn load_ledger(
        &mut self,
        conn: &mut Conn,
        ring: &KeyRing,
        commands: &[&Command],
    ) -> Result<(), StoreError> {
        let (mut keys, mut sales, mut payers) = (Vec::new(), Vec::new(), Vec::new());
        for command in commands {
            let ingest = match &command.action {
                Action::Ingest(ingest) => ingest,
                Action::Link(link) => {
                    payers.push(link.id);
                    continue;
                }
                _ => continue,
            };
            for (_, delivery) in ingest.deliveries() {
                let Delivery::Item(item) = delivery else { continue };
                keys.push((item.source.clone(), item.external_id.clone()));
                sales.extend(item.optional.refund_of.iter().map(|sale| (item.source.clone(), sale.clone())));
                if let Whose::Id(id) = &item.whose {
                    payers.push(*id);
                }
            }
        }
        self.load_payers(conn, &payers)?;
        if keys.is_empty() {
            return Ok(());
        }
        self.load_transactions(conn, ring, &keys, &sales)?;
        self.load_numbers_paid_back(conn, sales)
    }

    /// Loads how many pay some transactions back.
    fn load_numbers_paid_back(
        &mut self,
        conn: &mut Conn,
        mut sales: Vec<ExternalKey>,
    ) -> Result<(), StoreError> {
        sales.sort_unstable();
        sales.dedup();
        let mut numbers = vec![0_usize; sales.len()];
        for index in self.keys.all() {
            let digests: Vec<Vec<u8>> = sales.iter().map(|key| digest(&index.key, &key.0, &key.1)).collect();
            let found = numbers_paid_back(conn, self.lock_row.entrypoint_id, &digests)?;
            for (number, digest) in numbers.iter_mut().zip(&digests) {
                *number = number.saturating_add(found.get(digest).copied().unwrap_or_default());
            }
        }
        self.working_set.ledger.add_numbers_paid_back(sales.into_iter().zip(numbers));
        Ok(())
    }

    /// Loads what waits for the customers with some keys.
    pub(crate) fn load_waiting(
        &mut self,
        conn: &mut Conn,
        ring: &KeyRing,
        mut keys: Vec<MatchKey>,
    ) -> Result<(), StoreError> {
        keys.retain(|key| !self.working_set.ledger.knows_waiting(key));
        keys.sort_unstable();
        keys.dedup();
        let mut waiting: Vec<Vec<TransId>> = vec![Vec::new(); keys.len()];
        let mut in_dry_run: Vec<Vec<ExternalKey>> = vec![Vec::new(); keys.len()];
        for index in self.keys.all() {
            let digests: Vec<Vec<u8>> = keys.iter().map(|key| index.digest(key)).collect();
            let found = waiting::find(conn, &digests)?;
            for (ids, digest) in waiting.iter_mut().zip(&digests) {
                ids.extend(found.iter().filter(|(of, _)| of == digest).map(|(_, id)| *id));
            }
            if let Some(dry_run_records) = &self.dry_run_records {
                for (names, digest) in in_dry_run.iter_mut().zip(&digests) {
                    names.extend(dry_run_records.waiting(conn, digest)?.iter().map(key_of));
                }
            }
        }
        // What pays them back is loaded for those that are linked: it may be much.
        let ids: HashSet<TransId> = waiting.iter().flatten().copied().collect();
        let mut rows = Vec::with_capacity(ids.len());
        for id in ids {
            rows.extend(by_id(conn, self.lock_row.entrypoint_id, id)?);
        }
        let mut opened = self.open_transactions(conn, ring, &rows)?;
        let names: HashMap<TransId, ExternalKey> =
            opened.iter().map(|found| (found.id, key_of(found))).collect();
        if let Some(dry_run_records) = &self.dry_run_records {
            let dry_run = dry_run_records.transactions(conn, names.values(), false)?;
            opened.splice(0..0, dry_run);
        }
        self.working_set.ledger.add([], opened);
        for ((key, ids), in_dry_run) in keys.into_iter().zip(waiting).zip(in_dry_run) {
            let stored = ids.iter().filter_map(|id| names.get(id).cloned());
            let names = stored.chain(in_dry_run).collect();
            self.working_set.ledger.add_waiting(key, names);
        }
        Ok(())
    }

    /// Loads whether some customers can have transactions.
    pub(crate) fn load_payers(&mut self, conn: &mut Conn, ids: &[i64]) -> Result<(), StoreError> {
        if let Some(dry_run_records) = &self.dry_run_records {
            let mut unknown = ids.to_vec();
            unknown.retain(|id| self.working_set.customer(*id).is_none());
            dry_run_records.tell(conn, &mut self.working_set, &unknown)?;
        }
        let is_known = |id: &i64| self.payers.contains_key(id) || self.working_set.customer(*id).is_some();
        let mut ids: Vec<i64> = ids.iter().copied().filter(|id| !is_known(id)).collect();
        ids.sort_unstable();
        ids.dedup();
        for row in payers(conn, self.lock_row.entrypoint_id, &ids)? {
            self.working_set.ledger.add_payer(row.customer_id, row.payer());
            self.payers.insert(row.customer_id, row);
        }
        for id in ids {
            self.working_set.ledger.add_payer(id, Payer::Nobody);
        }
        Ok(())
    }

    /// Loads the transactions with some keys, and what pays them back; and the `sales` that some of them pay back.
    pub(crate) fn load_transactions(
        &mut self,
        conn: &mut Conn,
        ring: &KeyRing,
        keys: &[ExternalKey],
        sales: &[ExternalKey],
    ) -> Result<(), StoreError> {
        let place = self.lock_row.entrypoint_id;
        let ledger = &self.working_set.ledger;
        let keys: HashSet<&ExternalKey> = keys.iter().filter(|key| !ledger.knows(key)).collect();
        let sales: HashSet<&ExternalKey> = sales.iter().filter(|key| !ledger.knows_row(key)).collect();
        let all: HashSet<&ExternalKey> = keys.union(&sales).copied().collect();
        let mut dry_run = Vec::new();
        if let Some(dry_run_records) = &self.dry_run_records {
            dry_run = dry_run_records.transactions(conn, keys.iter().copied(), true)?;
            dry_run.extend(dry_run_records.transactions(conn, sales.iter().copied(), false)?);
        }
        let mut rows = Vec::new();
        for index in self.keys.all() {
            let digests = |keys: &HashSet<&ExternalKey>| {
                let of = |key: &&ExternalKey| digest(&index.key, &key.0, &key.1);
                let mut digests: Vec<Vec<u8>> = keys.iter().map(of).collect();
                digests.sort_unstable();
                digests
            };
            rows.extend(found(conn, place, &digests(&all))?);
            rows.extend(paid_back(conn, place, &digests(&keys))?);
        }
        let (keys, all): (Vec<ExternalKey>, Vec<ExternalKey>) =
            (keys.into_iter().cloned().collect(), all.into_iter().cloned().collect());
        let mut opened = self.open_transactions(conn, ring, &rows)?;
        if let Some(dry_run_records) = &self.dry_run_records {
            // It may have changed what a stored one pays back.
            let stored: Vec<ExternalKey> = opened.iter().map(key_of).collect();
            dry_run.extend(dry_run_records.transactions(conn, stored.iter(), false)?);
        }
        // What the dry run changed stands before what is stored.
        opened.splice(0..0, dry_run);
        self.working_set.ledger.add(all, opened);
        self.working_set.ledger.add_paid_back(keys);
        Ok(())
    }

    /// Loads a transaction by its id, with what pays it back.
    pub(crate) fn load_transaction(
        &mut self,
        conn: &mut Conn,
        ring: &KeyRing,
        id: TransId,
    ) -> Result<(), StoreError> {
        let row = by_id(conn, self.lock_row.entrypoint_id, id)?;
        let rows: Vec<TransactionRow> = row.into_iter().collect();
        let opened = self.open_transactions(conn, ring, &rows)?;
        let key = opened.first().map(key_of);
        let keys: Vec<ExternalKey> = key.iter().cloned().collect();
        self.load_transactions(conn, ring, &keys, &[])?;
        self.working_set.ledger.add_id(id, key);
        Ok(())
    }

    /// Loads whether erased people were found by some keys.
    pub(crate) fn load_erased(
        &mut self,
        conn: &mut Conn,
        ring: &KeyRing,
        keys: Vec<MatchKey>,
    ) -> Result<(), StoreError> {
        for key in keys {
            let is_erased = was_erased(conn, ring, self.lock_row.entrypoint_id, &key)?;
            self.working_set.ledger.add_erased(key, is_erased);
        }
        Ok(())
    }

    fn open_transactions(
        &mut self,
        conn: &mut Conn,
        ring: &KeyRing,
        rows: &[TransactionRow],
    ) -> Result<Vec<Transaction>, StoreError> {
        let owners: Vec<i64> = rows.iter().filter_map(|row| row.customer_id).collect();
        self.load_payers(conn, &owners)?;
        let salts = |id: i64| {
            let row = self.rows.get(&id).map(|row| &row.salt);
            row.or_else(|| self.payers.get(&id).map(|payer| &payer.salt)).and_then(Clone::clone)
        };
        let mut opener = Opener::new(ring, &salts);
        rows.iter().map(|row| opener.open(conn, row)).collect()
    }
}

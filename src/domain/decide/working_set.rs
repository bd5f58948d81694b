//! The facts for the decisions of one batch: loaded under the lock of the entrypoint, and updated with the effects of
//! earlier commands.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::command::Outcome;
use super::effects::{Effects, MailOrder, Revision};
use crate::domain::customers::identifier::{Identifier, MatchKey};
use crate::domain::customers::record::Stored;
use crate::domain::entrypoints::Entrypoint;
use crate::domain::kernel::time::Micros;

/// The outcome kept under an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// A hash of the request that used the key.
    pub fingerprint: [u8; 32],
    /// The outcome.
    pub outcome: Outcome,
}

/// A fact that a decision needs and that is not loaded yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// Which customers have a key.
    Key(MatchKey),
    /// Ids for new customers.
    Ids,
}

/// The facts of one entrypoint within one batch.
#[derive(Debug)]
pub struct WorkingSet {
    /// The entrypoint, read under its lock.
    pub entrypoint: Arc<Entrypoint>,
    /// The time of the batch.
    pub now: Micros,
    ids: std::ops::Range<i64>,
    customers: HashMap<i64, Arc<Stored>>,
    versions: HashMap<(i64, i64), Arc<Stored>>,
    index: HashMap<MatchKey, BTreeSet<i64>>,
    identifiers: Vec<Identifier>,
    keys: HashMap<[u8; 32], IdempotencyRecord>,
    revisions: Vec<Revision>,
    mails: Vec<MailOrder>,
    new_keys: Vec<[u8; 32]>,
}

impl WorkingSet {
    /// A working set with an entrypoint and no customers yet.
    pub fn new(entrypoint: Arc<Entrypoint>, now: Micros, ids: std::ops::Range<i64>) -> WorkingSet {
        WorkingSet {
            identifiers: entrypoint.policy.unique(),
            entrypoint,
            now,
            ids,
            customers: HashMap::new(),
            versions: HashMap::new(),
            index: HashMap::new(),
            keys: HashMap::new(),
            revisions: Vec::new(),
            mails: Vec::new(),
            new_keys: Vec::new(),
        }
    }

    // ---- loading -----------------------------------------------------------------------------

    /// Adds a stored customer. If this batch changed the customer, the newer state stays.
    pub fn add_customer(&mut self, stored: Stored) {
        self.customers.entry(stored.id).or_insert_with(|| Arc::new(stored));
    }

    /// Adds an earlier version of a customer, for a replay.
    pub fn add_version(&mut self, stored: Stored) {
        self.versions.entry((stored.id, stored.version)).or_insert_with(|| Arc::new(stored));
    }

    /// Adds the stored customers that may have a key. Add the customers first: the working set checks on the opened
    /// record whether they have the key.
    pub fn add_candidates(&mut self, key: MatchKey, ids: impl IntoIterator<Item = i64>) {
        let mut found: BTreeSet<i64> = ids.into_iter().collect();
        if !self.identifiers.contains(&key.identifier) {
            // Later writes index this identifier; index the earlier writes now.
            self.identifiers.push(key.identifier.clone());
        }
        let touched = self.revisions.iter().map(|revision| revision.after.id);
        found.extend(touched.filter(|id| {
            let stored = self.customers.get(id);
            stored.is_some_and(|stored| key.identifier.key(&stored.customer).as_ref() == Some(&key))
        }));
        self.index.entry(key).or_default().extend(found);
    }

    /// Adds new customer ids, for use after the ids added earlier.
    pub fn add_ids(&mut self, ids: std::ops::Range<i64>) {
        self.ids = ids;
    }

    /// Adds the record of an idempotency key.
    pub fn add_idempotency(&mut self, key: [u8; 32], record: IdempotencyRecord) {
        self.keys.insert(key, record);
    }

    /// Whether the customers with a key are loaded.
    pub fn knows_key(&self, key: &MatchKey) -> bool {
        self.index.contains_key(key)
    }

    // ---- deciding ----------------------------------------------------------------------------

    /// The current state of a customer, even if deleted.
    pub fn customer(&self, id: i64) -> Option<&Arc<Stored>> {
        self.customers.get(&id)
    }

    /// A customer at a version, if that version still exists.
    pub fn version(&self, id: i64, version: i64) -> Option<Arc<Stored>> {
        let current = self.customers.get(&id)?;
        if current.erased || current.version == version {
            return Some(Arc::clone(current));
        }
        self.versions.get(&(id, version)).map(Arc::clone)
    }

    /// The live customers with a key, oldest first.
    ///
    /// # Errors
    /// [`Missing`] if the customers with the key are not loaded.
    pub fn live_with(&self, key: &MatchKey) -> Result<Vec<i64>, Missing> {
        let proposed = self.index.get(key).ok_or_else(|| Missing::Key(key.clone()))?;
        Ok(proposed
            .iter()
            .copied()
            .filter(|id| {
                self.customers.get(id).is_some_and(|stored| {
                    !stored.customer.is_deleted()
                        && key.identifier.key(&stored.customer).as_ref() == Some(key)
                })
            })
            .collect())
    }

    /// The record of an idempotency key.
    pub fn idempotency(&self, key: &[u8; 32]) -> Option<&IdempotencyRecord> {
        self.keys.get(key)
    }

    /// The next `customerId`.
    ///
    /// # Errors
    /// [`Missing::Ids`] if no ids are left.
    pub fn next_id(&mut self) -> Result<i64, Missing> {
        self.ids.next().ok_or(Missing::Ids)
    }

    /// Applies effects, so that later decisions of the batch see them; returns the outcome.
    pub fn take(&mut self, effects: Effects) -> Outcome {
        self.mails.extend(effects.mails);
        self.mails.extend(effects.revisions.iter().flat_map(Revision::notices));
        effects.revisions.into_iter().for_each(|revision| self.write(revision));
        effects.outcome
    }

    fn write(&mut self, revision: Revision) {
        let after = Arc::clone(&revision.after);
        if let Some(before) = &revision.before {
            self.versions.insert((before.id, before.version), Arc::clone(before));
        }
        for identifier in &self.identifiers {
            if let Some(key) = identifier.key(&after.customer)
                && let Some(ids) = self.index.get_mut(&key)
            {
                ids.insert(after.id);
            }
        }
        self.customers.insert(after.id, after);
        self.revisions.push(revision);
    }

    /// Keeps an outcome under its idempotency key.
    pub fn keep_outcome(&mut self, key: [u8; 32], record: IdempotencyRecord) {
        self.keys.insert(key, record);
        self.new_keys.push(key);
    }

    // ---- saving ------------------------------------------------------------------------------

    /// The changes, in the order of the decisions.
    pub fn revisions(&self) -> &[Revision] {
        &self.revisions
    }

    /// The mails to send, in the order of the decisions.
    pub fn mails(&self) -> &[MailOrder] {
        &self.mails
    }

    /// The idempotency records to save.
    pub fn new_keys(&self) -> impl Iterator<Item = (&[u8; 32], &IdempotencyRecord)> {
        self.new_keys.iter().filter_map(|key| self.keys.get(key).map(|record| (key, record)))
    }

    /// The ids that are left for later batches.
    pub fn ids_left(&self) -> std::ops::Range<i64> {
        self.ids.clone()
    }
}

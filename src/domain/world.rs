//! What the decisions of one batch may know: facts loaded under the entrypoint's lock, and the
//! effects of the commands decided before.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::command::{Actor, Foreseen, Outcome};
use super::customer::Stored;
use super::entrypoint::Entrypoint;
use super::history::Operation;
use super::identifier::{Identifier, MatchKey};
use super::mail::MailKind;
use super::time::Micros;

/// The kept outcome of an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// What the key was used for.
    pub fingerprint: [u8; 32],
    /// What came of it.
    pub outcome: Outcome,
}

/// One change to be saved.
#[derive(Debug, Clone)]
pub struct Written {
    /// The record before; `None` for a new one.
    pub before: Option<Arc<Stored>>,
    /// The record after.
    pub after: Arc<Stored>,
    /// What was done.
    pub operation: Operation,
    /// Who did it.
    pub actor: Actor,
    /// What was made ready of a new record.
    pub foreseen: Option<Arc<Foreseen>>,
}

/// A mail that a decision sends, once its effect is saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailOrder {
    /// To whom.
    pub customer_id: i64,
    /// What it is about.
    pub kind: MailKind,
    /// How long its link holds, in seconds, where it carries one.
    pub link_ttl_secs: i64,
}

/// A fact without which a decision cannot be made yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// Who has a key.
    Key(MatchKey),
    /// Customer ids to give away.
    Ids,
}

/// The facts of one entrypoint within one batch.
#[derive(Debug)]
pub struct World {
    /// The entrypoint, read under its lock.
    pub entrypoint: Arc<Entrypoint>,
    /// The time of the batch.
    pub now: Micros,
    ids: std::ops::Range<i64>,
    customers: HashMap<i64, Arc<Stored>>,
    versions: HashMap<(i64, i64), Arc<Stored>>,
    index: HashMap<MatchKey, BTreeSet<i64>>,
    identifiers: Vec<Identifier>,
    keys: HashMap<[u8; 32], KeyRecord>,
    written: Vec<Written>,
    mails: Vec<MailOrder>,
    new_keys: Vec<[u8; 32]>,
}

impl World {
    /// A world that knows an entrypoint and nothing of its customers yet.
    pub fn new(entrypoint: Arc<Entrypoint>, now: Micros, ids: std::ops::Range<i64>) -> World {
        let mut identifiers = entrypoint.policy.identifiers.clone();
        for always in [Identifier::customer_number(), Identifier::customer_username()] {
            if !identifiers.contains(&always) {
                identifiers.push(always);
            }
        }
        World {
            entrypoint,
            now,
            ids,
            customers: HashMap::new(),
            versions: HashMap::new(),
            index: HashMap::new(),
            identifiers,
            keys: HashMap::new(),
            written: Vec::new(),
            mails: Vec::new(),
            new_keys: Vec::new(),
        }
    }

    // ---- loading -----------------------------------------------------------------------------

    /// Tells a stored customer; what this batch itself wrote is newer and stays.
    pub fn tell_customer(&mut self, stored: Stored) {
        self.customers.entry(stored.id).or_insert_with(|| Arc::new(stored));
    }

    /// Tells an earlier version of a customer, for a replay.
    pub fn tell_version(&mut self, stored: Stored) {
        self.versions.entry((stored.id, stored.version)).or_insert_with(|| Arc::new(stored));
    }

    /// Tells which stored customers may have a key; they must have been told before. Whether they
    /// have it is checked on the opened record.
    pub fn tell_key(&mut self, key: MatchKey, ids: impl IntoIterator<Item = i64>) {
        let mut found: BTreeSet<i64> = ids.into_iter().collect();
        if !self.identifiers.contains(&key.identifier) {
            // From here on writes keep this identifier's keys; those of earlier writes are found now.
            self.identifiers.push(key.identifier.clone());
        }
        let touched = self.written.iter().map(|written| written.after.id);
        found.extend(touched.filter(|id| {
            let stored = self.customers.get(id);
            stored.is_some_and(|stored| key.identifier.key(&stored.customer).as_ref() == Some(&key))
        }));
        self.index.entry(key).or_default().extend(found);
    }

    /// Tells fresh customer ids, once those before are used up.
    pub fn tell_ids(&mut self, ids: std::ops::Range<i64>) {
        self.ids = ids;
    }

    /// Tells what an idempotency key was used for.
    pub fn tell_idempotency(&mut self, key: [u8; 32], record: KeyRecord) {
        self.keys.insert(key, record);
    }

    /// Whether a key's customers are known.
    pub fn knows_key(&self, key: &MatchKey) -> bool {
        self.index.contains_key(key)
    }

    // ---- deciding ----------------------------------------------------------------------------

    /// A customer as it is now, deleted ones included.
    pub fn customer(&self, id: i64) -> Option<&Arc<Stored>> {
        self.customers.get(&id)
    }

    /// A customer as it was at a version, as far as it can still be told.
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
    /// [`Missing`] where the world was not told who has it.
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

    /// What an idempotency key was used for.
    pub fn idempotency(&self, key: &[u8; 32]) -> Option<&KeyRecord> {
        self.keys.get(key)
    }

    /// The next `customerId`.
    ///
    /// # Errors
    /// [`Missing::Ids`] when those told are used up.
    pub fn next_id(&mut self) -> Result<i64, Missing> {
        self.ids.next().ok_or(Missing::Ids)
    }

    /// Takes a change in; every later decision of the batch sees it.
    pub fn write(&mut self, written: Written) {
        let after = Arc::clone(&written.after);
        if let Some(before) = &written.before {
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
        self.written.push(written);
    }

    /// Sends a mail, once what was decided is saved.
    pub fn order_mail(&mut self, mail: MailOrder) {
        self.mails.push(mail);
    }

    /// Keeps an outcome under its idempotency key.
    pub fn keep_outcome(&mut self, key: [u8; 32], record: KeyRecord) {
        self.keys.insert(key, record);
        self.new_keys.push(key);
    }

    // ---- saving ------------------------------------------------------------------------------

    /// The changes, in the order they were decided.
    pub fn written(&self) -> &[Written] {
        &self.written
    }

    /// The mails to be sent, in the order they were decided.
    pub fn mails(&self) -> &[MailOrder] {
        &self.mails
    }

    /// The idempotency keys to be saved.
    pub fn new_keys(&self) -> impl Iterator<Item = (&[u8; 32], &KeyRecord)> {
        self.new_keys.iter().filter_map(|key| self.keys.get(key).map(|record| (key, record)))
    }

    /// The ids that remain for later batches.
    pub fn ids_left(&self) -> std::ops::Range<i64> {
        self.ids.clone()
    }
}

//! The facts for the decisions of one batch: loaded under the lock of the entrypoint, and updated with the effects of
//! earlier commands.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::catalogue::Catalogue;
use super::command::{Actor, Outcome};
use super::coupon_book::CouponBook;
use super::effects::{CommentEffect, Effects, MailOrder, Revision};
use super::events::Event;
use super::invoice_book::InvoiceBook;
use super::ledger::{Ledger, Payer};
pub use super::missing::Missing;
use super::order_book::OrderBook;
use super::provider_book::ProviderBook;
use super::request_book::RequestBook;
use crate::domain::comments::{Comment, CommentBook};
use crate::domain::customers::identifier::{Identifier, MatchKey};
use crate::domain::customers::record::Stored;
use crate::domain::entrypoints::Entrypoint;
use crate::domain::kernel::time::Micros;
use crate::domain::references::Reference;
use crate::domain::statistics::Tally;

/// The outcome kept under an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// A hash of the request that used the key.
    pub fingerprint: [u8; 32],
    /// The outcome.
    pub outcome: Outcome,
}

/// The customer that the row before led to, in an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RowBefore {
    /// Its id.
    pub id: i64,
    /// Whether the rows before, without another one between them, made it.
    pub is_new: bool,
}

/// The changes and events of a working set, each with its number.
#[derive(Debug)]
pub struct Numbered<'a> {
    /// The changes of records.
    pub revisions: Vec<(i64, &'a Revision)>,
    /// The other changes.
    pub events: Vec<(i64, &'a Event)>,
    /// The number of the next change.
    pub next_seq: i64,
}

/// The facts of one entrypoint within one batch.
#[derive(Debug)]
pub struct WorkingSet {
    /// The entrypoint, read under its lock.
    pub entrypoint: Arc<Entrypoint>,
    /// The time of the batch.
    pub now: Micros,
    /// The customer that the row before the next command led to, in an import.
    pub row_before: Option<RowBefore>,
    ids: std::ops::Range<i64>,
    customers: HashMap<i64, Arc<Stored>>,
    versions: HashMap<(i64, i64), Arc<Stored>>,
    index: HashMap<MatchKey, BTreeSet<i64>>,
    identifiers: Vec<Identifier>,
    keys: HashMap<[u8; 32], IdempotencyRecord>,
    revisions: Vec<Revision>,
    mails: Vec<MailOrder>,
    /// Events, each with the number of revisions before it.
    events: Vec<(usize, Event)>,
    comment_books: HashMap<i64, CommentBook>,
    /// Comments by customer and number; `None` if there is none.
    comments: HashMap<(i64, i64), Option<Comment>>,
    /// Whether stored comments of a customer have a text.
    comment_texts: HashMap<(i64, String), bool>,
    comment_effects: Vec<CommentEffect>,
    /// Customers whose stored methods changed.
    methods_changed: BTreeSet<i64>,
    /// Customers and ids of subscriptions, by the ids that other systems give these; `None` if there is none.
    subscriptions: HashMap<Reference, Option<(i64, i64)>>,
    /// Customers whose subscriptions changed.
    subscriptions_changed: BTreeSet<i64>,
    /// When the last sale of a customer was paid; `None` if none was.
    last_sales: HashMap<i64, Option<Micros>>,
    /// How many payments of a customer are pending.
    pending: HashMap<i64, i64>,
    /// When customers become idle.
    idle: BTreeMap<i64, Micros>,
    tally: Tally,
    /// The transactions.
    pub ledger: Ledger,
    /// The invoices.
    pub invoices: InvoiceBook,
    /// The coupons.
    pub coupons: CouponBook,
    /// The products.
    pub catalogue: Catalogue,
    /// The orders.
    pub orders: OrderBook,
    /// The calls of payment providers.
    pub calls: ProviderBook,
    /// The requests for money and for payment methods.
    pub requests: RequestBook,
    new_keys: Vec<[u8; 32]>,
}

impl WorkingSet {
    /// A working set with an entrypoint and no customers yet.
    pub fn new(entrypoint: Arc<Entrypoint>, now: Micros, ids: std::ops::Range<i64>) -> WorkingSet {
        WorkingSet {
            identifiers: entrypoint.policy.unique(),
            entrypoint,
            now,
            row_before: None,
            ids,
            customers: HashMap::new(),
            versions: HashMap::new(),
            index: HashMap::new(),
            keys: HashMap::new(),
            revisions: Vec::new(),
            mails: Vec::new(),
            events: Vec::new(),
            comment_books: HashMap::new(),
            comments: HashMap::new(),
            comment_texts: HashMap::new(),
            comment_effects: Vec::new(),
            methods_changed: BTreeSet::new(),
            subscriptions: HashMap::new(),
            subscriptions_changed: BTreeSet::new(),
            last_sales: HashMap::new(),
            pending: HashMap::new(),
            idle: BTreeMap::new(),
            tally: Tally::default(),
            ledger: Ledger::default(),
            invoices: InvoiceBook::default(),
            coupons: CouponBook::default(),
            catalogue: Catalogue::default(),
            orders: OrderBook::default(),
            calls: ProviderBook::default(),
            requests: RequestBook::default(),
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
            stored.is_some_and(|stored| key.is_of(&stored.customer))
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

    /// Adds how many comments a customer has, as stored.
    pub fn add_comment_book(&mut self, customer_id: i64, book: CommentBook) {
        // Deletions of this batch may be decided already; they need no book.
        let decided = self.comment_effects.iter().filter(|effect| effect.customer_id == customer_id);
        let book = decided.fold(book, |book, effect| book.after(&effect.change));
        self.comment_books.entry(customer_id).or_insert(book);
    }

    /// Adds a comment of a customer as stored; `None` if there is none with this number.
    pub fn add_comment(&mut self, customer_id: i64, comment_id: i64, comment: Option<Comment>) {
        self.comments.entry((customer_id, comment_id)).or_insert(comment);
    }

    /// Adds whether a customer has a comment with a text, as stored.
    pub fn add_comment_text(&mut self, customer_id: i64, text: String, is_there: bool) {
        self.comment_texts.insert((customer_id, text), is_there);
    }

    /// Adds who has a subscription, as stored.
    pub fn add_subscription(&mut self, external: Reference, place: Option<(i64, i64)>) {
        self.subscriptions.entry(external).or_insert(place);
    }

    /// Adds when the last sale of a customer was paid, as stored.
    pub fn add_last_sale(&mut self, customer_id: i64, at: Option<Micros>) {
        self.last_sales.entry(customer_id).or_insert(at);
    }

    /// Adds how many payments of a customer are pending, as stored. Deliveries of this batch may not be counted.
    pub fn add_pending(&mut self, customer_id: i64, number: i64) {
        self.pending.insert(customer_id, number);
    }

    /// Says anew when the last sale of a customer was paid, after the batch changed its transactions.
    pub fn renew_last_sale(&mut self, customer_id: i64, at: Option<Micros>) {
        self.last_sales.insert(customer_id, at);
    }

    /// Lets the stage of a customer be looked at soon.
    pub fn postpone(&mut self, customer_id: i64) {
        self.idle.insert(customer_id, self.now);
    }

    /// Who last wrote an event about a customer in this batch.
    pub fn last_actor(&self, customer_id: i64) -> Option<&Actor> {
        let of_customer = |(_, event): &&(usize, Event)| event.customer_id == Some(customer_id);
        self.events.iter().rev().find(of_customer).map(|(_, event)| &event.actor)
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
                self.customers
                    .get(id)
                    .is_some_and(|stored| !stored.customer.is_deleted() && key.is_of(&stored.customer))
            })
            .collect())
    }

    /// Whether a customer can have transactions.
    ///
    /// # Errors
    /// [`Missing::Payer`] if that is not loaded.
    pub fn payer(&self, id: i64) -> Result<Payer, Missing> {
        match self.customers.get(&id) {
            Some(stored) if stored.erased => Ok(Payer::Erased),
            Some(stored) if stored.customer.is_deleted() => Ok(Payer::Deleted),
            Some(_) => Ok(Payer::Live),
            None => self.ledger.payer(id).ok_or(Missing::Payer(id)),
        }
    }

    /// The record of an idempotency key.
    pub fn idempotency(&self, key: &[u8; 32]) -> Option<&IdempotencyRecord> {
        self.keys.get(key)
    }

    /// How many comments a customer has.
    ///
    /// # Errors
    /// [`Missing::CommentBook`] if that is not loaded.
    pub fn comment_book(&self, customer_id: i64) -> Result<CommentBook, Missing> {
        self.comment_books.get(&customer_id).copied().ok_or(Missing::CommentBook(customer_id))
    }

    /// A comment of a customer.
    ///
    /// # Errors
    /// [`Missing::Comment`] if it is not loaded.
    pub fn comment(&self, customer_id: i64, comment_id: i64) -> Result<Option<&Comment>, Missing> {
        let found = self.comments.get(&(customer_id, comment_id));
        found.map(Option::as_ref).ok_or(Missing::Comment(customer_id, comment_id))
    }

    /// Whether a customer has a comment with a text, stored or decided in this batch.
    ///
    /// # Errors
    /// [`Missing::CommentText`] if that is not loaded.
    pub fn has_comment(&self, customer_id: i64, text: &str) -> Result<bool, Missing> {
        let is_it = |effect: &CommentEffect| {
            effect.customer_id == customer_id
                && effect.change.after().is_some_and(|comment| comment.text == text)
        };
        if self.comment_effects.iter().any(is_it) {
            return Ok(true);
        }
        let key = (customer_id, text.to_owned());
        self.comment_texts.get(&key).copied().ok_or(Missing::CommentText(key.0, key.1))
    }

    /// The customer and the id of a subscription, by the system that keeps it and its id there.
    ///
    /// # Errors
    /// [`Missing::Subscription`] if that is not loaded.
    pub fn subscription(&self, external: &Reference) -> Result<Option<(i64, i64)>, Missing> {
        let found = self.subscriptions.get(external).copied();
        found.ok_or_else(|| Missing::Subscription(external.clone()))
    }

    /// When the last sale of a customer was paid.
    ///
    /// # Errors
    /// [`Missing::LastSale`] if that is not loaded.
    pub fn last_sale(&self, customer_id: i64) -> Result<Option<Micros>, Missing> {
        self.last_sales.get(&customer_id).copied().ok_or(Missing::LastSale(customer_id))
    }

    /// How many payments of a customer are pending.
    ///
    /// # Errors
    /// [`Missing::Pending`] if that is not loaded.
    pub fn pending(&self, customer_id: i64) -> Result<i64, Missing> {
        self.pending.get(&customer_id).copied().ok_or(Missing::Pending(customer_id))
    }

    /// The events so far, in their order.
    pub fn events(&self) -> impl ExactSizeIterator<Item = &Event> {
        self.events.iter().map(|(_, event)| event)
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
        self.events.extend(effects.events.into_iter().map(|event| (self.revisions.len(), event)));
        for effect in effects.comments {
            let CommentEffect { customer_id, change } = &effect;
            // The book of a customer whose comment was changed may not be loaded; saving counts in the database.
            if let Some(book) = self.comment_books.get_mut(customer_id) {
                *book = book.after(change);
            }
            self.comments.insert((*customer_id, change.comment_id()), change.after().cloned());
            self.comment_effects.push(effect);
        }
        for stored in effects.methods {
            self.methods_changed.insert(stored.id);
            self.count(Some(stored.id), &stored);
            self.customers.insert(stored.id, stored);
        }
        for (stored, ids) in effects.subscriptions {
            self.methods_changed.insert(stored.id);
            self.subscriptions_changed.insert(stored.id);
            for one in stored.customer.subscriptions.iter().filter(|one| ids.contains(&one.id)) {
                self.subscriptions.insert(one.external.clone(), Some((stored.id, one.id)));
            }
            self.customers.insert(stored.id, stored);
        }
        self.idle.extend(effects.idle);
        effects.coupons.into_iter().for_each(|effect| self.coupons.take(effect));
        effects.products.into_iter().for_each(|effect| self.catalogue.take(effect));
        effects.outcome
    }

    /// Counts a customer after a change, and no longer as it was before.
    fn count(&mut self, before: Option<i64>, after: &Stored) {
        let before = before.and_then(|id| self.customers.get(&id));
        self.tally.change(before.map(|before| &before.customer), Some(&after.customer));
    }

    fn write(&mut self, revision: Revision) {
        let after = Arc::clone(&revision.after);
        self.count(revision.before.as_ref().map(|before| before.id), &after);
        if let Some(before) = &revision.before {
            self.versions.insert((before.id, before.version), Arc::clone(before));
        }
        for identifier in &self.identifiers {
            for key in identifier.keys(&after.customer) {
                if let Some(ids) = self.index.get_mut(&key) {
                    ids.insert(after.id);
                }
            }
        }
        self.customers.insert(after.id, after);
        self.revisions.push(revision);
    }

    /// Adds an event after all changes so far.
    pub(super) fn note(&mut self, event: Event) {
        self.events.push((self.revisions.len(), event));
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

    /// The changes and the events with their numbers, which follow each other without a gap from `next_seq` on, in the
    /// order of the decisions.
    pub fn numbered(&self, next_seq: i64) -> Numbered<'_> {
        let number = |place: usize| next_seq.saturating_add(i64::try_from(place).unwrap_or(i64::MAX));
        let revisions = self.revisions.iter().enumerate().map(|(index, revision)| {
            let events = self.events.partition_point(|(before, _)| *before <= index);
            (number(index + events), revision)
        });
        let events = self.events.iter().enumerate();
        let events = events.map(|(index, (before, event))| (number(before + index), event));
        Numbered {
            next_seq: number(self.revisions.len() + self.events.len()),
            revisions: revisions.collect(),
            events: events.collect(),
        }
    }

    /// The changes of comments to save, in the order of the decisions.
    pub fn comment_effects(&self) -> &[CommentEffect] {
        &self.comment_effects
    }

    /// The customers whose stored methods changed, in their present state.
    pub fn methods_changed(&self) -> impl Iterator<Item = &Arc<Stored>> {
        self.methods_changed.iter().filter_map(|id| self.customers.get(id))
    }

    /// The customers whose subscriptions changed, in their present state.
    pub fn subscriptions_changed(&self) -> impl Iterator<Item = &Arc<Stored>> {
        self.subscriptions_changed.iter().filter_map(|id| self.customers.get(id))
    }

    /// Whether the row of a customer is to be written.
    pub fn is_written(&self, id: i64) -> bool {
        self.methods_changed.contains(&id) || self.revisions.iter().any(|revision| revision.after.id == id)
    }

    /// When customers become idle, as far as that is new.
    pub fn idle(&self) -> &BTreeMap<i64, Micros> {
        &self.idle
    }

    /// What the changes do to the numbers of customers.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Whether there are events to save.
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::customers::history::Operation;
    use crate::domain::decide::command::Actor;
    use crate::domain::decide::events::EventKind;

    proptest! {
        /// Rules 5: whatever the decisions make, their numbers have no gap and keep the order.
        #[test]
        fn numbers_of_revisions_and_events_have_no_gap(
            made in prop::collection::vec((0_usize..3, 0_usize..3), 0..12),
            first in 1_i64..1_000,
        ) {
            let mut set = WorkingSet::new(Arc::new(Entrypoint::default()), Micros(1), 0..0);
            let actor = Actor { name: "test".into(), jti: String::new() };
            // The id tells the place in the order.
            let mut next = first;
            let mut id = || { next += 1; next - 1 };
            for (revisions, events) in made {
                let revision = |id| Revision {
                    before: None,
                    after: Arc::new(Stored { id, ..Stored::default() }),
                    operation: Operation::Created,
                    actor: actor.clone(),
                    precomputed: None,
                    is_blind: false,
                };
                let event = |customer_id| Event {
                    kind: EventKind::CommentCreated,
                    customer_id: Some(customer_id),
                    subject_id: None,
                    changed: Vec::new(),
                    actor: actor.clone(),
                };
                let mut effects = Effects::new(Outcome::Changed { id: 1, version: 1 }, None);
                effects.revisions = (0..revisions).map(|_| revision(id())).collect();
                effects.events = (0..events).map(|_| event(id())).collect();
                set.take(effects);
            }
            let numbered = set.numbered(first);
            prop_assert_eq!(numbered.next_seq, next);
            for (seq, revision) in &numbered.revisions {
                prop_assert_eq!(*seq, revision.after.id);
            }
            for (seq, event) in &numbered.events {
                prop_assert_eq!(Some(*seq), event.customer_id);
            }
            prop_assert_eq!(numbered.revisions.len() + numbered.events.len(), usize::try_from(next - first).unwrap());
        }
    }
}

//! What the decisions of a batch know of transactions, and what they change of them (rules 14 and 15).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::delivery::ItemAnswer;
use super::missing::{ExternalKey, Missing};
use crate::domain::customers::identifier::MatchKey;
use crate::domain::kernel::money::Money;
use crate::domain::transactions::Transaction;
use crate::domain::transactions::currency::Currency;
use crate::domain::transactions::id::TransId;
use crate::domain::transactions::status::Operation;
use crate::domain::transactions::totals::{Totals, contribution, refunds, sale_at};

/// Whether a customer can have transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payer {
    /// Named ones lead to it.
    Live,
    /// It keeps those that it has.
    Deleted,
    /// As a deleted one, and no personal text is kept.
    Erased,
    /// There is no such customer.
    Nobody,
}

/// What a batch adds to a row of totals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Growth {
    /// What to add.
    pub totals: Totals,
    /// The latest time of a transaction in the batch, in microseconds; 0 for none.
    pub last_at: i64,
    /// The latest time of a confirmed sale in the batch; 0 for none.
    pub last_sale_at: i64,
    /// Whether one of both may have gone back, so that it must be found anew.
    pub is_stale: bool,
}

/// The transactions of one entrypoint within one batch.
#[derive(Debug, Default)]
pub struct Ledger {
    /// `None` if there is none.
    known: HashMap<ExternalKey, Option<Arc<Transaction>>>,
    ids: HashMap<TransId, Option<ExternalKey>>,
    /// What pays a transaction back, for those whose list is loaded.
    paid_back_by: HashMap<ExternalKey, BTreeSet<ExternalKey>>,
    /// How many pay a transaction back, for those whose list is not loaded.
    numbers_paid_back: HashMap<ExternalKey, usize>,
    /// What waits for the customers with some keys, as stored.
    waiting: HashMap<MatchKey, Vec<ExternalKey>>,
    /// The same, of what the batch brought.
    waiting_new: HashMap<MatchKey, Vec<ExternalKey>>,
    /// Whether an erased person was found by a key.
    erased: HashMap<MatchKey, bool>,
    /// Those that waited before the batch changed them.
    has_waited: HashSet<TransId>,
    payers: HashMap<i64, Payer>,
    changed: Vec<ExternalKey>,
    /// Whether a changed one is new.
    is_new: HashMap<ExternalKey, bool>,
    growth: BTreeMap<(i64, Option<Currency>), Growth>,
    /// The items of the present command that are decided.
    pub(super) answered: Vec<ItemAnswer>,
    /// How many transactions had changed before the present command.
    changed_before: usize,
}

/// The key of a transaction.
pub fn key_of(transaction: &Transaction) -> ExternalKey {
    (transaction.source.clone(), transaction.external_id.clone())
}

/// The key of the sale that a transaction pays back.
pub fn sale_of(transaction: &Transaction) -> Option<ExternalKey> {
    let sale = transaction.refund_of.as_ref().filter(|_| transaction.operation != Operation::Sale)?;
    Some((transaction.source.clone(), sale.clone()))
}

impl Ledger {
    // ---- loading -----------------------------------------------------------------------------

    /// Adds what is stored under some keys, and what pays the stored ones back. What the batch changed stays.
    pub fn add(
        &mut self,
        asked: impl IntoIterator<Item = ExternalKey>,
        found: impl IntoIterator<Item = Transaction>,
    ) {
        for transaction in found {
            let key = key_of(&transaction);
            self.ids.insert(transaction.id, Some(key.clone()));
            self.known.entry(key).or_insert_with(|| Some(Arc::new(transaction)));
        }
        for key in asked {
            self.known.entry(key).or_insert(None);
        }
    }

    /// Says that all that pays some transactions back is loaded.
    pub fn add_paid_back(&mut self, keys: impl IntoIterator<Item = ExternalKey>) {
        let new: Vec<ExternalKey> =
            keys.into_iter().filter(|key| !self.paid_back_by.contains_key(key)).collect();
        if new.is_empty() {
            return;
        }
        for key in new {
            self.paid_back_by.insert(key, BTreeSet::new());
        }
        for transaction in self.known.values().flatten() {
            if let Some(list) = sale_of(transaction).and_then(|sale| self.paid_back_by.get_mut(&sale)) {
                list.insert(key_of(transaction));
            }
        }
    }

    /// Says how many pay some transactions back.
    pub fn add_numbers_paid_back(&mut self, numbers: impl IntoIterator<Item = (ExternalKey, usize)>) {
        for (key, number) in numbers {
            self.numbers_paid_back.entry(key).or_insert(number);
        }
    }

    /// Says which of the loaded transactions wait for the customers with a key.
    pub fn add_waiting(&mut self, key: MatchKey, waiting: Vec<ExternalKey>) {
        self.waiting.entry(key).or_insert(waiting);
    }

    /// Whether it is loaded what waits for the customers with a key.
    pub fn knows_waiting(&self, key: &MatchKey) -> bool {
        self.waiting.contains_key(key)
    }

    /// Says whether an erased person was found by a key.
    pub fn add_erased(&mut self, key: MatchKey, is_erased: bool) {
        self.erased.entry(key).or_insert(is_erased);
    }

    /// Says which transaction has an id.
    pub fn add_id(&mut self, id: TransId, key: Option<ExternalKey>) {
        self.ids.entry(id).or_insert(key);
    }

    /// Says how a customer stands.
    pub fn add_payer(&mut self, id: i64, payer: Payer) {
        self.payers.entry(id).or_insert(payer);
    }

    /// Whether what is stored under a key is loaded, with what pays it back.
    pub fn knows(&self, key: &ExternalKey) -> bool {
        self.known.contains_key(key) && self.paid_back_by.contains_key(key)
    }

    /// Whether what is stored under a key is loaded.
    pub fn knows_row(&self, key: &ExternalKey) -> bool {
        self.known.contains_key(key)
    }

    /// How a customer stands, as stored.
    pub fn payer(&self, id: i64) -> Option<Payer> {
        self.payers.get(&id).copied()
    }

    // ---- deciding ----------------------------------------------------------------------------

    /// A transaction by its key.
    ///
    /// # Errors
    /// [`Missing::Transactions`] if it is not loaded.
    pub fn get(&self, key: &ExternalKey) -> Result<Option<&Arc<Transaction>>, Missing> {
        let found = self.known.get(key).ok_or_else(|| Missing::Transactions(vec![key.clone()]))?;
        Ok(found.as_ref())
    }

    /// A transaction by its id.
    ///
    /// # Errors
    /// [`Missing::TransactionId`] if it is not loaded.
    pub fn by_id(&self, id: TransId) -> Result<Option<&Arc<Transaction>>, Missing> {
        match self.ids.get(&id).ok_or(Missing::TransactionId(id))? {
            Some(key) => self.get(key),
            None => Ok(None),
        }
    }

    /// What pays a transaction back.
    ///
    /// # Errors
    /// [`Missing::Transactions`] if that is not loaded.
    pub fn paid_back_by(&self, key: &ExternalKey) -> Result<Vec<Arc<Transaction>>, Missing> {
        let list = self.paid_back_by.get(key).ok_or_else(|| Missing::Transactions(vec![key.clone()]))?;
        Ok(list.iter().filter_map(|key| self.known.get(key)?.as_ref()).map(Arc::clone).collect())
    }

    /// How many pay a transaction back, in any state.
    ///
    /// # Errors
    /// [`Missing::Transactions`] if that is not loaded.
    pub fn number_paid_back(&self, key: &ExternalKey) -> Result<usize, Missing> {
        let list = self.paid_back_by.get(key).map(BTreeSet::len);
        let number = list.or_else(|| self.numbers_paid_back.get(key).copied());
        number.ok_or_else(|| Missing::Transactions(vec![key.clone()]))
    }

    /// What may wait for the customers with some keys.
    ///
    /// # Errors
    /// [`Missing::Waiting`] if that is not loaded.
    pub fn waiting(&self, keys: &[MatchKey]) -> Result<BTreeSet<ExternalKey>, Missing> {
        let missing: Vec<MatchKey> = keys.iter().filter(|key| !self.knows_waiting(key)).cloned().collect();
        if !missing.is_empty() {
            return Err(Missing::Waiting(missing));
        }
        let stored_and_new = |key| [self.waiting.get(key), self.waiting_new.get(key)];
        Ok(keys.iter().flat_map(stored_and_new).flatten().flatten().cloned().collect())
    }

    /// Whether an erased person was found by one of some keys.
    ///
    /// # Errors
    /// [`Missing::Erased`] if that is not loaded.
    pub fn was_erased(&self, keys: &[MatchKey]) -> Result<bool, Missing> {
        let missing: Vec<MatchKey> =
            keys.iter().filter(|key| !self.erased.contains_key(key)).cloned().collect();
        if !missing.is_empty() {
            return Err(Missing::Erased(missing));
        }
        Ok(keys.iter().any(|key| self.erased.get(key).copied().unwrap_or_default()))
    }

    /// Lets a transaction wait for the customers with some keys.
    pub fn wait(&mut self, for_keys: Vec<MatchKey>, key: &ExternalKey) {
        for for_key in for_keys {
            self.waiting_new.entry(for_key).or_default().push(key.clone());
        }
    }

    /// What confirmed refunds of a sale come to in its currency.
    ///
    /// # Errors
    /// As [`Ledger::paid_back_by`].
    pub fn refunded(&self, sale: &Transaction) -> Result<Money, Missing> {
        let all = self.paid_back_by(&key_of(sale))?;
        Ok(sum(all.iter().map(|refund| refunded_of(sale, refund))))
    }

    /// Puts a transaction in the place of the one with its key.
    pub fn put(&mut self, after: Transaction, base: Currency) {
        let key = key_of(&after);
        let before = self.known.get(&key).cloned().flatten();
        if let Some(before) = &before {
            self.count(before, base, -1);
            if before.is_waiting() {
                self.has_waited.insert(before.id);
            }
            if is_earlier(before, &after) {
                self.growth_of(before).into_iter().for_each(|growth| growth.is_stale = true);
            }
            let old = sale_of(before).filter(|old| Some(old) != sale_of(&after).as_ref());
            if let Some(old) = old {
                self.pays_back_no_more(&old, &key);
            }
        }
        self.count(&after, base, 1);
        let (at, sale_at) = (after.occurred_at.0, sale_at(&after).map_or(0, |at| at.0));
        for growth in self.growth_of(&after) {
            growth.last_at = growth.last_at.max(at);
            growth.last_sale_at = growth.last_sale_at.max(sale_at);
        }
        if let Some(sale) = sale_of(&after) {
            let is_known = before.as_deref().and_then(sale_of).as_ref() == Some(&sale);
            if let Some(number) = self.numbers_paid_back.get_mut(&sale).filter(|_| !is_known) {
                *number = number.saturating_add(1);
            }
            if let Some(list) = self.paid_back_by.get_mut(&sale) {
                list.insert(key.clone());
            }
        }
        if !self.is_new.contains_key(&key) {
            self.is_new.insert(key.clone(), before.is_none());
            self.changed.push(key.clone());
        }
        self.ids.insert(after.id, Some(key.clone()));
        self.known.insert(key, Some(Arc::new(after)));
    }

    fn pays_back_no_more(&mut self, sale: &ExternalKey, key: &ExternalKey) {
        if let Some(list) = self.paid_back_by.get_mut(sale) {
            list.remove(key);
        }
        if let Some(number) = self.numbers_paid_back.get_mut(sale) {
            *number = number.saturating_sub(1);
        }
    }

    /// Adds a transaction to the totals of its customer (`sign` 1), or takes it away (-1).
    fn count(&mut self, transaction: &Transaction, base: Currency, sign: i8) {
        let Some(customer_id) = transaction.customer_id else { return };
        let parts = contribution(transaction, base);
        for (currency, totals) in [(Some(transaction.currency), parts.own), (None, parts.base)] {
            let growth = self.growth.entry((customer_id, currency)).or_default();
            growth.totals = growth.totals.plus(if sign < 0 { totals.negated() } else { totals });
        }
    }

    /// What the batch adds to the rows of totals of a transaction.
    fn growth_of(&mut self, transaction: &Transaction) -> Vec<&mut Growth> {
        let (owner, own) = (transaction.customer_id, transaction.currency);
        let Some(owner) = owner else { return Vec::new() };
        let rows = self.growth.range_mut((owner, None)..=(owner, Some(own)));
        rows.filter(|((_, currency), _)| currency.is_none_or(|currency| currency == own))
            .map(|(_, growth)| growth)
            .collect()
    }

    /// Notes that a command begins.
    pub(super) fn begin_command(&mut self) {
        self.changed_before = self.changed.len();
    }

    /// How many transactions the present command has changed that no command before it in the batch did.
    pub(super) fn changed_by_command(&self) -> usize {
        self.changed.len().saturating_sub(self.changed_before)
    }

    /// Forgets the answers of a command that failed in the middle. What it decided stays, as each item is by itself.
    pub fn forget_answers(&mut self) {
        self.answered.clear();
    }

    // ---- saving ------------------------------------------------------------------------------

    /// The changed transactions in the order of their first change, each with whether it is new.
    pub fn changed(&self) -> impl ExactSizeIterator<Item = (Option<&Arc<Transaction>>, bool)> {
        self.changed.iter().map(|key| {
            let is_new = self.is_new.get(key).copied().unwrap_or_default();
            (self.known.get(key).and_then(Option::as_ref), is_new)
        })
    }

    /// The changed transactions that waited as they are stored.
    pub fn has_waited(&self) -> impl Iterator<Item = TransId> {
        self.has_waited.iter().copied()
    }

    /// What to add to the totals of each customer, in each currency and in the base currency (`None`).
    pub fn growth(&self) -> impl Iterator<Item = (i64, Option<Currency>, &Growth)> {
        self.growth.iter().map(|((customer_id, currency), growth)| (*customer_id, *currency, growth))
    }

    /// The customers of the transactions in hand, and those of whose state nothing is known.
    pub fn owners(&self) -> HashSet<i64> {
        self.known.values().flatten().filter_map(|transaction| transaction.customer_id).collect()
    }
}

/// Whether the latest times of the totals may go back with a change.
fn is_earlier(before: &Transaction, after: &Transaction) -> bool {
    (before.customer_id, before.currency) != (after.customer_id, after.currency)
        || after.occurred_at < before.occurred_at
        || sale_at(after) < sale_at(before)
}

/// What one refund adds to what was refunded of a sale.
pub fn refunded_of(sale: &Transaction, refund: &Transaction) -> i64 {
    let is_its = sale.operation == Operation::Sale
        && refund.refund_of.as_ref() == Some(&sale.external_id)
        && refund.source == sale.source
        && refund.currency == sale.currency;
    if is_its { refunds(refund) } else { 0 }
}

/// The greatest amount, in ten-thousandths.
const MOST: i64 = 1_000_000_000_000 * 10_000 - 1;

/// Whether a sum is the greatest amount, so that it may stand for a greater one.
pub fn is_greatest(sum: Money) -> bool {
    sum.units() >= MOST
}

/// A sum of money; the greatest amount for a greater one.
pub fn sum(units: impl IntoIterator<Item = i64>) -> Money {
    let sum: i128 = units.into_iter().map(i128::from).sum();
    let bounded = i64::try_from(sum.clamp(0, i128::from(MOST))).unwrap_or(MOST);
    Money::from_units(bounded).unwrap_or_default()
}

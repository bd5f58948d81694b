//! What the decisions of a batch know of coupons, and what they change of them (rules 17).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::missing::{CouponFact, Missing};
use crate::domain::coupons::{Coupon, CouponId, CouponUse, Redemption, RedemptionId};

/// A change of a coupon, or of what hangs on it, to save.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CouponEffect {
    /// The coupon as it is now; a new one too.
    Kept(Coupon),
    /// No coupon with this id, and nobody whom it is assigned to.
    Removed(CouponId),
    /// What a coupon has to do with a customer now.
    Used(CouponId, i64, CouponUse),
    /// The redemption as it is now; a new one too.
    Redeemed(Redemption),
}

/// The coupons of one entrypoint within one batch.
#[derive(Debug, Default)]
pub struct CouponBook {
    /// By the form in which codes compare; `None` if there is none.
    codes: HashMap<String, Option<CouponId>>,
    /// `None` if there is none.
    coupons: HashMap<CouponId, Option<Arc<Coupon>>>,
    uses: HashMap<(CouponId, i64), CouponUse>,
    /// The redemption that takes a place under a reference, as stored; `None` if there is none.
    references: HashMap<(CouponId, i64, String), Option<RedemptionId>>,
    redemptions: HashMap<RedemptionId, Option<Arc<Redemption>>>,
    /// How many coupons are assigned to a customer.
    assigned: HashMap<i64, i64>,
    changed: BTreeSet<CouponId>,
    uses_changed: BTreeSet<(CouponId, i64)>,
    redemptions_changed: BTreeSet<RedemptionId>,
}

impl CouponBook {
    // ---- loading -----------------------------------------------------------------------------

    /// Adds the coupon with a code, as stored. What the batch changed stays.
    pub fn add_code(&mut self, code: String, coupon: Option<Coupon>) {
        self.codes.entry(code).or_insert(coupon.as_ref().map(|coupon| coupon.id));
        if let Some(coupon) = coupon {
            self.add(coupon.id, Some(coupon));
        }
    }

    /// Adds the coupon with an id, as stored. What the batch changed stays.
    pub fn add(&mut self, id: CouponId, coupon: Option<Coupon>) {
        self.coupons.entry(id).or_insert_with(|| coupon.map(Arc::new));
    }

    /// Adds what a coupon has to do with a customer, as stored. What the batch changed stays.
    pub fn add_use(&mut self, id: CouponId, customer_id: i64, stored: CouponUse) {
        self.uses.entry((id, customer_id)).or_insert(stored);
    }

    /// Adds the redemption that takes a place under a reference, as stored. What the batch changed stays.
    pub fn add_reference(&mut self, key: (CouponId, i64, String), redemption: Option<Redemption>) {
        self.references.entry(key).or_insert(redemption.as_ref().map(|redemption| redemption.id));
        if let Some(redemption) = redemption {
            self.add_redemption(redemption.id, Some(redemption));
        }
    }

    /// Adds the redemption with an id, as stored. What the batch changed stays.
    pub fn add_redemption(&mut self, id: RedemptionId, redemption: Option<Redemption>) {
        self.redemptions.entry(id).or_insert_with(|| redemption.map(Arc::new));
    }

    /// Adds how many coupons are assigned to a customer, as stored. The batch has assigned none yet.
    pub fn add_assigned(&mut self, customer_id: i64, number: i64) {
        self.assigned.entry(customer_id).or_insert(number);
    }

    // ---- deciding ----------------------------------------------------------------------------

    /// The coupon with a code, in the form by which codes compare.
    ///
    /// # Errors
    /// [`Missing`] if that is not loaded.
    pub fn with_code(&self, code: &str) -> Result<Option<&Arc<Coupon>>, Missing> {
        match self.codes.get(code) {
            Some(Some(id)) => self.get(*id),
            Some(None) => Ok(None),
            None => Err(CouponFact::Code(code.to_owned()).into()),
        }
    }

    /// The coupon with an id.
    ///
    /// # Errors
    /// [`Missing`] if that is not loaded.
    pub fn get(&self, id: CouponId) -> Result<Option<&Arc<Coupon>>, Missing> {
        self.coupons.get(&id).map(Option::as_ref).ok_or_else(|| CouponFact::Id(id).into())
    }

    /// What a coupon has to do with a customer.
    ///
    /// # Errors
    /// [`Missing`] if that is not loaded.
    pub fn use_of(&self, id: CouponId, customer_id: i64) -> Result<CouponUse, Missing> {
        self.uses.get(&(id, customer_id)).copied().ok_or_else(|| CouponFact::Use(id, customer_id).into())
    }

    /// The redemption of a coupon by a customer that takes a place under a reference.
    ///
    /// # Errors
    /// [`Missing`] if that is not loaded.
    pub fn under_reference(
        &self,
        id: CouponId,
        customer_id: i64,
        reference: &str,
    ) -> Result<Option<&Arc<Redemption>>, Missing> {
        let key = (id, customer_id, reference.to_owned());
        match self.references.get(&key) {
            Some(Some(id)) => self.redemption(*id),
            Some(None) => Ok(None),
            None => Err(CouponFact::Reference(key.0, key.1, key.2).into()),
        }
    }

    /// A redemption.
    ///
    /// # Errors
    /// [`Missing`] if that is not loaded.
    pub fn redemption(&self, id: RedemptionId) -> Result<Option<&Arc<Redemption>>, Missing> {
        self.redemptions.get(&id).map(Option::as_ref).ok_or_else(|| CouponFact::Redemption(id).into())
    }

    /// How many coupons are assigned to a customer.
    ///
    /// # Errors
    /// [`Missing`] if that is not loaded.
    pub fn assigned(&self, customer_id: i64) -> Result<i64, Missing> {
        self.assigned.get(&customer_id).copied().ok_or_else(|| CouponFact::Assigned(customer_id).into())
    }

    /// Applies a change, so that later decisions of the batch see it.
    pub(super) fn take(&mut self, effect: CouponEffect) {
        match effect {
            CouponEffect::Kept(coupon) => {
                self.codes.insert(coupon.code.to_ascii_lowercase(), Some(coupon.id));
                self.changed.insert(coupon.id);
                self.coupons.insert(coupon.id, Some(Arc::new(coupon)));
            }
            CouponEffect::Removed(id) => {
                if let Some(Some(coupon)) = self.coupons.insert(id, None) {
                    self.codes.insert(coupon.code.to_ascii_lowercase(), None);
                }
                self.changed.insert(id);
                self.uses.retain(|(of, _), _| *of != id);
                self.uses_changed.retain(|(of, _)| *of != id);
                // Whom it was assigned to is not known here.
                self.assigned.clear();
            }
            CouponEffect::Used(id, customer_id, after) => {
                let before = self.uses.insert((id, customer_id), after).unwrap_or_default();
                if let Some(number) = self.assigned.get_mut(&customer_id) {
                    let is = |of: CouponUse| i64::from(of.assigned_at.is_some());
                    *number += is(after) - is(before);
                }
                self.uses_changed.insert((id, customer_id));
            }
            CouponEffect::Redeemed(redemption) => {
                if let Some(reference) = &redemption.reference {
                    let key = (redemption.coupon_id, redemption.customer_id, reference.clone());
                    let takes = redemption.released_at.is_none().then_some(redemption.id);
                    self.references.insert(key, takes);
                }
                self.redemptions_changed.insert(redemption.id);
                self.redemptions.insert(redemption.id, Some(Arc::new(redemption)));
            }
        }
    }

    // ---- saving ------------------------------------------------------------------------------

    /// The coupons that changed; `None` for those that are deleted.
    pub fn changed(&self) -> impl Iterator<Item = (CouponId, Option<&Arc<Coupon>>)> {
        self.changed.iter().map(|id| (*id, self.coupons.get(id).and_then(Option::as_ref)))
    }

    /// What changed between coupons and customers.
    pub fn uses_changed(&self) -> impl Iterator<Item = ((CouponId, i64), CouponUse)> {
        self.uses_changed.iter().filter_map(|key| Some((*key, *self.uses.get(key)?)))
    }

    /// The redemptions that are new or changed.
    pub fn redemptions_changed(&self) -> impl Iterator<Item = &Arc<Redemption>> {
        self.redemptions_changed.iter().filter_map(|id| self.redemptions.get(id)?.as_ref())
    }
}

//! Changes of coupons and products as commands carry them, and what became of them (rules 17 and 18).

use serde::{Deserialize, Serialize};

use super::precondition::Precondition;
use crate::domain::coupons::code::CouponCode;
use crate::domain::coupons::draft::{CouponDraft, RedemptionDraft};
use crate::domain::coupons::{Coupon, CouponUse, Redemption, RedemptionId};
use crate::domain::products::draft::ProductDraft;
use crate::domain::products::{Product, ProductId};

/// A change of a coupon.
#[derive(Debug, Clone)]
pub enum ChangeCoupon {
    /// `POST /Coupon/{entry}`.
    Create {
        /// The checked body.
        draft: CouponDraft,
        /// Random bits for the id.
        random: u128,
    },
    /// `PUT /Coupon/{entry}/{code}`.
    Update {
        /// Which one.
        code: CouponCode,
        /// The checked body.
        draft: CouponDraft,
        /// `If-Match`.
        precondition: Precondition,
    },
    /// `DELETE /Coupon/{entry}/{code}`.
    Delete {
        /// Which one.
        code: CouponCode,
        /// `If-Match`.
        precondition: Precondition,
    },
    /// `POST /Customer/{customerId}/coupons`.
    Give {
        /// To whom.
        customer_id: i64,
        /// The checked body; a code alone names a coupon that there is.
        draft: CouponDraft,
        /// Random bits for the id.
        random: u128,
    },
    /// `POST /Coupon/{entry}/{code}/redeem`.
    Redeem(Redeem),
    /// `POST /Coupon/{entry}/{code}/redemptions/{redemptionId}/release`.
    Release {
        /// The coupon.
        code: CouponCode,
        /// The redemption.
        redemption_id: RedemptionId,
    },
}

/// What is to be redeemed.
#[derive(Debug, Clone)]
pub struct Redeem {
    /// The coupon.
    pub code: CouponCode,
    /// Who uses it, for which amount.
    pub draft: RedemptionDraft,
    /// Random bits for the id.
    pub random: u128,
}

/// What became of a coupon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CouponOutcome {
    /// It was made, or is as it was to be.
    Kept(Coupon),
    /// It is deleted.
    Deleted,
    /// It is the customer's.
    Given(i64, Coupon, CouponUse),
    /// It was redeemed.
    Redeemed(Redemption),
    /// The redemption has given its place back.
    Released(Redemption),
    /// Something of a customer who was erased since.
    Forgotten(i64),
}

impl CouponOutcome {
    /// The customer under whose salt the outcome is kept.
    pub fn customer(&self) -> Option<i64> {
        match self {
            CouponOutcome::Kept(_) | CouponOutcome::Deleted => None,
            CouponOutcome::Given(id, ..) | CouponOutcome::Forgotten(id) => Some(*id),
            CouponOutcome::Redeemed(redemption) | CouponOutcome::Released(redemption) => {
                Some(redemption.customer_id)
            }
        }
    }
}

/// A change of a product.
#[derive(Debug, Clone)]
pub enum ChangeProduct {
    /// `POST /Product/{entry}`.
    Create {
        /// The checked body.
        draft: ProductDraft,
        /// Random bits for the id.
        random: u128,
    },
    /// `PUT /Product/{entry}/{productId}`.
    Update {
        /// Which one.
        id: ProductId,
        /// The checked body.
        draft: ProductDraft,
        /// `If-Match`.
        precondition: Precondition,
    },
    /// `DELETE /Product/{entry}/{productId}`.
    Delete {
        /// Which one.
        id: ProductId,
        /// `If-Match`.
        precondition: Precondition,
    },
}

/// What became of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProductOutcome {
    /// It was made, or is as it was to be.
    Kept(Product),
    /// It is deleted.
    Deleted,
}

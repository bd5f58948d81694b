//! Coupons (rules 17): what they are worth, when they hold, and who used them.
//!
//! Start with [`Coupon`]; [`draft`] reads what a request sends, [`discount`] says what a coupon takes off.

pub mod code;
pub mod draft;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantNames};

use super::kernel::money::Money;
use super::kernel::percent::Percent;
use super::kernel::time::Micros;
use super::transactions::currency::Currency;
use super::transactions::id::TransId;

/// The id of a coupon, in the form of a transaction's.
pub type CouponId = TransId;
/// The id of a redemption, likewise.
pub type RedemptionId = TransId;

/// The most coupons that one customer may have been assigned (rules 17).
pub const ASSIGNED_MAX: i64 = 1_000;
/// The greatest limit of redemptions (rules 17).
pub const LIMIT_MAX: i64 = 1_000_000_000;
/// The most characters of the reference of a redemption.
pub const REFERENCE_CHARS_MAX: usize = 250;

/// What a coupon takes off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Worth {
    /// A part of the amount, more than 0 %.
    Percent(Percent),
    /// An amount of one currency, more than 0.
    Amount(Money, Currency),
}

/// Whether the shop lets a coupon be used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[derive(Serialize, Deserialize, EnumString, IntoStaticStr, VariantNames, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum CouponStatus {
    /// It may be used.
    #[default]
    Online,
    /// It may not.
    Offline,
}

/// How a coupon stands at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, IntoStaticStr, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
pub enum CouponState {
    /// It can be redeemed.
    Online,
    /// The shop has set it offline.
    Offline,
    /// Its first moment is still to come.
    Scheduled,
    /// Its last moment is over.
    Expired,
    /// It was redeemed as often as it may be.
    UsedUp,
}

/// A coupon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coupon {
    /// Its id, which events name.
    pub id: CouponId,
    /// 1 at first; every change that has an effect adds one. A redemption is no change.
    pub version: i64,
    /// The code as it was written; codes compare without case.
    pub code: String,
    /// What people call it.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// What it takes off.
    pub worth: Worth,
    /// Its first moment.
    pub starts_at: Option<Micros>,
    /// Its last moment.
    pub redeem_by: Option<Micros>,
    /// How often it may be redeemed in all.
    pub max_redemptions: Option<i64>,
    /// How often one customer may redeem it.
    pub per_customer_limit: Option<i64>,
    /// Whether only customers may redeem it whom it is assigned to.
    pub customers_only: bool,
    /// Whether it may be used.
    pub status: CouponStatus,
    /// How many places are taken: redemptions that were not released.
    pub redeemed: i64,
    /// How many redemptions there ever were.
    pub redemptions: i64,
    /// When it was made.
    pub created_at: Micros,
    /// When it last changed.
    pub updated_at: Micros,
}

impl Coupon {
    /// How it stands at a moment.
    pub fn state(&self, now: Micros) -> CouponState {
        if self.status == CouponStatus::Offline {
            CouponState::Offline
        } else if self.redeem_by.is_some_and(|last| last < now) {
            CouponState::Expired
        } else if self.is_used_up() {
            CouponState::UsedUp
        } else if self.starts_at.is_some_and(|first| first > now) {
            CouponState::Scheduled
        } else {
            CouponState::Online
        }
    }

    /// Whether every place is taken.
    pub fn is_used_up(&self) -> bool {
        self.max_redemptions.is_some_and(|most| self.redeemed >= most)
    }
}

/// What a coupon has to do with a customer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CouponUse {
    /// When it was assigned to the customer; `None` if it is not.
    pub assigned_at: Option<Micros>,
    /// How many places the customer takes.
    pub redeemed: i64,
    /// How many redemptions the customer ever had.
    pub redemptions: i64,
}

/// A use of a coupon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redemption {
    /// Its id.
    pub id: RedemptionId,
    /// The coupon.
    pub coupon_id: CouponId,
    /// Who used it.
    pub customer_id: i64,
    /// What the caller calls it, such as the number of an order; `None` once the person is erased.
    pub reference: Option<String>,
    /// The amount before the discount.
    pub amount: Money,
    /// What was taken off.
    pub discount: Money,
    /// The currency of both.
    pub currency: Currency,
    /// When it was redeemed.
    pub redeemed_at: Micros,
    /// When its place was given back; `None` while it takes one.
    pub released_at: Option<Micros>,
}

impl Redemption {
    /// What is left to pay.
    pub fn total(&self) -> Money {
        Money::from_units(self.amount.units() - self.discount.units()).unwrap_or_default()
    }
}

/// What a coupon takes off an amount: at most the amount, rounded half up to the currency. The amount is not negative and has no
/// more digits than its currency.
///
/// # Errors
/// The currency of the coupon, if that is another one.
pub fn discount(worth: Worth, amount: Money, currency: Currency) -> Result<Money, Currency> {
    let off = match worth {
        Worth::Percent(percent) => percent.of(amount, currency.step()),
        Worth::Amount(off, own) if own == currency => off,
        Worth::Amount(_, own) => return Err(own),
    };
    Ok(off.min(amount))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn currency(index: usize) -> Currency {
        let codes = ["JPY", "USD", "KWD", "CLF"];
        Currency::parse(codes.get(index).unwrap()).unwrap()
    }

    proptest! {
        /// The discount is the exact part within half a step, never more than the amount, never below nothing, and payable.
        #[test]
        fn rules_17_a_percentage_takes_off_its_part(
            hundredths in 1_i64..=10_000,
            steps in 0_i64..1_000_000_000,
            index in 0_usize..4,
        ) {
            let currency = currency(index);
            let amount = Money::from_units(steps * currency.step()).unwrap();
            let percent = Percent::from_hundredths(hundredths).unwrap();
            let off = discount(Worth::Percent(percent), amount, currency).unwrap();
            prop_assert!(off >= Money::default() && off <= amount, "{off} of {amount}");
            prop_assert_eq!(currency.check(off), Ok(()));
            // Twice the distance to the exact part, in ten-thousandths of a hundredth.
            let exact = i128::from(amount.units()) * i128::from(hundredths);
            let distance = i128::from(off.units()) * 10_000 - exact;
            let half = i128::from(currency.step()) * 10_000;
            prop_assert!(2 * distance <= half && 2 * distance > -half, "{off} of {amount} is {distance} off");
            if hundredths == 10_000 {
                prop_assert_eq!(off, amount);
            }
        }

        #[test]
        fn rules_17_an_amount_takes_off_itself_or_all_there_is(off in 1_i64..1_000_000, amount in 0_i64..1_000_000) {
            let usd = currency(1);
            let money = |steps: i64| Money::from_units(steps * usd.step()).unwrap();
            let worth = Worth::Amount(money(off), usd);
            prop_assert_eq!(discount(worth, money(amount), usd), Ok(money(off.min(amount))));
            prop_assert_eq!(discount(worth, money(amount), currency(0)), Err(usd));
        }
    }

    #[test]
    fn rules_17_a_state_follows_from_status_times_and_limit() {
        let coupon = Coupon {
            id: CouponId::default(),
            version: 1,
            code: "X".into(),
            name: None,
            description: None,
            worth: Worth::Percent(Percent::parse("10").unwrap()),
            starts_at: Some(Micros(10)),
            redeem_by: Some(Micros(20)),
            max_redemptions: Some(2),
            per_customer_limit: None,
            customers_only: false,
            status: CouponStatus::Online,
            redeemed: 1,
            redemptions: 5,
            created_at: Micros(0),
            updated_at: Micros(0),
        };
        for (now, state) in [
            (9, CouponState::Scheduled),
            (10, CouponState::Online),
            (20, CouponState::Online),
            (21, CouponState::Expired),
        ] {
            assert_eq!(coupon.state(Micros(now)), state, "at {now}");
        }
        let used = Coupon { redeemed: 2, ..coupon.clone() };
        assert_eq!(used.state(Micros(15)), CouponState::UsedUp);
        assert_eq!(used.state(Micros(21)), CouponState::Expired);
        let offline = Coupon { status: CouponStatus::Offline, ..used };
        assert_eq!(offline.state(Micros(21)), CouponState::Offline);
    }
}

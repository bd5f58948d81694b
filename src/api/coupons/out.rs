//! Coupons and redemptions in requests and answers (rules 17).

use serde::Serialize;
use serde_json::value::RawValue;

use crate::api::http::json::number;
use crate::api::lists::SummaryOut;
use crate::domain::coupons::{Coupon, CouponState, CouponStatus, CouponUse, Redemption, Worth};
use crate::domain::kernel::time::Micros;
use crate::store::{CustomerCoupon, CustomerCoupons};

/// A coupon to make, or what to change of one.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CouponIn {
    /// What people type in: letters from A to Z, digits, `-`, `_` and `.`. Case does not matter. It never changes.
    #[schema(max_length = 64)]
    code: Option<String>,
    /// What people call it.
    #[schema(max_length = 250)]
    name: Option<String>,
    /// What it is for; line breaks stay.
    #[schema(max_length = 2000)]
    description: Option<String>,
    /// The part that it takes off, in percent: more than 0, at most 100, with at most two fraction digits.
    percent_off: Option<f64>,
    /// The amount that it takes off, in place of a part; more than 0.
    amount_off: Option<f64>,
    /// The currency of the amount, by ISO 4217; only beside `amountOff`.
    #[schema(max_length = 3)]
    currency: Option<String>,
    /// Its first moment: a time with its zone, or a day in UTC. Without it, it holds at once.
    starts_at: Option<String>,
    /// Its last moment; a day means its end.
    redeem_by: Option<String>,
    /// How often it may be redeemed in all, from 1; null for no limit.
    max_redemptions: Option<i64>,
    /// How often one customer may redeem it, from 1; null for no limit.
    per_customer_limit: Option<i64>,
    /// Whether only customers may redeem it whom it is assigned to. A coupon that is made for a customer is so unless this is
    /// false.
    customers_only: Option<bool>,
    /// `online` (default) or `offline`.
    status: Option<String>,
}

/// A redemption to make.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RedeemIn {
    /// Who uses the coupon.
    #[schema(minimum = 1)]
    customer_id: i64,
    /// The amount before the discount, more than 0.
    amount: f64,
    /// Its currency, by ISO 4217.
    #[schema(max_length = 3)]
    currency: String,
    /// What you call it, such as the number of the order. The same reference of the same customer again is the same redemption,
    /// while that takes a place.
    #[schema(max_length = 250)]
    reference: Option<String>,
}

/// A coupon.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CouponOut {
    /// Its id, which events name: the entrypoint's number, `-`, and 32 hexadecimal digits.
    coupon_id: String,
    /// The code as it was written.
    code: String,
    /// What people call it.
    name: Option<String>,
    /// What it is for.
    description: Option<String>,
    /// The part that it takes off, in percent; null where it takes off an amount.
    #[schema(value_type = Option<f64>)]
    percent_off: Option<Box<RawValue>>,
    /// The amount that it takes off; null where it takes off a part.
    #[schema(value_type = Option<f64>)]
    amount_off: Option<Box<RawValue>>,
    /// The currency of that amount.
    currency: Option<String>,
    /// Its first moment; null where it holds at once.
    #[schema(format = DateTime)]
    starts_at: Option<String>,
    /// Its last moment; null where it has none.
    #[schema(format = DateTime)]
    redeem_by: Option<String>,
    /// How often it may be redeemed in all; null for no limit.
    max_redemptions: Option<i64>,
    /// How often one customer may redeem it; null for no limit.
    per_customer_limit: Option<i64>,
    /// Whether only customers may redeem it whom it is assigned to.
    customers_only: bool,
    /// What the shop has set.
    status: CouponStatus,
    /// How it stands now: `online` (it can be redeemed), `offline`, `scheduled` (`startsAt` is still to come), `expired`
    /// (`redeemBy` is over) or `usedUp` (`maxRedemptions` is reached).
    state: CouponState,
    /// How many redemptions take a place; one that was released takes none.
    redeemed: i64,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it last changed.
    #[schema(format = DateTime)]
    updated_at: String,
    /// The ETag to send as `If-Match` with a change of this coupon.
    etag: String,
}

impl CouponOut {
    pub(crate) fn new(entrypoint_id: i64, coupon: &Coupon, now: Micros) -> CouponOut {
        let time = |time: Option<Micros>| time.map(Micros::to_rfc3339);
        let (percent_off, amount_off, currency) = match coupon.worth {
            Worth::Percent(percent) => (number(percent), None, None),
            Worth::Amount(amount, currency) => (None, number(amount), Some(currency.code().to_owned())),
        };
        CouponOut {
            coupon_id: coupon.id.show(entrypoint_id),
            code: coupon.code.clone(),
            name: coupon.name.clone(),
            description: coupon.description.clone(),
            percent_off,
            amount_off,
            currency,
            starts_at: time(coupon.starts_at),
            redeem_by: time(coupon.redeem_by),
            max_redemptions: coupon.max_redemptions,
            per_customer_limit: coupon.per_customer_limit,
            customers_only: coupon.customers_only,
            status: coupon.status,
            state: coupon.state(now),
            redeemed: coupon.redeemed,
            created_at: coupon.created_at.to_rfc3339(),
            updated_at: coupon.updated_at.to_rfc3339(),
            etag: etag(coupon, now),
        }
    }
}

/// The strong ETag of a coupon at a moment. It begins with the version, so it also works as `If-Match`.
pub(super) fn etag(coupon: &Coupon, now: Micros) -> String {
    let state: &str = coupon.state(now).into();
    let text = format!("{}/{}/{}/{state}", coupon.id.show(0), coupon.updated_at.0, coupon.redeemed);
    let hash = blake3::hash(text.as_bytes()).to_hex();
    format!("\"{}-{}\"", coupon.version, hash.get(..16).unwrap_or_default())
}

/// A page of coupons, the newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CouponsOut {
    /// How many coupons there are.
    pub(super) summary: SummaryOut,
    /// The coupons of this page.
    pub(super) records: Vec<CouponOut>,
}

/// What a redemption came to.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RedeemedOut {
    /// Its id, for a release.
    redemption_id: String,
    /// What the coupon takes off.
    #[schema(value_type = f64)]
    discount: Option<Box<RawValue>>,
    /// What is left to pay.
    #[schema(value_type = f64)]
    total: Option<Box<RawValue>>,
    /// The currency of both.
    currency: &'static str,
}

impl RedeemedOut {
    pub(super) fn new(entrypoint_id: i64, redemption: &Redemption) -> RedeemedOut {
        RedeemedOut {
            redemption_id: redemption.id.show(entrypoint_id),
            discount: number(redemption.discount),
            total: number(redemption.total()),
            currency: redemption.currency.code(),
        }
    }
}

/// A redemption that gave its place back.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReleasedOut {
    /// Its id.
    redemption_id: String,
    /// When its place was first given back.
    #[schema(format = DateTime)]
    released_at: Option<String>,
}

impl ReleasedOut {
    pub(super) fn new(entrypoint_id: i64, redemption: &Redemption) -> ReleasedOut {
        ReleasedOut {
            redemption_id: redemption.id.show(entrypoint_id),
            released_at: redemption.released_at.map(Micros::to_rfc3339),
        }
    }
}

/// How much a caller sees of redemptions, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seeing {
    /// Whose coupons they are.
    pub(crate) entrypoint_id: i64,
    /// Whether it sees who is a customer.
    pub(crate) reads: bool,
    /// The moment of the answer.
    pub(crate) now: Micros,
}

/// A use of a coupon.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RedemptionOut {
    /// Its id: the entrypoint's number, `-`, and 32 hexadecimal digits.
    redemption_id: String,
    /// Who used the coupon; null for a token without customers:read.
    customer_id: Option<i64>,
    /// What the caller calls it; null without one, and once the person is erased.
    reference: Option<String>,
    /// The amount before the discount.
    #[schema(value_type = f64)]
    amount: Option<Box<RawValue>>,
    /// What was taken off.
    #[schema(value_type = f64)]
    discount: Option<Box<RawValue>>,
    /// What was left to pay.
    #[schema(value_type = f64)]
    total: Option<Box<RawValue>>,
    /// The currency of the three.
    currency: &'static str,
    /// When it was redeemed.
    #[schema(format = DateTime)]
    redeemed_at: String,
    /// When its place was given back; null while it takes one.
    #[schema(format = DateTime)]
    released_at: Option<String>,
}

impl RedemptionOut {
    pub(super) fn new(redemption: &Redemption, seen: Seeing) -> RedemptionOut {
        RedemptionOut {
            redemption_id: redemption.id.show(seen.entrypoint_id),
            customer_id: Some(redemption.customer_id).filter(|_| seen.reads),
            reference: redemption.reference.clone(),
            amount: number(redemption.amount),
            discount: number(redemption.discount),
            total: number(redemption.total()),
            currency: redemption.currency.code(),
            redeemed_at: redemption.redeemed_at.to_rfc3339(),
            released_at: redemption.released_at.map(Micros::to_rfc3339),
        }
    }
}

/// A page of the redemptions of a coupon, the newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RedemptionsOut {
    /// How many redemptions there are, those that were released included.
    pub(super) summary: SummaryOut,
    /// The redemptions of this page.
    pub(super) records: Vec<RedemptionOut>,
}

/// A coupon that is assigned to a customer, or that the customer used.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CustomerCouponOut {
    /// The coupon.
    coupon: CouponOut,
    /// When it was assigned to the customer; null where the customer only used it.
    #[schema(format = DateTime)]
    assigned_at: Option<String>,
    /// How many places the customer takes.
    redeemed: i64,
    /// The newest redemptions by the customer, at most 10.
    redemptions: Vec<RedemptionOut>,
}

impl CustomerCouponOut {
    pub(super) fn new(
        coupon: &Coupon,
        of: CouponUse,
        redemptions: &[Redemption],
        seen: Seeing,
    ) -> CustomerCouponOut {
        CustomerCouponOut {
            coupon: CouponOut::new(seen.entrypoint_id, coupon, seen.now),
            assigned_at: of.assigned_at.map(Micros::to_rfc3339),
            redeemed: of.redeemed,
            redemptions: redemptions.iter().map(|one| RedemptionOut::new(one, seen)).collect(),
        }
    }
}

/// The coupons of a customer, the newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CustomerCouponsOut {
    /// How many coupons there are.
    pub(super) summary: SummaryOut,
    /// The coupons of this page.
    records: Vec<CustomerCouponOut>,
}

impl CustomerCouponsOut {
    pub(crate) fn new(summary: SummaryOut, page: &CustomerCoupons, seen: Seeing) -> CustomerCouponsOut {
        let shown =
            |one: &CustomerCoupon| CustomerCouponOut::new(&one.coupon, one.of, &one.redemptions, seen);
        CustomerCouponsOut { summary, records: page.records.iter().map(shown).collect() }
    }
}

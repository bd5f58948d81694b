//! Redemptions of coupons: `/Coupon/{entry}/{code}/redeem` and `…/redemptions`.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Payload;
use actix_web::{HttpResponse, get, post};

use super::out::{RedeemIn, RedeemedOut, RedemptionOut, RedemptionsOut, ReleasedOut, Seeing};
use super::{action, code_of, outcome, random};
use crate::api::http::body;
use crate::api::http::call::{Call, ok};
use crate::api::http::error::{Error, unless_any};
use crate::api::http::params::{CouponPath, KeyHeader, PagedQuery, RedemptionPath};
use crate::api::lists::paged::{Paged, linked};
use crate::clock;
use crate::domain::accounts::token::Scope;
use crate::domain::coupons::draft::RedemptionDraft;
use crate::domain::decide::shop::{ChangeCoupon, CouponOutcome, Redeem};
use crate::domain::transactions::id::TransId;

/// Redeem a coupon
///
/// Takes a place of the coupon for a customer, and answers what it takes off the amount. Limits are checked as the place is taken,
/// so however many requests come at once, no more succeed than there are places. The same `reference` of the same customer again
/// answers the same redemption. It needs `customers:read` too, because the answer tells who is a customer.
///
/// What stands in the way is 409: `unknown_customer`, `coupon_offline`, `coupon_not_started`, `coupon_expired`,
/// `coupon_not_assigned`, `currency_mismatch`, `coupon_used_up`, `coupon_used_by_customer` or `reference_used`.
#[utoipa::path(
    tag = "Coupons",
    params(CouponPath, KeyHeader),
    request_body(content = RedeemIn, description = "Who uses it, and for which amount"),
    responses((status = 200, description = "The coupon is redeemed", body = RedeemedOut)),
)]
#[post("/api/Coupon/{entry}/{code}/redeem")]
pub(crate) async fn redeem_coupon(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    call.require(Scope::MoneyWrite)?;
    let entrypoint_id = call.entry(Scope::CustomersRead).await?;
    let code = code_of(&call)?;
    let mutation = call.json(entrypoint_id, payload).await?;
    let members = body::members(&mutation.body);
    let draft = members.and_then(|members| RedemptionDraft::parse(&members).map_err(Error::Invalid));
    let draft = unless_any(call.params().problems(), draft);
    let redeem = |draft| action(ChangeCoupon::Redeem(Redeem { code, draft, random: random() }));
    let answer = mutation.write(draft.map(redeem)).await?;
    match outcome(&answer)? {
        CouponOutcome::Redeemed(redemption) => {
            Ok(ok(answer.replayed).json(RedeemedOut::new(entrypoint_id, redemption)))
        }
        // An erase since the first request took it from a replay.
        _ => Err(Error::NotFound),
    }
}

/// List the redemptions of a coupon
///
/// The newest first, those that were released included. `customerId` is null without `customers:read`.
#[utoipa::path(
    tag = "Coupons",
    params(CouponPath, PagedQuery),
    responses((status = 200, description = "A page of redemptions", body = RedemptionsOut)),
)]
#[get("/api/Coupon/{entry}/{code}/redemptions")]
pub(crate) async fn list_redemptions(call: Call) -> Result<HttpResponse, Error> {
    let entrypoint_id = call.entry(Scope::MoneyRead).await?;
    let code = code_of(&call)?;
    let mut params = call.params();
    let paged = Paged::read(&mut params, &format!("redemptions of {entrypoint_id}/{}", code.key()));
    let problems = params.problems();
    let slice =
        if problems.is_empty() { paged.slice(&call.app).await } else { Err(Error::Invalid(problems)) };
    let coupons = call.app.store.coupons();
    let slice = match slice {
        Ok(slice) => slice,
        // An unknown coupon is told before what is wrong with the request.
        Err(error) => {
            let known = coupons.find(entrypoint_id, code.key().to_owned()).await?;
            return Err(known.map_or(Error::NotFound, |_| error));
        }
    };
    let found = coupons.redemptions(entrypoint_id, code.key().to_owned(), slice).await?;
    let (_, page) = found.ok_or(Error::NotFound)?;
    let last = page.records.last().filter(|_| page.has_more).map(|redemption| redemption.id);
    let summary = paged.summary(&call.app, page.total, last).await?;
    let seen = Seeing { entrypoint_id, reads: call.caller.sight().reads, now: clock::now() };
    let records = page.records.iter().map(|redemption| RedemptionOut::new(redemption, seen)).collect();
    let shown = RedemptionsOut { summary, records };
    let response = HttpResponse::Ok().insert_header((CACHE_CONTROL, "private, no-cache")).json(&shown);
    Ok(linked(&call.request, response, &shown.summary))
}

/// Release a redemption
///
/// Gives its place back, for the coupon and for the customer, as when an order is cancelled. Releasing again changes nothing. The
/// redemption stays in the list.
#[utoipa::path(
    tag = "Coupons",
    params(RedemptionPath, KeyHeader),
    responses((status = 200, description = "The redemption takes no place", body = ReleasedOut)),
)]
#[post("/api/Coupon/{entry}/{code}/redemptions/{redemptionId}/release")]
pub(crate) async fn release_redemption(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let entrypoint_id = call.entry(Scope::MoneyWrite).await?;
    let code = code_of(&call)?;
    let named = TransId::parse(call.path("redemptionId")).filter(|(place, _)| *place == entrypoint_id);
    let (_, redemption_id) = named.ok_or(Error::NotFound)?;
    let mutation = call.bodiless(entrypoint_id, payload).await?;
    let change = call.params().done().map(|()| action(ChangeCoupon::Release { code, redemption_id }));
    let answer = mutation.write(change).await?;
    match outcome(&answer)? {
        CouponOutcome::Released(redemption) => {
            Ok(ok(answer.replayed).json(ReleasedOut::new(entrypoint_id, redemption)))
        }
        _ => Err(Error::NotFound),
    }
}

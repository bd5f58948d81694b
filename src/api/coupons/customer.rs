//! Coupons of a customer: `/Customer/{customerId}/coupons`.

use actix_web::web::Payload;
use actix_web::{HttpResponse, get, post};

use super::out::{CouponIn, CustomerCouponOut, CustomerCouponsOut, Seeing};
use super::{action, outcome, random, read};
use crate::api::http::call::{Call, ok};
use crate::api::http::error::Error;
use crate::api::http::json::{self, RECORD_ROOM};
use crate::api::http::params::{CustomerPath, KeyHeader, PagedQuery};
use crate::api::lists::SummaryOut;
use crate::api::lists::paged::{Paged, linked};
use crate::clock;
use crate::domain::accounts::token::Scope;
use crate::domain::decide::shop::{ChangeCoupon, CouponOutcome};

/// How much a caller sees of the coupons of a customer.
fn seeing(call: &Call, entrypoint_id: i64) -> Seeing {
    Seeing { entrypoint_id, reads: call.caller.sight().reads, now: clock::now() }
}

/// List a customer's coupons
///
/// Those that are assigned to the customer and those that the customer used, each with the newest redemptions by the customer;
/// the newest coupon first. It needs `customers:read` too. The `ETag` changes with every part of the answer. A deleted customer
/// keeps only what it used.
#[utoipa::path(
    tag = "Coupons",
    params(
        CustomerPath,
        PagedQuery,
        ("If-None-Match" = Option<String>, Header, description = "An ETag; 304 without a body where the coupons are still the same"),
    ),
    responses(
        (status = 200, description = "A page of coupons", body = CustomerCouponsOut),
        (status = 304, description = "The coupons are still those of If-None-Match"),
    ),
)]
#[get("/api/Customer/{customerId}/coupons")]
pub(crate) async fn list_customer_coupons(call: Call) -> Result<HttpResponse, Error> {
    call.require(Scope::MoneyRead)?;
    let found = call.customer(Scope::CustomersRead).await?;
    let (place, id) = (found.entrypoint.id, found.record.stored.id);
    let mut params = call.params();
    let paged = Paged::read(&mut params, &format!("coupons of customer {id}"));
    params.done()?;
    let page = call.app.store.coupons().of_customer(place, id, paged.slice(&call.app).await?).await?;
    let last = page.records.last().filter(|_| page.has_more).map(|one| one.coupon.id);
    let seen = seeing(&call, place);
    // The token of the next page is another one each time.
    let untold = CustomerCouponsOut::new(SummaryOut::new(paged.limit(), page.total), &page, seen);
    let tag = json::tag("coupons", &json::written(&untold, RECORD_ROOM)?);
    let summary = paged.summary(&call.app, page.total, last).await?;
    let shown = CustomerCouponsOut::new(summary, &page, seen);
    let response = json::tagged(&call.request, &tag, json::written(&shown, RECORD_ROOM)?);
    Ok(linked(&call.request, response, &shown.summary))
}

/// Make a coupon for a customer, or assign one
///
/// A `code` alone assigns the coupon that has it; doing so again changes nothing. With what it takes off, a new coupon is made,
/// which only customers may redeem whom it is assigned to, unless `customersOnly` is false. An unknown code alone: 409
/// (`unknown_coupon`); the code of another coupon with more than that: 409 (`coupon_exists`). A customer has up to 1,000 coupons.
///
/// It needs `money:read` and `customers:read` too, because the answer shows the coupon and tells who is a customer.
#[utoipa::path(
    tag = "Coupons",
    params(CustomerPath, KeyHeader),
    request_body(content = CouponIn, description = "A coupon, or the code of one"),
    responses((status = 200, description = "The coupon is the customer's", body = CustomerCouponOut)),
)]
#[post("/api/Customer/{customerId}/coupons")]
pub(crate) async fn give_coupon(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    call.require(Scope::MoneyWrite)?;
    call.require(Scope::MoneyRead)?;
    let found = call.customer(Scope::CustomersRead).await?;
    let (place, customer_id) = (found.entrypoint.id, found.record.stored.id);
    let mutation = call.json(place, payload).await?;
    let draft = read(&mutation.body, call.params().problems());
    let give = |draft| action(ChangeCoupon::Give { customer_id, draft, random: random() });
    let answer = mutation.write(draft.map(give)).await?;
    match outcome(&answer)? {
        CouponOutcome::Given(_, coupon, of) => {
            let shown = CustomerCouponOut::new(coupon, *of, &[], seeing(&call, place));
            Ok(ok(answer.replayed).json(shown))
        }
        // An erase since the first request took it from a replay.
        _ => Err(Error::NotFound),
    }
}

//! Coupons over HTTP (rules 17): of an entrypoint here, of a customer in `customer`, redemptions in `redeem`.

mod customer;
mod out;
mod redeem;

use actix_web::http::header::{CACHE_CONTROL, ETAG};
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpResponse, delete, get, post, put};

pub(super) use self::customer::{give_coupon, list_customer_coupons};
use self::out::{CouponIn, CouponOut, CouponsOut, etag};
pub(crate) use self::out::{CustomerCouponsOut, Seeing};
pub(super) use self::redeem::{list_redemptions, redeem_coupon, release_redemption};
use super::customers::DoneOut;
use super::http::body;
use super::http::call::{Call, ok};
use super::http::error::{Error, unless_any};
use super::http::json::{self, RECORD_ROOM};
use super::http::params::{CouponPath, EntryPath, IfMatchHeader, KeyHeader, PagedQuery};
use super::lists::paged::{Paged, linked};
use crate::clock;
use crate::domain::accounts::token::Scope;
use crate::domain::coupons::code::CouponCode;
use crate::domain::coupons::draft::CouponDraft;
use crate::domain::coupons::{Coupon, CouponStatus};
use crate::domain::decide::command::{Action, Outcome};
use crate::domain::decide::shop::{ChangeCoupon, CouponOutcome};
use crate::domain::kernel::problem::Problem;
use crate::domain::view::Seen;
use crate::store::CouponRequest;

/// The coupon that the path names. An impossible code is answered like an unknown one.
fn code_of(call: &Call) -> Result<CouponCode, Error> {
    CouponCode::parse(call.path("code")).map_err(|_| Error::NotFound)
}

/// Random bits for the id of a new row.
fn random() -> u128 {
    uuid::Uuid::new_v4().as_u128()
}

fn action(change: ChangeCoupon) -> Action {
    Action::Coupon(Box::new(change))
}

fn read(bytes: &Bytes, problems: Vec<Problem>) -> Result<CouponDraft, Error> {
    let members = body::members(bytes);
    unless_any(problems, members.and_then(|members| CouponDraft::parse(&members).map_err(Error::Invalid)))
}

/// What became of a coupon.
fn outcome(answer: &Seen) -> Result<&CouponOutcome, Error> {
    match &answer.outcome {
        Outcome::Coupon(outcome) => Ok(outcome),
        _ => Err(Error::Internal("the outcome is not that of a coupon".into())),
    }
}

/// The answer with a coupon.
fn shown(answer: &Seen) -> Result<HttpResponse, Error> {
    let CouponOutcome::Kept(coupon) = outcome(answer)? else {
        return Err(Error::Internal("the outcome has no coupon".into()));
    };
    let now = clock::now();
    let mut response = ok(answer.replayed);
    response.insert_header((ETAG, etag(coupon, now)));
    Ok(response.json(CouponOut::new(answer.entrypoint.id, coupon, now)))
}

/// List an entrypoint's coupons
///
/// The newest first. `status` lists those that are set online, or those that are not. `Summary.pageIdentifier` (and
/// `Link: rel="next"`) leads to the next page.
#[utoipa::path(
    tag = "Coupons",
    params(
        EntryPath,
        PagedQuery,
        ("status" = Option<String>, Query, description = "`online` or `offline`; both by default"),
    ),
    responses((status = 200, description = "A page of coupons", body = CouponsOut)),
)]
#[get("/api/Coupon/{entry}")]
pub(crate) async fn list_coupons(call: Call) -> Result<HttpResponse, Error> {
    let entrypoint_id = call.entry(Scope::MoneyRead).await?;
    let mut params = call.params();
    let status: Option<CouponStatus> = match params.text("status").as_deref() {
        None | Some("") => None,
        Some(_) => params.word("status"),
    };
    let paged = Paged::read(&mut params, &format!("coupons of {entrypoint_id}, {status:?}"));
    params.done()?;
    let online = status.map(|status| status == CouponStatus::Online);
    let request = CouponRequest { entrypoint_id, online, slice: paged.slice(&call.app).await? };
    let page = call.app.store.coupons().page(request).await?;
    let last = page.records.last().filter(|_| page.has_more).map(|coupon| coupon.id);
    let summary = paged.summary(&call.app, page.total, last).await?;
    let now = clock::now();
    let records: Vec<CouponOut> =
        page.records.iter().map(|coupon: &Coupon| CouponOut::new(entrypoint_id, coupon, now)).collect();
    let shown = CouponsOut { summary, records };
    let response = HttpResponse::Ok().insert_header((CACHE_CONTROL, "private, no-cache")).json(&shown);
    Ok(linked(&call.request, response, &shown.summary))
}

/// Make a coupon
///
/// It takes off a part (`percentOff`) or an amount (`amountOff` with `currency`). Another coupon with the same code, in any case:
/// 409 (`coupon_exists`).
#[utoipa::path(
    tag = "Coupons",
    params(EntryPath, KeyHeader),
    request_body(content = CouponIn, description = "The coupon; `code` and what it takes off are required"),
    responses((status = 200, description = "The coupon was made", body = CouponOut)),
)]
#[post("/api/Coupon/{entry}")]
pub(crate) async fn create_coupon(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let entrypoint_id = call.entry(Scope::MoneyWrite).await?;
    let mutation = call.json(entrypoint_id, payload).await?;
    let draft = read(&mutation.body, call.params().problems());
    let answer =
        mutation.write(draft.map(|draft| action(ChangeCoupon::Create { draft, random: random() }))).await?;
    shown(&answer)
}

/// Read a coupon
///
/// The `ETag` changes with every change of the coupon and with every redemption; as `If-Match` it holds for the coupon itself.
#[utoipa::path(
    tag = "Coupons",
    params(
        CouponPath,
        ("If-None-Match" = Option<String>, Header, description = "An ETag; 304 without a body where the coupon is still the same"),
    ),
    responses(
        (status = 200, description = "The coupon", body = CouponOut),
        (status = 304, description = "The coupon is still the one of If-None-Match"),
    ),
)]
#[get("/api/Coupon/{entry}/{code}")]
pub(crate) async fn get_coupon(call: Call) -> Result<HttpResponse, Error> {
    let entrypoint_id = call.entry(Scope::MoneyRead).await?;
    let code = code_of(&call)?;
    let found = call.app.store.coupons().find(entrypoint_id, code.key().to_owned()).await?;
    let coupon = found.ok_or(Error::NotFound)?;
    call.params().done()?;
    let now = clock::now();
    let text = json::written(&CouponOut::new(entrypoint_id, &coupon, now), RECORD_ROOM)?;
    Ok(json::tagged(&call.request, &etag(&coupon, now), text))
}

/// Change a coupon
///
/// Partial: absent fields stay, `null` or `""` clears. The code never changes. Once the coupon was redeemed, what it takes off
/// does not change either: 409 (`coupon_redeemed`). It needs `money:read` too, because the answer shows the coupon.
#[utoipa::path(
    tag = "Coupons",
    params(CouponPath, IfMatchHeader, KeyHeader),
    request_body(content = CouponIn, description = "What to change"),
    responses((status = 200, description = "The coupon as it is now", body = CouponOut)),
)]
#[put("/api/Coupon/{entry}/{code}")]
pub(crate) async fn update_coupon(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    call.require(Scope::MoneyWrite)?;
    let entrypoint_id = call.entry(Scope::MoneyRead).await?;
    let code = code_of(&call)?;
    let mutation = call.json(entrypoint_id, payload).await?;
    let precondition = body::precondition(&call.request);
    let draft = read(&mutation.body, call.params().problems());
    let answer =
        mutation.write(draft.map(|draft| action(ChangeCoupon::Update { code, draft, precondition }))).await?;
    shown(&answer)
}

/// Delete a coupon
///
/// Only while nobody has redeemed it: else 409 (`coupon_redeemed`), and `status` `offline` takes it out of use.
#[utoipa::path(
    tag = "Coupons",
    params(CouponPath, IfMatchHeader, KeyHeader),
    responses((status = 200, description = "The coupon is deleted", body = DoneOut)),
)]
#[delete("/api/Coupon/{entry}/{code}")]
pub(crate) async fn delete_coupon(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let entrypoint_id = call.entry(Scope::MoneyWrite).await?;
    let code = code_of(&call)?;
    let mutation = call.bodiless(entrypoint_id, payload).await?;
    let precondition = body::precondition(&call.request);
    let change = call.params().done().map(|()| action(ChangeCoupon::Delete { code, precondition }));
    let answer = mutation.write(change).await?;
    Ok(ok(answer.replayed).json(DoneOut::SUCCESS))
}

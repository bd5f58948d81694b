//! The page of a coupon: what it is worth, and who redeemed it.

use actix_web::http::StatusCode;
use askama::Template;
use serde_json::Value;

use super::code_part;
use super::list::{used, worth};
use super::texts::{Texts, texts};
use crate::console::ask::{list, member, part, shown, text};
use crate::console::fields::Fields;
use crate::console::frame::Frame;
use crate::console::money::list::{Filters, LIMIT, Pager};
use crate::console::money::people::names;
use crate::console::money::texts::{Texts as Words, texts as words};
use crate::console::page::{Refused, Shown, html};
use crate::console::states::{Of, state_of};
use crate::console::visit::{SignedIn, Store, Visit};
use crate::console::written::{amount, day, minute};
use crate::web::form::Form;

/// A redemption.
struct Row {
    id: String,
    at: String,
    customer: String,
    customer_address: String,
    reference: String,
    amount: String,
    discount: String,
    released: String,
}

#[derive(Template)]
#[template(path = "console/coupons/page.html")]
struct CouponPage {
    frame: Frame,
    texts: &'static Texts,
    words: &'static Words,
    form: Fields,
    here: String,
    code: String,
    worth: String,
    badge: (&'static str, &'static str),
    facts: Vec<(&'static str, String)>,
    description: String,
    rows: Vec<Row>,
    pager: Pager,
    can_delete: bool,
}

/// The coupon that the address names.
pub(super) async fn found<'s>(
    visit: &Visit,
    signed_in: &'s SignedIn,
) -> Result<(&'s Store, String, Value), Refused> {
    let store = visit.store(signed_in)?;
    let path = format!("/Coupon/{}/{}", part(&store.entry), part(visit.part("code")));
    let one = visit.get(signed_in, &path).sent().await?;
    Ok((store, path, one))
}

/// `GET /console/at/{place}/coupons/{code}`.
pub(super) async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    page(visit, signed_in, Fields::default()).await
}

async fn page(visit: &Visit, signed_in: &SignedIn, form: Fields) -> Shown {
    let (texts, words, language) = (texts(visit.language), words(visit.language), visit.language);
    let (store, path, one) = found(visit, signed_in).await?;
    let code = text(&one, "code").to_owned();
    let frame = visit.frame(signed_in, "coupons", code.clone())?;
    let here = format!("{}/coupons/{}", frame.base, code_part(&code));
    let filters = Filters::asked(visit, &[]);
    let ask = visit.get(signed_in, &format!("{path}/redemptions")).with("limitRecord", LIMIT);
    let answer = ask.with_if("pageIdentifier", &filters.page).sent().await?;
    let records = list(&answer, "Records");
    let names = names(visit, signed_in, store, records).await?;
    let row = |one: &Value| {
        let id = shown(one, "customerId");
        let currency = text(one, "currency");
        Row {
            id: text(one, "redemptionId").to_owned(),
            at: day(language, text(one, "redeemedAt")),
            customer: names.get(&id).cloned().unwrap_or_else(|| format!("#{id}")),
            customer_address: format!("{}/customers/{id}", frame.base),
            reference: text(one, "reference").to_owned(),
            amount: amount(language, member(one, "amount"), currency),
            discount: amount(language, member(one, "discount"), currency),
            released: minute(language, text(one, "releasedAt")),
        }
    };
    let per_customer = shown(&one, "perCustomerLimit");
    let yes_no = |is_so: bool| if is_so { frame.texts.yes } else { frame.texts.no }.to_owned();
    let page = CouponPage {
        texts,
        words,
        worth: worth(visit, &one),
        badge: state_of(language, Of::Coupon, text(&one, "state")),
        facts: vec![
            (words.name, text(&one, "name").to_owned()),
            (texts.redeemed, used(texts, &one)),
            (
                texts.per_customer,
                if per_customer.is_empty() { texts.no_limit.to_owned() } else { per_customer },
            ),
            (texts.starts, minute(language, text(&one, "startsAt"))),
            (texts.ends, minute(language, text(&one, "redeemBy"))),
            (texts.customers_only, yes_no(member(&one, "customersOnly").as_bool().unwrap_or_default())),
            (words.created, minute(language, text(&one, "createdAt"))),
            (words.updated, minute(language, text(&one, "updatedAt"))),
        ],
        description: text(&one, "description").to_owned(),
        rows: records.iter().map(row).collect(),
        pager: filters.pager(language, &here, &answer),
        can_delete: frame.may("money:write") && member(&one, "redeemed").as_i64() == Some(0),
        here,
        code,
        form,
        frame,
    };
    let status = if page.form.is_wrong() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    html(status, &page)
}

/// `POST …/delete`.
pub(super) async fn delete(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let (store, path, _) = found(visit, signed_in).await?;
    match visit.delete(signed_in, &path, sent).tried().await? {
        Ok(_) => Ok(visit.go_to(&format!("/at/{}/coupons?done=deleted", part(&store.entry)))),
        Err(no) => page(visit, signed_in, Fields::default().refused(&no).in_language(visit.language)).await,
    }
}

/// `POST …/release`: gives the place of a redemption back.
pub(super) async fn release(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let (store, path, one) = found(visit, signed_in).await?;
    let path = format!("{path}/redemptions/{}/release", part(sent.get("redemptionId")));
    match visit.post(signed_in, &path, sent).tried().await? {
        Ok(_) => {
            let code = code_part(text(&one, "code"));
            Ok(visit.go_to(&format!("/at/{}/coupons/{code}?done=released", part(&store.entry))))
        }
        Err(no) => page(visit, signed_in, Fields::default().refused(&no).in_language(visit.language)).await,
    }
}

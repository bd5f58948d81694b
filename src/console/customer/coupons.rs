//! Coupons of a customer: makes one, assigns one by its code, and redeems one.

use serde_json::json;

use super::form::{Button, FormParts, Row, page, pair};
use super::texts::texts;
use super::{Customer, decimal, filled, refused, whole};
use crate::console::ask::{member, part, text};
use crate::console::fields::Fields;
use crate::console::page::Shown;
use crate::console::visit::{SignedIn, Visit};
use crate::console::written::amount;
use crate::web::form::Form;

const NAMES: [&str; 10] = [
    "code",
    "name",
    "description",
    "percentOff",
    "amountOff",
    "currency",
    "startsAt",
    "redeemBy",
    "maxRedemptions",
    "perCustomerLimit",
];
const REDEEM: [&str; 4] = ["code", "amount", "currency", "reference"];

fn new_parts(visit: &Visit, form: Fields) -> FormParts {
    let texts = texts(visit.language);
    let mut rows = pair([
        Row::field("code", texts.coupon_code).hint(texts.coupon_code_hint).must(),
        Row::field("name", texts.coupon_name),
    ]);
    rows.push(Row::note(texts.off_lead));
    rows.extend(pair([
        Row::field("percentOff", texts.percent_off),
        Row::field("amountOff", texts.amount_off),
        Row::field("currency", texts.currency),
    ]));
    rows.extend(pair([
        Row::field("startsAt", texts.starts).input("date"),
        Row::field("redeemBy", texts.last_day).input("date"),
        Row::field("perCustomerLimit", texts.per_customer).input("number"),
        Row::field("maxRedemptions", texts.in_all).input("number"),
    ]));
    rows.push(Row::area("description", texts.what_for));
    FormParts {
        title: texts.new_coupon.to_owned(),
        lead: texts.new_coupon_lead.to_owned(),
        rows,
        form,
        button: Button { label: texts.new_coupon.to_owned(), ..Button::default() },
        ..FormParts::default()
    }
}

/// `GET …/coupons/new`.
pub(super) async fn show_new(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let form =
        Fields::of([("currency", customer.store.currency.clone()), ("perCustomerLimit", "1".to_owned())]);
    page(visit, signed_in, &customer, new_parts(visit, form))
}

/// `POST …/coupons/new`.
pub(super) async fn make(visit: &Visit, signed_in: &SignedIn, form: &Form) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let mut body = filled(form, &["code", "name", "description", "startsAt", "redeemBy"]);
    for name in ["percentOff", "amountOff"] {
        let value = form.get(name).trim();
        if !value.is_empty() {
            body.insert(name.to_owned(), decimal(value.trim_end_matches('%')).into());
        }
    }
    if body.contains_key("amountOff") {
        body.extend(filled(form, &["currency"]));
    }
    for name in ["maxRedemptions", "perCustomerLimit"] {
        if !form.get(name).trim().is_empty() {
            body.insert(name.to_owned(), whole(form.get(name)));
        }
    }
    let ask = visit.post(signed_in, &customer.api("/coupons"), form);
    if !["percentOff", "amountOff"].iter().any(|name| body.contains_key(*name)) {
        // Without what it takes off, the API would look for a coupon that there is.
        let mut fields = Fields::sent(form, &NAMES);
        fields.add("percentOff", texts(visit.language).off_lead);
        return page(visit, signed_in, &customer, new_parts(visit, fields));
    }
    match ask.json(&body.into()).tried().await? {
        Ok(_) => Ok(customer.done(visit, "created")),
        Err(no) => {
            let fields = refused(Fields::sent(form, &NAMES), &no, visit.language);
            page(visit, signed_in, &customer, new_parts(visit, fields))
        }
    }
}

fn assign_parts(visit: &Visit, form: Fields) -> FormParts {
    let texts = texts(visit.language);
    FormParts {
        title: texts.assign_coupon.to_owned(),
        lead: texts.assign_lead.to_owned(),
        rows: vec![Row::field("code", texts.coupon_code).must()],
        form,
        button: Button { label: texts.assign_coupon.to_owned(), ..Button::default() },
        ..FormParts::default()
    }
}

/// `GET …/coupons/assign`.
pub(super) async fn show_assign(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    page(visit, signed_in, &customer, assign_parts(visit, Fields::default()))
}

/// `POST …/coupons/assign`.
pub(super) async fn assign(visit: &Visit, signed_in: &SignedIn, form: &Form) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let body = json!({"code": form.get("code").trim()});
    match visit.post(signed_in, &customer.api("/coupons"), form).json(&body).tried().await? {
        Ok(_) => Ok(customer.done(visit, "saved")),
        Err(no) => {
            let fields = refused(Fields::sent(form, &["code"]), &no, visit.language);
            page(visit, signed_in, &customer, assign_parts(visit, fields))
        }
    }
}

fn redeem_parts(visit: &Visit, form: Fields, good: String) -> FormParts {
    let texts = texts(visit.language);
    let mut rows = vec![Row::field("code", texts.coupon_code).must()];
    rows.extend(pair([
        Row::field("amount", texts.amount_before).must(),
        Row::field("currency", texts.currency).must(),
    ]));
    rows.push(Row::field("reference", texts.own_reference).hint(texts.redeem_reference_hint));
    FormParts {
        title: texts.redeem_coupon.to_owned(),
        lead: texts.redeem_lead.to_owned(),
        rows,
        form,
        good,
        button: Button { label: texts.redeem_coupon.to_owned(), ..Button::default() },
        ..FormParts::default()
    }
}

/// `GET …/coupons/redeem`.
pub(super) async fn show_redeem(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let form = Fields::of([("currency", customer.store.currency.clone()), ("code", visit.asked("code"))]);
    page(visit, signed_in, &customer, redeem_parts(visit, form, String::new()))
}

/// `POST …/coupons/redeem`: the answer says what is left to pay.
pub(super) async fn redeem(visit: &Visit, signed_in: &SignedIn, form: &Form) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let mut body = filled(form, &["currency", "reference"]);
    body.insert("amount".to_owned(), decimal(form.get("amount")).into());
    body.insert("customerId".to_owned(), whole(&customer.id));
    let code = form.get("code").trim();
    if code.is_empty() {
        let mut fields = Fields::sent(form, &REDEEM);
        fields.add("code", texts(visit.language).enter_code);
        return page(visit, signed_in, &customer, redeem_parts(visit, fields, String::new()));
    }
    let path = format!("/Coupon/{}/{}/redeem", part(&customer.store.entry), part(code));
    match visit.post(signed_in, &path, form).json(&body.into()).tried().await {
        Ok(Ok(answer)) => {
            let texts = texts(visit.language);
            let sum = |name: &str| amount(visit.language, member(&answer, name), text(&answer, "currency"));
            let said =
                format!("{}: {}. {}: {}.", texts.discount, sum("discount"), texts.to_pay, sum("total"));
            let form = Fields::of([("currency", customer.store.currency.clone())]);
            page(visit, signed_in, &customer, redeem_parts(visit, form, said))
        }
        Ok(Err(no)) => {
            let fields = refused(Fields::sent(form, &REDEEM), &no, visit.language);
            page(visit, signed_in, &customer, redeem_parts(visit, fields, String::new()))
        }
        Err(crate::console::page::Refused::NotFound) => {
            let mut fields = Fields::sent(form, &REDEEM);
            fields.add("code", super::wording::problem(visit.language, "unknown_coupon").unwrap_or_default());
            page(visit, signed_in, &customer, redeem_parts(visit, fields, String::new()))
        }
        Err(refused) => Err(refused),
    }
}

//! The addresses of a customer.

use serde_json::{Map, Value, json};

use super::edit::country_options;
use super::form::{Button, FormParts, Row, page, pair};
use super::texts::texts;
use super::{Customer, pressed, refused};
use crate::console::ask::{shown, text};
use crate::console::fields::Fields;
use crate::console::page::Shown;
use crate::console::visit::{SignedIn, Visit};
use crate::web::form::Form;

const TEXTS: [&str; 12] = [
    "kind", "name", "company", "address", "address1", "address2", "zip", "city", "district", "state",
    "country", "phone",
];
const NOTE: &str = "note";
const DEFAULTS: [&str; 2] = ["isDefaultBilling", "isDefaultShipping"];

fn parts(visit: &Visit, title: &'static str, form: Fields) -> FormParts {
    let texts = texts(visit.language);
    let kinds =
        ["billing", "shipping", "other"].map(|kind| (kind.to_owned(), texts.address_kind(kind).to_owned()));
    let mut rows = vec![Row::select("kind", texts.kind, kinds.into())];
    rows.extend(pair([Row::field("name", texts.receiver), Row::field("company", texts.company)]));
    rows.push(Row::field("address", texts.street).must());
    rows.extend(pair([Row::field("address1", texts.street_2), Row::field("address2", texts.street_3)]));
    rows.extend(pair([Row::field("zip", texts.zip), Row::field("city", texts.city)]));
    rows.extend(pair([Row::field("district", texts.district), Row::field("state", texts.state)]));
    rows.extend(pair([
        Row::select("country", texts.country, country_options(visit.language, form.value("country"))),
        Row::field("phone", texts.phone).input("tel"),
    ]));
    rows.push(Row::area(NOTE, texts.note));
    rows.push(Row::check("isDefaultBilling", texts.use_for_billing));
    rows.push(Row::check("isDefaultShipping", texts.use_for_shipping));
    FormParts {
        title: title.to_owned(),
        rows,
        form,
        button: Button { label: visit.texts().save.to_owned(), ..Button::default() },
        ..FormParts::default()
    }
}

/// The address of a form; a change says everything, so that what was emptied is cleared.
fn body(form: &Form, is_new: bool) -> Value {
    let mut body = Map::new();
    for name in TEXTS.iter().chain([&NOTE]) {
        let value = form.get(name).trim();
        if !value.is_empty() {
            body.insert((*name).to_owned(), Value::from(value));
        } else if !is_new && *name != "kind" {
            body.insert((*name).to_owned(), Value::Null);
        }
    }
    for name in DEFAULTS {
        if !is_new || form.get(name) == "true" {
            body.insert(name.to_owned(), Value::from(form.get(name) == "true"));
        }
    }
    Value::from(body)
}

fn sent(form: &Form) -> Fields {
    let names: Vec<&str> = TEXTS.iter().chain([&NOTE]).chain(&DEFAULTS).copied().collect();
    Fields::sent(form, &names)
}

/// `GET …/addresses/new`.
pub(super) async fn show_new(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let form = Fields::of([
        ("kind", "shipping".to_owned()),
        ("country", text(&customer.record, "Country").to_owned()),
    ]);
    page(visit, signed_in, &customer, parts(visit, texts(visit.language).new_address, form))
}

/// `POST …/addresses/new`.
pub(super) async fn add(visit: &Visit, signed_in: &SignedIn, form: &Form) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let ask = visit.post(signed_in, &customer.api("/addresses"), form).json(&body(form, true));
    match ask.tried().await? {
        Ok(_) => Ok(customer.done(visit, "saved")),
        Err(no) => {
            let fields = refused(sent(form), &no, visit.language);
            page(visit, signed_in, &customer, parts(visit, texts(visit.language).new_address, fields))
        }
    }
}

fn path(visit: &Visit, customer: &Customer) -> String {
    customer.api(&format!("/addresses/{}", visit.part("addressId")))
}

fn edit_parts(visit: &Visit, etag: String, form: Fields) -> FormParts {
    let texts = texts(visit.language);
    let delete = Button {
        label: texts.delete_address.to_owned(),
        kind: "bad",
        sure: texts.delete_address_sure.to_owned(),
    };
    FormParts {
        hidden: vec![("etag".to_owned(), etag)],
        second: Some((format!("/addresses/{}/delete", visit.part("addressId")), delete)),
        ..parts(visit, texts.edit_address, form)
    }
}

/// `GET …/addresses/{addressId}`.
pub(super) async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let one = visit.get(signed_in, &path(visit, &customer)).sent().await?;
    let names = TEXTS.iter().chain([&NOTE]).chain(&DEFAULTS);
    let form = Fields::of(names.map(|name| (*name, shown(&one, name))));
    page(visit, signed_in, &customer, edit_parts(visit, customer.etag.clone(), form))
}

/// `POST …/addresses/{addressId}`.
pub(super) async fn save(visit: &Visit, signed_in: &SignedIn, form: &Form) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let body = body(form, false);
    let ask = visit.put(signed_in, &path(visit, &customer), form, &body).header("if-match", form.get("etag"));
    let Err(no) = ask.tried().await? else { return Ok(customer.done(visit, "saved")) };
    let fields = refused(sent(form), &no, visit.language);
    let mut parts = edit_parts(visit, customer.etag.clone(), fields);
    if no.status == 412 {
        parts.warnings = super::changes::meanwhile(visit, signed_in, &customer, form.get("etag")).await?;
    }
    page(visit, signed_in, &customer, parts)
}

/// `POST …/addresses/{addressId}/default`.
pub(super) async fn make_default(visit: &Visit, signed_in: &SignedIn, form: &Form) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let body = match form.get("use") {
        "shipping" => json!({"isDefaultShipping": true}),
        _ => json!({"isDefaultBilling": true}),
    };
    let path = path(visit, &customer);
    pressed(visit, &customer, visit.put(signed_in, &path, form, &body), "saved").await
}

/// `POST …/addresses/{addressId}/delete`.
pub(super) async fn delete(visit: &Visit, signed_in: &SignedIn, form: &Form) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let path = path(visit, &customer);
    pressed(visit, &customer, visit.delete(signed_in, &path, form), "deleted").await
}

//! The stored payment methods of a customer. No card number comes here: the provider's page takes it.

use serde_json::{Map, Value, json};

use super::form::{Button, FormParts, Row, page, pair};
use super::texts::texts;
use super::words::method_name;
use super::{Customer, pressed, refused, whole};
use crate::console::ask::{list, member, part, shown, text};
use crate::console::fields::Fields;
use crate::console::page::{Refused, Shown};
use crate::console::visit::{SignedIn, Visit};
use crate::web::form::Form;

const NAMES: [&str; 5] = ["holderName", "postalCode", "expMonth", "expYear", "isDefault"];

/// The method that the address names, among those of the customer.
async fn find(visit: &Visit, signed_in: &SignedIn, customer: &Customer) -> Result<Value, Refused> {
    let all = visit.get(signed_in, &customer.api("/methods")).sent().await?;
    let id = visit.part("methodId");
    list(&all, "Records").iter().find(|one| text(one, "methodId") == id).cloned().ok_or(Refused::NotFound)
}

fn parts(visit: &Visit, method: &Value, form: Fields) -> FormParts {
    let texts = texts(visit.language);
    let mut rows = pair([Row::field("holderName", texts.holder), Row::field("postalCode", texts.zip)]);
    rows.extend(pair([
        Row::field("expMonth", texts.exp_month).input("number"),
        Row::field("expYear", texts.exp_year).input("number"),
    ]));
    if member(method, "isDefault") != true {
        rows.push(Row::check("isDefault", texts.make_default));
    }
    let id = part(text(method, "methodId"));
    FormParts {
        title: method_name(visit.language, method),
        rows,
        form,
        hidden: vec![("etag".to_owned(), text(method, "etag").to_owned())],
        button: Button { label: visit.texts().save.to_owned(), ..Button::default() },
        second: Some((
            format!("/methods/{id}/delete"),
            Button {
                label: texts.delete_method.to_owned(),
                kind: "bad",
                sure: texts.delete_method_sure.to_owned(),
            },
        )),
        ..FormParts::default()
    }
}

/// `GET …/methods/{methodId}`.
pub(super) async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let method = find(visit, signed_in, &customer).await?;
    let form = Fields::of(NAMES.map(|name| (name, shown(&method, name))));
    page(visit, signed_in, &customer, parts(visit, &method, form))
}

fn path(visit: &Visit, customer: &Customer) -> String {
    customer.api(&format!("/methods/{}", part(visit.part("methodId"))))
}

/// `POST …/methods/{methodId}`.
pub(super) async fn save(visit: &Visit, signed_in: &SignedIn, form: &Form) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let mut body = Map::new();
    for name in ["holderName", "postalCode"] {
        let value = form.get(name).trim();
        body.insert(name.to_owned(), if value.is_empty() { Value::Null } else { value.into() });
    }
    for name in ["expMonth", "expYear"] {
        let value = form.get(name).trim();
        body.insert(name.to_owned(), if value.is_empty() { Value::Null } else { whole(value) });
    }
    if form.get("isDefault") == "true" {
        body.insert("isDefault".to_owned(), true.into());
    }
    let ask = visit.put(signed_in, &path(visit, &customer), form, &body.into());
    match ask.header("if-match", form.get("etag")).tried().await? {
        Ok(_) => Ok(customer.done(visit, "saved")),
        Err(no) => {
            let method = find(visit, signed_in, &customer).await?;
            let fields = refused(Fields::sent(form, &NAMES), &no, visit.language);
            page(visit, signed_in, &customer, parts(visit, &method, fields))
        }
    }
}

/// `POST …/methods/{methodId}/default`.
pub(super) async fn make_default(visit: &Visit, signed_in: &SignedIn, form: &Form) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let path = path(visit, &customer);
    pressed(visit, &customer, visit.put(signed_in, &path, form, &json!({"isDefault": true})), "saved").await
}

/// `POST …/methods/{methodId}/delete`.
pub(super) async fn delete(visit: &Visit, signed_in: &SignedIn, form: &Form) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let path = path(visit, &customer);
    pressed(visit, &customer, visit.delete(signed_in, &path, form), "deleted").await
}

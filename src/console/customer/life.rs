//! What changes where a customer stands: invitation, consent, archive, lock, deletion and erasure.

use serde_json::json;

use super::form::{Button, FormParts, Row, page};
use super::texts::texts;
use super::{Customer, pressed, refused};
use crate::console::fields::{Fields, said};
use crate::console::page::{Refused, Shown};
use crate::console::visit::{SignedIn, Visit};
use crate::web::form::Form;

/// `POST …/do/{action}`: the buttons without fields.
pub(super) async fn act(visit: &Visit, signed_in: &SignedIn, form: &Form) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let post = |tail: &str| visit.post(signed_in, &customer.api(tail), form);
    let status = |code: i64| visit.put(signed_in, &customer.api(""), form, &json!({"customerStatus": code}));
    let (ask, word) = match visit.part("action") {
        "invite" => (post("/invite"), "invited"),
        "ask-consent" => (post("/consent"), "sent"),
        "archive" => (post("/archive"), "archived"),
        "unarchive" => (post("/unarchive"), "saved"),
        "lock" => (status(85), "saved"),
        "disable" => (status(0), "saved"),
        "enable" => (status(1), "saved"),
        _ => return Err(Refused::NotFound),
    };
    pressed(visit, &customer, ask, word).await
}

fn delete_parts(visit: &Visit, form: Fields, must_end: bool) -> FormParts {
    let texts = texts(visit.language);
    let mut rows = vec![Row::note(texts.delete_lead)];
    if must_end {
        rows.push(Row::note(texts.must_settle));
        rows.push(Row::check("cancelOpen", texts.cancel_open));
    }
    FormParts {
        title: texts.delete_customer.to_owned(),
        rows,
        button: Button {
            label: texts.delete_customer.to_owned(),
            kind: "bad",
            sure: texts.delete_sure.to_owned(),
        },
        form,
        ..FormParts::default()
    }
}

/// `GET …/delete`.
pub(super) async fn show_delete(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    page(visit, signed_in, &customer, delete_parts(visit, Fields::default(), false))
}

/// `POST …/delete`. While money is open the API refuses, and the page offers to end what is open.
pub(super) async fn delete(visit: &Visit, signed_in: &SignedIn, form: &Form) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let mut ask = visit.delete(signed_in, &customer.api(""), form);
    if form.get("cancelOpen") == "true" {
        ask = ask.with("cancelOpen", "true");
    }
    match ask.tried().await? {
        Ok(_) => Ok(customer.done(visit, "deleted")),
        Err(no) => {
            let mut fields = refused(Fields::sent(form, &["cancelOpen"]), &no, visit.language);
            for problem in &mut fields.problems {
                problem.message = said(visit.language, &problem.code, &problem.message);
            }
            let must_end = no.has("has_obligations");
            page(visit, signed_in, &customer, delete_parts(visit, fields, must_end))
        }
    }
}

fn erase_parts(visit: &Visit, customer: &Customer, form: Fields, must_end: bool) -> FormParts {
    let texts = texts(visit.language);
    let mut rows = vec![
        Row::note(texts.erase_lead),
        Row::field("confirm", &format!("{} {}", texts.erase_confirm, customer.id)).must(),
    ];
    if must_end {
        rows.push(Row::note(texts.must_settle));
        rows.push(Row::check("cancelOpen", texts.cancel_open));
    }
    FormParts {
        title: texts.erase_customer.to_owned(),
        warnings: vec![texts.erase_warning.to_owned()],
        rows,
        button: Button {
            label: texts.erase_customer.to_owned(),
            kind: "bad",
            sure: texts.erase_sure.to_owned(),
        },
        form,
        ..FormParts::default()
    }
}

/// `GET …/erase`.
pub(super) async fn show_erase(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    page(visit, signed_in, &customer, erase_parts(visit, &customer, Fields::default(), false))
}

/// `POST …/erase`.
pub(super) async fn erase(visit: &Visit, signed_in: &SignedIn, form: &Form) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let mut fields = Fields::sent(form, &["confirm", "cancelOpen"]);
    if form.get("confirm").trim() != customer.id {
        fields.add("confirm", texts(visit.language).wrong_confirm);
        return page(visit, signed_in, &customer, erase_parts(visit, &customer, fields, false));
    }
    let mut ask = visit.delete(signed_in, &customer.api(""), form).with("erase", "true");
    if form.get("cancelOpen") == "true" {
        ask = ask.with("cancelOpen", "true");
    }
    match ask.tried().await? {
        Ok(_) => Ok(customer.done(visit, "erased")),
        Err(no) => {
            let mut fields = refused(fields, &no, visit.language);
            for problem in &mut fields.problems {
                problem.message = said(visit.language, &problem.code, &problem.message);
            }
            let must_end = no.has("has_obligations");
            page(visit, signed_in, &customer, erase_parts(visit, &customer, fields, must_end))
        }
    }
}

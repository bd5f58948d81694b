//! Records a payment by hand, such as one in cash.

use serde_json::{Value, json};

use super::form::{Button, FormParts, Row, page, pair};
use super::texts::texts;
use super::{Customer, decimal, filled, refused, whole};
use crate::console::ask::{No, Problem, list, member, part, text};
use crate::console::fields::Fields;
use crate::console::page::Shown;
use crate::console::states::{Of, badge};
use crate::console::texts::method;
use crate::console::visit::{SignedIn, Visit};
use crate::web::form::Form;

/// The source of payments that a member records.
const SOURCE: &str = "console";
const NAMES: [&str; 10] = [
    "operation",
    "amount",
    "currency",
    "status",
    "method",
    "occurredAt",
    "description",
    "invoiceNumber",
    "externalId",
    "refundOf",
];

/// What a payment elsewhere is made by.
const METHODS: [&str; 5] = ["cash", "transfer", "cheque", "card", "other"];

fn parts(visit: &Visit, form: Fields) -> FormParts {
    let texts = texts(visit.language);
    let words = |of: Of, words: &[&str]| -> Vec<(String, String)> {
        words.iter().map(|word| ((*word).to_owned(), badge(visit.language, of, word).text)).collect()
    };
    let mut rows = pair([
        Row::select(
            "operation",
            texts.kind,
            words(Of::Operation, &["sale", "refund", "chargeback", "credit"]),
        ),
        Row::select(
            "status",
            texts.status,
            words(Of::Payment, &["approved", "initiated", "authorised", "declined", "voided"]),
        ),
        Row::field("amount", texts.amount).must(),
        Row::field("currency", texts.currency),
    ]);
    rows.extend(pair([
        Row::select(
            "method",
            texts.how_paid,
            METHODS.map(|word| (word.to_owned(), method(visit.language, word))).into(),
        ),
        Row::field("occurredAt", texts.when).input("date"),
        Row::field("invoiceNumber", texts.of_invoice),
        Row::field("refundOf", texts.refund_of).hint(texts.refund_of_hint),
    ]));
    rows.push(Row::field("externalId", texts.payment_reference).hint(texts.payment_reference_hint));
    rows.push(Row::field("description", texts.what_for));
    FormParts {
        title: texts.record_payment.to_owned(),
        lead: texts.record_payment_lead.to_owned(),
        rows,
        form,
        button: Button { label: texts.record_payment.to_owned(), ..Button::default() },
        ..FormParts::default()
    }
}

/// `GET …/payments/new`.
pub(super) async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let form = Fields::of([("currency", customer.store.currency.clone()), ("method", "cash".to_owned())]);
    page(visit, signed_in, &customer, parts(visit, form))
}

/// `POST …/payments/new`.
pub(super) async fn make(visit: &Visit, signed_in: &SignedIn, form: &Form) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let names = [
        "operation",
        "currency",
        "status",
        "method",
        "description",
        "invoiceNumber",
        "refundOf",
        "occurredAt",
    ];
    let mut item = filled(form, &names);
    item.insert("amount".to_owned(), decimal(form.get("amount")).into());
    item.insert("customerId".to_owned(), whole(&customer.id));
    item.insert("source".to_owned(), SOURCE.into());
    // Whoever gives the payment no number gets that of the form, which is another one every time.
    let number = Some(form.get("externalId").trim()).filter(|number| !number.is_empty());
    item.insert("externalId".to_owned(), number.unwrap_or(form.get("key")).into());
    let path = format!("/Transaction/{}", part(&customer.store.entry));
    let ask = visit.post(signed_in, &path, form).with("onUnknownCustomer", "refuse");
    let no = match ask.json(&json!([Value::from(item)])).tried().await? {
        Ok(answer) => {
            let reason = list(&answer, "items")
                .first()
                .map(|one| member(one, "reason"))
                .filter(|reason| reason.is_object());
            let Some(reason) = reason else { return Ok(customer.done(visit, "recorded")) };
            let problem = Problem {
                field: last(text(reason, "field")).to_owned(),
                code: text(reason, "code").to_owned(),
                message: text(reason, "message").to_owned(),
                label: String::new(),
            };
            No { status: 422, problems: vec![problem], ..No::default() }
        }
        Err(mut no) => {
            // An array of one: what points into it points to the form.
            for problem in &mut no.problems {
                problem.field = last(&problem.field).to_owned();
            }
            no
        }
    };
    let fields = refused(Fields::sent(form, &NAMES), &no, visit.language);
    page(visit, signed_in, &customer, parts(visit, fields))
}

/// The name of a field, of what points to it.
fn last(pointer: &str) -> &str {
    pointer.rsplit('/').next().unwrap_or_default()
}

//! What is done with an invoice: issue, send, pay, void, delete, ask for its payment.

use serde_json::{Value, json};

use super::page::{found, page};
use crate::console::ask::{Ask, member, part, set, shown};
use crate::console::fields::Fields;
use crate::console::money::link::PayLink;
use crate::console::money::{number_of, text_of};
use crate::console::page::Shown;
use crate::console::visit::{SignedIn, Visit};
use crate::web::form::Form;

const PAYMENT: [&str; 4] = ["amount", "method", "paidAt", "reference"];

/// Goes back to the page of an invoice.
pub(super) fn done(visit: &Visit, signed_in: &SignedIn, id: &str, word: &str) -> Shown {
    let store = visit.store(signed_in)?;
    Ok(visit.go_to(&format!("/at/{}/invoices/{id}?done={word}", part(&store.entry))))
}

async fn step<'a>(
    visit: &'a Visit,
    signed_in: &'a SignedIn,
    (ask, form): (Ask<'a>, Fields),
    one: &Value,
    word: &str,
) -> Shown {
    match ask.tried().await? {
        Ok(_) => done(visit, signed_in, &shown(one, "invoiceId"), word),
        Err(no) => page(visit, signed_in, form.refused(&no).in_language(visit.language), None).await,
    }
}

/// `POST …/issue`.
pub(super) async fn issue(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let (_, one) = found(visit, signed_in).await?;
    let ask = visit.post(signed_in, &format!("/Invoice/{}/finalize", shown(&one, "invoiceId")), sent);
    step(visit, signed_in, (ask, Fields::default()), &one, "issued").await
}

/// `POST …/send`.
pub(super) async fn send(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let (_, one) = found(visit, signed_in).await?;
    let ask = visit.post(signed_in, &format!("/Invoice/send/{}", shown(&one, "invoiceId")), sent);
    step(visit, signed_in, (ask, Fields::default()), &one, "sent").await
}

/// `POST …/void`.
pub(super) async fn void(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let (_, one) = found(visit, signed_in).await?;
    let ask = visit.post(signed_in, &format!("/Invoice/{}/void", shown(&one, "invoiceId")), sent);
    step(visit, signed_in, (ask, Fields::default()), &one, "voided").await
}

/// `POST …/pay`.
pub(super) async fn pay(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let (_, one) = found(visit, signed_in).await?;
    let mut body = json!({
        "amount": number_of(sent.get("amount")),
        "method": text_of(sent.get("method")),
        "reference": text_of(sent.get("reference")),
    });
    // A day means its noon: it is the same day in most zones.
    if !sent.get("paidAt").is_empty() {
        set(&mut body, "paidAt", json!(paid_at(sent.get("paidAt"))));
    }
    let path = format!("/Invoice/{}/payments", shown(&one, "invoiceId"));
    let ask = visit.post(signed_in, &path, sent).json(&body);
    step(visit, signed_in, (ask, Fields::sent(sent, &PAYMENT)), &one, "recorded").await
}

/// The time of a day that was typed: noon in UTC, and now for today before noon.
fn paid_at(day: &str) -> String {
    let now = crate::clock::now();
    if now.date().to_string() == day { now.to_rfc3339() } else { format!("{day}T12:00:00Z") }
}

/// `POST …/delete`.
pub(super) async fn delete(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let (store, one) = found(visit, signed_in).await?;
    match visit.delete(signed_in, &format!("/Invoice/{}", shown(&one, "invoiceId")), sent).tried().await? {
        Ok(_) => Ok(visit.go_to(&format!("/at/{}/invoices?done=deleted", part(&store.entry)))),
        Err(no) => page(visit, signed_in, Fields::default().refused(&no), None).await,
    }
}

/// `POST …/request`: an address where the customer pays. It is shown on the page that answers, and never again.
pub(super) async fn request(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let (_, one) = found(visit, signed_in).await?;
    let id = member(&one, "invoiceId").as_i64().unwrap_or_default();
    let body = json!({"invoiceId": id, "notify": sent.get("notify") == "true"});
    let path = format!("/Customer/{}/paymentRequests", shown(&one, "customerId"));
    match visit.post(signed_in, &path, sent).json(&body).tried().await? {
        Ok(answer) => page(visit, signed_in, Fields::default(), PayLink::of(&answer, "url")).await,
        Err(no) => {
            let form = Fields::sent(sent, &["notify"]).refused(&no).in_language(visit.language);
            page(visit, signed_in, form, None).await
        }
    }
}

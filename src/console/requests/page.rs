//! The page of a payment request. Its address is shown only where the API has just made it.

use actix_web::http::StatusCode;
use askama::Template;
use serde_json::{Value, json};

use super::list::{asked_amount, uses};
use super::texts::{Texts, texts};
use crate::console::ask::{list, member, part, shown, text};
use crate::console::fields::Fields;
use crate::console::frame::Frame;
use crate::console::money::link::PayLink;
use crate::console::money::people::{self, Person};
use crate::console::money::texts::{Texts as Words, texts as words};
use crate::console::page::{Refused, Shown, html};
use crate::console::states::{Of, state_of};
use crate::console::visit::{SignedIn, Store, Visit};
use crate::console::written::minute;
use crate::web::form::Form;

#[derive(Template)]
#[template(path = "console/requests/page.html")]
struct RequestPage {
    frame: Frame,
    texts: &'static Texts,
    words: &'static Words,
    form: Fields,
    here: String,
    amount: String,
    badge: (&'static str, &'static str),
    customer: Option<Person>,
    facts: Vec<(&'static str, String)>,
    description: String,
    invoice_id: String,
    order_id: String,
    last_payment: String,
    can_resend: bool,
    can_cancel: bool,
    link: Option<PayLink>,
}

/// The request that the address names, if it is one of the store.
async fn found<'s>(visit: &Visit, signed_in: &'s SignedIn) -> Result<(&'s Store, Value), Refused> {
    let store = visit.store(signed_in)?;
    let id = visit.part("requestId");
    // The id begins with the number of its entrypoint.
    if !id.starts_with(&format!("{}-", store.id)) {
        return Err(Refused::NotFound);
    }
    Ok((store, visit.get(signed_in, &format!("/PaymentRequest/{}", part(id))).sent().await?))
}

/// `GET /console/at/{place}/requests/{requestId}`.
pub(super) async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let (store, one) = found(visit, signed_in).await?;
    page(visit, signed_in, (store, &one), Fields::default(), None).await
}

/// The words of methods and fields in a member of a request.
fn words_of(texts: &Texts, one: &Value, name: &str) -> String {
    let word = |word: &Value| match word.as_str().unwrap_or_default() {
        "card" => texts.card,
        "ach" => texts.ach,
        "wallet" => texts.wallet,
        "email" => texts.email,
        "phone" => texts.phone,
        "address" => texts.address,
        _ => "",
    };
    list(one, name).iter().map(word).collect::<Vec<_>>().join(", ")
}

pub(super) async fn page(
    visit: &Visit,
    signed_in: &SignedIn,
    (store, one): (&Store, &Value),
    form: Fields,
    link: Option<PayLink>,
) -> Shown {
    let (texts, words, language) = (texts(visit.language), words(visit.language), visit.language);
    let frame = visit.frame(signed_in, "requests", texts.request)?;
    let id = shown(one, "customerId");
    let customer = match id.as_str() {
        "" => None,
        id => Some(people::owner(visit, signed_in, store, id).await?),
    };
    let status = text(one, "status");
    let is_open = matches!(status, "NEW" | "INP" | "DEC");
    let may = frame.may("money:write");
    let page_language = match text(one, "language") {
        "en" => "English",
        "fr" => "Français",
        _ => "",
    };
    let page = RequestPage {
        here: format!("{}/requests/{}", frame.base, part(text(one, "paymentRequestId"))),
        amount: asked_amount(visit, texts, one),
        badge: state_of(language, Of::Request, status),
        customer,
        facts: vec![
            (words.reference, text(one, "reference").to_owned()),
            (texts.uses, uses(texts, one)),
            (texts.expires, minute(language, text(one, "expiresAt"))),
            (texts.methods, words_of(texts, one, "methodTypes")),
            (texts.collect, words_of(texts, one, "collect")),
            (texts.page_language, page_language.to_owned()),
            (texts.success_url, text(one, "successUrl").to_owned()),
            (texts.cancel_url, text(one, "cancelUrl").to_owned()),
            (words.created, minute(language, text(one, "createdAt"))),
            (words.updated, minute(language, text(one, "updatedAt"))),
        ],
        description: text(one, "description").to_owned(),
        invoice_id: shown(one, "invoiceId"),
        order_id: text(one, "orderId").to_owned(),
        last_payment: text(one, "lastTransId").to_owned(),
        can_resend: may && is_open,
        can_cancel: may && is_open && text(one, "orderId").is_empty(),
        link,
        texts,
        words,
        form,
        frame,
    };
    let status = if page.form.is_wrong() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    html(status, &page)
}

/// `POST …/cancel`.
pub(super) async fn cancel(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let (store, one) = found(visit, signed_in).await?;
    let id = part(text(&one, "paymentRequestId"));
    match visit.post(signed_in, &format!("/PaymentRequest/{id}/cancel"), sent).tried().await? {
        Ok(_) => Ok(visit.go_to(&format!("/at/{}/requests/{id}?done=cancelled", part(&store.entry)))),
        Err(no) => {
            let form = Fields::default().refused(&no).in_language(visit.language);
            page(visit, signed_in, (store, &one), form, None).await
        }
    }
}

/// `POST …/resend`: a new address, shown on the page that answers and never again.
pub(super) async fn resend(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let (store, one) = found(visit, signed_in).await?;
    let path = format!("/PaymentRequest/{}/resend", part(text(&one, "paymentRequestId")));
    let body = json!({"notify": sent.get("notify") == "true"});
    match visit.post(signed_in, &path, sent).json(&body).tried().await? {
        Ok(answer) => {
            let link = PayLink::of(&answer, "url");
            page(visit, signed_in, (store, member(&answer, "responseData")), Fields::default(), link).await
        }
        Err(no) => {
            let form = Fields::sent(sent, &["notify"]).refused(&no).in_language(visit.language);
            page(visit, signed_in, (store, &one), form, None).await
        }
    }
}

//! Makes a reusable payment request.

use actix_web::http::StatusCode;
use askama::Template;
use serde_json::{Map, Value, json};

use super::page::page as request_page;
use super::texts::{Texts, texts};
use crate::console::ask::{member, part};
use crate::console::fields::Fields;
use crate::console::frame::Frame;
use crate::console::money::link::PayLink;
use crate::console::money::texts::{Texts as Words, texts as words};
use crate::console::money::{number_of, text_of, whole_of};
use crate::console::page::{Shown, html};
use crate::console::visit::{SignedIn, Visit};
use crate::web::form::Form;

const NAMES: [&str; 17] = [
    "amount",
    "open/min",
    "open/max",
    "currency",
    "description",
    "expiresInDays",
    "maxUses",
    "successUrl",
    "cancelUrl",
    "language",
    "reference",
    "card",
    "ach",
    "wallet",
    "email",
    "phone",
    "address",
];
/// The members of the API that are plain texts.
const TEXTS: [&str; 6] = ["currency", "description", "successUrl", "cancelUrl", "language", "reference"];

#[derive(Template)]
#[template(path = "console/requests/form.html")]
struct FormPage {
    frame: Frame,
    texts: &'static Texts,
    words: &'static Words,
    form: Fields,
    languages: Vec<(String, &'static str)>,
}

/// `GET /console/at/{place}/requests/new`.
pub(super) async fn new(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let store = visit.store(signed_in)?;
    page(visit, signed_in, Fields::of([("currency", store.currency.clone())]))
}

fn page(visit: &Visit, signed_in: &SignedIn, form: Fields) -> Shown {
    let texts = texts(visit.language);
    let frame = visit.frame(signed_in, "requests", texts.new)?;
    let languages = [("", texts.browser_language), ("en", "English"), ("fr", "Français")];
    let languages = languages.map(|(name, word)| (name.to_owned(), word)).into();
    let status = if form.is_wrong() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    html(status, &FormPage { frame, texts, words: words(visit.language), form, languages })
}

/// The words whose boxes are ticked.
fn ticked(sent: &Form, names: [&str; 3]) -> Value {
    names.into_iter().filter(|name| sent.get(name) == "true").collect()
}

fn body(sent: &Form) -> Value {
    let mut body = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            body.insert(name.to_owned(), value);
        }
    };
    for name in TEXTS {
        put(name, text_of(sent.get(name)));
    }
    put("expiresInDays", whole_of(sent.get("expiresInDays")));
    put("maxUses", whole_of(sent.get("maxUses")));
    put("methodTypes", ticked(sent, ["card", "ach", "wallet"]));
    put("collect", ticked(sent, ["email", "phone", "address"]));
    let amount = number_of(sent.get("amount"));
    let (min, max) = (number_of(sent.get("open/min")), number_of(sent.get("open/max")));
    // Without an amount the payer says how much, within the limits if there are some.
    if amount.is_null() || !min.is_null() || !max.is_null() {
        put("open", json!({"min": min, "max": max}));
    }
    put("amount", amount);
    Value::Object(body)
}

/// `POST /console/at/{place}/requests/new`. The address is on the page that answers, and never again.
pub(super) async fn create(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let store = visit.store(signed_in)?;
    let path = format!("/PaymentRequest/{}", part(&store.entry));
    match visit.post(signed_in, &path, sent).json(&body(sent)).tried().await? {
        Ok(answer) => {
            let link = PayLink::of(&answer, "url");
            request_page(visit, signed_in, (store, member(&answer, "responseData")), Fields::default(), link)
                .await
        }
        Err(no) => {
            page(visit, signed_in, Fields::sent(sent, &NAMES).refused(&no).in_language(visit.language))
        }
    }
}

//! Makes and changes coupons.

use actix_web::http::StatusCode;
use askama::Template;
use serde_json::{Map, Value, json};

use super::code_part;
use super::page::found;
use super::texts::{Texts, texts};
use crate::console::ask::{member, part, shown, text};
use crate::console::fields::Fields;
use crate::console::frame::Frame;
use crate::console::money::texts::{Texts as Words, texts as words};
use crate::console::money::{number_of, text_of, whole_of};
use crate::console::page::{Shown, html};
use crate::console::visit::{SignedIn, Visit};
use crate::console::written::{date_input, input};
use crate::web::form::Form;

const NAMES: [&str; 12] = [
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
    "customersOnly",
    "status",
];

#[derive(Template)]
#[template(path = "console/coupons/form.html")]
struct FormPage {
    frame: Frame,
    texts: &'static Texts,
    words: &'static Words,
    form: Fields,
    title: String,
    action: String,
    back: String,
    etag: String,
    is_new: bool,
    /// Whether what it takes off can change.
    is_open: bool,
    statuses: Vec<(String, &'static str)>,
}

/// What a form is about; nothing for a new coupon.
struct About {
    code: String,
    etag: String,
    is_open: bool,
}

fn page(visit: &Visit, signed_in: &SignedIn, form: Fields, about: Option<About>) -> Shown {
    let texts = texts(visit.language);
    let title = if about.is_some() { texts.edit } else { texts.new };
    let frame = visit.frame(signed_in, "coupons", title)?;
    let base = format!("{}/coupons", frame.base);
    let (is_new, is_open) = (about.is_none(), about.as_ref().is_none_or(|about| about.is_open));
    let (title, action, back, etag) = match about {
        None => (title.to_owned(), format!("{base}/new"), base, String::new()),
        Some(about) => {
            let here = format!("{base}/{}", code_part(&about.code));
            (format!("{title} {}", about.code), format!("{here}/edit"), here, about.etag)
        }
    };
    let statuses = [("online", texts.set_online), ("offline", texts.set_offline)];
    let statuses = statuses.map(|(name, word)| (name.to_owned(), word)).into();
    let status = if form.is_wrong() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let words = words(visit.language);
    html(
        status,
        &FormPage { frame, texts, words, form, title, action, back, etag, is_new, is_open, statuses },
    )
}

/// `GET /console/at/{place}/coupons/new`.
pub(super) async fn new(visit: &Visit, signed_in: &SignedIn) -> Shown {
    visit.store(signed_in)?;
    page(visit, signed_in, Fields::of([("status", "online".to_owned())]), None)
}

/// What the form says, for the API. `stored` is the coupon that changes: what is empty is cleared, a day stays as it is
/// stored if nobody changed it, and what was redeemed keeps its worth.
fn body(sent: &Form, stored: Option<&Value>) -> Value {
    let mut body = Map::new();
    let is_open =
        stored.is_none_or(|one| member(one, "redeemed").as_i64() == Some(0) || sent.has("percentOff"));
    for name in NAMES {
        let typed = sent.get(name);
        let value = match name {
            "code" if stored.is_some() => continue,
            "percentOff" | "amountOff" | "currency" if !is_open => continue,
            "percentOff" | "amountOff" => number_of(typed),
            // The currency stands only beside an amount.
            "currency" if number_of(sent.get("amountOff")).is_null() => Value::Null,
            "maxRedemptions" | "perCustomerLimit" => whole_of(typed),
            "customersOnly" => json!(typed == "true"),
            "startsAt" | "redeemBy" if stored.is_some_and(|one| date_input(one, name) == typed) => continue,
            _ => text_of(typed),
        };
        if stored.is_some() || !value.is_null() {
            body.insert(name.to_owned(), value);
        }
    }
    Value::Object(body)
}

/// `POST /console/at/{place}/coupons/new`.
pub(super) async fn create(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let store = visit.store(signed_in)?;
    let path = format!("/Coupon/{}", part(&store.entry));
    match visit.post(signed_in, &path, sent).json(&body(sent, None)).tried().await? {
        Ok(answer) => {
            let code = code_part(text(&answer, "code"));
            Ok(visit.go_to(&format!("/at/{}/coupons/{code}?done=created", part(&store.entry))))
        }
        Err(no) => {
            page(visit, signed_in, Fields::sent(sent, &NAMES).refused(&no).in_language(visit.language), None)
        }
    }
}

fn about(one: &Value, etag: &str) -> About {
    let is_open = member(one, "redeemed").as_i64() == Some(0);
    About { code: text(one, "code").to_owned(), etag: etag.to_owned(), is_open }
}

/// `GET /console/at/{place}/coupons/{code}/edit`.
pub(super) async fn edit(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let (_, _, one) = found(visit, signed_in).await?;
    let value = |name: &'static str| match name {
        "percentOff" | "amountOff" => (name, input(member(&one, name))),
        "startsAt" | "redeemBy" => (name, date_input(&one, name)),
        name => (name, shown(&one, name)),
    };
    page(visit, signed_in, Fields::of(NAMES.map(value)), Some(about(&one, text(&one, "etag"))))
}

/// `POST /console/at/{place}/coupons/{code}/edit`.
pub(super) async fn change(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let (store, path, one) = found(visit, signed_in).await?;
    let ask = visit.put(signed_in, &path, sent, &body(sent, Some(&one)));
    match ask.header("if-match", sent.get("etag")).tried().await? {
        Ok(_) => {
            let code = code_part(text(&one, "code"));
            Ok(visit.go_to(&format!("/at/{}/coupons/{code}?done=saved", part(&store.entry))))
        }
        Err(no) => {
            let form = Fields::sent(sent, &NAMES).refused(&no).in_language(visit.language);
            page(visit, signed_in, form, Some(about(&one, sent.get("etag"))))
        }
    }
}

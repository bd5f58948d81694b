//! Makes and changes drafts of invoices.

use actix_web::http::StatusCode;
use askama::Template;
use serde_json::{Map, Value, json};

use super::lines::{LineFields, Lines, placed};
use super::page::{etag, found};
use super::steps::done;
use super::texts::{Texts, texts};
use crate::console::ask::{list, member, part, shown, text};
use crate::console::fields::Fields;
use crate::console::frame::Frame;
use crate::console::money::people::{self, Choice};
use crate::console::money::texts::{Texts as Words, texts as words};
use crate::console::money::whom::{self, Whom};
use crate::console::money::{number_of, text_of};
use crate::console::page::{Refused, Shown, html};
use crate::console::visit::{SignedIn, Store, Visit};
use crate::console::written::{amount, input};
use crate::web::form::Form;

/// The fields beside the lines, by the names of the API.
const NAMES: [&str; 8] = [
    "currency",
    "discount",
    "invoiceDate",
    "invoiceDueDate",
    "paymentTerms",
    "purchaseOrder",
    "notes",
    "termsConditions",
];
/// The empty lines of a new form.
const LINES_NEW: usize = 3;

#[derive(Template)]
#[template(path = "console/invoices/form.html")]
struct FormPage {
    frame: Frame,
    texts: &'static Texts,
    words: &'static Words,
    form: Fields,
    title: String,
    action: String,
    back: String,
    customer_id: String,
    version: String,
    lines: Vec<LineFields>,
    products: Vec<(String, String)>,
}

/// What a form is about.
struct About {
    title: String,
    /// The address of the form.
    action: String,
    /// Where a member goes who gives up.
    back: String,
    customer_id: String,
    /// The version of the draft that is changed; empty for a new one.
    version: String,
}

/// `GET /console/at/{place}/invoices/new`.
pub(super) async fn new(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let store = visit.store(signed_in)?;
    let id = visit.asked("customerId");
    if id.is_empty() {
        return whom(visit, signed_in, Choice::default());
    }
    let about = about_new(visit, signed_in, store, &id).await?;
    let mut lines = Lines::default();
    lines.add(LINES_NEW);
    let form = Fields::of([("currency", store.currency.clone())]);
    page(visit, signed_in, store, about, (form, &lines)).await
}

fn whom(visit: &Visit, signed_in: &SignedIn, choice: Choice) -> Shown {
    let texts = texts(visit.language);
    let target = ("/invoices/new?customerId=", "");
    whom::page(
        visit,
        signed_in,
        Whom { here: "invoices", list: texts.title, title: texts.new, target },
        choice,
    )
}

async fn about_new(visit: &Visit, signed_in: &SignedIn, store: &Store, id: &str) -> Result<About, Refused> {
    let customer = people::customer(visit, signed_in, store, id).await?;
    let base = format!("{}/at/{}/invoices", visit.root, part(&store.entry));
    Ok(About {
        title: format!("{} {}", texts(visit.language).new_for, customer.name),
        action: format!("{base}/new"),
        back: base,
        customer_id: customer.id.to_string(),
        version: String::new(),
    })
}

fn about_draft(visit: &Visit, store: &Store, one: &Value, version: String) -> About {
    let here = format!("{}/at/{}/invoices/{}", visit.root, part(&store.entry), shown(one, "invoiceId"));
    About {
        title: texts(visit.language).edit_title.to_owned(),
        action: format!("{here}/edit"),
        back: here,
        customer_id: shown(one, "customerId"),
        version,
    }
}

async fn products(visit: &Visit, signed_in: &SignedIn, store: &Store) -> Result<Vec<Value>, Refused> {
    let path = format!("/Product/{}", part(&store.entry));
    let answer =
        visit.get(signed_in, &path).with("active", "true").with("limitRecord", "100").if_any().await?;
    Ok(answer.map(|answer| list(&answer, "Records").to_vec()).unwrap_or_default())
}

async fn page(
    visit: &Visit,
    signed_in: &SignedIn,
    store: &Store,
    about: About,
    (mut form, lines): (Fields, &Lines),
) -> Shown {
    let About { title, action, back, customer_id, version } = about;
    let frame = visit.frame(signed_in, "invoices", title.clone())?;
    let product = |one: &Value| {
        let price = amount(visit.language, member(one, "unitPrice"), text(one, "currency"));
        (text(one, "productId").to_owned(), format!("{} · {price}", text(one, "name")))
    };
    let products = products(visit, signed_in, store).await?.iter().map(product).collect();
    let lines = lines.write(&mut form);
    let status = if form.is_wrong() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let (texts, words) = (texts(visit.language), words(visit.language));
    let page =
        FormPage { frame, texts, words, form, title, action, back, customer_id, version, lines, products };
    html(status, &page)
}

/// Does what a button of the form does with its lines; `None` if the form is to be saved.
async fn lines_after(
    visit: &Visit,
    signed_in: &SignedIn,
    store: &Store,
    sent: &Form,
) -> Result<Option<Lines>, Refused> {
    let mut lines = Lines::sent(sent);
    match sent.get("step") {
        "addLine" => lines.add(1),
        "addProduct" => {
            let all = products(visit, signed_in, store).await?;
            if let Some(product) = all.iter().find(|one| text(one, "productId") == sent.get("product")) {
                lines.add_product(product);
            }
        }
        _ => return Ok(None),
    }
    Ok(Some(lines))
}

/// What the form says, for the API. What is empty is left out of a new invoice, and cleared in a draft.
fn body(sent: &Form, lines: &Lines, stored: &Value) -> (Value, Vec<usize>) {
    let (items, rows) = lines.body(stored);
    let mut data = Map::new();
    for name in NAMES {
        let value = if name == "discount" { number_of(sent.get(name)) } else { text_of(sent.get(name)) };
        if !value.is_null() {
            data.insert(name.to_owned(), value);
        } else if !stored.is_null() && name != "currency" {
            data.insert(name.to_owned(), if name == "discount" { json!(0) } else { Value::Null });
        }
    }
    data.insert("items".to_owned(), json!(items));
    if sent.get("step") == "issue" {
        data.insert("invoiceStatus".to_owned(), json!(1));
    }
    (Value::Object(data), rows)
}

fn word_of(sent: &Form, word: &'static str) -> &'static str {
    if sent.get("step") == "issue" { "issued" } else { word }
}

/// `POST /console/at/{place}/invoices/new`: searches the customer, adds a line, or makes the invoice.
pub(super) async fn create(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let store = visit.store(signed_in)?;
    if sent.has("search") {
        let choice = people::search(visit, signed_in, store, sent.get("search")).await?;
        return whom(visit, signed_in, choice);
    }
    let about = about_new(visit, signed_in, store, sent.get("customerId")).await?;
    let form = Fields::sent(sent, &NAMES);
    if let Some(lines) = lines_after(visit, signed_in, store, sent).await? {
        return page(visit, signed_in, store, about, (form, &lines)).await;
    }
    let mut lines = Lines::sent(sent);
    let (data, rows) = body(sent, &lines, &Value::Null);
    let id = about.customer_id.parse::<i64>().unwrap_or_default();
    let body = json!({"customerData": {"customerId": id}, "invoiceData": data});
    let path = format!("/Invoice/{}", part(&store.entry));
    match visit.post(signed_in, &path, sent).json(&body).tried().await? {
        Ok(answer) => {
            let id = shown(&answer, "responseData");
            done(visit, signed_in, &id, word_of(sent, "created"))
        }
        Err(no) => {
            let mut form = form.refused(&no).in_language(visit.language);
            placed(&mut form, &rows);
            if rows.is_empty() {
                lines.add(1);
            }
            page(visit, signed_in, store, about, (form, &lines)).await
        }
    }
}

/// `GET /console/at/{place}/invoices/{invoiceId}/edit`.
pub(super) async fn edit(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let (store, one) = found(visit, signed_in).await?;
    if text(&one, "state") != "draft" {
        return Ok(visit.go_to(&format!("/at/{}/invoices/{}", part(&store.entry), shown(&one, "invoiceId"))));
    }
    let value = |name: &'static str| match name {
        "discount" => (name, Some(input(member(&one, name))).filter(|text| text != "0").unwrap_or_default()),
        name => (name, text(&one, name).to_owned()),
    };
    let mut lines = Lines::of(&one);
    lines.add(1);
    let about = about_draft(visit, store, &one, shown(&one, "version"));
    page(visit, signed_in, store, about, (Fields::of(NAMES.map(value)), &lines)).await
}

/// `POST /console/at/{place}/invoices/{invoiceId}/edit`.
pub(super) async fn change(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let (store, one) = found(visit, signed_in).await?;
    let about = about_draft(visit, store, &one, sent.get("version").to_owned());
    let form = Fields::sent(sent, &NAMES);
    if let Some(lines) = lines_after(visit, signed_in, store, sent).await? {
        return page(visit, signed_in, store, about, (form, &lines)).await;
    }
    let lines = Lines::sent(sent);
    let (data, rows) = body(sent, &lines, &one);
    let id = shown(&one, "invoiceId");
    let ask = visit.put(signed_in, &format!("/Invoice/{id}"), sent, &json!({"invoiceData": data}));
    match ask.header("if-match", &etag(sent.get("version"))).tried().await? {
        Ok(_) => done(visit, signed_in, &id, word_of(sent, "saved")),
        Err(no) => {
            let mut form = form.refused(&no).in_language(visit.language);
            placed(&mut form, &rows);
            page(visit, signed_in, store, about, (form, &lines)).await
        }
    }
}

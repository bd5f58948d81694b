//! Makes, changes and deletes products.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use serde_json::{Map, Value, json};

use super::texts::{Texts, texts};
use crate::console::ask::{list, member, part, shown, text};
use crate::console::fields::Fields;
use crate::console::frame::Frame;
use crate::console::money::texts::{Texts as Words, texts as words};
use crate::console::money::{number_of, text_of};
use crate::console::page::{Refused, Shown, html};
use crate::console::visit::{SignedIn, Store, Visit};
use crate::console::written::input;
use crate::web::form::Form;

const NAMES: [&str; 7] = ["name", "description", "unitPrice", "currency", "taxRate", "options", "active"];

#[derive(Template)]
#[template(path = "console/products/form.html")]
struct FormPage {
    frame: Frame,
    texts: &'static Texts,
    words: &'static Words,
    form: Fields,
    title: String,
    action: String,
    etag: String,
    is_new: bool,
}

/// A stored product: its path in the API, and what it is.
type Found<'s> = (&'s Store, String, Value);

async fn found<'s>(visit: &Visit, signed_in: &'s SignedIn) -> Result<Found<'s>, Refused> {
    let store = visit.store(signed_in)?;
    let path = format!("/Product/{}/{}", part(&store.entry), part(visit.part("productId")));
    let one = visit.get(signed_in, &path).sent().await?;
    Ok((store, path, one))
}

fn page(visit: &Visit, signed_in: &SignedIn, form: Fields, stored: Option<(&Value, &str)>) -> Shown {
    let texts = texts(visit.language);
    let title = stored.map_or(texts.new, |(one, _)| text(one, "name")).to_owned();
    let frame = visit.frame(signed_in, "products", title.clone())?;
    let last = stored.map_or("new".to_owned(), |(one, _)| part(text(one, "productId")));
    let action = format!("{}/products/{last}", frame.base);
    let etag = stored.map(|(_, etag)| etag.to_owned()).unwrap_or_default();
    let status = if form.is_wrong() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let (words, is_new) = (words(visit.language), stored.is_none());
    html(status, &FormPage { frame, texts, words, form, title, action, etag, is_new })
}

/// Options as the form shows them: one a line, `Size: S, M, L`.
fn options_text(one: &Value) -> String {
    let line = |option: &Value| {
        let values: Vec<&str> = list(option, "values").iter().filter_map(Value::as_str).collect();
        format!("{}: {}", text(option, "name"), values.join(", "))
    };
    list(one, "options").iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The options of such a text.
fn options_of(typed: &str) -> Value {
    let lines = typed.lines().map(str::trim).filter(|line| !line.is_empty());
    let option = |line: &str| {
        let (name, values) = line.split_once(':').unwrap_or((line, ""));
        let values: Vec<&str> = values.split(',').map(str::trim).filter(|value| !value.is_empty()).collect();
        json!({"name": name.trim(), "values": values})
    };
    lines.map(option).collect()
}

/// What the form says, for the API. What is empty is left out of a new product, and cleared in a stored one.
fn body(sent: &Form, is_new: bool) -> Value {
    let mut body = Map::new();
    for name in NAMES {
        let typed = sent.get(name);
        let value = match name {
            "unitPrice" | "taxRate" => number_of(typed),
            "options" => options_of(typed),
            "active" => json!(typed == "true"),
            _ => text_of(typed),
        };
        // A currency that is left empty stays, or is the store's.
        if !value.is_null() || (!is_new && name != "currency") {
            body.insert(name.to_owned(), value);
        }
    }
    Value::Object(body)
}

/// `GET /console/at/{place}/products/new`.
pub(super) async fn new(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let store = visit.store(signed_in)?;
    let form = Fields::of([("currency", store.currency.clone()), ("active", "true".to_owned())]);
    page(visit, signed_in, form, None)
}

fn back(visit: &Visit, store: &Store, word: &str) -> HttpResponse {
    visit.go_to(&format!("/at/{}/products?done={word}", part(&store.entry)))
}

/// The form with what the API refused. The problems of options stand at their field.
fn refused(visit: &Visit, sent: &Form, no: &crate::console::ask::No) -> Fields {
    let mut form = Fields::sent(sent, &NAMES).refused(no).in_language(visit.language);
    for problem in &mut form.problems {
        if problem.field.starts_with("options/") {
            "options".clone_into(&mut problem.field);
        }
    }
    form
}

/// `POST /console/at/{place}/products/new`.
pub(super) async fn create(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let store = visit.store(signed_in)?;
    let path = format!("/Product/{}", part(&store.entry));
    match visit.post(signed_in, &path, sent).json(&body(sent, true)).tried().await? {
        Ok(_) => Ok(back(visit, store, "created")),
        Err(no) => page(visit, signed_in, refused(visit, sent, &no), None),
    }
}

/// `GET /console/at/{place}/products/{productId}`.
pub(super) async fn edit(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let (_, _, one) = found(visit, signed_in).await?;
    let value = |name: &'static str| match name {
        "unitPrice" | "taxRate" => (name, input(member(&one, name))),
        "options" => (name, options_text(&one)),
        name => (name, shown(&one, name)),
    };
    page(visit, signed_in, Fields::of(NAMES.map(value)), Some((&one, text(&one, "etag"))))
}

/// `POST /console/at/{place}/products/{productId}`.
pub(super) async fn change(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let (store, path, one) = found(visit, signed_in).await?;
    let ask = visit.put(signed_in, &path, sent, &body(sent, false));
    match ask.header("if-match", sent.get("etag")).tried().await? {
        Ok(_) => Ok(back(visit, store, "saved")),
        Err(no) => page(visit, signed_in, refused(visit, sent, &no), Some((&one, sent.get("etag")))),
    }
}

/// `POST …/delete`.
pub(super) async fn delete(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let (store, path, one) = found(visit, signed_in).await?;
    match visit.delete(signed_in, &path, sent).tried().await? {
        Ok(_) => Ok(back(visit, store, "deleted")),
        Err(no) => {
            let form = Fields::default().refused(&no).in_language(visit.language);
            page(visit, signed_in, form, Some((&one, text(&one, "etag"))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_written_one_a_line() {
        let options = options_of("Size: S, M , L\n\n Colour : red\nPlain");
        assert_eq!(
            options,
            json!([
                {"name": "Size", "values": ["S", "M", "L"]},
                {"name": "Colour", "values": ["red"]},
                {"name": "Plain", "values": []},
            ])
        );
        assert_eq!(options_text(&json!({"options": options})), "Size: S, M, L\nColour: red\nPlain: ");
    }
}

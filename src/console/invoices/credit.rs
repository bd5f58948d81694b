//! Corrects an invoice by a credit note: all of it, or a part of its lines.

use actix_web::http::StatusCode;
use askama::Template;
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Value, json};

use super::page::{LineRow, found, lines, title_of};
use super::steps::done;
use super::texts::{Texts, texts};
use crate::console::ask::{list, member, set, shown, text};
use crate::console::fields::Fields;
use crate::console::frame::Frame;
use crate::console::money::texts::{Texts as Words, texts as words};
use crate::console::money::{text_of, typed};
use crate::console::page::{Shown, html};
use crate::console::visit::{SignedIn, Visit};
use crate::console::written::{decimal, digits};
use crate::web::form::Form;

/// A line with the input of how much to take back.
struct CreditRow {
    line: LineRow,
    field: String,
}

#[derive(Template)]
#[template(path = "console/invoices/credit.html")]
struct CreditPage {
    frame: Frame,
    texts: &'static Texts,
    words: &'static Words,
    form: Fields,
    here: String,
    title: String,
    number: String,
    rows: Vec<CreditRow>,
}

fn field_of(row: usize) -> String {
    format!("items/{row}/itemQty")
}

/// `GET /console/at/{place}/invoices/{invoiceId}/credit`.
pub(super) async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    page(visit, signed_in, Fields::of([("whole", "true".to_owned())])).await
}

async fn page(visit: &Visit, signed_in: &SignedIn, form: Fields) -> Shown {
    let (texts, words) = (texts(visit.language), words(visit.language));
    let (_, one) = found(visit, signed_in).await?;
    let title = format!("{} {}", texts.credit_title, text(&one, "invoiceNumber"));
    let frame = visit.frame(signed_in, "invoices", title.clone())?;
    let rows = lines(visit, &one).into_iter().enumerate();
    let rows = rows.map(|(row, line)| CreditRow { line, field: field_of(row) }).collect();
    let here = format!("{}/invoices/{}", frame.base, shown(&one, "invoiceId"));
    let status = if form.is_wrong() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let number = title_of(texts, &one);
    html(status, &CreditPage { frame, texts, words, form, here, title, number, rows })
}

/// A part of a line for a credit note. What the discount took off is not given back.
fn part_of(item: &Value, asked: &str, decimals: u32) -> Value {
    let mut part = json!({
        "itemProductName": text_of(text(item, "itemProductName")),
        "itemDescription": text_of(text(item, "itemDescription")),
        "itemTaxRate": member(item, "itemTaxRate"),
        "itemQty": asked,
        "itemCost": member(item, "itemCost"),
    });
    let number = |name: &str| decimal(member(item, name)).unwrap_or_default();
    let (quantity, net) = (number("itemQty"), number("itemNetAmount"));
    if number("itemDiscount") != Decimal::ZERO
        && quantity != Decimal::ZERO
        && let Ok(asked) = asked.parse::<Decimal>()
        && let Some(value) = net.checked_mul(asked).and_then(|value| value.checked_div(quantity))
    {
        let value = value.round_dp_with_strategy(decimals, RoundingStrategy::ToZero);
        set(&mut part, "itemQty", json!("1"));
        set(&mut part, "itemCost", json!(value.normalize().to_string()));
    }
    part
}

/// `POST /console/at/{place}/invoices/{invoiceId}/credit`.
pub(super) async fn make(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let (_, one) = found(visit, signed_in).await?;
    let items = list(&one, "items");
    let names: Vec<String> = (0..items.len()).map(field_of).chain(["whole".into(), "notes".into()]).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut form = Fields::sent(sent, &names);
    let mut body = json!({"notes": text_of(sent.get("notes"))});
    let mut rows = Vec::new();
    let mut parts = Vec::new();
    for (row, item) in items.iter().enumerate() {
        let asked = typed(sent.get(&field_of(row)));
        if asked.is_empty() || asked == "0" {
            continue;
        }
        parts.push(part_of(item, &asked, digits(text(&one, "currency"))));
        rows.push(row);
    }
    let is_whole = sent.get("whole") == "true";
    if is_whole != parts.is_empty() {
        let texts = texts(visit.language);
        form.add("", if is_whole { texts.credit_both } else { texts.credit_none });
        return page(visit, signed_in, form).await;
    }
    if !is_whole {
        set(&mut body, "items", json!(parts));
    }
    let path = format!("/Invoice/{}/creditNote", shown(&one, "invoiceId"));
    match visit.post(signed_in, &path, sent).json(&body).tried().await? {
        Ok(answer) => done(visit, signed_in, &shown(&answer, "responseData"), "credited"),
        Err(no) => {
            let mut form = form.refused(&no).in_language(visit.language);
            super::lines::placed(&mut form, &rows);
            page(visit, signed_in, form).await
        }
    }
}

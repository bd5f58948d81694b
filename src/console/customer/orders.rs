//! Takes an order of a customer.

use serde_json::{Map, Value};

use super::form::{Button, FormParts, Row, page, pair};
use super::requests::made;
use super::texts::texts;
use super::{Customer, decimal, filled, refused, whole};
use crate::console::ask::{list, member, part, text};
use crate::console::fields::Fields;
use crate::console::page::{Refused, Shown};
use crate::console::visit::{SignedIn, Visit};
use crate::console::written::amount;
use crate::web::form::Form;

/// How many lines a form has at first, and at most.
const LINES: usize = 3;
const LINES_MAX: usize = 20;
const LINE_NAMES: [&str; 6] = ["productId", "name", "quantity", "unitPrice", "taxRate", "description"];
const NAMES: [&str; 9] =
    ["collect", "coupon", "currency", "dueInDays", "notes", "purchaseOrder", "method", "reference", "notify"];

/// The name of a field of a line, as the API points to it.
fn line_name(line: usize, name: &str) -> String {
    format!("lines/{line}/{name}")
}

/// How many lines a form has.
fn lines_of(form: &Form) -> usize {
    form.get("lineCount").parse().unwrap_or(LINES).clamp(1, LINES_MAX)
}

/// The products on sale to choose from, and none of them. An option of a product is chosen by its own entry.
async fn products(
    visit: &Visit,
    signed_in: &SignedIn,
    customer: &Customer,
) -> Result<Vec<(String, String)>, Refused> {
    let ask = visit.get(signed_in, &format!("/Product/{}", part(&customer.store.entry)));
    let found = ask.with("active", "true").with("limitRecord", "200").if_any().await?.unwrap_or_default();
    let mut all = vec![(String::new(), texts(visit.language).no_product.to_owned())];
    for one in list(&found, "Records") {
        let price = amount(visit.language, member(one, "unitPrice"), text(one, "currency"));
        let (id, name) = (text(one, "productId"), text(one, "name"));
        for chosen in combinations(list(one, "options")) {
            let words: Vec<&str> = chosen.iter().map(|(_, value)| value.as_str()).collect();
            let words = if words.is_empty() { String::new() } else { format!(", {}", words.join(", ")) };
            all.push((choice(id, &chosen), format!("{name}{words} – {price}")));
        }
    }
    Ok(all)
}

/// A product and its options as one value of a choice.
fn choice(id: &str, chosen: &[(String, String)]) -> String {
    let mut text = form_urlencoded::Serializer::new(String::new());
    text.extend_pairs(chosen);
    let options = text.finish();
    if options.is_empty() { id.to_owned() } else { format!("{id}?{options}") }
}

/// How many entries a product with options has at most.
const COMBINATIONS_MAX: usize = 24;

/// Every way to choose one value of each option.
fn combinations(options: &[Value]) -> Vec<Vec<(String, String)>> {
    let mut all: Vec<Vec<(String, String)>> = vec![Vec::new()];
    for option in options {
        let values: Vec<&str> = list(option, "values").iter().filter_map(Value::as_str).collect();
        let more = |chosen: &Vec<(String, String)>| {
            let name = text(option, "name").to_owned();
            let chosen = chosen.clone();
            let with = move |value: &str| {
                let mut chosen = chosen.clone();
                chosen.push((name.clone(), value.to_owned()));
                chosen
            };
            values.iter().map(|value| with(value)).collect::<Vec<_>>()
        };
        all = all.iter().flat_map(more).take(COMBINATIONS_MAX).collect();
    }
    all
}

async fn parts(
    visit: &Visit,
    signed_in: &SignedIn,
    customer: &Customer,
    form: Fields,
    count: usize,
) -> Result<FormParts, Refused> {
    let texts = texts(visit.language);
    let products = products(visit, signed_in, customer).await?;
    let mut rows = Vec::new();
    for line in 0..count {
        rows.push(Row::heading(&format!("{} {}", texts.line_word, line + 1)));
        let name = |name: &str| line_name(line, name);
        if products.len() > 1 {
            rows.push(Row::select(&name("productId"), texts.product, products.clone()));
        }
        rows.extend(pair([
            Row::field(&name("name"), texts.line_name),
            Row::field(&name("quantity"), texts.quantity),
            Row::field(&name("unitPrice"), texts.unit_price),
            Row::field(&name("taxRate"), texts.tax_rate),
        ]));
    }
    rows.push(Row::check("moreLines", texts.more_lines));
    rows.push(Row::heading(texts.order_money));
    let collect = [("onAccount", texts.on_account), ("request", texts.by_request), ("paid", texts.paid_now)];
    rows.push(Row::select(
        "collect",
        texts.collect,
        collect.map(|(code, name)| (code.to_owned(), name.to_owned())).into(),
    ));
    rows.extend(pair([
        Row::field("coupon", texts.coupon_code),
        Row::field("currency", texts.currency),
        Row::field("dueInDays", texts.due_in).input("number").hint(texts.due_in_hint),
        Row::field("purchaseOrder", texts.purchase_order),
    ]));
    rows.push(Row::note(texts.if_paid_now));
    rows.extend(pair([
        Row::field("method", texts.how_paid),
        Row::field("reference", texts.payment_reference),
    ]));
    rows.push(Row::area("notes", texts.notes).hint(texts.notes_hint));
    rows.push(Row::check("notify", texts.notify_order));
    Ok(FormParts {
        title: texts.new_order.to_owned(),
        lead: texts.new_order_lead.to_owned(),
        rows,
        form,
        hidden: vec![("lineCount".to_owned(), count.to_string())],
        button: Button { label: texts.take_order.to_owned(), ..Button::default() },
        ..FormParts::default()
    })
}

/// `GET …/orders/new`.
pub(super) async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let mut form = Fields::of([("notify", "true".to_owned()), ("collect", "onAccount".to_owned())]);
    form.set(&line_name(0, "quantity"), "1");
    let parts = parts(visit, signed_in, &customer, form, LINES).await?;
    page(visit, signed_in, &customer, parts)
}

/// The lines that say something, each with its place in the form.
fn lines(form: &Form, count: usize) -> Vec<(usize, Value)> {
    let line = |line: usize| {
        let get = |name: &str| form.get(&line_name(line, name)).trim().to_owned();
        let (product, name, price) = (get("productId"), get("name"), get("unitPrice"));
        if product.is_empty() && name.is_empty() && price.is_empty() {
            return None;
        }
        let mut body = Map::new();
        let (id, options) = product.split_once('?').unwrap_or((&product, ""));
        if !id.is_empty() {
            body.insert("productId".to_owned(), id.into());
        }
        let options: Map<String, Value> = form_urlencoded::parse(options.as_bytes())
            .map(|(name, value)| (name.into_owned(), Value::from(value.into_owned())))
            .collect();
        if !options.is_empty() {
            body.insert("options".to_owned(), options.into());
        }
        if !name.is_empty() {
            body.insert("name".to_owned(), name.into());
        }
        for number in ["quantity", "unitPrice", "taxRate"] {
            let value = get(number);
            if !value.is_empty() {
                body.insert(number.to_owned(), decimal(&value).into());
            }
        }
        Some((line, Value::from(body)))
    };
    (0..count).filter_map(line).collect()
}

/// The form as it was sent.
fn sent(form: &Form, count: usize) -> Fields {
    let mut fields = Fields::sent(form, &NAMES);
    for line in 0..count {
        for name in LINE_NAMES {
            let name = line_name(line, name);
            fields.set(&name, Fields::sent(form, &[&name]).value(&name));
        }
    }
    fields
}

/// `POST …/orders/new`.
pub(super) async fn make(visit: &Visit, signed_in: &SignedIn, form: &Form) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let count = lines_of(form);
    if form.get("moreLines") == "true" {
        let count = count.saturating_add(LINES).min(LINES_MAX);
        let parts = parts(visit, signed_in, &customer, sent(form, count), count).await?;
        return page(visit, signed_in, &customer, parts);
    }
    let lines = lines(form, count);
    let mut body = filled(form, &["coupon", "currency", "notes", "purchaseOrder", "collect"]);
    if form.get("collect") == "paid" {
        body.extend(filled(form, &["method", "reference"]));
    } else if !form.get("dueInDays").trim().is_empty() {
        body.insert("dueInDays".to_owned(), whole(form.get("dueInDays")));
    }
    body.insert("notify".to_owned(), (form.get("notify") == "true").into());
    body.insert("lines".to_owned(), lines.iter().map(|(_, line)| line.clone()).collect());
    match visit.post(signed_in, &customer.api("/orders"), form).json(&body.into()).tried().await? {
        Ok(answer) => taken(visit, signed_in, &customer, member(&answer, "responseData")),
        Err(mut no) => {
            // The API counts the lines that were sent; the form has empty ones between them.
            for problem in &mut no.problems {
                let mut parts = problem.field.splitn(3, '/');
                if let (Some("lines"), Some(at), rest) = (parts.next(), parts.next(), parts.next())
                    && let Some((line, _)) = at.parse::<usize>().ok().and_then(|at| lines.get(at))
                {
                    problem.field = line_name(*line, rest.unwrap_or("name"));
                }
            }
            let fields = refused(sent(form, count), &no, visit.language);
            let parts = parts(visit, signed_in, &customer, fields, count).await?;
            page(visit, signed_in, &customer, parts)
        }
    }
}

/// Where to go with an order: to the address by which the customer pays it, or to its page.
fn taken(visit: &Visit, signed_in: &SignedIn, customer: &Customer, order: &Value) -> Shown {
    let url = text(order, "paymentUrl");
    if url.is_empty() {
        let id = part(text(order, "orderId"));
        return Ok(visit.go_to(&format!("/at/{}/orders/{id}?done=created", customer.store.entry)));
    }
    let request = serde_json::json!({
        "paymentRequestId": member(order, "paymentRequestId"), "amount": member(order, "total"), "currency": member(order, "currency"),
        "url": url, "description": member(order, "notes"),
    });
    made(visit, signed_in, customer, &request, false)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_way_to_choose_options_is_offered() {
        let options = json!([{"name": "size", "values": ["S", "M"]}, {"name": "colour", "values": ["red"]}]);
        let all = combinations(options.as_array().unwrap());
        assert_eq!(all.len(), 2);
        assert_eq!(choice("1-a", &all[1]), "1-a?size=M&colour=red");
        assert_eq!(combinations(&[]), vec![Vec::new()]);
    }
}

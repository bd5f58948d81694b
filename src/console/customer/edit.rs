//! The fields, labels and references of a customer.

use actix_web::http::Method;
use serde_json::{Map, Value, json};

use super::changes::meanwhile;
use super::form::{Button, FormParts, Row, page, pair};
use super::texts::texts;
use super::words::capital;
use super::{Customer, decimal, pressed, refused, whole};
use crate::console::ask::{Ask, list, member, part, shown};
use crate::console::fields::Fields;
use crate::console::page::{Refused, Shown};
use crate::console::visit::{SignedIn, Visit};
use crate::domain::customers::country::countries;
use crate::domain::entrypoints::theme::Language;
use crate::web::form::Form;

/// The fields by their names in requests and in answers.
const FIELDS: [(&str, &str); 23] = [
    ("firstname", "Firstname"),
    ("lastname", "Lastname"),
    ("fullname", "Fullname"),
    ("company", "Company"),
    ("email", "Email"),
    ("phone", "Phone"),
    ("customerNumber", "customerNumber"),
    ("customerUsername", "customerUsername"),
    ("birthday", "Birthday"),
    ("timeZone", "TimeZone"),
    ("balance", "Balance"),
    ("address", "Address"),
    ("address1", "Address1"),
    ("zip", "Zip"),
    ("city", "City"),
    ("state", "State"),
    ("country", "Country"),
    ("shippingAddress", "ShippingAddress"),
    ("shippingAddress1", "ShippingAddress1"),
    ("shippingZip", "ShippingZip"),
    ("shippingCity", "ShippingCity"),
    ("shippingState", "ShippingState"),
    ("shippingCountry", "ShippingCountry"),
];
/// The name of the field with further fields, line by line.
const MORE: &str = "additionalFields";
/// How often the same form tries again when only something else of the record changed.
const TRIES: usize = 3;

/// The values of the record as the form has them.
fn values(customer: &Customer) -> Vec<(&'static str, String)> {
    let record = &customer.record;
    let mut values: Vec<(&str, String)> =
        FIELDS.iter().map(|(name, out)| (*name, shown(record, out))).collect();
    values.push((MORE, additional(record)));
    values
}

/// The further fields as lines `name: value`.
fn additional(record: &Value) -> String {
    let Some(all) = member(record, "AdditionalFields").as_object() else { return String::new() };
    let line = |(name, value): (&String, &Value)| format!("{name}: {}", value.as_str().unwrap_or_default());
    all.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// All countries by name, and none.
pub(super) fn country_options(language: Language, also: &str) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> =
        countries(language).map(|(code, name)| (code.to_owned(), name.to_owned())).collect();
    all.sort_by(|one, other| {
        crate::domain::kernel::text::fold(&one.1).cmp(&crate::domain::kernel::text::fold(&other.1))
    });
    all.insert(0, (String::new(), "–".to_owned()));
    if !also.is_empty() && !all.iter().any(|(code, _)| code == also) {
        all.push((also.to_owned(), also.to_owned()));
    }
    all
}

fn rows(language: Language, form: &Fields) -> Vec<Row> {
    let texts = texts(language);
    let mut rows = pair([Row::field("firstname", texts.firstname), Row::field("lastname", texts.lastname)]);
    rows.extend(pair([Row::field("fullname", texts.fullname), Row::field("company", texts.company)]));
    rows.extend(pair([
        Row::field("email", texts.email).input("email").hint(texts.email_hint),
        Row::field("phone", texts.phone).input("tel").hint(texts.phone_hint),
    ]));
    rows.extend(pair([
        Row::field("customerNumber", texts.customer_number),
        Row::field("customerUsername", texts.username),
        Row::field("birthday", texts.birthday).input("date"),
        Row::field("timeZone", texts.time_zone).hint(texts.time_zone_hint),
        Row::field("balance", texts.balance),
    ]));
    for (prefix, heading) in [("", texts.billing_address), ("shipping", texts.shipping_address)] {
        let name = |word: &str| {
            if prefix.is_empty() { word.to_owned() } else { format!("{prefix}{}", capital(word)) }
        };
        let country = name("country");
        rows.push(Row::heading(heading));
        rows.extend(pair([
            Row::field(&name("address"), texts.street),
            Row::field(&name("address1"), texts.street_2),
            Row::field(&name("zip"), texts.zip),
            Row::field(&name("city"), texts.city),
            Row::field(&name("state"), texts.state),
            Row::select(&country, texts.country, country_options(language, form.value(&country))),
        ]));
    }
    rows.push(Row::area(MORE, texts.further_fields).hint(texts.further_hint));
    rows
}

/// What a form was made from: the version, and the values that stood in it.
struct Basis {
    etag: String,
    values: Vec<(&'static str, String)>,
}

impl Basis {
    fn of(customer: &Customer) -> Basis {
        Basis { etag: customer.etag.clone(), values: values(customer) }
    }

    /// As the form sent it back.
    fn sent(form: &Form) -> Basis {
        let names = FIELDS.iter().map(|(name, _)| *name).chain([MORE]);
        Basis {
            etag: form.get("etag").to_owned(),
            values: names.map(|name| (name, form.get(&format!("was.{name}")).to_owned())).collect(),
        }
    }

    fn hidden(self) -> Vec<(String, String)> {
        let values = self.values.into_iter().map(|(name, value)| (format!("was.{name}"), value));
        values.chain([("etag".to_owned(), self.etag)]).collect()
    }
}

fn parts(visit: &Visit, form: Fields, basis: Basis, warnings: Vec<String>) -> FormParts {
    let texts = texts(visit.language);
    FormParts {
        title: texts.edit_customer.to_owned(),
        rows: rows(visit.language, &form),
        hidden: basis.hidden(),
        button: Button { label: visit.texts().save.to_owned(), ..Button::default() },
        form,
        warnings,
        ..FormParts::default()
    }
}

/// `GET …/edit`.
pub(super) async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let form = Fields::of(values(&customer));
    page(visit, signed_in, &customer, parts(visit, form, Basis::of(&customer), Vec::new()))
}

/// Line breaks as one character: browsers send two.
fn one_break(text: &str) -> String {
    text.replace("\r\n", "\n")
}

/// What the form changes. It follows from the form alone, so that a second sending asks for the same.
fn body(form: &Form, basis: &Basis) -> Map<String, Value> {
    let mut body = Map::new();
    for (name, was) in &basis.values {
        let (sent, was) = (one_break(form.get(name).trim()), one_break(was.trim()));
        if !form.has(name) || sent == was {
            continue;
        }
        let new = match *name {
            MORE => further(&was, &sent),
            _ if sent.is_empty() => Value::Null,
            "timeZone" => whole(&sent),
            "balance" => Value::from(decimal(&sent)),
            _ => Value::from(sent),
        };
        body.insert((*name).to_owned(), new);
    }
    body
}

/// The further fields of the lines, and null for those that are in no line any more.
fn further(was: &str, lines: &str) -> Value {
    let pairs = |lines: &str| -> Vec<(String, String)> {
        let lines = lines.lines().filter(|line| !line.trim().is_empty());
        let pairs = lines.map(|line| line.split_once(':').unwrap_or((line, "")));
        pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect()
    };
    let mut all: Map<String, Value> = pairs(was).into_iter().map(|(name, _)| (name, Value::Null)).collect();
    all.extend(pairs(lines).into_iter().map(|(name, value)| (name, Value::from(value))));
    Value::from(all)
}

/// `POST …/edit`.
pub(super) async fn save(visit: &Visit, signed_in: &SignedIn, form: &Form) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let basis = Basis::sent(form);
    let body = Value::from(body(form, &basis));
    let ask = visit.put(signed_in, &customer.api(""), form, &body).header("if-match", &basis.etag);
    let Err(no) = ask.tried().await? else { return Ok(customer.done(visit, "saved")) };
    let names: Vec<&str> = FIELDS.iter().map(|(name, _)| *name).chain([MORE]).collect();
    let mut fields = refused(Fields::sent(form, &names), &no, visit.language);
    if no.status != 412 {
        return page(visit, signed_in, &customer, parts(visit, fields, basis, Vec::new()));
    }
    let now = Basis::of(&customer);
    let mut warnings = meanwhile(visit, signed_in, &customer, &basis.etag).await?;
    for ((name, was), (_, value)) in basis.values.iter().zip(&now.values) {
        if one_break(fields.value(name).trim()) == one_break(was.trim()) {
            // Whoever did not touch a field keeps what the other member wrote.
            fields.set(name, value.clone());
        } else if was != value && fields.value(name) != value {
            let label = super::wording::field(visit.language, name);
            warnings.push(format!("{label}: {} {value}", texts(visit.language).now_it_says));
        }
    }
    page(visit, signed_in, &customer, parts(visit, fields, now, warnings))
}

/// `POST …/labels`: adds a label, or removes one.
pub(super) async fn label(visit: &Visit, signed_in: &SignedIn, form: &Form) -> Shown {
    let (new, old) = (form.get("label").trim(), form.get("remove"));
    for attempt in 1..=TRIES {
        let customer = Customer::read(visit, signed_in).await?;
        let own = list(&customer.record, "Labels").iter().filter_map(Value::as_str);
        let own: Vec<&str> = own.collect();
        let mut labels: Vec<&str> = own.iter().copied().filter(|label| *label != old).collect();
        if !new.is_empty() && !labels.contains(&new) {
            labels.push(new);
        }
        if labels == own {
            return Ok(customer.done(visit, "saved"));
        }
        let body = json!({"labels": labels});
        // A refused request frees its key, and the list is the same whoever sends it twice.
        let ask = visit.put(signed_in, &customer.api(""), form, &body).header("if-match", &customer.etag);
        match ask.tried().await? {
            Ok(_) => return Ok(customer.done(visit, "saved")),
            Err(no) if no.status == 412 && attempt < TRIES => {}
            Err(no) => return Err(Refused::Other(super::wording::why(visit.language, &no))),
        }
    }
    Err(Refused::Busy)
}

/// The path of a reference in the API.
fn reference(customer: &Customer, form: &Form) -> String {
    let (system, id) = (form.get("system").trim(), form.get("externalId").trim());
    customer.api(&format!("/references/{}/{}", part(system), part(id)))
}

/// `POST …/references`.
pub(super) async fn refer(visit: &Visit, signed_in: &SignedIn, form: &Form) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let path = reference(&customer, form);
    match Ask::new(visit, signed_in, Method::PUT, &path).key(form.get("key")).tried().await? {
        Ok(_) => Ok(customer.done(visit, "saved")),
        Err(no) => {
            let texts = texts(visit.language);
            let fields = refused(Fields::sent(form, &["system", "externalId"]), &no, visit.language);
            let parts = FormParts {
                title: texts.references.to_owned(),
                rows: vec![
                    Row::field("system", texts.system).hint(texts.system_hint).must(),
                    Row::field("externalId", texts.external_id).must(),
                ],
                button: Button { label: visit.texts().add.to_owned(), ..Button::default() },
                form: fields,
                ..FormParts::default()
            };
            page(visit, signed_in, &customer, parts)
        }
    }
}

/// `POST …/references/delete`.
pub(super) async fn forget_reference(visit: &Visit, signed_in: &SignedIn, form: &Form) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let path = reference(&customer, form);
    pressed(visit, &customer, visit.delete(signed_in, &path, form), "deleted").await
}

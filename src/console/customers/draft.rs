//! The form of a new customer as the API's body, and the API's problems as those of the form.

use serde_json::{Map, Value, json};

use crate::console::ask::{No, Problem};
use crate::console::fields::Fields;
use crate::web::form::Form;

/// Fields whose names and values are those of the API.
const TEXTS: [&str; 21] = [
    "customerNumber",
    "company",
    "firstname",
    "lastname",
    "fullname",
    "birthday",
    "email",
    "phone",
    "address",
    "address1",
    "city",
    "state",
    "zip",
    "country",
    "shippingAddress",
    "shippingAddress1",
    "shippingCity",
    "shippingState",
    "shippingZip",
    "shippingCountry",
    "customerUsername",
];
/// Fields that are shown again as they were sent, beside [`TEXTS`]. A password is not.
const OTHERS: [&str; 7] =
    ["customerStatus", "labels", "balance", "timeZone", "createdAt", "invite", "consent"];
/// How many own fields the form has room for.
pub(super) const OWN_FIELDS: usize = 4;
/// How many references it has room for.
pub(super) const REFERENCES: usize = 2;

/// The names of the fields of a row of own fields: of the field's name, and of its value.
pub(super) fn own_names(row: usize) -> (String, String) {
    (format!("ownName{row}"), format!("ownValue{row}"))
}

/// The names of the fields of a row of references.
pub(super) fn reference_names(row: usize) -> (String, String) {
    (format!("refSystem{row}"), format!("refId{row}"))
}

/// A number as JSON, or the text where it is none, so that the API says what is wrong.
fn number(text: &str) -> Value {
    let plain = text.replace([' ', '\u{a0}', '\u{202f}'], "").replace(',', ".");
    let value = serde_json::from_str::<Value>(&plain).ok().filter(Value::is_number);
    value.unwrap_or_else(|| Value::from(text))
}

/// The rows of own fields that say something.
fn own_rows(sent: &Form) -> Vec<(usize, String)> {
    let rows = (0..OWN_FIELDS).map(|row| (row, sent.get(&own_names(row).0).trim().to_owned()));
    rows.filter(|(row, name)| !name.is_empty() || !sent.get(&own_names(*row).1).trim().is_empty()).collect()
}

/// The rows of references that say something.
fn reference_rows(sent: &Form) -> Vec<usize> {
    let says = |row: &usize| {
        let (system, id) = reference_names(*row);
        !sent.get(&system).trim().is_empty() || !sent.get(&id).trim().is_empty()
    };
    (0..REFERENCES).filter(says).collect()
}

/// The body of a create, without the password.
pub(super) fn body(sent: &Form) -> Value {
    let mut body = Map::new();
    let value = |name: &str| Some(sent.get(name).trim()).filter(|value| !value.is_empty());
    for name in TEXTS {
        if let Some(text) = value(name) {
            body.insert(name.to_owned(), Value::from(text));
        }
    }
    for name in ["customerStatus", "balance", "timeZone"] {
        if let Some(text) = value(name) {
            body.insert(name.to_owned(), number(text));
        }
    }
    if let Some(day) = value("createdAt") {
        body.insert("createdAt".to_owned(), Value::from(format!("{day} 00:00:00")));
    }
    let labels: Vec<&str> =
        sent.get("labels").split(',').map(str::trim).filter(|label| !label.is_empty()).collect();
    if !labels.is_empty() {
        body.insert("labels".to_owned(), json!(labels));
    }
    let own: Map<String, Value> = own_rows(sent)
        .into_iter()
        .map(|(row, name)| (name, Value::from(sent.get(&own_names(row).1).trim())))
        .collect();
    if !own.is_empty() {
        body.insert("additionalFields".to_owned(), Value::Object(own));
    }
    let references: Vec<Value> = reference_rows(sent)
        .into_iter()
        .map(|row| {
            let (system, id) = reference_names(row);
            json!({"system": sent.get(&system).trim(), "externalId": sent.get(&id).trim()})
        })
        .collect();
    if !references.is_empty() {
        body.insert("references".to_owned(), Value::from(references));
    }
    Value::Object(body)
}

/// The form as it was sent.
pub(super) fn fields(sent: &Form) -> Fields {
    let mut names: Vec<String> = TEXTS.iter().chain(&OTHERS).map(|name| (*name).to_owned()).collect();
    for row in 0..OWN_FIELDS {
        names.extend(<[String; 2]>::from(own_names(row)));
    }
    for row in 0..REFERENCES {
        names.extend(<[String; 2]>::from(reference_names(row)));
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Fields::sent(sent, &names)
}

/// The field of the form that a place in the body is about.
fn field_of(sent: &Form, place: &str, code: &str) -> String {
    let mut parts = place.split('/');
    let (first, second, third) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    match (first, second) {
        ("labels", _) => "labels".to_owned(),
        ("additionalFields", Some(name)) => {
            let name = name.replace("~1", "/").replace("~0", "~");
            let row = own_rows(sent).into_iter().find(|(_, own)| *own == name).map_or(0, |(row, _)| row);
            let (own, value) = own_names(row);
            if code == "invalid_name" { own } else { value }
        }
        ("additionalFields", None) => own_names(0).0,
        ("references", index) => {
            let index = index.and_then(|index| index.parse::<usize>().ok()).unwrap_or_default();
            let row = reference_rows(sent).get(index).copied().unwrap_or_default();
            let (system, id) = reference_names(row);
            if third == Some("system") { system } else { id }
        }
        _ if TEXTS.contains(&first) || OTHERS.contains(&first) || first == "customerPsw" => first.to_owned(),
        _ => String::new(),
    }
}

/// The form with what the API refused at its fields.
pub(super) fn refused(sent: &Form, no: &No) -> Fields {
    let mut form = fields(sent).refused(no);
    for problem in &mut form.problems {
        let Problem { field, code, .. } = problem;
        *field = field_of(sent, field, code);
    }
    form
}

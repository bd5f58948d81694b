//! Which rejected rows of a report say something of a person, so that an erase finds them (rules 5).
//!
//! One reader serves all forms of a row: cells, lists in cells, JSON in cells and JSON lines, whole or broken.

use std::collections::{BTreeMap, BTreeSet};

use compact_str::CompactString;
use serde_json::Value;

use super::header::{Column, ColumnUse, FillRule, Mapping};
use super::row::between;
use super::target::Target;
use crate::domain::addresses::fields::AddressField;
use crate::domain::addresses::view::addresses;
use crate::domain::customers::email;
use crate::domain::customers::fields::TextField;
use crate::domain::customers::record::Customer;
use crate::domain::exports::unmarked;
use crate::domain::kernel::text::{fold_spaces, normal, one_apostrophe};
use crate::domain::methods::column::{MethodColumn, PREFIX as METHOD_PREFIX};
use crate::domain::references::REFERENCE_PREFIX;

/// The fewest characters of a value that counts under every name; a shorter one counts in its own field, and where nobody
/// knows the field.
const LONG_CHARS: usize = 6;
/// The fewest characters of a comment that counts: shorter ones are words that many customers share.
const COMMENT_CHARS: usize = 12;
/// The fewest digits of a cell that can be a phone without its country code.
const CELL_DIGITS: usize = 6;
/// The same, in a longer text.
const TEXT_DIGITS: usize = 7;

/// Names under which several fields count.
const NAME: &str = "name";
const STREET: &str = "address";
const COMMENT: &str = "comment";

/// The values that name a person or belong to one, in the form in which they compare.
#[derive(Debug, Default)]
pub struct Traces {
    /// Each with the names of its fields.
    values: BTreeMap<CompactString, BTreeSet<String>>,
    /// Those that count within a longer text too.
    within: Vec<CompactString>,
    /// The digits of phones.
    phones: Vec<String>,
    first_and_last: Option<(CompactString, CompactString)>,
}

/// A value that a row says, and the field, empty if nobody knows it.
struct Said {
    name: String,
    text: String,
}

impl Traces {
    /// Those of a person. `identifying` names the additional fields that identify, and `comments` are the texts of the
    /// person's comments.
    pub fn of(person: &Customer, identifying: &BTreeSet<String>, comments: &[String]) -> Traces {
        use TextField as F;
        let mut traces = Traces::default();
        for field in [F::Email, F::CustomerNumber, F::CustomerUsername, F::Fullname, F::Phone] {
            if let Some(text) = person.text(field) {
                traces.add(&name_of(&Target::Text(field)), text);
            }
        }
        traces.phones.extend(person.text(F::Phone).map(digits));
        for spelling in person.text(F::Email).map(email::spellings).unwrap_or_default() {
            traces.add(F::Email.name(), &spelling);
        }
        for name in person.names() {
            traces.add(NAME, &name);
        }
        for address in addresses(person) {
            let text = |field| address.texts.get(field);
            traces.phones.extend(text(AddressField::Phone).map(digits));
            for (name, field) in [(STREET, AddressField::Address), (NAME, AddressField::Name)] {
                if let Some(text) = text(field) {
                    traces.add(name, text);
                }
            }
        }
        for reference in &person.references {
            let name = format!("{REFERENCE_PREFIX}{}", reference.system);
            traces.add(&name, &reference.external_id);
            traces.add(&name, &reference.to_string());
        }
        for method in &person.methods {
            let others = [
                ("providerCustomerId", &method.provider_customer_id),
                ("networkTransactionId", &method.network_transaction_id),
                ("fingerprint", &method.fingerprint),
                (NAME, &method.holder_name),
            ];
            traces.add("providerMethodId", &method.provider_method_id);
            for (name, text) in others {
                if let Some(text) = text {
                    traces.add(name, text);
                }
            }
        }
        for (key, text) in person.additional.iter().filter(|(key, _)| identifying.contains(*key)) {
            traces.add(&name_of(&Target::Additional(key.clone())), text);
        }
        for comment in comments.iter().filter(|comment| comment.chars().count() >= COMMENT_CHARS) {
            traces.values.entry(comparable(comment)).or_default().insert(COMMENT.to_owned());
        }
        let both = person.text(F::Firstname).zip(person.text(F::Lastname));
        traces.first_and_last = both.map(|(first, last)| (comparable(first), comparable(last)));
        traces
    }

    fn add(&mut self, name: &str, text: &str) {
        let value = comparable(text);
        if value.is_empty() {
            return;
        }
        // A single word, such as a name that is also a city, stands in the texts of other people.
        let is_telling = |c: char| c.is_ascii_digit() || c == ' ' || c == '@';
        if value.chars().count() >= LONG_CHARS && value.contains(is_telling) && !self.within.contains(&value)
        {
            self.within.push(value.clone());
        }
        self.values.entry(value).or_default().insert(name.to_owned());
    }

    /// Whether a rejected row, given by its cells, says one of them; also if it says both the first and the last name.
    pub fn are_in(&self, mapping: Option<&Mapping>, cells: &[String]) -> bool {
        let said = said(mapping, cells);
        if said.iter().any(|said| self.is_in(said)) {
            return true;
        }
        let says = |name: &CompactString| said.iter().any(|said| comparable(&said.text) == *name);
        self.first_and_last.as_ref().is_some_and(|(first, last)| says(first) && says(last))
    }

    fn is_in(&self, said: &Said) -> bool {
        let text = comparable(&said.text);
        let is_one = |value: &CompactString| {
            self.values.get(value).is_some_and(|names| {
                said.name.is_empty() || value.chars().count() >= LONG_CHARS || names.contains(&said.name)
            })
        };
        is_one(&text)
            || (text.contains('@') && is_one(&email::comparable(&said.text)))
            || self.phones.iter().any(|phone| has_phone(&said.text, phone))
            || self.within.iter().any(|value| holds(&text, value))
    }
}

/// The form in which values compare: without case and spacing, with one kind of apostrophe. A comma is spacing, as it
/// stands for a line break.
fn comparable(text: &str) -> CompactString {
    one_apostrophe(fold_spaces(normal(text).replace(',', " ").trim()))
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// Whether a text is a phone or holds one; it may lack the country code.
fn has_phone(text: &str, phone: &str) -> bool {
    let is_end = |text: &str, most: usize| {
        let digits = digits(text);
        let digits = digits.trim_start_matches('0');
        digits.len() >= most && phone.ends_with(digits)
    };
    let is_of_phone = |c: char| c.is_ascii_digit() || " +-./()\u{a0}".contains(c);
    is_end(text, CELL_DIGITS) || text.split(|c| !is_of_phone(c)).any(|run| is_end(run, TEXT_DIGITS))
}

/// Whether a text holds a value that is no part of a longer word, address or number.
fn holds(text: &str, value: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    text.match_indices(value).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let mut after = text.get(at + value.len()..).unwrap_or_default().chars();
        let goes_on = match after.next() {
            Some('.') => after.next().is_some_and(char::is_alphanumeric),
            next => next.is_some_and(is_word),
        };
        !goes_on && !before.is_some_and(|c| is_word(c) || matches!(c, '.' | '+' | '%'))
    })
}

/// Everything that a row says.
fn said(mapping: Option<&Mapping>, cells: &[String]) -> Vec<Said> {
    let columns = mapping.map(Mapping::columns).unwrap_or_default();
    // In a row of too many cells nobody knows which stands where.
    let is_in_line = cells.len() <= columns.len();
    let mut all = Vec::with_capacity(cells.len());
    let mut joined: BTreeMap<&Target, String> = BTreeMap::new();
    for (index, cell) in cells.iter().enumerate().filter(|(_, cell)| !cell.trim().is_empty()) {
        let usage = columns.get(index).filter(|_| is_in_line).map(|Column { usage, .. }| usage);
        let cell = unmarked(cell);
        if let Some(ColumnUse::Fills { target, rule, .. }) = usage {
            add_cell(target, &cell, &mut all);
            if *rule == FillRule::Joined {
                let text = joined.entry(target).or_default();
                let gap = if text.is_empty() { "" } else { between(target) };
                *text = format!("{text}{gap}{}", cell.trim());
            }
        } else {
            add_text("", &cell, &mut all);
        }
    }
    all.extend(joined.into_iter().map(|(target, text)| Said { name: name_of(target), text }));
    all
}

fn add_cell(target: &Target, cell: &str, all: &mut Vec<Said>) {
    match target {
        Target::References => {
            for part in cell.split([';', '|', ',']) {
                match part.split_once(':') {
                    Some((system, id)) => {
                        let name = format!("{REFERENCE_PREFIX}{}", system.trim().to_lowercase());
                        add_text(&name, id, all);
                    }
                    None => add_text("", part, all),
                }
            }
            add_text("", cell, all);
        }
        Target::Reference(_) => {
            cell.split([';', '|', ',']).for_each(|part| add_text(&name_of(target), part, all));
            add_text(&name_of(target), cell, all);
        }
        _ => add_text(&name_of(target), cell, all),
    }
}

/// Adds a text, and what stands in it if it is JSON.
fn add_text(name: &str, text: &str, all: &mut Vec<Said>) {
    all.push(Said { name: name.to_owned(), text: text.to_owned() });
    if !text.trim_start().starts_with(['{', '[']) {
        return;
    }
    // The same as text: a member may stand there twice, or the JSON be broken.
    let plain = unescaped(text);
    match serde_json::from_str::<Value>(text) {
        Ok(value) => add_json("", &value, all),
        Err(_) => {
            all.extend(plain.split('"').map(|text| Said { name: String::new(), text: text.to_owned() }));
        }
    }
    all.push(Said { name: String::new(), text: plain });
}

fn add_json(name: &str, value: &Value, all: &mut Vec<Said>) {
    match value {
        Value::String(text) => all.push(Said { name: name.to_owned(), text: text.clone() }),
        Value::Number(number) => all.push(Said { name: name.to_owned(), text: number.to_string() }),
        Value::Array(items) => items.iter().for_each(|item| add_json(name, item, all)),
        Value::Object(members) => {
            let text = |member: &str| members.get(member).and_then(Value::as_str);
            let reference =
                text("system").map(|system| format!("{REFERENCE_PREFIX}{}", system.to_lowercase()));
            for (member, value) in members {
                let name = match (name, member.as_str(), &reference) {
                    (_, "externalId", Some(reference)) => reference.clone(),
                    ("additionalFields", key, _) => name_of(&Target::Additional(key.to_owned())),
                    (_, member, _) => name_of_member(member),
                };
                add_json(&name, value, all);
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

/// The name of a member of JSON; empty if no customer, address, method or comment has it.
fn name_of_member(member: &str) -> String {
    if ["text", "comments"].contains(&member) {
        return COMMENT.to_owned();
    }
    // A name of an address, or the name of what has no other.
    if member == NAME || AddressField::of_name(member).is_some() {
        return member.to_owned();
    }
    let method = MethodColumn::of_name(&format!("{METHOD_PREFIX}{member}"));
    let target = Target::parse(member).or_else(|| method.map(Target::Method));
    target.as_ref().map(name_of).unwrap_or_default()
}

/// The name under which the values of a field count.
fn name_of(target: &Target) -> String {
    match target {
        Target::Text(TextField::Fullname) | Target::Method(MethodColumn { part: "holderName", .. }) => {
            NAME.to_owned()
        }
        Target::Text(TextField::ShippingAddress) => STREET.to_owned(),
        Target::Address(column) => column.part.name().to_owned(),
        Target::Method(column) => column.part.to_owned(),
        other => other.name().into_owned(),
    }
}

/// The text of JSON in which escaped characters stand as themselves.
fn unescaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let mut rest = json;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        text.push_str(plain);
        let code = escaped.strip_prefix('u').and_then(|code| code.get(..4));
        let unit = code.and_then(|code| u32::from_str_radix(code, 16).ok());
        let mut chars = escaped.chars();
        rest = match unit {
            Some(unit) => {
                // Half of a pair has no character of its own.
                text.push(char::from_u32(unit).unwrap_or(' '));
                escaped.get(5..).unwrap_or_default()
            }
            None => {
                text.extend(chars.next().map(|c| if "\"\\/".contains(c) { c } else { ' ' }));
                chars.as_str()
            }
        };
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::imports::ImportOptions;

    fn person() -> Customer {
        let mut person = Customer::default();
        for (field, text) in [
            (TextField::Email, "ada@bücher.test"),
            (TextField::Phone, "+33612345678"),
            (TextField::CustomerNumber, "7"),
            (TextField::Firstname, "Zoé"),
            (TextField::Lastname, "O'Roe"),
            (TextField::Address, "1 Main Street, Flat 2"),
        ] {
            person.texts.set(field, Some(text.into()));
        }
        person.additional.insert("clientId".into(), "c-9".into());
        person
    }

    fn is_found(header: &str, cells: &[&str]) -> bool {
        let mapping = Mapping::of(header.split(';'), &ImportOptions::default()).unwrap();
        let identifying = BTreeSet::from(["clientId".to_owned()]);
        let traces = Traces::of(&person(), &identifying, &["Called about the fence".to_owned()]);
        let cells: Vec<String> = cells.iter().map(|cell| (*cell).to_owned()).collect();
        traces.are_in(Some(&mapping), &cells)
    }

    #[test]
    fn rules_5_a_row_is_found_in_every_form() {
        for (header, cell) in [
            ("email", "ADA@xn--bcher-kva.test"),
            ("comment", "mail to ada@bücher.test."),
            ("comment", "called  about the FENCE"),
            ("phone", "06 12 34 56 78"),
            ("comment", "(phone 06.12.34.56.78)"),
            ("customerNumber", "7"),
            ("shippingAddress", "1 main street\nflat 2"),
            ("additional-clientId", "c-9"),
            ("fullname", "Zoé O’Roe"),
            ("json", r#"{"firstname":"Zo\u00e9","lastname":"O'Roe"}"#),
            ("json", r#"{"email":"ada@bücher.test","email":"x@example.test"}"#),
            ("json", r#"{"fullname":"Zo\u00e9 O'Roe", broken"#),
            ("json", r#"{"customerNumber":7}"#),
            ("json", r#"{"custNo":"7"}"#),
            ("json", r#"{"additionalFields":{"clientId":"c-9"}}"#),
        ] {
            assert!(is_found(header, &[cell]), "{header}: {cell}");
        }
        assert!(is_found("firstname;lastname", &["ZOÉ", "o'roe"]));
        assert!(is_found("email;company", &["x", "y", "7"]), "surplus cells");
    }

    #[test]
    fn rules_5_rows_of_others_stay() {
        for (header, cell) in [
            ("email", "mary.ada@bücher.test"),
            ("email", "ada@bücher.test.example"),
            ("customerStatus", "7"),
            ("labels", "c-9"),
            ("address", "11 Main Street, Flat 2"),
            ("comment", "Called"),
            ("json", r#"{"customerStatus":7,"timeZone":7}"#),
            ("firstname", "Zoé"),
            ("phone", "5678"),
        ] {
            assert!(!is_found(header, &[cell]), "{header}: {cell}");
        }
    }
}

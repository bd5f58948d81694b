//! Raw card data in JSON: bodies of requests, and cells and lines of files.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{
    ASKS, CODE, CardData, ID_LOOKS, LOOKS, REDACTED, asks, holds, holds_written_out, is_id, is_phone,
    may_hold,
};
use crate::domain::kernel::members::Given;
use crate::domain::kernel::problem::{PROBLEMS_MAX, Problem};

/// The most levels of a JSON body that are looked at; no request has so many.
const DEPTH_MAX: usize = 32;

/// Card data in the values and the names of a JSON body; nothing if it is no JSON.
pub fn in_json(body: &[u8]) -> Vec<CardData> {
    if !may_hold(body) && !may_ask(body) {
        return Vec::new();
    }
    search(body)
}

/// Card data in a cell of a file that is JSON. Of a card number the stored file has [`REDACTED`] for each digit.
pub fn in_cell(cell: &str) -> Vec<CardData> {
    if cell.contains(REDACTED) { search(readable(cell).as_bytes()) } else { in_json(cell.as_bytes()) }
}

/// A cell that is JSON without its card data: values are empty, and members that ask for card data are gone. `exempts_ids` leaves
/// a platform's own ids. `None` if the cell is no JSON.
pub fn blanked_cell(cell: &str, exempts_ids: bool) -> Option<String> {
    let readable = readable(cell);
    let raw: &RawValue = serde_json::from_str(&readable).ok()?;
    let mut clean = String::with_capacity(cell.len());
    blank(raw, Field::default(), exempts_ids, 0, &mut clean);
    Some(clean)
}

fn search(body: &[u8]) -> Vec<CardData> {
    let mut search = Search { path: Vec::new(), found: Vec::new() };
    if let Ok(raw) = serde_json::from_slice::<&RawValue>(body) {
        search.value(raw, Field::default());
    }
    search.found
}

/// The cell as JSON: what stands for digits is escaped in texts, and a number of them is a text.
fn readable(cell: &str) -> Cow<'_, str> {
    const ESCAPED: &str = "\\u001a";
    if !cell.contains(REDACTED) {
        return Cow::Borrowed(cell);
    }
    let is_of_number = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
    let mut json = String::with_capacity(cell.len());
    let (mut is_text, mut is_escaped) = (false, false);
    let mut chars = cell.chars().peekable();
    while let Some(c) = chars.next() {
        if c == REDACTED && !is_text {
            json.truncate(json.trim_end_matches(is_of_number).len());
            json.push('"');
            json.push_str(ESCAPED);
            while let Some(next) = chars.next_if(|c| *c == REDACTED || is_of_number(*c)) {
                if next == REDACTED {
                    json.push_str(ESCAPED);
                }
            }
            json.push('"');
            continue;
        }
        match c {
            REDACTED => json.push_str(ESCAPED),
            c => json.push(c),
        }
        is_text ^= c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
    }
    Cow::Owned(json)
}

fn blank(raw: &RawValue, field: Field, exempts_ids: bool, depth: usize, clean: &mut String) {
    let is_exempt = field.is_phone || (exempts_ids && field.is_id);
    match Given::of(raw) {
        _ if depth > DEPTH_MAX => clean.push_str("null"),
        Given::Text(text) if !is_exempt && holds(&text) => clean.push_str("\"\""),
        // A phone of which only signs are left is none.
        Given::Text(text) if text.contains(REDACTED) => clean.push_str("\"\""),
        Given::Number(number) if !is_exempt && holds_written_out(number) => clean.push_str("\"\""),
        Given::List(items) => {
            clean.push('[');
            for (index, item) in items.0.iter().enumerate() {
                clean.push_str(if index > 0 { "," } else { "" });
                blank(item, field, exempts_ids, depth + 1, clean);
            }
            clean.push(']');
        }
        Given::Object(members) => {
            let kept = members.0.iter().filter(|(name, _)| !holds(name) && !asks(name));
            clean.push('{');
            for (index, (name, raw)) in kept.enumerate() {
                clean.push_str(if index > 0 { "," } else { "" });
                clean.push_str(&serde_json::Value::from(name.as_ref()).to_string());
                clean.push(':');
                blank(raw, field.member(name), exempts_ids, depth + 1, clean);
            }
            clean.push('}');
        }
        _ => clean.push_str(raw.get()),
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Field {
    is_phone: bool,
    is_id: bool,
    is_additional: bool,
}

impl Field {
    /// The member of that name of an object in this field.
    fn member(self, name: &str) -> Field {
        Field {
            is_phone: !self.is_additional && is_phone(name),
            is_id: !self.is_additional && is_id(name),
            is_additional: self.is_additional || name == "additionalFields",
        }
    }
}

struct Search {
    path: Vec<String>,
    found: Vec<CardData>,
}

impl Search {
    fn value(&mut self, raw: &RawValue, field: Field) {
        if self.path.len() > DEPTH_MAX || self.found.len() > PROBLEMS_MAX {
            return;
        }
        match Given::of(raw) {
            Given::Text(text) if !field.is_phone && holds(&text) => self.refuse(field.is_id),
            Given::Number(number) if !field.is_phone && holds_written_out(number) => self.refuse(field.is_id),
            Given::List(items) => {
                for (index, item) in items.0.iter().enumerate() {
                    self.below(index.to_string(), item, field);
                }
            }
            Given::Object(members) => {
                for (name, raw) in &members.0 {
                    if holds(name) {
                        self.note("…", LOOKS);
                    } else if asks(name) {
                        self.note(name, ASKS);
                    } else {
                        self.below(name.to_string(), raw, field.member(name));
                    }
                }
            }
            _ => {}
        }
    }

    fn below(&mut self, name: String, raw: &RawValue, field: Field) {
        self.path.push(name);
        self.value(raw, field);
        self.path.pop();
    }

    fn refuse(&mut self, is_id: bool) {
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        let message = if is_id { ID_LOOKS } else { LOOKS };
        self.found.push(CardData { problem: Problem::field(&path, CODE, message), is_id });
    }

    fn note(&mut self, name: &str, message: &str) {
        let path: Vec<&str> = self.path.iter().map(String::as_str).chain([name]).collect();
        self.found.push(CardData { problem: Problem::field(&path, CODE, message), is_id: false });
    }
}

/// A quick look: whether a JSON body may have a name that asks for card data. Signs between the letters do not count.
fn may_ask(body: &[u8]) -> bool {
    let mut last = [0_u8; 4];
    for byte in body {
        if *byte == b'\\' {
            return true;
        }
        if !(byte.is_ascii_alphanumeric() || *byte >= 0x80) {
            continue;
        }
        last.rotate_left(1);
        last[3] = byte.to_ascii_lowercase();
        if last.ends_with(b"cv") || &last == b"card" {
            return true;
        }
    }
    false
}

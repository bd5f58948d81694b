//! Turns the cells of a record into a checked draft, as a create does with its body (rules 9).

mod cards;
mod cell;
mod first_address;
mod hung;
mod lists;
pub(super) mod moment;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

pub use self::cards::cells_without_cards;
use self::cell::Json;
use self::hung::Hangings;
use self::lists::Lists;
use super::header::{ColumnUse, FillRule, Mapping, Reading};
use super::options::{ImportOptions, OnBadValue};
use super::records::CsvRecord;
use super::report::{RowNote, pointer_path};
use super::target::Target;
use crate::domain::addresses::column::{AddressColumn, Part};
use crate::domain::addresses::fields::AddressField;
use crate::domain::comments::NewComment;
use crate::domain::customers::draft::{Context, Draft};
use crate::domain::customers::fields::TextField;
use crate::domain::customers::identifier::IdField;
use crate::domain::kernel::members::Members;
use crate::domain::kernel::problem::{At, Problem};
use crate::domain::methods::MethodDraft;

/// What hangs on the customer of a row.
type HungDrafts = (Vec<NewComment>, Vec<MethodDraft>);

/// A row that can be created like a customer of a request.
#[derive(Debug, Clone)]
pub struct RowDraft {
    /// The checked row, with the `identifierFields` of the options. Its password is not hashed yet.
    pub draft: Draft,
    /// The comments that the customer gets.
    pub comments: Vec<NewComment>,
    /// The stored methods that the customer gets.
    pub methods: Vec<MethodDraft>,
    /// The bad values that were left out (`onBadValue=blank`).
    pub warnings: Vec<RowNote>,
}

/// Reads a record by the mapping of its file. The countries of `context` are for phones.
///
/// With `onBadValue=blank`, bad values are left out instead, except those that identify the customer: the customer number
/// and the `identifierFields` of the options. A phone without `+` is left out too if it is no number of the assumed
/// country, or if the row's country was left out.
///
/// # Errors
/// Why the row is rejected: all problems at once, without personal values.
pub fn read_row(
    record: &CsvRecord,
    mapping: &Mapping,
    options: &ImportOptions,
    context: Context<'_>,
) -> Result<RowDraft, Vec<RowNote>> {
    let mut row = Row { options, mapping, values: Vec::new(), broken: Vec::new(), bad: Vec::new() };
    row.collect(record);
    row.place_first_address();
    row.check(context)
}

struct Value {
    target: Target,
    json: String,
}

struct Row<'a> {
    options: &'a ImportOptions,
    mapping: &'a Mapping,
    values: Vec<Value>,
    /// What is wrong with the row as a whole.
    broken: Vec<RowNote>,
    /// What is wrong with single values, which are not in `values`.
    bad: Vec<(Target, RowNote)>,
}

impl Row<'_> {
    fn collect(&mut self, record: &CsvRecord) {
        if record.is_open {
            self.broken.push(RowNote::new(
                "",
                "unclosed_quote",
                "a quote that opens in this row is never closed",
            ));
        }
        let columns = self.mapping.columns();
        let mut surplus = false;
        let mut later = Vec::new();
        let mut joined: Vec<(&Target, Reading, String)> = Vec::new();
        for (index, cell) in record.cells().enumerate() {
            let is_blank = cell.trim().is_empty();
            if self.has_card(index, cell) {
                continue;
            }
            match columns.get(index).map(|column| &column.usage) {
                _ if is_blank => {}
                None => surplus = true,
                Some(ColumnUse::LeftOut) => {}
                Some(ColumnUse::Nameless) => {
                    let message = format!("column {} has a value here but no name in the header", index + 1);
                    self.broken.push(RowNote::new("", "unnamed_column", message));
                }
                Some(ColumnUse::Fills { target, reading, rule: FillRule::Always }) => {
                    self.cell(target, *reading, cell);
                }
                Some(ColumnUse::Fills { target, reading, rule: FillRule::IfEmpty }) => {
                    later.push((target, *reading, cell));
                }
                Some(ColumnUse::Fills { target, reading, rule: FillRule::Joined }) => {
                    match joined.iter_mut().find(|(other, ..)| *other == target) {
                        Some((_, _, text)) => *text = format!("{text}{}{}", between(target), cell.trim()),
                        None => joined.push((target, *reading, cell.trim().to_owned())),
                    }
                }
            }
        }
        for (target, reading, text) in joined {
            self.cell(target, reading, &text);
        }
        for (target, reading, cell) in later {
            let is_set = self.values.iter().any(|value| value.target == *target);
            if !is_set && !self.bad.iter().any(|(other, _)| other == target) {
                self.cell(target, reading, cell);
            }
        }
        if surplus {
            let message = format!("has values beyond the header's {} columns", columns.len());
            self.broken.push(RowNote::new("", "surplus_cells", message));
        }
    }

    fn cell(&mut self, target: &Target, reading: Reading, cell: &str) {
        // The identifier of the options applies to every row.
        if *target == Target::IdentifierFields && !self.options.identifier_fields.is_empty() {
            return;
        }
        let reading = Reading { dates: self.options.date_format.or(reading.dates), ..reading };
        match cell::json(target, reading, cell, self.mapping.preset()) {
            Ok(Json::Absent) => {}
            Ok(Json::Value(json)) => self.values.push(Value { target: target.clone(), json }),
            Ok(Json::Additional(fields)) => {
                for (key, json) in fields {
                    self.additional(key, json);
                }
            }
            Ok(Json::Field(key, json)) => self.additional(key, json),
            Err((code, message)) => {
                self.bad.push((target.clone(), RowNote::new(target.name(), code, message)));
            }
        }
    }

    fn additional(&mut self, key: String, json: String) {
        let target = Target::Additional(key);
        if self.values.iter().any(|value| value.target == target) {
            let note = RowNote::new(target.name(), "duplicate_field", "has two columns with a value");
            self.bad.push((target, note));
        } else {
            self.values.push(Value { target, json });
        }
    }

    fn check(mut self, context: Context<'_>) -> Result<RowDraft, Vec<RowNote>> {
        let mut warnings = Vec::new();
        loop {
            let checked = self.draft(context);
            let problems = match checked {
                Ok((draft, (comments, methods))) => {
                    if self.broken.is_empty() && self.bad.is_empty() {
                        let mut draft = draft;
                        if !self.options.identifier_fields.is_empty() {
                            draft.identifier_fields.clone_from(&self.options.identifier_fields);
                        }
                        return Ok(RowDraft { draft, comments, methods, warnings });
                    }
                    // A create reports this too: the row is refused, so the phone cannot be read with the record's country.
                    let refusal = draft.local_phone.and_then(|local| local.refusal);
                    let phone = [TextField::Phone.name()];
                    refusal.into_iter().map(|(code, text)| Problem::field(&phone, code, text)).collect()
                }
                Err(problems) => problems,
            };
            let found: Vec<(Target, RowNote)> = std::mem::take(&mut self.bad)
                .into_iter()
                .chain(problems.iter().map(|problem| (target_of(problem), RowNote::from(problem))))
                .collect();
            let may_blank = self.options.on_bad_value == OnBadValue::Blank && self.broken.is_empty();
            if !may_blank || found.iter().any(|(target, _)| self.is_essential(target)) {
                let notes = std::mem::take(&mut self.broken);
                return Err(notes.into_iter().chain(found.into_iter().map(|(_, note)| note)).collect());
            }
            let left = self.values.len();
            for (target, _) in &found {
                self.values.retain(|value| !is_part(&value.target, target));
            }
            let made_no_difference = left == self.values.len() && !problems.is_empty();
            let lost_country = found.iter().any(|(target, _)| *target == Target::Text(TextField::Country));
            warnings.extend(found.into_iter().map(|(_, note)| note));
            if lost_country {
                warnings.extend(self.drop_local_phone());
            }
            if made_no_difference {
                return Err(warnings);
            }
        }
    }

    /// Removes a local number whose country was left out: it would be read as a number of another country.
    fn drop_local_phone(&mut self) -> Option<RowNote> {
        let is_local =
            |value: &Value| value.target == Target::Text(TextField::Phone) && !value.json.starts_with("\"+");
        let place = self.values.iter().position(is_local)?;
        self.values.remove(place);
        let message = "cannot be read without its country; write it with + and the country code";
        Some(RowNote::new(TextField::Phone.name(), "invalid_phone", message))
    }

    fn is_essential(&self, target: &Target) -> bool {
        let named = |field: &IdField| self.options.identifier_fields.iter().any(|name| name == field.name());
        match target {
            // A reference leads to its owner: without it the row could be another person.
            Target::Text(TextField::CustomerNumber)
            | Target::IdentifierFields
            | Target::References
            | Target::Reference(_) => true,
            Target::Text(field) => named(&IdField::Text(*field)),
            Target::Additional(key) => named(&IdField::Additional(key.clone())),
            // The column with all additional fields may contain the one that identifies.
            Target::AdditionalFields => self
                .options
                .identifier_fields
                .iter()
                .any(|name| matches!(IdField::parse(name), Ok(IdField::Additional(_)))),
            _ => false,
        }
    }

    /// A member of a whole customer; dates are read as those of cells.
    fn dated<'a>(&self, name: &str, raw: &'a str) -> Cow<'a, str> {
        let target = match name {
            "\"birthday\"" => Target::Text(TextField::Birthday),
            "\"createdAt\"" => Target::CreatedAt,
            _ => return Cow::Borrowed(raw),
        };
        let Ok(text) = serde_json::from_str::<String>(raw) else { return Cow::Borrowed(raw) };
        let reading = Reading { dates: self.options.date_format, ..Reading::default() };
        match cell::json(&target, reading, &text, self.mapping.preset()) {
            Ok(Json::Value(json)) => Cow::Owned(json),
            // The create says what is wrong.
            _ => Cow::Borrowed(raw),
        }
    }

    /// The draft of the values, which are checked as the body of a create.
    fn draft(&self, context: Context<'_>) -> Result<(Draft, HungDrafts), Vec<Problem>> {
        let mut body = String::from("{");
        let mut additional: BTreeMap<&str, &RawValue> = BTreeMap::new();
        let mut lists = Lists::default();
        let mut hangings = Hangings::default();
        for value in &self.values {
            if lists.take(&value.target, &value.json) || hangings.take(&value.target, &value.json) {
                continue;
            }
            if value.target == Target::Json {
                hangings
                    .take_object(&value.json, |name, raw| member(&mut body, name, &self.dated(name, raw)))?;
                lists.are_whole();
                continue;
            }
            if let Target::Additional(key) = &value.target {
                if let Ok(raw) = serde_json::from_str(&value.json) {
                    additional.insert(key, raw);
                }
                continue;
            }
            member(&mut body, &json_name(&value.target.name()), &value.json);
        }
        if !additional.is_empty() {
            let json = serde_json::to_string(&additional).unwrap_or_default();
            member(&mut body, &json_name(&Target::AdditionalFields.name()), &json);
        }
        for (name, json) in lists.members() {
            member(&mut body, &json_name(name), &json);
        }
        body.push('}');
        let hung = hangings.finish();
        match serde_json::from_str::<Members<'_>>(&body) {
            Ok(members) => {
                let draft = Draft::parse(&members, context);
                let (draft, hung) = match (lists.finish(draft, context, self.mapping), hung) {
                    (Ok(draft), Ok(hung)) => (draft, hung),
                    (draft, hung) => {
                        let problems = [draft.err(), hung.err()];
                        return Err(problems.into_iter().flatten().flatten().collect());
                    }
                };
                match draft.local_phone.as_ref().and_then(|local| local.refusal.clone()) {
                    Some((code, message)) if self.options.on_bad_value == OnBadValue::Blank => {
                        Err(vec![Problem::field(&[TextField::Phone.name()], code, message)])
                    }
                    _ => Ok((draft, hung)),
                }
            }
            Err(_) => Err(vec![Problem::field(&[], "invalid_row", "the row cannot be read")]),
        }
    }
}

/// What stands between cells that fill a field together.
pub(super) fn between(target: &Target) -> &'static str {
    match target {
        Target::Address(AddressColumn { part: Part::Text(AddressField::Name), .. }) => " ",
        _ => ", ",
    }
}

/// Adds a member to the body of a create; both the name and the value are JSON.
fn member(body: &mut String, name: &str, json: &str) {
    if body.len() > 1 {
        body.push(',');
    }
    body.push_str(name);
    body.push(':');
    body.push_str(json);
}

/// A name as JSON.
fn json_name(name: &str) -> String {
    serde_json::Value::from(name).to_string()
}

/// Whether leaving a target out removes a value.
fn is_part(value: &Target, blanked: &Target) -> bool {
    value == blanked
        || (*blanked == Target::Addresses && matches!(value, Target::Address(_)))
        || (*blanked == Target::Methods && matches!(value, Target::Method(_)))
        || (*blanked == Target::References && matches!(value, Target::Reference(_)))
        || (*blanked == Target::AdditionalFields && matches!(value, Target::Additional(_)))
}

fn target_of(problem: &Problem) -> Target {
    let At::Pointer(pointer) = &problem.at else { return Target::AdditionalFields };
    let path = pointer_path(pointer);
    let mut parts = path.iter().map(String::as_str);
    match (parts.next(), parts.next()) {
        (Some("additionalFields"), Some(key)) => Target::Additional(key.to_owned()),
        (Some(name), _) => Target::parse(name).unwrap_or(Target::AdditionalFields),
        _ => Target::AdditionalFields,
    }
}

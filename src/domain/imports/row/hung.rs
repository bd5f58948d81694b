//! What a row hangs on its customer besides the record: comments and stored methods (rules 9, 12 and 13).

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use serde_json::value::RawValue;

use super::HungDrafts;
use crate::domain::comments::{NewComment, clean_text};
use crate::domain::customers::mask::MASK;
use crate::domain::customers::mask::MASKED_VALUE;
use crate::domain::imports::target::{REJECTED_COLUMNS, Target};
use crate::domain::kernel::members::{Given, Members};
use crate::domain::kernel::problem::{At, Problem};
use crate::domain::methods::column::MethodColumn;
use crate::domain::methods::{DUPLICATE_METHOD, MethodDraft, REQUIRED};

const METHODS: &str = "methods";
const COMMENTS: &str = "comments";
/// The member of a method that says which one it is.
const TOKEN: &str = "providerMethodId";

/// The comments and stored methods of a row, as JSON.
#[derive(Default)]
pub(super) struct Hangings {
    comments: Vec<String>,
    /// Each a JSON object.
    whole: Vec<String>,
    /// The members of the others, by their numbers in the columns.
    numbered: BTreeMap<usize, Vec<(&'static str, String)>>,
    /// What is wrong with a list as a whole.
    problems: Vec<Problem>,
}

impl Hangings {
    /// Takes the value of a column if it is not about the record.
    pub(super) fn take(&mut self, target: &Target, json: &str) -> bool {
        match target {
            Target::Comment => self.comments.push(json.to_owned()),
            Target::Methods => self.items(METHODS, json),
            Target::Method(MethodColumn { number, part }) => {
                self.numbered.entry(*number).or_default().push((part, json.to_owned()));
            }
            _ => return false,
        }
        true
    }

    /// Takes the members of a whole customer; those of the record go to `record`, name and value as JSON.
    ///
    /// # Errors
    /// It is no JSON object.
    pub(super) fn take_object(
        &mut self,
        json: &str,
        mut record: impl FnMut(&str, &str),
    ) -> Result<(), Vec<Problem>> {
        let members: Members<'_> = serde_json::from_str(json).map_err(|_| {
            vec![Problem::field(
                &[],
                "invalid_json",
                "must be one JSON object, such as {\"email\": \"ada@example.test\"}",
            )]
        })?;
        let mut seen: Vec<&str> = Vec::new();
        for (name, raw) in &members.0 {
            let is_list = [METHODS, COMMENTS].contains(&name.as_ref());
            if is_list && seen.contains(&name.as_ref()) {
                self.problems.push(Problem::field(&[name], "duplicate_field", "stands in the row twice"));
            }
            seen.push(name);
            match name.as_ref() {
                METHODS | COMMENTS if raw.get() == "null" => {}
                METHODS | COMMENTS => self.items(name, raw.get()),
                name if REJECTED_COLUMNS.contains(&name) => {}
                name => record(&serde_json::Value::from(name).to_string(), raw.get()),
            }
        }
        Ok(())
    }

    fn items(&mut self, list: &str, json: &str) {
        match serde_json::from_str::<Vec<&RawValue>>(json) {
            Ok(items) => {
                let items = items.into_iter().map(|item| item.get().to_owned());
                if list == METHODS { self.whole.extend(items) } else { self.comments.extend(items) }
            }
            Err(_) => self.problems.push(Problem::field(&[list], "wrong_type", "must be a JSON array")),
        }
    }

    /// The checked comments and methods.
    ///
    /// # Errors
    /// All problems at once.
    pub(super) fn finish(self) -> Result<HungDrafts, Vec<Problem>> {
        let Hangings { comments, whole, numbered, mut problems } = self;
        let mut checked = Vec::with_capacity(comments.len());
        for (index, json) in comments.iter().enumerate() {
            match comment(json) {
                Ok(comment) => checked.push(comment),
                Err((member, code, message)) => {
                    let index = index.to_string();
                    let path = [COMMENTS, &index, member];
                    let path = if member.is_empty() { path.get(..2).unwrap_or_default() } else { &path };
                    problems.push(Problem::field(path, code, message));
                }
            }
        }
        let listed = whole.into_iter().enumerate().map(|(index, json)| (Place::Item(index), json));
        let columns = numbered.into_iter().map(|(number, parts)| (Place::Columns(number), object(&parts)));
        let (places, jsons): (Vec<Place>, Vec<String>) = listed.chain(columns).unzip();
        let mut methods = Vec::with_capacity(jsons.len());
        for (place, json) in places.iter().zip(&jsons) {
            match method(json) {
                Ok(method) => methods.push((*place, method)),
                Err(found) => problems.extend(found.into_iter().map(|problem| place.of(problem))),
            }
        }
        problems.extend(doubles(&methods));
        let methods = methods.into_iter().map(|(_, method)| method).collect();
        if problems.is_empty() { Ok((checked, methods)) } else { Err(problems) }
    }
}

/// Where a method stands in a row.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// An item of the list, from 0.
    Item(usize),
    /// The columns of a number.
    Columns(usize),
}

impl Place {
    /// A problem of the method, at its place.
    fn of(self, problem: Problem) -> Problem {
        match (self, &problem.at) {
            (Place::Item(index), At::Pointer(pointer)) => {
                Problem { at: At::Pointer(format!("/{METHODS}/{index}{pointer}")), ..problem }
            }
            (Place::Columns(number), _) => of_column(number, problem),
            (Place::Item(_), _) => problem,
        }
    }
}

/// What is wrong with the methods of a row as they stand together: two of one account, of which only one would stay, and two
/// defaults.
fn doubles(methods: &[(Place, MethodDraft)]) -> Vec<Problem> {
    const SAME: &str = "is the same as that of an earlier method of the row; a customer has an account once";
    const TWO: &str = "an earlier method of the row is the default already; a customer has one";
    let mut problems = Vec::new();
    let (mut tokens, mut prints) = (HashSet::new(), HashSet::new());
    let mut has_default = false;
    for (place, method) in methods {
        let provider = method.provider.as_deref();
        let is_same_token = method.provider_method_id.is_some()
            && !tokens.insert((provider, method.provider_method_id.as_deref()));
        let print = method.fingerprint.value();
        let is_same_print = print.is_some() && !prints.insert((provider, print));
        if is_same_token || is_same_print {
            let field = if is_same_token { "providerMethodId" } else { "fingerprint" };
            problems.push(place.of(Problem::field(&[field], DUPLICATE_METHOD, SAME)));
        }
        if method.is_default == Some(true) && std::mem::replace(&mut has_default, true) {
            problems.push(place.of(Problem::field(&["isDefault"], "two_defaults", TWO)));
        }
    }
    problems
}

/// A comment of a text, or of `text` and `pinned`.
fn comment(json: &str) -> Result<NewComment, (&'static str, &'static str, String)> {
    let wrong = || ("", "wrong_type", "must be a text, or an object with text and pinned".to_owned());
    // What a masked export shows is no comment.
    let masked = || ("text", "masked_value", MASKED_VALUE.to_owned());
    let checked = |text: Cow<'_, str>| match clean_text(&text) {
        Ok(text) if text.trim() == MASK => Err(masked()),
        Ok(text) => Ok(text),
        Err((code, message)) => Err(("text", code, message)),
    };
    let raw: &RawValue = serde_json::from_str(json).map_err(|_| wrong())?;
    if let Given::Text(text) = Given::of(raw) {
        return Ok(NewComment { text: checked(text)?, pinned: false });
    }
    let members: Members<'_> = serde_json::from_str(json).map_err(|_| wrong())?;
    let (mut text, mut pinned) = (None, false);
    for (name, raw) in &members.0 {
        match (name.as_ref(), Given::of(raw)) {
            ("text", Given::Text(given)) if text.is_none() => text = Some(checked(given)?),
            ("pinned", Given::Bool) => pinned = raw.get() == "true",
            ("pinned", Given::Null) => {}
            _ => return Err(wrong()),
        }
    }
    text.map(|text| NewComment { text, pinned }).ok_or_else(wrong)
}

fn method(json: &str) -> Result<MethodDraft, Vec<Problem>> {
    let Ok(members) = serde_json::from_str::<Members<'_>>(json) else {
        return Err(vec![Problem::field(
            &[],
            "wrong_type",
            "must be an object with the fields of a stored method",
        )]);
    };
    let draft = MethodDraft::parse(&members)?;
    // Nothing says which stored method a row without a token means.
    if draft.provider_method_id.is_none() && draft.masks.contains(&TOKEN) {
        return Err(vec![Problem::field(&[TOKEN], "masked_value", MASKED_VALUE)]);
    }
    let missing: Vec<Problem> =
        draft.missing().map(|name| Problem::field(&[name], "required", REQUIRED)).collect();
    if missing.is_empty() { Ok(draft) } else { Err(missing) }
}

fn object(parts: &[(&'static str, String)]) -> String {
    let members: Vec<String> = parts.iter().map(|(part, json)| format!("\"{part}\":{json}")).collect();
    format!("{{{}}}", members.join(","))
}

/// A problem at the column of a part of a method.
fn of_column(number: usize, problem: Problem) -> Problem {
    let At::Pointer(pointer) = &problem.at else { return problem };
    let name = format!("method-{number}-{}", pointer.trim_start_matches('/'));
    match MethodColumn::of_name(&name) {
        Some(column) => Problem::field(&[&column.to_string()], problem.code, problem.message),
        None => problem,
    }
}

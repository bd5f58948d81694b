//! Forms as a page shows them: the values that were sent, and the problems at their fields.

use std::collections::BTreeMap;

use super::ask::{No, Problem};
use crate::domain::entrypoints::theme::Language;
use crate::domain::kernel::card;
use crate::web::form::Form;

/// The values and problems of a form.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields {
    values: BTreeMap<String, String>,
    pub(super) problems: Vec<Problem>,
}

impl Fields {
    /// A form with values.
    pub(super) fn of<'a>(values: impl IntoIterator<Item = (&'a str, String)>) -> Fields {
        let values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Fields { values, problems: Vec::new() }
    }

    /// The form as it was sent, without what looks like a card number.
    pub(super) fn sent(form: &Form, names: &[&str]) -> Fields {
        let value = |name: &&str| {
            let sent = form.get(name);
            let shown = if card::holds(sent) { "" } else { sent };
            ((*name).to_owned(), shown.to_owned())
        };
        Fields { values: names.iter().map(value).collect(), problems: Vec::new() }
    }

    /// The same with what the API refused.
    pub(super) fn refused(mut self, no: &No) -> Fields {
        self.problems.clone_from(&no.problems);
        if self.problems.is_empty() {
            let code = if no.status == 412 { "precondition_failed" } else { "" }.to_owned();
            self.problems.push(Problem { code, message: no.message.clone(), ..Problem::default() });
        }
        self
    }

    /// The same with each problem at the field that its place is in: that of `general/country` is `country`, and that of
    /// `identifiers/0` is `identifiers`.
    pub(super) fn by_name(mut self) -> Fields {
        for problem in &mut self.problems {
            let is_name = |part: &&str| !part.is_empty() && !part.bytes().all(|byte| byte.is_ascii_digit());
            let name = problem.field.rsplit('/').find(is_name).unwrap_or_default().to_owned();
            problem.field = name;
        }
        self
    }

    /// Adds a problem.
    pub(super) fn add(&mut self, field: &str, message: impl Into<String>) {
        let (field, message) = (field.to_owned(), message.into());
        self.problems.push(Problem { field, message, ..Problem::default() });
    }

    /// The value of a field; empty if there is none.
    pub(super) fn value(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    /// Whether the form has a field.
    pub(super) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// Sets the value of a field.
    pub(super) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.values.insert(name.to_owned(), value.into());
    }

    /// The problems of a field.
    pub(super) fn of_field(&self, name: &str) -> Vec<&Problem> {
        self.problems.iter().filter(|problem| problem.field == name).collect()
    }

    /// Says the problems as sentences, and names their fields as the form does.
    pub(super) fn labelled(mut self, language: Language, label: impl Fn(&str) -> Option<String>) -> Fields {
        for problem in &mut self.problems {
            problem.message = said(language, &problem.code, &problem.message);
            problem.label = label(&problem.field).unwrap_or_default();
        }
        self
    }

    /// Whether anything is wrong.
    pub(super) fn is_wrong(&self) -> bool {
        !self.problems.is_empty()
    }

    /// Says the problems in the language of the member, as far as there are words.
    pub(super) fn in_language(mut self, language: Language) -> Fields {
        for problem in &mut self.problems {
            problem.message = super::texts::problem(language, &problem.code)
                .map_or_else(|| super::texts::sentence(&problem.message), str::to_owned);
        }
        self
    }
}

/// A problem in the language of the member. The API's own words go on from the name of the field; here they are a sentence.
pub(super) fn said(language: Language, code: &str, message: &str) -> String {
    if let Some(words) = super::texts::problem(language, code) {
        return words.to_owned();
    }
    if code == "has_obligations" {
        return obligation(language, message);
    }
    if message.starts_with("is required") {
        return super::texts::texts(language).this_required.to_owned();
    }
    let mut letters = message.chars();
    let Some(first) = letters.next() else { return String::new() };
    let end = if message.ends_with(char::is_alphanumeric) { "." } else { "" };
    first.to_uppercase().chain(letters).chain(end.chars()).collect()
}

/// What stands in the way of a deletion: the API's sentence without its advice to programs.
fn obligation(language: Language, message: &str) -> String {
    let fact = message.split(';').next().unwrap_or_default();
    if language == Language::English {
        let mut fact = fact.to_owned();
        fact.push('.');
        return fact;
    }
    let count = fact.split(' ').next().unwrap_or_default();
    let (one, many) = match fact {
        fact if fact.contains("subscription") => ("abonnement est en cours", "abonnements sont en cours"),
        fact if fact.contains("payment") => ("paiement est en attente", "paiements sont en attente"),
        _ => ("facture n’est pas payée", "factures ne sont pas payées"),
    };
    format!("{count} {}.", if count == "1" { one } else { many })
}

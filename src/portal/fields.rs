//! Fields of forms for texts of a record, and the checks of what people fill in.

use std::collections::BTreeMap;

use super::texts::{Texts, label};
use super::visit::Visit;
use crate::clock;
use crate::domain::customers::country;
use crate::domain::customers::draft::{Context, Draft};
use crate::domain::customers::fields::TextField;
use crate::domain::entrypoints::theme::Language;
use crate::domain::kernel::card::{self, CardGuard};
use crate::domain::kernel::members::Members;
use crate::domain::kernel::plain::plain;
use crate::domain::kernel::problem::{At, Problem};
use crate::web::PageError;
use crate::web::form::Checked;

/// A field of a form.
pub(super) struct Item {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) kind: &'static str,
    pub(super) value: String,
    pub(super) autocomplete: &'static str,
    /// For a field with a list of choices: values and names.
    pub(super) options: Vec<(String, String)>,
}

/// The field of a form for a text of the record.
pub(super) fn item(visit: &Visit<'_>, field: TextField, value: String) -> Item {
    use TextField as F;
    let (kind, autocomplete) = match field {
        F::Company => ("text", "organization"),
        F::Firstname => ("text", "given-name"),
        F::Lastname => ("text", "family-name"),
        F::Fullname => ("text", "name"),
        F::Birthday => ("date", "bday"),
        F::Phone => ("tel", "tel"),
        F::Email => ("email", "email"),
        F::CustomerNumber | F::CustomerUsername => ("text", "off"),
        F::Address => ("text", "billing address-line1"),
        F::Address1 => ("text", "billing address-line2"),
        F::City => ("text", "billing address-level2"),
        F::State => ("text", "billing address-level1"),
        F::Zip => ("text", "billing postal-code"),
        F::Country => ("text", "billing country"),
        F::ShippingAddress => ("text", "shipping address-line1"),
        F::ShippingAddress1 => ("text", "shipping address-line2"),
        F::ShippingCity => ("text", "shipping address-level2"),
        F::ShippingState => ("text", "shipping address-level1"),
        F::ShippingZip => ("text", "shipping postal-code"),
        F::ShippingCountry => ("text", "shipping country"),
    };
    let options = match field {
        F::Country | F::ShippingCountry => countries(visit.language, &value),
        _ => Vec::new(),
    };
    Item { name: field.name(), label: label(visit.language, field), kind, value, autocomplete, options }
}

fn countries(language: Language, kept: &str) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> =
        country::countries(language).map(|(code, name)| (code.to_owned(), name.to_owned())).collect();
    if !kept.is_empty() && !all.iter().any(|(code, _)| code == kept) {
        all.push((kept.to_owned(), kept.to_owned()));
    }
    // "Égypte" stands by its letters, not by its accent.
    all.sort_by_cached_key(|(_, name)| plain(name));
    all
}

/// The fields of a form as a draft, with the checks of a PUT. `country` is the one that the record has.
pub(super) fn checked_draft(
    visit: &Visit<'_>,
    country: Option<&str>,
    changed: &BTreeMap<&str, &str>,
) -> Result<Result<Draft, Vec<Problem>>, PageError> {
    let defect = |error: serde_json::Error| {
        PageError::Defect(format!("cannot write a form as JSON ({:?})", error.classify()))
    };
    let json = zeroize::Zeroizing::new(serde_json::to_string(changed).map_err(defect)?);
    let cards = card::in_json(json.as_bytes()).into_iter();
    let refused = cards.filter(|found| !found.is_id || visit.entrypoint.card_guard == CardGuard::All);
    let refused: Vec<Problem> = refused.map(|found| found.problem).collect();
    if !refused.is_empty() {
        return Ok(Err(refused));
    }
    let members: Members<'_> = serde_json::from_str(&json).map_err(defect)?;
    let entrypoint_country = visit.entrypoint.country.as_deref();
    let country = country.or(entrypoint_country);
    Ok(Draft::parse(&members, Context { now: clock::now(), country, entrypoint_country }))
}

/// The problems of a draft in the words of the page, each at its field.
pub(super) fn problems_of(visit: &Visit<'_>, problems: &[Problem]) -> Checked {
    let mut checked = Checked::default();
    for problem in problems {
        let At::Pointer(pointer) = &problem.at else { continue };
        let name = pointer.trim_start_matches('/');
        let text = words_of(visit.texts(), problem);
        match TextField::of_request(name) {
            Some(field) => checked.add(name, label(visit.language, field), text),
            None => checked.add("", "", text),
        }
    }
    checked
}

fn words_of(texts: &Texts, problem: &Problem) -> &'static str {
    match problem.code {
        "too_long" => texts.too_long,
        "control_character" => texts.control,
        "invalid_zip" => texts.bad_zip,
        "invalid_birthday" => texts.bad_birthday,
        card::CODE => texts.card,
        code if code.contains("phone") => texts.bad_phone,
        _ => texts.bad_value,
    }
}

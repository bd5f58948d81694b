//! The settings of organisations and entrypoints, and their checks (rules 1–3).

use strum::VariantNames as _;
use validator::Validate;

use super::invoicing::InvoicingInput;
use super::provider::{Provider, check_payment_url};
use super::theme::{self, Language, STORE_CHARS_MAX};
use super::{ENTRY_CHARS_MAX, MaxMethods, is_entry_name};
use crate::domain::customers::country;
use crate::domain::customers::fields::TextField;
use crate::domain::customers::identifier::{Identifier, parse_policy};
use crate::domain::kernel::card::{self, CardGuard};
use crate::domain::kernel::checks::{no_control, problems_of};
use crate::domain::kernel::problem::Problem;
use crate::domain::kernel::text::{hint, normal};
use crate::domain::transactions::currency::Currency;

/// The most characters of an organisation's or entrypoint's names.
pub const NAME_CHARS_MAX: u64 = 250;

/// Settings as somebody sends them; `None` keeps, an empty value clears.
#[derive(Debug, Clone, Default, PartialEq, Eq, Validate)]
pub struct SettingsInput {
    /// `PaypointLegalname`.
    #[validate(length(max = NAME_CHARS_MAX), custom(function = no_control))]
    pub legal_name: Option<String>,
    /// `PaypointDbaname`.
    #[validate(length(max = NAME_CHARS_MAX), custom(function = no_control))]
    pub dba_name: Option<String>,
    /// A country by code or name.
    pub country: Option<String>,
    /// The identifier policy; an empty list removes it.
    pub identifiers: Option<Vec<String>>,
    /// The fields that a create must send.
    pub required: Option<Vec<String>>,
    /// The theme.
    #[validate(nested)]
    pub theme: ThemeInput,
    /// `cardGuard`: `all` or `texts`.
    pub card_guard: Option<String>,
    /// `maxMethods`: a number.
    pub max_methods: Option<String>,
    /// `currency`: a code of ISO 4217.
    pub currency: Option<String>,
    /// The settings of invoices.
    pub invoicing: InvoicingInput,
    /// Whether a new entrypoint is for tests.
    pub is_test: bool,
    /// `provider`: `none`, `sandbox` or `http`.
    pub provider: Option<String>,
    /// `paymentUrl`.
    pub payment_url: Option<String>,
}

/// A theme as somebody sends it; `None` keeps, an empty text clears.
#[derive(Debug, Clone, Default, PartialEq, Eq, Validate)]
pub struct ThemeInput {
    /// `storeName`.
    #[validate(length(max = STORE_CHARS_MAX), custom(function = no_control))]
    pub store_name: Option<String>,
    /// `senderName`.
    #[validate(length(max = STORE_CHARS_MAX), custom(function = no_control))]
    pub sender_name: Option<String>,
    /// `language`: `en` or `fr`.
    pub language: Option<String>,
    /// `color`: `#rrggbb`.
    pub color: Option<String>,
    /// `editableFields`, comma-separated; `none` for no field at all.
    pub editable: Option<String>,
}

/// A checked theme; `None` keeps, an empty value clears.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ThemeChange {
    /// `storeName`.
    pub store_name: Option<String>,
    /// `senderName`.
    pub sender_name: Option<String>,
    /// `language`.
    pub language: Option<Language>,
    /// `color`.
    pub color: Option<String>,
    /// `editableFields`; the inner `None` for the default.
    pub editable: Option<Option<Vec<TextField>>>,
}

/// The value of `editableFields` if customers may edit nothing.
pub const EDITABLE_NONE: &str = "none";

impl ThemeInput {
    fn check(self, problems: &mut Vec<Problem>) -> ThemeChange {
        let language = self.language.map(|code| match code.trim() {
            "" => Language::default(),
            code => code.parse().unwrap_or_else(|_| {
                problems.push(Problem::field(&["language"], "invalid_language", "must be en or fr"));
                Language::default()
            }),
        });
        let color = self.color.map(|text| match text.trim() {
            "" => String::new(),
            text => theme::parse_color(text).unwrap_or_else(|| {
                problems.push(Problem::field(
                    &["color"],
                    "invalid_color",
                    "must be a colour such as #1f4fa3",
                ));
                String::new()
            }),
        });
        let editable = self.editable.map(|text| check_editable(&text, problems));
        ThemeChange { store_name: self.store_name, sender_name: self.sender_name, language, color, editable }
    }
}

fn check_editable(text: &str, problems: &mut Vec<Problem>) -> Option<Vec<TextField>> {
    match text.trim() {
        "" => return None,
        EDITABLE_NONE => return Some(Vec::new()),
        _ => {}
    }
    let mut fields = Vec::new();
    let names = || text.split(',').map(str::trim).filter(|name| !name.is_empty());
    if names().nth(FIELDS_MAX).is_some() {
        problems.push(too_many_fields("editableFields"));
        return None;
    }
    for name in names() {
        match TextField::of_any_name(name).filter(|field| theme::may_be_editable(*field)) {
            Some(field) if fields.contains(&field) => {}
            Some(field) => fields.push(field),
            None => {
                let message = format!("{name} is no field that customers may edit");
                problems.push(Problem::field(&["editableFields"], "unknown_field", message));
            }
        }
    }
    Some(fields)
}

/// Checked settings; `None` keeps, an empty value clears.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// `PaypointLegalname`.
    pub legal_name: Option<String>,
    /// `PaypointDbaname`.
    pub dba_name: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// The identifier policy.
    pub identifiers: Option<Vec<Identifier>>,
    /// The fields that a create must send.
    pub required: Option<Vec<TextField>>,
    /// The theme.
    pub theme: ThemeChange,
    /// `cardGuard`.
    pub card_guard: Option<CardGuard>,
    /// `maxMethods`.
    pub max_methods: Option<MaxMethods>,
    /// `currency`.
    pub currency: Option<Currency>,
    /// The settings of invoices. They are checked together with those that stay.
    pub invoicing: InvoicingInput,
    /// Whether a new entrypoint is for tests.
    pub is_test: bool,
    /// `provider`. Whether the entrypoint may have it is checked where that is known.
    pub provider: Option<Provider>,
    /// `paymentUrl`.
    pub payment_url: Option<String>,
}

impl SettingsInput {
    /// Checks all settings.
    ///
    /// # Errors
    /// All problems at once.
    pub fn check(mut self) -> Result<Settings, Vec<Problem>> {
        let Self { legal_name, dba_name, theme: ThemeInput { store_name, sender_name, .. }, .. } = &mut self;
        for name in [legal_name, dba_name, store_name, sender_name].into_iter().flatten() {
            *name = normal(name);
        }
        let mut problems = problems_of(self.validate());
        let ThemeInput { store_name, sender_name, .. } = &self.theme;
        let names = [
            ("legalName", &self.legal_name),
            ("dbaName", &self.dba_name),
            ("storeName", store_name),
            ("senderName", sender_name),
        ];
        let has_card = |name: &Option<String>| name.as_deref().is_some_and(card::holds);
        problems.extend(names.into_iter().filter(|(_, name)| has_card(name)).map(|(field, _)| {
            let (code, message) = card::refusal(field);
            Problem::field(&[field], code, message)
        }));
        let country = self.country.map(|name| {
            if name.trim().is_empty() {
                return String::new();
            }
            country::country(name.trim()).unwrap_or_else(|(code, message)| {
                problems.push(Problem::field(&["country"], code, message));
                String::new()
            })
        });
        let identifiers = self.identifiers.map(|items| {
            parse_policy(&items).unwrap_or_else(|refused| {
                problems.extend(refused.into_iter().map(|(index, message)| {
                    Problem::field(&["identifiers", &index.to_string()], "invalid_identifier", message)
                }));
                Vec::new()
            })
        });
        let required = self.required.map(|items| check_required(&items, &mut problems));
        let theme = self.theme.check(&mut problems);
        let card_guard = self.card_guard.map(|word| check_card_guard(&word, &mut problems));
        let max_methods = self.max_methods.map(|text| check_max_methods(&text, &mut problems));
        let currency = self.currency.map(|code| check_currency(&code, &mut problems));
        let provider = self.provider.map(|word| check_provider(&word, &mut problems));
        let payment_url = self.payment_url.map(|text| match text.trim() {
            "" => String::new(),
            text => check_payment_url(text).unwrap_or_else(|(code, message)| {
                problems.push(Problem::field(&["paymentUrl"], code, message));
                String::new()
            }),
        });
        if problems.is_empty() {
            Ok(Settings {
                legal_name: self.legal_name,
                dba_name: self.dba_name,
                country,
                identifiers,
                required,
                theme,
                card_guard,
                max_methods,
                currency,
                invoicing: self.invoicing,
                is_test: self.is_test,
                provider,
                payment_url,
            })
        } else {
            Err(problems)
        }
    }
}

fn check_card_guard(word: &str, problems: &mut Vec<Problem>) -> CardGuard {
    match word.trim() {
        "" => CardGuard::default(),
        word => word.parse().unwrap_or_else(|_| {
            let message = format!("must be {}", CardGuard::VARIANTS.join(" or "));
            problems.push(Problem::field(&["cardGuard"], "invalid_value", message));
            CardGuard::default()
        }),
    }
}

fn check_provider(word: &str, problems: &mut Vec<Problem>) -> Provider {
    match word.trim() {
        "" => Provider::default(),
        word => word.parse().unwrap_or_else(|_| {
            let message = format!("must be one of {}", Provider::VARIANTS.join(", "));
            problems.push(Problem::field(&["provider"], "invalid_value", message));
            Provider::default()
        }),
    }
}

/// Refuses play money where money is real.
///
/// # Errors
/// The sandbox is for entrypoints for tests alone.
pub fn check_sandbox(provider: Provider, is_test: bool) -> Result<(), Problem> {
    if provider != Provider::Sandbox || is_test {
        return Ok(());
    }
    let message = "sandbox is for entrypoints for tests; make one with isTest: true, or with `customary entrypoint create --test`";
    Err(Problem::field(&["provider"], "no_test_entrypoint", message))
}

fn check_max_methods(text: &str, problems: &mut Vec<Problem>) -> MaxMethods {
    match text.trim() {
        "" => MaxMethods::default(),
        text => match text.parse() {
            Ok(number @ 1..=MaxMethods::MAX) => MaxMethods(number),
            _ => {
                let message = format!("must be a number from 1 to {}", MaxMethods::MAX);
                problems.push(Problem::field(&["maxMethods"], "invalid_value", message));
                MaxMethods::default()
            }
        },
    }
}

fn check_currency(code: &str, problems: &mut Vec<Problem>) -> Currency {
    match code.trim() {
        "" => Currency::default(),
        code => Currency::parse(code).unwrap_or_else(|(code, message)| {
            problems.push(Problem::field(&["currency"], code, message));
            Currency::default()
        }),
    }
}

/// The most names in a list of fields; a customer has fewer fields.
const FIELDS_MAX: usize = 100;

fn too_many_fields(setting: &str) -> Problem {
    Problem::field(&[setting], "too_many", format!("must have at most {FIELDS_MAX} names"))
}

fn check_required(items: &[String], problems: &mut Vec<Problem>) -> Vec<TextField> {
    let mut fields = Vec::new();
    if items.len() > FIELDS_MAX {
        problems.push(too_many_fields("requiredFields"));
        return fields;
    }
    for (index, item) in items.iter().enumerate() {
        match TextField::of_any_name(item.trim()) {
            Some(field) if !fields.contains(&field) => fields.push(field),
            Some(_) => {}
            None => {
                let hint = hint(item, TextField::all().map(TextField::name));
                let path = ["requiredFields", &index.to_string()];
                let message = format!("is no field of a customer{hint}");
                problems.push(Problem::field(&path, "unknown_field", message));
            }
        }
    }
    fields
}

#[derive(Validate)]
struct NameInput {
    #[validate(length(max = NAME_CHARS_MAX), custom(function = no_control))]
    name: String,
}

/// The stored form of the name of an organisation or of a token. What is wrong with it is added to `problems`.
pub fn check_name(name: &str, problems: &mut Vec<Problem>) -> String {
    let input = NameInput { name: normal(name) };
    problems.extend(problems_of(input.validate()));
    if card::holds(&input.name) {
        let (code, message) = card::refusal("");
        problems.push(Problem::field(&["name"], code, message));
    }
    input.name
}

/// Checks the name of a new entrypoint.
///
/// # Errors
/// The name cannot be part of an address.
pub fn check_entry(entry: &str) -> Result<(), Problem> {
    if card::holds(entry) {
        let (code, message) = card::refusal("");
        return Err(Problem::field(&["entry"], code, message));
    }
    if is_entry_name(entry) {
        return Ok(());
    }
    let message = format!("must be 1–{ENTRY_CHARS_MAX} of A-Z a-z 0-9 _ - and not org");
    Err(Problem::field(&["entry"], "invalid_entry", message))
}

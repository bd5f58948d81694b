//! The JSON of an item, member by member.

use serde_json::{Map, Value};

use crate::domain::customers::draft::{Context, Draft};
use crate::domain::customers::identifier::is_additional_key;
use crate::domain::kernel::card;
use crate::domain::kernel::members::Members;
use crate::domain::kernel::problem::At;
use crate::domain::kernel::text;
use crate::domain::kernel::time::{Micros, SECOND_US};
use crate::domain::references::{SYSTEM_CHARS_MAX, is_system};

/// The most characters of a short text; longer ones of webhooks are cut.
const SHORT_CHARS_MAX: usize = 250;
/// The most characters of a description.
const LONG_CHARS_MAX: usize = 1_000;
/// The most additional values that a webhook leaves on a transaction.
const ADDITIONAL_MAX: usize = 50;

/// The JSON object of an item.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ItemJson(Map<String, Value>);

impl ItemJson {
    /// An item of a source.
    pub(super) fn new(source: &str, external_id: &str, operation: &str, status: &str) -> ItemJson {
        let mut item = ItemJson::default();
        item.text("source", Some(source));
        item.text("externalId", Some(external_id));
        item.text("operation", Some(operation));
        item.text("status", Some(status));
        item
    }

    /// Sets a text, cut to a length that every item may have; nothing for an absent or empty one, and for one that looks like a
    /// card number. The payment counts even if the payer typed nonsense beside it.
    pub(super) fn text(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text.and_then(|text| harmless(text, SHORT_CHARS_MAX)) {
            self.0.insert(name.to_owned(), text.into());
        }
    }

    /// Sets `customer`: those texts of the payer that a customer may have. What the payer typed into a payment page was
    /// checked by nobody.
    pub(super) fn customer(&mut self, mut customer: ItemJson, context: Context<'_>) {
        // Without a country only an international number can be read.
        let phone = customer.0.get("phone").and_then(Value::as_str).unwrap_or_default();
        if context.country.is_none() && !customer.0.contains_key("country") && !phone.trim().starts_with('+')
        {
            customer.0.remove("phone");
        }
        while !customer.0.is_empty() {
            let sent = customer.to_json();
            let Ok(members) = serde_json::from_str::<Members<'_>>(&sent) else { return };
            let Err(problems) = Draft::parse(&members, context) else { break };
            let wrong = problems.iter().filter_map(|problem| match &problem.at {
                At::Pointer(path) => path.trim_start_matches('/').split('/').next(),
                _ => None,
            });
            let before = customer.0.len();
            for name in wrong {
                customer.0.remove(name);
            }
            if customer.0.len() == before {
                return;
            }
        }
        self.object("customer", customer);
    }

    /// Sets an object unless it is empty.
    pub(super) fn object(&mut self, name: &str, members: ItemJson) {
        if !members.0.is_empty() {
            self.0.insert(name.to_owned(), Value::Object(members.0));
        }
    }

    /// Sets `references` to the id of a customer in another system.
    pub(super) fn reference(&mut self, system: &str, external_id: Option<&str>) {
        let mut reference = ItemJson::default();
        reference.text("externalId", external_id);
        if !reference.0.is_empty() {
            reference.text("system", Some(system));
            self.0.insert("references".to_owned(), Value::Array(vec![Value::Object(reference.0)]));
        }
    }

    /// Sets `method` to a word of the payment system, as one of ours is spelt.
    pub(super) fn method(&mut self, word: Option<&str>) {
        let sign = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c.to_ascii_lowercase() } else { '-' };
        let word: Option<String> =
            word.map(|word| word.trim().chars().take(SYSTEM_CHARS_MAX).map(sign).collect());
        self.text("method", word.as_deref().filter(|word| is_system(word)));
    }

    /// Sets `maskedAccount` to the last digits of an account, of which no more are kept.
    pub(super) fn account(&mut self, shown: Option<&str>) {
        let digits: Vec<char> = shown.unwrap_or_default().chars().filter(char::is_ascii_digit).collect();
        let last: String = digits.iter().skip(digits.len().saturating_sub(4)).collect();
        self.text("maskedAccount", (!last.is_empty()).then(|| format!("•••• {last}")).as_deref());
    }

    /// Sets `additionalData`: those pairs that may stand there.
    pub(super) fn additional<'a>(&mut self, pairs: impl Iterator<Item = (&'a str, &'a str)>) {
        let mut kept = ItemJson::default();
        for (name, value) in pairs.filter(|(name, _)| is_additional_key(name)).take(ADDITIONAL_MAX) {
            kept.text(name, Some(value));
        }
        self.object("additionalData", kept);
    }

    /// Sets `description`, which may be longer than other texts.
    pub(super) fn description(&mut self, text: Option<&str>) {
        if let Some(text) = text.and_then(|text| harmless(text, LONG_CHARS_MAX)) {
            self.0.insert("description".to_owned(), text.into());
        }
    }

    /// The object as JSON.
    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_default()
    }
}

/// A text without what no item may have.
fn harmless(text: &str, chars_max: usize) -> Option<String> {
    let blank = |c: char| if c.is_control() { ' ' } else { c };
    let cut: String = text.trim().chars().take(chars_max).map(blank).collect();
    let clean = text::clean(&cut, chars_max).ok()?;
    (!clean.is_empty() && !card::holds(&clean)).then(|| clean.into())
}

/// A decimal text of an amount in a currency's smallest unit, with no needless zeros.
pub(super) fn of_minor(minor: i64, digits: u32) -> String {
    rust_decimal::Decimal::new(minor, digits).normalize().to_string()
}

/// RFC 3339 of seconds since 1970.
pub(super) fn of_seconds(seconds: i64) -> Option<String> {
    let micros = seconds.checked_mul(SECOND_US)?;
    Some(Micros(micros).to_rfc3339())
}

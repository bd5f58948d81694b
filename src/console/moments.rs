//! Times and counts of the API's answers, as each language writes them.

use chrono::DateTime;
use rust_decimal::Decimal;
use serde_json::Value;

use crate::console::ask::member;
use crate::domain::entrypoints::theme::Language;
use crate::domain::kernel::time::Micros;
use crate::domain::numbers;

/// The moment that a member of an answer names, if it names one.
pub(super) fn moment(value: &Value, name: &str) -> Option<Micros> {
    let text = member(value, name).as_str()?;
    DateTime::parse_from_rfc3339(text).ok().map(|moment| Micros(moment.timestamp_micros()))
}

/// The minute that a member of an answer names, with its zone; empty if it names none.
pub(super) fn minute(language: Language, value: &Value, name: &str) -> String {
    moment(value, name).map(|moment| numbers::minute(language, moment)).unwrap_or_default()
}

/// The day that a member of an answer names; empty if it names none.
pub(super) fn day(language: Language, value: &Value, name: &str) -> String {
    moment(value, name).map(|moment| numbers::day_of(language, moment)).unwrap_or_default()
}

/// A count in a member of an answer; 0 if there is none.
pub(super) fn number(value: &Value, name: &str) -> i64 {
    member(value, name).as_i64().unwrap_or_default()
}

/// A count as a language groups it: `12,500`.
pub(super) fn count(language: Language, count: i64) -> String {
    numbers::quantity(language, Decimal::from(count))
}

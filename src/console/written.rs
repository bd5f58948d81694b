//! Numbers, amounts and times of the API's answers, as each language writes them.

use chrono::{DateTime, Datelike as _, NaiveDate};
use rust_decimal::Decimal;
use serde_json::Value;

use super::ask::{member, text};
use crate::domain::entrypoints::theme::Language;
use crate::domain::kernel::time::Micros;
use crate::domain::numbers;
use crate::domain::transactions::currency::Currency;

/// A whole number in a member of an answer; 0 if there is none.
pub(super) fn number(value: &Value, name: &str) -> i64 {
    member(value, name).as_i64().unwrap_or_default()
}

/// A number of things, such as `12,500`.
pub(super) fn count(language: Language, number: i64) -> String {
    numbers::quantity(language, Decimal::from(number))
}

/// The number in an answer.
pub(super) fn decimal(value: &Value) -> Option<Decimal> {
    match value {
        Value::Number(number) => {
            let text = number.to_string();
            text.parse().ok().or_else(|| Decimal::from_scientific(&text).ok())
        }
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// How many decimals the amounts of a currency have.
pub(super) fn digits(currency: &str) -> u32 {
    Currency::parse(currency).ok().and_then(|known| u32::try_from(known.digits()).ok()).unwrap_or(2)
}

/// A sum such as `1,234.50 USD`.
pub(super) fn price(language: Language, currency: &str, value: Decimal) -> String {
    // A usual space before the currency, as in `numbers::price`.
    numbers::money(language, (currency, digits(currency)), value).replace('\u{a0}', " ")
}

/// An amount of an answer, such as `1,234.50 USD`; empty without one.
pub(super) fn amount(language: Language, value: &Value, currency: &str) -> String {
    decimal(value).map(|value| price(language, currency, value)).unwrap_or_default()
}

/// A number of an answer, such as `1,500.25`; empty without one.
pub(super) fn quantity(language: Language, value: &Value) -> String {
    decimal(value).map(|value| numbers::quantity(language, value)).unwrap_or_default()
}

/// A rate of an answer, such as `5.5%`; empty without one.
pub(super) fn percent(language: Language, value: &Value) -> String {
    decimal(value).map(|value| numbers::percent(language, value)).unwrap_or_default()
}

/// A number of an answer as an input shows it: with a point, and without groups.
pub(super) fn input(value: &Value) -> String {
    decimal(value).map(|value| value.normalize().to_string()).unwrap_or_default()
}

/// The day of a time, as a date input shows it.
pub(super) fn date_input(value: &Value, name: &str) -> String {
    text(value, name).get(..10).unwrap_or_default().to_owned()
}

/// A time of an answer.
pub(super) fn moment(text: &str) -> Option<Micros> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| Micros(time.timestamp_micros()))
}

/// A time of an answer, such as `29 November 2026, 14:05 UTC`; empty without one.
pub(super) fn minute(language: Language, text: &str) -> String {
    moment(text).map(|time| numbers::minute(language, time)).unwrap_or_default()
}

/// The day of a date or a time of an answer.
fn date(text: &str) -> Option<NaiveDate> {
    text.parse().ok().or_else(|| moment(text).map(Micros::date))
}

/// A day of an answer, or that of a time, such as `29 November 2026`; empty without one.
pub(super) fn day(language: Language, text: &str) -> String {
    date(text).map(|date| numbers::day(language, date)).unwrap_or_default()
}

/// The same in few letters, for tables: `30 Nov 2026`.
pub(super) fn short_day(language: Language, text: &str) -> String {
    const ENGLISH: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    const FRENCH: [&str; 12] =
        ["janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."];
    let Some(date) = date(text) else { return String::new() };
    let names = if language == Language::French { FRENCH } else { ENGLISH };
    let month = usize::try_from(date.month0()).ok().and_then(|month| names.get(month)).unwrap_or(&"");
    format!("{}\u{a0}{month}\u{a0}{}", date.day(), date.year())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn amounts_and_times_read_as_people_write_them() {
        assert_eq!(amount(Language::English, &json!(1234.5), "USD"), "1,234.50 USD");
        assert_eq!(amount(Language::English, &Value::Null, "USD"), "");
        assert_eq!(amount(Language::English, &json!(5), "JPY"), "5 JPY");
        assert_eq!(percent(Language::English, &json!(5.5)), "5.5%");
        assert_eq!(count(Language::French, 12_500), "12\u{202f}500");
        assert_eq!(day(Language::French, "2026-08-01"), "1er août 2026");
        assert_eq!(day(Language::English, "2026-08-01T10:00:00.000000Z"), "1 August 2026");
        assert_eq!(day(Language::English, "soon"), "");
        assert_eq!(short_day(Language::English, "2026-08-01T10:00:00Z"), "1\u{a0}Aug\u{a0}2026");
        assert_eq!(minute(Language::English, "2026-12-01T09:05:00.000000Z"), "1 December 2026, 09:05 UTC");
        assert_eq!(minute(Language::English, "soon"), "");
        assert_eq!(date_input(&json!({"t": "2026-11-29T14:05:06.000000Z"}), "t"), "2026-11-29");
    }
}

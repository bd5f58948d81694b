//! What pages about money share: amounts and times in the language of the member, amounts as people type them, lists, and the choice
//! of a customer.

pub(super) mod link;
pub(super) mod list;
pub(super) mod people;
pub(super) mod texts;
pub(super) mod whom;

use chrono::{DateTime, NaiveDate};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::ask::text;
use crate::domain::entrypoints::theme::Language;
use crate::domain::kernel::time::Micros;
use crate::domain::numbers;
use crate::domain::transactions::currency::Currency;

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

fn moment(text: &str) -> Option<Micros> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| Micros(time.timestamp_micros()))
}

/// The time in a member of an answer, such as `29 November 2026, 14:05 UTC`; empty without one.
pub(super) fn minute(language: Language, value: &Value, name: &str) -> String {
    moment(text(value, name)).map(|time| numbers::minute(language, time)).unwrap_or_default()
}

/// The day in a member of an answer, such as `29 November 2026`; empty without one.
pub(super) fn day(language: Language, value: &Value, name: &str) -> String {
    let text = text(value, name);
    match text.parse::<NaiveDate>() {
        Ok(day) => numbers::day(language, day),
        Err(_) => moment(text).map(|time| numbers::day_of(language, time)).unwrap_or_default(),
    }
}

/// The day of a time, as a date input shows it.
pub(super) fn date_input(value: &Value, name: &str) -> String {
    text(value, name).get(..10).unwrap_or_default().to_owned()
}

/// A number as the API reads it: without blanks, and with a point where the member typed a comma.
pub(super) fn typed(text: &str) -> String {
    let text: String = text
        .chars()
        .filter(|one| !one.is_whitespace() && !matches!(one, '\u{202f}' | '\u{a0}' | '’'))
        .collect();
    match (text.rfind(','), text.rfind('.')) {
        (Some(_), None) if text.matches(',').count() > 1 => text.replace(',', ""),
        (Some(_), None) => text.replace(',', "."),
        (Some(comma), Some(point)) if comma > point => text.replace('.', "").replace(',', "."),
        (Some(_), Some(_)) => text.replace(',', ""),
        _ => text,
    }
}

/// A number that was typed, for a body; null where nothing was.
pub(super) fn number_of(text: &str) -> Value {
    let text = typed(text);
    if text.is_empty() { Value::Null } else { json!(text) }
}

/// A whole number that was typed, for a body; null where nothing was. What is none stays as it is, and the API says so.
pub(super) fn whole_of(text: &str) -> Value {
    let text = typed(text);
    match text.parse::<i64>() {
        Ok(number) => json!(number),
        Err(_) if text.is_empty() => Value::Null,
        Err(_) => json!(text),
    }
}

/// A text that was typed, for a body; null where nothing was.
pub(super) fn text_of(text: &str) -> Value {
    if text.trim().is_empty() { Value::Null } else { json!(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_people_type_them() {
        for (typed_in, read) in [
            ("12.50", "12.50"),
            ("12,50", "12.50"),
            ("1 234,50", "1234.50"),
            ("1\u{202f}234,50", "1234.50"),
            ("1.234,50", "1234.50"),
            ("1,234.50", "1234.50"),
            ("1,234,567", "1234567"),
            (" 7 ", "7"),
            ("", ""),
            ("abc", "abc"),
        ] {
            assert_eq!(typed(typed_in), read, "{typed_in}");
        }
        assert_eq!(number_of(" "), Value::Null);
        assert_eq!(whole_of("3"), json!(3));
        assert_eq!(whole_of("x"), json!("x"));
    }

    #[test]
    fn answers_are_shown_in_the_language_of_the_member() {
        let value = json!({"a": 1234.5, "t": "2026-11-29T14:05:06.000000Z", "d": "2026-11-29"});
        assert_eq!(amount(Language::English, &value["a"], "USD"), "1,234.50 USD");
        assert_eq!(amount(Language::French, &value["a"], "JPY"), "1\u{202f}234,5 JPY");
        assert_eq!(amount(Language::English, &value["none"], "USD"), "");
        assert_eq!(minute(Language::English, &value, "t"), "29 November 2026, 14:05 UTC");
        assert_eq!(day(Language::French, &value, "d"), "29 novembre 2026");
        assert_eq!(date_input(&value, "t"), "2026-11-29");
    }
}

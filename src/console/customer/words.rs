//! Amounts, days and times of an answer of the API, in the words of a language.

use chrono::{DateTime, Datelike as _, NaiveDate};
use serde_json::Value;

use super::texts::texts;
use crate::console::ask::text;
use crate::domain::entrypoints::theme::Language;
use crate::domain::kernel::money::Money;
use crate::domain::kernel::time::Micros;
use crate::domain::numbers;
use crate::domain::transactions::currency::Currency;

/// An amount of an answer; empty where there is none.
pub(super) fn money(language: Language, amount: &Value, currency: &str) -> String {
    let Value::Number(number) = amount else { return String::new() };
    let Ok(amount) = Money::parse(&number.to_string()) else { return number.to_string() };
    numbers::price(language, Currency::parse(currency).unwrap_or_default(), amount)
}

/// A number of an answer without needless zeros; empty where there is none.
pub(super) fn quantity(language: Language, number: &Value) -> String {
    let Value::Number(number) = number else { return String::new() };
    number
        .to_string()
        .parse()
        .map_or_else(|_| number.to_string(), |number| numbers::quantity(language, number))
}

/// A share in percent; empty where there is none.
pub(super) fn percent(language: Language, number: &Value) -> String {
    let Value::Number(number) = number else { return String::new() };
    number
        .to_string()
        .parse()
        .map_or_else(|_| number.to_string(), |number| numbers::percent(language, number))
}

/// A point in time of an answer.
fn moment(text: &str) -> Option<Micros> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| Micros(time.timestamp_micros()))
}

/// A time in UTC; as it is if it is none.
pub(super) fn minute(language: Language, text: &str) -> String {
    moment(text).map_or_else(|| text.to_owned(), |time| numbers::minute(language, time))
}

/// A day in UTC; as it is if it is none.
pub(super) fn day(language: Language, text: &str) -> String {
    let date = text.get(..10).and_then(|day| day.parse::<NaiveDate>().ok());
    date.map_or_else(|| text.to_owned(), |date| numbers::day(language, date))
}

/// A day in UTC in few letters, for tables: `30 Nov 2026`; as it is if it is none.
pub(super) fn short_day(language: Language, text: &str) -> String {
    const ENGLISH: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    const FRENCH: [&str; 12] =
        ["janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."];
    let Some(date) = text.get(..10).and_then(|day| day.parse::<NaiveDate>().ok()) else {
        return text.to_owned();
    };
    let names = if language == Language::French { FRENCH } else { ENGLISH };
    let month = usize::try_from(date.month0()).ok().and_then(|month| names.get(month)).unwrap_or(&"");
    format!("{}\u{a0}{month}\u{a0}{}", date.day(), date.year())
}

/// How often something comes, as people write it behind an amount; an unknown word stands as it is.
pub(super) fn frequency(language: Language, word: &str) -> &str {
    let (english, french) = match word.to_ascii_lowercase().as_str() {
        "daily" => ("day", "jour"),
        "weekly" => ("week", "semaine"),
        "monthly" => ("month", "mois"),
        "quarterly" => ("quarter", "trimestre"),
        "yearly" | "annually" => ("year", "an"),
        _ => return word,
    };
    if language == Language::French { french } else { english }
}

/// What people call a payment method: `Visa ···· 4242`.
pub(super) fn method_name(language: Language, one: &Value) -> String {
    let texts = texts(language);
    let brand = text(one, "brand");
    let kind = texts.method_type(text(one, "method"));
    let mut name = if brand.is_empty() { kind.to_owned() } else { capital(brand) };
    if !text(one, "last4").is_empty() {
        name = format!("{name} ···· {}", text(one, "last4"));
    }
    name
}

pub(super) fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn amounts_and_times_read_as_people_write_them() {
        assert_eq!(money(Language::English, &json!(1234.5), "USD"), "1,234.50 USD");
        assert_eq!(money(Language::English, &Value::Null, "USD"), "");
        assert_eq!(day(Language::French, "2026-08-01"), "1er août 2026");
        assert_eq!(short_day(Language::English, "2026-08-01T10:00:00Z"), "1\u{a0}Aug\u{a0}2026");
        assert_eq!(minute(Language::English, "2026-12-01T09:05:00.000000Z"), "1 December 2026, 09:05 UTC");
        assert_eq!(minute(Language::English, "soon"), "soon");
        assert_eq!(percent(Language::English, &json!(5.5)), "5.5%");
    }

    #[test]
    fn how_often_something_comes_has_words_in_both_languages() {
        assert_eq!(frequency(Language::French, "Monthly"), "mois");
        assert_eq!(frequency(Language::English, "every 10 days"), "every 10 days");
    }
}

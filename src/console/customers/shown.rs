//! How customers, amounts, times and states are shown.

pub(in crate::console) use crate::console::ask::member;
use chrono::DateTime;
use rust_decimal::Decimal;
use serde_json::Value;

use crate::console::ask::{shown, text};
use crate::domain::entrypoints::theme::Language;
use crate::domain::kernel::time::Micros;
use crate::domain::numbers;
use crate::domain::transactions::currency::Currency;

/// A whole number in a member of an answer; 0 if there is none.
pub(in crate::console) fn number(value: &Value, name: &str) -> i64 {
    member(value, name).as_i64().unwrap_or_default()
}

/// How many records a list of an answer has on all its pages.
pub(in crate::console) fn total_of(list: &Value) -> i64 {
    number(member(list, "Summary"), "totalRecords")
}

/// What a customer is called: by name, else company, else number, else id.
pub(in crate::console) fn name_of(record: &Value) -> String {
    let person = [text(record, "Firstname"), text(record, "Lastname")].join(" ");
    let id = format!("#{}", shown(record, "customerId"));
    let names = [
        person.trim(),
        text(record, "Fullname"),
        text(record, "Company"),
        text(record, "customerNumber"),
        &id,
    ];
    names.into_iter().find(|name| !name.is_empty()).unwrap_or_default().to_owned()
}

/// A number of things.
pub(in crate::console) fn count(language: Language, number: i64) -> String {
    numbers::quantity(language, Decimal::from(number))
}

/// An amount of an answer with its currency; empty if there is none.
pub(in crate::console) fn price(language: Language, currency: &str, amount: &Value) -> String {
    let Ok(value) = amount.to_string().parse::<Decimal>() else { return String::new() };
    decimal_price(language, currency, value)
}

/// The same of a decimal.
pub(in crate::console) fn decimal_price(language: Language, currency: &str, value: Decimal) -> String {
    let digits = Currency::parse(currency).ok().and_then(|currency| u32::try_from(currency.digits()).ok());
    // A usual space before the currency, as in `numbers::price`.
    numbers::money(language, (currency, digits.unwrap_or(2)), value).replace('\u{a0}', " ")
}

/// A time of an answer.
pub(in crate::console) fn time(text: &str) -> Option<Micros> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| Micros(time.timestamp_micros()))
}

/// The day of a time of an answer, in UTC; empty if there is none.
pub(in crate::console) fn day(language: Language, text: &str) -> String {
    time(text).map(|time| numbers::day_of(language, time)).unwrap_or_default()
}

/// The minute of a time of an answer, in UTC; empty if there is none.
pub(in crate::console) fn minute(language: Language, text: &str) -> String {
    time(text).map(|time| numbers::minute(language, time)).unwrap_or_default()
}

/// The stages of a customer's life, in their order.
pub(in crate::console) const STAGES: [&str; 8] =
    ["Prospect", "Subscriber", "Active", "Idle", "Churned", "Archived", "Deleted", "Anonymised"];

/// The statuses of a record, as requests write them.
pub(super) const STATUSES: [&str; 4] = ["1", "0", "85", "-99"];

/// The statuses of payment methods, in their order.
pub(in crate::console) const METHOD_STATUSES: [&str; 7] =
    ["Active", "Expiring soon", "Insufficient funds", "Expired", "Invalid", "Manual", "None"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_customer_is_called_by_the_best_name_there_is() {
        for (record, name) in [
            (json!({"Firstname": "Ada", "Lastname": "Low", "Company": "X"}), "Ada Low"),
            (json!({"Firstname": null, "Lastname": "Low"}), "Low"),
            (json!({"Fullname": "Ada Low", "Company": "X"}), "Ada Low"),
            (json!({"Company": "X", "customerNumber": "7"}), "X"),
            (json!({"customerNumber": "C-7", "customerId": 7}), "C-7"),
            (json!({"customerId": 7}), "#7"),
        ] {
            assert_eq!(name_of(&record), name, "{record}");
        }
    }

    #[test]
    fn amounts_have_the_decimals_of_their_currency() {
        assert_eq!(price(Language::English, "EUR", &json!(1234.5)), "1,234.50 EUR");
        assert_eq!(price(Language::English, "JPY", &json!(1234)), "1,234 JPY");
        assert_eq!(price(Language::English, "EUR", &json!(null)), "");
    }
}

//! What people call things.

use serde_json::Value;

use super::texts::texts;
use crate::console::ask::text;
use crate::domain::entrypoints::theme::Language;

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

//! What pages about money share: amounts as people type them, lists, and the choice of a customer.

pub(super) mod link;
pub(super) mod list;
pub(super) mod people;
pub(super) mod texts;
pub(super) mod whom;

use serde_json::{Value, json};

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
}

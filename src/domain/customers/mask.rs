//! What a token without `pii:read` sees instead of personal values (rules 1).

use super::fields::{Shape, TextField};

/// The mask of a value that has no mask form of its own.
pub const MASK: &str = "***";
/// What is wrong with a mask in the place of a value.
pub const MASKED_VALUE: &str = "looks like a mask; send the full value or leave it out";
/// How many of a phone's last digits a mask shows.
const PHONE_TAIL_DIGITS: usize = 4;

/// The masked form of a field's value: `a***@e***.test`, `+1******0117`, `***`.
pub fn mask(field: TextField, value: &str) -> String {
    match field.spec().shape {
        Shape::Email => mask_email(value),
        Shape::Phone => mask_phone(value),
        _ => MASK.to_owned(),
    }
}

/// Whether a text could be a mask that a client read and sent back.
pub fn is_mask_shaped(field: TextField, value: &str) -> bool {
    field.spec().masked
        && match field.spec().shape {
            Shape::Email => value.contains(MASK),
            Shape::Phone => value.contains("**") || value == MASK,
            _ => value == MASK,
        }
}

fn mask_email(value: &str) -> String {
    let Some((local, host)) = value.rsplit_once('@') else { return MASK.to_owned() };
    let first = |text: &str| text.chars().next().map(String::from).unwrap_or_default();
    let tail = host.rsplit_once('.').map(|(_, tail)| format!(".{tail}")).unwrap_or_default();
    format!("{}{MASK}@{}{MASK}{tail}", first(local), first(host))
}

fn mask_phone(value: &str) -> String {
    let number = value.split(' ').next().unwrap_or(value);
    let length = number.len();
    // A short number keeps only its plus: four of six digits would reveal it.
    if !number.is_ascii() || length < PHONE_TAIL_DIGITS + 4 {
        return MASK.to_owned();
    }
    let (head, rest) = number.split_at(2);
    let (hidden, tail) = rest.split_at(rest.len() - PHONE_TAIL_DIGITS);
    format!("{head}{}{tail}", "*".repeat(hidden.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_1_each_masked_field_has_its_mask() {
        assert_eq!(mask(TextField::Email, "ada.roe@example.test"), "a***@e***.test");
        assert_eq!(mask(TextField::Phone, "+15555550117"), "+1******0117");
        assert_eq!(mask(TextField::Phone, "+15555550117 x12"), "+1******0117");
        assert_eq!(mask(TextField::Address, "9 Elm Row"), "***");
        assert_eq!(mask(TextField::Birthday, "1985-04-12"), "***");
    }

    #[test]
    fn rules_1_every_mask_is_mask_shaped() {
        for (field, value) in [
            (TextField::Email, "ada.roe@example.test"),
            (TextField::Phone, "+15555550117"),
            (TextField::Phone, "+6421"),
            (TextField::Address, "9 Elm Row"),
        ] {
            assert!(is_mask_shaped(field, &mask(field, value)), "{field}");
            assert!(!is_mask_shaped(field, value), "{field}");
        }
        assert!(!is_mask_shaped(TextField::City, "***"));
    }
}

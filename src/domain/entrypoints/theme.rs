//! The theme of an entrypoint: its look in mails and in the portal.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::domain::customers::fields::TextField;

/// The most characters of a store's and a sender's name.
pub const STORE_CHARS_MAX: u64 = 100;
/// The colour of an entrypoint whose theme has none.
pub const COLOR_DEFAULT: &str = "#1f4fa3";

/// The language of mails and pages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[derive(Serialize, Deserialize, IntoStaticStr, EnumString, VariantArray)]
#[strum(ascii_case_insensitive)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Language {
    #[default]
    #[serde(rename = "en")]
    #[strum(serialize = "en")]
    English,
    #[serde(rename = "fr")]
    #[strum(serialize = "fr")]
    French,
}

impl Language {
    /// The BCP 47 code, on the wire and in the database.
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// What an entrypoint sets of its theme. [`Entrypoint`](super::Entrypoint) derives the rest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Theme {
    /// The name that customers know the store by.
    pub store_name: Option<String>,
    /// The name that mails come from.
    pub sender_name: Option<String>,
    /// The language of mails and pages.
    pub language: Language,
    /// `#rrggbb`, in lower case.
    pub color: Option<String>,
    /// The fields that customers edit themselves; `None` for phone and addresses.
    pub editable: Option<Vec<TextField>>,
}

/// The fields that customers may edit by default: phone and addresses.
pub const EDITABLE_DEFAULT: [TextField; 13] = [
    TextField::Phone,
    TextField::Address,
    TextField::Address1,
    TextField::City,
    TextField::State,
    TextField::Zip,
    TextField::Country,
    TextField::ShippingAddress,
    TextField::ShippingAddress1,
    TextField::ShippingCity,
    TextField::ShippingState,
    TextField::ShippingZip,
    TextField::ShippingCountry,
];

/// Fields that customers may never edit: login names and the merchant's own number.
const NEVER_EDITABLE: [TextField; 3] =
    [TextField::Email, TextField::CustomerUsername, TextField::CustomerNumber];

/// Whether an entrypoint may let its customers edit a field.
pub fn may_be_editable(field: TextField) -> bool {
    !NEVER_EDITABLE.contains(&field)
}

/// The stored form of a colour: `#rrggbb` in lower case. `None` if the text is no such colour.
pub fn parse_color(text: &str) -> Option<String> {
    let digits = text.strip_prefix('#')?;
    let is_color = digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_color.then(|| text.to_ascii_lowercase())
}

/// Black or white, whichever is more readable on a colour `#rrggbb` (by WCAG's relative luminance).
pub fn text_on(color: &str) -> &'static str {
    let channel = |at: usize| {
        let byte = color.get(at..at + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let share = f64::from(byte.unwrap_or(0)) / 255.0;
        if share <= 0.040_45 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    };
    let luminance = 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
    // At this luminance both are equally readable.
    if luminance > 0.179 { "#000000" } else { "#ffffff" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_are_six_hexadecimal_digits() {
        assert_eq!(parse_color("#AbCdEf").as_deref(), Some("#abcdef"));
        for bad in ["", "#abc", "abcdef", "#abcdeg", "#abcdef;", "red", "#ébcde"] {
            assert_eq!(parse_color(bad), None, "{bad}");
        }
    }

    #[test]
    fn text_is_black_or_white() {
        assert_eq!(
            ["#000000", COLOR_DEFAULT, "#ffff00", "#ffffff"].map(text_on),
            ["#ffffff", "#ffffff", "#000000", "#000000"]
        );
    }

    #[test]
    fn what_signs_in_is_not_edited_by_customers() {
        assert!(EDITABLE_DEFAULT.into_iter().all(may_be_editable));
        assert!(!may_be_editable(TextField::Email));
    }
}

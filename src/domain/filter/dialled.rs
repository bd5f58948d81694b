//! The digits of phones, stored and typed, by which filters and searches compare them (rules 8).
//!
//! A stored number has two forms: E.164, and the one that is dialled within its country. So what somebody types finds
//! it, whether it begins with a country code or as a national number of any country.

use super::plain::{self, plain};
use crate::domain::customers::phone;

/// The digits of a stored phone in each of its forms.
#[derive(Debug, Default)]
pub(super) struct Dialled {
    forms: Vec<Form>,
}

/// One form: its digits, an extension's after them; and the same with the extension's mark.
#[derive(Debug)]
struct Form {
    digits: String,
    extended: String,
}

impl Form {
    fn of(plain: &str) -> Form {
        Form { digits: plain::digits_of_plain(plain), extended: plain::extended_of_plain(plain) }
    }

    fn contains(&self, digits: &str) -> bool {
        self.digits.contains(digits) || self.extended.contains(digits)
    }
}

impl Dialled {
    /// The forms of a stored phone; of an empty text, the empty form.
    pub(super) fn of(stored: &str) -> Dialled {
        let national = phone::national(stored);
        let stored = Form::of(&plain(stored));
        Dialled { forms: std::iter::once(stored).chain(national.as_deref().map(Form::of)).collect() }
    }

    /// Whether one form has these digits.
    pub(super) fn is(&self, digits: &str) -> bool {
        self.forms.iter().any(|form| form.digits == digits)
    }

    /// Whether one form contains these digits, which may include the mark of an extension.
    pub(super) fn contains(&self, digits: &str) -> bool {
        self.forms.iter().any(|form| form.contains(digits))
    }

    /// Whether the number begins with these digits of E.164.
    pub(super) fn begins_with(&self, digits: &str) -> bool {
        self.forms.first().is_some_and(|form| form.digits.starts_with(digits))
    }

    /// Whether these are all digits of E.164.
    pub(super) fn is_e164(&self, digits: &str) -> bool {
        self.forms.first().is_some_and(|form| form.digits == digits)
    }

    /// Calls `visit` with the trigrams of every form.
    pub(super) fn each_gram(&self, visit: &mut impl FnMut(&str)) {
        for form in &self.forms {
            plain::each_gram(&form.digits, &mut |gram: &str| visit(gram));
            if form.extended.len() > form.digits.len() {
                plain::each_gram(&form.extended, &mut |gram: &str| visit(gram));
            }
        }
    }
}

/// A typed phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedPhone {
    /// Its digits as typed.
    pub digits: String,
    /// Its digits in E.164, where that reads others; the extension's stand after them.
    pub international: Option<String>,
}

impl TypedPhone {
    /// Reads a typed text.
    pub fn of(text: &str) -> TypedPhone {
        let plain = plain(text);
        let digits = plain::digits_of_plain(&plain);
        // A typed number may have an extension, or end early.
        let whole = phone::phone(&international_form(&plain, &digits), None).ok();
        let international = match whole {
            Some(number) => Some(plain::digits_of_plain(&number)).filter(|read| *read != digits),
            None => phone::international(&plain),
        };
        TypedPhone { digits, international }
    }

    /// Whether this is the number.
    pub(super) fn is(&self, stored: &Dialled) -> bool {
        stored.is(&self.digits) || self.international.as_deref().is_some_and(|digits| stored.is_e164(digits))
    }

    /// Whether this is a part of the number.
    pub(super) fn is_part(&self, stored: &Dialled) -> bool {
        stored.contains(&self.digits)
            || self.international.as_deref().is_some_and(|digits| stored.begins_with(digits))
    }

    /// The trigrams that every number has that this finds.
    pub(super) fn grams(&self) -> Vec<String> {
        common_grams(&self.digits, self.international.as_deref())
    }
}

/// A text that begins with `00` or `011`, with `+` instead.
fn international_form(plain: &str, digits: &str) -> String {
    let rest = |prefix: &str| {
        let mut left = prefix.len();
        plain.trim_start_matches(|c: char| {
            let is_dropped = left > 0;
            left -= usize::from(is_dropped && c.is_ascii_digit());
            is_dropped
        })
    };
    match ["00", "011"].into_iter().find(|prefix| !plain.contains('+') && digits.starts_with(prefix)) {
        Some(prefix) => format!("+{}", rest(prefix)),
        None => plain.to_owned(),
    }
}

/// The trigrams of a needle; of two needles, of which one must occur, those of both.
pub(super) fn common_grams(needle: &str, other: Option<&str>) -> Vec<String> {
    let mut grams = plain::grams(needle);
    if let Some(other) = other {
        let others = plain::grams(other);
        grams.retain(|gram| others.contains(gram));
    }
    grams
}

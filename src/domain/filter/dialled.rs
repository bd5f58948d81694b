//! The digits of phones, stored and typed, by which filters and searches compare them (rules 8).
//!
//! A stored number has several forms: E.164, and those within its country. So what somebody types finds it, whether it
//! begins with a country code or as a national number of any country.

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
        let e164 = Form::of(&plain(stored));
        let others = phone::within_country(stored);
        Dialled { forms: std::iter::once(e164).chain(others.iter().map(|form| Form::of(form))).collect() }
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
        for (place, form) in self.forms.iter().enumerate() {
            // The trigrams of a form also find its parts; with an extension they stand at its end.
            if self.forms.iter().take(place).any(|whole| whole.extended.ends_with(&form.extended)) {
                continue;
            }
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

#[cfg(test)]
mod tests {
    use rlibphonenumber::enums::Region;
    use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat};

    use super::*;
    use crate::domain::customers::fields::TextField;
    use crate::domain::customers::record::Customer;
    use crate::domain::filter::Search;

    #[test]
    fn rules_8_a_number_of_every_country_is_found_by_the_text_that_made_it() {
        let mut checked = 0;
        for country in rust_iso3166::ALL {
            let Ok(region) = country.alpha2.parse::<Region>() else { continue };
            let Ok(example) = PHONE_NUMBER_UTIL.get_example_number(region) else { continue };
            let written = |format| example.format_as(format).into_owned();
            let abroad = written(PhoneNumberFormat::International);
            let e164 = written(PhoneNumberFormat::E164);
            for typed in [
                written(PhoneNumberFormat::National),
                example.get_national_significant_number(),
                abroad.replacen('+', "00 ", 1),
                abroad.replacen('+', "00", 1),
                abroad,
            ] {
                // Some countries dial another prefix than 00, or need the digit that is dialled first.
                if phone::phone(&typed, Some(country.alpha2)).as_ref() != Ok(&e164) {
                    continue;
                }
                let needle = TypedPhone::of(&typed);
                let stored = Dialled::of(&e164);
                assert!(needle.is(&stored) && needle.is_part(&stored), "{typed} of {}", country.alpha2);
                let mut customer = Customer::default();
                customer.texts.set(TextField::Phone, Some(e164.as_str().into()));
                let search = Search::parse(&typed).unwrap();
                assert!(search.matches(&customer, false), "{typed} of {}", country.alpha2);
                checked += 1;
            }
        }
        assert!(checked > 800, "{checked}");
    }
}

//! Telephone numbers: their stored form, and the digits by which people look for them (rules 2 and 8).

use icu_normalizer::ComposingNormalizerBorrowed;
use rlibphonenumber::enums::{NumberLengthType, Region};
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat};

use crate::domain::kernel::problem::ValueError;

const CODE: &str = "invalid_phone";
/// The most digits of an extension.
const EXTENSION_DIGITS_MAX: usize = 20;
/// What stands between a number and its extension, in lower case, a longer mark before a shorter one.
const EXTENSION_MARKS: [&str; 20] = [
    "extension",
    "extensión",
    "ext",
    "extn",
    "xtn",
    "poste",
    "anexo",
    "ramal",
    "interno",
    "interne",
    "int",
    "durchwahl",
    "klappe",
    "toestel",
    "wewn",
    "доб",
    "x",
    "х",
    "#",
    "~",
];
/// So many digits before a decimal point, and so many after it, are a number that a spreadsheet wrote. Telephone numbers
/// have no such groups.
const WHOLE_DIGITS_MIN: usize = 5;
const FRACTION_DIGITS_MAX: usize = 2;
/// What people dial before the country code, besides `+`.
const INTERNATIONAL_PREFIXES: [&str; 2] = ["00", "011"];

const NFKC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfkc();

/// A telephone number as E.164, an extension after it as ` x12`.
///
/// `country` is the record's own or its entrypoint's; without a country the number must start with `+`.
///
/// # Errors
/// The text is no telephone number, or one that can be dialled only locally. Letters, except an extension's mark, and the
/// decimal point or the exponent of a spreadsheet make it none.
pub fn phone(text: &str, country: Option<&str>) -> Result<String, ValueError> {
    let text = NFKC.normalize(text.trim());
    let region = country.and_then(|code| code.parse::<Region>().ok());
    let international = text.starts_with('+');
    let (main, extension) = divided(&text)?;
    if is_decimal(main) {
        let message = "has a decimal point, as a spreadsheet writes a number (15555550117.0); format its column as text, and \
                       send the digits alone";
        return Err((CODE, message.into()));
    }
    if region.is_none() && !international {
        return Err((
            CODE,
            "must start with + and the country code, since neither the record nor its entrypoint names a country"
                .into(),
        ));
    }
    let not_a_number = || match country {
        Some(code) if !international => {
            (CODE, format!("is no telephone number of {code}; write it with + and the country code"))
        }
        _ => (CODE, "is no telephone number; write it like +15555550117".to_owned()),
    };
    let number = PHONE_NUMBER_UTIL.parse(main, region).map_err(|_| not_a_number())?;
    match PHONE_NUMBER_UTIL.is_possible_number_with_reason(&number) {
        Ok(NumberLengthType::IsPossible) => {}
        Ok(NumberLengthType::IsPossibleLocalOnly) => {
            return Err((CODE, "can only be dialled locally; add the area code".into()));
        }
        Err(_) => return Err(not_a_number()),
    }
    let extension = extension.or(number.extension.as_deref()).filter(|digits| !digits.is_empty());
    let e164 = number.format_as(PhoneNumberFormat::E164);
    Ok(match extension {
        Some(digits) => format!("{e164} x{digits}"),
        None => e164.into_owned(),
    })
}

/// A typed number and the digits of its extension, if it has one with a mark.
///
/// # Errors
/// There are letters that are no mark of an extension.
fn divided(text: &str) -> Result<(&str, Option<&str>), ValueError> {
    let Some(place) = text.find(|c: char| c.is_alphabetic() || matches!(c, '#' | '~')) else {
        return Ok((text, None));
    };
    let (main, rest) = text.split_at(place);
    // Some people write the mark of an extension behind it: "- 503#".
    if rest == "#" {
        return Ok((text, None));
    }
    let main = main.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '-' | '.' | '('));
    let has_number = main.contains(|c: char| c.is_numeric());
    if has_number && let Some(digits) = extension(rest) {
        return Ok((main, Some(digits)));
    }
    let exponent = rest.strip_prefix(['e', 'E']).map(|rest| rest.trim_start_matches(['+', '-']));
    if has_number && exponent.is_some_and(|digits| !digits.is_empty() && is_digits(digits)) {
        let message = "has an exponent, as a spreadsheet writes a long number (1.55556E+10), which loses digits; format its \
                       column as text, and send the whole number";
        return Err((CODE, message.into()));
    }
    let message =
        "has letters; only the mark of an extension has some (ext, x, poste or #, with its digits after it)";
    Err((CODE, message.into()))
}

/// The digits of an extension that begins with its mark.
fn extension(text: &str) -> Option<&str> {
    EXTENSION_MARKS.iter().find_map(|mark| {
        let (own, rest) =
            text.char_indices().nth(mark.chars().count()).map_or((text, ""), |(at, _)| text.split_at(at));
        if own.to_lowercase() != **mark {
            return None;
        }
        let digits =
            rest.trim_matches(|c: char| c.is_whitespace() || matches!(c, '.' | ':' | '=' | ')' | '#' | '-'));
        ((1..=EXTENSION_DIGITS_MAX).contains(&digits.len()) && is_digits(digits)).then_some(digits)
    })
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a text is a number with a fraction, as spreadsheets write telephone numbers: `3331234567.0`.
fn is_decimal(text: &str) -> bool {
    let Some((whole, fraction)) = text.trim_start_matches(['+', '-']).split_once(['.', ',']) else {
        return false;
    };
    whole.len() >= WHOLE_DIGITS_MIN
        && !fraction.is_empty()
        && is_digits(whole)
        && is_digits(fraction)
        && (fraction.len() <= FRACTION_DIGITS_MAX || fraction.bytes().all(|byte| byte == b'0'))
}

/// A stored number as people write it within its country: as it is dialled there, and without the digit that is dialled
/// first there. An extension stands after each as ` x12`. Empty if the text is no number.
pub fn within_country(stored: &str) -> Vec<String> {
    let (number, extension) = stored.split_at(stored.find(' ').unwrap_or(stored.len()));
    let Some(parsed) = parsed(number) else { return Vec::new() };
    let dialled = parsed.format_as(PhoneNumberFormat::National);
    let dialled = dialled.chars().filter(char::is_ascii_digit).collect();
    let mut forms = vec![dialled, parsed.get_national_significant_number()];
    forms.dedup();
    forms.into_iter().map(|form: String| form + extension).collect()
}

/// The digits of a number that somebody typed with a country code, in E.164: after `00`, `011` or `+`, and without the `0`
/// of `+44 (0)20`. None if that reads no other digits than those typed. It may be the beginning of a number.
pub fn international(typed: &str) -> Option<String> {
    let digits: String = typed.chars().filter(char::is_ascii_digit).collect();
    let has_plus = typed.trim_start_matches(|c: char| c.is_whitespace() || c == '(').starts_with('+');
    let prefix = INTERNATIONAL_PREFIXES.iter().find(|prefix| !has_plus && digits.starts_with(**prefix));
    let abroad = match prefix {
        Some(prefix) => digits.strip_prefix(prefix)?,
        None if has_plus => &digits,
        None => return None,
    };
    let whole = parsed(&format!("+{abroad}"))
        .map(|number| number.format_as(PhoneNumberFormat::E164).trim_start_matches('+').to_owned());
    let is_begun = prefix == Some(&"00") && !abroad.is_empty();
    whole.or_else(|| is_begun.then(|| abroad.to_owned())).filter(|read| *read != digits)
}

/// A possible number in international form.
fn parsed(number: &str) -> Option<PhoneNumber> {
    let parsed = PHONE_NUMBER_UTIL.parse(number, None).ok()?;
    PHONE_NUMBER_UTIL.is_possible_number(&parsed).then_some(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_2_phones_are_e164() {
        assert_eq!(phone("(555) 555-0117", Some("US")).unwrap(), "+15555550117");
        assert_eq!(phone("+880 1700-000000", None).unwrap(), "+8801700000000");
        assert_eq!(phone("020 7946 0018", Some("GB")).unwrap(), "+442079460018");
        assert_eq!(phone("＋４４ ２０ ７９４６ ００１８", None).unwrap(), "+442079460018");
        assert_eq!(phone("01.23.45.67.89", Some("FR")).unwrap(), "+33123456789");
        assert_eq!(phone("555.555.0117", Some("US")).unwrap(), "+15555550117");
        assert!(phone("555-0117", Some("US")).unwrap_err().1.contains("area code"));
        assert!(phone("(555) 555-0117", None).unwrap_err().1.contains('+'));
        for bad in ["hello", "123", "+1", "++1555", "+999123456789", "1234567890123456789"] {
            assert!(phone(bad, Some("US")).is_err(), "{bad}");
        }
    }

    #[test]
    fn rules_2_only_the_mark_of_an_extension_has_letters() {
        for mark in [
            "x",
            " x",
            "x ",
            " ext. ",
            " Ext ",
            " EXT:",
            " extn ",
            " extension ",
            ", ext ",
            " poste ",
            " Poste n",
            " #",
            "#",
            " (ext. ",
            ";ext=",
            " доб. ",
            " X-",
            " int. ",
            " ｅｘｔ ",
            " ~",
            " anexo ",
        ] {
            let text = format!("+1 (555) 555-0117{mark}12{}", if mark.contains('(') { ")" } else { "" });
            match mark {
                " Poste n" => assert!(phone(&text, None).is_err(), "{text}"),
                _ => assert_eq!(phone(&text, None).as_deref(), Ok("+15555550117 x12"), "{text}"),
            }
        }
        for (text, country) in [
            ("030 901820 Mama", "DE"),
            ("Mama 030 901820", "DE"),
            ("1-800-FLOWERS", "US"),
            ("030 901820 x", "DE"),
            ("030 901820 x Büro", "DE"),
            ("030 901820 ext 12 (Büro)", "DE"),
            ("tel:+4930901820", "DE"),
            ("03-1234-5678 自宅", "JP"),
            ("555-555-0117 or 0118", "US"),
            ("O30 9O182O", "DE"),
        ] {
            let (code, message) = phone(text, Some(country)).unwrap_err();
            assert_eq!(code, CODE);
            assert!(message.contains("letters"), "{text}: {message}");
        }
    }

    #[test]
    fn rules_2_what_a_spreadsheet_made_of_a_number_is_none() {
        for text in
            ["3331234567.0", "+393331234567.00", "3331234567,0", "393331234567.5", "3331234567.000000"]
        {
            let (_, message) = phone(text, Some("IT")).unwrap_err();
            assert!(message.contains("decimal point") && !message.contains("333123"), "{text}: {message}");
        }
        for text in ["3.93331E11", "3.93331E+11", "3,93331e+11", "4E+10"] {
            let (_, message) = phone(text, Some("IT")).unwrap_err();
            assert!(message.contains("exponent") && !message.contains("3331"), "{text}: {message}");
        }
    }

    #[test]
    fn rules_8_numbers_are_read_as_people_dial_them() {
        assert_eq!(within_country("+441614960123"), ["01614960123", "1614960123"]);
        assert_eq!(within_country("+441614960123 x12"), ["01614960123 x12", "1614960123 x12"]);
        assert_eq!(within_country("+15555550117"), ["5555550117"]);
        assert_eq!(within_country("+390612345678"), ["0612345678"]);
        assert!(within_country("ada").is_empty() && within_country("").is_empty());
        for (typed, read) in [
            ("0044 161 496 0123", Some("441614960123")),
            ("+44 (0)161 496 0123", Some("441614960123")),
            ("(+44) 161 496 0123", None),
            ("011 44 161 496 0123", Some("441614960123")),
            ("0044 16", Some("4416")),
            ("0161 496 0123", None),
            ("00", None),
        ] {
            assert_eq!(international(typed).as_deref(), read, "{typed}");
        }
    }
}

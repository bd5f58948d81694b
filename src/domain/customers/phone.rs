//! Telephone numbers (rules 2).

use rlibphonenumber::enums::{NumberLengthType, Region};
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat};

use crate::domain::kernel::problem::ValueError;

/// A telephone number as E.164, an extension after it as ` x12`.
///
/// `country` is the record's own or its entrypoint's; without a country the number must start with `+`.
///
/// # Errors
/// The text is no telephone number, or one that can be dialled only locally.
pub fn phone(text: &str, country: Option<&str>) -> Result<String, ValueError> {
    const CODE: &str = "invalid_phone";
    let region = country.and_then(|code| code.parse::<Region>().ok());
    let international = text.trim_start().starts_with(['+', '＋']);
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
    // The library reads letters as keypad digits ("1-800-FLOWERS"); only the mark of an extension may have letters.
    let number = PHONE_NUMBER_UTIL.parse(text, region).map_err(|_| not_a_number())?;
    match PHONE_NUMBER_UTIL.is_possible_number_with_reason(&number) {
        Ok(NumberLengthType::IsPossible) => {}
        Ok(NumberLengthType::IsPossibleLocalOnly) => {
            return Err((CODE, "can only be dialled locally; add the area code".into()));
        }
        Err(_) => return Err(not_a_number()),
    }
    let extension = number.extension.as_deref().filter(|digits| !digits.is_empty()).map(str::to_owned);
    let e164 = number.format_as(PhoneNumberFormat::E164);
    Ok(match extension {
        Some(digits) => format!("{e164} x{digits}"),
        None => e164.into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_2_phones_are_e164() {
        assert_eq!(phone("(555) 555-0117", Some("US")).unwrap(), "+15555550117");
        assert_eq!(phone("+880 1700-000000", None).unwrap(), "+8801700000000");
        assert_eq!(phone("+1 (555) 555-0117 ext. 12", None).unwrap(), "+15555550117 x12");
        assert_eq!(phone("+15555550117 x12", None).unwrap(), "+15555550117 x12");
        assert_eq!(phone("020 7946 0018", Some("GB")).unwrap(), "+442079460018");
        assert!(phone("555-0117", Some("US")).unwrap_err().1.contains("area code"));
        assert!(phone("(555) 555-0117", None).unwrap_err().1.contains('+'));
        for bad in ["hello", "123", "+1", "++1555", "+999123456789", "1234567890123456789"] {
            assert!(phone(bad, Some("US")).is_err(), "{bad}");
        }
    }
}

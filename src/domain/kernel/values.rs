//! Reads members of a body that several subjects have: texts, amounts, percentages, times, numbers. `None` stands for `null` and
//! for an empty text.

use chrono::{DateTime, Datelike, NaiveDate};
use serde_json::value::RawValue;

use super::members::Given;
use super::money::Money;
use super::percent::Percent;
use super::problem::ValueError;
use super::text::{clean, clean_paragraphs};
use super::time::Micros;

/// Microseconds in a day.
const DAY_US: i64 = 24 * 60 * 60 * 1_000_000;

/// Which moment of a day a day without a time means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfDay {
    /// Its first microsecond, in UTC.
    First,
    /// Its last one.
    Last,
}

/// A value of another type than wanted.
pub fn wrong_type(wanted: &str, given: &Given<'_>) -> ValueError {
    ("wrong_type", format!("must be {wanted}, not {}", given.kind()))
}

/// A text of one line in its stored form.
///
/// # Errors
/// It is no text, too long, or has a control character.
pub fn text(given: &Given<'_>, chars_max: usize) -> Result<Option<String>, ValueError> {
    match given {
        Given::Null => Ok(None),
        Given::Text(text) => Ok(Some(String::from(clean(text, chars_max)?)).filter(|text| !text.is_empty())),
        other => Err(wrong_type("a string", other)),
    }
}

/// A text of several lines in its stored form.
///
/// # Errors
/// As [`text`].
pub fn paragraphs(given: &Given<'_>, chars_max: usize) -> Result<Option<String>, ValueError> {
    match given {
        Given::Null => Ok(None),
        Given::Text(text) => Ok(Some(clean_paragraphs(text, chars_max)?).filter(|text| !text.is_empty())),
        other => Err(wrong_type("a string", other)),
    }
}

/// The text of a number: a JSON number, or a decimal without an exponent in a text.
fn number<'a>(given: &'a Given<'_>) -> Result<Option<&'a str>, ValueError> {
    match given {
        Given::Null => Ok(None),
        Given::Number(text) => Ok(Some(text)),
        Given::Text(text) if !text.contains(['e', 'E']) => {
            Ok(Some(text.trim()).filter(|text| !text.is_empty()))
        }
        other => Err(wrong_type("a number", other)),
    }
}

/// An amount that is not negative.
///
/// # Errors
/// It is no number, too large, too fine, or negative.
pub fn amount(given: &Given<'_>) -> Result<Option<Money>, ValueError> {
    let Some(text) = number(given)? else { return Ok(None) };
    let amount = Money::parse(text).map_err(|error| ("invalid_amount", error.to_string()))?;
    if amount < Money::default() {
        return Err(("invalid_amount", "must not be negative".into()));
    }
    Ok(Some(amount))
}

/// An amount of more than 0.
///
/// # Errors
/// As [`amount`]; it is 0.
pub fn some_amount(given: &Given<'_>) -> Result<Option<Money>, ValueError> {
    match amount(given)? {
        Some(nothing) if nothing == Money::default() => {
            Err(("invalid_amount", "must be greater than 0".into()))
        }
        other => Ok(other),
    }
}

/// A percentage from 0 to 100 with at most two fraction digits.
///
/// # Errors
/// It is no such number.
pub fn percent(given: &Given<'_>) -> Result<Option<Percent>, ValueError> {
    number(given)?.map(Percent::parse).transpose()
}

/// A whole number from 1 to `most`.
///
/// # Errors
/// It is no such number.
pub fn count(given: &Given<'_>, most: i64) -> Result<Option<i64>, ValueError> {
    let text = match given {
        Given::Null => return Ok(None),
        Given::Number(text) => *text,
        other => return Err(wrong_type("an integer", other)),
    };
    let number = text.parse::<i64>().ok().filter(|number| (1..=most).contains(number));
    number.map(Some).ok_or_else(|| ("invalid_value", format!("must be an integer from 1 to {most}")))
}

/// `true` or `false`.
///
/// # Errors
/// It is neither.
pub fn flag(raw: &RawValue) -> Result<Option<bool>, ValueError> {
    match Given::of(raw) {
        Given::Null => Ok(None),
        Given::Bool => Ok(Some(raw.get() == "true")),
        other => Err(wrong_type("true or false", &other)),
    }
}

/// A time with its zone, or a day in UTC.
///
/// # Errors
/// It has another form, or a year before 1970 or after 9999.
pub fn moment(given: &Given<'_>, of_day: OfDay) -> Result<Option<Micros>, ValueError> {
    let text = match given {
        Given::Null => return Ok(None),
        Given::Text(text) if text.trim().is_empty() => return Ok(None),
        Given::Text(text) => text.trim(),
        other => return Err(wrong_type("a string", other)),
    };
    let wrong = |message: &str| ("invalid_time", message.to_owned());
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| text.len() == 10);
    let moment = match day.and_then(|day| day.and_hms_opt(0, 0, 0)) {
        Some(midnight) => midnight.and_utc(),
        None => DateTime::parse_from_rfc3339(text)
            .map_err(|_| wrong("must be a day such as 2026-03-01, or a time such as 2026-03-01T10:00:00Z"))?
            .to_utc(),
    };
    if !(1970..=9999).contains(&moment.year()) {
        return Err(wrong("must be from 1970 to 9999"));
    }
    let first = moment.timestamp_micros();
    let ends = day.is_some() && of_day == OfDay::Last;
    Ok(Some(Micros(if ends { first + DAY_US - 1 } else { first })))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> Given<'_> {
        Given::of(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn rules_17_a_day_begins_and_ends_in_utc() {
        let shown = |text: &str, of_day| moment(&of(text), of_day).unwrap().map(Micros::to_rfc3339);
        let day = "\"2026-03-01\"";
        assert_eq!(shown(day, OfDay::First).unwrap(), "2026-03-01T00:00:00.000000Z");
        assert_eq!(shown(day, OfDay::Last).unwrap(), "2026-03-01T23:59:59.999999Z");
        let time = "\"2026-03-01T10:00:00+02:00\"";
        assert_eq!(shown(time, OfDay::Last).unwrap(), "2026-03-01T08:00:00.000000Z");
        assert_eq!((shown("null", OfDay::Last), shown("\" \"", OfDay::First)), (None, None));
        for text in ["\"1.3.2026\"", "\"2026-02-30\"", "\"2026-03-01 10:00:00\"", "\"1969-12-31\""] {
            assert_eq!(moment(&of(text), OfDay::First).unwrap_err().0, "invalid_time", "{text}");
        }
        assert_eq!(moment(&of("7"), OfDay::First).unwrap_err().0, "wrong_type");
    }

    #[test]
    fn rules_17_numbers_come_as_numbers_or_decimals_in_texts() {
        assert_eq!(amount(&of("\" 1.50 \"")).unwrap(), amount(&of("1.5")).unwrap());
        assert_eq!((amount(&of("null")), amount(&of("\"\""))), (Ok(None), Ok(None)));
        assert_eq!(amount(&of("-0.01")).unwrap_err().0, "invalid_amount");
        assert_eq!(some_amount(&of("0")).unwrap_err().0, "invalid_amount");
        assert_eq!(percent(&of("\"12.5\"")).unwrap(), percent(&of("12.5")).unwrap());
        assert_eq!(percent(&of("true")).unwrap_err().0, "wrong_type");
        assert_eq!(count(&of("7"), 9), Ok(Some(7)));
        for text in ["0", "10", "1.5", "-1"] {
            assert_eq!(count(&of(text), 9).unwrap_err().0, "invalid_value", "{text}");
        }
        assert_eq!(flag(serde_json::from_str("true").unwrap()), Ok(Some(true)));
        assert_eq!(flag(serde_json::from_str("\"yes\"").unwrap()).unwrap_err().0, "wrong_type");
    }
}

//! How the numbers of invoices are made (rules 19): each entrypoint has a series for invoices and one for credit notes.

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantNames};

/// The most characters of a pattern.
pub const PATTERN_CHARS_MAX: usize = 40;
/// The most digits that a number has at first. The numbers of cards have more, and the API refuses what looks like one (rules 10).
const DIGITS_MAX: usize = 12;
/// What stands for the year.
const YEAR: &str = "{YYYY}";

/// When the numbers of a series begin at 1 again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[derive(Serialize, Deserialize, EnumString, IntoStaticStr, VariantNames)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Restart {
    /// With each year, which the number then names.
    #[default]
    Yearly,
    /// Never.
    Never,
}

/// How a series writes its numbers, such as `INV-{YYYY}-{0000}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pattern(String);

impl Pattern {
    /// That of invoices, where none is set.
    pub fn of_invoices() -> Pattern {
        Pattern("INV-{YYYY}-{0000}".into())
    }

    /// That of credit notes, where none is set.
    pub fn of_credit_notes() -> Pattern {
        Pattern("CN-{YYYY}-{0000}".into())
    }

    /// Reads a pattern: letters, digits and `-_./#`, `{YYYY}` for the year, and once `{0000}` for the number, with as many
    /// zeros as it has digits at least.
    ///
    /// # Errors
    /// What would do.
    pub fn parse(text: &str, restart: Restart) -> Result<Pattern, String> {
        let text = text.trim();
        if text.chars().count() > PATTERN_CHARS_MAX {
            return Err(format!("must have at most {PATTERN_CHARS_MAX} characters"));
        }
        let (mut numbers, mut years, mut digits, mut rest) = (0, 0, 0, text);
        while let Some(first) = rest.chars().next() {
            if first != '{' {
                if !(first.is_ascii_alphanumeric() || "-_./#".contains(first)) {
                    return Err("must be letters, digits and -_./#, with {YYYY} and {0000} in it".into());
                }
                digits += usize::from(first.is_ascii_digit());
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            let (inner, after) = rest
                .get(1..)
                .and_then(|rest| rest.split_once('}'))
                .ok_or_else(|| "has a { without its }".to_owned())?;
            match inner {
                "YYYY" => years += 1,
                zeros if !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0') => numbers += 1,
                _ => return Err("may have {YYYY} and {0000} in braces, and nothing else".into()),
            }
            digits += inner.len();
            rest = after;
        }
        if numbers != 1 {
            return Err("must have {0000} once: the place of the number".into());
        }
        if digits > DIGITS_MAX {
            return Err(format!("must make numbers of at most {DIGITS_MAX} digits, with those of the year"));
        }
        if restart == Restart::Yearly && years == 0 {
            return Err("must have {YYYY}, because the numbers begin again with each year; or set invoiceNumberRestart to never".into());
        }
        Ok(Pattern(text.to_owned()))
    }

    /// The text as it was set.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The number in words of the series.
    pub fn write(&self, year: i32, number: i64) -> String {
        let text = self.0.replace(YEAR, &format!("{year:04}"));
        let Some((head, rest)) = text.split_once('{') else { return text };
        let Some((zeros, tail)) = rest.split_once('}') else { return text };
        format!("{head}{number:0width$}{tail}", width = zeros.len())
    }
}

/// Where a series stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Series {
    /// The year of the last number; 0 before the first one.
    pub year: i32,
    /// The next number of that year.
    pub next: i64,
    /// The day of the last number.
    pub last_day: Option<NaiveDate>,
}

/// A number of a series, and where the series stands after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The number as it is printed.
    pub number: String,
    /// The series after it.
    pub series: Series,
}

impl Series {
    /// The number that comes next on a day.
    pub fn take(self, pattern: &Pattern, restart: Restart, day: NaiveDate) -> Taken {
        let begins_again = self.next == 0 || (restart == Restart::Yearly && day.year() != self.year);
        let number = if begins_again { 1 } else { self.next };
        let series = Series { year: day.year(), next: number.saturating_add(1), last_day: Some(day) };
        Taken { number: pattern.write(day.year(), number), series }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn rules_19_patterns_are_checked() {
        for good in ["INV-{YYYY}-{0000}", "{YYYY}/{0}", "A.{000000}.{YYYY}"] {
            assert!(Pattern::parse(good, Restart::Yearly).is_ok(), "{good}");
        }
        assert!(Pattern::parse("INV{0000}", Restart::Never).is_ok());
        for bad in
            ["", "INV", "INV{0000}", "{YYYY}{00}{00}", "{YY}{00}", "{0000", "INV {YYYY}{0000}", "é{YYYY}{0}"]
        {
            assert!(Pattern::parse(bad, Restart::Yearly).is_err(), "{bad}");
        }
        assert!(Pattern::parse(&format!("{}{{YYYY}}{{0}}", "A".repeat(40)), Restart::Yearly).is_err());
        assert!(Pattern::parse("12345{YYYY}{0000}", Restart::Yearly).is_err(), "13 digits");
    }

    #[test]
    fn rules_19_numbers_follow_each_other_and_begin_again_with_the_year() {
        let pattern = Pattern::of_invoices();
        let mut series = Series::default();
        let mut numbers = Vec::new();
        for at in ["2026-12-30", "2026-12-31", "2027-01-01", "2027-01-01"] {
            let taken = series.take(&pattern, Restart::Yearly, day(at));
            numbers.push(taken.number);
            series = taken.series;
        }
        assert_eq!(numbers, ["INV-2026-0001", "INV-2026-0002", "INV-2027-0001", "INV-2027-0002"]);
        let on =
            series.take(&Pattern::parse("N{00}", Restart::Never).unwrap(), Restart::Never, day("2028-01-01"));
        assert_eq!(on.number, "N03");
        let long = Series { year: 2027, next: 12_345, last_day: None };
        assert_eq!(long.take(&pattern, Restart::Yearly, day("2027-02-01")).number, "INV-2027-12345");
    }
}

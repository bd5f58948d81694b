//! Date formats of sheets.

use std::fmt;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Year,
    Month,
    Day,
}

const SEPARATORS: [Option<char>; 5] = [Some('-'), Some('/'), Some('.'), Some(' '), None];

impl Part {
    const ORDERS: [[Part; 3]; 6] = {
        use Part::{Day as D, Month as M, Year as Y};
        [[Y, M, D], [Y, D, M], [M, Y, D], [M, D, Y], [D, Y, M], [D, M, Y]]
    };
}

/// The order of year, month and day, and their separator: `DD-MM-YYYY`, `MM/DD/YYYY`, `YYYYMMDD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct DateFormat {
    order: [Part; 3],
    separator: Option<char>,
}

impl DateFormat {
    /// `YYYY-MM-DD`.
    pub const ISO: DateFormat =
        DateFormat { order: [Part::Year, Part::Month, Part::Day], separator: Some('-') };
    /// `DD-MM-YYYY`, the format of DOKU's sheet.
    pub const DAY_FIRST: DateFormat =
        DateFormat { order: [Part::Day, Part::Month, Part::Year], separator: Some('-') };

    /// The formats that a person is likely to mean.
    fn usual() -> impl Iterator<Item = DateFormat> {
        use Part::{Day as D, Month as M, Year as Y};
        let orders = [[Y, M, D], [D, M, Y], [M, D, Y]];
        orders.into_iter().flat_map(|order| SEPARATORS.map(|separator| DateFormat { order, separator }))
    }

    /// The usual formats in which a text is a day of the calendar, for advice.
    pub fn that_read(text: &str) -> Vec<DateFormat> {
        DateFormat::usual().filter(|format| format.to_day(text).is_some()).collect()
    }

    /// A day of this format as `YYYY-MM-DD`.
    pub fn to_day(self, text: &str) -> Option<String> {
        self.to_iso(text).filter(|iso| NaiveDate::parse_from_str(iso, "%Y-%m-%d").is_ok())
    }

    /// Reads a pattern of `YYYY`, `MM` and `DD`, once each, in any case, separated by the same `-`, `/`, `.` or blank, or by
    /// nothing.
    pub fn parse(pattern: &str) -> Option<DateFormat> {
        let mut formats = Part::ORDERS
            .into_iter()
            .flat_map(|order| SEPARATORS.map(|separator| DateFormat { order, separator }));
        formats.find(|format| format.to_string().eq_ignore_ascii_case(pattern.trim()))
    }

    /// A date of this format as `YYYY-MM-DD`; it may be a day that does not exist. Month and day may have one digit if there
    /// is a separator.
    fn to_iso(self, text: &str) -> Option<String> {
        let mut rest = text;
        let mut values = [""; 3];
        for (index, (value, part)) in values.iter_mut().zip(self.order).enumerate() {
            let length = if part == Part::Year { 4 } else { 2 };
            let piece = match self.separator {
                Some(separator) if index < 2 => {
                    let (piece, after) = rest.split_once(separator)?;
                    rest = after;
                    piece
                }
                Some(_) => std::mem::take(&mut rest),
                None => {
                    let (piece, after) = rest.split_at_checked(length)?;
                    rest = after;
                    piece
                }
            };
            let least = if part == Part::Year || self.separator.is_none() { length } else { 1 };
            let is_number = piece.bytes().all(|byte| byte.is_ascii_digit());
            if !is_number || !(least..=length).contains(&piece.len()) {
                return None;
            }
            *value = piece;
        }
        let of = |wanted: Part| {
            let found = self.order.iter().zip(values).find(|(part, _)| **part == wanted);
            found.map(|(_, value)| value).unwrap_or_default()
        };
        rest.is_empty().then(|| format!("{}-{:0>2}-{:0>2}", of(Part::Year), of(Part::Month), of(Part::Day)))
    }
}

impl fmt::Display for DateFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.order.iter().enumerate() {
            if let Some(separator) = self.separator.filter(|_| index > 0) {
                write!(f, "{separator}")?;
            }
            f.write_str(match part {
                Part::Year => "YYYY",
                Part::Month => "MM",
                Part::Day => "DD",
            })?;
        }
        Ok(())
    }
}

impl From<DateFormat> for String {
    fn from(format: DateFormat) -> String {
        format.to_string()
    }
}

impl TryFrom<String> for DateFormat {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        DateFormat::parse(&text).ok_or("no date format")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_formats_read_their_dates() {
        for (pattern, text, iso) in [
            ("DD-MM-YYYY", "12-04-1985", Some("1985-04-12")),
            ("dd-mm-yyyy", "2-4-1985", Some("1985-04-02")),
            ("MM/DD/YYYY", "4/12/1985", Some("1985-04-12")),
            ("YYYY-MM-DD", "1985-04-12", Some("1985-04-12")),
            ("YYYYMMDD", "19850412", Some("1985-04-12")),
            ("DD.MM.YYYY", "12.04.1985", Some("1985-04-12")),
            ("YYYY MM DD", "1985 04 12", Some("1985-04-12")),
            ("DD-MM-YYYY", "1985-04-12", None),
            ("DD-MM-YYYY", "12-04-85", None),
            ("DD-MM-YYYY", "12-04-1985 ", None),
            ("DD-MM-YYYY", "12-04-1985-1", None),
            ("DD-MM-YYYY", "12-04", None),
            ("DD-MM-YYYY", "--", None),
            ("DD-MM-YYYY", "１2-04-1985", None),
            ("YYYYMMDD", "198504123", None),
            ("YYYYMMDD", "1985é12", None),
            ("MM/DD/YYYY", "+4/12/1985", None),
        ] {
            let format = DateFormat::parse(pattern).unwrap();
            assert_eq!(format.to_iso(text).as_deref(), iso, "{pattern} {text}");
            assert_eq!(format.to_string(), pattern.to_uppercase());
        }
        for bad in
            ["", "YYYY", "DD-MM-YY", "DD-MM-YYYY-", "DD-MM/YYYY", "DD--MM-YYYY", "DD:MM:YYYY", "MM-MM-YYYY"]
        {
            assert_eq!(DateFormat::parse(bad), None, "{bad}");
        }
        let that_read =
            |text| DateFormat::that_read(text).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        assert_eq!(that_read("1985-04-12"), "YYYY-MM-DD");
        assert_eq!(that_read("31/12/1985"), "DD/MM/YYYY");
        assert_eq!(that_read("12.4.1985"), "DD.MM.YYYY MM.DD.YYYY");
        assert_eq!(that_read("19850412"), "YYYYMMDD");
        assert_eq!(that_read("12/04/85"), "");
        assert_eq!(DateFormat::parse("YYYY-MM-DD"), Some(DateFormat::ISO));
        assert_eq!(DateFormat::parse("DD-MM-YYYY"), Some(DateFormat::DAY_FIRST));
    }
}

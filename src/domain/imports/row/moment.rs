//! Dates and times of sheets (rules 9).

use std::borrow::Cow;
use std::fmt::Write as _;

use chrono::NaiveTime;

use crate::domain::imports::options::{DateFormat, zone_minutes};
use crate::domain::kernel::problem::ValueError;

/// English names of months, as far as they are written: `Mar`, `March`, `Sept`.
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
/// What spreadsheets write after a day.
const MIDNIGHTS: [&str; 5] = [" 00:00:00", "T00:00:00", "T00:00:00Z", " 00:00", " 0:00"];

/// A birthday as `YYYY-MM-DD`, in the given format, else in ISO's, DOKU's, or with the name of its month.
///
/// # Errors
/// It has another form; the message names the `dateFormat` that would read it.
pub(super) fn birthday(text: &str, dates: Option<DateFormat>) -> Result<String, ValueError> {
    const CODE: &str = "invalid_birthday";
    let day = MIDNIGHTS.iter().find_map(|end| text.strip_suffix(end)).unwrap_or(text);
    let read = match dates {
        Some(format) => format.to_day(day),
        None => DateFormat::ISO
            .to_day(day)
            .or_else(|| DateFormat::DAY_FIRST.to_day(day))
            .or_else(|| with_named_month(day)),
    };
    read.ok_or_else(|| {
        if is_without_year(day) {
            let message = "is a birthday without a year; complete it, or send onBadValue=blank to import the row \
                           without it";
            return (CODE, message.to_owned());
        }
        let wanted = dates.map_or_else(|| "YYYY-MM-DD or DD-MM-YYYY".to_owned(), |format| format.to_string());
        (CODE, format!("must be a date written as {wanted}{}", advice(day)))
    })
}

/// A moment as RFC 3339: a day in the given format, in ISO's or with the name of its month, perhaps with a time after a
/// blank or `T`, perhaps with a zone. A day alone means its first moment. `zone` (minutes east of UTC) is that of the
/// header; without any it is UTC.
///
/// # Errors
/// It has another form; the message names the `dateFormat` that would read it.
pub(in crate::domain::imports) fn created_at(
    text: &str,
    dates: Option<DateFormat>,
    zone: Option<i32>,
) -> Result<String, ValueError> {
    // A format may have blanks in it, so every blank can be the end of the day.
    let ends = text.char_indices().filter(|(_, c)| c.is_whitespace() || matches!(c, 'T' | 't'));
    let mut ends: Vec<(usize, usize)> = ends.map(|(at, c)| (at, at + c.len_utf8())).collect();
    ends.push((text.len(), text.len()));
    let read = ends.iter().rev().find_map(|(end, next)| {
        let day = text.get(..*end)?.trim_end_matches(',');
        let day = dates
            .and_then(|format| format.to_day(day))
            .or_else(|| DateFormat::ISO.to_day(day))
            .or_else(|| with_named_month(day))?;
        time(text.get(*next..)?, zone).map(|time| format!("{day}T{time}"))
    });
    read.ok_or_else(|| {
        let day = text.split([' ', 'T', 't', ',']).next().unwrap_or_default();
        let form = dates.map(|format| format!("{format}, ")).unwrap_or_default();
        let reads_day = dates.and_then(|format| format.to_day(day)).or_else(|| DateFormat::ISO.to_day(day));
        let advice = match reads_day {
            Some(_) => "; the time after the day, or its zone, is not known: write a zone as an offset such as +01:00".into(),
            None => advice(day),
        };
        let message = format!(
            "must be a date or a time such as {form}2024-03-12, 2024-03-12 09:30 or 2024-03-12T09:30:00-05:00{advice}"
        );
        ("invalid_time", message)
    })
}

/// A time with its zone, as RFC 3339 has it after the `T`; midnight if there is none.
fn time(text: &str, zone: Option<i32>) -> Option<String> {
    let text = text.trim();
    let (clock, minutes) = match split_zone(text) {
        Some((clock, minutes)) => (clock, minutes),
        None => (text, zone.unwrap_or(0)),
    };
    let clock: String = clock.chars().filter(|c| !c.is_whitespace()).collect();
    let read = |form: &str| NaiveTime::parse_from_str(&clock, form).ok();
    let forms = ["%H:%M:%S%.f", "%H:%M", "%I:%M:%S%p", "%I:%M%p"];
    let clock = if clock.is_empty() { NaiveTime::MIN } else { forms.into_iter().find_map(read)? };
    let sign = if minutes < 0 { '-' } else { '+' };
    let (hours, minutes) = (minutes.abs() / 60, minutes.abs() % 60);
    Some(format!("{}{sign}{hours:02}:{minutes:02}", clock.format("%H:%M:%S%.f")))
}

/// What stands before the zone, and the zone.
fn split_zone(text: &str) -> Option<(&str, i32)> {
    let ends = text
        .char_indices()
        .filter(|(_, c)| c.is_whitespace() || matches!(c, '+' | '-') || matches!(c, 'Z' | 'z'));
    let mut starts = ends.map(|(at, _)| at).collect::<Vec<_>>();
    starts.push(0);
    starts.sort_unstable();
    starts.into_iter().find_map(|at| {
        let (clock, zone) = text.split_at_checked(at)?;
        zone_minutes(zone).map(|minutes| (clock, minutes))
    })
}

/// A day with the English name of its month: `12-Mar-2024`, `Mar 12, 2024`, `12 March 2024`.
fn with_named_month(text: &str) -> Option<String> {
    let parts: Vec<&str> = words(text).collect();
    let [one, two, year] = parts.as_slice() else { return None };
    let (day, name) = if one.starts_with(|c: char| c.is_ascii_digit()) { (one, two) } else { (two, one) };
    DateFormat::ISO.to_day(&format!("{year}-{}-{day}", month(name)?))
}

fn month(name: &str) -> Option<usize> {
    let name = name.to_ascii_lowercase();
    let is_it = |month: &&str| name.len() >= 3 && month.starts_with(&name);
    MONTHS.iter().position(is_it).map(|index| index + 1)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// Whether a text is a day and a month only: `04/12`, `12 Apr`, `--04-12`.
fn is_without_year(text: &str) -> bool {
    let is_number = |word: &&str| word.len() <= 2 && word.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = words(text).collect();
    parts.len() == 2
        && parts.iter().any(is_number)
        && parts.iter().all(|word| is_number(word) || month(word).is_some())
}

/// Which `dateFormat` would read a day.
fn advice(day: &str) -> Cow<'static, str> {
    let formats = DateFormat::that_read(day);
    if formats.is_empty() {
        return "; dateFormat names another form, with four digits of the year".into();
    }
    let mut text = String::from("; ");
    for (index, format) in formats.iter().enumerate() {
        let _ = write!(text, "{}dateFormat={format}", if index > 0 { " or " } else { "" });
    }
    text.push_str(if formats.len() > 1 {
        " would read it, whichever the file means"
    } else {
        " would read it"
    });
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(pattern: &str) -> Option<DateFormat> {
        DateFormat::parse(pattern)
    }

    #[test]
    fn rules_9_created_in_every_form() {
        for (text, pattern, wanted) in [
            ("2024-03-12", "", "2024-03-12T00:00:00+00:00"),
            ("2024-03-12", "DD/MM/YYYY", "2024-03-12T00:00:00+00:00"),
            ("12/03/2024", "DD/MM/YYYY", "2024-03-12T00:00:00+00:00"),
            ("3/12/2024, 4:05 PM", "MM/DD/YYYY", "2024-03-12T16:05:00+00:00"),
            ("2024 03 12 09:14", "YYYY MM DD", "2024-03-12T09:14:00+00:00"),
            ("2024-03-12 09:14", "", "2024-03-12T09:14:00+00:00"),
            ("2024-03-12T09:14", "", "2024-03-12T09:14:00+00:00"),
            ("2024-03-12t09:14:15.25z", "", "2024-03-12T09:14:15.250+00:00"),
            ("2024-03-12 09:14:15 UTC", "", "2024-03-12T09:14:15+00:00"),
            ("2024-03-12 09:14 GMT", "", "2024-03-12T09:14:00+00:00"),
            ("2012-06-27 03:47:28 PDT", "", "2012-06-27T03:47:28-07:00"),
            ("2024-03-12 09:14 est", "", "2024-03-12T09:14:00-05:00"),
            ("2024-03-12T09:14:15+0200", "", "2024-03-12T09:14:15+02:00"),
            ("2024-03-12 09:14:15 -05:30", "", "2024-03-12T09:14:15-05:30"),
            ("2024-03-12 09:14 UTC+2", "", "2024-03-12T09:14:00+02:00"),
            ("2024-03-12 UTC", "", "2024-03-12T00:00:00+00:00"),
            ("12-Mar-2024 09:14", "", "2024-03-12T09:14:00+00:00"),
            ("March 12, 2024", "", "2024-03-12T00:00:00+00:00"),
        ] {
            let read = created_at(text, format(pattern), None);
            assert_eq!(read.as_deref(), Ok(wanted), "{text} {pattern}");
            assert!(chrono::DateTime::parse_from_rfc3339(wanted).is_ok());
        }
        assert_eq!(created_at("2024-03-12 09:14", None, Some(-300)).unwrap(), "2024-03-12T09:14:00-05:00");
        assert_eq!(created_at("2024-03-12 09:14Z", None, Some(-300)).unwrap(), "2024-03-12T09:14:00+00:00");
    }

    #[test]
    fn rules_9_a_message_about_a_date_names_the_option_that_reads_it() {
        for (text, pattern, part) in [
            ("31/12/2024", "", "dateFormat=DD/MM/YYYY would read it"),
            ("03/04/2024", "", "dateFormat=DD/MM/YYYY or dateFormat=MM/DD/YYYY"),
            ("12/31/2024 10:00", "DD/MM/YYYY", "dateFormat=MM/DD/YYYY would read it"),
            ("20240312", "", "dateFormat=YYYYMMDD would read it"),
            ("31.12.24", "", "four digits of the year"),
            ("2024-03-12 25:00", "", "2024-03-12 09:30"),
            ("2024-03-12 09:00 CEST", "", "09:30:00-05:00"),
            ("2024-02-30", "", "2024-03-12"),
            ("soon", "", "2024-03-12"),
        ] {
            let (code, message) = created_at(text, format(pattern), None).unwrap_err();
            assert_eq!(code, "invalid_time");
            assert!(message.contains(part), "{text}: {message}");
        }
        for (text, pattern, part) in [
            ("31/12/1985", "", "dateFormat=DD/MM/YYYY would read it"),
            ("12/31/1985", "DD/MM/YYYY", "written as DD/MM/YYYY; dateFormat=MM/DD/YYYY would read it"),
            ("1985-02-30", "", "YYYY-MM-DD or DD-MM-YYYY"),
            ("04/12", "", "without a year"),
            ("4-12", "DD-MM-YYYY", "without a year"),
            ("--04-12", "", "without a year"),
            ("12 April", "", "without a year"),
            ("Apr 12", "", "without a year"),
            ("12/04/85", "", "four digits of the year"),
        ] {
            let (code, message) = birthday(text, format(pattern)).unwrap_err();
            assert_eq!(code, "invalid_birthday");
            assert!(message.contains(part), "{text}: {message}");
        }
        for text in ["1985-04-12", "12-04-1985", "1985-04-12 00:00:00", "12 Apr 1985", "April 12, 1985"] {
            assert_eq!(birthday(text, None).unwrap(), "1985-04-12", "{text}");
        }
    }
}

//! Payment terms, as Payabli names them (contract 15), and the day that follows from them.

use chrono::{Datelike, Days, NaiveDate};

use crate::domain::kernel::problem::ValueError;

/// The day by which an invoice of a day is to be paid; `None` for words that name no number of days.
///
/// `NET30` and its like, `2/10NET30`, `EOM` (end of the month), `MFI` (the 21st of the next month), and `5MFI` to `20MFI` (that day
/// of the next month).
pub fn due_day(terms: &str, issued: NaiveDate) -> Option<NaiveDate> {
    let word: String = terms.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_uppercase();
    let of_next_month = |day: u32| {
        let (year, month) =
            if issued.month() == 12 { (issued.year() + 1, 1) } else { (issued.year(), issued.month() + 1) };
        NaiveDate::from_ymd_opt(year, month, day)
    };
    match word.as_str() {
        "PIA" | "CIA" | "UR" => Some(issued),
        "EOM" => of_next_month(1)?.pred_opt(),
        "MFI" => of_next_month(21),
        word => {
            if let Some(day) = word.strip_suffix("MFI") {
                return of_next_month(day.parse().ok().filter(|day| (1..=28).contains(day))?);
            }
            let (_, days) = word.split_once("NET")?;
            issued.checked_add_days(Days::new(days.parse().ok().filter(|days| *days <= 365)?))
        }
    }
}

/// Refuses terms that name a number of days or a day that none may have. Other words are printed and mean nothing.
///
/// # Errors
/// The terms are such.
pub fn check(terms: &str) -> Result<(), ValueError> {
    let word: String = terms.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_uppercase();
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let has_days = word.split_once("NET").is_some_and(|(_, days)| is_number(days));
    let has_day = word.strip_suffix("MFI").is_some_and(is_number);
    if (has_days || has_day) && due_day(terms, NaiveDate::default()).is_none() {
        return Err(("invalid_value", "must be NET0 to NET365, or 1MFI to 28MFI".into()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contract_15_the_due_day_follows_from_the_terms() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        for (terms, issued, due) in [
            ("NET30", "2026-01-31", "2026-03-02"),
            ("net 60", "2026-01-01", "2026-03-02"),
            ("2/10NET30", "2026-06-01", "2026-07-01"),
            ("UR", "2026-06-01", "2026-06-01"),
            ("EOM", "2028-02-10", "2028-02-29"),
            ("EOM", "2026-12-10", "2026-12-31"),
            ("MFI", "2026-12-10", "2027-01-21"),
            ("10MFI", "2026-05-31", "2026-06-10"),
        ] {
            assert_eq!(due_day(terms, day(issued)), Some(day(due)), "{terms}");
        }
        for words in ["", "soon", "NET", "NETX", "NET9999", "40MFI"] {
            assert_eq!(due_day(words, day("2026-01-01")), None, "{words}");
        }
    }

    #[test]
    fn rules_19_terms_with_an_impossible_number_are_refused() {
        for good in ["", "NET0", "net 365", "2/10NET30", "10MFI", "EOM", "foo", "Net price", "MFI"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in ["NET366", "NET99999999999", "31MFI", "0MFI", "2/10 NET 999"] {
            assert_eq!(check(bad).unwrap_err().0, "invalid_value", "{bad}");
        }
    }
}

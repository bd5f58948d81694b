//! Payment terms, as Payabli names them (contract 15), and the day that follows from them.

use chrono::{Datelike, Days, NaiveDate};

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
}

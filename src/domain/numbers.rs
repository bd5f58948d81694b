//! Amounts, quantities, rates and dates as each language writes them.

use chrono::{Datelike as _, NaiveDate};
use rust_decimal::Decimal;

use super::entrypoints::theme::Language;
use super::kernel::money::Money;
use super::kernel::time::Micros;
use super::transactions::currency::Currency;

/// The space between groups of three digits in French: narrow, and no line ends at it.
const NARROW_SPACE: char = '\u{202f}';
/// A space at which no line ends.
const FIXED_SPACE: char = '\u{a0}';

/// `1,234.50` or `1 234,50`: at least as many decimals as the currency has, and all that the amount has.
pub fn amount(language: Language, decimals: u32, value: Decimal) -> String {
    number(language, value, decimals)
}

/// `1,234.50 USD` or `1 234,50 USD`.
pub fn money(language: Language, (code, decimals): (&str, u32), value: Decimal) -> String {
    let amount = amount(language, decimals, value);
    if code.is_empty() { amount } else { format!("{amount}{FIXED_SPACE}{code}") }
}

/// An amount in pages and mails, such as `1,234.50 USD`. Its last space is a usual one, so that people find it as they type it.
pub fn price(language: Language, currency: Currency, value: Money) -> String {
    let decimals = u32::try_from(currency.digits()).unwrap_or(2);
    let value = Decimal::new(value.units(), 4);
    money(language, (currency.code(), decimals), value).replace(FIXED_SPACE, " ")
}

/// A day in pages and mails, such as `29 November 2026`.
pub fn day(language: Language, day: NaiveDate) -> String {
    date(language, day).replace(FIXED_SPACE, " ")
}

/// The day of a time in pages and mails, in UTC.
pub fn day_of(language: Language, time: Micros) -> String {
    day(language, time.date())
}

/// A time in pages, such as `29 November 2026, 14:05 UTC`.
pub fn minute(language: Language, time: Micros) -> String {
    format!("{}, {} UTC", day_of(language, time), time.hour_and_minute())
}

/// `1,500.25` or `1 500,25`: all decimals but trailing zeros.
pub fn quantity(language: Language, value: Decimal) -> String {
    number(language, value, 0)
}

/// `5.5%` or `5,5 %`.
pub fn percent(language: Language, value: Decimal) -> String {
    let number = number(language, value, 0);
    match language {
        Language::English => format!("{number}%"),
        Language::French => format!("{number}{NARROW_SPACE}%"),
    }
}

/// `29 November 2026` or `29 novembre 2026`.
pub fn date(language: Language, date: NaiveDate) -> String {
    const ENGLISH: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    const FRENCH: [&str; 12] = [
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ];
    let (day, year) = (date.day(), date.year());
    let names = match language {
        Language::English => ENGLISH,
        Language::French => FRENCH,
    };
    // The twelve months of a calendar are always found.
    let month = usize::try_from(date.month0()).ok().and_then(|month| names.get(month)).unwrap_or(&"");
    match (language, day) {
        (Language::French, 1) => format!("1er{FIXED_SPACE}{month} {year}"),
        _ => format!("{day}{FIXED_SPACE}{month} {year}"),
    }
}

/// A number with groups of three digits, and with at least `decimals` decimals.
fn number(language: Language, value: Decimal, decimals: u32) -> String {
    let (group, point) = match language {
        Language::English => (',', '.'),
        Language::French => (NARROW_SPACE, ','),
    };
    let value = value.normalize();
    let sign = if value.is_sign_negative() && !value.is_zero() { "-" } else { "" };
    let text = value.abs().to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut shown = String::from(sign);
    for (position, digit) in whole.chars().enumerate() {
        if position > 0 && (whole.len() - position).is_multiple_of(3) {
            shown.push(group);
        }
        shown.push(digit);
    }
    // A currency has at most four decimals. More are a mistake, and no reason to fill the page with zeros.
    let decimals = usize::try_from(decimals.min(DECIMALS_MAX)).unwrap_or_default();
    if !fraction.is_empty() || decimals > 0 {
        shown.push(point);
        shown.push_str(fraction);
        shown.extend(std::iter::repeat_n('0', decimals.saturating_sub(fraction.len())));
    }
    shown
}

/// The most decimals to which an amount is filled up with zeros.
const DECIMALS_MAX: u32 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn money_has_the_decimals_of_its_currency_and_the_separators_of_its_language() {
        for (value, code, decimals, english, french) in [
            ("1234.5", "USD", 2, "1,234.50\u{a0}USD", "1\u{202f}234,50\u{a0}USD"),
            ("-1234567.89", "EUR", 2, "-1,234,567.89\u{a0}EUR", "-1\u{202f}234\u{202f}567,89\u{a0}EUR"),
            ("123", "JPY", 0, "123\u{a0}JPY", "123\u{a0}JPY"),
            ("0.5", "KWD", 3, "0.500\u{a0}KWD", "0,500\u{a0}KWD"),
            ("0.00250", "USD", 2, "0.0025\u{a0}USD", "0,0025\u{a0}USD"),
            ("-0.00", "USD", 2, "0.00\u{a0}USD", "0,00\u{a0}USD"),
            ("999999", "", 2, "999,999.00", "999\u{202f}999,00"),
        ] {
            assert_eq!(money(Language::English, (code, decimals), decimal(value)), english);
            assert_eq!(money(Language::French, (code, decimals), decimal(value)), french);
        }
        assert!(amount(Language::English, u32::MAX, Decimal::MAX).len() < 60);
    }

    #[test]
    fn pages_and_mails_write_prices_and_times_with_usual_spaces() {
        let amount = Money::parse("1234.5").unwrap();
        let price = |language, code| price(language, Currency::parse(code).unwrap(), amount);
        assert_eq!(price(Language::English, "USD"), "1,234.50 USD");
        assert_eq!(price(Language::French, "KWD"), "1\u{202f}234,500 KWD");
        // 2026-12-01T09:05:00Z
        let time = Micros(1_796_115_900_000_000);
        assert_eq!(minute(Language::English, time), "1 December 2026, 09:05 UTC");
        assert_eq!(minute(Language::French, time), "1er décembre 2026, 09:05 UTC");
    }

    #[test]
    fn quantities_and_rates_have_no_needless_zeros() {
        assert_eq!(quantity(Language::English, decimal("1500.250")), "1,500.25");
        assert_eq!(quantity(Language::French, decimal("3.0")), "3");
        assert_eq!(percent(Language::English, decimal("5.50")), "5.5%");
        assert_eq!(percent(Language::French, decimal("20")), "20\u{202f}%");
    }

    #[test]
    fn dates_are_in_words() {
        let day = |month, day| NaiveDate::from_ymd_opt(2026, month, day).unwrap();
        assert_eq!(date(Language::English, day(11, 29)), "29\u{a0}November 2026");
        assert_eq!(date(Language::French, day(11, 29)), "29\u{a0}novembre 2026");
        assert_eq!(date(Language::French, day(8, 1)), "1er\u{a0}août 2026");
        assert_eq!(date(Language::English, day(12, 1)), "1\u{a0}December 2026");
    }
}

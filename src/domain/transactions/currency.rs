//! Currencies by their ISO 4217 codes, and how many fraction digits an amount of each has (rules 10).

use serde::{Deserialize, Serialize};

use crate::domain::kernel::money::Money;
use crate::domain::kernel::problem::ValueError;

/// Ten-thousandths in the finest unit of a currency with this many fraction digits.
const STEPS: [i64; 5] = [10_000, 1_000, 100, 10, 1];

/// A currency of ISO 4217 that has minor units: no metal and no code for tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency(iso_currency::Currency);

impl Default for Currency {
    /// The currency of an entrypoint that sets none.
    fn default() -> Currency {
        Currency(iso_currency::Currency::USD)
    }
}

impl Currency {
    /// Reads a code in any case.
    ///
    /// # Errors
    /// The text is no code of a currency.
    pub fn parse(code: &str) -> Result<Currency, ValueError> {
        let unknown = || ("unknown_currency", "must be a currency of ISO 4217, such as USD".to_owned());
        let code = code.trim();
        if code.len() != 3 {
            return Err(unknown());
        }
        let found = iso_currency::Currency::from_code(&code.to_ascii_uppercase());
        found.filter(|currency| currency.exponent().is_some()).map(Currency).ok_or_else(unknown)
    }

    /// The code: three capital letters.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// How many fraction digits an amount may have: 0 to 4.
    pub fn digits(self) -> usize {
        usize::from(self.0.exponent().unwrap_or(0)).min(STEPS.len() - 1)
    }

    /// The finest unit of the currency, such as a cent, in ten-thousandths.
    pub fn step(self) -> i64 {
        STEPS.get(self.digits()).copied().unwrap_or(1)
    }

    /// Refuses an amount with more fraction digits than the currency has.
    ///
    /// # Errors
    /// Says how many digits there may be.
    pub fn check(self, amount: Money) -> Result<(), ValueError> {
        if amount.units() % self.step() == 0 {
            return Ok(());
        }
        let (code, digits) = (self.code(), self.digits());
        let message = match digits {
            0 => format!("must be a whole number, as {code} has no fraction digits"),
            _ => format!("must have at most {digits} fraction digits, as {code} has"),
        };
        Err(("too_many_digits", message))
    }

    /// An amount that a provider writes in the finest unit of the currency, such as cents.
    pub fn of_minor(self, minor: i64) -> Option<Money> {
        Money::from_units(minor.checked_mul(self.step())?)
    }
}

impl Currency {
    /// An amount with all fraction digits of the currency, as people read it: `12.50`.
    pub fn written(self, amount: Money) -> String {
        let mut decimal = rust_decimal::Decimal::new(amount.units(), 4).normalize();
        decimal.rescale(u32::try_from(self.digits()).unwrap_or(2));
        decimal.to_string()
    }
}

impl TryFrom<String> for Currency {
    type Error = String;

    fn try_from(code: String) -> Result<Currency, String> {
        Currency::parse(&code).map_err(|(_, message)| message)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> String {
        currency.code().to_owned()
    }
}

impl std::fmt::Display for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

impl PartialOrd for Currency {
    fn partial_cmp(&self, other: &Currency) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Currency {
    fn cmp(&self, other: &Currency) -> std::cmp::Ordering {
        self.code().cmp(other.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_10_an_amount_has_at_most_the_digits_of_its_currency() {
        for (code, fits, too_fine) in [
            ("JPY", "1050", "1050.5"),
            ("usd", "10.25", "10.255"),
            ("KWD", "10.255", "10.2555"),
            ("CLF", "1.2345", ""),
        ] {
            let currency = Currency::parse(code).unwrap();
            assert_eq!(currency.check(Money::parse(fits).unwrap()), Ok(()), "{code}");
            if !too_fine.is_empty() {
                let refused = currency.check(Money::parse(too_fine).unwrap()).unwrap_err();
                assert_eq!(refused.0, "too_many_digits", "{code}");
            }
        }
    }

    #[test]
    fn rules_14_unknown_codes_and_metals_are_no_currencies() {
        for code in ["", "US", "USDT", "XAU", "XXX", "XTS", "ABC", "ÜSD", "€"] {
            assert_eq!(Currency::parse(code).unwrap_err().0, "unknown_currency", "{code}");
        }
        assert_eq!(Currency::parse(" eur ").unwrap().code(), "EUR");
    }

    #[test]
    fn people_read_amounts_with_all_digits() {
        for (code, amount, shown) in
            [("USD", "12.5", "12.50"), ("JPY", "1050", "1050"), ("KWD", "1.05", "1.050")]
        {
            let amount = Money::parse(amount).unwrap();
            assert_eq!(Currency::parse(code).unwrap().written(amount), shown);
        }
    }

    #[test]
    fn rules_14_minor_units_follow_the_currency() {
        for (code, shown) in [("JPY", "1050"), ("USD", "10.5"), ("KWD", "1.05")] {
            assert_eq!(Currency::parse(code).unwrap().of_minor(1_050).unwrap().to_string(), shown);
        }
        assert_eq!(Currency::default().of_minor(i64::MAX), None);
    }
}

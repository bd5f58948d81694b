//! Percentages with at most two fraction digits, stored as whole hundredths of a percent (rules 17 to 19).

use serde::{Deserialize, Serialize};

use super::money::{Money, MoneyError};
use super::problem::ValueError;

/// A percentage from 0 to 100, in hundredths of a percent: 1,250 is 12.5 %.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Percent(u16);

/// Hundredths in the whole.
const WHOLE: u16 = 10_000;
/// Ten-thousandths, the unit of [`Money`], in a hundredth.
const UNITS: i64 = 100;

impl Percent {
    /// Reads the text of a JSON number. It rounds nothing.
    ///
    /// # Errors
    /// The text is no number, has more than two fraction digits, or is not from 0 to 100.
    pub fn parse(text: &str) -> Result<Percent, ValueError> {
        let refused = |message: &str| ("invalid_percent", message.to_owned());
        let units = match Money::parse(text) {
            Ok(number) => number.units(),
            Err(MoneyError::NotANumber) => return Err(refused("must be a decimal number")),
            Err(MoneyError::TooFine) => return Err(refused("must have at most 2 fraction digits")),
            Err(MoneyError::TooLarge) => return Err(refused("must be from 0 to 100")),
        };
        if !(0..=i64::from(WHOLE) * UNITS).contains(&units) {
            return Err(refused("must be from 0 to 100"));
        }
        if units % UNITS != 0 {
            return Err(refused("must have at most 2 fraction digits"));
        }
        Ok(Percent(u16::try_from(units / UNITS).unwrap_or(WHOLE)))
    }

    /// From hundredths of a percent, as a database column holds them; `None` above 100 %.
    pub fn from_hundredths(hundredths: i64) -> Option<Percent> {
        u16::try_from(hundredths).ok().filter(|hundredths| *hundredths <= WHOLE).map(Percent)
    }

    /// In hundredths of a percent.
    pub fn hundredths(self) -> i64 {
        i64::from(self.0)
    }

    /// This part of an amount, rounded to a whole number of steps, half up. `step` is the finest unit of the currency in
    /// ten-thousandths; the amount is not negative.
    pub fn of(self, amount: Money, step: i64) -> Money {
        let step = i128::from(step.max(1));
        let divisor = i128::from(WHOLE) * step;
        let steps = (i128::from(amount.units()) * i128::from(self.0) * 2 + divisor).div_euclid(divisor * 2);
        // At most the amount itself, so it fits.
        i64::try_from(steps * step).ok().and_then(Money::from_units).unwrap_or(amount)
    }
}

impl std::fmt::Display for Percent {
    /// The shortest exact decimal: `12.5`, `0`, `100`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", rust_decimal::Decimal::new(self.hundredths(), 2).normalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_17_a_percentage_has_two_digits_and_is_at_most_the_whole() {
        for (text, shown) in [("0", "0"), ("100", "100"), ("12.50", "12.5"), ("0.01", "0.01"), ("1e1", "10")]
        {
            assert_eq!(Percent::parse(text).unwrap().to_string(), shown, "{text}");
        }
        for text in ["-1", "100.01", "12.345", "0.00001", "1e9", "1e20", "ten", ""] {
            assert_eq!(Percent::parse(text).unwrap_err().0, "invalid_percent", "{text}");
        }
        assert_eq!(Percent::from_hundredths(10_001), None);
        assert_eq!(Percent::from_hundredths(1_250).unwrap().hundredths(), 1_250);
    }

    #[test]
    fn rules_17_parts_are_rounded_half_up() {
        for (percent, amount, step, part) in [
            ("15", "9.90", 100, "1.49"),
            ("50", "0.01", 100, "0.01"),
            ("50", "3", 10_000, "2"),
            ("12.5", "1.004", 10, "0.126"),
            ("0.01", "49.99", 100, "0"),
            ("0.01", "50", 100, "0.01"),
            ("100", "999999999999.99", 100, "999999999999.99"),
        ] {
            let made = Percent::parse(percent).unwrap().of(Money::parse(amount).unwrap(), step);
            assert_eq!(made, Money::parse(part).unwrap(), "{percent} % of {amount}");
        }
    }
}

//! Money: decimals with at most four fraction digits, stored as whole ten-thousandths (rules 2).

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// An amount in ten-thousandths of the unit. No step goes through a binary float.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(i64);

/// Ten-thousandths in one unit.
const UNITS: i64 = 10_000;
/// The first amount that is too large: |x| < 10^12 (rules 2), in ten-thousandths.
const LIMIT_UNITS: i64 = 1_000_000_000_000 * UNITS;

/// Why a text is no amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not a decimal number.
    #[error("must be a decimal number")]
    NotANumber,
    /// More than four fraction digits that are not zero.
    #[error("must have at most 4 fraction digits")]
    TooFine,
    /// |x| ≥ 10^12.
    #[error("must be less than 1000000000000 in absolute value")]
    TooLarge,
}

/// The longest text of a number that is read, in bytes.
const TEXT_BYTES_MAX: usize = 100;

impl Money {
    /// Reads the text of a JSON number, with or without an exponent. It rounds nothing.
    ///
    /// # Errors
    /// The text is no number, has too many fraction digits, or is too large.
    pub fn parse(text: &str) -> Result<Money, MoneyError> {
        // No such number is valid, and to read it would take time.
        if text.len() > TEXT_BYTES_MAX {
            return Err(if text.contains('.') { MoneyError::TooFine } else { MoneyError::TooLarge });
        }
        let decimal = match text.find(['e', 'E']) {
            Some(_) => Decimal::from_scientific(text),
            None => Decimal::from_str_exact(text),
        };
        let decimal = decimal.map_err(|error| match (error, text.split_once(['e', 'E'])) {
            (_, Some((_, exponent))) if exponent.starts_with('-') => MoneyError::TooFine,
            (_, Some(_)) | (rust_decimal::Error::ExceedsMaximumPossibleValue, _) => MoneyError::TooLarge,
            (rust_decimal::Error::Underflow | rust_decimal::Error::ScaleExceedsMaximumPrecision(_), _) => {
                MoneyError::TooFine
            }
            _ => MoneyError::NotANumber,
        })?;
        let decimal = decimal.normalize();
        if decimal.scale() > 4 {
            return Err(MoneyError::TooFine);
        }
        let units = decimal.checked_mul(Decimal::from(UNITS)).ok_or(MoneyError::TooLarge)?;
        let units = i64::try_from(units).map_err(|_| MoneyError::TooLarge)?;
        Self::from_units(units).ok_or(MoneyError::TooLarge)
    }

    /// From ten-thousandths, as a database column holds them.
    pub const fn from_units(units: i64) -> Option<Money> {
        if units.unsigned_abs() < LIMIT_UNITS.unsigned_abs() { Some(Money(units)) } else { None }
    }

    /// The greatest amount.
    pub const MAX: Money = Money(LIMIT_UNITS - 1);

    /// From a sum in ten-thousandths; of one that is too large, the greatest amount of its sign.
    pub fn clamped(units: i128) -> Money {
        let limit = i128::from(Money::MAX.0);
        Money(i64::try_from(units.clamp(-limit, limit)).unwrap_or(Money::MAX.0))
    }

    /// In ten-thousandths.
    pub const fn units(self) -> i64 {
        self.0
    }
}

impl std::fmt::Display for Money {
    /// The shortest exact decimal: `12.5`, `0`, `-0.0001`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", Decimal::new(self.0, 4).normalize())
    }
}

/// The shortest exact decimal of a sum of amounts in ten-thousandths, which may be greater than an amount.
pub fn shown(units: i128) -> String {
    let (whole, rest) = (units / i128::from(UNITS), (units % i128::from(UNITS)).abs());
    let sign = if units < 0 && whole == 0 { "-" } else { "" };
    let text = format!("{sign}{whole}.{rest:04}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_15_sums_are_shown_as_amounts_are() {
        for units in [0, 1, -1, 10_000, -10_000, 125_000, -5_001, 9_999_999_999_999_999] {
            assert_eq!(shown(units.into()), Money::from_units(units).unwrap().to_string(), "{units}");
        }
        assert_eq!(shown(-90_000_000_000_000_000_500), "-9000000000000000.05");
    }

    #[test]
    fn rules_2_balance_is_exact() {
        for (text, shown) in [
            ("0", "0"),
            ("-0", "0"),
            ("12.5", "12.5"),
            ("10.0", "10"),
            ("1e3", "1000"),
            ("999999999999.9999", "999999999999.9999"),
            ("-0.0001", "-0.0001"),
            ("0.10000000000", "0.1"),
        ] {
            assert_eq!(Money::parse(text).unwrap().to_string(), shown, "{text}");
        }
        assert_eq!(Money::parse("0.00001"), Err(MoneyError::TooFine));
        assert_eq!(Money::parse("1000000000000"), Err(MoneyError::TooLarge));
        assert_eq!(Money::parse("-1000000000000"), Err(MoneyError::TooLarge));
        assert_eq!(Money::parse("1e300"), Err(MoneyError::TooLarge));
        assert_eq!(Money::parse("abc"), Err(MoneyError::NotANumber));
    }
}

//! What the lines of an invoice come to (rules 19). Every amount is in ten-thousandths of the currency's unit; nothing goes
//! through a binary float.

use serde::{Deserialize, Serialize};

use super::Line;
use crate::domain::kernel::money::Money;
use crate::domain::kernel::percent::Percent;
use crate::domain::kernel::problem::ValueError;
use crate::domain::transactions::currency::Currency;

/// Ten-thousandths in one.
const UNITS: i128 = 10_000;
/// The greatest quantity of a line, in ten-thousandths: it is less than a billion.
const QUANTITY_LIMIT: i64 = 1_000_000_000 * 10_000;

/// How much of something a line sells: more than 0, with at most four fraction digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Quantity(i64);

impl Default for Quantity {
    fn default() -> Quantity {
        Quantity(10_000)
    }
}

impl Quantity {
    /// Reads a decimal.
    ///
    /// # Errors
    /// It is no number, not more than 0, too great, or has more than four fraction digits.
    pub fn parse(text: &str) -> Result<Quantity, ValueError> {
        let units = Money::parse(text).map_err(|error| ("invalid_quantity", error.to_string()))?.units();
        if units <= 0 || units >= QUANTITY_LIMIT {
            return Err(("invalid_quantity", "must be more than 0 and less than 1000000000".into()));
        }
        Ok(Quantity(units))
    }

    /// In ten-thousandths.
    pub const fn units(self) -> i64 {
        self.0
    }
}

impl std::fmt::Display for Quantity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Money::from_units(self.0).unwrap_or_default().fmt(f)
    }
}

/// What the lines under one rate come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateSum {
    /// The rate.
    pub rate: Percent,
    /// Without tax.
    pub net: Money,
    /// The tax.
    pub tax: Money,
}

/// What all lines come to. Each is the sum of what is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sums {
    /// Without discount and tax.
    pub gross: Money,
    /// Without tax.
    pub net: Money,
    /// The tax.
    pub tax: Money,
    /// With tax.
    pub total: Money,
}

/// The finest unit of a currency, in ten-thousandths.
fn step(currency: Currency) -> i128 {
    let digits = u32::try_from(currency.digits()).unwrap_or(2);
    10_i128.pow(4_u32.saturating_sub(digits))
}

/// A fraction, rounded half up to the finest unit of the currency. Nothing here is negative.
fn rounded(numerator: i128, denominator: i128, currency: Currency) -> Option<Money> {
    let step = step(currency);
    let whole = denominator.checked_mul(step)?;
    let steps = numerator.checked_mul(2)?.checked_add(whole)?.div_euclid(whole.checked_mul(2)?);
    Money::from_units(i64::try_from(steps.checked_mul(step)?).ok()?)
}

/// Quantity times price, rounded half up; `None` if it is too great.
pub fn gross(quantity: Quantity, price: Money, currency: Currency) -> Option<Money> {
    rounded(i128::from(quantity.0) * i128::from(price.units()), UNITS, currency)
}

/// The tax of an amount, rounded half up.
pub fn tax(net: Money, rate: Percent, currency: Currency) -> Money {
    rate.of(net, i64::try_from(step(currency)).unwrap_or(1))
}

/// A discount in parts that are proportional to some amounts, to the finest unit of the currency. The parts come to the
/// discount exactly, and none is greater than its amount. `None` if the discount is greater than all of them.
pub fn spread(discount: Money, amounts: &[Money], currency: Currency) -> Option<Vec<Money>> {
    let step = step(currency);
    let whole: i128 = amounts.iter().map(|amount| i128::from(amount.units())).sum();
    let discount = i128::from(discount.units());
    if discount > whole {
        return None;
    }
    let (mut before, mut given) = (0_i128, 0_i128);
    let mut parts = Vec::with_capacity(amounts.len());
    for amount in amounts {
        before += i128::from(amount.units());
        // What all so far have together is rounded, so that errors do not add up.
        let so_far = if whole == 0 { 0 } else { (discount * before).div_euclid(whole * step) * step };
        let so_far = if before == whole { discount } else { so_far };
        let part = (so_far - given).clamp(0, i128::from(amount.units()));
        given += part;
        parts.push(Money::from_units(i64::try_from(part).ok()?)?);
    }
    // What the bounds of single amounts left goes to the others.
    let mut left = discount - given;
    for (part, amount) in parts.iter_mut().zip(amounts) {
        let more = left.min(i128::from(amount.units() - part.units()));
        *part = Money::from_units(part.units() + i64::try_from(more).ok()?)?;
        left -= more;
    }
    (left == 0).then_some(parts)
}

/// The sum of some amounts; `None` if it is too great.
pub fn sum(amounts: impl IntoIterator<Item = Money>) -> Option<Money> {
    let units = amounts.into_iter().try_fold(0_i64, |sum, amount| sum.checked_add(amount.units()))?;
    Money::from_units(units)
}

/// What some lines come to; `None` if it is too great.
pub fn sums(lines: &[Line]) -> Option<Sums> {
    let (net, tax) = (sum(lines.iter().map(|line| line.net))?, sum(lines.iter().map(|line| line.tax))?);
    Some(Sums { gross: sum(lines.iter().map(|line| line.gross))?, net, tax, total: sum([net, tax])? })
}

/// What the lines under each rate come to, from the lowest rate on.
pub fn by_rate(lines: &[Line]) -> Vec<RateSum> {
    let mut rates: Vec<Percent> = lines.iter().map(|line| line.rate).collect();
    rates.sort_unstable();
    rates.dedup();
    let of = |rate: Percent, part: fn(&Line) -> Money| {
        sum(lines.iter().filter(|line| line.rate == rate).map(part)).unwrap_or_default()
    };
    let row = |rate| RateSum { rate, net: of(rate, |line| line.net), tax: of(rate, |line| line.tax) };
    rates.into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn money(text: &str) -> Money {
        Money::parse(text).unwrap()
    }

    #[test]
    fn rules_19_lines_and_taxes_are_rounded_half_up_to_the_currency() {
        for (code, quantity, price, rate, net, taxed) in [
            ("USD", "3", "0.335", "20", "1.01", "0.2"),
            ("USD", "1", "0.025", "0", "0.03", "0"),
            ("EUR", "2.5", "9.99", "5.5", "24.98", "1.37"),
            ("EUR", "1", "0.10", "5", "0.1", "0.01"),
            ("EUR", "1", "0.09", "5", "0.09", "0"),
            ("JPY", "3", "33.5", "10", "101", "10"),
            ("KWD", "1", "1.2345", "7.25", "1.235", "0.09"),
        ] {
            let currency = Currency::parse(code).unwrap();
            let found = gross(Quantity::parse(quantity).unwrap(), money(price), currency).unwrap();
            assert_eq!(found, money(net), "{quantity} × {price} {code}");
            assert_eq!(
                tax(found, Percent::parse(rate).unwrap(), currency),
                money(taxed),
                "{rate} % of {net}"
            );
        }
    }

    #[test]
    fn quantities_are_bounded() {
        for bad in ["0", "-1", "1000000000", "0.00001", ""] {
            assert_eq!(Quantity::parse(bad).unwrap_err().0, "invalid_quantity", "{bad}");
        }
    }

    proptest! {
        #[test]
        fn rules_19_a_discount_is_spread_without_a_rest(
            code in prop::sample::select(vec!["USD", "JPY", "KWD"]),
            steps in prop::collection::vec(0_i64..1_000_000, 1..40),
            share in 0_i64..=1_000,
        ) {
            let currency = Currency::parse(code).unwrap();
            let unit = i64::try_from(step(currency)).unwrap();
            let amounts: Vec<Money> = steps.iter().map(|steps| Money::from_units(steps * unit).unwrap()).collect();
            let whole: i64 = steps.iter().sum();
            let discount = Money::from_units(whole * share / 1_000 * unit).unwrap();
            let parts = spread(discount, &amounts, currency).unwrap();
            prop_assert_eq!(sum(parts.iter().copied()).unwrap(), discount);
            for (part, amount) in parts.iter().zip(&amounts) {
                prop_assert!(part.units() >= 0 && part <= amount && part.units() % unit == 0);
            }
            let more = Money::from_units((whole + 1) * unit).unwrap();
            prop_assert_eq!(spread(more, &amounts, currency), None);
        }

        #[test]
        fn rules_19_rounding_is_half_up(units in 0_i64..10_000_000, rate in 0_i64..=10_000) {
            let currency = Currency::default();
            let net = Money::from_units(units * 100).unwrap();
            let exact = i128::from(net.units()) * i128::from(rate);
            let found = i128::from(tax(net, Percent::from_hundredths(rate).unwrap(), currency).units()) * 10_000;
            // Half a cent is 50 ten-thousandths.
            prop_assert!(found - exact <= 500_000 && exact - found < 500_000);
        }
    }
}

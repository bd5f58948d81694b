//! Stripe's amounts: whole numbers in a currency's smallest unit, by Stripe's own list of units.

use crate::domain::transactions::dialects::build::of_minor;

/// Currencies whose amounts Stripe writes in whole units. UGX and ISK have no smaller unit either, but Stripe writes two digits.
const ZERO: [&str; 15] =
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"];
/// Currencies whose amounts Stripe writes in thousandths.
const THREE: [&str; 5] = ["BHD", "JOD", "KWD", "OMR", "TND"];

/// An amount as a decimal text.
pub(super) fn decimal(minor: i64, currency: &str) -> String {
    let digits = match currency {
        _ if ZERO.contains(&currency) => 0,
        _ if THREE.contains(&currency) => 3,
        _ => 2,
    };
    of_minor(minor, digits)
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn amounts_have_the_digits_of_their_currency() {
        for (minor, currency, wanted) in [
            (1234, "USD", "12.34"),
            (1200, "EUR", "12"),
            (500, "JPY", "500"),
            (12345, "KWD", "12.345"),
            (500, "UGX", "5"),
            (0, "USD", "0"),
        ] {
            assert_eq!(decimal(minor, currency), wanted, "{minor} {currency}");
        }
    }
}

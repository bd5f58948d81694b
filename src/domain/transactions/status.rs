//! What a transaction does and how far it came, in words and in Payabli's codes (rules 14).

use serde::{Deserialize, Serialize};
use strum::{EnumString, FromRepr, IntoStaticStr, VariantNames};

use crate::domain::kernel::problem::ValueError;

/// What a transaction does. The number is the one in the database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(Serialize, Deserialize, utoipa::ToSchema, EnumString, IntoStaticStr, VariantNames, FromRepr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
#[repr(i16)]
pub enum Operation {
    /// The customer pays.
    #[default]
    Sale = 0,
    /// Money of a sale goes back.
    Refund = 1,
    /// The customer's bank takes the money of a sale back.
    Chargeback = 2,
    /// Money goes to the customer without a sale.
    Credit = 3,
}

/// How far a transaction came. The number is the one in the database, and its rank: of two deliveries with the same time, the
/// one with the higher rank holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(Serialize, Deserialize, utoipa::ToSchema, EnumString, IntoStaticStr, VariantNames, FromRepr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
#[repr(i16)]
pub enum Status {
    /// Begun; no bank said anything yet.
    Initiated = 1,
    /// The bank holds the money ready.
    Authorised = 2,
    /// It failed for a reason that is not the customer's.
    Error = 3,
    /// The bank refused.
    Declined = 4,
    /// The money moved, or will for certain.
    Approved = 5,
    /// Taken back before the money moved.
    Voided = 6,
    /// All money of the sale went back.
    Refunded = 7,
}

/// Payabli's `TransStatus` by our states; 3 and 0 are read too (contract 15).
const CODES: [(i64, Status); 9] = [
    (1, Status::Approved),
    (2, Status::Declined),
    (3, Status::Declined),
    (5, Status::Voided),
    (6, Status::Refunded),
    (10, Status::Initiated),
    (11, Status::Authorised),
    (-1, Status::Error),
    (0, Status::Error),
];

impl Operation {
    /// Reads a word in any case.
    ///
    /// # Errors
    /// Lists the words.
    pub fn parse(word: &str) -> Result<Operation, ValueError> {
        word.trim()
            .to_ascii_lowercase()
            .parse()
            .map_err(|_| ("invalid_value", format!("must be one of {}", Operation::VARIANTS.join(", "))))
    }

    /// The word.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Its number in the database.
    #[expect(clippy::as_conversions, reason = "the number of a variant has its type")]
    pub const fn number(self) -> i16 {
        self as i16
    }
}

impl Status {
    /// Reads a word in any case, or one of Payabli's codes.
    ///
    /// # Errors
    /// Lists the words.
    pub fn parse(text: &str) -> Result<Status, ValueError> {
        let word = text.trim().to_ascii_lowercase();
        if let Ok(code) = word.parse::<i64>()
            && let Some((_, status)) = CODES.iter().find(|(known, _)| *known == code)
        {
            return Ok(*status);
        }
        let word = match word.as_str() {
            "authorized" => "authorised",
            word => word,
        };
        word.parse().map_err(|_| {
            let words = Status::VARIANTS.join(", ");
            ("invalid_value", format!("must be one of {words}, or a code of Payabli such as 1"))
        })
    }

    /// The word.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Payabli's code.
    pub fn code(self) -> i64 {
        CODES.iter().find(|(_, status)| *status == self).map_or(0, |(code, _)| *code)
    }

    /// Its rank, which is its number in the database.
    #[expect(clippy::as_conversions, reason = "the number of a variant has its type")]
    pub const fn rank(self) -> i16 {
        self as i16
    }

    /// Whether the money moved: only such a transaction counts in totals (rules 15).
    pub fn is_confirmed(self) -> bool {
        matches!(self, Status::Approved | Status::Refunded)
    }

    /// Whether money may still move (rules 24).
    pub fn is_pending(self) -> bool {
        matches!(self, Status::Initiated | Status::Authorised)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contract_15_codes_and_words_are_read_and_shown() {
        for (text, status, code) in [
            ("1", Status::Approved, 1),
            ("approved", Status::Approved, 1),
            ("2", Status::Declined, 2),
            ("3", Status::Declined, 2),
            ("5", Status::Voided, 5),
            ("10", Status::Initiated, 10),
            ("11", Status::Authorised, 11),
            ("Authorized", Status::Authorised, 11),
            ("-1", Status::Error, -1),
            ("0", Status::Error, -1),
            (" REFUNDED ", Status::Refunded, 6),
        ] {
            let read = Status::parse(text).unwrap();
            assert_eq!((read, read.code()), (status, code), "{text}");
        }
        for text in ["", "4", "paid", "1.0"] {
            assert!(Status::parse(text).is_err(), "{text}");
        }
        assert_eq!(Operation::parse("Sale").unwrap(), Operation::Sale);
        assert!(Operation::parse("payout").unwrap_err().1.contains("chargeback"));
    }
}

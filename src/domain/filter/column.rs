//! The columns that store part of a customer in clear.

use strum::VariantArray as _;

use crate::domain::customers::record::{Lifecycle, Stored};

/// A column that stores part of a customer in clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Column {
    /// `customer_id`.
    CustomerId,
    /// `status`: the number.
    Status,
    /// `lifecycle`: the name; its binary order is that of its folded form.
    Lifecycle,
    /// `balance_units`: ten-thousandths.
    Balance,
    /// `created_at_us`: microseconds.
    CreatedAt,
    /// `updated_at_us`: microseconds.
    UpdatedAt,
}

impl Column {
    /// Its value as a whole number; for a stage, the position in a customer's life.
    pub fn number(self, stored: &Stored) -> i64 {
        let customer = &stored.customer;
        match self {
            Column::CustomerId => stored.id,
            Column::Status => i64::from(customer.status.code()),
            Column::Lifecycle => ordinal(customer.lifecycle),
            Column::Balance => customer.balance.units(),
            Column::CreatedAt => customer.created_at.0,
            Column::UpdatedAt => customer.updated_at.0,
        }
    }
}

/// The position of a stage in a customer's life.
pub(super) fn ordinal(stage: Lifecycle) -> i64 {
    let place = Lifecycle::VARIANTS.iter().position(|known| *known == stage);
    place.and_then(|place| i64::try_from(place).ok()).unwrap_or(i64::MAX)
}

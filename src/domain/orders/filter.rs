//! Which orders a list is about.

use std::collections::BTreeSet;

use strum::{EnumString, VariantNames};

use super::{Order, OrderState};
use crate::domain::filter::conditions::{Condition, FieldOperators, Span, each, moments, narrow};
use crate::domain::kernel::problem::{Problem, ValueError};

/// The fields with the operators that they take.
const FIELDS: [FieldOperators; 3] = [
    ("status", &["eq", "ne", "in", "nin"]),
    ("customerId", &["eq", "in"]),
    ("createdAt", &["eq", "gt", "ge", "lt", "le"]),
];
const STATES: [OrderState; 3] = [OrderState::Pending, OrderState::Completed, OrderState::Cancelled];

/// Which orders to list. All conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderFilter {
    /// Those in one of these states.
    pub states: Option<BTreeSet<OrderState>>,
    /// Those of these customers.
    pub customers: Option<BTreeSet<i64>>,
    /// Those that were made at these times, in microseconds.
    pub created: Span,
}

impl OrderFilter {
    /// Reads the filters among the decoded parameters of a query. `others` are parameters that are no filters.
    ///
    /// # Errors
    /// All problems at once.
    pub fn parse(pairs: &[(String, String)], others: &[&str]) -> Result<OrderFilter, Vec<Problem>> {
        let mut filter = OrderFilter::default();
        each(pairs, others, &FIELDS, |condition| filter.one(condition))?;
        Ok(filter)
    }

    fn one(&mut self, condition: Condition<'_>) -> Result<(), ValueError> {
        match condition.field {
            "status" => {
                let read: Result<BTreeSet<OrderState>, ValueError> = condition.items().map(state).collect();
                let mut among = read?;
                if matches!(condition.op, "ne" | "nin") {
                    among = STATES.into_iter().filter(|state| !among.contains(state)).collect();
                }
                narrow(&mut self.states, among);
            }
            "customerId" => narrow(&mut self.customers, condition.ids()?),
            _ => self.created.narrow(condition.op, moments(condition.value)?),
        }
        Ok(())
    }
}

/// What a list of orders may be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "camelCase", ascii_case_insensitive)]
pub enum OrderField {
    /// When it was taken.
    CreatedAt,
    /// What it comes to, with tax.
    Total,
}

impl OrderField {
    /// The value of an order by which it is sorted.
    pub fn of(self, order: &Order) -> i64 {
        match self {
            OrderField::CreatedAt => order.created_at.0,
            OrderField::Total => order.total.units(),
        }
    }
}

fn state(text: &str) -> Result<OrderState, ValueError> {
    let wrong = |_| ("invalid_value", "must be pending, completed or cancelled".to_owned());
    text.trim().parse().map_err(wrong)
}

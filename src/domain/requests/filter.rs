//! Which requests a list is about.

use std::collections::BTreeSet;

use strum::{EnumString, VariantArray as _, VariantNames};

use super::{Request, RequestState};
use crate::domain::filter::conditions::{Condition, FieldOperators, Span, each, moments, narrow};
use crate::domain::kernel::problem::{Problem, ValueError};

/// The fields with the operators that they take.
const FIELDS: [FieldOperators; 3] = [
    ("status", &["eq", "ne", "in", "nin"]),
    ("customerId", &["eq", "in"]),
    ("createdAt", &["eq", "gt", "ge", "lt", "le"]),
];

/// Which requests to list. All conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestFilter {
    /// Those in one of these states.
    pub states: Option<BTreeSet<RequestState>>,
    /// Those of these customers.
    pub customers: Option<BTreeSet<i64>>,
    /// Those that were made at these times, in microseconds.
    pub created: Span,
}

impl RequestFilter {
    /// Reads the filters among the decoded parameters of a query. `others` are parameters that are no filters.
    ///
    /// # Errors
    /// All problems at once.
    pub fn parse(pairs: &[(String, String)], others: &[&str]) -> Result<RequestFilter, Vec<Problem>> {
        let mut filter = RequestFilter::default();
        each(pairs, others, &FIELDS, |condition| filter.one(condition))?;
        Ok(filter)
    }

    fn one(&mut self, condition: Condition<'_>) -> Result<(), ValueError> {
        match condition.field {
            "status" => {
                let read: Result<BTreeSet<RequestState>, ValueError> = condition.items().map(state).collect();
                let mut among = read?;
                if matches!(condition.op, "ne" | "nin") {
                    among = RequestState::VARIANTS
                        .iter()
                        .copied()
                        .filter(|state| !among.contains(state))
                        .collect();
                }
                narrow(&mut self.states, among);
            }
            "customerId" => narrow(&mut self.customers, condition.ids()?),
            _ => self.created.narrow(condition.op, moments(condition.value)?),
        }
        Ok(())
    }
}

/// What a list of requests may be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "camelCase", ascii_case_insensitive)]
pub enum RequestField {
    /// When it was made.
    CreatedAt,
    /// From when on it cannot be answered.
    ExpiresAt,
}

impl RequestField {
    /// The value of a request by which it is sorted.
    pub fn of(self, request: &Request) -> i64 {
        match self {
            RequestField::CreatedAt => request.created_at.0,
            RequestField::ExpiresAt => request.expires_at.0,
        }
    }
}

fn state(text: &str) -> Result<RequestState, ValueError> {
    let wrong = |_| ("invalid_value", format!("must be one of {}", RequestState::VARIANTS_TEXT));
    text.trim().parse().map_err(wrong)
}

impl RequestState {
    /// The words of all states, for messages.
    const VARIANTS_TEXT: &'static str = "NEW, INP, DON, EXP, DEC, CAN";
}

//! Which customers a list, a search or an export is about (rules 8, contract 6).
//!
//! [`Filter`] and [`search::Search`] decide on a decrypted customer: their `matches` define what matches. [`plan::Plan`]
//! narrows the candidates by columns and blind terms, so that few customers need decryption; [`terms`] is what the index
//! must hold for that. [`sort::Sort`] is the order. A filter passes through [`parse`] (wire forms), [`field`] (names,
//! operators), [`value`] and [`matches`].

mod column;
pub mod conditions;
mod dialled;
mod field;
mod matches;
mod order;
mod parse;
mod plain;
mod plan;
#[cfg(test)]
mod properties;
mod search;
mod sort;
mod standing;
mod terms;
mod value;

pub use self::column::Column;
pub use self::dialled::TypedPhone;
pub use self::field::{ADDITIONAL_PREFIX, FilterField, Kind, Op};
pub(crate) use self::field::{additional, after_prefix};
pub use self::order::{ListOrder, direction};
pub use self::parse::{FILTERS_MAX, RESERVED};
pub(crate) use self::parse::{Pair, each_pair};
pub use self::plan::{ColumnNeed, Plan, TERMS_MAX};
pub use self::search::{SEARCH_CHARS_MAX, Search};
pub use self::sort::{Reach, Sort, SortField, SortKey, SortValue};
pub use self::standing::{Standing, StandingField};
pub use self::terms::{Group, Term, TermVisitor, each_term, name_term, trigrams_of_needle};
pub use self::value::{Span, TypedEmail, Value};
pub(crate) use self::value::{compare, moment};

use super::customers::record::Status;
use super::kernel::problem::Problem;
use super::kernel::time::Micros;

/// Conditions that must all hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    predicates: Vec<Predicate>,
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predicate {
    /// What is compared.
    pub field: FilterField,
    /// The operator; the field takes it.
    pub op: Op,
    /// The value that the field is compared with.
    pub value: Value,
    /// The parameter's name in errors.
    given: String,
}

impl Filter {
    /// The conditions, in the order of the request.
    pub fn predicates(&self) -> &[Predicate] {
        &self.predicates
    }

    /// The filter as it holds at a time: stored methods expire.
    #[must_use]
    pub fn at(mut self, time: Micros) -> Filter {
        for predicate in &mut self.predicates {
            if let Value::Methods { now, .. } = &mut predicate.value {
                *now = time;
            }
        }
        self
    }

    /// Whether it has no condition, so that every live customer matches.
    pub fn is_empty(&self) -> bool {
        self.predicates.is_empty()
    }

    /// Whether deleted records may match. Only `status(eq)=-99` and `status(in)=…|-99` ask for them.
    pub fn wants_deleted(&self) -> bool {
        let deleted = i64::from(Status::Deleted.code());
        self.predicates.iter().any(|predicate| {
            predicate.field == FilterField::Status
                && !predicate.op.is_negative()
                && matches!(&predicate.value, Value::Among(codes) if codes.contains(&deleted))
        })
    }

    /// A problem for each condition on a masked field. They refuse the request of a token without `pii:read` (rules 1).
    pub fn masked_fields(&self) -> Vec<Problem> {
        let masked = self.predicates.iter().filter(|predicate| predicate.field.is_masked());
        masked.map(|predicate| masked_problem(&predicate.given, &predicate.field.name())).collect()
    }

    /// A text that is equal for filters that mean the same, whatever their form and order. It contains the values, so it
    /// must leave the process only as a hash; cursors are bound to their filters by that hash.
    pub fn canonical(&self) -> String {
        let mut items: Vec<String> = self
            .predicates
            .iter()
            .map(|Predicate { field, op, value, .. }| {
                let value = match value {
                    Value::Text(text) | Value::Name(text) => text.clone(),
                    Value::Email(email) => email.whole.clone(),
                    Value::Phone(phone) => {
                        format!("{} {}", phone.digits, phone.international.as_deref().unwrap_or_default())
                    }
                    Value::Span(span) => format!("{}..{}", span.first, span.last),
                    Value::Among(numbers) => {
                        numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join("|")
                    }
                    // The pages of a list are of different times.
                    Value::Methods { words, .. } => words.iter().copied().collect::<Vec<_>>().join("|"),
                };
                format!("{}({})={value}", field.name(), op.name())
            })
            .collect();
        items.sort_unstable();
        items.dedup();
        // The length before each condition keeps a value from looking like the start of the next one.
        let sized: Vec<String> = items.iter().map(|item| format!("{}:{item}", item.len())).collect();
        sized.concat()
    }
}

fn masked_problem(parameter: &str, field: &str) -> Problem {
    let message = format!("{field} is masked for this token; a token with the scope pii:read may use it");
    Problem::parameter(parameter, "masked_field", message)
}

//! Filters and orders by what a customer's transactions come to (rules 15). The totals are no part of the record: whoever
//! reads a list reads them beside it.

use super::field::FilterField;
use super::sort::{Sort, SortField, SortKey, SortValue};
use super::value::{Span, Value, compare};
use super::{Filter, Op, Predicate};
use crate::domain::customers::record::Stored;
use crate::domain::entrypoints::Entrypoint;

/// What a customer's transactions come to in the base currency of its entrypoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// How many confirmed sales there are.
    pub sales: i64,
    /// What they came to, in ten-thousandths.
    pub gross: i64,
    /// The time of the latest transaction in microseconds; 0 for none.
    pub last_at: i64,
}

/// A number of a [`Standing`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StandingField {
    /// `transactionCount`.
    Count,
    /// `totalSpent`.
    Spent,
    /// `lastTransaction`.
    Last,
}

impl Standing {
    /// One of its numbers; none for a time that there is not.
    pub fn number(self, field: StandingField) -> Option<i64> {
        match field {
            StandingField::Count => Some(self.sales),
            StandingField::Spent => Some(self.gross),
            StandingField::Last => Some(self.last_at).filter(|at| *at > 0),
        }
    }
}

impl FilterField {
    /// The number of a standing that it is, if it is one.
    pub const fn standing(&self) -> Option<StandingField> {
        match self {
            FilterField::TransactionCount => Some(StandingField::Count),
            FilterField::TotalSpent => Some(StandingField::Spent),
            FilterField::LastTransaction => Some(StandingField::Last),
            _ => None,
        }
    }
}

impl Filter {
    /// Whether a condition is on what transactions come to.
    pub fn needs_standing(&self) -> bool {
        self.predicates.iter().any(|predicate| predicate.field.standing().is_some())
    }

    /// Whether the conditions on what transactions come to hold.
    pub fn holds_for(&self, standing: Standing) -> bool {
        self.predicates.iter().all(|predicate| predicate.holds_for(standing).unwrap_or(true))
    }

    /// Numbers, all above 0, one of which every match has, if a condition says so.
    pub fn standing_span(&self) -> Option<(StandingField, Span)> {
        let mut found: Vec<(StandingField, Span)> = Vec::new();
        for predicate in &self.predicates {
            let (Some(field), Value::Span(span)) = (predicate.field.standing(), &predicate.value) else {
                continue;
            };
            let (first, last) = match predicate.op {
                Op::Gt => (span.last.saturating_add(1), i64::MAX),
                Op::Ge => (span.first, i64::MAX),
                Op::Lt => (i64::MIN, span.first.saturating_sub(1)),
                Op::Le => (i64::MIN, span.last),
                Op::Eq => (span.first, span.last),
                _ => continue,
            };
            match found.iter_mut().find(|(known, _)| *known == field) {
                Some((_, known)) => {
                    *known = Span { first: known.first.max(first), last: known.last.min(last) }
                }
                None => found.push((field, Span { first, last })),
            }
        }
        found.into_iter().find(|(_, span)| span.first > 0)
    }
}

impl Predicate {
    /// Whether a condition on what transactions come to holds; `None` for another one. A time that there is not is before every
    /// other.
    pub(super) fn holds_for(&self, standing: Standing) -> Option<bool> {
        let number = standing.number(self.field.standing()?).unwrap_or(i64::MIN);
        Some(match &self.value {
            Value::Span(span) => compare(self.op, number, *span),
            Value::Among(numbers) => numbers.contains(&number) != self.op.is_negative(),
            _ => false,
        })
    }
}

impl Sort {
    /// The number of a standing that gives the order, if one does.
    pub fn standing(&self) -> Option<StandingField> {
        match &self.field {
            SortField::Filter(field) => field.standing(),
            _ => None,
        }
    }

    /// The position of a record in this order.
    pub fn key_with(&self, stored: &Stored, entrypoint: &Entrypoint, standing: Standing) -> SortKey {
        let Some(field) = self.standing() else { return self.key(stored, entrypoint) };
        let value = standing.number(field).map_or(SortValue::Absent, SortValue::Number);
        self.key_of(value, stored.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(name: &str, value: &str) -> Filter {
        Filter::parse(&[(name, value)]).unwrap()
    }

    #[test]
    fn rules_15_customers_are_found_by_what_they_paid() {
        let none = Standing::default();
        let some = Standing { sales: 3, gross: 449_900, last_at: 1_772_359_200_000_000 };
        for (name, value, for_some, for_none) in [
            ("transactionCount(ge)", "3", true, false),
            ("transactionCount(in)", "0|7", false, true),
            ("transactionCount", "0", false, true),
            ("totalSpent(gt)", "44.98", true, false),
            ("totalSpent(lt)", "44.99", false, true),
            ("lastTransaction(ge)", "2026-03-01", true, false),
            ("lastTransaction(lt)", "2026-03-01", false, true),
            ("lastTransaction(lt)", "2027-01-01", true, true),
            ("lastTransaction(ne)", "2026-03-01", false, true),
        ] {
            let filter = filter(name, value);
            assert_eq!(
                (filter.holds_for(some), filter.holds_for(none)),
                (for_some, for_none),
                "{name}={value}"
            );
            assert!(filter.needs_standing());
            // A span by an index leaves out nobody who matches.
            if let Some((field, span)) = filter.standing_span() {
                assert!(
                    !for_none && (!for_some || span.holds(some.number(field).unwrap())),
                    "{name}={value}"
                );
            }
        }
        assert!(filter("totalSpent(ge)", "0.01").standing_span().is_some());
        assert!(filter("lastTransaction(ge)", "2027-01-01").standing_span().is_some());
        assert!(filter("lastTransaction(lt)", "2027-01-01").standing_span().is_none());
        assert!(filter("totalSpent(ge)", "0").standing_span().is_none());
        assert!(filter("totalSpent(lt)", "5").standing_span().is_none());
        assert!(!filter("email", "x").needs_standing());
    }

    #[test]
    fn rules_15_customers_sort_by_what_they_paid() {
        let sort = Sort::parse("desc(totalSpent)").unwrap();
        let key = |id, gross| {
            let stored = Stored { id, version: 1, ..Stored::default() };
            sort.key_with(&stored, &Entrypoint::default(), Standing { sales: 1, gross, last_at: 5 })
        };
        assert!(key(1, 10) < key(2, 5) && key(2, 5) < key(1, 5));
        assert_eq!(Sort::parse("asc(lastTransaction)").unwrap().standing(), Some(StandingField::Last));
    }
}

//! Which invoices a list is about.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use strum::{EnumString, VariantNames};

use super::{Invoice, InvoiceKind, InvoiceState};
use crate::domain::filter::conditions::{Condition, FieldOperators, Span, each, moments, narrow};
use crate::domain::kernel::money::Money;
use crate::domain::kernel::problem::{Problem, ValueError};
use crate::domain::kernel::time::SECOND_US;

const RANGE: &[&str] = &["eq", "gt", "ge", "lt", "le"];
const WORDS: &[&str] = &["eq", "ne", "in", "nin"];
/// The fields with the operators that they take.
const FIELDS: [FieldOperators; 9] = [
    ("status", WORDS),
    ("kind", &["eq"]),
    ("overdue", &["eq"]),
    ("customerId", &["eq", "in"]),
    ("invoiceNumber", &["eq"]),
    ("invoiceDate", RANGE),
    ("dueDate", RANGE),
    ("createdAt", RANGE),
    ("totalAmount", RANGE),
];
const STATES: [InvoiceState; 5] = [
    InvoiceState::Draft,
    InvoiceState::Open,
    InvoiceState::PartlyPaid,
    InvoiceState::Paid,
    InvoiceState::Cancelled,
];

/// Which invoices to list. All conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InvoiceFilter {
    /// Those in one of these states.
    pub states: Option<BTreeSet<InvoiceState>>,
    /// Those of this kind.
    pub kind: Option<InvoiceKind>,
    /// Whether they wait for money and their day is over.
    pub is_overdue: Option<bool>,
    /// Those of these customers.
    pub customers: Option<BTreeSet<i64>>,
    /// The one with this number.
    pub number: Option<String>,
    /// Those of these days, as numbers of days.
    pub day: Span,
    /// Those that are due on these days, as numbers of days.
    pub due_day: Span,
    /// Those that were made at these times, in microseconds.
    pub created: Span,
    /// Those that come to these amounts, in ten-thousandths.
    pub total: Span,
}

impl InvoiceFilter {
    /// Reads the filters among the decoded parameters of a query. `others` are parameters that are no filters.
    ///
    /// # Errors
    /// All problems at once.
    pub fn parse(pairs: &[(String, String)], others: &[&str]) -> Result<InvoiceFilter, Vec<Problem>> {
        let mut filter = InvoiceFilter::default();
        each(pairs, others, &FIELDS, |condition| filter.one(condition))?;
        Ok(filter)
    }

    fn one(&mut self, condition: Condition<'_>) -> Result<(), ValueError> {
        let Condition { field, op, value } = condition;
        match field {
            "status" => {
                let read: Result<BTreeSet<InvoiceState>, ValueError> = condition.items().map(state).collect();
                let mut among = read?;
                if matches!(op, "ne" | "nin") {
                    among = STATES.into_iter().filter(|state| !among.contains(state)).collect();
                }
                narrow(&mut self.states, among);
            }
            "kind" => {
                let wrong = || ("invalid_value", "must be invoice or creditNote".to_owned());
                self.kind = Some(value.trim().parse().map_err(|_| wrong())?);
            }
            "overdue" => {
                let wrong = || ("invalid_value", "must be true or false".to_owned());
                self.is_overdue = Some(value.trim().parse().map_err(|_| wrong())?);
            }
            "customerId" => narrow(&mut self.customers, condition.ids()?),
            "invoiceNumber" => self.number = Some(value.trim().to_owned()),
            "createdAt" => self.created.narrow(op, moments(value)?),
            "totalAmount" => {
                let read =
                    Money::parse(value.trim()).map_err(|error| ("invalid_value", error.to_string()))?;
                self.total.narrow(op, (read.units(), read.units().saturating_add(1)));
            }
            name => {
                let (first, _) = moments(value)?;
                let day = first.div_euclid(24 * 3_600 * SECOND_US);
                let span = if name == "dueDate" { &mut self.due_day } else { &mut self.day };
                span.narrow(op, (day, day.saturating_add(1)));
            }
        }
        Ok(())
    }
}

/// What a list of invoices may be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "camelCase", ascii_case_insensitive)]
pub enum InvoiceField {
    /// The day of issue; drafts have none, and count as later than all.
    InvoiceDate,
    /// The day by which it is to be paid; drafts count as later than all.
    DueDate,
    /// When it was made.
    CreatedAt,
    /// What it comes to.
    TotalAmount,
}

impl InvoiceField {
    /// The value of an invoice by which it is sorted.
    pub fn of(self, invoice: &Invoice) -> i64 {
        let day = |day: Option<NaiveDate>| day.map_or(i64::MAX, number_of_day);
        let issue = invoice.issue.as_ref();
        match self {
            InvoiceField::InvoiceDate => day(issue.map(|issue| issue.day)),
            InvoiceField::DueDate => day(issue.map(|issue| issue.due_day)),
            InvoiceField::CreatedAt => invoice.created_at.0,
            InvoiceField::TotalAmount => invoice.content.sums.total.units(),
        }
    }
}

/// A day as the number of days since 1970, as columns hold it.
pub fn number_of_day(day: NaiveDate) -> i64 {
    day.signed_duration_since(NaiveDate::default()).num_days()
}

/// A word, or one of Payabli's codes.
fn state(text: &str) -> Result<InvoiceState, ValueError> {
    let text = text.trim();
    let of_code = |code: i16| InvoiceState::from_repr(code);
    let found = text.parse().ok().and_then(of_code).or_else(|| text.parse().ok());
    found.ok_or_else(|| {
        (
            "invalid_value",
            "must be draft, open, partlyPaid, paid or cancelled, or 0, 1, 2, 4 or 99".to_owned(),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(pairs: &[(&str, &str)]) -> Result<InvoiceFilter, Vec<Problem>> {
        let pairs: Vec<(String, String)> =
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        InvoiceFilter::parse(&pairs, &["limitRecord"])
    }

    #[test]
    fn rules_19_words_codes_days_and_amounts_narrow_a_list() {
        let found = parse(&[
            ("status(in)", "1|partlyPaid"),
            ("parameters[totalAmount(ge)]", "10.5"),
            ("invoiceDate", "1970-01-03"),
            ("dueDate(lt)", "1970-02-01"),
            ("overdue", "true"),
            ("kind", "creditNote"),
        ])
        .unwrap();
        assert_eq!(found.states, Some(BTreeSet::from([InvoiceState::Open, InvoiceState::PartlyPaid])));
        assert_eq!(found.total, Span { from: Some(105_000), before: None });
        assert_eq!(found.day, Span { from: Some(2), before: Some(3) });
        assert_eq!(found.due_day, Span { from: None, before: Some(31) });
        assert_eq!((found.is_overdue, found.kind), (Some(true), Some(InvoiceKind::CreditNote)));
        let others = parse(&[("status(nin)", "0|99")]).unwrap().states.unwrap();
        assert_eq!(others.len(), 3);
        assert_eq!(number_of_day("1970-01-03".parse().unwrap()), 2);
    }

    #[test]
    fn rules_8_all_problems_are_told_at_once() {
        let found = parse(&[
            ("status", "late"),
            ("colour", "x"),
            ("totalAmount", "x"),
            ("kind(in)", "invoice"),
            ("dueDate", "soon"),
        ]);
        let codes: Vec<&str> = found.unwrap_err().iter().map(|problem| problem.code).collect();
        assert_eq!(
            codes,
            ["invalid_value", "unknown_filter", "invalid_value", "invalid_operator", "invalid_value"]
        );
    }
}

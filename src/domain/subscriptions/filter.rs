//! Which subscriptions a list is about.

use std::collections::BTreeSet;

use super::SubscriptionStatus;
use crate::domain::filter::conditions::{Condition, FieldOperators, Span, each, moments, narrow};
use crate::domain::kernel::problem::{Problem, ValueError};

/// The fields with the operators that they take.
const FIELDS: [FieldOperators; 3] = [
    ("status", &["eq", "ne", "in", "nin"]),
    ("customerId", &["eq", "in"]),
    ("nextDate", &["eq", "gt", "ge", "lt", "le"]),
];
const STATUSES: [SubscriptionStatus; 4] = [
    SubscriptionStatus::Ended,
    SubscriptionStatus::Paused,
    SubscriptionStatus::Trial,
    SubscriptionStatus::Running,
];

/// Which subscriptions to list. All conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubscriptionFilter {
    /// Those with one of these states.
    pub statuses: Option<BTreeSet<SubscriptionStatus>>,
    /// Those of these customers.
    pub customers: Option<BTreeSet<i64>>,
    /// Those that are charged next at one of these times, in microseconds.
    pub next: Span,
}

impl SubscriptionFilter {
    /// Reads the filters among the decoded parameters of a query. `others` are parameters that are no filters.
    ///
    /// # Errors
    /// All problems at once.
    pub fn parse(pairs: &[(String, String)], others: &[&str]) -> Result<SubscriptionFilter, Vec<Problem>> {
        let mut filter = SubscriptionFilter::default();
        each(pairs, others, &FIELDS, |condition| filter.one(condition))?;
        Ok(filter)
    }

    fn one(&mut self, condition: Condition<'_>) -> Result<(), ValueError> {
        match condition.field {
            "status" => {
                let mut among = BTreeSet::new();
                for item in condition.items() {
                    among.extend(statuses(item)?);
                }
                if matches!(condition.op, "ne" | "nin") {
                    among = STATUSES.into_iter().filter(|status| !among.contains(status)).collect();
                }
                narrow(&mut self.statuses, among);
            }
            "customerId" => narrow(&mut self.customers, condition.ids()?),
            _ => self.next.narrow(condition.op, moments(condition.value)?),
        }
        Ok(())
    }
}

/// A word, or one of Payabli's codes: 1 for what runs, 0 for the others.
fn statuses(text: &str) -> Result<Vec<SubscriptionStatus>, ValueError> {
    let text = text.trim();
    if let Ok(code @ 0..=1) = text.parse::<i32>() {
        return Ok(STATUSES.into_iter().filter(|status| status.code() == code).collect());
    }
    SubscriptionStatus::parse(text).map(|status| vec![status])
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_US: i64 = 24 * 3_600 * 1_000_000;

    fn parse(pairs: &[(&str, &str)]) -> Result<SubscriptionFilter, Vec<Problem>> {
        let pairs: Vec<(String, String)> =
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        SubscriptionFilter::parse(&pairs, &["limitRecord"])
    }

    #[test]
    fn contract_6_3_all_three_forms_mean_the_same() {
        let plain =
            parse(&[("status(in)", "running|paused"), ("customerId", "7"), ("limitRecord", "5")]).unwrap();
        assert_eq!(plain.customers, Some(BTreeSet::from([7])));
        let bracketed =
            parse(&[("parameters[Status(IN)]", "paused|Running"), ("parameters[customerid]", "7")]);
        assert_eq!(bracketed.unwrap(), plain);
        let json = r#"{"status(in)":"running|paused","customerId(eq)":7,"nextDate":null}"#;
        assert_eq!(parse(&[("parameters", json)]).unwrap(), plain);
        assert_eq!(parse(&[("parameters", "")]).unwrap(), SubscriptionFilter::default());
    }

    #[test]
    fn rules_16_codes_words_and_days_narrow_a_list() {
        use SubscriptionStatus::{Ended, Paused, Running, Trial};
        let of = |name: &str, value: &str| parse(&[(name, value)]).unwrap().statuses.unwrap();
        assert_eq!(of("status", "1"), BTreeSet::from([Running, Trial]));
        assert_eq!(of("status", "0"), BTreeSet::from([Ended, Paused]));
        assert_eq!(of("status(ne)", "ended"), BTreeSet::from([Paused, Running, Trial]));
        assert_eq!(
            parse(&[("status", "1"), ("status(ne)", "trial")]).unwrap().statuses.unwrap(),
            BTreeSet::from([Running])
        );
        let day = 1_772_323_200_000_000; // 2026-03-01
        for (op, from, before) in [
            ("eq", Some(day), Some(day + DAY_US)),
            ("ge", Some(day), None),
            ("gt", Some(day + DAY_US), None),
            ("le", None, Some(day + DAY_US)),
            ("lt", None, Some(day)),
        ] {
            let filter = parse(&[(&format!("nextDate({op})"), "2026-03-01")]).unwrap();
            assert_eq!((filter.next.from, filter.next.before), (from, before), "{op}");
        }
        let moment = parse(&[("nextDate(gt)", "2026-03-01T00:00:00Z")]).unwrap();
        assert_eq!(moment.next.from, Some(day + 1));
    }

    #[test]
    fn rules_8_all_problems_are_told_at_once() {
        let found = parse(&[
            ("plan", "x"),
            ("status(ct)", "x"),
            ("status", "on"),
            ("customerId", "x"),
            ("nextDate", "soon"),
            ("status(eq", "1"),
            ("parameters", "[1]"),
        ]);
        let codes: Vec<&str> = found.unwrap_err().iter().map(|problem| problem.code).collect();
        let wanted = [
            "unknown_filter",
            "invalid_operator",
            "invalid_value",
            "invalid_value",
            "invalid_value",
            "invalid_filter",
            "invalid_json",
        ];
        assert_eq!(codes, wanted);
    }
}

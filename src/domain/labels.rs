//! Labels of customers (rules 12): how many customers have each, and changes to those of many.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantNames};

use super::bulk::{BulkState, Selection};
use super::customers::record::{Customer, LABELS_MAX};
use super::kernel::problem::Rejection;
use super::kernel::time::Micros;

/// What to do with the labels of a customer. Labels compare by case, as they are stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelChange {
    /// Labels that the customer gets, after those that there are.
    pub add: Vec<String>,
    /// Labels that the customer loses.
    pub remove: Vec<String>,
    /// A label, and the one that takes its place.
    pub rename: Option<(String, String)>,
}

impl LabelChange {
    /// The labels after the change; `None` if they would be more than a customer may have.
    pub fn applied(&self, labels: &[String]) -> Option<Vec<String>> {
        let mut after: Vec<String> = Vec::with_capacity(labels.len() + self.add.len());
        let kept = labels.iter().filter(|label| !self.remove.contains(label));
        let renamed = kept.map(|label| match &self.rename {
            Some((from, to)) if from == label => to,
            _ => label,
        });
        for label in renamed.chain(&self.add) {
            if !after.contains(label) {
                after.push(label.clone());
            }
        }
        (after.len() <= LABELS_MAX.max(labels.len())).then_some(after)
    }
}

/// Whose labels to change, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelPlan {
    /// Whose.
    pub selection: Selection,
    /// How.
    pub change: LabelChange,
}

impl LabelPlan {
    /// To rename a label of all who have it.
    pub fn rename(from: String, to: String) -> LabelPlan {
        let filters = vec![("label(eq)".to_owned(), from.clone())];
        let change = LabelChange { rename: Some((from, to)), ..LabelChange::default() };
        LabelPlan { selection: Selection { filters, ..Selection::default() }, change }
    }
}

/// What became of one customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(Serialize, Deserialize, utoipa::ToSchema, IntoStaticStr, EnumString, VariantNames)]
#[serde(rename_all = "camelCase")]
#[schema(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
pub enum LabelOutcome {
    /// The labels are as asked for now.
    Changed,
    /// They were so already.
    Unchanged,
    /// The customer would have more than 50 labels.
    TooMany,
    /// The customer is deleted.
    Deleted,
    /// There is no such customer in this entrypoint.
    NotFound,
    /// The record could not be read; the service's log says why.
    Failed,
}

impl LabelOutcome {
    /// The name on the wire and in the database.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The outcome of a refused change; `None` for a defect.
    pub fn of_rejection(rejection: &Rejection) -> Option<LabelOutcome> {
        match rejection {
            Rejection::Deleted => Some(LabelOutcome::Deleted),
            Rejection::NotFound => Some(LabelOutcome::NotFound),
            Rejection::State(_) => Some(LabelOutcome::TooMany),
            _ => None,
        }
    }
}

/// How many customers had which outcome.
pub type LabelCounts = BTreeMap<LabelOutcome, i64>;

/// A change of the labels of many customers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelJob {
    /// Its id.
    pub id: i64,
    /// The customers' entrypoint.
    pub entrypoint_id: i64,
    /// Its state.
    pub state: BulkState,
    /// How many customers were processed, by outcome.
    pub counts: LabelCounts,
    /// How many customers there are; `None` until they are counted.
    pub total: Option<i64>,
    /// Why it failed.
    pub failure: Option<String>,
    /// When it was requested.
    pub queued_at: Micros,
    /// When a worker first took it.
    pub started_at: Option<Micros>,
    /// When it ended.
    pub ended_at: Option<Micros>,
}

impl LabelJob {
    /// How many customers were processed.
    pub fn done(&self) -> i64 {
        self.counts.values().sum()
    }
}

/// By how many the customers of each label grow by some changes of records; only labels of which the number changes.
/// Deleted customers do not count.
pub fn growth<'a>(
    changes: impl IntoIterator<Item = (Option<&'a Customer>, &'a Customer)>,
) -> BTreeMap<&'a str, i64> {
    let mut growth: BTreeMap<&str, i64> = BTreeMap::new();
    for (before, after) in changes {
        let old = before.map_or(&[][..], labels_of_live);
        let new = labels_of_live(after);
        if old == new {
            continue;
        }
        for label in old {
            *growth.entry(label).or_default() -= 1;
        }
        for label in new {
            *growth.entry(label).or_default() += 1;
        }
    }
    growth.retain(|_, number| *number != 0);
    growth
}

fn labels_of_live(customer: &Customer) -> &[String] {
    if customer.is_deleted() { &[] } else { &customer.labels }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::customers::record::Status;

    fn customer() -> impl Strategy<Value = Customer> {
        let labels = prop::sample::subsequence(vec!["a", "A", "b", "c"], 0..4).prop_shuffle();
        (labels, any::<bool>()).prop_map(|(labels, is_deleted)| Customer {
            labels: labels.into_iter().map(str::to_owned).collect(),
            status: if is_deleted { Status::Deleted } else { Status::Active },
            ..Customer::default()
        })
    }

    fn list(labels: &[&str]) -> Vec<String> {
        labels.iter().map(|label| (*label).to_owned()).collect()
    }

    #[test]
    fn rules_12_labels_change_by_case_and_keep_their_order() {
        let change = |add: &[&str], remove: &[&str]| LabelChange {
            add: list(add),
            remove: list(remove),
            rename: None,
        };
        let labels = list(&["a", "A", "b"]);
        assert_eq!(change(&["c", "b"], &["a"]).applied(&labels), Some(list(&["A", "b", "c"])));
        let rename = |from: &str, to: &str| LabelChange {
            rename: Some((from.into(), to.into())),
            ..LabelChange::default()
        };
        assert_eq!(rename("a", "x").applied(&labels), Some(list(&["x", "A", "b"])));
        assert_eq!(rename("b", "A").applied(&labels), Some(list(&["a", "A"])));
        assert_eq!(rename("c", "x").applied(&labels), Some(labels.clone()));
        let full: Vec<String> = (0..LABELS_MAX).map(|number| number.to_string()).collect();
        assert_eq!(change(&["new"], &[]).applied(&full), None);
        assert_eq!(change(&["new"], &["0"]).applied(&full).map(|labels| labels.len()), Some(LABELS_MAX));
        assert_eq!(change(&["1"], &[]).applied(&full), Some(full));
    }

    proptest! {
        /// Rules 12: after any changes the counts are those of a recount.
        #[test]
        fn rules_12_counts_of_labels_are_those_of_a_recount(
            changes in prop::collection::vec((0_usize..3, customer()), 0..20),
        ) {
            let mut counts: BTreeMap<String, i64> = BTreeMap::new();
            let mut customers: Vec<Option<Customer>> = vec![None; 3];
            for (place, after) in &changes {
                for (label, number) in growth([(customers[*place].as_ref(), after)]) {
                    *counts.entry(label.to_owned()).or_default() += number;
                }
                customers[*place] = Some(after.clone());
            }
            counts.retain(|_, number| *number != 0);
            let live: Vec<Customer> = customers.into_iter().flatten().collect();
            let recount = growth(live.iter().map(|customer| (None, customer)));
            let recount: BTreeMap<String, i64> = recount.into_iter().map(|(label, n)| (label.to_owned(), n)).collect();
            prop_assert_eq!(counts, recount);
        }
    }
}

//! A create of a customer as a part of commands: whom it finds or makes, and what hangs on that customer.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::comments::NewComment;
use crate::domain::customers::draft::Draft;
use crate::domain::customers::record::Customer;
use crate::domain::methods::MethodDraft;

/// What a create does if the customer exists already (rules 3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OnMatch {
    /// Answer with the stored record, unchanged.
    #[default]
    Get,
    /// `replaceExisting=1`.
    Replace,
    /// `mergeExisting=1`.
    Merge,
    /// `forceCustomerCreation=true`: create a second one.
    Force,
}

/// What a row of an import hangs on its customer.
#[derive(Debug, Clone, Default)]
pub struct Hung {
    /// Comments that the customer gets, unless it has one with the same text.
    pub comments: Vec<NewComment>,
    /// Stored methods that the customer gets. One that it has already gets the values of the row if the row changes the record.
    pub methods: Vec<MethodDraft>,
    /// Random bits for the ids of the methods.
    pub random: u32,
}

/// `POST /Customer/single/{entry}`, and each row of an import.
#[derive(Debug, Clone)]
pub struct CreateCustomer {
    /// The checked body.
    pub draft: Draft,
    /// What hangs on the customer besides its record.
    pub hung: Hung,
    /// What to do if a customer matches.
    pub on_match: OnMatch,
    /// The part of the effect that was computed in advance.
    pub precomputed: Option<Arc<Precomputed>>,
}

/// The record that a create makes if nobody matches, with its search terms. A thread beside the writer computes it; the
/// writer takes the terms if its own record has the same texts and the same key.
#[derive(Debug, Clone)]
pub struct Precomputed {
    /// The data key of the terms.
    pub key_id: i64,
    /// The record.
    pub record: Customer,
    /// Hashed and sorted.
    pub terms: Vec<u64>,
}

impl Precomputed {
    /// The terms, if they belong to this record and key.
    pub fn terms_of(&self, key_id: i64, record: &Customer) -> Option<&[u64]> {
        let is_it = self.key_id == key_id
            && self.record.texts == record.texts
            && self.record.additional == record.additional
            && self.record.labels == record.labels
            && self.record.references == record.references;
        is_it.then_some(self.terms.as_slice())
    }
}

/// Whose a stored method or an invoice is.
#[derive(Debug, Clone)]
pub enum Holder {
    /// `customerId`.
    Customer(i64),
    /// Whoever matches, or a new customer (`customerData` of Payabli's call).
    Found(Box<CreateCustomer>),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::customers::fields::TextField;

    #[test]
    fn foreseen_terms_are_those_of_the_same_texts_under_the_same_key() {
        let mut record = Customer::default();
        record.texts.set(TextField::Email, Some("ada@example.test".into()));
        let precomputed = Precomputed { key_id: 1, record: record.clone(), terms: vec![7] };
        record.updated_at = crate::domain::kernel::time::Micros(1);
        assert_eq!(precomputed.terms_of(1, &record), Some([7].as_slice()), "times are not searched for");
        assert_eq!(precomputed.terms_of(2, &record), None);
        let mut other = record.clone();
        other.texts.set(TextField::Phone, Some("+12025550100".into()));
        assert_eq!(precomputed.terms_of(1, &other), None);
        let mut other = record.clone();
        other.labels.push("vip".into());
        assert_eq!(precomputed.terms_of(1, &other), None);
        record.additional.insert("tier".into(), "gold".into());
        assert_eq!(precomputed.terms_of(1, &record), None);
    }
}

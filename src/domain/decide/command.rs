//! Commands that change customers, and their outcomes.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

use crate::domain::accounts::sight::Sight;
use crate::domain::customers::consent::ConsentChange;
use crate::domain::customers::draft::Draft;
use crate::domain::customers::record::{Customer, Stored};
use crate::domain::entrypoints::Entrypoint;
use crate::domain::kernel::problem::Problem;
use std::sync::Arc;

/// A requested change, with everything from the request that the decision needs.
#[derive(Debug, Clone)]
pub struct Command {
    /// The entrypoint that the command locks.
    pub entrypoint_id: i64,
    /// Who asks; recorded in the history.
    pub actor: Actor,
    /// How much the asker sees of stored customers (rules 1).
    pub sight: Sight,
    /// The key under which a retry finds the outcome of this command.
    pub idempotency: Option<KeyUse>,
    /// What to do.
    pub action: Action,
}

/// What to do.
#[derive(Debug, Clone)]
pub enum Action {
    /// Get or create a customer (rules 3).
    Create(Box<CreateCustomer>),
    /// Change the sent fields of a customer (rules 5).
    Update(Box<UpdateCustomer>),
    /// Delete a customer, and erase the person on request (rules 5).
    Delete(DeleteCustomer),
    /// Report what a create would do; changes nothing.
    Match(Box<CreateCustomer>),
    /// Invite a customer to the portal.
    Invite(InviteCustomer),
    /// Ask for consent, or record the customer's answer.
    Consent(ChangeConsent),
    /// Archive or unarchive a customer.
    Archive(ArchiveCustomer),
    /// Do nothing: answer the outcome kept under the key, or refuse with these problems if there is none (rules 4).
    Replay(Vec<Problem>),
}

/// The token that the caller used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The token's name (`sub`).
    pub name: String,
    /// The token's id (`jti`).
    pub jti: String,
}

/// An idempotency key: the hash of the key, and a hash of the request (rules 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyUse {
    /// Keyed hash of organisation, method, route, ids and key.
    pub key: [u8; 32],
    /// Keyed hash of query and body.
    pub fingerprint: [u8; 32],
}

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

/// `POST /Customer/single/{entry}`, and each row of an import.
#[derive(Debug, Clone)]
pub struct CreateCustomer {
    /// The checked body.
    pub draft: Draft,
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
            && self.record.labels == record.labels;
        is_it.then_some(self.terms.as_slice())
    }
}

/// `PUT /Customer/{customerId}`.
#[derive(Debug, Clone)]
pub struct UpdateCustomer {
    /// `customerId`.
    pub id: i64,
    /// The checked body.
    pub draft: Draft,
    /// `If-Match`.
    pub precondition: Precondition,
}

/// `DELETE /Customer/{customerId}`.
#[derive(Debug, Clone)]
pub struct DeleteCustomer {
    /// `customerId`.
    pub id: i64,
    /// Whether to erase every personal value for good.
    pub erase: bool,
    /// `If-Match`.
    pub precondition: Precondition,
}

/// `POST /Customer/{customerId}/invite`, and each customer of an invitation of many.
#[derive(Debug, Clone, Copy)]
pub struct InviteCustomer {
    /// `customerId`.
    pub id: i64,
    /// Whether a customer who is invited already gets a new link; the earlier link ends.
    pub again: bool,
    /// How long the link is valid, in seconds.
    pub link_ttl_secs: i64,
}

/// `POST /Customer/{customerId}/consent`, and the customer's own choice in the portal.
#[derive(Debug, Clone, Copy)]
pub struct ChangeConsent {
    /// `customerId`.
    pub id: i64,
    /// The change of the consent.
    pub change: ConsentChange,
    /// How long the link in the opt-in mail is valid, in seconds.
    pub link_ttl_secs: i64,
}

/// `POST /Customer/{customerId}/archive` and `/unarchive`.
#[derive(Debug, Clone)]
pub struct ArchiveCustomer {
    /// `customerId`.
    pub id: i64,
    /// Whether to archive the customer; `false` unarchives.
    pub archived: bool,
    /// `If-Match`.
    pub precondition: Precondition,
}

/// `If-Match` as a list of versions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Precondition {
    /// No header.
    #[default]
    None,
    /// One of these versions; the list is empty if the header cannot be parsed.
    Versions(Vec<i64>),
}

impl Precondition {
    /// Whether a record at this version may be changed.
    pub fn holds(&self, version: i64) -> bool {
        match self {
            Precondition::None => true,
            Precondition::Versions(versions) => versions.contains(&version),
        }
    }
}

/// What a create came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[derive(Serialize, Deserialize, utoipa::ToSchema, IntoStaticStr, EnumString)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Verdict {
    /// No match: a new record.
    Created,
    /// The stored record, unchanged.
    Matched,
    /// The stored record now holds exactly what was sent.
    Replaced,
    /// The sent fields were written onto the stored record.
    Merged,
    /// A second record, although a customer matched.
    Forced,
}

impl Verdict {
    /// The word in the wire format.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// The outcome of a command. It is small enough to be stored under the idempotency key: the values of the record stay
/// in the versions of the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// A create.
    Created {
        /// The result.
        verdict: Verdict,
        /// `customerId`.
        id: i64,
        /// The version in the answer.
        version: i64,
        /// The fields that matched.
        matched_on: Option<Vec<String>>,
        /// The sent fields whose values differ from those of the match.
        differs: Vec<String>,
    },
    /// An update or a deletion.
    Changed {
        /// `customerId`.
        id: i64,
        /// The version after the change.
        version: i64,
    },
    /// The answer to a match request.
    Matched(MatchReport),
}

impl Outcome {
    /// The id and version of the record that the answer shows, if it shows one.
    pub fn record(&self) -> Option<(i64, i64)> {
        match self {
            Outcome::Created { id, version, .. } | Outcome::Changed { id, version } => Some((*id, *version)),
            Outcome::Matched(_) => None,
        }
    }
}

/// What a create would do (`POST /Customer/match/{entry}`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchReport {
    /// The result, or `None` for a conflict.
    pub verdict: Option<Verdict>,
    /// The customer that would match.
    pub id: Option<i64>,
    /// The fields that match.
    pub matched_on: Option<Vec<String>>,
    /// The sent fields whose values differ.
    pub differs: Vec<String>,
    /// Each identifier of the request, with the customers that have it.
    pub candidates: Vec<(String, Vec<i64>)>,
    /// Why a create would be refused with 409.
    pub conflicts: Vec<String>,
}

/// An outcome with the data needed to render it. Only [`Answer::seen_by`](crate::domain::view) opens it.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The outcome of the command.
    pub(in crate::domain) outcome: Outcome,
    /// The record at the outcome's version; `None` for a match report.
    pub(in crate::domain) stored: Option<Arc<Stored>>,
    /// The entrypoint, as read under the lock.
    pub(in crate::domain) entrypoint: Arc<Entrypoint>,
    /// Whether this repeats the outcome of an earlier request.
    pub(in crate::domain) replayed: bool,
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

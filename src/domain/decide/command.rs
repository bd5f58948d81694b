//! Every change of a customer by name: what is asked, and what came of it.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

use crate::domain::customers::consent::ConsentChange;
use crate::domain::customers::draft::Draft;
use crate::domain::customers::record::{Customer, Stored};
use crate::domain::entrypoints::Entrypoint;
use crate::domain::kernel::problem::Problem;
use std::sync::Arc;

/// A change asked for, with all that a decision needs to know of its request.
#[derive(Debug, Clone)]
pub struct Command {
    /// The entrypoint whose lock the command takes.
    pub entrypoint_id: i64,
    /// Who asks; stands in the history.
    pub actor: Actor,
    /// The key under which a retry finds this command's outcome.
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
    /// Delete a customer, and perhaps erase the person (rules 5).
    Delete(DeleteCustomer),
    /// Say what a create would do; changes nothing.
    Match(Box<CreateCustomer>),
    /// Invite a customer to the portal.
    Invite(InviteCustomer),
    /// Ask for consent, or keep what the customer says of it.
    Consent(ChangeConsent),
    /// Put a customer into the archive, or take it out.
    Archive(ArchiveCustomer),
    /// Do nothing: answer what the key came to, or refuse with these problems where nothing is kept under it (rules 4).
    Replay(Vec<Problem>),
}

/// The token behind a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The token's name (`sub`).
    pub name: String,
    /// The token's id (`jti`).
    pub jti: String,
}

/// An idempotency key as it is kept: hashed, with what it was used for (rules 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyUse {
    /// Keyed hash of organisation, method, route, ids and key.
    pub key: [u8; 32],
    /// Keyed hash of query and body.
    pub fingerprint: [u8; 32],
}

/// What a create does where the customer exists already (rules 3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OnMatch {
    /// Answer the stored record, untouched.
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
    /// What to do with a match.
    pub on_match: OnMatch,
    /// What of its effect was made ready beforehand.
    pub precomputed: Option<Arc<Precomputed>>,
}

/// The record that a create makes where it hits nobody, with the search terms that it will be found by: made beside the
/// writer, which takes the terms if it makes a record of the same texts under the same key.
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
    /// The terms, if they are those of a record under a key.
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
    /// Whether every personal value is wiped for good.
    pub erase: bool,
    /// `If-Match`.
    pub precondition: Precondition,
}

/// `POST /Customer/{customerId}/invite`, and each customer of an invitation of many.
#[derive(Debug, Clone, Copy)]
pub struct InviteCustomer {
    /// `customerId`.
    pub id: i64,
    /// Whether one who is invited already gets a fresh link, and the earlier one ends.
    pub again: bool,
    /// How long the link holds, in seconds.
    pub link_ttl_secs: i64,
}

/// `POST /Customer/{customerId}/consent`, and what the customer does in the portal.
#[derive(Debug, Clone, Copy)]
pub struct ChangeConsent {
    /// `customerId`.
    pub id: i64,
    /// What happens.
    pub change: ConsentChange,
    /// How long the link of the opt-in mail holds, in seconds.
    pub link_ttl_secs: i64,
}

/// `POST /Customer/{customerId}/archive` and `/unarchive`.
#[derive(Debug, Clone)]
pub struct ArchiveCustomer {
    /// `customerId`.
    pub id: i64,
    /// Where the customer is to be.
    pub archived: bool,
    /// `If-Match`.
    pub precondition: Precondition,
}

/// `If-Match`, reduced to versions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Precondition {
    /// No header.
    #[default]
    None,
    /// One of these versions; none for a header that cannot be read.
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
    /// The stored record, untouched.
    Matched,
    /// The stored record now holds what was sent and nothing else.
    Replaced,
    /// The sent fields were written onto the stored record.
    Merged,
    /// A second record beside the match.
    Forced,
}

impl Verdict {
    /// The word on the wire.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// What a command came to, small enough to be kept under its idempotency key: the record's values
/// stay in the record's own versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// A create.
    Created {
        /// What came of it.
        verdict: Verdict,
        /// `customerId`.
        id: i64,
        /// The version answered.
        version: i64,
        /// The fields that led to the match.
        matched_on: Option<Vec<String>>,
        /// The fields that were sent with other values than the match has.
        differs: Vec<String>,
    },
    /// An update or a deletion.
    Changed {
        /// `customerId`.
        id: i64,
        /// The version afterwards.
        version: i64,
    },
    /// The answer to a match.
    Matched(MatchReport),
}

impl Outcome {
    /// The record and version that the answer shows, if it shows one.
    pub fn record(&self) -> Option<(i64, i64)> {
        match self {
            Outcome::Created { id, version, .. } | Outcome::Changed { id, version } => Some((*id, *version)),
            Outcome::Matched(_) => None,
        }
    }
}

/// What a create would do (`POST /Customer/match/{entry}`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchReport {
    /// The verdict, or `None` for a conflict.
    pub verdict: Option<Verdict>,
    /// The customer that would be hit.
    pub id: Option<i64>,
    /// The fields that lead to it.
    pub matched_on: Option<Vec<String>>,
    /// The fields sent with other values.
    pub differs: Vec<String>,
    /// Each identifier of the request with the customers it leads to.
    pub candidates: Vec<(String, Vec<i64>)>,
    /// Why a create would be refused with 409.
    pub conflicts: Vec<String>,
}

/// An outcome with what is needed to render it.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What came of the command.
    pub outcome: Outcome,
    /// The record at the outcome's version; `None` for a match report.
    pub stored: Option<Arc<Stored>>,
    /// The entrypoint, as it was under the lock.
    pub entrypoint: Arc<Entrypoint>,
    /// Whether this is an earlier request's outcome again.
    pub replayed: bool,
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

//! Invitations of many customers: whom to invite, and what became of each.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantNames};

use super::bulk::{BulkState, Selection};
use super::kernel::problem::Rejection;
use super::kernel::time::Micros;

/// Whom to invite, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitePlan {
    /// Whom.
    pub selection: Selection,
    /// Whether customers get a fresh link although their invitation is in force.
    pub again: bool,
    /// How long the links are valid, in seconds.
    pub link_ttl_secs: i64,
}

/// What became of one customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(Serialize, Deserialize, utoipa::ToSchema, IntoStaticStr, EnumString, VariantNames)]
#[serde(rename_all = "camelCase")]
#[schema(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
pub enum InviteOutcome {
    /// A mail is on its way.
    Invited,
    /// An invitation is in force; `again=true` sends a fresh one.
    AlreadyInvited,
    /// There is an account.
    Active,
    /// There is no e-mail address.
    NoEmail,
    /// Another customer has the same e-mail address.
    SameEmail,
    /// The customer is inactive.
    Inactive,
    /// The customer is archived.
    Archived,
    /// The customer is deleted.
    Deleted,
    /// There is no such customer in this entrypoint.
    NotFound,
    /// The record could not be read; the service's log says why.
    Failed,
}

impl InviteOutcome {
    /// The name on the wire and in the database.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The outcome of a refused invitation, and the customer in the way; `None` for a defect.
    pub fn of_rejection(rejection: &Rejection) -> Option<(InviteOutcome, Option<i64>)> {
        let outcome = match rejection {
            Rejection::Conflict { ids, .. } => return Some((InviteOutcome::SameEmail, ids.first().copied())),
            Rejection::Deleted => InviteOutcome::Deleted,
            Rejection::NotFound => InviteOutcome::NotFound,
            Rejection::State(problems) => match problems.first()?.code {
                "invited" => InviteOutcome::AlreadyInvited,
                "active" => InviteOutcome::Active,
                "no_email" => InviteOutcome::NoEmail,
                "inactive" => InviteOutcome::Inactive,
                "archived" => InviteOutcome::Archived,
                _ => return None,
            },
            _ => return None,
        };
        Some((outcome, None))
    }
}

/// How many customers had which outcome.
pub type InviteCounts = BTreeMap<InviteOutcome, i64>;

/// An invitation of many customers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InviteJob {
    /// Its id.
    pub id: i64,
    /// The customers' entrypoint.
    pub entrypoint_id: i64,
    /// Its state.
    pub state: BulkState,
    /// How many customers were processed, by outcome.
    pub counts: InviteCounts,
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

impl InviteJob {
    /// How many customers were processed.
    pub fn done(&self) -> i64 {
        self.counts.values().sum()
    }
}

/// One customer of an invitation of many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InviteReport {
    /// `customerId`.
    pub customer_id: i64,
    /// What became of it.
    pub outcome: InviteOutcome,
    /// The customer in the way.
    pub other_id: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_again() {
        for name in InviteOutcome::VARIANTS {
            let outcome: InviteOutcome = name.parse().unwrap();
            assert_eq!(outcome.name(), *name);
            assert_eq!(serde_json::to_value(outcome).unwrap(), *name);
        }
        for name in BulkState::VARIANTS {
            assert_eq!(name.parse().map(BulkState::name), Ok(*name));
        }
    }
}

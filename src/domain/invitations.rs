//! Invitations of many customers: whom to invite, and what became of each.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantNames};

use super::filter::{Filter, Search};
use super::kernel::problem::Rejection;
use super::kernel::time::Micros;

/// The most customers that one request may name by id.
pub const IDS_MAX: usize = 100_000;

/// Whom to invite: customers by id, or those that a filter matches.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitePlan {
    /// `customerIds`, sorted, without duplicates; `None` for the customers that the filter matches.
    pub ids: Option<Vec<i64>>,
    /// The filters of the query, as sent.
    pub filters: Vec<(String, String)>,
    /// `search`, as sent.
    pub search: String,
    /// Whether customers get a fresh link although their invitation is in force.
    pub again: bool,
    /// How long the links are valid, in seconds.
    pub link_ttl_secs: i64,
    /// Whether the search covers only what a token without `pii:read` may see.
    pub masked: bool,
}

impl InvitePlan {
    /// The parsed filters and search.
    ///
    /// # Errors
    /// Another release accepted a filter or a search that this one refuses.
    pub fn conditions(&self) -> Result<(Filter, Search), String> {
        let filter = Filter::parse(&self.filters)
            .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
        let search = Search::parse(&self.search).map_err(|problem| problem.to_string())?;
        Ok((filter, search))
    }
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

/// How far an invitation of many is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[derive(Serialize, Deserialize, utoipa::ToSchema, IntoStaticStr, EnumString, VariantNames)]
#[serde(rename_all = "camelCase")]
#[schema(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
pub enum InviteJobState {
    /// It waits for a worker.
    Queued,
    /// A worker has it.
    Running,
    /// Everybody was looked at.
    Finished,
    /// Somebody stopped it.
    Cancelled,
    /// It cannot go on; the failure says why.
    Failed,
}

impl InviteJobState {
    /// The name on the wire and in the database.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Whether nothing more will happen.
    pub const fn is_over(self) -> bool {
        !matches!(self, InviteJobState::Queued | InviteJobState::Running)
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
    pub state: InviteJobState,
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
        for name in InviteJobState::VARIANTS {
            assert_eq!(name.parse().map(InviteJobState::name), Ok(*name));
        }
    }
}

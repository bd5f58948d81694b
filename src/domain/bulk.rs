//! Work on many customers as a job: whom it is about, and how far it is.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantNames};

use super::filter::{Filter, Search};
use super::kernel::time::Micros;

/// The most customers that one request may name by id.
pub const IDS_MAX: usize = 100_000;

/// Customers by id, or those that a filter matches.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// `customerIds`, sorted, without duplicates; `None` for the customers that the filter matches.
    pub ids: Option<Vec<i64>>,
    /// The filters of the query, as sent.
    pub filters: Vec<(String, String)>,
    /// `search`, as sent.
    pub search: String,
    /// Whether the search covers only what a token without `pii:read` may see.
    pub masked: bool,
}

impl Selection {
    /// The parsed filters, as they hold now, and the search.
    ///
    /// # Errors
    /// Another release accepted a filter or a search that this one refuses.
    pub fn conditions(&self, now: Micros) -> Result<(Filter, Search), String> {
        let filter = Filter::parse(&self.filters)
            .map(|filter| filter.at(now))
            .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
        let search = Search::parse(&self.search).map_err(|problem| problem.to_string())?;
        Ok((filter, search))
    }
}

/// How far a job on many customers is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[derive(Serialize, Deserialize, utoipa::ToSchema, IntoStaticStr, EnumString, VariantNames)]
#[serde(rename_all = "camelCase")]
#[schema(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
pub enum BulkState {
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

impl BulkState {
    /// The name on the wire and in the database.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Whether nothing more will happen.
    pub const fn is_over(self) -> bool {
        !matches!(self, BulkState::Queued | BulkState::Running)
    }
}

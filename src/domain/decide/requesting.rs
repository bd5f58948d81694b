//! Changes of requests as commands, and what becomes of them (rules 13 and 20).

use serde::{Deserialize, Serialize};

use crate::domain::requests::draft::RequestDraft;
use crate::domain::requests::{NewLink, RequestId, RequestKind};

/// A change of requests.
#[derive(Debug, Clone)]
pub enum ChangeRequest {
    /// Make one.
    Make {
        /// Whose it is; `None` for a reusable one.
        customer_id: Option<i64>,
        /// The checked body.
        draft: Box<RequestDraft>,
        /// Its link.
        link: NewLink,
        /// Random bits for the id.
        random: u128,
    },
    /// Take one back.
    Cancel(NamedRequest),
    /// Give it another link; the one before ends.
    Resend {
        /// Which one.
        named: NamedRequest,
        /// Its new link.
        link: NewLink,
        /// Whether the customer gets the link by mail; by default whoever has one does.
        notify: Option<bool>,
    },
}

/// A request as a path names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedRequest {
    /// Its id.
    pub id: RequestId,
    /// What it asks for.
    pub kind: RequestKind,
    /// Whose it must be, if the path says so.
    pub customer_id: Option<i64>,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestDone {
    /// `customerId`; `None` for a reusable one.
    pub customer_id: Option<i64>,
    /// The request.
    pub request_id: RequestId,
    /// Its version after the change.
    pub version: i64,
    /// The token of its new link; none if it keeps the one it has, and once the person is erased.
    pub token: Option<String>,
}

//! What payment providers are to be asked, as commands, and what becomes of that (rules 20).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::kernel::money::Money;
use crate::domain::provider::answer::Report;
use crate::domain::provider::draft::ChargeDraft;
use crate::domain::provider::{CallId, SessionContent};
use crate::domain::requests::RequestId;

/// Something that a payment provider is to do, or what it made of that.
#[derive(Debug, Clone)]
pub enum AskProvider {
    /// Charge a stored method.
    Charge {
        /// Whose it is.
        customer_id: i64,
        /// The checked body.
        draft: Box<ChargeDraft>,
        /// Random bits for its id.
        random: u128,
    },
    /// Pay money of a charge back.
    Refund {
        /// The charge.
        charge_id: CallId,
        /// How much; what is left of the charge where none is named.
        amount: Option<Money>,
        /// Random bits for its id.
        random: u128,
    },
    /// Take a charge back before its money moves.
    Void {
        /// The charge.
        charge_id: CallId,
        /// Random bits for its id.
        random: u128,
    },
    /// Answer a request: pay, or leave a payment method.
    Answer {
        /// The request.
        request_id: RequestId,
        /// What its payer sent.
        answer: Box<RequestAnswer>,
        /// Random bits for its id.
        random: u128,
    },
    /// What came back.
    Settle {
        /// The call.
        id: CallId,
        /// What came back.
        report: Report,
    },
}

/// How somebody answers a request, checked as far as that needs no database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestAnswer {
    /// How much; `None` of a request for a method.
    pub amount: Option<Money>,
    /// What the payer filled in, by the names of fields.
    pub payer: BTreeMap<String, String>,
    /// By what.
    pub way: AnswerWay,
}

/// By what a request is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerWay {
    /// By a method of the sandbox.
    Test(String),
    /// On a page of the provider's.
    Page(SessionContent),
    /// Elsewhere, at the operator's own address.
    Elsewhere,
}

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AskDone {
    /// `customerId`.
    pub customer_id: Option<i64>,
    /// The call.
    pub call_id: CallId,
    /// Its version after the change.
    pub version: i64,
}

//! What payment providers are to be asked, as commands, and what becomes of that (rules 20).

use serde::{Deserialize, Serialize};

use crate::domain::kernel::money::Money;
use crate::domain::provider::CallId;
use crate::domain::provider::draft::ChargeDraft;
use crate::domain::provider::saga::Report;

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
    /// What came back.
    Settle {
        /// The call.
        id: CallId,
        /// What came back.
        report: Report,
    },
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

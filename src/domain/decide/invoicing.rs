//! Changes of invoices as commands, and what becomes of them (rules 19).

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::creation::Holder;
use super::precondition::Precondition;
use crate::domain::invoices::draft::{InvoiceDraft, LineDraft};
use crate::domain::invoices::{Invoice, InvoiceState};
use crate::domain::kernel::money::Money;
use crate::domain::kernel::time::Micros;
use crate::domain::transactions::currency::Currency;

/// A change of invoices.
#[derive(Debug, Clone)]
pub enum ChangeInvoice {
    /// Make one: a draft, or an open invoice at once.
    Make {
        /// Whose it is.
        holder: Holder,
        /// The checked body.
        draft: Box<InvoiceDraft>,
    },
    /// Change one that is there.
    Change {
        /// Its id.
        id: i64,
        /// What to do.
        step: InvoiceStep,
        /// `If-Match`.
        precondition: Precondition,
    },
}

impl ChangeInvoice {
    /// Whose a new invoice is to be.
    pub fn holder(&self) -> Option<&Holder> {
        match self {
            ChangeInvoice::Make { holder, .. } => Some(holder),
            ChangeInvoice::Change { .. } => None,
        }
    }
}

/// What to do with an invoice.
#[derive(Debug, Clone)]
pub enum InvoiceStep {
    /// Write what is sent onto a draft, and issue it if that is asked for.
    Edit(Box<InvoiceDraft>),
    /// Delete a draft.
    Delete,
    /// Issue a draft.
    Finalize,
    /// Take an open invoice back.
    Void,
    /// Take an issued invoice back by a credit note: all of it, or these lines.
    Credit {
        /// The lines; `None` for what is left of the invoice.
        lines: Option<Vec<LineDraft>>,
        /// Notes for the buyer.
        notes: Option<String>,
    },
    /// Record a payment.
    Pay(Box<NewPayment>),
    /// Send it by mail.
    Send,
}

/// A payment that somebody records by hand.
#[derive(Debug, Clone)]
pub struct NewPayment {
    /// The amount; what is open where none is named.
    pub amount: Option<Money>,
    /// Its currency; it must be that of the invoice.
    pub currency: Option<Currency>,
    /// How it was paid, such as `cash`.
    pub method: Option<CompactString>,
    /// What tells it from other payments; recorded again it is the same payment.
    pub reference: Option<CompactString>,
    /// What it was for.
    pub description: Option<CompactString>,
    /// When it was paid; now where none is named.
    pub paid_at: Option<Micros>,
    /// Random bits for its id.
    pub random: u128,
}

/// What became of an invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceDone {
    /// `customerId`.
    pub customer_id: i64,
    /// The invoice; for a credit note, that one.
    pub invoice_id: i64,
    /// Its version after the change.
    pub version: i64,
    /// Its number; empty for a draft.
    pub number: String,
    /// How it stands.
    pub state: InvoiceState,
    /// The transaction of a recorded payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trans_id: Option<String>,
}

impl InvoiceDone {
    /// What became of an invoice that is as it is now.
    pub(super) fn of(invoice: &Invoice) -> InvoiceDone {
        InvoiceDone {
            customer_id: invoice.customer_id,
            invoice_id: invoice.id,
            version: invoice.version,
            number: invoice.number().to_owned(),
            state: invoice.state(),
            trans_id: None,
        }
    }
}

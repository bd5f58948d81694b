//! What lists of transactions answer.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::TransactionOut;
use crate::domain::customers::fields::TextField;
use crate::domain::customers::mask::mask;
use crate::domain::customers::record::Stored;
use crate::domain::view::View;
use crate::store::TransactionSums;

/// A sum as a JSON number, written without a float.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Exact(pub(super) i128);

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let units = rust_decimal::Decimal::try_from_i128_with_scale(self.0, 4).unwrap_or_default();
        RawValue::from_string(units.normalize().to_string())
            .map_err(serde::ser::Error::custom)?
            .serialize(serializer)
    }
}

/// How many transactions there are, what they come to, and how they fall into pages.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TransactionSummaryOut {
    /// The next page's token, to be sent back as `pageIdentifier`; null on the last page.
    page_identifier: Option<String>,
    /// The same, in the spelling that some SDKs read.
    #[serde(rename = "pageidentifier")]
    pageidentifier: Option<String>,
    /// Records a page.
    page_size: i64,
    /// What the confirmed sales among all records of all pages came to, in the base currency of their entrypoints: those that
    /// are approved, or refunded since. A sale in another currency counts by its `baseAmount`, and without one it does not
    /// count.
    #[schema(value_type = f64)]
    total_amount: Exact,
    /// The same less fees, refunds, chargebacks and credits. What was declined, voided, or has not moved yet counts nowhere.
    #[schema(value_type = f64)]
    total_net_amount: Exact,
    /// How many pages there are.
    total_pages: i64,
    /// How many records there are, exactly, in whatever state.
    total_records: i64,
}

impl TransactionSummaryOut {
    /// The summary of a list with this page size; 0 or less puts everything on one page.
    pub(super) fn new(limit: i64, sums: TransactionSums, next: Option<String>) -> TransactionSummaryOut {
        let page_size = if limit > 0 { limit } else { sums.count };
        TransactionSummaryOut {
            page_identifier: next.clone(),
            pageidentifier: next,
            page_size,
            total_amount: Exact(sums.amount),
            total_net_amount: Exact(sums.net),
            total_pages: if page_size > 0 { sums.count.saturating_add(page_size - 1) / page_size } else { 0 },
            total_records: sums.count,
        }
    }
}

/// A page of transactions.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TransactionsOut<'a> {
    /// How many there are, and what they come to.
    summary: TransactionSummaryOut,
    /// The transactions of this page.
    records: Vec<ListedOut<'a>>,
}

/// A transaction with its customer.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct ListedOut<'a> {
    #[serde(flatten)]
    pub(super) transaction: TransactionOut<'a>,
    /// Whose it is; null while it belongs to nobody, and for a token without customers:read.
    #[serde(rename = "Customer")]
    pub(super) customer: Option<TransactionPayerOut>,
}

/// The customer of a transaction, by Payabli's names.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TransactionPayerOut {
    /// The customer's id.
    #[serde(rename = "customerId")]
    customer_id: i64,
    /// The shop's number of the customer.
    customer_number: Option<String>,
    /// First name.
    first_name: Option<String>,
    /// Last name; the whole name of a person who has it in one piece.
    last_name: Option<String>,
    /// Company.
    company_name: Option<String>,
    /// E-mail address; masked without pii:read.
    billing_email: Option<String>,
    /// Phone; masked without pii:read.
    billing_phone: Option<String>,
}

impl TransactionPayerOut {
    pub(super) fn new(stored: &Stored, view: View) -> TransactionPayerOut {
        let text = |field: TextField| {
            let value = stored.customer.text(field)?;
            let is_masked = view == View::Masked && field.spec().masked;
            Some(if is_masked { mask(field, value) } else { value.to_owned() })
        };
        TransactionPayerOut {
            customer_id: stored.id,
            customer_number: text(TextField::CustomerNumber),
            first_name: text(TextField::Firstname),
            last_name: text(TextField::Lastname)
                .or_else(|| text(TextField::Fullname).filter(|_| text(TextField::Firstname).is_none())),
            company_name: text(TextField::Company),
            billing_email: text(TextField::Email),
            billing_phone: text(TextField::Phone),
        }
    }
}

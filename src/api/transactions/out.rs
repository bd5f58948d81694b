//! A transaction in an answer: Payabli's names (contract 15) beside our own.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::domain::customers::mask::MASK;
use crate::domain::entrypoints::Entrypoint;
use crate::domain::kernel::money::Money;
use crate::domain::transactions::Transaction;
use crate::domain::transactions::status::{Operation, Status};
use crate::domain::view::View;

/// An amount in ten-thousandths as a JSON number, written without a float.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::api) struct Amount(pub i128);

impl From<Money> for Amount {
    fn from(money: Money) -> Amount {
        Amount(money.units().into())
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = Decimal::from_i128_with_scale(self.0, 4).normalize().to_string();
        RawValue::from_string(text).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

/// A transaction.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct TransactionOut<'a> {
    /// The service's id of the transaction: `{entrypoint}-{32 hexadecimal digits}`, in the order of arrival.
    trans_id: String,
    /// The same, by Payabli's name.
    #[serde(rename = "PaymentTransId")]
    payment_trans_id: String,
    /// The system that it comes from.
    #[serde(rename = "Source")]
    source: &'a str,
    /// Its id there.
    external_id: &'a str,
    /// Whose it is; null while it is unlinked, and without customers:read.
    customer_id: Option<i64>,
    /// What it does: `sale`, `refund`, `chargeback` or `credit`.
    #[serde(rename = "Operation")]
    operation: Operation,
    /// How far it came.
    status: Status,
    /// The same as Payabli's code: 1 approved, 2 declined, 5 voided, 6 refunded, 10 initiated, 11 authorised, -1 error.
    #[serde(rename = "TransStatus")]
    trans_status: i64,
    /// The amount.
    #[serde(rename = "TotalAmount")]
    #[schema(value_type = f64)]
    total_amount: Amount,
    /// The amount less what the provider keeps.
    #[serde(rename = "NetAmount")]
    #[schema(value_type = f64)]
    net_amount: Amount,
    /// What the provider keeps; null where nobody said.
    #[serde(rename = "FeeAmount")]
    #[schema(value_type = Option<f64>)]
    fee_amount: Option<Amount>,
    /// The currency by its ISO 4217 code.
    currency: &'static str,
    /// The amount in the entrypoint's currency, as the sender said; null where nobody said.
    #[schema(value_type = Option<f64>)]
    base_amount: Option<Amount>,
    /// How it was paid, such as `card`.
    #[serde(rename = "Method")]
    method: Option<&'a str>,
    /// When it began.
    #[serde(rename = "TransactionTime")]
    #[schema(format = DateTime)]
    transaction_time: String,
    /// When its status was told.
    #[schema(format = DateTime)]
    status_at: String,
    /// When the service first heard of it.
    #[serde(rename = "CreatedAt")]
    #[schema(format = DateTime)]
    created_at: String,
    /// Of a refund or a chargeback: the `externalId` of the sale.
    refund_of: Option<&'a str>,
    /// Of a sale: what its confirmed refunds come to.
    #[schema(value_type = f64)]
    refunded_amount: Amount,
    /// Whether more was refunded than was paid.
    over_refunded: bool,
    /// The number of the invoice that it pays.
    invoice_number: Option<&'a str>,
    /// The id of the order.
    #[serde(rename = "OrderId")]
    order_id: Option<&'a str>,
    /// The account with at most four digits in clear; masked without pii:read.
    masked_account: Option<&'a str>,
    /// What it was for; masked without pii:read.
    description: Option<&'a str>,
    /// The sender's own fields; values masked without pii:read.
    additional_data: BTreeMap<&'a str, &'a str>,
    /// The customers among whom an ambiguous match could not choose; empty without customers:read and pii:read.
    candidates: &'a [i64],
    /// Whether the money is play money, because the entrypoint is for tests.
    is_test: bool,
    /// Always 0; kept for clients of the contract.
    split_count: i64,
    /// The entrypoint's id.
    #[serde(rename = "PaypointId")]
    paypoint_id: i64,
    /// The entrypoint's name.
    #[serde(rename = "PaypointEntryname")]
    paypoint_entryname: &'a str,
    /// The entrypoint's legal name.
    #[serde(rename = "PaypointLegalname")]
    paypoint_legalname: Option<&'a str>,
    /// The entrypoint's trading name.
    #[serde(rename = "PaypointDbaname")]
    paypoint_dbaname: Option<&'a str>,
    /// The organisation's name.
    #[serde(rename = "ParentOrgName")]
    parent_org_name: &'a str,
    /// The organisation's id.
    #[serde(rename = "ParentOrgId")]
    parent_org_id: i64,
}

impl<'a> TransactionOut<'a> {
    /// Renders a transaction; with its customer's id for a reader who sees customers.
    pub(in crate::api) fn new(
        transaction: &'a Transaction,
        entrypoint: &'a Entrypoint,
        view: View,
        sees_customers: bool,
    ) -> TransactionOut<'a> {
        let is_masked = view == View::Masked;
        let shown = |value: &'a str| if is_masked { MASK } else { value };
        let details = &transaction.details;
        let id = transaction.id.show(entrypoint.id);
        let additional = details.additional.iter().map(|(name, value)| (name.as_str(), shown(value)));
        TransactionOut {
            trans_id: id.clone(),
            payment_trans_id: id,
            source: &transaction.source,
            external_id: &transaction.external_id,
            customer_id: transaction.customer_id.filter(|_| sees_customers),
            operation: transaction.operation,
            status: transaction.status,
            trans_status: transaction.status.code(),
            total_amount: transaction.amount.into(),
            net_amount: net(transaction).into(),
            fee_amount: transaction.fee.map(Amount::from),
            currency: transaction.currency.code(),
            base_amount: transaction.base_amount.map(Amount::from),
            method: transaction.method.as_deref(),
            transaction_time: transaction.occurred_at.to_rfc3339(),
            status_at: transaction.state_at.to_rfc3339(),
            created_at: transaction.received_at.to_rfc3339(),
            refund_of: transaction.refund_of.as_deref(),
            refunded_amount: transaction.refunded.into(),
            over_refunded: transaction.is_over_refunded(),
            invoice_number: details.invoice_number.as_deref(),
            order_id: details.order_id.as_deref(),
            masked_account: details.masked_account.as_deref().map(shown),
            description: details.description.as_deref().map(shown),
            additional_data: additional.collect(),
            candidates: if is_masked || !sees_customers { &[] } else { &details.candidates },
            is_test: entrypoint.is_test,
            split_count: 0,
            paypoint_id: entrypoint.id,
            paypoint_entryname: &entrypoint.entry,
            paypoint_legalname: entrypoint.legal_name.as_deref(),
            paypoint_dbaname: entrypoint.dba_name.as_deref(),
            parent_org_name: &entrypoint.org_name,
            parent_org_id: entrypoint.org_id,
        }
    }
}

/// What the sender says is left of the amount; else the amount less the fee.
fn net(transaction: &Transaction) -> Money {
    let fee = transaction.fee.unwrap_or_default().units();
    let rest = || Money::from_units(transaction.amount.units().saturating_sub(fee));
    transaction.net.or_else(rest).unwrap_or_default()
}

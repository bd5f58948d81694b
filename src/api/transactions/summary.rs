//! What a record shows of its customer's transactions (contract 3, rules 15).

use serde::Serialize;

use super::out::{Amount, TransactionOut};
use crate::domain::entrypoints::Entrypoint;
use crate::domain::view::View;
use crate::store::{CurrencyTotals, CustomerMoney};

/// Totals of a customer's transactions, in the entrypoint's currency.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct CustomerSummaryOut<'a> {
    /// How many approved sales there are.
    #[serde(rename = "NumberofTransactions")]
    number_of_transactions: i64,
    /// The last five transactions, the latest first; null without any.
    #[serde(rename = "RecentTransactions")]
    recent_transactions: Option<Vec<TransactionOut<'a>>>,
    /// What the approved sales came to.
    #[serde(rename = "TotalAmountTransactions")]
    #[schema(value_type = f64)]
    total_amount_transactions: Amount,
    /// The same less fees, refunds and chargebacks.
    #[serde(rename = "TotalNetAmountTransactions")]
    #[schema(value_type = f64)]
    total_net_amount_transactions: Amount,
    /// The totals of each currency by itself.
    totals_by_currency: Vec<CurrencyTotalsOut>,
    /// Whether transactions in other currencies are missing in the totals, as nobody said what they are in the entrypoint's.
    incomplete: bool,
}

/// Totals in one currency.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct CurrencyTotalsOut {
    /// The currency by its ISO 4217 code.
    currency: &'static str,
    /// How many transactions there are, in any state.
    transactions: i64,
    /// How many approved sales there are.
    sales: i64,
    /// What they came to.
    #[schema(value_type = f64)]
    total_amount: Amount,
    /// The same less fees, refunds and chargebacks.
    #[schema(value_type = f64)]
    total_net_amount: Amount,
    /// When the latest one began.
    #[schema(format = DateTime)]
    last_transaction: String,
}

impl CurrencyTotalsOut {
    fn new(of: &CurrencyTotals) -> Option<CurrencyTotalsOut> {
        Some(CurrencyTotalsOut {
            currency: of.currency?.code(),
            transactions: of.totals.transactions,
            sales: of.totals.sales,
            total_amount: Amount(of.totals.gross),
            total_net_amount: Amount(of.totals.net),
            last_transaction: of.last_at.to_rfc3339(),
        })
    }
}

impl<'a> CustomerSummaryOut<'a> {
    /// The summary of a customer; of nothing without transactions.
    pub(in crate::api) fn new(
        money: Option<&'a CustomerMoney>,
        entrypoint: &'a Entrypoint,
        view: View,
    ) -> CustomerSummaryOut<'a> {
        let Some(money) = money else { return CustomerSummaryOut::default() };
        let base = money.totals.iter().find(|of| of.currency.is_none());
        let totals = base.map(|base| base.totals).unwrap_or_default();
        let shown = money.recent.iter().map(|one| TransactionOut::new(one, entrypoint, view, true)).collect();
        CustomerSummaryOut {
            number_of_transactions: totals.sales,
            recent_transactions: (!money.recent.is_empty()).then_some(shown),
            total_amount_transactions: Amount(totals.gross),
            total_net_amount_transactions: Amount(totals.net),
            totals_by_currency: money.totals.iter().filter_map(CurrencyTotalsOut::new).collect(),
            incomplete: totals.incomplete != 0,
        }
    }
}

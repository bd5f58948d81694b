//! Transactions as a file. An export reads and writes them page by page in the order of time, and holds no transaction between
//! pages, as whoever reads a list page by page.

use std::sync::Arc;

use super::{Sheet, begin, others_turn, unwritten};
use crate::domain::exports::{Format, Payment, PaymentColumn, XLSX_ROWS_MAX};
use crate::domain::kernel::problem::{Problem, Rejection};
use crate::store::{Store, StoreError, TransactionRequest};

/// How many transactions to read at once.
const SLICE: usize = 500;

/// What to export.
#[derive(Debug)]
pub struct PaymentOrder {
    /// The list of transactions to export.
    pub request: TransactionRequest,
    /// The file format.
    pub format: Format,
    /// The parameter that chose the format, for error messages.
    pub parameter: &'static str,
    /// The columns with their headings, in order.
    pub columns: Vec<(PaymentColumn, String)>,
    /// Whether the reader sees masks.
    pub masked: bool,
    /// Whether the reader sees customers.
    pub sees_customers: bool,
}

/// An export in progress.
#[derive(Debug)]
pub struct PaymentExport {
    store: Arc<Store>,
    order: PaymentOrder,
    /// How many it may yet write.
    left: usize,
    is_over: bool,
    /// `None` after the end of the file.
    sheet: Option<Box<dyn Sheet>>,
}

impl PaymentExport {
    /// Writes no byte of the file yet.
    ///
    /// # Errors
    /// The database fails; [`Rejection::Invalid`] if the format cannot hold so many transactions.
    pub async fn begin(store: Arc<Store>, mut order: PaymentOrder) -> Result<PaymentExport, StoreError> {
        let left = order.request.limit;
        if order.format == Format::Xlsx {
            let counted = TransactionRequest { limit: 0, counts: true, ..order.request.clone() };
            let sums = store.transactions().list(counted, |page| page.sums).await?.unwrap_or_default();
            let skipped = i64::try_from(order.request.skip).unwrap_or(i64::MAX);
            let rows = usize::try_from(sums.count.saturating_sub(skipped)).unwrap_or(0).min(left);
            if rows > XLSX_ROWS_MAX {
                let why = format!(
                    "xlsx holds at most {XLSX_ROWS_MAX} transactions, and these are {rows}; take csv or filters"
                );
                let problem = Problem::parameter(order.parameter, "too_many_rows", why);
                return Err(StoreError::Rejected(Rejection::Invalid(vec![problem])));
            }
        }
        order.request.counts = false;
        let headings = order.columns.iter().map(|(_, heading)| heading.as_str());
        let sheet = begin(order.format, "transactions", headings).map_err(unwritten)?;
        Ok(PaymentExport { store, order, left, is_over: left == 0, sheet: Some(sheet) })
    }

    /// The next bytes of the file, at least one; `None` after its end.
    ///
    /// # Errors
    /// The database fails, or [`StoreError::Corrupt`]. The bytes so far are then an incomplete file.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        while let Some(sheet) = &mut self.sheet {
            if self.is_over {
                let bytes =
                    self.sheet.take().map(Sheet::end).transpose().map_err(unwritten)?.unwrap_or_default();
                if bytes.is_empty() {
                    return Ok(None);
                }
                return Ok(Some(bytes));
            }
            let request = TransactionRequest { limit: self.left.min(SLICE), ..self.order.request.clone() };
            let page = self.store.transactions().list(request, Clone::clone).await?;
            for listed in &page.records {
                let customer = listed.customer.as_ref().filter(|_| self.order.sees_customers);
                let payment = Payment {
                    transaction: &listed.transaction,
                    entrypoint: &listed.entrypoint,
                    customer: customer.map(|(record, _)| &record.stored),
                    sees_customers: self.order.sees_customers,
                };
                let masked = self.order.masked;
                let mut cells = self.order.columns.iter().map(|(column, _)| column.cell(payment, masked));
                sheet.row(&mut cells).map_err(unwritten)?;
            }
            others_turn().await;
            self.left = self.left.saturating_sub(page.records.len());
            self.order.request.skip = 0;
            self.order.request.after = page.next;
            self.is_over = page.next.is_none() || self.left == 0;
            let bytes = sheet.written().map_err(unwritten)?;
            if !bytes.is_empty() {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }
}

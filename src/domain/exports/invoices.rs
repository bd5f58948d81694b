//! Invoices as rows of a table.

use super::{Cell, CellKind};
use crate::domain::customers::fields::TextField;
use crate::domain::customers::mask::MASK;
use crate::domain::customers::record::Stored;
use crate::domain::entrypoints::Entrypoint;
use crate::domain::invoices::Invoice;
use crate::domain::kernel::money::Money;

/// The columns.
pub const HEADINGS: [&str; 23] = [
    "entry",
    "invoiceId",
    "kind",
    "invoiceNumber",
    "state",
    "customerId",
    "customerNumber",
    "buyerName",
    "buyerCompany",
    "buyerVatNumber",
    "invoiceDate",
    "invoiceDueDate",
    "currency",
    "netAmount",
    "tax",
    "invoiceAmount",
    "invoicePaidAmount",
    "openAmount",
    "credit",
    "purchaseOrder",
    "corrects",
    "createdAt",
    "invoiceSentDate",
];

fn text(text: impl Into<String>) -> Cell<'static> {
    Cell { kind: CellKind::Text, text: text.into().into() }
}

fn number(amount: Money) -> Cell<'static> {
    Cell { kind: CellKind::Number, text: amount.to_string().into() }
}

/// What the reader of a file of invoices sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvoiceSight {
    /// Whether it sees masks.
    pub masked: bool,
    /// Whether it sees who an erased buyer was, and what was bought.
    pub sees_erased: bool,
}

/// The cells of an invoice. What names an erased buyer is left out unless the reader sees such.
pub fn cells(
    invoice: &Invoice,
    stored: &Stored,
    entrypoint: &Entrypoint,
    InvoiceSight { masked, sees_erased }: InvoiceSight,
) -> [Cell<'static>; 23] {
    let issue = invoice.issue.as_ref();
    let is_hidden = stored.erased && !sees_erased;
    let buyer = issue.map(|issue| &issue.buyer).filter(|_| !is_hidden);
    let customer = &stored.customer;
    let name = buyer.map_or_else(|| customer.name(), |buyer| buyer.name.clone());
    let company = buyer
        .map_or_else(|| customer.text(TextField::Company).map(str::to_owned), |buyer| buyer.company.clone());
    let vat_number = buyer.and_then(|buyer| buyer.vat_number.clone());
    let vat_number = vat_number.map(|own| if masked { MASK.to_owned() } else { own });
    let content = &invoice.content;
    let id = |id: i64| Cell { kind: CellKind::Number, text: id.to_string().into() };
    let purchase_order = content.purchase_order.as_deref().filter(|_| !is_hidden).unwrap_or_default();
    let corrects = issue.and_then(|issue| issue.corrects.as_ref()).map(|(_, number)| number.clone());
    [
        text(&*entrypoint.entry),
        id(invoice.id),
        text(invoice.kind.name()),
        text(invoice.number()),
        text(invoice.state().name()),
        id(invoice.customer_id),
        text(customer.text(TextField::CustomerNumber).unwrap_or_default()),
        text(name),
        text(company.unwrap_or_default()),
        text(vat_number.unwrap_or_default()),
        text(issue.map(|issue| issue.day.to_string()).unwrap_or_default()),
        text(issue.map(|issue| issue.due_day.to_string()).unwrap_or_default()),
        text(invoice.currency.code()),
        number(content.sums.net),
        number(content.sums.tax),
        number(content.sums.total),
        number(invoice.paid()),
        number(invoice.open_amount()),
        number(invoice.credit()),
        text(purchase_order),
        text(corrects.unwrap_or_default()),
        text(invoice.created_at.to_rfc3339()),
        text(invoice.sent_at.map(crate::domain::kernel::time::Micros::to_rfc3339).unwrap_or_default()),
    ]
}

//! What the store knows of an invoice, as the page needs it; and the file of each, made once and kept.

use rust_decimal::Decimal;

use super::{Buyer, Color, Currency, Error, Invoice, Kind, Line, PaymentState, Seller, TaxSum, render};
use crate::domain::entrypoints::theme::{self, Language};
use crate::domain::invoices::amounts::by_rate;
use crate::domain::invoices::{self as domain, InvoiceKind, InvoiceState};
use crate::domain::kernel::money::Money;
use crate::domain::mail::{InvoiceEnclosed, Settled};
use crate::domain::numbers;
use crate::store::{Store, StoreError};

/// The PDF of an invoice of an entrypoint, made now if it is not kept yet; `None` for a draft.
///
/// # Errors
/// Database errors; [`StoreError::Bug`] if it cannot be made.
pub async fn of_invoice(
    store: &Store,
    entrypoint_id: i64,
    invoice: &domain::Invoice,
) -> Result<Option<Vec<u8>>, StoreError> {
    if invoice.issue.is_none() {
        return Ok(None);
    }
    if let Some(kept) = store.invoices().document(entrypoint_id, invoice.id).await? {
        return Ok(Some(kept));
    }
    let page = printed(invoice);
    let made = tokio::task::spawn_blocking(move || render(&page)).await;
    let made = made.unwrap_or(Err(Error::Font));
    let pdf = made.map_err(|error| StoreError::Bug(format!("the document of an invoice: {error}")))?;
    store.invoices().keep_document(entrypoint_id, invoice.id, pdf).await
}

/// The name of the file of an invoice with a number.
pub fn file_name(number: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = number.chars().map(|c| if is_plain(c) { c } else { '-' }).collect();
    format!("{name}.pdf")
}

/// The invoice as a mail brings it.
pub fn enclosed(invoice: &domain::Invoice, pdf: Vec<u8>) -> InvoiceEnclosed {
    let is_credit_note = invoice.kind == InvoiceKind::CreditNote;
    let is_open = invoice.state().is_open();
    let total = invoice.content.sums.total;
    let language =
        invoice.issue.as_ref().and_then(|issue| issue.look.language.parse().ok()).unwrap_or_default();
    let written = |amount| numbers::price(language, invoice.currency, amount);
    let is_credited = !invoice.credits.is_empty() && invoice.paid() == Money::default();
    let settled = match invoice.state() {
        InvoiceState::Cancelled => Settled::Cancelled,
        _ if is_credited => Settled::Credited,
        _ => Settled::Paid,
    };
    let left = (is_open && invoice.open_amount() != total).then(|| written(invoice.open_amount()));
    let issue = invoice.issue.as_ref();
    InvoiceEnclosed {
        is_credit_note,
        number: invoice.number().to_owned(),
        amount: written(total),
        left: left.unwrap_or_default(),
        is_open,
        settled,
        due_day: issue.map(|issue| numbers::day(language, issue.due_day)).unwrap_or_default(),
        language,
        file_name: file_name(invoice.number()),
        pdf,
    }
}

fn decimal(amount: Money) -> Decimal {
    Decimal::new(amount.units(), 4).normalize()
}

/// The page of an issued invoice, as it stood when it was issued.
fn printed(invoice: &domain::Invoice) -> Invoice {
    let issue = invoice.issue.clone().unwrap_or_default();
    let (content, sums) = (&invoice.content, invoice.content.sums);
    let is_invoice = invoice.kind == InvoiceKind::Invoice;
    let is_paid = issue.is_paid || sums.total == Money::default();
    let paid = if is_paid { decimal(sums.total) } else { Decimal::ZERO };
    let lines = content.lines.iter().map(|line| {
        let parts = [line.name.as_deref(), line.description.as_deref()];
        let description = parts.into_iter().flatten().collect::<Vec<_>>().join("\n");
        Line {
            description,
            quantity: Decimal::new(line.quantity.units(), 4).normalize(),
            unit_price: decimal(line.price),
            tax_rate: Decimal::new(line.rate.hundredths(), 2).normalize(),
            discount: decimal(line.discount),
            net: decimal(line.net),
            tax: decimal(line.tax),
            total: decimal(Money::from_units(line.net.units() + line.tax.units()).unwrap_or_default()),
        }
    });
    let taxes = by_rate(&content.lines).into_iter().map(|sum| TaxSum {
        rate: Decimal::new(sum.rate.hundredths(), 2).normalize(),
        net: decimal(sum.net),
        tax: decimal(sum.tax),
    });
    let notes =
        [content.payment_terms.as_deref(), content.notes.as_deref(), content.terms_conditions.as_deref()];
    let (seller, buyer) = (issue.seller, issue.buyer);
    Invoice {
        kind: if is_invoice { Kind::Invoice } else { Kind::CreditNote },
        number: issue.number,
        issued: issue.day,
        due: is_invoice.then_some(issue.due_day),
        corrects: issue.corrects.map(|(_, number)| number),
        purchase_order: content.purchase_order.as_deref().map(str::to_owned),
        language: issue.look.language.parse::<Language>().unwrap_or_default(),
        currency: Currency {
            code: invoice.currency.code().to_owned(),
            decimals: u32::try_from(invoice.currency.digits()).unwrap_or(2),
        },
        store: issue.look.store_name,
        accent: color(&issue.look.color),
        seller: Seller {
            name: seller.name,
            address: seller.address,
            vat_number: seller.vat_number,
            email: seller.email,
        },
        buyer: Buyer {
            name: buyer.name,
            company: buyer.company,
            address: buyer.address,
            vat_number: buyer.vat_number,
            email: buyer.email,
        },
        lines: lines.collect(),
        taxes: taxes.collect(),
        subtotal: decimal(sums.gross),
        discount: decimal(content.discount),
        tax: decimal(sums.tax),
        total: decimal(sums.total),
        paid,
        credit: Decimal::ZERO,
        amount_due: is_invoice.then(|| decimal(sums.total) - paid),
        state: is_invoice.then_some(if is_paid { PaymentState::Paid } else { PaymentState::Open }),
        notes: notes.into_iter().flatten().collect::<Vec<_>>().join("\n\n"),
        footer: issue.look.footer.unwrap_or_default(),
    }
}

/// A colour such as `#1f4fa3`.
fn color(text: &str) -> Color {
    let part = |from: usize| text.get(from..from + 2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
    match (part(1), part(3), part(5)) {
        (Some(red), Some(green), Some(blue)) => Color { red, green, blue },
        _ => color(theme::COLOR_DEFAULT),
    }
}

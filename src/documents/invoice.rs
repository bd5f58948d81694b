//! What an invoice says: plain data that the caller has already calculated and rounded.

use chrono::NaiveDate;
use rust_decimal::Decimal;

pub(super) use crate::domain::entrypoints::theme::Language;

/// What a document is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Kind {
    /// It asks for money.
    #[default]
    Invoice,
    /// It takes an invoice back, wholly or in part.
    CreditNote,
}

/// How much of a document is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentState {
    /// Everything.
    Paid,
    /// Nothing.
    Open,
    /// Something, but not everything.
    PartlyPaid,
}

/// A colour of the screen (sRGB).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Color {
    pub red: u8,
    pub green: u8,
    pub blue: u8,
}

/// The currency of all amounts of a document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Currency {
    /// The ISO 4217 code. It is printed as it is.
    pub code: String,
    /// How many decimals amounts have at least: 2 for EUR, 0 for JPY, 3 for KWD. A finer amount is printed with all its decimals.
    pub decimals: u32,
}

/// Who sells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seller {
    /// The legal name.
    pub name: String,
    /// The postal address, line by line.
    pub address: Vec<String>,
    /// The number for value added tax, if there is one.
    pub vat_number: Option<String>,
    /// Where questions go.
    pub email: Option<String>,
}

/// Who buys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Buyer {
    /// The person. Empty if only a company buys.
    pub name: String,
    /// The company, if there is one. It stands above the person.
    pub company: Option<String>,
    /// The postal address, line by line.
    pub address: Vec<String>,
    /// The number for value added tax, if there is one.
    pub vat_number: Option<String>,
    /// The address for mail.
    pub email: Option<String>,
}

/// One line of what is sold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    /// What it is. Line breaks are kept.
    pub description: String,
    /// How many.
    pub quantity: Decimal,
    /// The price of one, without tax.
    pub unit_price: Decimal,
    /// The tax in percent: `20` is 20 %.
    pub tax_rate: Decimal,
    /// What is taken off, as a positive amount. Zero for nothing.
    pub discount: Decimal,
    /// The amount without tax, after the discount.
    pub net: Decimal,
    /// The tax.
    pub tax: Decimal,
    /// The amount with tax.
    pub total: Decimal,
}

/// The sum of all lines with one tax rate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaxSum {
    /// The tax in percent.
    pub rate: Decimal,
    /// The amount that the tax is on.
    pub net: Decimal,
    /// The tax.
    pub tax: Decimal,
}

/// An invoice or a credit note. Nothing is calculated from it: every amount is printed as it is given.
///
/// Every text may hold any characters. Those that no font has are printed as `�`; control characters are not printed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Invoice {
    /// What the document is.
    pub kind: Kind,
    /// Its number.
    pub number: String,
    /// The day of its issue. It is the creation date of the file too.
    pub issued: NaiveDate,
    /// The day by which it must be paid.
    pub due: Option<NaiveDate>,
    /// The number of the invoice that a credit note corrects.
    pub corrects: Option<String>,
    /// The buyer's own reference of the order.
    pub purchase_order: Option<String>,
    /// The language of words, dates and numbers.
    pub language: Language,
    /// The currency of all amounts.
    pub currency: Currency,
    /// The name that buyers know the store by, at the head of the first page. If it is empty, the seller's name stands there.
    pub store: String,
    /// The colour at the head.
    pub accent: Color,
    /// Who sells.
    pub seller: Seller,
    /// Who buys.
    pub buyer: Buyer,
    /// What is sold: at most [`LINES_MAX`](super::LINES_MAX) lines.
    pub lines: Vec<Line>,
    /// The tax by rate. If it is empty, the document shows no tax at all.
    pub taxes: Vec<TaxSum>,
    /// The sum of the lines without tax and before discounts.
    pub subtotal: Decimal,
    /// The sum of the discounts, as a positive amount. Zero is not printed.
    pub discount: Decimal,
    /// The sum of the tax.
    pub tax: Decimal,
    /// The sum with tax.
    pub total: Decimal,
    /// What was paid. Zero is not printed.
    pub paid: Decimal,
    /// What credit notes or a balance took off. Zero is not printed.
    pub credit: Decimal,
    /// What remains to be paid; `None` to print no such line.
    pub amount_due: Option<Decimal>,
    /// How much is paid; `None` to print nothing about it.
    pub state: Option<PaymentState>,
    /// Payment terms and notes under the totals. Line breaks are kept.
    pub notes: String,
    /// What stands at the foot of every page, such as the legal form. Line breaks are kept. If it is longer than
    /// a few lines, it stands once, under the notes.
    pub footer: String,
}

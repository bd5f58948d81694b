//! Invoices and credit notes (rules 19): drafts, then documents with a number that never change again but in what is paid.

pub mod amounts;
pub mod draft;
pub mod filter;
pub mod terms;

use chrono::{Days, NaiveDate};
use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use strum::{EnumString, FromRepr, IntoStaticStr, VariantNames};

use self::amounts::{Quantity, Sums};
use super::customers::country::country_name;
use super::customers::fields::TextField;
use super::customers::record::Customer;
use super::entrypoints::Entrypoint;
use super::entrypoints::invoicing::Invoicing;
use super::entrypoints::numbering::Pattern;
use super::entrypoints::theme::Language;
use super::kernel::money::Money;
use super::kernel::percent::Percent;
use super::kernel::time::Micros;
use super::transactions::currency::Currency;
use super::transactions::id::TransId;

/// The most lines of an invoice.
pub const LINES_MAX: usize = 500;
/// The most payments and refunds that name one invoice.
pub const PAYMENTS_MAX: usize = 500;
/// The most credit notes of an invoice.
pub const CREDIT_NOTES_MAX: usize = 100;
/// The source of payments that somebody records by hand. Other systems may not send transactions of this source.
pub const SOURCE: &str = "customary";

/// What a document is. The number is the one in the database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(Serialize, Deserialize, utoipa::ToSchema, EnumString, IntoStaticStr, VariantNames, FromRepr)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
#[repr(i16)]
pub enum InvoiceKind {
    /// It asks for money.
    #[default]
    Invoice = 0,
    /// It takes an invoice back, or a part of it.
    CreditNote = 1,
}

impl InvoiceKind {
    /// The word on the wire.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The number in the database.
    #[expect(clippy::as_conversions, reason = "the number is the representation")]
    pub const fn number(self) -> i16 {
        self as i16
    }

    /// How documents of this kind are numbered.
    pub fn pattern(self, invoicing: &Invoicing) -> Pattern {
        match self {
            InvoiceKind::Invoice => invoicing.number_pattern(),
            InvoiceKind::CreditNote => invoicing.credit_note_pattern(),
        }
    }
}

/// How a document stands. The number is the one in the database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(Serialize, Deserialize, utoipa::ToSchema, EnumString, IntoStaticStr, VariantNames, FromRepr)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
#[repr(i16)]
pub enum InvoiceState {
    /// It may change, and has no number.
    #[default]
    Draft = 0,
    /// Nothing of it is paid.
    Open = 1,
    /// A part of it is paid.
    PartlyPaid = 2,
    /// All of it is paid; a credit note is issued.
    Paid = 4,
    /// It was taken back before anything was paid.
    Cancelled = 99,
}

impl InvoiceState {
    /// The word on the wire.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Payabli's number, which is also the one in the database (contract 15).
    #[expect(clippy::as_conversions, reason = "the number is the representation")]
    pub const fn number(self) -> i16 {
        self as i16
    }

    /// Whether it waits for money.
    pub const fn is_open(self) -> bool {
        matches!(self, InvoiceState::Open | InvoiceState::PartlyPaid)
    }
}

/// A line of a document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// What is sold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<CompactString>,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<CompactString>,
    /// The seller's code of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_code: Option<CompactString>,
    /// Its commodity code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commodity_code: Option<CompactString>,
    /// The unit of the quantity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<CompactString>,
    /// Words by which the seller sorts what it sells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<CompactString>,
    /// Payabli's class of the line: 0, 1 or 2. It means nothing here.
    #[serde(default)]
    pub mode: u8,
    /// How much.
    pub quantity: Quantity,
    /// The price of one, without tax.
    pub price: Money,
    /// The rate of tax.
    pub rate: Percent,
    /// Quantity times price.
    pub gross: Money,
    /// What the discount of the document takes off this line.
    pub discount: Money,
    /// Without tax.
    pub net: Money,
    /// The tax.
    pub tax: Money,
}

/// Where the goods go, and whom to ask.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Shipping {
    /// Street.
    pub address1: Option<CompactString>,
    /// Second line.
    pub address2: Option<CompactString>,
    /// City.
    pub city: Option<CompactString>,
    /// State.
    pub state: Option<CompactString>,
    /// Postal code.
    pub zip: Option<CompactString>,
    /// Country.
    pub country: Option<CompactString>,
    /// The postal code that the goods come from.
    pub from_zip: Option<CompactString>,
    /// E-mail address.
    pub email: Option<CompactString>,
    /// Telephone number.
    pub phone: Option<CompactString>,
}

/// A seller or a buyer as a document prints it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Party {
    /// The name of a person, or of the store.
    pub name: String,
    /// The company.
    pub company: Option<String>,
    /// The lines of the address.
    pub address: Vec<String>,
    /// The VAT number.
    pub vat_number: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// A buyer's first name, and the last name or the name in one piece.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub names: Option<(String, String)>,
}

/// The look of a document as it was when it was issued.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Look {
    /// The name of the store.
    pub store_name: String,
    /// Its colour: `#rrggbb`.
    pub color: String,
    /// The language: `en` or `fr`.
    pub language: String,
    /// The text below each page.
    pub footer: Option<String>,
}

/// What a transaction adds to what is paid of an invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// The transaction.
    pub trans_id: TransId,
    /// What it adds, in ten-thousandths; less than 0 for a refund.
    pub units: i64,
    /// When it was paid.
    pub at: Micros,
}

/// A credit note of an invoice, as the invoice knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Credit {
    /// The credit note.
    pub invoice_id: i64,
    /// Its number.
    pub number: String,
    /// Its total.
    pub total: Money,
}

/// What an invoice and a credit note say, apart from who issues it to whom and how it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Content {
    /// The lines.
    pub lines: Vec<Line>,
    /// What is taken off, before tax; it is spread over the lines.
    pub discount: Money,
    /// What the lines come to.
    pub sums: Sums,
    /// The day that it is to carry; the day when it is issued if there is none.
    pub wanted_day: Option<NaiveDate>,
    /// The day by which it is to be paid, if somebody set it.
    pub wanted_due_day: Option<NaiveDate>,
    /// The terms of payment, such as `NET30`.
    pub payment_terms: Option<CompactString>,
    /// The buyer's number of the order.
    pub purchase_order: Option<CompactString>,
    /// Notes for the buyer.
    pub notes: Option<String>,
    /// Terms and conditions.
    pub terms_conditions: Option<String>,
    /// The commodity code of the whole.
    pub commodity_code: Option<CompactString>,
    /// Where the goods go.
    pub shipping: Shipping,
    /// The buyer's name, if it is not that of the customer.
    pub buyer_name: Option<CompactString>,
    /// The buyer's company, if it is not that of the customer.
    pub buyer_company: Option<CompactString>,
    /// The buyer's VAT number.
    pub buyer_vat_number: Option<CompactString>,
    /// The order that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<TransId>,
    /// Values by name that the sender keeps with it.
    pub additional: std::collections::BTreeMap<CompactString, CompactString>,
}

/// What a document got when it was issued. It never changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Issue {
    /// The number.
    pub number: String,
    /// The day of issue.
    pub day: NaiveDate,
    /// The day by which it is to be paid.
    pub due_day: NaiveDate,
    /// When it was issued.
    pub at: Micros,
    /// Who issues it.
    pub seller: Party,
    /// To whom.
    pub buyer: Party,
    /// How it looks.
    pub look: Look,
    /// The invoice that a credit note corrects.
    pub corrects: Option<(i64, String)>,
    /// Whether it was paid when it was issued, as that of an order that was paid on the spot.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_paid: bool,
}

/// An invoice or a credit note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    /// Its id, which no other invoice, subscription or customer gets.
    pub id: i64,
    /// 1 at first; every change adds one.
    pub version: i64,
    /// Whose it is.
    pub customer_id: i64,
    /// What it is.
    pub kind: InvoiceKind,
    /// Its currency.
    pub currency: Currency,
    /// What it says.
    pub content: Content,
    /// What it got when it was issued; `None` for a draft.
    pub issue: Option<Issue>,
    /// Whether it was taken back.
    pub is_cancelled: bool,
    /// What transactions add to what is paid.
    pub payments: Vec<Payment>,
    /// Its credit notes.
    pub credits: Vec<Credit>,
    /// When it was made.
    pub created_at: Micros,
    /// When it last changed.
    pub updated_at: Micros,
    /// When it was last sent by mail.
    pub sent_at: Option<Micros>,
}

impl Invoice {
    /// How it stands.
    pub fn state(&self) -> InvoiceState {
        let (paid, due) = (self.paid(), self.due());
        match (&self.issue, self.kind) {
            (None, _) => InvoiceState::Draft,
            _ if self.is_cancelled => InvoiceState::Cancelled,
            (Some(_), InvoiceKind::CreditNote) => InvoiceState::Paid,
            _ if paid >= due => InvoiceState::Paid,
            _ if paid.units() > 0 => InvoiceState::PartlyPaid,
            _ => InvoiceState::Open,
        }
    }

    /// What it asks for: its total less its credit notes; nothing once it was taken back.
    pub fn due(&self) -> Money {
        if self.is_cancelled {
            return Money::default();
        }
        let credited: i128 = self.credits.iter().map(|credit| i128::from(credit.total.units())).sum();
        Money::clamped((i128::from(self.content.sums.total.units()) - credited).max(0))
    }

    /// What is paid of it, refunds taken off; never less than 0.
    pub fn paid(&self) -> Money {
        let units: i128 = self.payments.iter().map(|payment| i128::from(payment.units)).sum();
        Money::clamped(units.max(0))
    }

    /// What is still to be paid.
    pub fn open_amount(&self) -> Money {
        let open = self.state().is_open();
        let units = if open { self.due().units() - self.paid().units() } else { 0 };
        Money::from_units(units.max(0)).unwrap_or_default()
    }

    /// What was paid beyond what it asks for.
    pub fn credit(&self) -> Money {
        let units = if self.issue.is_some() { self.paid().units() - self.due().units() } else { 0 };
        Money::from_units(units.max(0)).unwrap_or_default()
    }

    /// Whether it waits for money and its day is over.
    pub fn is_overdue(&self, now: Micros) -> bool {
        self.state().is_open() && self.issue.as_ref().is_some_and(|issue| issue.due_day < day_of(now))
    }

    /// Its number; empty for a draft.
    pub fn number(&self) -> &str {
        self.issue.as_ref().map_or("", |issue| &issue.number)
    }

    /// When it was last paid.
    pub fn last_paid_at(&self) -> Option<Micros> {
        self.payments.iter().filter(|payment| payment.units > 0).map(|payment| payment.at).max()
    }

    /// Puts what a transaction adds in the place of what it added before; 0 takes it away. Returns whether that changed
    /// anything.
    pub fn settle(&mut self, trans_id: TransId, units: i64, at: Micros) -> bool {
        let place = self.payments.iter().position(|payment| payment.trans_id == trans_id);
        let new = Payment { trans_id, units, at };
        match place {
            Some(index) if units == 0 => {
                self.payments.remove(index);
                true
            }
            Some(index) => {
                let Some(old) = self.payments.get_mut(index).filter(|old| **old != new) else { return false };
                *old = new;
                true
            }
            None if units == 0 => false,
            None => {
                let index =
                    self.payments.partition_point(|other| (other.at, other.trans_id) < (at, trans_id));
                self.payments.insert(index, new);
                true
            }
        }
    }
}

/// The day of a moment, in UTC.
pub fn day_of(at: Micros) -> NaiveDate {
    chrono::DateTime::from_timestamp_micros(at.0).unwrap_or_default().date_naive()
}

/// The day by which a document of a day is to be paid: the one that was set, else the one of its terms, else after the days of
/// the entrypoint. It is never before the day itself.
pub fn due_day(content: &Content, day: NaiveDate, invoicing: &Invoicing) -> NaiveDate {
    let of_terms = || content.payment_terms.as_deref().and_then(|terms| terms::due_day(terms, day));
    let of_entrypoint = || day.checked_add_days(Days::new(u64::from(invoicing.due_days()))).unwrap_or(day);
    content.wanted_due_day.or_else(of_terms).unwrap_or_else(of_entrypoint).max(day)
}

/// The seller of an entrypoint's documents.
pub fn seller(entrypoint: &Entrypoint) -> Party {
    let invoicing = &entrypoint.invoicing;
    let lines = |text: &String| text.lines().map(str::to_owned).collect();
    Party {
        name: entrypoint.legal_name.clone().unwrap_or_else(|| entrypoint.store_name().to_owned()),
        company: None,
        address: invoicing.address.as_ref().map(lines).unwrap_or_default(),
        vat_number: invoicing.vat_number.clone(),
        email: invoicing.email.clone(),
        names: None,
    }
}

/// The buyer of a document: the customer, with what the document says otherwise. Its country has its name in a language.
pub fn buyer(customer: &Customer, content: &Content, language: Language) -> Party {
    let field = |field| customer.text(field).map(str::to_owned);
    let place = [TextField::Zip, TextField::City, TextField::State].map(field);
    let place = place.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let country = field(TextField::Country);
    let country = country.map(|code| country_name(&code, language).map_or(code, str::to_owned));
    let lines = [field(TextField::Address), field(TextField::Address1), Some(place), country];
    let own = |set: &Option<CompactString>| set.as_ref().map(ToString::to_string);
    Party {
        name: own(&content.buyer_name).unwrap_or_else(|| customer.name()),
        company: own(&content.buyer_company).or_else(|| field(TextField::Company)),
        address: lines.into_iter().flatten().filter(|line| !line.is_empty()).collect(),
        vat_number: own(&content.buyer_vat_number).or_else(|| customer.additional.get("vatNumber").cloned()),
        email: field(TextField::Email),
        names: Some(match &content.buyer_name {
            Some(name) => (String::new(), name.to_string()),
            None => names_of(customer),
        }),
    }
}

/// The first name of a customer, and the last name or the name in one piece.
fn names_of(customer: &Customer) -> (String, String) {
    let own = |field| customer.text(field).map(str::to_owned);
    match (own(TextField::Firstname), own(TextField::Lastname)) {
        (None, None) => (String::new(), customer.name()),
        (first, last) => (first.unwrap_or_default(), last.unwrap_or_default()),
    }
}

/// The language of a customer's documents and of the mails that bring them: that of the additional field `language`, such as
/// `fr` or `fr-CA`, if it is one that there are texts in; else that of the entrypoint.
pub fn language_of(customer: &Customer, entrypoint: &Entrypoint) -> Language {
    let own =
        customer.additional.get("language").and_then(|tag| tag.split(['-', '_']).next()?.trim().parse().ok());
    own.unwrap_or(entrypoint.theme.language)
}

/// The look of a customer's documents.
pub fn look(entrypoint: &Entrypoint, customer: &Customer) -> Look {
    Look {
        store_name: entrypoint.store_name().to_owned(),
        color: entrypoint.color().to_owned(),
        language: language_of(customer, entrypoint).code().to_owned(),
        footer: entrypoint.invoicing.footer.clone(),
    }
}

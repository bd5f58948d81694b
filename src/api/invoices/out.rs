//! An invoice in an answer (contract 15): no member of the contract is null.

use std::borrow::Cow;
use std::collections::BTreeMap;

use compact_str::CompactString;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::api::customers::CustomerOut;
use crate::clock;
use crate::domain::customers::mask::MASK;
use crate::domain::invoices::amounts::by_rate;
use crate::domain::invoices::{Invoice, InvoiceKind, InvoiceState, Line, Party};
use crate::domain::kernel::money::Money;
use crate::domain::kernel::time::Micros;
use crate::domain::view::View;
use crate::store::FoundInvoice;

/// An invoice or a credit note.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InvoiceOut<'a> {
    /// Its id, never used again.
    invoice_id: i64,
    /// The buyer's customer id.
    customer_id: i64,
    /// The entrypoint's id.
    paypoint_id: i64,
    /// Its number; empty for a draft.
    invoice_number: &'a str,
    /// `invoice` or `creditNote`.
    kind: InvoiceKind,
    /// `draft`, `open`, `partlyPaid`, `paid` or `cancelled`.
    state: InvoiceState,
    /// The same as Payabli's number: 0, 1, 2, 4 or 99.
    invoice_status: i16,
    /// Whether it waits for money and its due date is over.
    overdue: bool,
    /// The day of issue; of a draft the day that is set, or null.
    #[schema(format = Date)]
    invoice_date: Option<String>,
    /// The day by which it is to be paid; of a draft the day that is set, or null.
    #[schema(format = Date)]
    invoice_due_date: Option<String>,
    /// When it was last sent by mail, or null.
    #[schema(format = DateTime)]
    invoice_sent_date: Option<String>,
    /// When it was last paid, or null.
    #[schema(format = DateTime)]
    last_payment_date: Option<String>,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it last changed.
    #[schema(format = DateTime)]
    updated_at: String,
    /// Always 0: made once.
    invoice_type: i32,
    /// Always `one-time`.
    frequency: &'static str,
    /// The terms of payment.
    payment_terms: &'a str,
    /// Terms and conditions.
    terms_conditions: &'a str,
    /// Notes for the buyer.
    notes: &'a str,
    /// The currency of all amounts.
    currency: &'static str,
    /// What is taken off before tax, spread over the items.
    #[schema(value_type = f64)]
    discount: Option<Box<RawValue>>,
    /// What the items come to without tax, the discount taken off.
    #[schema(value_type = f64)]
    net_amount: Option<Box<RawValue>>,
    /// The tax.
    #[schema(value_type = f64)]
    tax: Option<Box<RawValue>>,
    /// The tax at each rate.
    taxes: Vec<InvoiceTaxOut>,
    /// What it comes to.
    #[schema(value_type = f64)]
    invoice_amount: Option<Box<RawValue>>,
    /// What is paid of it.
    #[schema(value_type = f64)]
    invoice_paid_amount: Option<Box<RawValue>>,
    /// What is still to be paid.
    #[schema(value_type = f64)]
    open_amount: Option<Box<RawValue>>,
    /// What was paid beyond what it asks for.
    #[schema(value_type = f64)]
    credit: Option<Box<RawValue>>,
    /// Always 0; such costs are items.
    freight_amount: i32,
    /// Always 0; such costs are items.
    duty_amount: i32,
    /// The buyer's number of the order.
    purchase_order: &'a str,
    /// First name of the buyer. An issued invoice keeps the names and the company that it was issued to.
    first_name: String,
    /// Last name of the buyer, or the name in one piece.
    last_name: String,
    /// Company of the buyer.
    company: String,
    /// Where the goods go: street.
    #[serde(rename = "shippingAddress1")]
    shipping_address1: Cow<'a, str>,
    /// Second line.
    #[serde(rename = "shippingAddress2")]
    shipping_address2: Cow<'a, str>,
    /// City.
    shipping_city: Cow<'a, str>,
    /// State.
    shipping_state: Cow<'a, str>,
    /// Postal code.
    shipping_zip: Cow<'a, str>,
    /// The postal code that the goods come from.
    shipping_from_zip: Cow<'a, str>,
    /// Country.
    shipping_country: Cow<'a, str>,
    /// E-mail address.
    shipping_email: Cow<'a, str>,
    /// Telephone number.
    shipping_phone: Cow<'a, str>,
    /// The commodity code of the whole.
    summary_commodity_code: &'a str,
    /// The items.
    items: Vec<InvoiceItemOut<'a>>,
    /// The customer as it is now.
    #[serde(rename = "Customer")]
    customer: InvoiceCustomerOut,
    /// The seller as the document prints it; null for a draft.
    seller: Option<PartyOut>,
    /// The buyer as the document prints it; null for a draft, and once the person is erased for a token without `money:legal`.
    buyer: Option<PartyOut>,
    /// The transactions that paid it, or paid back.
    payments: Vec<PaymentOut>,
    /// Its credit notes.
    credit_notes: Vec<CreditOut<'a>>,
    /// Of a credit note: the invoice that it corrects.
    corrects: Option<CorrectsOut<'a>>,
    /// Always empty; kept for clients of the contract.
    paylink_id: &'static str,
    /// Always empty; kept for clients of the contract.
    #[schema(value_type = Object)]
    scheduled_options: EmptyOut,
    /// Legal name of the entrypoint.
    #[serde(rename = "PaypointLegalname")]
    paypoint_legalname: &'a str,
    /// Trading name of the entrypoint.
    #[serde(rename = "PaypointDbaname")]
    paypoint_dbaname: &'a str,
    /// Name of the entrypoint.
    #[serde(rename = "PaypointEntryname")]
    paypoint_entryname: &'a str,
    /// Id of the organisation.
    #[serde(rename = "ParentOrgId")]
    parent_org_id: i64,
    /// Name of the organisation.
    #[serde(rename = "ParentOrgName")]
    parent_org_name: &'a str,
    /// Always empty; kept for clients of the contract.
    #[serde(rename = "externalPaypointID")]
    external_paypoint_id: &'static str,
    /// What the sender keeps with it.
    #[serde(rename = "AdditionalData")]
    #[schema(value_type = BTreeMap<String, String>)]
    additional_data: &'a BTreeMap<CompactString, CompactString>,
    /// Always empty; kept for clients of the contract.
    #[serde(rename = "DocumentsRef")]
    #[schema(value_type = Object)]
    documents_ref: EmptyOut,
    /// 1 at first; every change adds one.
    version: i64,
}

/// An object without members.
#[derive(Debug, Serialize)]
struct EmptyOut {}

/// An item.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names of the contract")]
struct InvoiceItemOut<'a> {
    /// What is sold.
    item_product_name: &'a str,
    /// More about it.
    item_description: &'a str,
    /// The seller's code of it.
    item_product_code: &'a str,
    /// Its commodity code.
    item_commodity_code: &'a str,
    /// The unit of the quantity.
    item_unit_of_measure: &'a str,
    /// Words by which the seller sorts what it sells.
    #[schema(value_type = Vec<String>)]
    item_categories: &'a [CompactString],
    /// Payabli's class of the item.
    item_mode: u8,
    /// How much.
    #[schema(value_type = f64)]
    item_qty: Option<Box<RawValue>>,
    /// The price of one, without tax.
    #[schema(value_type = f64)]
    item_cost: Option<Box<RawValue>>,
    /// The rate of tax in percent.
    #[schema(value_type = f64)]
    item_tax_rate: Option<Box<RawValue>>,
    /// The tax.
    #[schema(value_type = f64)]
    item_tax_amount: Option<Box<RawValue>>,
    /// Quantity times price, rounded.
    #[schema(value_type = f64)]
    item_total_amount: Option<Box<RawValue>>,
    /// What the discount takes off.
    #[schema(value_type = f64)]
    item_discount: Option<Box<RawValue>>,
    /// Without tax, the discount taken off.
    #[schema(value_type = f64)]
    item_net_amount: Option<Box<RawValue>>,
}

/// The tax at a rate.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct InvoiceTaxOut {
    /// The rate in percent.
    #[schema(value_type = f64)]
    rate: Option<Box<RawValue>>,
    /// What is taxed.
    #[schema(value_type = f64)]
    net_amount: Option<Box<RawValue>>,
    /// The tax.
    #[schema(value_type = f64)]
    tax: Option<Box<RawValue>>,
}

/// The customer of an invoice. What a token without pii:read may not see is masked.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct InvoiceCustomerOut {
    /// The customer's id.
    customer_id: i64,
    /// The caller's own id of the customer.
    customer_number: Option<String>,
    /// First name.
    #[serde(rename = "FirstName")]
    first_name: Option<String>,
    /// Last name.
    #[serde(rename = "LastName")]
    last_name: Option<String>,
    /// Company name.
    #[serde(rename = "CompanyName")]
    company_name: Option<String>,
    /// E-mail address.
    #[serde(rename = "BillingEmail")]
    billing_email: Option<String>,
    /// Telephone number.
    #[serde(rename = "BillingPhone")]
    billing_phone: Option<String>,
}

/// A seller or a buyer as a document prints it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct PartyOut {
    /// The name.
    name: String,
    /// The company.
    company: Option<String>,
    /// The lines of the address.
    address: Vec<String>,
    /// The VAT number.
    vat_number: Option<String>,
    /// The e-mail address.
    email: Option<String>,
}

/// What a transaction adds to what is paid.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct PaymentOut {
    /// The transaction.
    trans_id: String,
    /// What it adds; less than 0 if it paid back.
    #[schema(value_type = f64)]
    amount: Option<Box<RawValue>>,
    /// When it was paid.
    #[schema(format = DateTime)]
    paid_at: String,
}

/// A credit note of an invoice.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct CreditOut<'a> {
    /// The credit note.
    invoice_id: i64,
    /// Its number.
    invoice_number: &'a str,
    /// What it comes to.
    #[schema(value_type = f64)]
    amount: Option<Box<RawValue>>,
}

/// The invoice that a credit note corrects.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct CorrectsOut<'a> {
    /// The invoice.
    invoice_id: i64,
    /// Its number.
    invoice_number: &'a str,
}

impl<'a> InvoiceOut<'a> {
    /// Renders an invoice in a view. `sees_erased` says whether the token sees who an erased buyer was.
    #[expect(clippy::too_many_lines, reason = "one line a field")]
    pub(crate) fn new(one: &'a FoundInvoice, (view, sees_erased): (View, bool)) -> InvoiceOut<'a> {
        let (invoice, entrypoint) = (&*one.invoice, &*one.found.entrypoint);
        let stored = &one.found.record.stored;
        let content = &invoice.content;
        // What is personal in a document outlives its person, for whom the law asks.
        let is_hidden = stored.erased && !sees_erased;
        let shown = |text: &'a Option<CompactString>| -> Cow<'a, str> {
            match text.as_deref() {
                None => Cow::Borrowed(""),
                Some(_) if is_hidden => Cow::Borrowed(""),
                Some(_) if view == View::Masked => Cow::Borrowed(MASK),
                Some(text) => Cow::Borrowed(text),
            }
        };
        let short =
            |text: &'a Option<CompactString>| text.as_deref().filter(|_| !is_hidden).unwrap_or_default();
        let free = |text: &'a Option<String>| match text.as_deref() {
            Some(_) if is_hidden => "",
            Some(_) if view == View::Masked => MASK,
            text => text.unwrap_or_default(),
        };
        let payer = CustomerOut::new(stored, entrypoint, view).payer().map(|text| text.map(Cow::into_owned));
        let [customer_number, first_name, last_name, company_name, billing_email, billing_phone] = payer;
        let buyer = invoice.issue.as_ref().map(|issue| &issue.buyer);
        let now = |text: &Option<String>| text.clone().unwrap_or_default();
        // An issued invoice keeps the names that it was issued to.
        let (first, last, company) = match buyer {
            Some(_) if is_hidden => (String::new(), String::new(), String::new()),
            Some(buyer) => {
                let (first, last) =
                    buyer.names.clone().unwrap_or_else(|| (String::new(), buyer.name.clone()));
                (first, last, now(&buyer.company))
            }
            None => (now(&first_name), now(&last_name), now(&company_name)),
        };
        let day = |of: Option<chrono::NaiveDate>| of.map(|day| day.to_string());
        let issue = invoice.issue.as_ref();
        let shipping = &content.shipping;
        InvoiceOut {
            invoice_id: invoice.id,
            customer_id: invoice.customer_id,
            paypoint_id: entrypoint.id,
            invoice_number: invoice.number(),
            kind: invoice.kind,
            state: invoice.state(),
            invoice_status: invoice.state().number(),
            overdue: invoice.is_overdue(clock::now()),
            invoice_date: day(issue.map(|issue| issue.day).or(content.wanted_day)),
            invoice_due_date: day(issue.map(|issue| issue.due_day).or(content.wanted_due_day)),
            invoice_sent_date: invoice.sent_at.map(Micros::to_rfc3339),
            last_payment_date: invoice.last_paid_at().map(Micros::to_rfc3339),
            created_at: invoice.created_at.to_rfc3339(),
            updated_at: invoice.updated_at.to_rfc3339(),
            invoice_type: 0,
            frequency: "one-time",
            payment_terms: short(&content.payment_terms),
            terms_conditions: free(&content.terms_conditions),
            notes: free(&content.notes),
            currency: invoice.currency.code(),
            discount: number(content.discount),
            net_amount: number(content.sums.net),
            tax: number(content.sums.tax),
            taxes: by_rate(&content.lines)
                .into_iter()
                .map(|sum| InvoiceTaxOut {
                    rate: decimal(&sum.rate),
                    net_amount: number(sum.net),
                    tax: number(sum.tax),
                })
                .collect(),
            invoice_amount: number(content.sums.total),
            invoice_paid_amount: number(invoice.paid()),
            open_amount: number(invoice.open_amount()),
            credit: number(invoice.credit()),
            freight_amount: 0,
            duty_amount: 0,
            purchase_order: short(&content.purchase_order),
            first_name: first,
            last_name: last,
            company,
            shipping_address1: shown(&shipping.address1),
            shipping_address2: shown(&shipping.address2),
            shipping_city: shown(&shipping.city),
            shipping_state: shown(&shipping.state),
            shipping_zip: shown(&shipping.zip),
            shipping_from_zip: shown(&shipping.from_zip),
            shipping_country: shown(&shipping.country),
            shipping_email: shown(&shipping.email),
            shipping_phone: shown(&shipping.phone),
            summary_commodity_code: short(&content.commodity_code),
            items: content.lines.iter().map(|line| InvoiceItemOut::new(line, is_hidden)).collect(),
            customer: InvoiceCustomerOut {
                customer_id: stored.id,
                customer_number,
                first_name,
                last_name,
                company_name,
                billing_email,
                billing_phone,
            },
            seller: issue.map(|issue| party(&issue.seller, View::Full)),
            buyer: buyer.filter(|_| !is_hidden).map(|buyer| party(buyer, view)),
            payments: payments(invoice, entrypoint.id),
            credit_notes: invoice
                .credits
                .iter()
                .map(|credit| CreditOut {
                    invoice_id: credit.invoice_id,
                    invoice_number: &credit.number,
                    amount: number(credit.total),
                })
                .collect(),
            corrects: issue
                .and_then(|issue| issue.corrects.as_ref())
                .map(|(invoice_id, number)| CorrectsOut { invoice_id: *invoice_id, invoice_number: number }),
            paylink_id: "",
            scheduled_options: EmptyOut {},
            paypoint_legalname: entrypoint.legal_name.as_deref().unwrap_or_default(),
            paypoint_dbaname: entrypoint.dba_name.as_deref().unwrap_or_default(),
            paypoint_entryname: &entrypoint.entry,
            parent_org_id: entrypoint.org_id,
            parent_org_name: &entrypoint.org_name,
            external_paypoint_id: "",
            additional_data: if is_hidden || view == View::Masked { &NOTHING } else { &content.additional },
            documents_ref: EmptyOut {},
            version: invoice.version,
        }
    }
}

static NOTHING: BTreeMap<CompactString, CompactString> = BTreeMap::new();

impl<'a> InvoiceItemOut<'a> {
    /// Renders a line. The description of what an erased person bought may name the person.
    fn new(line: &'a Line, is_hidden: bool) -> InvoiceItemOut<'a> {
        let short =
            |text: &'a Option<CompactString>| text.as_deref().filter(|_| !is_hidden).unwrap_or_default();
        InvoiceItemOut {
            item_product_name: short(&line.name),
            item_description: short(&line.description),
            item_product_code: short(&line.product_code),
            item_commodity_code: short(&line.commodity_code),
            item_unit_of_measure: short(&line.unit),
            item_categories: if is_hidden { &[] } else { &line.categories },
            item_mode: line.mode,
            item_qty: decimal(&line.quantity),
            item_cost: number(line.price),
            item_tax_rate: decimal(&line.rate),
            item_tax_amount: number(line.tax),
            item_total_amount: number(line.gross),
            item_discount: number(line.discount),
            item_net_amount: number(line.net),
        }
    }
}

fn party(party: &Party, view: View) -> PartyOut {
    let masked = |text: &String| if view == View::Masked { MASK.to_owned() } else { text.clone() };
    PartyOut {
        name: party.name.clone(),
        company: party.company.clone(),
        address: party.address.iter().map(masked).collect(),
        vat_number: party.vat_number.as_ref().map(masked),
        email: party.email.as_ref().map(masked),
    }
}

fn payments(invoice: &Invoice, entrypoint_id: i64) -> Vec<PaymentOut> {
    let shown = invoice.payments.iter().map(|payment| PaymentOut {
        trans_id: payment.trans_id.show(entrypoint_id),
        amount: number(Money::from_units(payment.units).unwrap_or_default()),
        paid_at: payment.at.to_rfc3339(),
    });
    shown.collect()
}

/// An exact decimal as a JSON number, without a float.
pub(super) fn number(amount: Money) -> Option<Box<RawValue>> {
    decimal(&amount)
}

pub(super) fn decimal(value: &impl ToString) -> Option<Box<RawValue>> {
    RawValue::from_string(value.to_string()).ok()
}

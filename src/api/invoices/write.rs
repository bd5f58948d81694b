//! Makes, changes, issues and settles invoices.

use actix_web::http::header::{CACHE_CONTROL, ETAG, HeaderValue};
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpResponse, delete, get, post, put};
use serde::Serialize;

use super::{InvoicePath, TargetPath, place};
use crate::api::http::body;
use crate::api::http::call::{Call, Mutation, ok};
use crate::api::http::error::{Error, unless_any};
use crate::api::http::params::{IfMatchHeader, KeyHeader};
use crate::api::payer::{Payer, payer_of};
use crate::clock;
use crate::domain::accounts::token::Scope;
use crate::domain::customers::draft::Context;
use crate::domain::decide::command::{Action, Holder, Outcome, Precondition};
use crate::domain::decide::invoicing::{ChangeInvoice, InvoiceStep, NewPayment};
use crate::domain::invoices::InvoiceState;
use crate::domain::invoices::draft::{InvoiceDraft, amount, items, paragraph};
use crate::domain::kernel::members::Given;
use crate::domain::kernel::problem::Problem;
use crate::domain::transactions::currency::Currency;
use crate::domain::transactions::item::{method_told, moment, text_told};
use crate::domain::view::Seen;

/// An invoice as it is sent.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InvoiceIn {
    /// The buyer: `customerId`, or fields by which a create finds or makes the customer. A change leaves it out.
    #[schema(value_type = Option<Object>)]
    customer_data: Option<()>,
    /// The invoice.
    invoice_data: InvoiceDataIn,
    /// Ignored; kept for clients of the contract.
    #[schema(value_type = Option<Object>)]
    scheduled_options: Option<()>,
}

/// What an invoice says.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InvoiceDataIn {
    /// At most 500 items.
    items: Option<Vec<InvoiceItemIn>>,
    /// Its currency by ISO 4217; that of the entrypoint by default.
    #[schema(max_length = 3)]
    currency: Option<String>,
    /// What is taken off before tax; it is spread over the items.
    #[schema(value_type = Option<f64>)]
    discount: Option<()>,
    /// 0 (default) for a draft; 1 issues it at once.
    invoice_status: Option<i64>,
    /// The day of issue, `YYYY-MM-DD` or `MM/DD/YYYY`; the day when it is issued by default. The days of a series ascend.
    invoice_date: Option<String>,
    /// The day by which it is to be paid; by default that of `paymentTerms`, else the setting `invoiceDueDays` after the day of issue.
    invoice_due_date: Option<String>,
    /// Such as `NET30`, `UR` or `EOM`.
    #[schema(max_length = 100)]
    payment_terms: Option<String>,
    /// The number that the sender expects. It may be left out: an invoice gets its number when it is issued.
    #[schema(max_length = 100)]
    invoice_number: Option<String>,
    /// The buyer's number of the order.
    #[schema(max_length = 250)]
    purchase_order: Option<String>,
    /// Notes for the buyer.
    #[schema(max_length = 5000)]
    notes: Option<String>,
    /// Terms and conditions.
    #[schema(max_length = 5000)]
    terms_conditions: Option<String>,
    /// First name of the buyer, if it is not that of the customer.
    #[schema(max_length = 250)]
    first_name: Option<String>,
    /// Last name of the buyer, likewise.
    #[schema(max_length = 250)]
    last_name: Option<String>,
    /// Company of the buyer, likewise.
    #[schema(max_length = 250)]
    company: Option<String>,
    /// VAT number of the buyer; by default the customer's additional field `vatNumber`.
    #[schema(max_length = 100)]
    buyer_vat_number: Option<String>,
    /// Where the goods go: street.
    #[serde(rename = "shippingAddress1")]
    #[schema(max_length = 250)]
    shipping_address1: Option<String>,
    /// Second line.
    #[serde(rename = "shippingAddress2")]
    #[schema(max_length = 250)]
    shipping_address2: Option<String>,
    /// City.
    #[schema(max_length = 250)]
    shipping_city: Option<String>,
    /// State.
    #[schema(max_length = 250)]
    shipping_state: Option<String>,
    /// Postal code.
    #[schema(max_length = 100)]
    shipping_zip: Option<String>,
    /// The postal code that the goods come from.
    #[schema(max_length = 100)]
    shipping_from_zip: Option<String>,
    /// Country.
    #[schema(max_length = 250)]
    shipping_country: Option<String>,
    /// E-mail address.
    #[schema(max_length = 320)]
    shipping_email: Option<String>,
    /// Telephone number.
    #[schema(max_length = 100)]
    shipping_phone: Option<String>,
    /// The commodity code of the whole.
    #[schema(max_length = 100)]
    summary_commodity_code: Option<String>,
    /// What the items come to, if the sender wants it checked.
    #[schema(value_type = Option<f64>)]
    invoice_amount: Option<()>,
    /// The tax, if the sender wants it checked.
    #[schema(value_type = Option<f64>)]
    tax: Option<()>,
    /// Up to 50 values by name that are kept with it.
    #[serde(rename = "AdditionalData")]
    #[schema(value_type = Option<Object>)]
    additional_data: Option<()>,
}

/// An item of an invoice.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names of the contract")]
pub(crate) struct InvoiceItemIn {
    /// What is sold; this or `itemDescription` is required.
    #[schema(max_length = 250)]
    item_product_name: Option<String>,
    /// More about it.
    #[schema(max_length = 1000)]
    item_description: Option<String>,
    /// The seller's code of it.
    #[schema(max_length = 100)]
    item_product_code: Option<String>,
    /// Its commodity code.
    #[schema(max_length = 100)]
    item_commodity_code: Option<String>,
    /// The unit of the quantity.
    #[schema(max_length = 100)]
    item_unit_of_measure: Option<String>,
    /// Up to 20 words by which the seller sorts what it sells.
    item_categories: Option<Vec<String>>,
    /// Payabli's class of the item: 0, 1 or 2.
    item_mode: Option<i64>,
    /// How much, with at most four fraction digits; 1 by default.
    #[schema(value_type = Option<f64>)]
    item_qty: Option<()>,
    /// The price of one, without tax.
    #[schema(value_type = f64)]
    item_cost: (),
    /// The rate of tax in percent, with at most two fraction digits; 0 by default.
    #[schema(value_type = Option<f64>)]
    item_tax_rate: Option<()>,
    /// The tax, if the sender wants it checked.
    #[schema(value_type = Option<f64>)]
    item_tax_amount: Option<()>,
    /// Quantity times price, if the sender wants it checked.
    #[schema(value_type = Option<f64>)]
    item_total_amount: Option<()>,
}

/// A payment to be recorded.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InvoicePaymentIn {
    /// The amount; what is open by default.
    #[schema(value_type = Option<f64>)]
    amount: Option<()>,
    /// Its currency, which is that of the invoice.
    #[schema(max_length = 3)]
    currency: Option<String>,
    /// How it was paid, such as `cash` or `transfer`.
    #[schema(max_length = 40)]
    method: Option<String>,
    /// What tells it from other payments of the invoice: recorded again it is the same payment.
    #[schema(max_length = 100)]
    reference: Option<String>,
    /// What it was for.
    #[schema(max_length = 1000)]
    description: Option<String>,
    /// When it was paid; now by default.
    #[schema(value_type = Option<String>, format = DateTime)]
    paid_at: Option<()>,
}

/// What a credit note takes back.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreditNoteIn {
    /// The items; all of the invoice by default.
    items: Option<Vec<InvoiceItemIn>>,
    /// Notes for the buyer.
    #[schema(max_length = 5000)]
    notes: Option<String>,
}

/// What became of an invoice.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InvoiceDoneOut<'a> {
    /// 1 for success.
    response_code: i32,
    /// Always true.
    is_success: bool,
    /// `Success`.
    response_text: &'static str,
    /// Always 0; kept for clients of the contract.
    room_id: i64,
    /// The invoice's id.
    response_data: i64,
    /// Its number; empty for a draft.
    invoice_number: &'a str,
    /// How it stands.
    state: InvoiceState,
    /// The same as Payabli's number.
    invoice_status: i16,
    /// The buyer's customer id.
    customer_id: i64,
    /// The version of the invoice.
    version: i64,
    /// The transaction of a recorded payment.
    trans_id: Option<&'a str>,
}

/// Make an invoice
///
/// A draft, or with `invoiceStatus: 1` an open invoice at once. The path names the entrypoint. `customerData` names the buyer as
/// a create does: `customerId`, or fields by which the customer is found or made (then it also needs `customers:write`). What
/// items, tax and total come to is computed: each line and its tax are rounded half up to the currency, and the sums are those of
/// what is printed.
#[utoipa::path(
    tag = "Invoices",
    params(
        TargetPath,
        ("forceCustomerCreation" = Option<bool>, Query, description = "As for a create"),
        KeyHeader,
    ),
    request_body(content = InvoiceIn, description = "The buyer and the invoice"),
    responses((status = 200, description = "The invoice is made", body = InvoiceDoneOut<'_>)),
)]
#[post("/api/Invoice/{target}")]
pub(crate) async fn create_invoice(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    call.require(Scope::CustomersRead)?;
    call.require(Scope::MoneyRead)?;
    let entrypoint_id = call.entry_in("target", Scope::MoneyWrite).await?;
    let mutation = call.json(entrypoint_id, payload).await?;
    let mut params = call.params();
    let force = params.flag("forceCustomerCreation");
    let problems = params.problems();
    let country = call.app.store.entrypoints().country(entrypoint_id).await?.flatten();
    let read = body::parsed(&mutation.body, move |bytes| {
        let now = clock::now();
        let context = Context { now, country: country.as_deref(), entrypoint_country: country.as_deref() };
        let (payer, draft) = read(bytes, problems, context)?;
        let required = |name: &str| Error::invalid(Problem::field(&[name], "required", "is required"));
        let holder = payer.ok_or_else(|| required("customerData"))?.holder(force);
        let draft = Box::new(draft.ok_or_else(|| required("invoiceData"))?);
        Ok(Action::Invoice(Box::new(ChangeInvoice::Make { holder, draft })))
    });
    let action = read.await;
    if let Ok(Action::Invoice(change)) = &action
        && matches!(change.holder(), Some(Holder::Found(_)))
    {
        call.require(Scope::CustomersWrite)?;
    }
    done(&mutation.write(action).await?)
}

/// Change a draft
///
/// What is not sent stays; `items` are sent as a whole. `invoiceStatus: 1` also issues it. An issued invoice never changes (409,
/// `invoice_issued`): correct it by a credit note.
#[utoipa::path(
    tag = "Invoices",
    params(
        TargetPath,
        ("forceCustomerCreation" = Option<bool>, Query, description = "Ignored: an invoice stays with its customer"),
        IfMatchHeader,
        KeyHeader,
    ),
    request_body(content = InvoiceIn, description = "What changes"),
    responses((status = 200, description = "The draft as it is now", body = InvoiceDoneOut<'_>)),
)]
#[put("/api/Invoice/{target}")]
pub(crate) async fn update_invoice(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let (place, id) = place(&call, "target", Scope::MoneyWrite).await?;
    let mutation = call.json(place, payload).await?;
    let mut params = call.params();
    params.flag("forceCustomerCreation");
    let problems = params.problems();
    let precondition = body::precondition(&call.request);
    let owner = call.app.store.invoices().find(place, id).await?.map(|one| one.invoice.customer_id);
    let country = call.app.store.entrypoints().country(place).await?.flatten();
    let read = body::parsed(&mutation.body, move |bytes| {
        let now = clock::now();
        let context = Context { now, country: country.as_deref(), entrypoint_country: country.as_deref() };
        let (payer, draft) = read(bytes, problems, context)?;
        if let Some(Payer::Known(named)) = payer
            && owner.is_some_and(|owner| owner != named)
        {
            let message = "names another customer than the one that the invoice belongs to; leave it out";
            let at = ["customerData", "customerId"];
            return Err(Error::State(vec![Problem::field(&at, "linked_to_another", message)]));
        }
        Ok(step(id, InvoiceStep::Edit(Box::new(draft.unwrap_or_default())), precondition))
    });
    done(&mutation.write(read.await).await?)
}

/// Delete a draft
///
/// An issued invoice stays (409, `invoice_issued`): void it, or correct it by a credit note.
#[utoipa::path(
    tag = "Invoices",
    params(TargetPath, IfMatchHeader, KeyHeader),
    responses((status = 200, description = "The draft is gone", body = InvoiceDoneOut<'_>)),
)]
#[delete("/api/Invoice/{target}")]
pub(crate) async fn delete_invoice(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    plain(&call, "target", payload, InvoiceStep::Delete).await
}

/// Finalize a draft
///
/// It gets the next number of the series and its day, and copies of seller and buyer as they are now; from then on only payments
/// change. The series has no gap, and its days ascend. The same again changes nothing.
#[utoipa::path(
    tag = "Invoices",
    params(InvoicePath, IfMatchHeader, KeyHeader),
    responses((status = 200, description = "The invoice is open", body = InvoiceDoneOut<'_>)),
)]
#[post("/api/Invoice/{invoiceId}/finalize")]
pub(crate) async fn finalize_invoice(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    plain(&call, "invoiceId", payload, InvoiceStep::Finalize).await
}

/// Void an invoice
///
/// Takes an open invoice back of which nothing is paid; its number stays. One that was paid is corrected by a credit note (409,
/// `invoice_paid`).
#[utoipa::path(
    tag = "Invoices",
    params(InvoicePath, IfMatchHeader, KeyHeader),
    responses((status = 200, description = "The invoice is cancelled", body = InvoiceDoneOut<'_>)),
)]
#[post("/api/Invoice/{invoiceId}/void")]
pub(crate) async fn void_invoice(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    plain(&call, "invoiceId", payload, InvoiceStep::Void).await
}

/// Record a payment of an invoice
///
/// For money that moved without a payment system, such as cash or a transfer. It is a transaction of the source `customary`, in
/// totals and lists like any other, and moves the invoice to `partlyPaid` or `paid`. What is paid beyond is its `credit`. A
/// payment system's own transactions do the same by their `invoiceNumber`; refunds of them move the invoice back.
#[utoipa::path(
    tag = "Invoices",
    params(InvoicePath, IfMatchHeader, KeyHeader),
    request_body(content = InvoicePaymentIn, description = "The payment"),
    responses((status = 200, description = "The payment is recorded", body = InvoiceDoneOut<'_>)),
)]
#[post("/api/Invoice/{invoiceId}/payments")]
pub(crate) async fn pay_invoice(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let (place, id) = place(&call, "invoiceId", Scope::MoneyWrite).await?;
    let mutation = call.json(place, payload).await?;
    let problems = call.params().problems();
    let precondition = body::precondition(&call.request);
    let read = body::parsed(&mutation.body, move |bytes| {
        let payment = payment(bytes, problems)?;
        Ok(step(id, InvoiceStep::Pay(Box::new(payment)), precondition))
    });
    done(&mutation.write(read.await).await?)
}

/// Correct an invoice by a credit note
///
/// A document with a number of its own series. Without `items` it takes all of the invoice back; with them, these. All credit
/// notes of an invoice together never exceed it (409, `more_than_invoice`). The answer names the credit note.
#[utoipa::path(
    tag = "Invoices",
    params(InvoicePath, IfMatchHeader, KeyHeader),
    request_body(content = CreditNoteIn, description = "What it takes back"),
    responses((status = 200, description = "The credit note is issued", body = InvoiceDoneOut<'_>)),
)]
#[post("/api/Invoice/{invoiceId}/creditNote")]
pub(crate) async fn credit_invoice(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let (place, id) = place(&call, "invoiceId", Scope::MoneyWrite).await?;
    let mutation = call.json(place, payload).await?;
    let problems = call.params().problems();
    let precondition = body::precondition(&call.request);
    let read = body::parsed(&mutation.body, move |bytes| {
        let (lines, notes) = credit(bytes, problems)?;
        Ok(step(id, InvoiceStep::Credit { lines, notes }, precondition))
    });
    done(&mutation.write(read.await).await?)
}

/// Send an invoice, as Payabli's SDKs do
///
/// The same as `POST` on this address, which is the one to use: a GET that writes is easily sent by accident. It is refused
/// while a browser only fetches ahead (`Sec-Purpose: prefetch` and its older names). HEAD sends nothing.
#[utoipa::path(
    tag = "Invoices",
    params(
        InvoicePath,
        ("attachfile" = Option<bool>, Query, description = "Ignored: the PDF always comes along"),
        ("mail2" = Option<String>, Query, description = "The customer's own address; another one is refused. It needs pii:read"),
        KeyHeader,
    ),
    responses((status = 200, description = "The mail is queued", body = InvoiceDoneOut<'_>)),
)]
#[get("/api/Invoice/send/{invoiceId}")]
pub(crate) async fn get_send_invoice(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    call.refuse_prefetch()?;
    send(&call, payload).await
}

/// Send an invoice
///
/// A mail to the address of its customer, with the PDF, in the customer's language. 409 for a draft (`invoice_is_draft`) and
/// without an address (`no_email`).
#[utoipa::path(
    tag = "Invoices",
    params(
        InvoicePath,
        ("attachfile" = Option<bool>, Query, description = "Ignored: the PDF always comes along"),
        ("mail2" = Option<String>, Query, description = "The customer's own address; another one is refused. It needs pii:read"),
        KeyHeader,
    ),
    responses((status = 200, description = "The mail is queued", body = InvoiceDoneOut<'_>)),
)]
#[post("/api/Invoice/send/{invoiceId}")]
pub(crate) async fn send_invoice(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    send(&call, payload).await
}

async fn send(call: &Call, payload: Payload) -> Result<HttpResponse, Error> {
    use crate::domain::customers::fields::TextField;
    let (place, id) = place(call, "invoiceId", Scope::MoneyWrite).await?;
    let mutation = call.bodiless(place, payload).await?;
    let mut params = call.params();
    params.flag("attachfile");
    if let Some(address) = params.text("mail2").filter(|text| !text.trim().is_empty()) {
        if call.caller.sees_pii() {
            let one = call.app.store.invoices().find(place, id).await?.ok_or(Error::NotFound)?;
            let own = one.found.record.stored.customer.text(TextField::Email).unwrap_or_default();
            if !own.eq_ignore_ascii_case(address.trim()) {
                let message = "is not the customer's; an invoice goes to the address of the customer alone";
                params.refuse("mail2", "other_address", message);
            }
        } else {
            let message =
                "is masked for this token; leave it out, and the mail goes to the customer's address";
            params.refuse("mail2", "masked_field", message);
        }
    }
    let read = unless_any(params.problems(), Ok(step(id, InvoiceStep::Send, Precondition::None)));
    let mut answer = if call.is_head { ok(false).finish() } else { done(&mutation.write(read).await?)? };
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(answer)
}

/// A step without a body.
async fn plain(
    call: &Call,
    parameter: &str,
    payload: Payload,
    what: InvoiceStep,
) -> Result<HttpResponse, Error> {
    let (place, id) = place(call, parameter, Scope::MoneyWrite).await?;
    let mutation: Mutation<'_> = call.bodiless(place, payload).await?;
    let precondition = body::precondition(&call.request);
    let read = unless_any(call.params().problems(), Ok(step(id, what, precondition)));
    done(&mutation.write(read).await?)
}

fn step(id: i64, step: InvoiceStep, precondition: Precondition) -> Action {
    Action::Invoice(Box::new(ChangeInvoice::Change { id, step, precondition }))
}

/// Reads the buyer and the invoice in a body.
fn read(
    bytes: &Bytes,
    mut problems: Vec<Problem>,
    context: Context<'_>,
) -> Result<(Option<Payer>, Option<InvoiceDraft>), Error> {
    let members = body::members(bytes)?;
    let (mut payer, mut draft) = (None, None);
    for (name, raw) in &members.0 {
        match (name.as_ref(), Given::of(raw)) {
            ("customerData" | "invoiceData", Given::Null)
            | ("scheduledOptions", Given::Null | Given::Object(_)) => {}
            ("customerData", Given::Object(members)) => match payer_of(&members, context) {
                Ok(found) => payer = Some(found),
                Err(found) => problems.extend(found),
            },
            ("invoiceData", Given::Object(members)) => match InvoiceDraft::parse(&members) {
                Ok(found) => draft = Some(found),
                Err(found) => problems.extend(found.into_iter().map(|problem| problem.within("invoiceData"))),
            },
            ("customerData" | "invoiceData" | "scheduledOptions", given) => {
                let message = format!("must be an object, not {}", given.kind());
                problems.push(Problem::field(&[name], "wrong_type", message));
            }
            (name, _) => {
                let message = "is no part of an invoice; send customerData and invoiceData";
                problems.push(Problem::field(&[name], "unknown_field", message));
            }
        }
    }
    unless_any(problems, Ok((payer, draft)))
}

fn payment(bytes: &Bytes, mut problems: Vec<Problem>) -> Result<NewPayment, Error> {
    let members = body::members_if_any(bytes)?;
    let mut payment = NewPayment {
        amount: None,
        currency: None,
        method: None,
        reference: None,
        description: None,
        paid_at: None,
        random: uuid::Uuid::new_v4().as_u128(),
    };
    let now = clock::now();
    for (name, raw) in &members.0 {
        let given = Given::of(raw);
        let read = match name.as_ref() {
            "amount" => amount(&given).map(|amount| payment.amount = amount),
            "currency" => text_told(&given, 3)
                .and_then(|code| code.map(|code| Currency::parse(&code)).transpose())
                .map(|currency| payment.currency = currency),
            "method" => method_told(&given).map(|method| payment.method = method),
            "reference" => text_told(&given, 100).map(|text| payment.reference = text),
            "description" => text_told(&given, 1_000).map(|text| payment.description = text),
            "paidAt" => text_told(&given, 40)
                .and_then(|text| text.map(|text| moment(&text, now)).transpose())
                .map(|at| payment.paid_at = at),
            _ => Err(("unknown_field", "is no field of a payment".to_owned())),
        };
        if let Err((code, message)) = read {
            problems.push(Problem::field(&[name], code, message));
        }
    }
    if payment.amount.is_some_and(|amount| amount.units() == 0) {
        problems.push(Problem::field(&["amount"], "invalid_amount", "must be more than 0"));
    }
    unless_any(problems, Ok(payment))
}

type CreditParts = (Option<Vec<crate::domain::invoices::draft::LineDraft>>, Option<String>);

fn credit(bytes: &Bytes, mut problems: Vec<Problem>) -> Result<CreditParts, Error> {
    let members = body::members_if_any(bytes)?;
    let (mut lines, mut notes) = (None, None);
    for (name, raw) in &members.0 {
        let given = Given::of(raw);
        match name.as_ref() {
            "items" => match items(&given) {
                Ok(found) => lines = found,
                Err(found) => problems.extend(found),
            },
            "notes" => match paragraph(&given) {
                Ok(text) => notes = text,
                Err((code, message)) => problems.push(Problem::field(&[name], code, message)),
            },
            name => {
                let message = "is no field of a credit note; send items and notes";
                problems.push(Problem::field(&[name], "unknown_field", message));
            }
        }
    }
    unless_any(problems, Ok((lines, notes)))
}

fn done(answer: &Seen) -> Result<HttpResponse, Error> {
    let done = match &answer.outcome {
        Outcome::Invoiced(done) => done,
        // The person was erased since, and with the person what the key came to.
        Outcome::Linked { .. } => return Err(Error::NotFound),
        _ => return Err(Error::Internal("the outcome is not that of an invoice".into())),
    };
    let mut response = ok(answer.replayed);
    let hash = blake3::hash(format!("{}/{}", done.invoice_id, done.version).as_bytes()).to_hex();
    response.insert_header((ETAG, format!("\"{}-{}\"", done.version, hash.get(..16).unwrap_or_default())));
    Ok(response.json(InvoiceDoneOut {
        response_code: 1,
        is_success: true,
        response_text: "Success",
        room_id: 0,
        response_data: done.invoice_id,
        invoice_number: &done.number,
        state: done.state,
        invoice_status: done.state.number(),
        customer_id: done.customer_id,
        version: done.version,
        trans_id: done.trans_id.as_deref(),
    }))
}

//! The table of all operations: their scopes, what their parameter names, and a body with which they succeed.

use reqwest::Method;
use serde_json::{Value, json};

/// What the parameter of a path names.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Parameter {
    Nothing,
    Entry,
    Customer,
    Organisation,
    Token,
    /// A customer with a comment.
    Commented,
    /// An import of the entrypoint `demo`.
    Import,
    /// A label of the entrypoint `demo`.
    Label,
    /// A change of labels in the entrypoint `demo`.
    LabelJob,
    /// An invitation of the entrypoint `demo`.
    Invitation,
    /// A failed mail of the entrypoint `demo`.
    Mail,
    /// A stored method of a customer of the entrypoint `demo`.
    Method,
    /// A transaction of the entrypoint `demo`.
    Transaction,
    /// A subscription of a customer of the entrypoint `demo`.
    Subscription,
    /// A transaction of the entrypoint `demo` that a customer with an address paid.
    Paid,
    /// A customer, and a transaction that belongs to nobody.
    Unlinked,
    /// A member of staff.
    Member,
    /// A secret of webhooks of the entrypoint `demo`.
    Secret,
    /// A draft of an invoice of the entrypoint `demo`.
    Draft,
    /// An open invoice of the entrypoint `demo`.
    Invoice,
    /// A coupon of the entrypoint `demo` that nobody redeemed.
    Coupon,
    /// A coupon of the entrypoint `demo`, and a redemption of it.
    Redemption,
    /// A product of the entrypoint `demo`.
    Product,
    /// An order of the entrypoint `demo`.
    Order,
    /// A payment request of the entrypoint `demo`.
    Request,
    /// A customer with an address, and a link for a payment method of it, as the path names both.
    MethodLink,
}

pub(super) struct Operation {
    pub(super) method: Method,
    /// The path with `{}` for its parameter, and the query with which it needs all its scopes.
    pub(super) path: &'static str,
    pub(super) scopes: &'static [&'static str],
    pub(super) parameter: Parameter,
    /// A body with which it succeeds, where a text is a file; the number differs for each request.
    pub(super) body: Option<fn(usize) -> Value>,
}

const fn operation(
    method: Method,
    path: &'static str,
    scopes: &'static [&'static str],
    parameter: Parameter,
    body: Option<fn(usize) -> Value>,
) -> Operation {
    Operation { method, path, scopes, parameter, body }
}

/// What it takes to make and change invoices and orders.
const INVOICES: &[&str] = &["money:write", "money:read", "customers:read"];

/// What it takes to charge, and to pay back.
const CHARGING: &[&str] = &["money:charge", "money:write", "money:read", "customers:read"];

/// What it takes to change a member who sees.
const MEMBER: &[&str] = &["staff", "customers:read", "money:read"];

pub(super) fn customer(number: usize) -> Value {
    json!({"email": format!("operation{number}@example.test"), "firstname": "Ada"})
}

pub(super) fn file(number: usize) -> Value {
    json!(format!("email,firstname\nimported{number}@example.test,Ada\n"))
}

fn city(number: usize) -> Value {
    json!({"city": format!("Oakton {number}")})
}

pub(super) fn comment(number: usize) -> Value {
    json!({"text": format!("Called about order {number}")})
}

fn entrypoint(number: usize) -> Value {
    json!({"entry": format!("made-{number}"), "legalName": "Made LLC", "dbaName": "Made", "country": "US",
           "identifiers": ["email"], "requiredFields": []})
}

fn entry_settings(_: usize) -> Value {
    json!({"general": [{"key": "dbaName", "readOnly": false, "value": "Renamed"}]})
}

fn organisation(number: usize) -> Value {
    json!({"name": format!("Organisation {number}")})
}

fn token(_: usize) -> Value {
    json!({"name": "made", "entries": ["demo"], "scopes": ["tokens"], "expiresInDays": 1})
}

pub(super) fn member(number: usize) -> Value {
    json!({"name": "Made", "email": format!("member{number}@example.test"), "role": "viewer", "entries": ["demo"]})
}

pub(super) fn order(_: usize) -> Value {
    json!({"lines": [{"name": "Tea", "unitPrice": 5}], "notify": false})
}

fn charge(_: usize) -> Value {
    json!({"amount": 5})
}

fn get_paid(_: usize) -> Value {
    json!({"entryPoint": "demo", "paymentDetails": {"totalAmount": 5},
           "paymentMethod": {"method": "card", "storedMethodId": "1-01a2249aa0d30000000000000275a3ae"}})
}

pub(super) fn request(_: usize) -> Value {
    json!({"amount": 5})
}

pub(super) fn method(number: usize) -> Value {
    json!({"provider": "stripe", "providerMethodId": format!("pm_{number}"), "method": "card"})
}

fn brand(number: usize) -> Value {
    json!({"brand": format!("brand {number}")})
}

fn token_id(number: usize) -> Value {
    json!({"paymentMethod": {"method": "card", "tokenId": format!("tok_{number}")}})
}

fn payer(number: usize) -> Value {
    json!({"entryPoint": "demo", "customerData": {"billingEmail": format!("payer{number}@example.test")},
           "paymentMethod": {"method": "card", "tokenId": format!("tok_{number}")}})
}

/// A subscription of the customer who is always there.
pub(super) fn subscription(_: usize) -> Value {
    json!({"customer": {"email": "victim@example.test"}, "plan": "Gold"})
}

/// An invoice of the customer who is always there.
pub(super) fn invoice(_: usize) -> Value {
    json!({"customerData": {"customerId": 1}, "invoiceData": {"items": [{"itemProductName": "Tea", "itemCost": 5}]}})
}

fn discount(_: usize) -> Value {
    json!({"invoiceData": {"discount": 1}})
}

fn quietly(_: usize) -> Value {
    json!({"notify": false})
}

fn nothing(_: usize) -> Value {
    json!({})
}

pub(super) fn sales(number: usize) -> Value {
    json!([{"source": "shop", "externalId": format!("sale-{number}"), "status": "approved", "amount": 12.5}])
}

fn payments(number: usize) -> Value {
    json!(format!("source,externalId,status,amount\nfile,F-{number},approved,1.50\n"))
}

pub(super) fn coupon(number: usize) -> Value {
    json!({"code": format!("C-{number}"), "percentOff": 10})
}

fn coupon_name(number: usize) -> Value {
    json!({"name": format!("Coupon {number}")})
}

/// A use of a coupon by the customer who is always there, who is the first.
pub(super) fn usage(number: usize) -> Value {
    json!({"customerId": 1, "amount": 20, "currency": "USD", "reference": format!("order {number}")})
}

pub(super) fn product(number: usize) -> Value {
    json!({"name": format!("Product {number}"), "unitPrice": 1})
}

fn secret(_: usize) -> Value {
    json!({"dialect": "payabli"})
}

/// The customer in the id of a stored method.
pub(super) fn customer_of(method: &str) -> String {
    let digits = method.split('-').nth(1).expect("an id");
    u64::from_str_radix(&digits[12..26], 16).expect("a customer").to_string()
}

pub(super) const PROTECTED: &[Operation] = &[
    operation(
        Method::POST,
        "/api/Customer/single/{}",
        &["customers:write"],
        Parameter::Entry,
        Some(customer),
    ),
    operation(
        Method::POST,
        "/api/Customer/match/{}",
        &["customers:read", "pii:read"],
        Parameter::Entry,
        Some(customer),
    ),
    operation(Method::GET, "/api/Customer/{}", &["customers:read"], Parameter::Customer, None),
    operation(Method::PUT, "/api/Customer/{}", &["customers:write"], Parameter::Customer, Some(city)),
    operation(Method::DELETE, "/api/Customer/{}", &["customers:delete"], Parameter::Customer, None),
    operation(
        Method::DELETE,
        "/api/Customer/{}?erase=true",
        &["customers:delete", "pii:read"],
        Parameter::Customer,
        None,
    ),
    operation(Method::GET, "/api/Customer/{}/details", &["customers:read"], Parameter::Customer, None),
    operation(Method::GET, "/api/Customer/{}/history", &["customers:read"], Parameter::Customer, None),
    operation(Method::GET, "/api/Customer/{}/addresses", &["customers:read"], Parameter::Customer, None),
    operation(
        Method::POST,
        "/api/Customer/{}/addresses",
        &["customers:write"],
        Parameter::Customer,
        Some(|_| json!({"address": "1 Side Rd"})),
    ),
    operation(Method::GET, "/api/Customer/{}/addresses/1", &["customers:read"], Parameter::Customer, None),
    operation(
        Method::PUT,
        "/api/Customer/{}/addresses/1",
        &["customers:write"],
        Parameter::Customer,
        Some(city),
    ),
    operation(
        Method::DELETE,
        "/api/Customer/{}/addresses/1",
        &["customers:write"],
        Parameter::Customer,
        None,
    ),
    operation(Method::GET, "/api/Customer/{}/references", &["customers:read"], Parameter::Customer, None),
    operation(
        Method::PUT,
        "/api/Customer/{}/references/own/{}",
        &["customers:write"],
        Parameter::Customer,
        None,
    ),
    operation(
        Method::DELETE,
        "/api/Customer/{}/references/own/{}",
        &["customers:write"],
        Parameter::Customer,
        None,
    ),
    operation(
        Method::GET,
        "/api/Customer/byReference/demo/own/{}",
        &["customers:read"],
        Parameter::Customer,
        None,
    ),
    operation(Method::POST, "/api/Customer/{}/invite", &["customers:write"], Parameter::Customer, None),
    operation(Method::GET, "/api/Customer/{}/invite", &["customers:read"], Parameter::Customer, None),
    operation(Method::POST, "/api/Customer/{}/consent", &["customers:write"], Parameter::Customer, None),
    operation(Method::POST, "/api/Customer/{}/archive", &["customers:write"], Parameter::Customer, None),
    operation(Method::POST, "/api/Customer/{}/unarchive", &["customers:write"], Parameter::Customer, None),
    operation(
        Method::GET,
        "/api/Customer/{}/comments",
        &["customers:read", "pii:read"],
        Parameter::Customer,
        None,
    ),
    operation(
        Method::POST,
        "/api/Customer/{}/comments",
        &["customers:write", "pii:read"],
        Parameter::Customer,
        Some(comment),
    ),
    operation(
        Method::PUT,
        "/api/Customer/{}/comments/1",
        &["customers:read", "customers:write", "pii:read", "settings"],
        Parameter::Commented,
        Some(comment),
    ),
    operation(
        Method::DELETE,
        "/api/Customer/{}/comments/1",
        &["customers:write", "pii:read", "settings"],
        Parameter::Commented,
        None,
    ),
    operation(
        Method::POST,
        "/api/Customer/invite/{}",
        &["customers:read", "customers:write"],
        Parameter::Entry,
        Some(|_| json!({"customerIds": [987_654_321]})),
    ),
    operation(Method::GET, "/api/Paypoint/labels/{}", &["customers:read"], Parameter::Entry, None),
    operation(
        Method::PUT,
        "/api/Paypoint/labels/demo/{}",
        &["customers:read", "customers:write"],
        Parameter::Label,
        Some(|_| json!({"to": "known"})),
    ),
    operation(
        Method::POST,
        "/api/Customer/labels/{}",
        &["customers:read", "customers:write"],
        Parameter::Entry,
        Some(|_| json!({"add": ["made"], "customerIds": [987_654_321]})),
    ),
    operation(Method::GET, "/api/Customer/labels/{}", &["customers:read"], Parameter::Entry, None),
    operation(Method::GET, "/api/Customer/labels/demo/{}", &["customers:read"], Parameter::LabelJob, None),
    operation(
        Method::GET,
        "/api/Customer/labels/demo/{}/report",
        &["customers:read"],
        Parameter::LabelJob,
        None,
    ),
    operation(
        Method::POST,
        "/api/Customer/labels/demo/{}/cancel",
        &["customers:write"],
        Parameter::LabelJob,
        None,
    ),
    operation(Method::GET, "/api/Customer/invite/{}", &["customers:read"], Parameter::Entry, None),
    operation(Method::GET, "/api/Customer/invite/demo/{}", &["customers:read"], Parameter::Invitation, None),
    operation(
        Method::GET,
        "/api/Customer/invite/demo/{}/report",
        &["customers:read"],
        Parameter::Invitation,
        None,
    ),
    operation(
        Method::POST,
        "/api/Customer/invite/demo/{}/cancel",
        &["customers:write"],
        Parameter::Invitation,
        None,
    ),
    operation(Method::GET, "/api/Customer/{}/methods", &["customers:read"], Parameter::Customer, None),
    operation(
        Method::POST,
        "/api/Customer/{}/methods",
        &["customers:write"],
        Parameter::Customer,
        Some(method),
    ),
    operation(
        Method::PUT,
        "/api/Customer/{}/methods/{}",
        &["customers:write"],
        Parameter::Method,
        Some(brand),
    ),
    operation(Method::DELETE, "/api/Customer/{}/methods/{}", &["customers:write"], Parameter::Method, None),
    operation(Method::POST, "/api/TokenStorage/add", &["customers:write"], Parameter::Nothing, Some(payer)),
    operation(Method::GET, "/api/TokenStorage/{}", &["customers:read"], Parameter::Method, None),
    operation(Method::PUT, "/api/TokenStorage/{}", &["customers:write"], Parameter::Method, Some(token_id)),
    operation(Method::DELETE, "/api/TokenStorage/{}", &["customers:write"], Parameter::Method, None),
    operation(Method::POST, "/api/Transaction/{}", &["money:write"], Parameter::Entry, Some(sales)),
    operation(
        Method::POST,
        "/api/Transaction/{}?onUnknownCustomer=create",
        &["money:write", "customers:write"],
        Parameter::Entry,
        Some(sales),
    ),
    operation(
        Method::PUT,
        "/api/Subscription/external/demo/own/{}",
        &["money:write", "customers:read"],
        Parameter::Customer,
        Some(subscription),
    ),
    operation(
        Method::PUT,
        "/api/Subscription/external/demo/own/{}?onUnknownCustomer=create",
        &["customers:write", "money:write"],
        Parameter::Customer,
        Some(subscription),
    ),
    operation(
        Method::POST,
        "/api/Subscription/add",
        &["money:write"],
        Parameter::Nothing,
        Some(subscription),
    ),
    operation(Method::GET, "/api/Subscription/{}", &["money:read"], Parameter::Subscription, None),
    operation(Method::GET, "/api/Query/subscriptions/{}", &["money:read"], Parameter::Entry, None),
    operation(Method::GET, "/api/Query/subscriptions/org/{}", &["money:read"], Parameter::Organisation, None),
    operation(Method::POST, "/api/Invoice/{}", INVOICES, Parameter::Entry, Some(invoice)),
    operation(Method::GET, "/api/Invoice/{}", &["money:read", "customers:read"], Parameter::Invoice, None),
    operation(Method::PUT, "/api/Invoice/{}", INVOICES, Parameter::Draft, Some(discount)),
    operation(Method::DELETE, "/api/Invoice/{}", INVOICES, Parameter::Draft, None),
    operation(Method::GET, "/api/Invoice/getNumber/{}", &["money:read"], Parameter::Entry, None),
    operation(
        Method::GET,
        "/api/Invoice/{}/pdf",
        &["money:read", "customers:read", "pii:read"],
        Parameter::Invoice,
        None,
    ),
    operation(Method::POST, "/api/Invoice/{}/finalize", INVOICES, Parameter::Draft, None),
    operation(Method::POST, "/api/Invoice/{}/void", INVOICES, Parameter::Invoice, None),
    operation(Method::POST, "/api/Invoice/{}/payments", INVOICES, Parameter::Invoice, Some(nothing)),
    operation(Method::POST, "/api/Invoice/{}/creditNote", INVOICES, Parameter::Invoice, Some(nothing)),
    operation(Method::GET, "/api/Invoice/send/{}", INVOICES, Parameter::Invoice, None),
    operation(Method::POST, "/api/Invoice/send/{}", INVOICES, Parameter::Invoice, None),
    operation(
        Method::GET,
        "/api/Query/invoices/{}",
        &["money:read", "customers:read"],
        Parameter::Entry,
        None,
    ),
    operation(
        Method::GET,
        "/api/Query/invoices/org/{}",
        &["money:read", "customers:read"],
        Parameter::Organisation,
        None,
    ),
    operation(
        Method::GET,
        "/api/Export/invoices/csv/{}",
        &["money:read", "customers:read", "customers:export"],
        Parameter::Entry,
        None,
    ),
    operation(
        Method::GET,
        "/api/Export/invoices/zip/org/{}",
        &["money:read", "customers:read", "customers:export", "pii:read"],
        Parameter::Organisation,
        None,
    ),
    operation(Method::POST, "/api/Customer/{}/orders", INVOICES, Parameter::Customer, Some(order)),
    operation(
        Method::GET,
        "/api/Customer/{}/orders",
        &["money:read", "customers:read"],
        Parameter::Customer,
        None,
    ),
    operation(Method::GET, "/api/Order/{}", &["money:read", "customers:read"], Parameter::Order, None),
    operation(Method::POST, "/api/Order/{}/cancel", INVOICES, Parameter::Order, None),
    operation(Method::POST, "/api/Order/{}/resend", INVOICES, Parameter::Order, None),
    operation(Method::GET, "/api/Query/orders/{}", &["money:read", "customers:read"], Parameter::Entry, None),
    operation(Method::POST, "/api/Customer/{}/charges", CHARGING, Parameter::Customer, Some(charge)),
    operation(Method::GET, "/api/Charge/{}", &["money:read", "customers:read"], Parameter::Paid, None),
    operation(Method::POST, "/api/MoneyIn/getpaid", CHARGING, Parameter::Nothing, Some(get_paid)),
    operation(Method::GET, "/api/MoneyIn/refund/{}/1", CHARGING, Parameter::Paid, None),
    operation(Method::POST, "/api/MoneyIn/refund/{}/1", CHARGING, Parameter::Paid, None),
    operation(Method::GET, "/api/MoneyIn/void/{}", CHARGING, Parameter::Paid, None),
    operation(Method::POST, "/api/MoneyIn/void/{}", CHARGING, Parameter::Paid, None),
    operation(Method::POST, "/api/Customer/{}/paymentRequests", INVOICES, Parameter::Customer, Some(request)),
    operation(
        Method::GET,
        "/api/Customer/{}/paymentRequests",
        &["money:read", "customers:read"],
        Parameter::Customer,
        None,
    ),
    operation(Method::POST, "/api/PaymentRequest/{}", INVOICES, Parameter::Entry, Some(request)),
    operation(
        Method::GET,
        "/api/PaymentRequest/{}",
        &["money:read", "customers:read"],
        Parameter::Request,
        None,
    ),
    operation(Method::POST, "/api/PaymentRequest/{}/cancel", INVOICES, Parameter::Request, None),
    operation(Method::POST, "/api/PaymentRequest/{}/resend", INVOICES, Parameter::Request, Some(quietly)),
    operation(
        Method::GET,
        "/api/PaymentRequests/{}",
        &["money:read", "customers:read"],
        Parameter::Entry,
        None,
    ),
    operation(Method::POST, "/api/PaymentLink/{}", INVOICES, Parameter::Invoice, Some(nothing)),
    operation(Method::DELETE, "/api/PaymentLink/{}", INVOICES, Parameter::Request, None),
    operation(
        Method::GET,
        "/api/PaymentLink/load/{}",
        &["money:read", "customers:read"],
        Parameter::Request,
        None,
    ),
    operation(
        Method::GET,
        "/api/PaymentLink/refresh/{}",
        &["money:read", "customers:read"],
        Parameter::Request,
        None,
    ),
    operation(Method::GET, "/api/PaymentLink/send/{}", INVOICES, Parameter::Request, None),
    operation(
        Method::POST,
        "/api/PaymentLink/push/{}",
        INVOICES,
        Parameter::Request,
        Some(|_| json!({"channel": "email"})),
    ),
    operation(Method::POST, "/api/Customer/{}/methodLinks", INVOICES, Parameter::Customer, Some(nothing)),
    operation(
        Method::GET,
        "/api/Customer/{}/methodLinks",
        &["money:read", "customers:read"],
        Parameter::Customer,
        None,
    ),
    operation(Method::POST, "/api/Customer/{}/cancel", INVOICES, Parameter::MethodLink, None),
    operation(Method::POST, "/api/Customer/{}/resend", INVOICES, Parameter::MethodLink, Some(quietly)),
    operation(Method::GET, "/api/MoneyIn/details/{}", &["money:read"], Parameter::Transaction, None),
    operation(
        Method::GET,
        "/api/MoneyIn/sendreceipt/{}",
        &["money:write", "customers:read"],
        Parameter::Paid,
        None,
    ),
    operation(
        Method::POST,
        "/api/MoneyIn/sendreceipt/{}",
        &["money:write", "customers:read"],
        Parameter::Paid,
        None,
    ),
    operation(
        Method::GET,
        "/api/Statistic/customerbasic/m12/m/{}",
        &["customers:read", "money:read"],
        Parameter::Customer,
        None,
    ),
    operation(Method::GET, "/api/Query/transactions/{}", &["money:read"], Parameter::Entry, None),
    operation(
        Method::GET,
        "/api/Query/transactions/{}?exportFormat=csv",
        &["money:read", "customers:export"],
        Parameter::Entry,
        None,
    ),
    operation(Method::GET, "/api/Query/transactions/org/{}", &["money:read"], Parameter::Organisation, None),
    operation(
        Method::GET,
        "/api/Query/customers/{}?sortBy=desc(totalSpent)",
        &["customers:read", "money:read"],
        Parameter::Entry,
        None,
    ),
    operation(
        Method::GET,
        "/api/Export/transactions/csv/{}",
        &["money:read", "customers:export"],
        Parameter::Entry,
        None,
    ),
    operation(
        Method::GET,
        "/api/Export/transactions/xlsx/org/{}",
        &["money:read", "customers:export"],
        Parameter::Organisation,
        None,
    ),
    operation(
        Method::POST,
        "/api/Import/transactionsForm/{}?onUnknownCustomer=create",
        &["money:write", "customers:import", "customers:write"],
        Parameter::Entry,
        Some(payments),
    ),
    operation(Method::GET, "/api/Paypoint/ingest/{}", &["settings"], Parameter::Entry, None),
    operation(Method::POST, "/api/Paypoint/ingest/{}", &["settings"], Parameter::Entry, Some(secret)),
    operation(Method::DELETE, "/api/Paypoint/ingest/demo/{}", &["settings"], Parameter::Secret, None),
    operation(
        Method::GET,
        "/api/Customer/link/{}",
        &["money:write", "customers:read"],
        Parameter::Unlinked,
        None,
    ),
    operation(
        Method::POST,
        "/api/Customer/link/{}",
        &["money:write", "customers:read"],
        Parameter::Unlinked,
        None,
    ),
    operation(Method::GET, "/api/Coupon/{}", &["money:read"], Parameter::Entry, None),
    operation(Method::POST, "/api/Coupon/{}", &["money:write"], Parameter::Entry, Some(coupon)),
    operation(Method::GET, "/api/Coupon/demo/{}", &["money:read"], Parameter::Coupon, None),
    operation(
        Method::PUT,
        "/api/Coupon/demo/{}",
        &["money:read", "money:write"],
        Parameter::Coupon,
        Some(coupon_name),
    ),
    operation(Method::DELETE, "/api/Coupon/demo/{}", &["money:write"], Parameter::Coupon, None),
    operation(
        Method::POST,
        "/api/Coupon/demo/{}/redeem",
        &["money:write", "customers:read"],
        Parameter::Coupon,
        Some(usage),
    ),
    operation(Method::GET, "/api/Coupon/demo/{}/redemptions", &["money:read"], Parameter::Coupon, None),
    operation(Method::POST, "/api/Coupon/demo/{}/release", &["money:write"], Parameter::Redemption, None),
    operation(
        Method::GET,
        "/api/Customer/{}/coupons",
        &["customers:read", "money:read"],
        Parameter::Customer,
        None,
    ),
    operation(
        Method::POST,
        "/api/Customer/{}/coupons",
        &["customers:read", "money:read", "money:write"],
        Parameter::Customer,
        Some(coupon),
    ),
    operation(Method::GET, "/api/Product/{}", &["money:read"], Parameter::Entry, None),
    operation(Method::POST, "/api/Product/{}", &["money:write"], Parameter::Entry, Some(product)),
    operation(Method::GET, "/api/Product/demo/{}", &["money:read"], Parameter::Product, None),
    operation(
        Method::PUT,
        "/api/Product/demo/{}",
        &["money:read", "money:write"],
        Parameter::Product,
        Some(product),
    ),
    operation(Method::DELETE, "/api/Product/demo/{}", &["money:write"], Parameter::Product, None),
    operation(Method::GET, "/api/Mail/outbox/{}", &["customers:read"], Parameter::Entry, None),
    operation(Method::POST, "/api/Mail/outbox/demo/{}/retry", &["customers:write"], Parameter::Mail, None),
    operation(Method::GET, "/api/Query/customers/{}", &["customers:read"], Parameter::Entry, None),
    operation(Method::GET, "/api/Query/customers/org/{}", &["customers:read"], Parameter::Organisation, None),
    operation(
        Method::GET,
        "/api/Query/customers/{}?exportFormat=csv",
        &["customers:read", "customers:export"],
        Parameter::Entry,
        None,
    ),
    operation(Method::GET, "/api/Export/customers/csv/{}", &["customers:export"], Parameter::Entry, None),
    operation(
        Method::GET,
        "/api/Export/customers/xlsx/org/{}",
        &["customers:export"],
        Parameter::Organisation,
        None,
    ),
    operation(Method::GET, "/api/Statistic/customers/{}", &["customers:read"], Parameter::Entry, None),
    operation(
        Method::POST,
        "/api/Import/customersForm/{}",
        &["customers:import"],
        Parameter::Entry,
        Some(file),
    ),
    operation(
        Method::GET,
        "/api/Import/template/customers.csv",
        &["customers:import"],
        Parameter::Nothing,
        None,
    ),
    operation(Method::GET, "/api/Import/jobs/{}", &["customers:import"], Parameter::Entry, None),
    operation(Method::GET, "/api/Import/jobs/demo/{}", &["customers:import"], Parameter::Import, None),
    operation(Method::GET, "/api/Import/jobs/demo/{}/rows", &["customers:import"], Parameter::Import, None),
    operation(
        Method::GET,
        "/api/Import/jobs/demo/{}/rejected.csv",
        &["customers:import", "pii:read"],
        Parameter::Import,
        None,
    ),
    operation(
        Method::POST,
        "/api/Import/jobs/demo/{}/cancel",
        &["customers:import"],
        Parameter::Import,
        None,
    ),
    operation(
        Method::POST,
        "/api/Import/jobs/demo/{}/commit",
        &["customers:import"],
        Parameter::Import,
        None,
    ),
    operation(Method::GET, "/api/Paypoint", &["settings"], Parameter::Nothing, None),
    operation(Method::POST, "/api/Paypoint", &["settings"], Parameter::Nothing, Some(entrypoint)),
    operation(Method::GET, "/api/Paypoint/settings/{}", &["settings"], Parameter::Entry, None),
    operation(Method::GET, "/api/Paypoint/keys/{}", &["settings"], Parameter::Entry, None),
    operation(Method::POST, "/api/Paypoint/keys/rotate/{}", &["settings"], Parameter::Entry, None),
    operation(
        Method::PUT,
        "/api/Paypoint/settings/{}",
        &["settings"],
        Parameter::Entry,
        Some(entry_settings),
    ),
    operation(Method::POST, "/api/Organization", &["service"], Parameter::Nothing, Some(organisation)),
    operation(Method::GET, "/api/Organization/settings/{}", &["settings"], Parameter::Organisation, None),
    operation(
        Method::PUT,
        "/api/Organization/settings/{}",
        &["settings"],
        Parameter::Organisation,
        Some(|_| json!({"identifiers": []})),
    ),
    operation(Method::GET, "/api/Token", &["tokens"], Parameter::Nothing, None),
    operation(Method::POST, "/api/Token", &["tokens"], Parameter::Nothing, Some(token)),
    operation(Method::DELETE, "/api/Token/{}", &["tokens"], Parameter::Token, None),
    operation(Method::GET, "/api/Staff", &["staff"], Parameter::Nothing, None),
    operation(Method::POST, "/api/Staff", MEMBER, Parameter::Nothing, Some(member)),
    operation(Method::GET, "/api/Staff/{}", &["staff"], Parameter::Member, None),
    operation(Method::PUT, "/api/Staff/{}", MEMBER, Parameter::Member, Some(|_| json!({"name": "Renamed"}))),
    operation(Method::DELETE, "/api/Staff/{}", MEMBER, Parameter::Member, None),
    operation(Method::POST, "/api/Staff/{}/invite", MEMBER, Parameter::Member, None),
];

/// Operations open to anybody. The marked ones serve the documentation and may be missing from the document.
pub(super) const PUBLIC: &[(Method, &str, bool)] = &[
    (Method::POST, "/api/v2/Token/serverside", true),
    (Method::POST, "/api/Ingest/{}/payabli", true),
    (Method::POST, "/api/Ingest/{}/stripe", true),
    (Method::POST, "/api/Ingest/{}/standard", true),
    (Method::POST, "/api/Ingest/{}/provider", true),
    (Method::GET, "/health/live", true),
    (Method::GET, "/health/ready", true),
    (Method::GET, "/metrics", true),
    (Method::GET, "/openapi.json", false),
    (Method::GET, "/swagger-ui/", false),
    (Method::GET, "/", false),
];

//! Stripe's events. One payment is one row: the id of its charge is the `externalId`, whichever event tells of it.
//!
//! `occurredAt` is the time of the charge, refund or dispute, so that the states of one row are ordered by their rank. Only
//! what takes back an earlier state has the time of its event: a refund that failed later, a dispute that was won.

mod money;

use serde_json::Value;

use self::money::decimal;
use super::build::{ItemJson, of_seconds};
use super::{Place, Reading, lacks};
use crate::domain::kernel::problem::Problem;

/// The name of the system in items and references.
const SOURCE: &str = "stripe";

/// An event: its type, its time, and the object that it is about.
struct Event<'a> {
    kind: &'a str,
    created: Option<i64>,
    object: &'a Value,
}

pub(super) fn read(event: &Value, place: Place<'_>) -> Result<Reading, Vec<Problem>> {
    let Some(kind) = text(event, "type") else { return Err(lacks(&["type"], "the type of the event")) };
    let is_taken = ["charge.", "refund.", "payment_intent."].iter().any(|begin| kind.starts_with(begin));
    if !is_taken {
        return Ok(Reading::Ignored(kind.to_owned()));
    }
    let object = event.get("data").and_then(|data| data.get("object"));
    let Some(object) = object.filter(|object| object.is_object()) else {
        return Err(lacks(&["data", "object"], "the object that the event is about"));
    };
    let event = Event { kind, created: event.get("created").and_then(Value::as_i64), object };
    let item = match kind {
        "charge.succeeded" | "charge.failed" | "charge.captured" | "charge.updated" | "charge.pending"
        | "charge.expired" | "charge.refunded" => charge(&event, object, place)?,
        "refund.created" | "refund.updated" | "refund.failed" => refund(&event)?,
        "payment_intent.succeeded" => match intent(&event, place)? {
            Some(item) => item,
            None => return Ok(Reading::Ignored(kind.to_owned())),
        },
        "charge.dispute.created"
        | "charge.dispute.closed"
        | "charge.dispute.funds_withdrawn"
        | "charge.dispute.funds_reinstated" => dispute(&event)?,
        _ => return Ok(Reading::Ignored(kind.to_owned())),
    };
    Ok(Reading::Items(vec![item.to_json()]))
}

/// A payment.
fn charge(event: &Event<'_>, charge: &Value, place: Place<'_>) -> Result<ItemJson, Vec<Problem>> {
    let is_captured = charge.get("captured").and_then(Value::as_bool).unwrap_or(true);
    let is_refunded = charge.get("refunded").and_then(Value::as_bool).unwrap_or(false);
    let status = match text(charge, "status") {
        _ if event.kind == "charge.expired" => "voided",
        Some("failed") => "declined",
        Some("pending") => "initiated",
        // A payment that was never taken is given back by taking nothing.
        Some("succeeded") if !is_captured && is_refunded => "voided",
        Some("succeeded") if !is_captured => "authorised",
        Some("succeeded") if is_refunded => "refunded",
        Some("succeeded") => "approved",
        _ => return Err(lacks(&["data", "object", "status"], "succeeded, pending or failed")),
    };
    let mut item = ItemJson::new(SOURCE, id(charge)?, "sale", status);
    let taken =
        charge.get("amount_captured").and_then(Value::as_i64).filter(|taken| is_captured && *taken > 0);
    amount(&mut item, charge, taken)?;
    settled(&mut item, charge);
    item.text("occurredAt", created(charge)?.as_deref());
    described(&mut item, charge);
    if let Some(method) = charge.get("payment_method_details") {
        let kind = text(method, "type");
        item.method(kind.map(known_method));
        let last4 = kind.and_then(|kind| method.get(kind)).and_then(|details| text(details, "last4"));
        item.account(last4);
    }
    item.customer(payer(charge), place.context);
    Ok(item)
}

/// The payment of an intent: what its charge would say, as far as the intent knows. Nothing without a charge.
fn intent(event: &Event<'_>, place: Place<'_>) -> Result<Option<ItemJson>, Vec<Problem>> {
    let intent = event.object;
    // Older versions of Stripe's API list the charges instead.
    let listed = || intent.get("charges")?.get("data")?.as_array()?.first();
    let Some(latest) = intent.get("latest_charge").filter(|latest| !latest.is_null()).or_else(listed) else {
        return Ok(None);
    };
    if latest.is_object() {
        return charge(event, latest, place).map(Some);
    }
    let Some(latest) = latest.as_str() else { return Ok(None) };
    let mut item = ItemJson::new(SOURCE, latest, "sale", "approved");
    amount(&mut item, intent, intent.get("amount_received").and_then(Value::as_i64))?;
    item.text("occurredAt", created(intent)?.as_deref());
    described(&mut item, intent);
    item.customer(payer(intent), place.context);
    Ok(Some(item))
}

/// Money that goes back to the payer.
fn refund(event: &Event<'_>) -> Result<ItemJson, Vec<Problem>> {
    let refund = event.object;
    let (status, at) = match text(refund, "status") {
        Some("pending" | "requires_action") => ("initiated", created(refund)?),
        Some("succeeded") => ("approved", created(refund)?),
        // A bank may send it back after it had succeeded.
        Some("failed") => ("declined", later(event)?),
        Some("canceled") => ("voided", later(event)?),
        _ => {
            return Err(lacks(
                &["data", "object", "status"],
                "pending, requires_action, succeeded, failed or canceled",
            ));
        }
    };
    let mut item = ItemJson::new(SOURCE, id(refund)?, "refund", status);
    item.text("refundOf", charge_of(refund));
    amount(&mut item, refund, None)?;
    settled(&mut item, refund);
    item.text("occurredAt", at.as_deref());
    item.description(text(refund, "reason"));
    Ok(item)
}

/// Money that the payer's bank takes back.
fn dispute(event: &Event<'_>) -> Result<ItemJson, Vec<Problem>> {
    let dispute = event.object;
    let has_moved =
        dispute.get("balance_transactions").and_then(Value::as_array).is_some_and(|moves| !moves.is_empty());
    let (status, at) = match (event.kind, text(dispute, "status")) {
        ("charge.dispute.funds_reinstated", _) | (_, Some("won" | "warning_closed" | "prevented")) => {
            ("voided", later(event)?)
        }
        ("charge.dispute.funds_withdrawn", _) => ("approved", later(event)?),
        (_, Some("lost")) => ("approved", created(dispute)?),
        (_, Some(_)) if has_moved => ("approved", created(dispute)?),
        // An inquiry, or a dispute before the bank has taken anything.
        _ => ("initiated", created(dispute)?),
    };
    let mut item = ItemJson::new(SOURCE, id(dispute)?, "chargeback", status);
    item.text("refundOf", charge_of(dispute));
    amount(&mut item, dispute, None)?;
    item.text("occurredAt", at.as_deref());
    item.description(text(dispute, "reason"));
    Ok(item)
}

fn text<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The id of a member that is an id or, expanded, an object with one.
fn id_of<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    let member = object.get(name)?;
    member.as_str().or_else(|| text(member, "id"))
}

fn id(object: &Value) -> Result<&str, Vec<Problem>> {
    text(object, "id").ok_or_else(|| lacks(&["data", "object", "id"], "an id"))
}

fn charge_of(object: &Value) -> Option<&str> {
    id_of(object, "charge")
}

/// When the object was made.
fn created(object: &Value) -> Result<Option<String>, Vec<Problem>> {
    let seconds = object.get("created").and_then(Value::as_i64);
    seconds.map(of_seconds).ok_or_else(|| lacks(&["data", "object", "created"], "a time in seconds"))
}

/// When the event happened.
fn later(event: &Event<'_>) -> Result<Option<String>, Vec<Problem>> {
    event.created.map(of_seconds).ok_or_else(|| lacks(&["created"], "a time in seconds"))
}

/// Sets the amount, `other` if there is one, and the currency.
fn amount(item: &mut ItemJson, object: &Value, other: Option<i64>) -> Result<(), Vec<Problem>> {
    let minor = other.or_else(|| object.get("amount").and_then(Value::as_i64));
    let minor = minor.ok_or_else(|| lacks(&["data", "object", "amount"], "a whole number"))?;
    let currency = text(object, "currency").map(str::to_ascii_uppercase);
    let currency = currency.ok_or_else(|| lacks(&["data", "object", "currency"], "a currency"))?;
    item.text("amount", Some(&decimal(minor, &currency)));
    item.text("currency", Some(&currency));
    Ok(())
}

/// Sets fee and net amount, if the event has them in the currency of the payment.
fn settled(item: &mut ItemJson, object: &Value) {
    let Some(settled) = object.get("balance_transaction").filter(|settled| settled.is_object()) else {
        return;
    };
    let currency = text(settled, "currency").map(str::to_ascii_uppercase);
    let is_same = currency.as_deref() == text(object, "currency").map(str::to_ascii_uppercase).as_deref();
    let Some(currency) = currency.filter(|_| is_same) else { return };
    for (name, member) in [("fee", "fee"), ("net", "net")] {
        let minor = settled.get(member).and_then(Value::as_i64).map(i64::saturating_abs);
        item.text(name, minor.map(|minor| decimal(minor, &currency)).as_deref());
    }
}

/// Sets the description, the order and the metadata.
fn described(item: &mut ItemJson, object: &Value) {
    item.description(text(object, "description"));
    let metadata = object.get("metadata").and_then(Value::as_object);
    let pairs = || {
        let all = metadata.into_iter().flatten();
        all.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
    };
    let is_named = |name: &str, names: [&str; 2]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    let found = |names| pairs().find(|(name, _)| is_named(name, names)).map(|(_, value)| value);
    item.text("orderId", found(["orderId", "order_id"]));
    item.text(
        "invoiceNumber",
        found(["invoiceNumber", "invoice_number"]).or_else(|| id_of(object, "invoice")),
    );
    item.additional(pairs());
}

/// Our word for one of Stripe's kinds of payment methods.
fn known_method(kind: &str) -> &str {
    match kind {
        "card" | "card_present" | "interac_present" => "card",
        "us_bank_account" | "ach_debit" | "ach_credit_transfer" => "ach",
        other => other,
    }
}

/// Who paid: the billing details, and the id at Stripe as a reference.
fn payer(object: &Value) -> ItemJson {
    let mut customer = ItemJson::default();
    let expanded = object.get("customer").filter(|customer| customer.is_object());
    let billing = object.get("billing_details");
    let said = |name: &str| {
        billing
            .and_then(|billing| text(billing, name))
            .or_else(|| expanded.and_then(|known| text(known, name)))
    };
    customer.text("fullname", said("name"));
    customer.text("email", said("email").or_else(|| text(object, "receipt_email")));
    customer.text("phone", said("phone"));
    if let Some(address) = billing.and_then(|billing| billing.get("address")) {
        for (name, member) in [
            ("address", "line1"),
            ("address1", "line2"),
            ("city", "city"),
            ("state", "state"),
            ("zip", "postal_code"),
            ("country", "country"),
        ] {
            customer.text(name, text(address, member));
        }
    }
    customer.reference(SOURCE, id_of(object, "customer"));
    customer
}

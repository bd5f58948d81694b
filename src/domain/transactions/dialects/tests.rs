use serde_json::{Value, json};

use super::*;
use crate::domain::kernel::time::Micros;

const NOW: Micros = Micros(1_800_000_000_000_000);

fn read(dialect: Dialect, body: &Value) -> Result<Reading, Vec<Problem>> {
    let context = Context { now: NOW, country: Some("US"), entrypoint_country: Some("US") };
    dialect.read(body.to_string().as_bytes(), Place { currency: "USD", context })
}

/// The one item of a webhook.
fn item(dialect: Dialect, body: &Value) -> Value {
    let read = read(dialect, body);
    let Ok(Reading::Items(items)) = &read else { panic!("{read:?}") };
    let [item] = items.as_slice() else { panic!("{items:?}") };
    serde_json::from_str(item).unwrap()
}

fn payabli(event: &str) -> Value {
    json!({
        "Event": event, "transId": "45-ab12", "NetAmount": "97.10", "Fee": "2.90", "TotalAmount": "100.00",
        "transTime": "5/23/2022 1:50:50 PM", "CustomerId": "224", "CustomerNumber": "C-90010", "Method": "card",
        "EntryPoint": "demo", "ResultCode": "1", "MaskedAccount": "4XXXXXXXXXXX1111",
    })
}

#[test]
fn contract_15_a_payment_of_payabli_is_a_sale() {
    let wanted = json!({
        "source": "payabli", "externalId": "45-ab12", "operation": "sale", "status": "approved",
        "amount": "100.00", "net": "97.10", "fee": "2.90", "currency": "USD",
        "occurredAt": "2022-05-23T13:50:50Z", "method": "card", "maskedAccount": "•••• 1111",
        "customer": {
            "customerNumber": "C-90010",
            "references": [{ "system": "payabli", "externalId": "224" }],
        },
    });
    let mut found = item(Dialect::Payabli, &payabli("ApprovedPayment"));
    // The form of times is that of all answers.
    let at = found["occurredAt"].as_str().unwrap().to_owned();
    assert!(at.starts_with("2022-05-23T13:50:50"), "{at}");
    found["occurredAt"] = "2022-05-23T13:50:50Z".into();
    assert_eq!(found, wanted);
}

#[test]
fn contract_15_events_and_codes_of_payabli_are_states() {
    for (event, code, status) in [
        ("ApprovedPayment", "1", "approved"),
        ("SettledPayment", "", "approved"),
        ("AuthorizedPayment", "1", "authorised"),
        ("OriginatedPayment", "1", "initiated"),
        ("DeclinedPayment", "2", "declined"),
        ("ApprovedPayment", "2", "declined"),
        ("ApprovedPayment", "3", "error"),
        ("VoidedPayment", "1", "voided"),
    ] {
        let mut body = payabli(event);
        body["ResultCode"] = code.into();
        assert_eq!(item(Dialect::Payabli, &body)["status"], status, "{event} {code}");
    }
    let refund = item(Dialect::Payabli, &payabli("RefundedPayment"));
    assert_eq!((&refund["operation"], &refund["refundOf"]), (&json!("refund"), &json!("45-ab12")));
    assert_eq!(refund["externalId"], "45-ab12/refund/1653313850/100");
    assert_eq!(refund.get("customer"), None);
    for other in ["CardCreated", "ImportFileReceived"] {
        assert_eq!(read(Dialect::Payabli, &payabli(other)).unwrap(), Reading::Ignored(other.into()));
    }
}

#[test]
fn contract_15_what_payabli_leaves_out_is_refused_by_name() {
    for (member, value, code) in [
        ("Event", Value::Null, "required"),
        ("transId", "".into(), "required"),
        ("TotalAmount", Value::Null, "required"),
        ("transTime", "soon".into(), "invalid_time"),
    ] {
        let mut body = payabli("ApprovedPayment");
        body[member] = value;
        let problems = read(Dialect::Payabli, &body).unwrap_err();
        assert_eq!((problems.len(), problems[0].code), (1, code), "{member}");
    }
    for body in ["", "[]", "{", "\"x\""] {
        let context = Context { now: NOW, country: None, entrypoint_country: None };
        for dialect in [Dialect::Payabli, Dialect::Stripe, Dialect::Standard] {
            assert!(dialect.read(body.as_bytes(), Place { currency: "USD", context }).is_err(), "{body}");
        }
    }
    // A payer without a record, and nonsense beside the payment.
    let mut body = payabli("ApprovedPayment");
    body["CustomerId"] = "0".into();
    body["CustomerNumber"] = "".into();
    body["customerEmail"] = "no address".into();
    assert_eq!(item(Dialect::Payabli, &body).get("customer"), None);
}

fn charge() -> Value {
    json!({
        "id": "ch_1", "object": "charge", "amount": 1999, "amount_captured": 1999, "amount_refunded": 0,
        "captured": true, "created": 1_700_000_000, "currency": "usd", "customer": "cus_1",
        "description": "Two seats", "paid": true, "payment_intent": "pi_1", "refunded": false,
        "status": "succeeded", "metadata": { "order_id": "O-7", "seat": "12", "card number": "4111111111111111" },
        "billing_details": {
            "name": "Ada Roe", "email": "ada.roe@example.test", "phone": "call me",
            "address": { "line1": "1 Main St", "city": "Oakton", "state": "VA", "postal_code": "22124", "country": "US" },
        },
        "payment_method_details": { "type": "card", "card": { "brand": "visa", "last4": "4242" } },
    })
}

fn event(kind: &str, object: &Value) -> Value {
    json!({ "id": "evt_1", "object": "event", "type": kind, "created": 1_700_000_500, "data": { "object": object } })
}

#[test]
fn a_charge_of_stripe_is_a_sale_of_its_payer() {
    let found = item(Dialect::Stripe, &event("charge.succeeded", &charge()));
    assert_eq!(
        (&found["externalId"], &found["status"], &found["amount"], &found["currency"]),
        (&json!("ch_1"), &json!("approved"), &json!("19.99"), &json!("USD"))
    );
    assert_eq!((&found["orderId"], &found["method"]), (&json!("O-7"), &json!("card")));
    assert_eq!(found["maskedAccount"], "•••• 4242");
    assert_eq!(found["additionalData"], json!({ "order_id": "O-7", "seat": "12" }));
    // What is no phone does not keep the payment away.
    assert_eq!(
        found["customer"],
        json!({
            "fullname": "Ada Roe", "email": "ada.roe@example.test", "address": "1 Main St", "city": "Oakton",
            "state": "VA", "zip": "22124", "country": "US",
            "references": [{ "system": "stripe", "externalId": "cus_1" }],
        })
    );
}

#[test]
fn a_phone_without_a_country_keeps_no_payer_away() {
    let mut sent = charge();
    sent["billing_details"]["address"] = Value::Null;
    for (phone, kept) in [("(202) 555-0100", None), ("+1 202 555 0100", Some("+1 202 555 0100"))] {
        sent["billing_details"]["phone"] = phone.into();
        let context = Context { now: NOW, country: None, entrypoint_country: None };
        let body = event("charge.succeeded", &sent).to_string();
        let read = Dialect::Stripe.read(body.as_bytes(), Place { currency: "USD", context }).unwrap();
        let Reading::Items(items) = &read else { panic!("{read:?}") };
        let found: Value = serde_json::from_str(&items[0]).unwrap();
        assert_eq!(found["customer"].get("phone").and_then(Value::as_str), kept);
        assert_eq!(found["customer"]["email"], "ada.roe@example.test");
    }
}

#[test]
fn states_of_a_charge_follow_its_flags() {
    for (kind, changes, status, amount) in [
        ("charge.succeeded", json!({}), "approved", "19.99"),
        ("charge.succeeded", json!({ "captured": false, "amount_captured": 0 }), "authorised", "19.99"),
        ("charge.captured", json!({ "amount_captured": 1000 }), "approved", "10"),
        ("charge.failed", json!({ "status": "failed", "captured": false }), "declined", "19.99"),
        ("charge.pending", json!({ "status": "pending" }), "initiated", "19.99"),
        ("charge.expired", json!({ "captured": false, "refunded": true }), "voided", "19.99"),
        ("charge.refunded", json!({ "refunded": true, "amount_refunded": 1999 }), "refunded", "19.99"),
        ("charge.refunded", json!({ "amount_refunded": 500 }), "approved", "19.99"),
        ("charge.refunded", json!({ "captured": false, "refunded": true }), "voided", "19.99"),
    ] {
        let mut object = charge();
        for (name, value) in changes.as_object().unwrap() {
            object[name] = value.clone();
        }
        let found = item(Dialect::Stripe, &event(kind, &object));
        assert_eq!(
            (&found["status"], &found["amount"]),
            (&json!(status), &json!(amount)),
            "{kind} {changes}"
        );
    }
}

#[test]
fn an_intent_is_the_row_of_its_charge() {
    let mut intent = json!({
        "id": "pi_1", "amount": 1999, "amount_received": 1999, "currency": "jpy", "created": 1_700_000_000,
        "customer": { "id": "cus_1", "email": "ada.roe@example.test" }, "latest_charge": "ch_1",
    });
    let kind = "payment_intent.succeeded";
    let found = item(Dialect::Stripe, &event(kind, &intent));
    assert_eq!((&found["externalId"], &found["amount"]), (&json!("ch_1"), &json!("1999")));
    assert_eq!(found["customer"]["email"], "ada.roe@example.test");
    intent["latest_charge"] = charge();
    assert_eq!(
        item(Dialect::Stripe, &event(kind, &intent)),
        item(Dialect::Stripe, &event("charge.succeeded", &charge()))
    );
    intent["latest_charge"] = Value::Null;
    assert_eq!(read(Dialect::Stripe, &event(kind, &intent)).unwrap(), Reading::Ignored(kind.into()));
    intent["charges"] = json!({ "data": [charge()] });
    assert_eq!(item(Dialect::Stripe, &event(kind, &intent))["externalId"], "ch_1");
}

#[test]
fn money_that_goes_back_names_its_charge() {
    let back = |status: &str| {
        json!({
            "id": "re_1", "amount": 500, "charge": "ch_1", "currency": "usd", "created": 1_700_000_100,
            "status": status, "reason": "requested_by_customer",
        })
    };
    for (kind, status, ours, at) in [
        ("refund.created", "pending", "initiated", "2023-11-14T22:15:00"),
        ("refund.updated", "succeeded", "approved", "2023-11-14T22:15:00"),
        ("refund.failed", "failed", "declined", "2023-11-14T22:21:40"),
        ("refund.updated", "canceled", "voided", "2023-11-14T22:21:40"),
    ] {
        let found = item(Dialect::Stripe, &event(kind, &back(status)));
        assert_eq!((&found["operation"], &found["refundOf"]), (&json!("refund"), &json!("ch_1")), "{kind}");
        assert_eq!((&found["status"], &found["amount"]), (&json!(ours), &json!("5")), "{kind}");
        assert!(found["occurredAt"].as_str().unwrap().starts_with(at), "{kind} {}", found["occurredAt"]);
    }
    let disputed = |status: &str, moves: usize| {
        json!({
            "id": "dp_1", "amount": 1999, "charge": "ch_1", "currency": "usd", "created": 1_700_000_100,
            "status": status, "reason": "fraudulent", "balance_transactions": vec![json!({}); moves],
        })
    };
    for (kind, status, moves, ours) in [
        ("created", "warning_needs_response", 0, "initiated"),
        ("created", "needs_response", 0, "initiated"),
        ("created", "needs_response", 1, "approved"),
        ("funds_withdrawn", "needs_response", 1, "approved"),
        ("closed", "lost", 1, "approved"),
        ("closed", "won", 2, "voided"),
        ("closed", "warning_closed", 0, "voided"),
        ("funds_reinstated", "under_review", 2, "voided"),
    ] {
        let kind = format!("charge.dispute.{kind}");
        let found = item(Dialect::Stripe, &event(&kind, &disputed(status, moves)));
        assert_eq!((&found["operation"], &found["status"]), (&json!("chargeback"), &json!(ours)), "{kind}");
    }
    for other in ["customer.created", "charge.dispute.updated", "invoice.paid", "payment_intent.created"] {
        assert_eq!(read(Dialect::Stripe, &event(other, &charge())).unwrap(), Reading::Ignored(other.into()));
    }
    for (kind, object) in [("charge.succeeded", json!({ "id": "ch_1" })), ("refund.created", json!({}))] {
        assert_eq!(read(Dialect::Stripe, &event(kind, &object)).unwrap_err()[0].code, "required");
    }
}

#[test]
fn standard_webhooks_carry_our_own_item_as_it_is() {
    let body = r#"{"type":"transaction.approved","data":{"amount":0.10, "amount":1}}"#;
    let context = Context { now: NOW, country: None, entrypoint_country: None };
    let place = Place { currency: "USD", context };
    let read = |body: &str| Dialect::Standard.read(body.as_bytes(), place);
    assert_eq!(read(body).unwrap(), Reading::Items(vec![r#"{"amount":0.10, "amount":1}"#.into()]));
    // The time of the event is that of an item without its own.
    let at = |data: &str| {
        format!(r#"{{"type":"transaction.voided","timestamp":"2026-03-01T10:00:00Z","data":{data}}}"#)
    };
    let timed = r#"{"occurredAt":"2026-03-01T10:00:00Z","amount":1}"#;
    assert_eq!(read(&at(r#"{"amount":1}"#)).unwrap(), Reading::Items(vec![timed.into()]));
    for own in [r#"{"occurredAt":null}"#, r#"{"occurredAt":"2026-02-01T10:00:00Z"}"#] {
        assert_eq!(read(&at(own)).unwrap(), Reading::Items(vec![own.into()]));
    }
    assert_eq!(read(r#"{"type":"user.created"}"#).unwrap(), Reading::Ignored("user.created".into()));
    assert_eq!(read(r#"{"type":"transaction"}"#).unwrap_err()[0].code, "required");
    assert_eq!(read(r#"{"data":{}}"#).unwrap_err()[0].code, "required");
}

//! Rules of members that the handlers' types do not tell: which are always there, which words and forms they take.

use serde_json::{Map, Value, json};
use strum::VariantArray as _;

use crate::domain::customers::history::Operation;
use crate::domain::customers::record::Status;
use crate::domain::decide::events::EventKind;

/// The members of answers that are absent at times; all others are always there, and null where there is nothing to say.
const OPTIONAL: [(&str, &[&str]); 10] = [
    ("ItemOut", &["index", "line", "candidates", "refundOfUnknown"]),
    (
        "AddressOut",
        &[
            "name", "company", "address", "address1", "address2", "city", "district", "state", "zip",
            "country", "phone", "note",
        ],
    ),
    ("ErrorBody", &["errorType", "errorMessage"]),
    ("ProblemOut", &["pointer", "parameter", "header", "line"]),
    ("Made", &["entry"]),
    // An address to pay at is told once.
    ("PaymentRequestOut", &["url"]),
    ("MethodLinkOut", &["url"]),
    ("PayLinkOut", &["paymentUrl"]),
    ("OrderOut", &["paymentUrl"]),
    ("SummaryOut", &["totalIsExact"]),
];

/// Completes the schemas.
pub(super) fn complete(schemas: &mut Map<String, Value>) {
    for (name, schema) in &mut *schemas {
        // Requests may leave out what they like.
        let filters = [super::filters::NAME, super::filters::OF_TRANSACTIONS];
        let is_answer = !name.ends_with("In") && name != "FileForm" && !filters.contains(&name.as_str());
        if is_answer {
            let optional =
                OPTIONAL.iter().find(|(known, _)| known == name).map_or(&[][..], |(_, names)| names);
            require(schema, optional);
        }
    }
    for (place, rules) in rules() {
        let member = place
            .split_once('.')
            .and_then(|(schema, member)| schemas.get_mut(schema)?.get_mut("properties")?.get_mut(member));
        if let (Some(Value::Object(member)), Value::Object(rules)) = (member, rules) {
            member.extend(rules);
        }
    }
}

/// Requires every member of an object, also of an object that is made of several.
fn require(schema: &mut Value, optional: &[&str]) {
    let Value::Object(schema) = schema else { return };
    for part in schema.get_mut("allOf").and_then(Value::as_array_mut).into_iter().flatten() {
        require(part, optional);
    }
    let Some(Value::Object(properties)) = schema.get("properties") else { return };
    let names: Vec<Value> = properties
        .keys()
        .filter(|name| !optional.contains(&name.as_str()))
        .map(|name| name.as_str().into())
        .collect();
    schema.insert("required".into(), names.into());
}

/// Further members of the schemas of single members.
fn rules() -> Vec<(&'static str, Value)> {
    let codes: Vec<Value> = Status::VARIANTS.iter().map(|status| status.code().into()).collect();
    let codes_or_null = [codes.as_slice(), &[Value::Null]].concat();
    let settable: Vec<&Value> = codes_or_null.iter().filter(|code| **code != -99).collect();
    let events = EventKind::VARIANTS.iter().map(|kind| kind.name());
    let operations: Vec<&str> =
        Operation::VARIANTS.iter().map(|operation| operation.name()).chain(events).collect();
    let money = json!({"type": "number", "format": "double"});
    let entries = json!({
        "oneOf": [
            {"type": "string", "const": "*", "description": "All of the organisation."},
            {"type": "array", "items": {"type": "string"}, "description": "The listed entrypoints."},
        ]
    });
    vec![
        ("CustomerOut.customerStatus", json!({"enum": codes_or_null})),
        ("CustomerIn.customerStatus", json!({"enum": settable})),
        ("CustomerIn.email", json!({"format": "idn-email"})),
        ("CustomerIn.birthday", json!({"format": "date"})),
        ("CustomerIn.createdAt", json!({"format": "date-time"})),
        ("CustomerSummaryOut.TotalAmountTransactions", money.clone()),
        ("CustomerSummaryOut.TotalNetAmountTransactions", money.clone()),
        ("SummaryOut.totalAmount", money.clone()),
        ("SummaryOut.totalNetAmount", money),
        ("ChannelOut.status", json!({"enum": [-1, 0, 1]})),
        ("EntryOut.operation", json!({"enum": operations})),
        (
            "MatchData.outcome",
            json!({"enum": ["created", "matched", "replaced", "merged", "forced", "conflict"]}),
        ),
        ("ImportData.state", json!({"enum": ["finished", "cancelled", "failed"]})),
        ("RotationOut.state", json!({"enum": ["running", "finished"]})),
        ("RotationOut.phase", json!({"enum": ["customers", "outcomes", "check", "finished"]})),
        ("RotationOut.startedAt", json!({"format": "date-time"})),
        ("RotationOut.endedAt", json!({"format": "date-time"})),
        ("KeyOut.createdAt", json!({"format": "date-time"})),
        ("AccessTokenOut.token_type", json!({"const": "Bearer"})),
        ("TokenIn.expiresInDays", json!({"default": 365})),
        ("TokenIn.entries", entries.clone()),
        ("TokenOut.entries", entries.clone()),
        ("TokenOut.jti", json!({"format": "uuid"})),
        ("MemberIn.entries", entries.clone()),
        ("MemberOut.entries", entries),
    ]
}

//! What the document says about parameters beside their names: defaults, words they take, and an example each. Swagger UI
//! sends the first example as it stands, so each must leave the request valid.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{filters, reference};

/// Completes the parameters of an operation.
pub(super) fn complete(operation: &mut Map<String, Value>) {
    let id = operation.get("operationId").and_then(Value::as_str).unwrap_or_default().to_owned();
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten().filter_map(Value::as_object_mut) {
        let name = parameter.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        if name == "parameters" {
            make_filters(&id, parameter);
        }
        if let Some(Value::Object(schema)) = parameter.get_mut("schema")
            && let Value::Object(rules) = rules(&id, &name)
        {
            schema.extend(rules);
        }
        let (member, value) = example(&id, &name);
        parameter.insert(member.into(), value);
    }
}

/// Makes the filters an object, which clients send as `parameters[field(op)]=value`.
fn make_filters(id: &str, parameter: &mut Map<String, Value>) {
    const DESCRIPTION: &str = "Filters, each as `parameters[field(op)]=value`. A filter may also stand as a parameter of its \
        own, `field(op)=value`, and all together as one JSON object: `parameters={\"field(op)\": \"value\"}`";
    parameter.insert("description".into(), DESCRIPTION.into());
    parameter.insert("style".into(), "deepObject".into());
    parameter.insert("explode".into(), true.into());
    parameter.insert(
        "schema".into(),
        reference("schemas", if is_of_transactions(id) { filters::OF_TRANSACTIONS } else { filters::NAME }),
    );
}

/// Whether an operation lists transactions.
fn is_of_transactions(id: &str) -> bool {
    id.ends_with("_transactions")
}

/// Further members of the schema of a parameter.
fn rules(id: &str, name: &str) -> Value {
    match name {
        "entry" => json!({"minLength": 1, "maxLength": 50, "pattern": "^[A-Za-z0-9_-]+$"}),
        "fromRecord" | "replaceExisting" | "mergeExisting" => json!({"default": 0}),
        "limitRecord" if id.starts_with("export") => json!({"default": 0}),
        "limitRecord" => json!({"default": 20}),
        "onUnknownCustomer" if id.contains("subscription") => {
            json!({"enum": ["refuse", "create"], "default": "refuse"})
        }
        "forceCustomerCreation" | "erase" | "cancelOpen" | "revokeTokens" | "again" | "dryRun" | "async" => {
            json!({"default": false})
        }
        "unknownColumns" => json!({"enum": ["refuse", "ignore", "additional"], "default": "refuse"}),
        "onBadValue" => json!({"enum": ["reject", "blank"], "default": "reject"}),
        "onError" => json!({"enum": ["skip", "stop"], "default": "skip"}),
        "onUnknownCustomer" => json!({"enum": ["refuse", "unlinked", "create"], "default": "unlinked"}),
        "delimiter" => json!({"enum": ["comma", "semicolon", "tab", "pipe"]}),
        "idempotencyKey" => json!({"maxLength": 255}),
        _ => json!({}),
    }
}

/// Whether an operation of a customer is about what hangs on it.
fn hangs_on_a_customer(id: &str) -> bool {
    [
        "address",
        "reference",
        "comment",
        "method",
        "transaction",
        "statistic",
        "invit",
        "coupon",
        "order",
        "charge",
        "payment",
    ]
    .iter()
    .any(|part| id.contains(part))
}

/// The example of a parameter: `example`, or `examples` of which the first stands for a request without the parameter.
#[expect(clippy::too_many_lines, reason = "a table with a line for each parameter")]
fn example(id: &str, name: &str) -> (&'static str, Value) {
    let one = |value| ("example", value);
    let version = "\"12-0123456789abcdef\"";
    match name {
        "entry" => one(json!("demo")),
        // Read from the top, the page makes customer 1, asks for consent (mail 1) and deletes it, rehearses an import (job
        // 1), commits it (job 2, customer 2), hangs things on that customer, rehearses an import of transactions (job 3),
        // labels it (job 4), renames the label (job 5), invites (job 6, mail 2), and revokes the token that it made. The
        // first address of a list has the id 3.
        "jobId" if id.contains("label") => one(json!(4)),
        "jobId" if id.contains("invite") => one(json!(6)),
        "customerId" if id.contains("subscriptions") || id.contains("invoices") => one(json!(2)),
        "customerId" if hangs_on_a_customer(id) => one(json!(2)),
        "mailId" | "cardExpirationFormat" => one(json!(2)),
        "customerId" | "orgId" | "jobId" | "commentId" | "secretId" | "amount" => one(json!(1)),
        "addressId" => one(json!(3)),
        // Only an answer tells them.
        "methodId" | "transId" | "redemptionId" | "productId" | "orderId" | "paymentRequestId" | "linkId" => {
            one(json!("1-01a2249aa0d30000000000000275a3ae"))
        }
        "memberId" => one(json!("staff-1e6c0a52-7a3f-4a0e-9d51-2f4be9d01c66")),
        "member" => either(&json!(""), &json!("staff-1e6c0a52-7a3f-4a0e-9d51-2f4be9d01c66")),
        "before" => either(&json!(""), &json!("9007.1772359200000000.0123456789abcdef0123456789abcdef")),
        "system" => one(json!("shop")),
        // The first subscription gets the id after that of the last customer before it.
        "subscriptionId" => one(json!(4)),
        "target" if id == "create_invoice" => one(json!("demo")),
        "target" if id == "create_reusable_payment_request" => one(json!("demo")),
        "target" if id == "get_payment_request" || id == "delete_pay_link" => {
            one(json!("1-01a2249aa0d30000000000000275a3ae"))
        }
        "target" => one(json!("1007")),
        "invoiceId" => one(json!(1007)),
        "status" if id.contains("invoice") => either(&json!(""), &json!("open")),
        "kind" if id == "list_activity" => either(&json!(""), &json!("settings")),
        "kind" => either(&json!(""), &json!("invoice")),
        "invoiceNumber" => either(&json!(""), &json!("INV-2026-0001")),
        "invoiceDate" | "dueDate" | "createdAt" => either(&json!(""), &json!("2026-03-01")),
        "totalAmount" => either(&json!(""), &json!("19.99")),
        "mail2" => either(&json!(""), &json!("ada.roe@example.test")),
        "source" => one(json!("billing")),
        "onUnknownCustomer" if id.contains("subscription") => one(json!("refuse")),
        "externalId" if id.contains("subscription") => one(json!("sub-1")),
        // One that was redeemed cannot be deleted.
        "code" if id == "delete_coupon" => one(json!("WELCOME-2")),
        "code" => one(json!("SPRING-10")),
        "status" if id == "list_orders" => either(&json!(""), &json!("completed")),
        "status" if id == "list_payment_requests" => either(&json!(""), &json!("NEW")),
        "status" if id.contains("coupon") => either(&json!(""), &json!("online")),
        "status" => either(&json!(""), &json!("running")),
        "nextDate" => either(&json!(""), &json!("2026-04-01")),
        "externalId" => one(json!("S-2001")),
        "label" => one(json!("oakton")),
        "attachfile" | "amountFixed" | "active" | "dryRun" => one(json!(true)),
        "jti" => one(json!("web shop")),
        "format" => one(json!("csv")),
        "limitRecord" if id.starts_with("export") => one(json!(1000)),
        "limitRecord" => one(json!(20)),
        "totalUpTo" => one(json!(1000)),
        "fromRecord" | "replaceExisting" | "mergeExisting" => one(json!(0)),
        "forceCustomerCreation"
        | "overdue"
        | "erase"
        | "cancelOpen"
        | "revokeTokens"
        | "again"
        | "async"
        | "achValidation"
        | "includeDetails"
        | "createAnonymous"
        | "temporary"
        | "includeTemporary" => one(json!(false)),
        "mode" => one(json!("m12")),
        "freq" => one(json!("m")),
        "sortBy" if is_of_transactions(id) => one(json!("desc(transactionDate)")),
        "columnsExport" if is_of_transactions(id) => {
            one(json!("transId,transactionDate,status,totalAmount:Amount"))
        }
        "parameters" if is_of_transactions(id) => {
            either(&json!({}), &json!({"status(in)": "1|6", "transactionDate(ge)": "2026-01-01"}))
        }
        "sortBy" if id.contains("invoice") => either(&json!(""), &json!("desc(invoiceDate)")),
        "sortBy" if id.contains("request") || id.contains("link") => {
            either(&json!(""), &json!("desc(expiresAt)"))
        }
        "sortBy" if id.contains("order") => either(&json!(""), &json!("desc(total)")),
        "sortBy" if id.starts_with("export") => one(json!("asc(customerId)")),
        "sortBy" => one(json!("desc(customerId)")),
        "columnsExport" => one(json!("customerNumber,Firstname,Lastname,Email:Mail")),
        "unknownColumns" => one(json!("refuse")),
        "onBadValue" => one(json!("reject")),
        "onError" => one(json!("skip")),
        "onUnknownCustomer" => one(json!("unlinked")),
        "delimiter" => one(json!("comma")),
        "encoding" => one(json!("utf-8")),
        "dateFormat" => one(json!("DD-MM-YYYY")),
        "outcome" if id.contains("invite") => one(json!("noEmail")),
        "outcome" if id.contains("label") => one(json!("tooMany")),
        "outcome" => one(json!("rejected")),
        "state" => one(json!("sent")),
        "parameters" => either(&json!({}), &json!({"email(ct)": "example", "createdDate(ge)": "2026-01-01"})),
        "map" => either(&json!([]), &json!(["Reference ID:customerNumber", "Comment:-"])),
        "search" => either(&json!(""), &json!("ada roe")),
        "identifierFields" => either(&json!(""), &json!("firstname,lastname,birthday")),
        "pageIdentifier" => either(&json!(""), &json!("mC5x…")),
        "If-Match" => one(json!("*")),
        "If-None-Match" => either(&json!(""), &json!(version)),
        _ => either(&json!(""), &json!("order-17")),
    }
}

/// Two examples: without the parameter, and with a value.
fn either(none: &Value, some: &Value) -> (&'static str, Value) {
    (
        "examples",
        json!({"0": {"summary": "Without", "value": none}, "1": {"summary": "With a value", "value": some}}),
    )
}

/// Moves the parameters that several operations have into components, and returns these.
pub(super) fn share(paths: &mut Map<String, Value>) -> Map<String, Value> {
    let mut uses: BTreeMap<String, usize> = BTreeMap::new();
    each(paths, |_, parameter| *uses.entry(parameter.to_string()).or_default() += 1);
    let mut shared: Map<String, Value> = Map::new();
    each(paths, |tag, parameter| {
        if uses.get(&parameter.to_string()).copied().unwrap_or(0) < 2 {
            return;
        }
        // Some names mean something of each subject, such as `jobId`.
        let own = component(parameter.get("name").and_then(Value::as_str).unwrap_or_default());
        // Names of components have no blanks.
        let names = [own.clone(), format!("{}{own}", tag.replace(' ', ""))];
        let free = |name: &&String| shared.get(*name).is_none_or(|other| other == parameter);
        if let Some(name) = names.iter().find(free) {
            let known = shared.entry(name.clone()).or_insert_with(|| parameter.clone());
            debug_assert_eq!(known, parameter);
            *parameter = reference("parameters", name);
        }
    });
    shared
}

/// Calls `action` with the tag of each operation and each of its parameters.
fn each(paths: &mut Map<String, Value>, mut action: impl FnMut(&str, &mut Value)) {
    let items = paths.values_mut().filter_map(Value::as_object_mut).flat_map(Map::values_mut);
    for operation in items.filter_map(Value::as_object_mut) {
        let tag = operation.get("tags").and_then(|tags| tags.get(0)).and_then(Value::as_str);
        let tag = tag.unwrap_or_default().to_owned();
        let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
        parameters.into_iter().flatten().for_each(|parameter| action(&tag, parameter));
    }
}

/// `idempotencyKey` as `IdempotencyKey`, `If-Match` as `IfMatch`.
fn component(name: &str) -> String {
    let words = name.split('-').map(|word| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    });
    words.collect()
}

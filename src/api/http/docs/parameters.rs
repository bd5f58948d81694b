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
            make_filters(parameter);
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
fn make_filters(parameter: &mut Map<String, Value>) {
    const DESCRIPTION: &str = "Filters, each as `parameters[field(op)]=value`. A filter may also stand as a parameter of its \
        own, `field(op)=value`, and all together as one JSON object: `parameters={\"field(op)\": \"value\"}`";
    parameter.insert("description".into(), DESCRIPTION.into());
    parameter.insert("style".into(), "deepObject".into());
    parameter.insert("explode".into(), true.into());
    parameter.insert("schema".into(), reference("schemas", filters::NAME));
}

/// Further members of the schema of a parameter.
fn rules(id: &str, name: &str) -> Value {
    match name {
        "entry" => json!({"minLength": 1, "maxLength": 50, "pattern": "^[A-Za-z0-9_-]+$"}),
        "fromRecord" | "replaceExisting" | "mergeExisting" => json!({"default": 0}),
        "limitRecord" if id.starts_with("export") => json!({"default": 0}),
        "limitRecord" => json!({"default": 20}),
        "forceCustomerCreation" | "erase" | "again" | "dryRun" | "async" => json!({"default": false}),
        "unknownColumns" => json!({"enum": ["refuse", "ignore", "additional"], "default": "refuse"}),
        "onBadValue" => json!({"enum": ["reject", "blank"], "default": "reject"}),
        "onError" => json!({"enum": ["skip", "stop"], "default": "skip"}),
        "delimiter" => json!({"enum": ["comma", "semicolon", "tab", "pipe"]}),
        "idempotencyKey" => json!({"maxLength": 255}),
        _ => json!({}),
    }
}

/// The example of a parameter: `example`, or `examples` of which the first stands for a request without the parameter.
fn example(id: &str, name: &str) -> (&'static str, Value) {
    let one = |value| ("example", value);
    let version = "\"12-0123456789abcdef\"";
    match name {
        "entry" => one(json!("demo")),
        "customerId" | "orgId" | "jobId" | "mailId" => one(json!(1)),
        "jti" => one(json!("0d5e7a3c-9b1f-4c62-8a57-2f4be9d01c66")),
        "format" => one(json!("csv")),
        "limitRecord" if id.starts_with("export") => one(json!(1000)),
        "limitRecord" => one(json!(20)),
        "fromRecord" | "replaceExisting" | "mergeExisting" => one(json!(0)),
        "forceCustomerCreation" | "erase" | "again" | "dryRun" | "async" => one(json!(false)),
        "sortBy" if id.starts_with("export") => one(json!("asc(customerId)")),
        "sortBy" => one(json!("desc(customerId)")),
        "columnsExport" => one(json!("customerNumber,Firstname,Lastname,Email:Mail")),
        "unknownColumns" => one(json!("refuse")),
        "onBadValue" => one(json!("reject")),
        "onError" => one(json!("skip")),
        "delimiter" => one(json!("comma")),
        "encoding" => one(json!("utf-8")),
        "dateFormat" => one(json!("DD-MM-YYYY")),
        "outcome" if id.contains("invite") => one(json!("noEmail")),
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
        let names = [own.clone(), format!("{tag}{own}")];
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

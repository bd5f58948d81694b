//! The errors that operations share, and the headers of all answers.

use serde_json::{Map, Value, json};

use super::{example, reference};

/// An error as a component that operations refer to.
struct Shared {
    name: &'static str,
    status: &'static str,
    description: &'static str,
    /// The headers beside those of every answer.
    headers: &'static [&'static str],
}

const fn shared_error(name: &'static str, status: &'static str, description: &'static str) -> Shared {
    Shared { name, status, description, headers: &[] }
}

const SHARED: [Shared; 15] = [
    shared_error("Invalid", "400", "The request is wrong; `errors` lists every problem with its place"),
    Shared {
        headers: &["WWW-Authenticate"],
        ..shared_error(
            "Unauthorized",
            "401",
            "The token is missing, malformed, expired, revoked or wrongly signed",
        )
    },
    shared_error(
        "Forbidden",
        "403",
        "The token lacks a scope; the answer names it, and the command that makes such a token",
    ),
    shared_error("NotFound", "404", "There is no such record, or the token may not see it"),
    Shared {
        headers: &["Retry-After"],
        ..shared_error(
            "Conflict",
            "409",
            "The request is in conflict with an existing customer, or with the record's state",
        )
    },
    shared_error("PreconditionFailed", "412", "`If-Match` does not name the current version"),
    shared_error("FileTooLarge", "413", "The file is larger than this service takes"),
    shared_error("BodyTooLarge", "413", "The body has more than 1 MiB"),
    shared_error("NotAFile", "415", "The body is neither a form nor a file"),
    shared_error("NotJson", "415", "The body is not JSON in UTF-8"),
    shared_error("KeyReused", "422", "The idempotency key was used for another request"),
    Shared {
        headers: &["Retry-After"],
        ..shared_error(
            "TooManyRequests",
            "429",
            "The token's or client's limit is reached; come back after `Retry-After`",
        )
    },
    shared_error("Defect", "500", "A defect of the service, logged under `requestId`"),
    Shared {
        headers: &["Retry-After"],
        ..shared_error(
            "Unavailable",
            "503",
            "The database is away or too much is waiting; come back after `Retry-After`",
        )
    },
    Shared {
        headers: &["Retry-After"],
        ..shared_error(
            "StillRunning",
            "409",
            "The import that first used this idempotency key is still running",
        )
    },
];

/// How the names of lists with a `Link` to the next page end.
const LISTS: [&str; 10] = [
    "customers",
    "transactions",
    "subscriptions",
    "invoices",
    "coupons",
    "redemptions",
    "products",
    "orders",
    "requests",
    "links",
];

/// The headers, with their descriptions and examples.
const HEADERS: [(&str, &str, &str); 10] = [
    (
        "X-Request-Id",
        "The id of the request, also in the service's log",
        "0d5e7a3c-9b1f-4c62-8a57-2f4be9d01c66",
    ),
    ("ETag", "The version of the record, for `If-Match` and `If-None-Match`", "\"12-0123456789abcdef\""),
    ("Location", "Where the job is", "/api/Import/jobs/demo/1"),
    ("Link", "The next page, if there is one", "</api/Query/customers/demo?pageIdentifier=…>; rel=\"next\""),
    ("Content-Disposition", "The name of the file", "attachment; filename=\"customers.csv\""),
    (
        "Idempotent-Replayed",
        "`true` where an earlier request with this idempotency key had this answer",
        "true",
    ),
    ("Retry-After", "How many seconds to wait", "1"),
    (
        "RateLimit-Policy",
        "The request limit of the token, if it has one: requests (q) in a window (w) of seconds",
        "\"minute\";q=600;w=60",
    ),
    (
        "RateLimit",
        "What is left of that limit: requests (r), and seconds (t) until all are allowed again; on a 429, until one is",
        "\"minute\";r=599;t=1",
    ),
    ("WWW-Authenticate", "The authentication scheme", "Bearer"),
];

/// The components of headers that operations use.
pub(super) fn headers() -> Value {
    let all = HEADERS.iter().map(|(name, description, example)| {
        let schema =
            if *name == "Retry-After" { json!({"type": "integer"}) } else { json!({"type": "string"}) };
        let example = example.parse::<i64>().map_or_else(|_| json!(example), |number| json!(number));
        (component(name), json!({"description": description, "schema": schema, "example": example}))
    });
    Value::Object(all.collect())
}

/// The components of errors.
pub(super) fn shared() -> Value {
    let all = SHARED.iter().map(|error| {
        let mut content = json!({"schema": reference("schemas", "ErrorBody")});
        if let (Value::Object(content), Some(example)) = (&mut content, example("errors", error.status)) {
            content.insert("example".into(), example);
        }
        let is_limited = !matches!(error.name, "Unauthorized");
        let names = error.headers.iter().copied().chain(of_every_answer(is_limited));
        let response = json!({
            "description": error.description,
            "headers": references(names),
            "content": {"application/json": content},
        });
        (error.name.to_owned(), response)
    });
    Value::Object(all.collect())
}

/// Adds the errors of an operation and the headers of its answers.
pub(super) fn complete(path: &str, operation: &mut Map<String, Value>) {
    let security = operation.get("security").and_then(Value::as_array);
    // A requirement of nothing makes a token optional.
    let is_optional = security.is_some_and(|ways| ways.contains(&json!({})));
    let is_public = is_optional || security.is_some_and(Vec::is_empty);
    let mut errors = errors_of(path, operation, is_public);
    if is_optional {
        errors.push("Unauthorized");
    }
    let is_keyed = takes_header(operation, "idempotencyKey");
    let id = operation.get("operationId").and_then(Value::as_str).unwrap_or_default().to_owned();
    let Some(Value::Object(responses)) = operation.get_mut("responses") else { return };
    for (status, response) in &mut *responses {
        let Value::Object(response) = response else { continue };
        let media = response.get("content").and_then(Value::as_object);
        let is_file = media.is_some_and(|media| media.contains_key("text/csv"));
        let names = [
            (has_etag(&id), "ETag"),
            (status == "202", "Location"),
            (id.starts_with("list_") && LISTS.iter().any(|end| id.ends_with(end)), "Link"),
            (is_file, "Content-Disposition"),
            (is_keyed, "Idempotent-Replayed"),
        ];
        let names = names.into_iter().filter_map(|(applies, name)| applies.then_some(name));
        response.insert("headers".into(), references(names.chain(of_every_answer(!is_public))));
    }
    for name in errors {
        if let Some(error) = SHARED.iter().find(|error| error.name == name) {
            let answer = responses.entry(error.status);
            answer.or_insert_with(|| reference("responses", error.name));
        }
    }
}

/// Whether the answers of an operation carry the version of a record.
fn has_etag(id: &str) -> bool {
    let changes = ["create", "get", "update", "archive", "unarchive", "delete"];
    id == "request_consent"
        || id == "get_subscription"
        || id == "get_invoice"
        || id == "get_order"
        || id == "get_charge"
        || id == "get_staff"
        || id == "get_payment_request"
        || id == "put_subscription"
        || id
            .strip_suffix("_coupon")
            .or_else(|| id.strip_suffix("_product"))
            .is_some_and(|verb| ["create", "get", "update"].contains(&verb))
        || id.strip_suffix("_customer").is_some_and(|verb| changes.contains(&verb))
}

fn of_every_answer(is_limited: bool) -> impl Iterator<Item = &'static str> {
    let limits: &[&str] = if is_limited { &["RateLimit-Policy", "RateLimit"] } else { &[] };
    ["X-Request-Id"].into_iter().chain(limits.iter().copied())
}

fn references(names: impl Iterator<Item = &'static str>) -> Value {
    Value::Object(names.map(|name| (name.to_owned(), reference("headers", &component(name)))).collect())
}

/// The name of a header's component: without hyphens.
fn component(name: &str) -> String {
    name.replace('-', "")
}

fn takes_header(operation: &Map<String, Value>, wanted: &str) -> bool {
    let parameters = operation.get("parameters").and_then(Value::as_array);
    parameters.into_iter().flatten().any(|parameter| {
        parameter.get("in").is_some_and(|place| place == "header")
            && parameter.get("name").is_some_and(|name| name == wanted)
    })
}

/// The names of the errors of an operation.
fn errors_of(path: &str, operation: &Map<String, Value>, is_public: bool) -> Vec<&'static str> {
    if path.starts_with("/health/live") || path == "/metrics" {
        return vec!["Invalid"];
    }
    if path.starts_with("/health") {
        return vec!["Invalid", "Unavailable"];
    }
    let is_keyed = takes_header(operation, "idempotencyKey");
    let content = operation.get("requestBody").and_then(|body| body.get("content"));
    let takes_file = content.is_some_and(|content| content.get("text/csv").is_some());
    let takes_json = content.is_some() && !takes_file;
    let all = [
        (true, "Invalid"),
        (!is_public, "Unauthorized"),
        (!is_public, "Forbidden"),
        (!is_public, "NotFound"),
        (is_keyed && takes_file, "StillRunning"),
        (is_keyed || path.ends_with("/pdf"), "Conflict"),
        (takes_header(operation, "If-Match"), "PreconditionFailed"),
        (takes_file, "FileTooLarge"),
        (takes_file, "NotAFile"),
        (takes_json, "BodyTooLarge"),
        (takes_json, "NotJson"),
        (is_keyed, "KeyReused"),
        (true, "TooManyRequests"),
        (true, "Defect"),
        (true, "Unavailable"),
    ];
    all.into_iter().filter(|(applies, _)| *applies).map(|(_, name)| name).collect()
}

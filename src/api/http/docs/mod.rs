//! The OpenAPI document: collected from the handlers (`utoipa`) and completed with what all of them have in common.
//!
//! `finish` adds what the route table needs. The rest completes the document as JSON: `answers` the errors and headers,
//! `parameters` their examples and defaults, `schemas` the rules of members, `filters` the filters of lists.

mod answers;
mod filters;
mod ordered;
mod parameters;
mod schemas;
mod swagger;

use std::sync::LazyLock;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};

pub(crate) use self::swagger::{Swagger, get_swagger_file};
use super::static_file::StaticFile;

const DESCRIPTION: &str = "The customer-records service for payment platforms: an atomic get-or-create, everything personal sealed at rest and still found, and the wire format of Payabli's SDKs. \
Press Authorize, paste a request token, and try an operation.\n\n\
Every error, from every route, has one body (`ErrorBody`). `X-Request-Id` is on every response. HEAD works wherever GET does. \
A record or entrypoint that a token may not see answers 404, exactly as one that does not exist.";

/// Where the paths of the API begin. The contract's base URL ends with it, so its paths equal those of the document.
const BASE: &str = "/api";

/// Real answers, recorded by a test.
static EXAMPLES: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../../openapi/examples.json")).unwrap_or_default()
});

/// The document without the handlers.
pub(crate) fn skeleton() -> OpenApi {
    #[derive(utoipa::OpenApi)]
    #[openapi(
        info(title = "Customary", description = DESCRIPTION),
        components(schemas(super::error::ErrorBody)),
        tags(
            (name = "Customers", description = "Create, read, change, delete and match customers; their history"),
            (name = "Queries", description = "Lists of customers"),
            (name = "Imports", description = "Customers from files: rehearsed, resumable, exactly once"),
            (name = "Exports", description = "Customers as CSV files and workbooks"),
            (name = "Addresses and references", description = "A customer's addresses, and what other systems call it"),
            (name = "Comments", description = "What staff write about a customer"),
            (name = "Stored methods", description = "Tokens of payment providers that hang on a customer; never card numbers"),
            (name = "Subscriptions", description = "What customers subscribed to elsewhere, as records"),
            (name = "Invoices", description = "Invoices and credit notes: drafts, numbers without gaps, PDFs, payments"),
            (name = "Transactions", description = "Money that your payment systems moved, and whose it was"),
            (name = "Coupons", description = "What customers pay less, and how often"),
            (name = "Charges", description = "Charges of stored methods by the payment provider, and what is paid back"),
            (name = "Orders", description = "What staff sell to a customer: invoice, payment and coupon in one step"),
            (name = "Payment requests", description = "Links by which people pay, or store a payment method"),
            (name = "Products", description = "A small catalogue, from which orders copy"),
            (name = "Labels", description = "Labels of customers with their counts, and changes to those of many"),
            (name = "Invitations", description = "Customers invited to the portal, one or many"),
            (name = "Mail", description = "Mails to customers, and what became of them"),
            (name = "Settings", description = "Organisations and entrypoints"),
            (name = "Tokens", description = "Request tokens"),
            (name = "Staff", description = "Who looks after the customers, and what each may do"),
            (name = "Health", description = "For load balancers and monitoring")
        )
    )]
    struct Skeleton;
    <Skeleton as utoipa::OpenApi>::openapi()
}

/// Adds the security of all operations.
pub(crate) fn finish(mut document: OpenApi) -> OpenApi {
    let components = document.components.get_or_insert_default();
    components.add_security_scheme(
        "requestToken",
        SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(
            "requestToken",
            "A request token, without the word `Bearer`.",
        ))),
    );
    components.add_security_scheme(
        "bearer",
        SecurityScheme::Http(
            HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .bearer_format("JWT")
                .description(Some("The same token as Authorization: Bearer."))
                .build(),
        ),
    );
    for (path, item) in &mut document.paths.paths {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            secure(path, operation);
        }
    }
    document
}

fn secure(path: &str, operation: &mut Operation) {
    if !path.starts_with(BASE) {
        operation.security = Some(Vec::new());
        return;
    }
    // The exchange takes a token, or credentials in its body; webhooks take a token, or a secret in a header.
    let is_proven = path.contains("serverside") || path.starts_with("/api/Ingest/");
    let without = is_proven.then(SecurityRequirement::default);
    let schemes = ["requestToken", "bearer"];
    let with = schemes.map(|scheme| SecurityRequirement::new(scheme, Vec::<String>::new()));
    operation.security = Some(without.into_iter().chain(with).collect());
}

/// The document as served and committed: pretty JSON with a final newline.
pub(crate) fn text(document: &OpenApi) -> String {
    let mut root = serde_json::to_value(document).unwrap_or_default();
    complete(&mut root);
    ordered::text(&root)
}

fn complete(root: &mut Value) {
    let mut paths = match root.get_mut("paths").map(Value::take) {
        Some(Value::Object(paths)) => paths,
        _ => Map::new(),
    };
    for (path, item) in &mut paths {
        for operation in item.as_object_mut().into_iter().flat_map(Map::values_mut) {
            let Value::Object(operation) = operation else { continue };
            add_examples(operation);
            parameters::complete(operation);
            answers::complete(path, operation);
        }
    }
    let shared = parameters::share(&mut paths);
    let paths: Map<String, Value> = paths.into_iter().map(|(path, item)| under_server(&path, item)).collect();
    let Value::Object(members) = root else { return };
    members.insert("paths".into(), Value::Object(paths));
    members.insert("servers".into(), json!([{"url": BASE, "description": "This service"}]));
    let Some(Value::Object(components)) = members.get_mut("components") else { return };
    components.insert("parameters".into(), Value::Object(shared));
    components.insert("responses".into(), answers::shared());
    components.insert("headers".into(), answers::headers());
    if let Some(Value::Object(schemas)) = components.get_mut("schemas") {
        schemas.insert(filters::NAME.into(), filters::schema());
        schemas.insert(filters::OF_TRANSACTIONS.into(), filters::of_transactions());
        schemas::complete(schemas);
    }
}

/// A path as it follows its server's address.
fn under_server(path: &str, mut item: Value) -> (String, Value) {
    if let Some(rest) = path.strip_prefix(BASE) {
        return (rest.to_owned(), item);
    }
    if let Value::Object(item) = &mut item {
        item.insert("servers".into(), json!([{"url": "/", "description": "This service"}]));
    }
    (path.to_owned(), item)
}

/// A line of a file of JSON lines.
const JSON_LINE: &str = "{\"email\": \"ada.roe@example.test\", \"references\": [{\"system\": \"shop\", \"externalId\": \"order-17\"}], \"methods\": \
    [{\"provider\": \"stripe\", \"providerMethodId\": \"pm_1\", \"method\": \"card\"}], \"comments\": [\"Moved from the old system.\"]}\n";

/// A line of a file of transactions.
const TRANSACTION_LINE: &str = "{\"source\": \"shop\", \"externalId\": \"order-1003\", \"status\": \"approved\", \"amount\": \"12.50\"}\n";

/// Adds the recorded request and answer of an operation.
fn add_examples(operation: &mut Map<String, Value>) {
    let id = operation.get("operationId").and_then(Value::as_str).unwrap_or_default().to_owned();
    if let Some(content) = operation.get_mut("requestBody").and_then(|body| body.get_mut("content")) {
        for (media, content) in content.as_object_mut().into_iter().flatten() {
            let (Value::Object(content), Some(recorded)) = (content, example("requests", &id)) else {
                continue;
            };
            let as_lines =
                |items: &Vec<Value>| items.iter().map(Value::to_string).collect::<Vec<_>>().join("\n") + "\n";
            let lines = recorded.as_array().filter(|_| media == "application/x-ndjson").map(as_lines);
            let (member, value) = match recorded.get("file") {
                None if lines.is_some() => ("example", lines.into()),
                Some(file) if media == "text/csv" => ("example", file.clone()),
                Some(_) if media == "application/x-ndjson" && id == "import_transactions" => {
                    ("example", TRANSACTION_LINE.into())
                }
                Some(_) if media == "application/x-ndjson" => ("example", JSON_LINE.into()),
                // The document holds nobody's credentials; the first example can be sent as it stands.
                _ if id == "exchange_credentials" => (
                    "examples",
                    json!({
                        "0": {"summary": "The token of this request", "value": {"state": "order-17"}},
                        "1": {"summary": "Client credentials", "value": recorded},
                    }),
                ),
                _ => ("example", recorded),
            };
            content.insert(member.into(), value);
        }
    }
    if let Some(Value::Object(responses)) = operation.get_mut("responses") {
        let status = if responses.contains_key("200") { "200" } else { "202" };
        let content = responses.get_mut(status).and_then(|response| response.get_mut("content"));
        for (media, content) in content.and_then(Value::as_object_mut).into_iter().flatten() {
            // The recorded export is CSV; a workbook cannot be shown as text.
            if let (Value::Object(content), Some(example), false) =
                (content, example("answers", &id), media.contains("spreadsheet"))
            {
                content.insert("example".into(), example);
            }
        }
    }
}

/// The recorded answer or request of an operation, or body of an error status.
fn example(kind: &str, id: &str) -> Option<Value> {
    EXAMPLES.pointer(&format!("/{kind}/{id}")).cloned()
}

/// A reference to a component.
fn reference(kind: &str, name: &str) -> Value {
    json!({"$ref": format!("#/components/{kind}/{name}")})
}

/// The OpenAPI document
#[get("/openapi.json")]
pub(crate) async fn get_openapi(request: HttpRequest, text: Data<StaticFile>) -> HttpResponse {
    text.answer(&request).await
}

//! The OpenAPI document: collected from the handlers and completed with the common parts.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpResponse, get};
use serde_json::Value;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder};
use utoipa_swagger_ui::Config;

use super::error::Error;

const DESCRIPTION: &str = "The customer-records service for payment platforms: an atomic get-or-create, everything personal sealed at rest and still found, and the wire format of Payabli's SDKs. \
Press Authorize, paste a request token, and try an operation.\n\n\
Every error, from every route, has one body (`ErrorBody`). `X-Request-Id` is on every response. \
A record or entrypoint that a token may not see answers 404, exactly as one that does not exist.";

/// Real answers, recorded by a test.
static EXAMPLES: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../openapi/examples.json")).unwrap_or_default()
});

/// The document without the handlers.
pub(crate) fn skeleton() -> OpenApi {
    #[derive(utoipa::OpenApi)]
    #[openapi(
        info(title = "Customary", description = DESCRIPTION),
        components(schemas(super::error::ErrorBody)),
        tags(
            (name = "Customers", description = "Create, read, change, delete; who would this hit; what happened"),
            (name = "Queries", description = "Lists of customers"),
            (name = "Invitations", description = "Customers invited to the portal, one or many"),
            (name = "Mail", description = "Mails to customers, and what became of them"),
            (name = "Imports", description = "Customers from files: rehearsed, resumable, exactly once"),
            (name = "Exports", description = "Customers as CSV files and workbooks"),
            (name = "Settings", description = "Organisations and entrypoints"),
            (name = "Tokens", description = "Request tokens"),
            (name = "Health", description = "For load balancers and monitoring")
        )
    )]
    struct Skeleton;
    <Skeleton as utoipa::OpenApi>::openapi()
}

/// Adds the common parts of all operations: security, errors, headers, examples.
pub(crate) fn finish(mut document: OpenApi) -> OpenApi {
    let components = document.components.get_or_insert_default();
    components.add_security_scheme(
        "requestToken",
        SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(
            "requestToken",
            "A request token, bare.",
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
            finish_operation(path, operation);
        }
    }
    document
}

fn finish_operation(path: &str, operation: &mut Operation) {
    let is_public = !path.starts_with("/api/") || path.contains("serverside");
    operation.security = Some(if is_public {
        Vec::new()
    } else {
        vec![
            SecurityRequirement::new("requestToken", Vec::<String>::new()),
            SecurityRequirement::new("bearer", Vec::<String>::new()),
        ]
    });
    let id = operation.operation_id.clone().unwrap_or_default();
    let responses = &mut operation.responses.responses;
    let success = if responses.contains_key("200") { "200" } else { "202" };
    if let Some(RefOr::T(response)) = responses.get_mut(success)
        && let Some(RefOr::T(content)) = response.content.values_mut().next()
        && let Some(example) = example("answers", &id)
    {
        content.example = Some(example);
    }
    if let Some(RefOr::T(body)) = &mut operation.request_body
        && let Some(RefOr::T(content)) = body.content.values_mut().next()
        && let Some(example) = example("requests", &id)
    {
        content.example = Some(example);
    }
    for status in errors_of(path, operation, is_public) {
        operation
            .responses
            .responses
            .entry(status.0.to_owned())
            .or_insert_with(|| RefOr::T(error(status.0, status.1)));
    }
}

/// The errors of an operation, with their descriptions.
fn errors_of(path: &str, operation: &Operation, is_public: bool) -> Vec<(&'static str, &'static str)> {
    let unavailable = ("503", "The database is away or too much is waiting; come back after `Retry-After`");
    let invalid = ("400", "The request is wrong; `errors` lists every problem with its place");
    if path.starts_with("/health/live") || path == "/metrics" {
        return vec![invalid];
    }
    if path.starts_with("/health") {
        return vec![invalid, unavailable];
    }
    let headers: Vec<&str> = operation
        .parameters
        .iter()
        .flatten()
        .filter_map(|parameter| match parameter {
            RefOr::T(parameter) if matches!(parameter.parameter_in, ParameterIn::Header) => {
                Some(parameter.name.as_str())
            }
            _ => None,
        })
        .collect();
    let is_keyed = headers.contains(&"idempotencyKey");
    let body = operation.request_body.as_ref();
    let takes_file = matches!(body, Some(RefOr::T(body)) if body.content.contains_key("text/csv"));
    let takes_json = body.is_some() && !takes_file;
    let all = [
        (true, invalid),
        (!is_public, ("401", "The token is missing, malformed, expired, revoked or wrongly signed")),
        (!is_public, ("403", "The token lacks a scope")),
        (!is_public, ("404", "There is no such record, or the token may not see it")),
        (
            is_keyed,
            ("409", "The request is in conflict with an existing customer, or with the record's state"),
        ),
        (headers.contains(&"If-Match"), ("412", "`If-Match` does not name the current version")),
        (takes_file, ("413", "The file is larger than this service takes")),
        (takes_file, ("415", "The body is neither a form nor a file")),
        (takes_json, ("413", "The body has more than 1 MiB")),
        (takes_json, ("415", "The body is not JSON in UTF-8")),
        (is_keyed, ("422", "The idempotency key was used for another request")),
        (true, ("429", "The token's or client's limit is reached; come back after `Retry-After`")),
        (true, ("500", "A defect of the service, logged under `requestId`")),
        (true, unavailable),
    ];
    all.into_iter().filter(|(applies, _)| *applies).map(|(_, error)| error).collect()
}

fn error(status: &str, description: &str) -> Response {
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("ErrorBody")))
        .example(example("errors", status))
        .build();
    ResponseBuilder::new().description(description).content("application/json", content).build()
}

/// The recorded answer or request of an operation, or body of an error status.
fn example(kind: &str, id: &str) -> Option<Value> {
    EXAMPLES.pointer(&format!("/{kind}/{id}")).cloned()
}

/// The document as text.
#[derive(Debug)]
pub(crate) struct DocumentText(pub Bytes);

/// The OpenAPI document
#[get("/openapi.json")]
pub(crate) async fn get_openapi(text: Data<DocumentText>) -> HttpResponse {
    HttpResponse::Ok().insert_header((CONTENT_TYPE, "application/json")).body(text.0.clone())
}

/// The settings of Swagger UI.
pub(crate) struct Swagger(Arc<Config<'static>>);

impl Default for Swagger {
    fn default() -> Swagger {
        let config = Config::from("/openapi.json").persist_authorization(true).display_request_duration(true);
        Swagger(Arc::new(config))
    }
}

/// A file of Swagger UI. The files are part of the program, and no answer has a copy of its own.
#[get("/swagger-ui/{file:.*}")]
pub(crate) async fn get_swagger_file(
    file: Path<String>,
    swagger: Data<Swagger>,
) -> Result<HttpResponse, Error> {
    let found = utoipa_swagger_ui::serve(&file, Arc::clone(&swagger.0));
    let found = found.map_err(|error| Error::Internal(error.to_string()))?.ok_or(Error::NotFound)?;
    let bytes = match found.bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    };
    let mut response = HttpResponse::Ok();
    if found.gzpipped {
        response.insert_header((CONTENT_ENCODING, "gzip"));
    }
    Ok(response.insert_header((CONTENT_TYPE, found.content_type)).body(bytes))
}

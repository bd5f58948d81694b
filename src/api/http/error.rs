//! Renders every error as the one body of rules 6. Only this file names status codes of errors.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;

use super::allowance::Allowance;
use crate::domain::accounts::sight::Sight;
use crate::domain::kernel::problem::{At, PROBLEMS_MAX, Problem, Rejection};
use crate::domain::view;
use crate::store::StoreError;

/// How long a caller should wait before the next try on a busy or broken service, in seconds.
const RETRY_SECS: u32 = 1;

/// An error, as the caller sees it.
#[derive(Debug, Clone)]
pub enum Error {
    /// 400: the request itself is wrong.
    Invalid(Vec<Problem>),
    /// 400: nothing identifies the customer.
    NoIdentifier(Vec<String>),
    /// 400: a preflight of a site or for a request that is not allowed.
    CrossOrigin,
    /// 400: wrong client credentials (contract 1.1).
    BadCredentials,
    /// 401.
    Unauthorized(&'static str),
    /// 401: no secret of the entrypoint proves the webhook.
    Unproven,
    /// 403, with what the token lacks.
    Forbidden(&'static str),
    /// The same, with the command that makes a token which lacks nothing.
    Lacks {
        /// What the token lacks: a scope, or access to entrypoints.
        what: &'static str,
        /// The command, ready to be run.
        command: String,
    },
    /// 403: the token lacks `pii:read` for some of the fields that it sends.
    NeedsPii(Vec<Problem>),
    /// 403: the comment is another author's.
    NotAuthor,
    /// 404: the record or entrypoint does not exist, or the token may not see it.
    NotFound,
    /// The same, with what the route's address names: `customer`, `entrypoint or import`.
    NoSuch(&'static str),
    /// 404: the service has no such address.
    NoRoute,
    /// 405 with the allowed methods.
    MethodNotAllowed(String),
    /// 409.
    Conflict(Vec<Problem>),
    /// 409: the current state does not allow the request.
    State(Vec<Problem>),
    /// 409: the customer is deleted.
    Deleted,
    /// 412.
    Stale,
    /// 400: what came is no HTTP request.
    NoHttp,
    /// 408: the client was too slow in sending its request.
    Timeout,
    /// 431: the head of the request is too large.
    HeadTooLarge,
    /// 413 with the limit in bytes.
    TooLarge(usize),
    /// 415 with the supported media type.
    UnsupportedMediaType(&'static str),
    /// 422.
    KeyReused,
    /// 409 with Retry-After: the first request with this idempotency key is still running.
    StillRunning,
    /// 429 with the seconds to wait.
    TooManyRequests(u64),
    /// 429 with the limit that is used up.
    LimitReached(Allowance),
    /// 503.
    Unavailable,
    /// 503: a search or list took longer than it may.
    Slow,
    /// 500: a defect, logged once with the request id.
    Internal(String),
}

impl Error {
    /// An error with a single problem.
    pub fn invalid(problem: Problem) -> Error {
        Error::Invalid(vec![problem])
    }
}

/// The value that was read, or all problems: those of the value and those of the rest of the request.
///
/// # Errors
/// 400 with the problems; any other error of the reading.
pub(crate) fn unless_any<T>(mut problems: Vec<Problem>, read: Result<T, Error>) -> Result<T, Error> {
    match read {
        Ok(read) if problems.is_empty() => Ok(read),
        Ok(_) => Err(Error::Invalid(problems)),
        Err(Error::Invalid(found)) => {
            problems.extend(found);
            Err(Error::Invalid(problems))
        }
        Err(error) => Err(error),
    }
}

/// The body of every error, from every route (rules 6).
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ErrorBody {
    /// Always `false`.
    #[schema(example = false)]
    is_success: bool,
    /// A number that tells kinds of errors apart (contract 11): 3003 for a bad value, 3001 for an unknown
    /// entrypoint or record, 3004 and 3006 for time zone and status; else the HTTP status.
    response_code: i64,
    /// What went wrong, for people.
    response_text: String,
    /// The same text again, where some SDKs look for it.
    message: String,
    /// What happened and what to do.
    response_data: Advice,
    /// Every single problem; empty where the error is not of one place in the request.
    errors: Vec<ProblemOut>,
    /// The request's id, also in `X-Request-Id` and in the service's log.
    request_id: String,
    /// `InvalidCredentials` where a client-credential exchange was refused; absent elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_type: Option<&'static str>,
    /// The text again, where a client-credential exchange was refused; absent elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<String>,
}

/// What happened and what to do about it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct Advice {
    /// Why the request was refused.
    explanation: String,
    /// What would make it succeed.
    todo_action: String,
}

/// One problem of a request; exactly one of `pointer`, `parameter`, `header` and `line` says where.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
struct ProblemOut {
    /// JSON pointer into the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    /// Name of a query or path parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<String>,
    /// Name of a header.
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<&'static str>,
    /// Line of the file that the body is, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    /// A stable code in snake case.
    code: &'static str,
    /// What is wrong and what would do; never a personal value.
    message: String,
}

impl From<&Problem> for ProblemOut {
    fn from(problem: &Problem) -> ProblemOut {
        let (code, message) = (problem.code, problem.message.clone());
        let out = ProblemOut { code, message, ..ProblemOut::default() };
        match &problem.at {
            At::Pointer(pointer) => ProblemOut { pointer: Some(pointer.clone()), ..out },
            At::Parameter(name) => ProblemOut { parameter: Some(name.clone()), ..out },
            At::Header(name) => ProblemOut { header: Some(name), ..out },
            At::Line(line) => ProblemOut { line: Some(*line), ..out },
        }
    }
}

impl From<Rejection> for Error {
    fn from(rejection: Rejection) -> Error {
        match rejection {
            Rejection::Invalid(problems) => Error::Invalid(problems),
            Rejection::NoIdentifier { wanted } => Error::NoIdentifier(wanted),
            Rejection::NotFound => Error::NotFound,
            Rejection::NeedsPii(problems) => Error::NeedsPii(problems),
            // A conflict that did not pass the view of a token names nobody.
            Rejection::Conflict { problems, .. } => Error::Conflict(view::problems(Sight::NONE, problems)),
            Rejection::NotAuthor => Error::NotAuthor,
            Rejection::State(problems) => Error::State(view::state(Sight::NONE, problems)),
            Rejection::Deleted => Error::Deleted,
            Rejection::Stale => Error::Stale,
            Rejection::KeyReused => Error::KeyReused,
            Rejection::Defect => Error::Internal("a decision failed".into()),
        }
    }
}

impl From<serde_json::Error> for Error {
    /// Only for answers: an invalid request body becomes a problem instead.
    fn from(error: serde_json::Error) -> Error {
        Error::Internal(error.to_string())
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Error {
        match error {
            StoreError::Rejected(rejection) => rejection.into(),
            StoreError::Busy => Error::Unavailable,
            StoreError::Slow => Error::Slow,
            StoreError::Unavailable(message) => {
                tracing::warn!(error = %message, "the database is not available");
                Error::Unavailable
            }
            StoreError::Corrupt(message) | StoreError::Unfit(message) | StoreError::Bug(message) => {
                Error::Internal(message)
            }
        }
    }
}

/// Status, code, text, explanation and advice of an error.
struct Words {
    status: StatusCode,
    code: Option<i64>,
    text: String,
    explanation: String,
    todo: String,
}

fn words(status: StatusCode, text: &str, explanation: impl Into<String>, todo: impl Into<String>) -> Words {
    Words { status, code: None, text: text.to_owned(), explanation: explanation.into(), todo: todo.into() }
}

/// The problems that an answer lists, and the number of the others.
fn listed(problems: &[Problem]) -> (&[Problem], usize) {
    let (listed, more) = problems.split_at(problems.len().min(PROBLEMS_MAX));
    (listed, more.len())
}

fn joined(problems: &[Problem]) -> String {
    let (listed, more) = listed(problems);
    let rest = (more > 0).then(|| format!("and {more} more"));
    listed.iter().map(ToString::to_string).chain(rest).collect::<Vec<_>>().join("; ")
}

impl Error {
    #[expect(clippy::too_many_lines, reason = "one line of words an error")]
    fn words(&self) -> Words {
        match self {
            Error::Invalid(problems) => {
                let code = match problems.first().map(|problem| problem.code) {
                    Some("invalid_time_zone") => 3004,
                    Some("invalid_status") => 3006,
                    _ => 3003,
                };
                let text = match problems.as_slice() {
                    [only] => format!("Invalid request: {only}"),
                    many => format!("Invalid request: {} problems", many.len()),
                };
                let explanation = joined(problems);
                let todo = "Mend what `errors` lists and send the request again.";
                Words { code: Some(code), ..words(StatusCode::BAD_REQUEST, &text, explanation, todo) }
            }
            Error::NoIdentifier(wanted) => {
                let wanted = wanted.join(", ");
                let explanation = "No value was sent for anything that identifies a customer here.";
                let todo = format!("Send a value for one of: {wanted}.");
                let text = format!("Invalid customer identifiers: {wanted}");
                Words { code: Some(3003), ..words(StatusCode::BAD_REQUEST, &text, explanation, todo) }
            }
            Error::BadCredentials => words(
                StatusCode::BAD_REQUEST,
                "Invalid client credentials",
                "clientId and clientSecret do not belong to a valid token.",
                "Send a token's id (jti) as clientId and the token itself as clientSecret.",
            ),
            Error::CrossOrigin => words(
                StatusCode::BAD_REQUEST,
                "Cross-origin request refused",
                "This site, method or header is not among those that the service allows to scripts of other sites.",
                "The operator names sites with --allow-origin; documentation lists the methods and headers.",
            ),
            Error::Unauthorized(why) => words(
                StatusCode::UNAUTHORIZED,
                "Unauthorized",
                format!("The request token is {why}."),
                "Send a valid token in the header requestToken, or as Authorization: Bearer.",
            ),
            Error::Unproven => words(
                StatusCode::UNAUTHORIZED,
                "Unauthorized",
                "No secret of this entrypoint proves the webhook.",
                "Keep the payment system's secret by POST Paypoint/ingest/{entry}; signatures must be at most five minutes old.",
            ),
            Error::Forbidden(what) => words(
                StatusCode::FORBIDDEN,
                "Forbidden",
                format!("The token lacks {what}."),
                "Use a token that has it.",
            ),
            Error::NeedsPii(problems) => words(
                StatusCode::FORBIDDEN,
                "Forbidden",
                joined(problems),
                "Use a token with the scope pii:read, or leave out the fields that `errors` lists.",
            ),
            Error::NotAuthor => words(
                StatusCode::FORBIDDEN,
                "Forbidden",
                "The comment is another author's.",
                "Use the token that wrote it, or one with the scope settings.",
            ),
            Error::Lacks { what, command } => words(
                StatusCode::FORBIDDEN,
                "Forbidden",
                format!("The token lacks {what}."),
                format!("Use a token that has it, or make one: {command}"),
            ),
            Error::NotFound => Error::NoSuch("record").words(),
            Error::NoSuch(what) => Words {
                code: Some(3001),
                ..words(
                    StatusCode::NOT_FOUND,
                    &format!("No such {what}"),
                    format!("There is no such {what}, or this token may not see it."),
                    "Check what the address names, and the token's organisation and entrypoints.",
                )
            },
            Error::NoRoute => words(
                StatusCode::NOT_FOUND,
                "No such route",
                "The service has nothing at this address, whatever the token.",
                "Check the address; GET /openapi.json lists all routes, and none of them ends with a slash.",
            ),
            Error::MethodNotAllowed(allow) => words(
                StatusCode::METHOD_NOT_ALLOWED,
                "Method not allowed",
                "This address does not take that method.",
                format!("Use {allow}."),
            ),
            Error::Conflict(problems) if problems.is_empty() => words(
                StatusCode::CONFLICT,
                "Conflict with an existing customer",
                "Another customer stands in the way. This token may not see which, nor which of the values sent.",
                "Send other values, or use a token that may read customers and has the scope pii:read.",
            ),
            Error::Conflict(problems) => words(
                StatusCode::CONFLICT,
                "Conflict with an existing customer",
                joined(problems),
                "Change the values that `errors` lists, or work on the customers it names.",
            ),
            Error::State(problems) => words(
                StatusCode::CONFLICT,
                "Conflict with the present state",
                joined(problems),
                "Change what `errors` lists first.",
            ),
            Error::Deleted => words(
                StatusCode::CONFLICT,
                "The customer is deleted",
                "A deleted customer takes no changes.",
                "Create the customer again; its identifiers are free.",
            ),
            Error::Stale => words(
                StatusCode::PRECONDITION_FAILED,
                "Precondition failed",
                "If-Match does not name the record's current version.",
                "Read the record again and repeat the change with its new ETag.",
            ),
            Error::NoHttp => words(
                StatusCode::BAD_REQUEST,
                "No HTTP request",
                "What came is no HTTP/1.1 request.",
                "Check the request line, the headers and the length of the body. Letters beyond ASCII in the address are \
                 percent-encoded: `%C3%BC` for `ü`. Speak plain HTTP, not TLS.",
            ),
            Error::Timeout => words(
                StatusCode::REQUEST_TIMEOUT,
                "Request timeout",
                "The request did not arrive in time.",
                "Send the request again, without long pauses.",
            ),
            Error::HeadTooLarge => words(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "Request head too large",
                "The head of the request is too large.",
                "Send fewer or shorter headers, and a shorter address.",
            ),
            Error::TooLarge(limit) => words(
                StatusCode::PAYLOAD_TOO_LARGE,
                "Payload too large",
                format!("A body here may have at most {limit} bytes."),
                "Send less.",
            ),
            Error::UnsupportedMediaType(wanted) => words(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Unsupported media type",
                "The body is of another type or encoding than this route takes.",
                format!("Send {wanted}."),
            ),
            Error::KeyReused => words(
                StatusCode::UNPROCESSABLE_ENTITY,
                "Idempotency key reused",
                "This idempotency key was used for another request.",
                "Use a new key for every new request, and the same key only to repeat the same one.",
            ),
            Error::StillRunning => words(
                StatusCode::CONFLICT,
                "Still running",
                "The import that first used this idempotency key is still running.",
                "Repeat the request after Retry-After, or look at GET /api/Import/jobs/{entry}.",
            ),
            Error::TooManyRequests(seconds) => words(
                StatusCode::TOO_MANY_REQUESTS,
                "Too many requests",
                "There were more requests than this token or client may make.",
                format!("Wait {seconds} s, then go on more slowly."),
            ),
            Error::LimitReached(allowance) => Error::TooManyRequests(allowance.reset_secs).words(),
            Error::Unavailable => words(
                StatusCode::SERVICE_UNAVAILABLE,
                "Service unavailable",
                "The database is away, or too much is waiting already.",
                "Repeat the request after Retry-After, with the same idempotency key.",
            ),
            Error::Slow => words(
                StatusCode::SERVICE_UNAVAILABLE,
                "The search took too long",
                "This list or search would have to open more customers than it has time for.",
                "Narrow it: search for a part of three letters or more, filter with eq or by status or date, \
                 ask for one entrypoint, or sort by customerId. For everything, use the export.",
            ),
            Error::Internal(_) => words(
                StatusCode::INTERNAL_SERVER_ERROR,
                "Internal server error",
                "This is a defect of the service; it was logged under the request id.",
                "Report the request id.",
            ),
        }
    }

    /// Its answer.
    pub fn render(&self, request_id: &str) -> HttpResponse {
        let (status, body) = self.written(request_id);
        let mut response = HttpResponse::build(status);
        response.insert_header((CONTENT_TYPE, "application/json"));
        if let Some((name, value)) = self.header() {
            response.insert_header((name, value));
        }
        if let Error::LimitReached(allowance) = self {
            for header in allowance.headers() {
                response.insert_header(header);
            }
        }
        response.body(body)
    }

    /// Its status and body.
    pub(crate) fn written(&self, request_id: &str) -> (StatusCode, Vec<u8>) {
        let words = self.words();
        let errors = match self {
            Error::Invalid(problems)
            | Error::NeedsPii(problems)
            | Error::Conflict(problems)
            | Error::State(problems) => {
                let (listed, more) = listed(problems);
                let rest = (more > 0).then(|| {
                    let message = format!("{more} more problems are not listed");
                    ProblemOut::from(&Problem::field(&[], "more_problems", message))
                });
                listed.iter().map(ProblemOut::from).chain(rest).collect()
            }
            _ => Vec::new(),
        };
        let refused_credentials = matches!(self, Error::BadCredentials);
        let body = ErrorBody {
            is_success: false,
            response_code: words.code.unwrap_or_else(|| i64::from(words.status.as_u16())),
            message: words.text.clone(),
            error_type: refused_credentials.then_some("InvalidCredentials"),
            error_message: refused_credentials.then(|| words.text.clone()),
            response_text: words.text,
            response_data: Advice { explanation: words.explanation, todo_action: words.todo },
            errors,
            request_id: request_id.to_owned(),
        };
        (words.status, serde_json::to_vec(&body).unwrap_or_default())
    }

    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Error::Unauthorized(_) | Error::Unproven => {
                Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")))
            }
            Error::MethodNotAllowed(allow) => HeaderValue::from_str(allow).ok().map(|value| (ALLOW, value)),
            Error::TooManyRequests(seconds) => Some((RETRY_AFTER, HeaderValue::from(*seconds))),
            Error::LimitReached(allowance) => Some((RETRY_AFTER, HeaderValue::from(allowance.reset_secs))),
            Error::Unavailable | Error::Slow | Error::StillRunning => {
                Some((RETRY_AFTER, HeaderValue::from(RETRY_SECS)))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words().text)
    }
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        self.words().status
    }

    /// A placeholder; the gate renders the final body with the request id.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

//! Asks the API of this process in the name of a member.

use actix_web::HttpResponse;
use actix_web::body::{BoxBody, to_bytes};
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, ETAG, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::page::ours;
use super::refused::Refused;
pub(super) use super::refused::{No, Problem};
use super::visit::{SignedIn, Visit};
use crate::api::{InsideBody, InsideRequest};
use crate::web::form::Form;

/// What stays as it is in a part of a path.
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A request to the API before it is sent.
pub(super) struct Ask<'a> {
    visit: &'a Visit,
    signed_in: &'a SignedIn,
    method: Method,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Option<(HeaderValue, InsideBody)>,
}

/// A part of a path, percent-encoded.
pub(super) fn part(text: &str) -> String {
    utf8_percent_encode(text, PART).to_string()
}

impl Visit {
    /// Asks the API to read.
    pub(super) fn get<'a>(&'a self, signed_in: &'a SignedIn, path: &str) -> Ask<'a> {
        Ask::new(self, signed_in, Method::GET, path)
    }

    /// Asks the API to make or do something.
    pub(super) fn post<'a>(&'a self, signed_in: &'a SignedIn, path: &str, form: &Form) -> Ask<'a> {
        Ask::new(self, signed_in, Method::POST, path).key(form.get("key"))
    }

    /// Asks the API to change something.
    pub(super) fn put<'a>(
        &'a self,
        signed_in: &'a SignedIn,
        path: &str,
        form: &Form,
        body: &Value,
    ) -> Ask<'a> {
        Ask::new(self, signed_in, Method::PUT, path).key(form.get("key")).json(body)
    }

    /// Asks the API to delete something.
    pub(super) fn delete<'a>(&'a self, signed_in: &'a SignedIn, path: &str, form: &Form) -> Ask<'a> {
        Ask::new(self, signed_in, Method::DELETE, path).key(form.get("key"))
    }
}

impl<'a> Ask<'a> {
    pub(super) fn new(visit: &'a Visit, signed_in: &'a SignedIn, method: Method, path: &str) -> Ask<'a> {
        let path = format!("/api{path}");
        Ask { visit, signed_in, method, path, query: Vec::new(), headers: Vec::new(), body: None }
    }

    /// Adds a parameter of the query.
    pub(super) fn with(mut self, name: &str, value: impl Into<String>) -> Ask<'a> {
        self.query.push((name.to_owned(), value.into()));
        self
    }

    /// Adds a parameter of the query if there is a value.
    pub(super) fn with_if(self, name: &str, value: &str) -> Ask<'a> {
        if value.is_empty() { self } else { self.with(name, value) }
    }

    /// Adds a header.
    pub(super) fn header(mut self, name: &'static str, value: &str) -> Ask<'a> {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((HeaderName::from_static(name), value));
        }
        self
    }

    /// Adds the idempotency key of a form, so that a form that is sent twice acts once.
    pub(super) fn key(self, key: &str) -> Ask<'a> {
        if key.is_empty() { self } else { self.header("idempotencykey", key) }
    }

    /// Sends a JSON body.
    pub(super) fn json(mut self, body: &Value) -> Ask<'a> {
        let bytes = Bytes::from(body.to_string());
        self.body = Some((HeaderValue::from_static("application/json"), InsideBody::Whole(bytes)));
        self
    }

    /// Sends a body as it comes.
    pub(super) fn stream(mut self, media: HeaderValue, body: InsideBody) -> Ask<'a> {
        self.body = Some((media, body));
        self
    }

    /// The answer as it comes, whatever its status: for files.
    pub(super) async fn raw(self) -> Result<ServiceResponse<BoxBody>, Refused> {
        let mut address = self.path;
        if !self.query.is_empty() {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(&self.query);
            address = format!("{address}?{}", query.finish());
        }
        let request = InsideRequest {
            claims: self.signed_in.claims(),
            method: self.method,
            address,
            headers: self.headers,
            body: self.body,
        };
        self.visit.api.send(request).await.map_err(Refused::Defect)
    }

    /// The answer as a file for the browser.
    ///
    /// # Errors
    /// As a page, whatever it is.
    pub(super) async fn file(self) -> Result<HttpResponse, Refused> {
        let response = self.raw().await?;
        if !response.status().is_success() {
            let status = response.status();
            let bytes = to_bytes(response.into_body()).await.unwrap_or_default();
            return Err(no(status, &serde_json::from_slice(&bytes).unwrap_or_default()).into());
        }
        let (_, answer) = response.into_parts();
        let mut file = HttpResponse::Ok();
        for name in [CONTENT_TYPE, CONTENT_DISPOSITION] {
            if let Some(value) = answer.headers().get(&name) {
                file.insert_header((name, value.clone()));
            }
        }
        Ok(ours(file.body(answer.into_body())))
    }

    /// The answer as JSON, or why there is none. An error that no form can mend becomes a page.
    ///
    /// # Errors
    /// 401, 403, 404, 429 and 5xx, as pages.
    pub(super) async fn tried(self) -> Result<Result<Value, No>, Refused> {
        read(self.raw().await?).await
    }

    /// The answer as JSON, and its ETag for a later `If-Match`.
    ///
    /// # Errors
    /// As a page, whatever it is.
    pub(super) async fn tagged(self) -> Result<(Value, String), Refused> {
        let response = self.raw().await?;
        let tag =
            response.headers().get(ETAG).and_then(|tag| tag.to_str().ok()).unwrap_or_default().to_owned();
        Ok((read(response).await?.map_err(Refused::from)?, tag))
    }

    /// The answer as JSON.
    ///
    /// # Errors
    /// As a page, whatever it is.
    pub(super) async fn sent(self) -> Result<Value, Refused> {
        self.tried().await?.map_err(Refused::from)
    }

    /// The answer as JSON; `None` where the member may not see it, or where there is nothing.
    ///
    /// # Errors
    /// The others, as pages.
    pub(super) async fn if_any(self) -> Result<Option<Value>, Refused> {
        match self.sent().await {
            Ok(body) => Ok(Some(body)),
            Err(Refused::NotFound | Refused::Forbidden(_)) => Ok(None),
            Err(refused) => Err(refused),
        }
    }
}

/// Reads an answer. An error that no form can mend becomes a page.
async fn read(response: ServiceResponse<BoxBody>) -> Result<Result<Value, No>, Refused> {
    let status = response.status();
    let bytes = to_bytes(response.into_body()).await.map_err(|error| Refused::Defect(error.to_string()))?;
    let body: Value = if bytes.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&bytes)
            .map_err(|error| Refused::Defect(format!("the API answered no JSON ({:?})", error.classify())))?
    };
    if status.is_success() {
        return Ok(Ok(body));
    }
    let no = no(status, &body);
    if no.is_mendable() { Ok(Err(no)) } else { Err(Refused::from(no)) }
}

fn no(status: StatusCode, body: &Value) -> No {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let one = |problem: &Value| {
        let place = ["pointer", "parameter", "header"].iter().find_map(|name| problem[name].as_str());
        Problem {
            field: place.unwrap_or_default().trim_start_matches('/').to_owned(),
            code: text(&problem["code"]),
            message: text(&problem["message"]),
            label: String::new(),
        }
    };
    let problems =
        member(body, "errors").as_array().map(|all| all.iter().map(one).collect()).unwrap_or_default();
    No { status: status.as_u16(), message: text(member(body, "message")), problems }
}

/// A member of an answer; null if there is none.
pub(in crate::console) fn member<'v>(value: &'v Value, name: &str) -> &'v Value {
    value.get(name).unwrap_or(&Value::Null)
}

/// Sets a member of a body.
pub(super) fn set(body: &mut Value, name: &str, value: impl Into<Value>) {
    if let Some(members) = body.as_object_mut() {
        members.insert(name.to_owned(), value.into());
    }
}

/// The text of a member of an answer; empty if there is none.
pub(super) fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

/// The list in a member of an answer.
pub(super) fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

/// A member of an answer as text, numbers too; empty if there is none.
pub(super) fn shown(value: &Value, name: &str) -> String {
    match &value[name] {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(is_so) => is_so.to_string(),
        _ => String::new(),
    }
}

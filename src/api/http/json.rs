//! Answers in JSON.

use std::fmt::Display;

use actix_web::http::header::{CACHE_CONTROL, ContentType, ETAG};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use serde::Serialize;
use serde_json::value::RawValue;

use super::body::is_fresh;

/// The size of most records, in bytes, at most.
pub(crate) const RECORD_ROOM: usize = 2_048;

/// A value as JSON, in a buffer of the given initial size. For a list of twenty, an empty buffer would grow and be
/// copied nine times.
///
/// # Errors
/// JSON errors of the value.
pub(crate) fn written(value: &impl Serialize, room: usize) -> Result<Vec<u8>, serde_json::Error> {
    let mut text = Vec::with_capacity(room);
    serde_json::to_writer(&mut text, value)?;
    Ok(text)
}

/// An exact decimal as a JSON number, without a float.
pub(crate) fn number(decimal: impl Display) -> Option<Box<RawValue>> {
    RawValue::from_string(decimal.to_string()).ok()
}

/// Answers with JSON.
pub(crate) fn answer(response: &mut HttpResponseBuilder, text: impl Into<Bytes>) -> HttpResponse {
    response.content_type(ContentType::json()).body(text.into())
}

/// The strong ETag of an answer. If `head` is a version, the tag also works as `If-Match`.
pub(crate) fn tag(head: impl Display, text: &[u8]) -> String {
    let hash = blake3::hash(text).to_hex();
    format!("\"{head}-{}\"", hash.get(..16).unwrap_or_default())
}

/// Answers a read with JSON and its ETag; with 304 and no body if the client has this answer already (rules 5).
pub(crate) fn tagged(request: &HttpRequest, tag: &str, text: impl Into<Bytes>) -> HttpResponse {
    let fresh = is_fresh(request, tag);
    let mut response = if fresh { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((ETAG, tag)).insert_header((CACHE_CONTROL, "private, no-cache"));
    if fresh { response.finish() } else { answer(&mut response, text) }
}

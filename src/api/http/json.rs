//! Answers in JSON.

use actix_web::http::header::ContentType;
use actix_web::web::Bytes;
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;

/// Bytes of most records, at most.
pub(crate) const RECORD_ROOM: usize = 2_048;

/// A value as JSON, in a buffer of so many bytes. A buffer that grows from nothing is copied nine times for a list of
/// twenty.
///
/// # Errors
/// The value's, where it is no JSON.
pub(crate) fn written(value: &impl Serialize, room: usize) -> Result<Vec<u8>, serde_json::Error> {
    let mut text = Vec::with_capacity(room);
    serde_json::to_writer(&mut text, value)?;
    Ok(text)
}

/// Answers with JSON.
pub(crate) fn answer(response: &mut HttpResponseBuilder, text: impl Into<Bytes>) -> HttpResponse {
    response.content_type(ContentType::json()).body(text.into())
}

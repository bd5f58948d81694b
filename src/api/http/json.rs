//! Answers in JSON.

use actix_web::http::header::ContentType;
use actix_web::web::Bytes;
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;

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

/// Answers with JSON.
pub(crate) fn answer(response: &mut HttpResponseBuilder, text: impl Into<Bytes>) -> HttpResponse {
    response.content_type(ContentType::json()).body(text.into())
}

//! Answers in JSON.

use actix_web::http::header::ContentType;
use actix_web::web::Bytes;
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;

/// Bytes of most records, at most.
pub(crate) const RECORD_ROOM: usize = 2_048;

/// A value as JSON, written into room for so many bytes at once: grown from little, a list of twenty is copied nine
/// times.
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

//! Answers in JSON.

use actix_web::error::JsonPayloadError;
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;

/// Bytes of most records, at most.
pub(super) const RECORD_ROOM: usize = 2_048;

/// Answers with a value, written into room for so many bytes at once: grown from little, a list of twenty is copied nine
/// times.
pub(super) fn answer(
    response: &mut HttpResponseBuilder,
    value: &impl Serialize,
    room: usize,
) -> HttpResponse {
    let mut bytes = Vec::with_capacity(room);
    match serde_json::to_writer(&mut bytes, value) {
        Ok(()) => response.content_type("application/json").body(bytes),
        Err(error) => HttpResponse::from_error(JsonPayloadError::Serialize(error)),
    }
}

//! Forms with a file: the fields first, then the file, which is read as it comes.

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::error::PayloadError;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Payload;
use futures_util::StreamExt as _;
use zeroize::Zeroizing;

use super::page::Refused;
use super::visit::Visit;
use crate::api::InsideBody;
use crate::domain::kernel::card;
use crate::web::form::{Form, is_from_elsewhere};

/// The most bytes of all fields before the file.
const FIELDS_BYTES_MAX: usize = 256 * 1024;
/// The most fields before the file.
const FIELDS_MAX: usize = 5_000;
/// The name of the part with the file.
const FILE: &str = "file";

/// A form whose fields are read, and whose file is about to come.
pub(super) struct Upload {
    pub(super) form: Form,
    file: Option<Field>,
    rest: Multipart,
}

impl Upload {
    /// Reads the fields before the file.
    ///
    /// # Errors
    /// The form is none, or comes from elsewhere.
    pub(super) async fn open(visit: &Visit, payload: Payload) -> Result<Upload, Refused> {
        let media = visit.request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_form =
            media.is_some_and(|media| media.to_ascii_lowercase().starts_with("multipart/form-data"));
        let mut rest = Multipart::new(visit.request.headers(), payload);
        if !is_form || is_from_elsewhere(&visit.request) {
            return Err(Refused::OldForm);
        }
        let (mut pairs, mut bytes) = (Vec::new(), 0);
        while let Some(part) = rest.next().await {
            let mut part = part.map_err(|_| Refused::OldForm)?;
            let name = part.name().unwrap_or_default().to_owned();
            if name == FILE {
                return Ok(Upload { form: Form::of(pairs), file: Some(part), rest });
            }
            let mut value = Zeroizing::new(Vec::new());
            while let Some(piece) = part.next().await {
                let piece = piece.map_err(|_| Refused::OldForm)?;
                bytes += piece.len();
                if bytes > FIELDS_BYTES_MAX || pairs.len() > FIELDS_MAX {
                    return Err(Refused::TooLarge);
                }
                value.extend_from_slice(&piece);
            }
            let text = Zeroizing::new(String::from_utf8_lossy(&value).into_owned());
            pairs.push((name, text));
        }
        Ok(Upload { form: Form::of(pairs), file: None, rest })
    }

    /// Whether a file was chosen. Its name is not kept; one that holds a card number is refused.
    pub(super) fn has_file(&self) -> bool {
        let named = self.file.as_ref().and_then(|file| file.content_disposition()?.get_filename());
        named.is_some_and(|name| !name.is_empty() && !card::holds(name))
    }

    /// The first bytes of the file, and whether it ends there. The rest is read and dropped.
    pub(super) async fn first(mut self, most: usize) -> Result<(Vec<u8>, bool), Refused> {
        let (mut first, mut is_whole) = (Vec::new(), true);
        if let Some(mut file) = self.file.take() {
            while let Some(piece) = file.next().await {
                let piece = piece.map_err(|_| Refused::OldForm)?;
                let room = most - first.len();
                is_whole = is_whole && piece.len() <= room;
                first.extend_from_slice(piece.get(..room.min(piece.len())).unwrap_or_default());
            }
        }
        Ok((first, is_whole))
    }

    /// Reads and drops the file, so that the browser gets its answer.
    pub(super) async fn discard(mut self) {
        if let Some(mut file) = self.file.take() {
            while let Some(Ok(_)) = file.next().await {}
        }
    }

    /// The file as it comes, as the body of a request to the API.
    pub(super) fn into_body(self) -> InsideBody {
        let Upload { file, rest, .. } = self;
        let stream = async_stream::stream! {
            // The parts are read through the form, which must live as long.
            let _form = rest;
            if let Some(mut file) = file {
                while let Some(piece) = file.next().await {
                    yield piece.map_err(|error| match error {
                        MultipartError::Payload(error) => error,
                        _ => PayloadError::Incomplete(None),
                    });
                }
            }
        };
        InsideBody::Stream(Box::pin(stream))
    }
}

//! Swagger UI, whose files are part of the program.

use std::borrow::Cow;
use std::sync::Arc;

use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpResponse, get};
use utoipa_swagger_ui::Config;

use super::super::error::Error;

/// The settings of Swagger UI.
pub(crate) struct Swagger(Arc<Config<'static>>);

impl Default for Swagger {
    fn default() -> Swagger {
        let config = Config::from("../openapi.json").validator_url("none").display_request_duration(true);
        Swagger(Arc::new(config))
    }
}

/// A file of Swagger UI. No answer has a copy of its own.
#[get("/swagger-ui/{file:.*}")]
pub(crate) async fn get_swagger_file(
    file: Path<String>,
    swagger: Data<Swagger>,
) -> Result<HttpResponse, Error> {
    let found = utoipa_swagger_ui::serve(&file, Arc::clone(&swagger.0));
    let found = found.map_err(|error| Error::Internal(error.to_string()))?.ok_or(Error::NoRoute)?;
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

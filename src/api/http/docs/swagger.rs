//! Swagger UI, whose files are part of the program.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse, get};
use utoipa_swagger_ui::Config;

use super::super::error::Error;
use super::super::static_file::StaticFile;

/// Swagger UI with its settings.
pub(crate) struct Swagger {
    config: Arc<Config<'static>>,
    /// The files that somebody has asked for, by name; only names of files are in it.
    files: RwLock<HashMap<String, Arc<StaticFile>>>,
}

impl Default for Swagger {
    fn default() -> Swagger {
        let config = Config::from("../openapi.json").validator_url("none").display_request_duration(true);
        Swagger { config: Arc::new(config), files: RwLock::default() }
    }
}

impl Swagger {
    fn file(&self, name: &str) -> Result<Arc<StaticFile>, Error> {
        if let Some(file) = self.files.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Ok(Arc::clone(file));
        }
        let found = utoipa_swagger_ui::serve(name, Arc::clone(&self.config));
        let found = found.map_err(|error| Error::Internal(error.to_string()))?.ok_or(Error::NoRoute)?;
        let bytes = Bytes::from_owner(found.bytes);
        let file = Arc::new(StaticFile::new(found.content_type, bytes));
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(files.entry(name.to_owned()).or_insert(file)))
    }
}

/// A file of Swagger UI. No answer has a copy of its own.
#[get("/swagger-ui/{file:.*}")]
pub(crate) async fn get_swagger_file(
    request: HttpRequest,
    file: Path<String>,
    swagger: Data<Swagger>,
) -> Result<HttpResponse, Error> {
    let file = swagger.file(&file)?;
    Ok(file.answer(&request).await)
}

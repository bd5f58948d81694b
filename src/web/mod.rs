//! What all pages for people share: the frame around them, forms and the proof that they are ours, the headers of answers,
//! the choice of language, the style sheet, the pages of errors. It renders without any script and knows no store.

pub(crate) mod files;
pub(crate) mod form;
pub(crate) mod page;
pub(crate) mod texts;
mod theme;

use actix_web::error::HttpError;

/// Why there is no page.
#[derive(Debug)]
pub(crate) enum PageError {
    /// There is no such page or entrypoint.
    NotFound,
    /// The form is not one of ours, or from before the browser lost its cookie.
    OldForm,
    /// The form has too many bytes.
    TooLarge,
    /// The database is away, or too much is waiting.
    Unavailable,
    /// A defect.
    Defect(String),
}

impl From<askama::Error> for PageError {
    fn from(error: askama::Error) -> PageError {
        PageError::Defect(error.to_string())
    }
}

/// A cookie that is no header, which none is.
impl From<HttpError> for PageError {
    fn from(error: HttpError) -> PageError {
        PageError::Defect(error.to_string())
    }
}

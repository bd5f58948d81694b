//! The common parts of all pages for people: frame, forms and their CSRF check, headers, choice of language, style
//! sheet, error pages. It renders without scripts and does not use the store.

pub(crate) mod files;
pub(crate) mod form;
pub(crate) mod page;
pub(crate) mod qr;
pub(crate) mod texts;
mod theme;

use actix_web::error::HttpError;

/// The answer of a page, or why there is no page.
pub(crate) type PageResult = Result<actix_web::HttpResponse, PageError>;

/// Why there is no page.
#[derive(Debug)]
pub(crate) enum PageError {
    /// There is no such page or entrypoint.
    NotFound,
    /// Another site made the form, or the browser has lost its cookie since.
    OldForm,
    /// The form is too large.
    TooLarge,
    /// Too many visitors send passwords at the same time.
    Busy,
    /// The database is unavailable, or a queue is full.
    Unavailable,
    /// A defect.
    Defect(String),
}

impl From<askama::Error> for PageError {
    fn from(error: askama::Error) -> PageError {
        PageError::Defect(error.to_string())
    }
}

/// A cookie that is not a valid header, which never occurs.
impl From<HttpError> for PageError {
    fn from(error: HttpError) -> PageError {
        PageError::Defect(error.to_string())
    }
}

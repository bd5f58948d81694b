//! Why a page or the API did not do what was asked.

use actix_web::HttpResponse;

use crate::store::StoreError;
use crate::web::PageError;

/// A problem that the API found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Problem {
    /// The name of the member or parameter, such as `email` or `lines/0/quantity`; empty for the whole.
    pub(super) field: String,
    /// The machine-readable code.
    pub(super) code: String,
    /// What is wrong, in English.
    pub(super) message: String,
    /// The label of the field in the form, for the list of problems above it; empty if it is not known.
    pub(super) label: String,
}

/// Why the API did not do what was asked.
#[derive(Debug, Clone, Default)]
pub(super) struct No {
    pub(super) status: u16,
    pub(super) message: String,
    pub(super) problems: Vec<Problem>,
}

impl No {
    /// Whether a problem has a code.
    pub(super) fn has(&self, code: &str) -> bool {
        self.problems.iter().any(|problem| problem.code == code)
    }

    /// Whether the member can mend it in the form: what was sent is wrong, or does not fit the state.
    pub(super) fn is_mendable(&self) -> bool {
        matches!(self.status, 400 | 409 | 412 | 422)
    }
}

/// The answer of a page, or why there is no page.
pub(super) type Shown = Result<HttpResponse, Refused>;

/// Why there is no page.
#[derive(Debug)]
pub(super) enum Refused {
    /// There is no such page, or the member may not see what it is about.
    NotFound,
    /// The member's role lacks a right; what the API says.
    Forbidden(String),
    /// Another site made the form, or the browser has lost its cookie since.
    OldForm,
    /// The form or the file is too large.
    TooLarge,
    /// Too many requests.
    Busy,
    /// The database is unavailable.
    Unavailable,
    /// The API refused it for another reason; what it says.
    Other(String),
    /// A defect.
    Defect(String),
}

impl From<No> for Refused {
    fn from(no: No) -> Refused {
        match no.status {
            404 | 405 => Refused::NotFound,
            401 | 403 => Refused::Forbidden(no.message),
            413 => Refused::TooLarge,
            429 => Refused::Busy,
            502..=504 => Refused::Unavailable,
            400..=499 => Refused::Other(no.message),
            _ => Refused::Defect(no.message),
        }
    }
}

impl From<PageError> for Refused {
    fn from(error: PageError) -> Refused {
        match error {
            PageError::NotFound => Refused::NotFound,
            PageError::OldForm => Refused::OldForm,
            PageError::TooLarge => Refused::TooLarge,
            PageError::Busy => Refused::Busy,
            PageError::Unavailable => Refused::Unavailable,
            PageError::Defect(message) => Refused::Defect(message),
        }
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Refused {
        match error {
            StoreError::Rejected(_) => Refused::NotFound,
            StoreError::Busy | StoreError::Slow | StoreError::Unavailable(_) => Refused::Unavailable,
            error => Refused::Defect(error.to_string()),
        }
    }
}

impl From<askama::Error> for Refused {
    fn from(error: askama::Error) -> Refused {
        Refused::Defect(error.to_string())
    }
}

impl From<actix_web::error::HttpError> for Refused {
    fn from(error: actix_web::error::HttpError) -> Refused {
        Refused::Defect(error.to_string())
    }
}

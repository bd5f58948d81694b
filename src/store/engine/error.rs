//! What can go wrong with the database, in four words.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::domain::kernel::problem::Rejection;
use crate::vault::VaultError;

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The queue is full; nothing was tried.
    #[error("too much is waiting already")]
    Busy,
    /// The database is away, full, locked or broken; nothing took effect as far as is known.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// A stored value is not what was written.
    #[error("corrupt: {0}")]
    Corrupt(String),
    /// A defect of this program.
    #[error("defect: {0}")]
    Bug(String),
    /// The rules refuse the command.
    #[error("refused")]
    Rejected(Rejection),
}

impl StoreError {
    /// Whether the connection is of no more use.
    pub fn is_of_connection(&self) -> bool {
        matches!(self, StoreError::Unavailable(_))
    }

    /// The same error for another who waits.
    pub(crate) fn for_another(&self) -> StoreError {
        match self {
            StoreError::Busy => StoreError::Busy,
            StoreError::Unavailable(message) => StoreError::Unavailable(message.clone()),
            StoreError::Corrupt(message) => StoreError::Corrupt(message.clone()),
            StoreError::Bug(message) => StoreError::Bug(message.clone()),
            StoreError::Rejected(rejection) => StoreError::Rejected(rejection.clone()),
        }
    }
}

impl From<DieselError> for StoreError {
    /// No word of a server decides, which speaks the language of its `lc_messages`: of the SQLSTATE Diesel passes on
    /// what violates a constraint, and where in the statement an error stands. All else is of the environment.
    fn from(error: DieselError) -> StoreError {
        use DatabaseErrorKind as Kind;
        match &error {
            DieselError::DatabaseError(kind, information) => {
                let message = information.message().to_owned();
                match kind {
                    Kind::UniqueViolation
                    | Kind::ForeignKeyViolation
                    | Kind::NotNullViolation
                    | Kind::CheckViolation
                    | Kind::RestrictViolation
                    | Kind::ExclusionViolation => StoreError::Bug(message),
                    // Class 42: the statement is wrong, and no retry mends it.
                    Kind::Unknown if information.statement_position().is_some() => StoreError::Bug(message),
                    Kind::Unknown if is_of_sqlites_data(&message) => StoreError::Bug(message),
                    _ => StoreError::Unavailable(message),
                }
            }
            DieselError::BrokenTransactionManager => StoreError::Unavailable(error.to_string()),
            _ => StoreError::Bug(error.to_string()),
        }
    }
}

/// SQLite's texts of its result codes for constraints without a kind in Diesel, for values of the wrong type and for
/// values that are too long: they are part of the library, and in no other language.
fn is_of_sqlites_data(message: &str) -> bool {
    message.ends_with("constraint failed")
        || message.starts_with("UNIQUE constraint failed: ")
        || ["datatype mismatch", "string or blob too big"].contains(&message)
}

impl From<Rejection> for StoreError {
    fn from(rejection: Rejection) -> StoreError {
        StoreError::Rejected(rejection)
    }
}

impl From<VaultError> for StoreError {
    fn from(error: VaultError) -> StoreError {
        StoreError::Corrupt(error.to_string())
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> StoreError {
        // The message of serde may quote values; only its kind is told.
        StoreError::Corrupt(format!("a stored document does not parse ({:?})", error.classify()))
    }
}

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
    fn from(error: DieselError) -> StoreError {
        match &error {
            DieselError::DatabaseError(kind, information) => {
                let message = information.message().to_owned();
                match kind {
                    DatabaseErrorKind::UniqueViolation
                    | DatabaseErrorKind::ForeignKeyViolation
                    | DatabaseErrorKind::NotNullViolation
                    | DatabaseErrorKind::CheckViolation
                    | DatabaseErrorKind::RestrictViolation
                    | DatabaseErrorKind::ExclusionViolation => StoreError::Bug(message),
                    DatabaseErrorKind::Unknown if is_of_data(&message) => StoreError::Bug(message),
                    _ => StoreError::Unavailable(message),
                }
            }
            DieselError::BrokenTransactionManager => StoreError::Unavailable(error.to_string()),
            _ => StoreError::Bug(error.to_string()),
        }
    }
}

/// SQLite and PostgreSQL give most errors no kind of their own; those of the data, unlike those of
/// disk, lock and connection, come back with every retry.
fn is_of_data(message: &str) -> bool {
    const ELSEWHERE: [&str; 18] = [
        "locked",
        "busy",
        "disk",
        "full",
        "I/O",
        "unable to open",
        "readonly",
        "connection",
        "terminat",
        "timeout",
        "shut",
        "starting up",
        "recovery",
        "no space",
        "could not",
        "deadlock",
        "memory",
        "SSL",
    ];
    !ELSEWHERE.iter().any(|word| message.contains(word))
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

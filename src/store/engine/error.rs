//! What can go wrong in the store.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::domain::kernel::problem::Rejection;
use crate::vault::VaultError;

/// Why the store could not serve a call.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The queue is full; the store did not try.
    #[error("too many requests are waiting")]
    Busy,
    /// The read had its time, or nobody waits for it any more.
    #[error("the read took too long")]
    Slow,
    /// The database is unreachable, full, locked or broken. As far as the store knows, nothing took effect.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// A stored value is damaged.
    #[error("corrupt: {0}")]
    Corrupt(String),
    /// The database is not one that this program may work on; the message says what to do.
    #[error("{0}")]
    Unfit(String),
    /// A defect of this program.
    #[error("defect: {0}")]
    Bug(String),
    /// The rules refuse the command.
    #[error("refused")]
    Rejected(Rejection),
}

impl StoreError {
    /// Whether the caller must close the connection.
    pub fn is_of_connection(&self) -> bool {
        matches!(self, StoreError::Unavailable(_))
    }
}

impl From<DieselError> for StoreError {
    /// The message text cannot decide, because its language depends on the server's `lc_messages`. Diesel passes on only
    /// the kinds of constraint violations (class 23 of the SQLSTATEs). Everything else is a fault of the environment, which
    /// says nothing about the rows of the statement: disk, lock, timeout, cancellation, or a table that is away.
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
                    Kind::Unknown if is_of_sqlites_data(&message) => StoreError::Bug(message),
                    _ => StoreError::Unavailable(message),
                }
            }
            DieselError::BrokenTransactionManager
            | DieselError::RollbackErrorOnCommit { .. }
            | DieselError::AlreadyInTransaction
            | DieselError::NotInTransaction => StoreError::Unavailable(error.to_string()),
            _ => StoreError::Bug(error.to_string()),
        }
    }
}

/// Whether the message is SQLite's for a constraint without a kind in Diesel, a value of the wrong type, or a value
/// that is too long. These texts are part of the library and exist only in English.
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
        // serde's message may quote values, so only its category goes on.
        StoreError::Corrupt(format!("a stored document does not parse ({:?})", error.classify()))
    }
}

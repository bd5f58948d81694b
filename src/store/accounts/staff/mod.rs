//! Members of staff: rows, links, sessions, signing in.
//!
//! A write locks the organisation's row first where it could take the last owner away, then the member's row. So the sessions,
//! the second factor and the role of a member change one after the other, also with several instances.

mod links;
mod members;
mod rows;
pub(crate) mod sealed;
mod sessions;
mod sign_in;
mod views;
mod welcome;

pub use self::members::TheirTokens;
pub use self::sign_in::{Confirmed, StaffAccount, StaffAttempt, StaffSession};
pub use self::views::StaffView;
pub use self::welcome::FoundLink;

//! Who may do what: request tokens, passwords, and signing in to the portal (rules 1).

pub mod link;
pub mod password;
pub mod sight;
pub mod sign_in;
pub mod token;

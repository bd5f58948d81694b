//! Who may do what: request tokens, passwords, signing in to the portal, and staff (rules 1).

pub mod acts;
pub mod link;
pub mod password;
pub mod second_factor;
pub mod sight;
pub mod sign_in;
pub mod staff;
pub mod token;

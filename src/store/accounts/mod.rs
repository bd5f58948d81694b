//! Request tokens, and the portal's links, sessions and sign-in attempts.

pub(crate) mod attempts;
pub(crate) mod links;
pub(crate) mod portal;
pub(crate) mod sessions;
pub(crate) mod tokens;

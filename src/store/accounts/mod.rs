//! Request tokens; the portal's links, sessions and sign-in attempts; members of staff.

pub(crate) mod attempts;
pub(crate) mod links;
pub(crate) mod portal;
pub(crate) mod sessions;
pub(crate) mod staff;
pub(crate) mod tokens;

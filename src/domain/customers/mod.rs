//! The customer: the record, the fields, what a request may send, who matches whom, and what history shows.
//!
//! Start at [`record`], then [`draft`] (a checked request), [`identifier`] and [`matching`].

pub mod apply;
pub mod change;
pub mod consent;
pub mod country;
pub mod draft;
pub mod email;
pub mod fields;
pub mod fill;
pub mod history;
pub mod identifier;
pub mod lifecycle;
pub mod mask;
pub mod matching;
pub mod phone;
pub mod record;

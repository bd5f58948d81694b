//! The rules: what a customer is, who matches whom, what a write decides.
//!
//! Nothing here knows HTTP, SQL, async, the clock or the environment: time, ids and stored facts
//! come in as arguments, so that every rule can be tested with plain values.
//! Start reading at [`customer`] (what is kept), then [`draft`] (what may be sent), [`identifier`]
//! (who is who) and [`decide`] (what happens).

pub mod apply;
pub mod command;
pub mod consent;
pub mod contact;
pub mod customer;
pub mod decide;
pub mod draft;
pub mod entrypoint;
pub mod export;
pub mod fields;
pub mod filter;
pub mod history;
pub mod identifier;
pub mod import;
pub mod invite;
pub mod json;
pub mod mail;
pub mod mask;
pub mod matching;
pub mod members;
pub mod money;
pub mod password;
pub mod portal;
pub mod problem;
pub mod settings;
pub mod storefront;
pub mod text;
pub mod time;
pub mod token;
pub mod world;

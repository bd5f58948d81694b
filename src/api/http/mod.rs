//! The common parts of all routes: tokens, bodies, parameters, errors, route table, OpenAPI document.

pub(crate) mod allowance;
pub mod auth;
pub(crate) mod body;
pub(crate) mod call;
pub(crate) mod compression;
pub mod connections;
pub(crate) mod deadlines;
pub(crate) mod docs;
pub(crate) mod edge;
pub(crate) mod error;
pub(crate) mod framing;
pub(crate) mod gate;
pub(crate) mod head;
pub(crate) mod health;
pub(crate) mod json;
pub(crate) mod meters;
pub(crate) mod params;
pub(crate) mod pieces;
pub mod rate_limits;
pub(crate) mod request;
pub(crate) mod routes;
pub(crate) mod security;
pub mod state;
pub(crate) mod static_file;
pub mod wire;

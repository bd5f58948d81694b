//! Customary: the customer-records service for payment platforms.
//!
//! ARCHITECTURE.md is the map. In short: `main → app → {console → api, portal → web, jobs} → export → store → {domain, vault}`;
//! `domain` and `vault` import no other module of this crate. `store` knows no HTTP. `api`, `portal` and `jobs` know no SQL.

pub mod api;
pub mod app;
pub mod clock;
pub mod config;
pub mod console;
pub mod documents;
pub mod domain;
pub mod export;
pub mod hashing;
pub mod jobs;
pub mod mail;
pub mod portal;
pub mod provider;
pub(crate) mod server;
pub mod store;
pub mod telemetry;
pub mod vault;
pub(crate) mod web;

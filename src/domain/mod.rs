//! The rules: what a customer is, who matches whom, what a write decides.
//!
//! Nothing here knows HTTP, SQL, async, the clock or the environment: time, ids and stored facts
//! come in as arguments, so that every rule can be tested with plain values.
//! Start with [`customers::record`] (what the service stores), then read [`customers::draft`] (what a request may
//! send), [`customers::identifier`] (which records are one person) and [`decide`] (what a command does).

pub mod accounts;
pub mod addresses;
pub mod bulk;
pub mod comments;
pub mod coupons;
pub mod customers;
pub mod decide;
pub mod entrypoints;
pub mod exports;
pub mod filter;
pub mod imports;
pub mod invitations;
pub mod invoices;
pub mod kernel;
pub mod labels;
pub mod mail;
pub mod methods;
pub mod numbers;
pub mod orders;
pub mod products;
pub mod provider;
pub mod references;
pub mod requests;
pub mod spelling;
pub mod statistics;
pub mod subscriptions;
pub mod transactions;
pub mod view;

//! The black-box tests: they start the built program as processes and talk HTTP to it. They are one binary, because
//! linking takes most of the build; each subject has a module. Start reading in `harness`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::print_stdout,
    clippy::needless_pass_by_value,
    clippy::too_many_lines,
    clippy::disallowed_methods,
    unreachable_pub,
    reason = "a test that cannot go on stops at once and says where; tests own their clock, randomness and output"
)]

mod harness;

mod address_columns;
mod addresses;
mod bad_input;
mod batch;
mod brought;
mod cards;
mod citations;
mod cli;
mod comments;
mod console;
mod conventions;
mod coupons;
mod crash;
mod customer_page;
mod database_tls;
mod details;
mod docs;
mod examples;
mod exports;
mod faults;
mod fresh;
mod idempotency;
mod import_files;
mod imports;
mod invoices;
mod labels;
mod layers;
mod lifecycle;
mod lists;
mod mail;
mod matching;
mod methods;
mod openapi;
mod orders;
mod overload;
mod payment_guide;
mod portal;
mod products;
mod provider;
mod query_plans;
mod races;
mod records;
mod references;
mod requests;
mod rotation;
mod sdk;
mod sealed;
mod staff;
mod subscriptions;
mod support;
mod texts;
mod token_storage;
mod tokens;
mod transaction_lists;
mod transactions;
mod webhooks;

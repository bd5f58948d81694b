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

mod bad_input;
mod batch;
mod citations;
mod cli;
mod conventions;
mod crash;
mod database_tls;
mod docs;
mod examples;
mod exports;
mod faults;
mod idempotency;
mod import_files;
mod imports;
mod layers;
mod lists;
mod mail;
mod matching;
mod openapi;
mod overload;
mod portal;
mod query_plans;
mod races;
mod records;
mod rotation;
mod sdk;
mod sealed;
mod support;
mod texts;
mod tokens;

//! What the benches share: systems under test, load, and reports.

pub mod ceiling;
pub mod http;
pub mod import;
pub mod load;
pub mod peers;
pub mod people;
pub mod plain;
pub mod postgres;
pub mod process;
pub mod quiet;
pub mod report;
pub mod service;
pub mod stats;

//! Subject-independent parts: connections, prepared statements, the writer and its queue, readers, migrations.

mod address;
pub(crate) mod checkpointer;
pub(crate) mod conn;
pub(crate) mod error;
pub(crate) mod fair_queue;
pub(crate) mod files;
pub(crate) mod health;
pub(crate) mod migrate;
pub(crate) mod ordered;
pub(crate) mod prepared;
pub(crate) mod queue;
pub(crate) mod reader;
pub(crate) mod schema;
pub(crate) mod writer;

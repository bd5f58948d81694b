//! The examples of the OpenAPI document: real answers, recorded by a test into `openapi/examples.json`.

use std::sync::LazyLock;

use serde_json::Value;

static RECORDED: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../openapi/examples.json")).unwrap_or_default()
});

/// The answer of an operation.
pub(crate) fn of_operation(id: &str) -> Option<Value> {
    RECORDED.pointer(&format!("/answers/{id}")).cloned()
}

/// The request of an operation.
pub(crate) fn of_request(id: &str) -> Option<Value> {
    RECORDED.pointer(&format!("/requests/{id}")).cloned()
}

/// The body of an error.
pub(crate) fn of_error(status: &str) -> Option<Value> {
    RECORDED.pointer(&format!("/errors/{status}")).cloned()
}

//! The examples of the OpenAPI document: real answers, recorded by a test into `openapi/examples.json`.

use std::sync::LazyLock;

use serde_json::Value;

static RECORDED: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../openapi/examples.json")).unwrap_or_default()
});

/// The answer or the request of an operation, or the body of an error status.
pub(crate) fn recorded(kind: &str, id: &str) -> Option<Value> {
    RECORDED.pointer(&format!("/{kind}/{id}")).cloned()
}

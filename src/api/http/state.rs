//! The state that all handlers share.

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::Semaphore;

use super::auth::Guard;
use super::rate_limits::Limits;
use crate::store::Store;

/// The running service, for handlers.
#[derive(Debug)]
pub struct App {
    /// The store.
    pub store: Arc<Store>,
    /// The maximum size of an imported file, in bytes.
    pub import_bytes_max: u64,
    /// How long the links of invitations and consent mails are valid, in seconds.
    pub link_ttl_secs: i64,
    /// Which tokens are in force.
    pub guard: Arc<Guard>,
    /// One permit per core, so that argon2 cannot take every thread.
    pub hashing: Arc<Semaphore>,
    /// The limits on client-credential attempts; always active.
    pub attempts: Limits,
    /// The metrics, for rendering.
    pub metrics: PrometheusHandle,
}

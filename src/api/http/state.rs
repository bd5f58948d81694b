//! What every handler shares.

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::Semaphore;

use super::auth::Guard;
use super::limits::Limits;
use crate::store::Store;

/// The running service, as handlers see it.
#[derive(Debug)]
pub struct App {
    /// The records.
    pub store: Arc<Store>,
    /// The most bytes of an imported file.
    pub import_bytes_max: u64,
    /// How long the links of invitations and consent mails hold, in seconds.
    pub link_ttl_secs: i64,
    /// Which tokens are in force.
    pub guard: Arc<Guard>,
    /// As many permits as cores: argon2 must not take every thread.
    pub hashing: Arc<Semaphore>,
    /// Client-credential attempts, always throttled.
    pub attempts: Limits,
    /// The metrics, to be rendered.
    pub metrics: PrometheusHandle,
}

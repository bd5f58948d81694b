//! The state that all handlers share.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use metrics_exporter_prometheus::PrometheusHandle;

use super::auth::Guard;
use super::connections::Connections;
use super::rate_limits::Limits;
use crate::hashing::HashLane;
use crate::provider::HttpProvider;
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
    /// The operator's payment provider, if there is one.
    pub provider: Option<Arc<HttpProvider>>,
    /// The start of every address for people, without a slash at the end.
    pub public_url: String,
    /// Whether mails go to a mail server, and not only into a folder.
    pub sends_mail: bool,
    /// Which tokens are in force.
    pub guard: Arc<Guard>,
    /// Where passwords of requests are checked and hashed.
    pub hashing: HashLane,
    /// The limits on client-credential attempts; always active.
    pub attempts: Limits,
    /// The open connections.
    pub connections: Arc<Connections>,
    /// The metrics, for rendering.
    pub metrics: PrometheusHandle,
    /// Whether the service is ending: it is not ready, and closes connections after their next answer.
    pub ends: Arc<AtomicBool>,
}

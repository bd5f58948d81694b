//! Liveness, readiness and metrics of the service.

use std::sync::atomic::Ordering;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use serde::Serialize;

use super::body::Params;
use super::error::Error;
use super::state::App;
use crate::clock;

/// The service's state.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct HealthOut {
    /// `ok`.
    status: &'static str,
    /// The release.
    version: &'static str,
}

impl HealthOut {
    const OK: HealthOut = HealthOut { status: "ok", version: env!("CARGO_PKG_VERSION") };
}

/// Is the process alive
///
/// Answers as long as the process answers at all. Needs no token.
#[utoipa::path(
    tag = "Health",
    responses((status = 200, description = "The process answers", body = HealthOut)),
)]
#[get("/health/live")]
pub(crate) async fn get_live(request: HttpRequest) -> Result<HttpResponse, Error> {
    Params::of(&request).done()?;
    Ok(HttpResponse::Ok().json(HealthOut::OK))
}

/// Is the service ready
///
/// Ready while the database answered within the last 5 s and takes writes, and the service is not about to end; 503 otherwise.
/// Needs no token.
#[utoipa::path(
    tag = "Health",
    responses((status = 200, description = "The database answers and takes writes", body = HealthOut)),
)]
#[get("/health/ready")]
pub(crate) async fn get_ready(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, Error> {
    Params::of(&request).done()?;
    let ends = app.ends.load(Ordering::Relaxed);
    if ends || !app.guard.is_informed(clock::now()) || !app.store.can_write() {
        return Err(Error::Unavailable);
    }
    Ok(HttpResponse::Ok().json(HealthOut::OK))
}

/// Metrics for Prometheus
///
/// Requests by route and status, the writer's batches and queue. Needs no token; keep it off public
/// addresses by your proxy.
#[utoipa::path(
    tag = "Health",
    responses((status = 200, description = "Metrics in Prometheus' text format", body = String, content_type = "text/plain")),
)]
#[get("/metrics")]
pub(crate) async fn get_metrics(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, Error> {
    Params::of(&request).done()?;
    #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "a queue's length")]
    metrics::gauge!("customary_writer_queue_commands").set(app.store.queued() as f64);
    #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "a number of connections")]
    metrics::gauge!("customary_connections").set(app.connections.open() as f64);
    let (hits, misses) = app.store.customers().cache_hits_and_misses();
    metrics::counter!("customary_record_cache_reads_total", "result" => "hit").absolute(hits);
    metrics::counter!("customary_record_cache_reads_total", "result" => "miss").absolute(misses);
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/plain; version=0.0.4"))
        .body(app.metrics.render()))
}

/// The answer for every other address, where only health is told.
pub(crate) async fn nothing() -> Result<HttpResponse, Error> {
    Err(Error::NoRoute)
}

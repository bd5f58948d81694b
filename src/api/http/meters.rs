//! Metrics: what each tells, the number of requests and their duration.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use actix_web::http::Method;
use metrics::{Counter, Histogram, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

const REQUESTS: &str = "customary_http_requests_total";
const REQUEST_SECONDS: &str = "customary_http_request_seconds";
const LONGEST_POLL_SECONDS: &str = "customary_http_longest_poll_seconds";

/// The bounds of the buckets of each histogram.
const BUCKETS: [(&str, &[f64]); 4] = [
    (REQUEST_SECONDS, &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]),
    (LONGEST_POLL_SECONDS, &[0.001, 0.005, 0.025, 0.1, 0.5]),
    ("customary_writer_batch_commands", &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0]),
    ("customary_reader_batch_customers", &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0]),
];

/// How often recorded durations go into their buckets. Until then each takes some memory.
const KEEP_EVERY: Duration = Duration::from_secs(5);

/// Begins to record metrics.
///
/// # Errors
/// Something records metrics already.
pub(crate) fn record() -> Result<PrometheusHandle, BuildError> {
    let mut builder = PrometheusBuilder::new();
    for (name, buckets) in BUCKETS {
        builder = builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), buckets)?;
    }
    let handle = builder.install_recorder()?;
    describe_counter!(REQUESTS, "Answered requests by route, method and status");
    describe_histogram!(REQUEST_SECONDS, "Seconds from a request's head to the head of its answer, by route");
    describe_histogram!(
        LONGEST_POLL_SECONDS,
        "The longest time in seconds that a request kept its thread from other requests, by route"
    );
    describe_counter!("customary_mails_total", "Tries to send a mail, by kind and result");
    describe_counter!(
        "customary_password_verifications_total",
        "Portal passwords that were compared with a hash"
    );
    describe_counter!(
        "customary_record_cache_reads_total",
        "Reads of the record cache by result: hit or miss"
    );
    describe_gauge!("customary_connections", "Open connections of clients");
    describe_gauge!("customary_writer_queue_commands", "Commands and admin tasks that wait for a writer");
    describe_histogram!("customary_writer_batch_commands", "Commands in one write transaction");
    describe_histogram!("customary_reader_batch_customers", "Customers that one statement looked up");
    Ok(handle)
}

/// Empties the lists of recorded durations, for as long as the service runs.
pub(crate) async fn keep(handle: PrometheusHandle) {
    let mut timer = tokio::time::interval(KEEP_EVERY);
    loop {
        timer.tick().await;
        handle.run_upkeep();
    }
}

/// The counters of one route, method and status.
struct Meters {
    method: &'static str,
    status: u16,
    requests: Counter,
    seconds: Histogram,
    longest_poll: Histogram,
}

thread_local! {
    /// By route: a look-up by name and labels would take longer than the counting itself.
    static METERS: RefCell<HashMap<String, Vec<Meters>>> = RefCell::default();
}

pub(crate) fn count(route: &str, method: &Method, status: u16, elapsed: Duration, longest_poll: Duration) {
    let method = label(method);
    let add = |meters: &Meters| {
        meters.requests.increment(1);
        meters.seconds.record(elapsed.as_secs_f64());
        meters.longest_poll.record(longest_poll.as_secs_f64());
    };
    METERS.with_borrow_mut(|known| {
        let mut here = known.get(route).into_iter().flatten();
        if let Some(found) = here.find(|meters| (meters.method, meters.status) == (method, status)) {
            return add(found);
        }
        let new = Meters {
            method,
            status,
            requests: metrics::counter!(REQUESTS, "route" => route.to_owned(), "method" => method, "status" => status.to_string()),
            seconds: metrics::histogram!(REQUEST_SECONDS, "route" => route.to_owned()),
            longest_poll: metrics::histogram!(LONGEST_POLL_SECONDS, "route" => route.to_owned()),
        };
        add(&new);
        known.entry(route.to_owned()).or_default().push(new);
    });
}

/// A method as a label. All unknown methods share one label, so that the number of labels is bounded.
pub(crate) fn label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        _ => "other",
    }
}

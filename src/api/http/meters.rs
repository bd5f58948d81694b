//! Metrics: the number of requests and their duration.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use actix_web::http::Method;
use metrics::{Counter, Histogram};

/// The counters of one route, method and status.
struct Meters {
    method: &'static str,
    status: u16,
    requests: Counter,
    seconds: Histogram,
}

thread_local! {
    /// By route: a look-up by name and labels would take longer than the counting itself.
    static METERS: RefCell<HashMap<String, Vec<Meters>>> = RefCell::default();
}

pub(crate) fn count(route: &str, method: &Method, status: u16, elapsed: Duration) {
    let method = label(method);
    let add = |meters: &Meters| {
        meters.requests.increment(1);
        meters.seconds.record(elapsed.as_secs_f64());
    };
    METERS.with_borrow_mut(|known| {
        let mut here = known.get(route).into_iter().flatten();
        if let Some(found) = here.find(|meters| (meters.method, meters.status) == (method, status)) {
            return add(found);
        }
        let new = Meters {
            method,
            status,
            requests: metrics::counter!("customary_http_requests_total", "route" => route.to_owned(), "method" => method, "status" => status.to_string()),
            seconds: metrics::histogram!("customary_http_request_seconds", "route" => route.to_owned()),
        };
        add(&new);
        known.entry(route.to_owned()).or_default().push(new);
    });
}

/// A method as a label. All unknown methods share one label, so that the number of labels is bounded.
fn label(method: &Method) -> &'static str {
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

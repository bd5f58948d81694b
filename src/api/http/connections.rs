//! How many connections are open, and when one is cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::dev::Extensions;

use super::framing::Body;
use super::wire::{OpenRequest, Requests, Wire};

/// How long the kernel keeps a connection whose client takes no bytes of an answer, in milliseconds (rules 6).
#[cfg(target_os = "linux")]
const UNREAD_MS_MAX: u32 = 30_000;

/// The connections of the service.
#[derive(Debug)]
pub struct Connections {
    open: AtomicUsize,
    /// Those on which no request has begun.
    new: AtomicUsize,
    max: usize,
}

impl Connections {
    /// Beyond `max` connections, requests get 503.
    pub fn new(max: usize) -> Connections {
        Connections { open: AtomicUsize::new(0), new: AtomicUsize::new(0), max }
    }

    /// How many are open.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// How many are open on which no request has begun.
    pub fn new_ones(&self) -> usize {
        self.new.load(Ordering::Relaxed)
    }

    /// Counts a new connection for as long as its data live, and has the kernel close it when its client reads nothing.
    pub fn accept(self: &Arc<Self>, wire: &Wire, data: &mut Extensions) {
        let before = self.open.fetch_add(1, Ordering::Relaxed);
        self.new.fetch_add(1, Ordering::Relaxed);
        let (all, requests) = (Arc::clone(self), wire.requests());
        data.insert(Connection { all, requests, is_surplus: before >= self.max });
        #[cfg(target_os = "linux")]
        if let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(wire.stream(), UNREAD_MS_MAX) {
            tracing::debug!(%error, "a connection has no time limit for unread bytes");
        }
    }
}

/// One connection, as the requests on it see it.
#[derive(Debug)]
pub(crate) struct Connection {
    all: Arc<Connections>,
    requests: Arc<Requests>,
    /// Whether it came when as many connections were open as may be.
    is_surplus: bool,
}

impl Connection {
    /// Counts a request on it.
    pub(crate) fn begin(&self, body: Body, is_safe: bool) -> OpenRequest {
        if !self.requests.have_begun() {
            self.all.new.fetch_sub(1, Ordering::Relaxed);
        }
        self.requests.begin(body, is_safe)
    }

    /// Its requests.
    pub(crate) fn requests(&self) -> Arc<Requests> {
        Arc::clone(&self.requests)
    }

    /// Whether requests on it get 503.
    pub(crate) fn is_surplus(&self) -> bool {
        self.is_surplus
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if !self.requests.have_begun() {
            self.all.new.fetch_sub(1, Ordering::Relaxed);
        }
        self.all.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Raises the soft limit of open files to the hard one; returns how many files may be open.
pub fn raise_file_limit() -> Option<usize> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let limit = if setrlimit(Resource::Nofile, raised).is_ok() { raised } else { limit };
    limit.current.map(|files| usize::try_from(files).unwrap_or(usize::MAX))
}

//! Builds the service from its parts, and runs it.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpServer;
use actix_web::web::Data;
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::sync::Semaphore;

use crate::api;
use crate::api::Shared;
use crate::api::http::auth::Guard;
use crate::api::http::rate_limits::Limits;
use crate::api::http::state::App;
use crate::api::tokens::{DAYS_DEFAULT, new_claims};
use crate::clock;
use crate::config::{ConfigError, Global, Serve};
use crate::domain::accounts::token::{Entries, Scope};
use crate::jobs;
use crate::jobs::StopSignal;
use crate::mail::Transport;
use crate::portal;
use crate::portal::{Portal, PortalSettings};
use crate::store::{DEMO_ENTRY, SessionLimits, Store, StoreError, StoreOptions};

/// After a SIGTERM, open requests have this many seconds to finish.
const SHUTDOWN_SECS: u64 = 6;
/// After the last request, a mail in delivery has this long to finish.
const MAIL_PATIENCE: Duration = Duration::from_secs(2);
/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How many connections the kernel queues before the service accepts them.
const BACKLOG: u32 = 4096;

/// Why the service ended.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The configuration is wrong or unsafe.
    #[error(transparent)]
    Refused(#[from] ConfigError),
    /// The database failed or refused a command.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The operating system failed.
    #[error("{0}")]
    System(String),
}

/// Opens the store for a subcommand other than `serve`.
///
/// # Errors
/// The configuration is wrong, or the database does not open.
pub fn open(global: &Global) -> Result<Store, Failure> {
    let url = global.database()?;
    let master = global.master_key(&url)?;
    let options = StoreOptions {
        url,
        master,
        idempotency_secs: 24 * 3600,
        batch_max: 256,
        writers: 1,
        readers: 1,
        // A command reads each record once.
        record_cache_bytes: 0,
    };
    Ok(Store::open(options)?)
}

fn system(error: impl std::fmt::Display) -> Failure {
    Failure::System(error.to_string())
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn secs(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

fn portal_settings(serve: &Serve) -> PortalSettings {
    PortalSettings {
        base_path: serve.base_path(),
        is_secure: serve.is_secure(),
        session: SessionLimits { idle_secs: secs(serve.session_idle), max_secs: secs(serve.session_max) },
        link_secs: secs(serve.link_ttl),
        first_wait: serve.login_wait,
    }
}

/// Serves until SIGTERM or Ctrl-C. Calls `greet` with the public URL and, on the first start, the first token.
///
/// # Errors
/// The configuration is wrong, the database does not open, or the address is in use.
pub async fn serve(
    global: &Global,
    serve: &Serve,
    greet: impl Fn(&str, Option<&str>),
) -> Result<(), Failure> {
    serve.check(global)?;
    let url = global.database()?;
    let master = global.master_key(&url)?;
    let options = StoreOptions {
        url,
        master,
        idempotency_secs: secs(serve.idempotency_ttl),
        batch_max: usize::from(serve.batch_max),
        writers: usize::from(serve.writers),
        readers: serve.readers.map_or(cores() * 2, usize::from),
        record_cache_bytes: u64::from(serve.record_cache_mb) << 20,
    };
    let (composer, transport) = serve.mail.mailer(global, serve.base_url())?;
    let store = Arc::new(Store::open(options)?);
    let guard = Arc::new(Guard::default());
    let stop = StopSignal::default();
    let asked_at = clock::now();
    let mut watch = store.tokens().watch();
    guard.learn(watch.poll()?, asked_at);
    let learner = Arc::clone(&guard);
    let learn = move |revoked: Option<Vec<String>>, now| match revoked {
        Some(revoked) => learner.learn(revoked, now),
        None => learner.fail(now),
    };
    let watcher = jobs::watch(watch, stop.clone(), learn).map_err(system)?;
    let metrics = PrometheusBuilder::new().install_recorder().map_err(system)?;
    let hashing = Arc::new(Semaphore::new(cores()));
    let settings = portal_settings(serve);
    let session = settings.session;
    let portal = Portal::new(Arc::clone(&store), Arc::clone(&hashing), settings).map_err(system)?;
    let portal = Data::new(portal);
    let state = Data::new(App {
        store: Arc::clone(&store),
        import_bytes_max: serve.import_max_bytes,
        link_ttl_secs: secs(serve.link_ttl),
        guard,
        hashing: Arc::clone(&hashing),
        attempts: Limits::default(),
        metrics,
    });
    let shared = Shared::default();
    let origins = serve.allow_origin.clone();
    let server = HttpServer::new(move || {
        let portal = portal.clone();
        api::application(state.clone(), shared.clone(), origins.clone(), |pages| {
            pages.app_data(portal);
            portal::routes(pages);
        })
    })
    .workers(serve.workers.map_or_else(cores, usize::from))
    .backlog(BACKLOG)
    .client_request_timeout(HEAD_TIMEOUT)
    // Clients and proxies must close idle connections first: a request that is on its way to a closed connection fails.
    .keep_alive(serve.keep_alive)
    .shutdown_timeout(SHUTDOWN_SECS)
    .bind(serve.listen)
    .map_err(|error| {
        let why = format!("cannot listen on {}: {error}; choose another address with --listen", serve.listen);
        Failure::System(why)
    })?;
    // After the bind: if a first start fails because its address is in use, the next start prints the token.
    let token = first_token(&store).await?;
    greet(&serve.base_url(), token.as_deref());
    let workers = [
        actix_web::rt::spawn(jobs::purge(Arc::clone(&store), serve.import_retention, session)),
        actix_web::rt::spawn(jobs::imports::work(Arc::clone(&store), stop.clone())),
        actix_web::rt::spawn(jobs::rotation::work(Arc::clone(&store))),
        actix_web::rt::spawn(jobs::index::work(Arc::clone(&store), stop.clone())),
        actix_web::rt::spawn(jobs::invitations::work(Arc::clone(&store), stop.clone())),
    ];
    if let Transport::Folder(_) = transport {
        tracing::info!("no mail server is set (--smtp-url); the service writes mails to a folder");
    }
    let mails =
        jobs::mail::work(Arc::clone(&store), composer, transport, serve.mail.mail_retry, stop.clone());
    let mut mails = actix_web::rt::spawn(mails);
    server.run().await.map_err(system)?;
    // Finish a delivery that has begun: if it were cut off, nobody would know whether the mail went out.
    stop.now();
    store.mail().wake_workers();
    let _ = tokio::time::timeout(MAIL_PATIENCE, &mut mails).await;
    mails.abort();
    for worker in workers {
        worker.abort();
    }
    watcher.thread().unpark();
    let draining = Arc::clone(&store);
    let flush = actix_web::rt::task::spawn_blocking(move || draining.drain()).await;
    flush.map_err(system)?;
    tracing::info!("stopped");
    Ok(())
}

/// Creates the token for the demo entrypoint; `None` if there is a token already, or if that entrypoint is gone.
async fn first_token(store: &Store) -> Result<Option<String>, StoreError> {
    let entries = Entries::Listed(vec![DEMO_ENTRY.to_owned()]);
    let life_secs = DAYS_DEFAULT * 86_400;
    let claims =
        new_claims("first start".into(), 1, entries, Scope::DEFAULT.to_vec(), clock::now(), life_secs, None);
    store.tokens().create_first(claims).await
}

//! Builds the service from its parts, and runs it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use actix_web::dev::{Server, ServerHandle};
use actix_web::web::Data;
use futures_util::future::join_all;
use strum::VariantArray as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::api;
use crate::api::InsideApi;
use crate::api::Shared;
use crate::api::http::auth::Guard;
use crate::api::http::connections::{Connections, raise_file_limit};
use crate::api::http::meters;
use crate::api::http::rate_limits::Limits;
use crate::api::http::state::App;
use crate::api::http::wire::HEAD_TIMEOUT;
use crate::api::tokens::{DAYS_DEFAULT, new_claims};
use crate::clock;
use crate::config::{ConfigError, Global, Serve};
use crate::console;
use crate::console::{Console, ConsoleSettings};
use crate::domain::accounts::token::{Entries, Scope};
use crate::hashing::HashLane;
use crate::jobs;
use crate::jobs::StopSignal;
use crate::mail::Transport;
use crate::portal;
use crate::portal::{Portal, PortalSettings};
use crate::server::{Listeners, Reception};
use crate::store::{DEMO_ENTRY, DatabaseUrl, SessionLimits, Store, StoreError, StoreOptions};

/// After the last request, a mail in delivery has this long to finish.
const MAIL_PATIENCE: Duration = Duration::from_secs(2);
/// After the last request, imports and invitations have this long to finish a step and to give up their leases.
const JOBS_PATIENCE: Duration = Duration::from_secs(3);
/// After the last request, the look for revoked tokens has this long to end.
const WATCH_PATIENCE: Duration = Duration::from_secs(1);
/// The exit status after a second Ctrl-C, as shells expect it.
const INTERRUPTED: i32 = 130;
/// How many connections beyond `--max-connections` get an answer: health, or 503.
const SURPLUS_CONNECTIONS: usize = 256;
/// How many connections the health address accepts, and how long a client may be silent there. Even if silent clients
/// hold them all, others wait no longer than that.
const HEALTH_CONNECTIONS: usize = 1024;
const HEALTH_PATIENCE: Duration = Duration::from_secs(2);
/// How many files the service opens besides connections of clients and readers.
const OTHER_FILES: usize = 64;
/// How many passwords wait to be hashed for requests of the API, and in the portal. One takes some 30 ms.
const HASHES_OF_API: usize = 256;
const HASHES_OF_PORTAL: usize = 64;

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

/// The token of the first start.
#[derive(Debug)]
pub struct FirstToken {
    /// The token itself.
    pub text: String,
    /// Whether it has every scope for all entrypoints of organisation 1, so that all of Swagger UI can be tried: only where the
    /// database is SQLite and the service listens on loopback (rules 1).
    pub has_every_right: bool,
    /// The token of the link that makes the first owner; `None` if there is a member of staff already.
    pub owner_link: Option<String>,
}

/// Opens the store for a subcommand other than `serve`, which never makes a database.
///
/// # Errors
/// The configuration is wrong, or there is no database, or it does not open.
pub fn open(global: &Global) -> Result<Store, Failure> {
    let url = global.database()?;
    let may_begin = global.may_begin();
    global.require_database(&url)?;
    let master = global.master_key(&url)?;
    let options = StoreOptions {
        url,
        master,
        may_begin,
        idempotency_secs: 24 * 3600,
        batch_max: 256,
        writers: 1,
        readers: 1,
        // A command reads each record once.
        record_cache_bytes: 0,
        may_create: false,
    };
    let store = Store::open(options)?;
    global.has_begun();
    Ok(store)
}

fn system(error: impl std::fmt::Display) -> Failure {
    Failure::System(error.to_string())
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn readers_of(serve: &Serve) -> usize {
    serve.readers.map_or(cores() * 2, usize::from)
}

fn secs(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

fn portal_settings(serve: &Serve) -> PortalSettings {
    PortalSettings {
        has_provider: serve.provider.provider_url.is_some(),
        base_path: serve.base_path(),
        public_url: serve.base_url(),
        is_secure: serve.is_secure(),
        session: SessionLimits { idle_secs: secs(serve.session_idle), max_secs: secs(serve.session_max) },
        link_secs: secs(serve.link_ttl),
        first_wait: serve.login_wait,
    }
}

fn console_settings(serve: &Serve) -> ConsoleSettings {
    let PortalSettings { has_provider, base_path, public_url, is_secure, session, first_wait, .. } =
        portal_settings(serve);
    let security_contacts = serve.security_contact.clone();
    ConsoleSettings { base_path, public_url, has_provider, is_secure, session, first_wait, security_contacts }
}

/// How many connections the service serves: as many as set, if it may open as many files.
fn connections_max(serve: &Serve) -> usize {
    let wanted = serve.max_connections;
    let Some(files) = raise_file_limit() else { return wanted };
    // A reader of SQLite opens the database, its log and its index.
    let health = if serve.health_listen.is_some() { HEALTH_CONNECTIONS } else { 0 };
    let others = OTHER_FILES + SURPLUS_CONNECTIONS + health + 3 * readers_of(serve);
    let possible = files.saturating_sub(others).max(1);
    if possible < wanted {
        tracing::warn!(files, connections = possible, "few files may be open: raise the limit (ulimit -n)");
    }
    wanted.min(possible)
}

/// SIGTERM and Ctrl-C.
struct StopSignals(Signal, Signal);

impl StopSignals {
    fn listen() -> std::io::Result<StopSignals> {
        Ok(StopSignals(signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?))
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.0.recv() => {}
            _ = self.1.recv() => {}
        }
    }
}

/// The guard of the tokens, and the thread that tells it which are revoked.
///
/// # Errors
/// The database does not answer, or the system refused a thread.
fn guard(store: &Store, stop: StopSignal) -> Result<(Arc<Guard>, JoinHandle<()>), Failure> {
    let guard = Arc::new(Guard::default());
    let asked_at = clock::now();
    let mut watch = store.tokens().watch();
    guard.learn(watch.poll()?, asked_at);
    let learner = Arc::clone(&guard);
    let learn = move |revoked: Option<Vec<String>>, now| match revoked {
        Some(revoked) => learner.learn(revoked, now),
        None => learner.fail(now),
    };
    let watcher = jobs::watch(watch, stop, learn).map_err(system)?;
    Ok((guard, watcher))
}

/// Goes on to answer for a while: clients with open connections, and a load balancer that has not noticed yet, send more.
async fn drain(connections: &Connections, patience: Duration) {
    if connections.open() > 0 {
        tokio::time::sleep(patience).await;
    }
}

/// How the service opens its store, whose folder and master key it makes at a first start.
///
/// # Errors
/// The configuration is wrong, or the folder or the key cannot be made.
fn options_to_serve(global: &Global, serve: &Serve) -> Result<StoreOptions, Failure> {
    let url = global.database()?;
    let may_begin = global.may_begin();
    global.make_folder()?;
    let master = global.master_key(&url)?;
    Ok(StoreOptions {
        url,
        master,
        may_begin,
        idempotency_secs: secs(serve.idempotency_ttl),
        batch_max: usize::from(serve.batch_max),
        writers: usize::from(serve.writers),
        readers: readers_of(serve),
        record_cache_bytes: u64::from(serve.record_cache_mb) << 20,
        may_create: true,
    })
}

/// Serves until SIGTERM or Ctrl-C, and then lets running requests finish. Calls `greet` once it listens, with the first
/// token on the first start.
///
/// # Errors
/// The configuration is wrong, the database does not open, or the address is in use.
#[expect(clippy::too_many_lines, reason = "one step of the start after the other")]
pub async fn serve(
    global: &Global,
    serve: &Serve,
    greet: impl Fn(Option<&FirstToken>),
) -> Result<(), Failure> {
    serve.check(global)?;
    let options = options_to_serve(global, serve)?;
    let is_embedded = matches!(options.url, DatabaseUrl::Sqlite(_));
    let (composer, transport) = serve.mail.mailer(global, serve.base_url())?;
    let provider = serve.provider.provider()?.map(Arc::new);
    let folder = serve.mail.folder(global, &transport);
    folder.iter().for_each(jobs::mail::remove_drafts);
    let store = Arc::new(Store::open(options)?);
    global.has_begun();
    // Only now is it known that the file is a database of this service.
    global.close_to_others(&global.database()?);
    let stop = StopSignal::default();
    let (guard, watcher) = guard(&store, stop.clone())?;
    let metrics = meters::record().map_err(system)?;
    let hash_threads = cores().div_ceil(2);
    let settings = portal_settings(serve);
    let session = settings.session;
    let hashing = HashLane::new(hash_threads, HASHES_OF_PORTAL);
    let portal = Portal::new(Arc::clone(&store), hashing, settings).map_err(system)?;
    let portal = Data::new(portal);
    let hashing = HashLane::new(hash_threads, HASHES_OF_PORTAL);
    let console = Console::new(Arc::clone(&store), hashing, console_settings(serve)).map_err(system)?;
    let console = Data::new(console);
    let connections_max = connections_max(serve);
    let connections = Arc::new(Connections::new(connections_max));
    let ends = Arc::new(AtomicBool::new(false));
    let state = Data::new(App {
        store: Arc::clone(&store),
        import_bytes_max: serve.import_max_bytes,
        link_ttl_secs: secs(serve.link_ttl),
        provider: provider.clone(),
        public_url: serve.base_url(),
        sends_mail: matches!(transport, Transport::Smtp(..)),
        guard,
        hashing: HashLane::new(hash_threads, HASHES_OF_API),
        attempts: Limits::default(),
        connections: Arc::clone(&connections),
        metrics: metrics.clone(),
        ends: Arc::clone(&ends),
    });
    let shared = Shared::default();
    let health = health_server(serve, &state, &shared)?;
    let listeners = Listeners::bind(serve.listen.addresses())
        .map_err(|error| cannot_listen(&serve.listen, &error, "--listen"))?;
    let server = http_server(&listeners, serve, state, shared, (portal, console), connections_max)?;
    let mut signals = StopSignals::listen().map_err(system)?;
    // After the bind: if a first start fails because its address is in use, the next start prints the token.
    let token = first_token(&store, is_embedded && serve.listen.is_loopback()).await?;
    greet(token.as_ref());
    let workers = [
        actix_web::rt::spawn(jobs::purge(Arc::clone(&store), serve.import_retention, session)),
        actix_web::rt::spawn(jobs::rotation::work(Arc::clone(&store))),
        actix_web::rt::spawn(meters::keep(metrics)),
    ];
    let mut leaseholders = [
        actix_web::rt::spawn(jobs::imports::work(Arc::clone(&store), stop.clone())),
        actix_web::rt::spawn(jobs::index::work(Arc::clone(&store), stop.clone())),
        actix_web::rt::spawn(jobs::invitations::work(Arc::clone(&store), stop.clone())),
        actix_web::rt::spawn(jobs::labels::work(Arc::clone(&store), stop.clone())),
        actix_web::rt::spawn(jobs::lifecycle::work(Arc::clone(&store), stop.clone())),
        actix_web::rt::spawn(jobs::provider::work(Arc::clone(&store), provider, stop.clone())),
    ];
    if let Transport::Folder(folder) = &transport {
        let folder = folder.path().display();
        tracing::info!(%folder, "no mail server is set (--smtp-url); the service writes mails to a folder");
    }
    let sweeper = folder.map(|folder| actix_web::rt::spawn(jobs::mail::sweep(Arc::clone(&store), folder)));
    let mails =
        jobs::mail::work(Arc::clone(&store), composer, transport, serve.mail.mail_retry, stop.clone());
    let mut mails = actix_web::rt::spawn(mails);
    let handle = server.handle();
    let mut serving = actix_web::rt::spawn(server);
    tokio::select! {
        ended = &mut serving => return Err(system(ended.map_or_else(|error| error.to_string(), |ended| format!("the server ended: {ended:?}")))),
        () = signals.next() => {}
    }
    end_on_interrupt()?;
    ends.store(true, Ordering::Relaxed);
    let ending = async move {
        drain(&connections, serve.drain).await;
        listeners.close(&connections).await;
    };
    tokio::select! {
        () = ending => {}
        () = signals.next() => {}
    }
    handle.stop(true).await;
    serving.await.map_err(system)?.map_err(system)?;
    // Finish a delivery that has begun: if it were cut off, nobody would know whether the mail went out. And a lease that
    // were kept would hold up its job after the next start.
    stop.now();
    store.mail().wake_workers();
    let _ = tokio::join!(
        tokio::time::timeout(MAIL_PATIENCE, &mut mails),
        tokio::time::timeout(JOBS_PATIENCE, join_all(&mut leaseholders)),
    );
    mails.abort();
    for worker in workers.into_iter().chain(leaseholders).chain(sweeper) {
        worker.abort();
    }
    close(store, watcher).await?;
    if let Some(health) = health {
        health.stop(false).await;
    }
    tracing::info!("stopped");
    Ok(())
}

/// Closes the store once the look for revoked tokens has ended.
///
/// # Errors
/// The store panicked.
async fn close(store: Arc<Store>, watcher: JoinHandle<()>) -> Result<(), Failure> {
    let closed = actix_web::rt::task::spawn_blocking(move || {
        watcher.thread().unpark();
        // A server that does not answer may hold it up; only SQLite needs its end, and there a look takes no time.
        let until = Instant::now() + WATCH_PATIENCE;
        while !watcher.is_finished() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(2));
        }
        store.close();
    });
    closed.await.map_err(system)
}

/// The server of the API and the portal.
///
/// # Errors
/// The system refused a copy of a socket.
fn http_server(
    listeners: &Listeners,
    serve: &Serve,
    state: Data<App>,
    shared: Shared,
    (portal, console): (Data<Portal>, Data<Console>),
    connections_max: usize,
) -> Result<Server, Failure> {
    let origins = serve.allow_origin.clone();
    let reception = Reception {
        connections: Arc::clone(&state.connections),
        workers: serve.workers.map_or_else(cores, usize::from),
        accepted_max: connections_max + SURPLUS_CONNECTIONS,
        keep_alive: serve.keep_alive,
        head_timeout: HEAD_TIMEOUT,
    };
    let application = move || {
        let (portal, console) = (portal.clone(), console.clone());
        let inside = InsideApi::new(state.clone(), shared.clone());
        api::application(state.clone(), shared.clone(), origins.clone(), |pages| {
            pages.app_data(portal).app_data(console);
            portal::routes(pages);
            console::routes(pages, inside);
        })
    };
    listeners.server(&reception, application).map_err(system)
}

/// From now on Ctrl-C ends the process at once.
fn end_on_interrupt() -> Result<(), Failure> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(system)?;
    actix_web::rt::spawn(async move {
        if interrupt.recv().await.is_some() {
            tracing::warn!("stopped at once, without waiting for running requests");
            std::process::exit(INTERRUPTED);
        }
    });
    Ok(())
}

fn cannot_listen(address: impl std::fmt::Display, error: &std::io::Error, option: &str) -> Failure {
    Failure::System(format!("cannot listen on {address}: {error}; choose another address with {option}"))
}

/// Starts a server that only tells how the service is, on a thread of its own, if it has an address.
fn health_server(serve: &Serve, state: &Data<App>, shared: &Shared) -> Result<Option<ServerHandle>, Failure> {
    let Some(listen) = &serve.health_listen else { return Ok(None) };
    let (state, shared) = (state.clone(), shared.clone());
    let listeners = Listeners::bind(listen.addresses())
        .map_err(|error| cannot_listen(listen, &error, "--health-listen"))?;
    let reception = Reception {
        connections: Arc::new(Connections::new(HEALTH_CONNECTIONS)),
        workers: 1,
        accepted_max: HEALTH_CONNECTIONS,
        // Whoever asks for health asks at once, and waits for the answer.
        keep_alive: HEALTH_PATIENCE,
        head_timeout: HEALTH_PATIENCE,
    };
    let application = move || api::health_application(state.clone(), shared.clone());
    let server = listeners.server(&reception, application).map_err(system)?;
    let handle = server.handle();
    actix_web::rt::spawn(server);
    Ok(Some(handle))
}

/// Creates the first token: with every right, or with those on the customers of the demo entrypoint. `None` if there is a
/// token already, or if that entrypoint is gone.
async fn first_token(store: &Store, has_every_right: bool) -> Result<Option<FirstToken>, StoreError> {
    let (entries, scopes) = if has_every_right {
        (Entries::All, Scope::VARIANTS.to_vec())
    } else {
        (Entries::Listed(vec![DEMO_ENTRY.to_owned()]), Scope::DEFAULT.to_vec())
    };
    let life_secs = DAYS_DEFAULT * 86_400;
    let claims = new_claims("first start".into(), 1, entries, scopes, clock::now(), life_secs, None);
    let Some(text) = store.tokens().create_first(claims).await? else { return Ok(None) };
    let owner_link = store.staff().first_owner_link(1).await?;
    Ok(Some(FirstToken { text, has_every_right, owner_link }))
}

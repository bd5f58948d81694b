//! The customer portal: pages under `/portal/{entry}` on which an entrypoint's customers set a password, sign in, see and
//! edit their own record. Rendered here, without any script; [`routes`] is every page on one screen.
//!
//! A page is a [`visit::Visit`] of an entrypoint. An address that leads on is made here, never taken from a request. What
//! other pages share with these is in `web`.

mod change_password;
mod consent;
mod edit;
mod forgot;
mod record;
mod set_password;
mod sign_in;
mod texts;
mod visit;

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{self, Data, ServiceConfig, get, post};
use actix_web::{HttpRequest, HttpResponse};
use tokio::sync::Semaphore;

use self::visit::Visit;
use crate::domain::accounts::password::{self, Weakness};
use crate::store::{SessionLimits, Store, StoreError};
use crate::vault::VaultError;
use crate::vault::hash_of_nobody;
use crate::vault::hash_password;
use crate::vault::verify_password;
use crate::web::page::refusal;
use crate::web::{PageError, files};

/// How the portal is set.
#[derive(Debug, Clone)]
pub struct PortalSettings {
    /// The part of the public address between host and `/portal`: empty, or `/…` without a slash at its end.
    pub base_path: String,
    /// Whether cookies are for encrypted connections only.
    pub is_secure: bool,
    /// How long sessions last.
    pub session: SessionLimits,
    /// How long links of fresh invitations hold, in seconds.
    pub link_secs: i64,
    /// How long an attempt to sign in waits after five failures.
    pub first_wait: Duration,
}

/// What all pages share.
#[derive(Debug)]
pub struct Portal {
    store: Arc<Store>,
    hashing: Arc<Semaphore>,
    settings: PortalSettings,
    /// The hash that is verified if there is no account, so that the answer takes as long.
    nobody_hash: String,
}

impl Portal {
    /// A portal on some records. `hashing` holds the permits for everything that hashes passwords.
    ///
    /// # Errors
    /// [`VaultError::NoRandomness`].
    pub fn new(
        store: Arc<Store>,
        hashing: Arc<Semaphore>,
        settings: PortalSettings,
    ) -> Result<Portal, VaultError> {
        let nobody_hash = hash_of_nobody()?;
        Ok(Portal { store, hashing, settings, nobody_hash })
    }

    /// Whether a password is the one of a hash. Without a hash it does the same work for nothing.
    async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool, PageError> {
        let hash = hash.unwrap_or(&self.nobody_hash).to_owned();
        let password = zeroize::Zeroizing::new(password.to_owned());
        // The tests count the work, not the time.
        metrics::counter!("customary_password_verifications_total").increment(1);
        self.off_thread(move || verify_password(&password, &hash)).await
    }

    /// The hash of a new password, or why it is refused.
    async fn hash(&self, password: &str, known: Vec<String>) -> Result<Result<String, Weakness>, PageError> {
        let password = zeroize::Zeroizing::new(password.to_owned());
        let hashed = self
            .off_thread(move || match password::weakness(&password, &known) {
                Some(weakness) => Ok(Err(weakness)),
                None => hash_password(&password).map(Ok),
            })
            .await?;
        hashed.map_err(|error| PageError::Defect(error.to_string()))
    }

    /// Runs hashing off the threads that answer requests, on as many as there are cores.
    async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PageError> {
        let gone = |_| PageError::Defect("the hashing threads are gone".into());
        let _permit =
            self.hashing.acquire().await.map_err(|_| PageError::Defect("no more hashing".into()))?;
        web::block(work).await.map_err(gone)
    }
}

impl From<StoreError> for PageError {
    fn from(error: StoreError) -> PageError {
        match error {
            StoreError::Rejected(_) => PageError::NotFound,
            StoreError::Busy | StoreError::Unavailable(_) => PageError::Unavailable,
            error => PageError::Defect(error.to_string()),
        }
    }
}

/// Every page.
pub fn routes(config: &mut ServiceConfig) {
    let page = |path: &str| web::resource(format!("/portal/{{entry}}{path}"));
    config
        .service(page("").route(get().to(record::start)))
        .service(page("/sign-in").route(get().to(sign_in::show)).route(post().to(sign_in::send)))
        .service(page("/sign-out").route(post().to(sign_in::sign_out)))
        .service(page("/forgot-password").route(get().to(forgot::show)).route(post().to(forgot::send)))
        .service(
            page("/set-password/{token}")
                .route(get().to(set_password::show))
                .route(post().to(set_password::send)),
        )
        .service(page("/consent/{token}").route(get().to(consent::show)).route(post().to(consent::send)))
        .service(page("/record").route(get().to(record::show)))
        .service(page("/edit").route(get().to(edit::show)).route(post().to(edit::send)))
        .service(
            page("/change-password")
                .route(get().to(change_password::show))
                .route(post().to(change_password::send)),
        )
        .service(page("/withdraw-consent").route(post().to(consent::withdraw)))
        .service(page("/style.css").route(get().to(style)))
        .service(page("/icon.svg").route(get().to(icon)))
        .service(web::scope("/portal").default_service(web::to(nothing)));
}

/// Runs a page's action, and renders a page for every error.
async fn answer<'a>(
    portal: &'a Portal,
    request: &'a HttpRequest,
    action: impl AsyncFnOnce(&Visit<'a>) -> Result<HttpResponse, PageError>,
) -> HttpResponse {
    let visit = match Visit::new(portal, request).await {
        Ok(visit) => visit,
        Err(refused) => return refusal(None, &refused),
    };
    match action(&visit).await {
        Ok(response) => response,
        Err(refused) => refusal(Some(visit.frame(None)), &refused),
    }
}

/// `GET /portal/{entry}/style.css`.
async fn style(request: HttpRequest, portal: Data<Portal>) -> HttpResponse {
    answer(&portal, &request, async |visit: &Visit<'_>| Ok(files::style(visit.entrypoint.color()))).await
}

/// `GET /portal/{entry}/icon.svg`.
async fn icon(request: HttpRequest, portal: Data<Portal>) -> HttpResponse {
    answer(&portal, &request, async |visit: &Visit<'_>| {
        files::icon(visit.entrypoint.color(), visit.entrypoint.store_name())
    })
    .await
}

/// The answer for every other address.
async fn nothing() -> HttpResponse {
    refusal(None, &PageError::NotFound)
}

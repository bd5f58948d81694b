//! The customer portal: pages under `/portal/{entry}` where customers of an entrypoint set a password, sign in, and see
//! and edit their own record. The server renders all pages, without scripts; [`routes`] lists them on one screen.
//!
//! A page is a [`visit::Visit`] of an entrypoint. Addresses in links and redirects are made here, never taken from a
//! request. `web` holds what these pages share with other pages.

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

/// The options of the portal.
#[derive(Debug, Clone)]
pub struct PortalSettings {
    /// The path in the public address before `/portal`: empty, or `/…` without a slash at the end.
    pub base_path: String,
    /// Whether cookies need an encrypted connection.
    pub is_secure: bool,
    /// How long sessions last.
    pub session: SessionLimits,
    /// How long the links of new invitations are valid, in seconds.
    pub link_secs: i64,
    /// How long a sign-in attempt waits after five failures.
    pub first_wait: Duration,
}

/// The state that all pages share.
#[derive(Debug)]
pub struct Portal {
    store: Arc<Store>,
    hashing: Arc<Semaphore>,
    settings: PortalSettings,
    /// The hash to verify when there is no account, so that the answer takes the same time.
    nobody_hash: String,
}

impl Portal {
    /// A portal on a store. `hashing` limits how many passwords are hashed at the same time.
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

    /// Whether a password matches a hash. Without a hash it does the same work and returns false.
    async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool, PageError> {
        let hash = hash.unwrap_or(&self.nobody_hash).to_owned();
        let password = zeroize::Zeroizing::new(password.to_owned());
        // The tests count this work instead of measuring time.
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

    /// Runs hashing outside the threads that answer requests, on as many threads as there are cores.
    async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PageError> {
        let gone = |_| PageError::Defect("the hashing threads have stopped".into());
        let _permit =
            self.hashing.acquire().await.map_err(|_| PageError::Defect("hashing has stopped".into()))?;
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

/// Registers every page.
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

/// Runs the action of a page, and renders a page for every error.
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

/// The answer for every other path.
async fn nothing() -> HttpResponse {
    refusal(None, &PageError::NotFound)
}

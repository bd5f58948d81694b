//! The customer portal: pages under `/portal/{entry}` where customers of an entrypoint set a password, sign in, and see
//! and edit their own record; and the pages of requests under `/pay/{entry}`. The server renders all pages, without scripts; [`routes`] lists them on one screen.
//!
//! A page is a [`visit::Visit`] of an entrypoint. Addresses in links and redirects are made here, never taken from a
//! request. `web` holds what these pages share with other pages.

mod change_password;
mod consent;
mod edit;
mod fields;
mod forgot;
mod invoices;
mod methods;
mod orders;
mod own;
mod pay;
mod record;
mod requests;
mod set_password;
mod sign_in;
mod texts;
mod visit;

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{self, Data, Payload, ServiceConfig, get, post};
use actix_web::{HttpRequest, HttpResponse, Route};

use self::pay::limits::PayLimits;
use self::visit::{SignedIn, Visit};
use crate::domain::accounts::password::{self, Weakness};
use crate::domain::entrypoints::theme::COLOR_DEFAULT;
use crate::hashing::{HashLane, LaneError};
use crate::store::{SessionLimits, Store, StoreError};
use crate::vault::VaultError;
use crate::vault::hash_of_nobody;
use crate::vault::hash_password;
use crate::vault::verify_password;
use crate::web::form::Form;
use crate::web::page::refusal;
use crate::web::{PageError, PageResult, files};

/// The options of the portal.
#[derive(Debug, Clone)]
pub struct PortalSettings {
    /// The path in the public address before `/portal`: empty, or `/…` without a slash at the end.
    pub base_path: String,
    /// The start of every address for people, without a slash at the end.
    pub public_url: String,
    /// Whether the service knows the operator's payment provider.
    pub has_provider: bool,
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
    hashing: HashLane,
    settings: PortalSettings,
    /// The hash to verify when there is no account, so that the answer takes the same time.
    nobody_hash: String,
    /// How often the pages of requests may be asked for.
    pay_limits: PayLimits,
}

impl Portal {
    /// A portal on a store; it checks and hashes passwords in the lane `hashing`.
    ///
    /// # Errors
    /// [`VaultError::NoRandomness`].
    pub fn new(store: Arc<Store>, hashing: HashLane, settings: PortalSettings) -> Result<Portal, VaultError> {
        let nobody_hash = hash_of_nobody()?;
        Ok(Portal { store, hashing, settings, nobody_hash, pay_limits: PayLimits::default() })
    }

    /// Whether a password matches a hash. Without a hash it does the same work and returns false.
    async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool, PageError> {
        let hash = hash.unwrap_or(&self.nobody_hash).to_owned();
        let password = zeroize::Zeroizing::new(password.to_owned());
        self.off_thread(move || {
            // The tests count this work instead of measuring time.
            metrics::counter!("customary_password_verifications_total").increment(1);
            verify_password(&password, &hash)
        })
        .await
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

    /// Refuses a visitor while too many passwords wait to be checked. Called before an attempt is counted.
    fn must_have_room(&self) -> Result<(), PageError> {
        if self.hashing.is_full() { Err(PageError::Busy) } else { Ok(()) }
    }

    /// Runs hashing outside the threads that answer requests.
    async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PageError> {
        self.hashing.run(work).await.map_err(|error| match error {
            LaneError::Full => PageError::Busy,
            LaneError::Gone => PageError::Defect(error.to_string()),
        })
    }
}

impl From<StoreError> for PageError {
    fn from(error: StoreError) -> PageError {
        match error {
            StoreError::Rejected(_) => PageError::NotFound,
            StoreError::Busy | StoreError::Slow | StoreError::Unavailable(_) => PageError::Unavailable,
            error => PageError::Defect(error.to_string()),
        }
    }
}

/// Registers every page.
pub fn routes(config: &mut ServiceConfig) {
    let page =
        |path: &str| web::resource(format!("/portal/{{entry}}{path}")).default_service(web::to(nothing));
    config
        .service(page("").route(shows(record::start)))
        .service(page("/sign-in").route(shows(sign_in::show)).route(takes(sign_in::send)))
        .service(page("/sign-out").route(reads(sign_in::sign_out)))
        .service(page("/forgot-password").route(shows(forgot::show)).route(takes(forgot::send)))
        .service(
            page("/set-password/{token}").route(shows(set_password::show)).route(takes(set_password::send)),
        )
        .service(page("/consent/{token}").route(shows(consent::show)).route(takes(consent::send)))
        .service(page("/record").route(shows_own(record::show)))
        .service(page("/orders").route(shows_own(orders::show)))
        .service(page("/invoices").route(shows_own(invoices::show)))
        .service(page("/invoices/{invoiceId}").route(shows_own(invoices::download)))
        .service(page("/invoices/{invoiceId}/pay").route(takes_own(invoices::pay)))
        .service(page("/methods").route(shows_own(methods::show)))
        .service(page("/methods/add").route(takes_own(methods::add)))
        .service(page("/methods/{methodId}/replace").route(takes_own(methods::replace)))
        .service(page("/methods/{methodId}/remove").route(takes_own(methods::remove)))
        .service(page("/methods/{methodId}/first").route(takes_own(methods::use_first)))
        .service(
            page("/requests/{requestId}").route(shows_own(pay::show_own)).route(takes_own(pay::send_own)),
        )
        .service(
            page("/edit")
                .route(shows_own(async |visit, signed_in| edit::show(visit, signed_in)))
                .route(takes_own(edit::send)),
        )
        .service(
            page("/change-password")
                .route(shows_own(async |visit, signed_in| change_password::show(visit, signed_in)))
                .route(takes_own(change_password::send)),
        )
        .service(page("/withdraw-consent").route(takes_own(consent::withdraw)))
        .service(
            page("/style.css")
                .route(shows(async |visit: &Visit<'_>| Ok(files::style(visit.entrypoint.color())))),
        )
        .service(page("/icon.svg").route(shows(async |visit: &Visit<'_>| {
            files::icon(visit.entrypoint.color(), visit.entrypoint.store_name())
        })))
        .service(
            web::resource("/pay/{entry}/{token}")
                .route(shows(pay::show))
                .route(takes(pay::send))
                .default_service(web::to(nothing)),
        )
        .service(web::resource("/pay/style.css").route(get().to(async || files::style(COLOR_DEFAULT))))
        .service(web::scope("/pay").default_service(web::to(nothing)))
        .service(web::scope("/portal").default_service(web::to(nothing)));
}

/// A page for every visitor.
fn shows(action: impl AsyncFn(&Visit<'_>) -> PageResult + Copy + 'static) -> Route {
    get().to(move |request: HttpRequest, portal: Data<Portal>| async move {
        answer(&portal, &request, action).await
    })
}

/// A page for signed-in customers; others go to the sign-in.
fn shows_own(action: impl AsyncFn(&Visit<'_>, &SignedIn) -> PageResult + Copy + 'static) -> Route {
    shows(async move |visit: &Visit<'_>| match visit.signed_in().await? {
        Some(signed_in) => action(visit, &signed_in).await,
        None => Ok(visit.go_to("/sign-in")),
    })
}

/// A submitted form; the action checks that this service made it.
fn reads(action: impl AsyncFn(&Visit<'_>, &Form) -> PageResult + Copy + 'static) -> Route {
    post().to(move |request: HttpRequest, portal: Data<Portal>, payload: Payload| async move {
        answer(&portal, &request, async |visit: &Visit<'_>| {
            action(visit, &Form::read(visit.request, payload).await?).await
        })
        .await
    })
}

/// A form for every visitor.
fn takes(action: impl AsyncFn(&Visit<'_>, &Form) -> PageResult + Copy + 'static) -> Route {
    reads(async move |visit: &Visit<'_>, form: &Form| {
        visit.check_form(form).await?;
        action(visit, form).await
    })
}

/// A form of a signed-in customer.
fn takes_own(action: impl AsyncFn(&Visit<'_>, &SignedIn, &Form) -> PageResult + Copy + 'static) -> Route {
    reads(async move |visit: &Visit<'_>, form: &Form| {
        let Some(signed_in) = visit.signed_in().await? else { return Ok(visit.go_to("/sign-in")) };
        form.check(&signed_in.csrf)?;
        action(visit, &signed_in, form).await
    })
}

/// Runs the action of a page, and renders a page for every error.
async fn answer(
    portal: &Portal,
    request: &HttpRequest,
    action: impl AsyncFnOnce(&Visit<'_>) -> PageResult,
) -> HttpResponse {
    let visit = match Visit::new(portal, request).await {
        Ok(visit) => visit,
        Err(PageError::NotFound) if is_pay(request) => return pay::dead_link(portal, request),
        Err(refused) => return refusal(None, &refused),
    };
    match action(&visit).await {
        Ok(response) => response,
        Err(refused) => refusal(Some(visit.frame(None)), &refused),
    }
}

/// Whether a request is for a page of a link to pay.
fn is_pay(request: &HttpRequest) -> bool {
    request.path() == "/pay" || request.path().starts_with("/pay/")
}

/// The answer for every other path and method.
async fn nothing(request: HttpRequest, portal: Data<Portal>) -> HttpResponse {
    if is_pay(&request) { pay::dead_link(&portal, &request) } else { refusal(None, &PageError::NotFound) }
}

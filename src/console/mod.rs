//! The console: pages under `/console` where staff look after customers. The server renders every page, and every form works
//! without scripts; one script of our own makes lists and progress live.
//!
//! A page is a [`visit::Visit`] by a [`visit::SignedIn`] member. It asks the API of this process ([`ask`]) as any client does, so
//! a page holds no rule of its own. Each subject has a folder with its pages, its texts and its `routes`.

mod activity;
mod ask;
mod components;
mod coupons;
mod customer;
mod customers;
mod field_names;
mod fields;
mod files;
mod frame;
mod home;
mod imports;
mod invoices;
mod menu;
mod money;
mod orders;
mod overview;
mod page;
mod payments;
mod products;
mod refusal;
mod refused;
mod requests;
mod rights;
mod settings;
mod sign_in;
mod staff;
mod states;
mod texts;
mod tokens;
mod upload;
mod visit;
mod written;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{self, Data, Payload, ServiceConfig, get, post};
use actix_web::{HttpRequest, HttpResponse, Resource, Route};

use self::page::{Refused, Shown};
use self::refusal::refusal;
use self::upload::Upload;
use self::visit::{SignedIn, Visit};
use crate::api::InsideApi;
use crate::domain::accounts::password::{self, Weakness};
use crate::hashing::{HashLane, LaneError};
use crate::store::{SessionLimits, Store};
use crate::vault::VaultError;
use crate::vault::hash_of_nobody;
use crate::vault::hash_password;
use crate::vault::verify_password;
use crate::web::form::Form;

/// The options of the console.
#[derive(Debug, Clone)]
pub struct ConsoleSettings {
    /// The path in the public address before `/console`: empty, or `/…` without a slash at the end.
    pub base_path: String,
    /// The start of every address for people, without a slash at the end.
    pub public_url: String,
    /// Whether the service knows the operator's payment provider.
    pub has_provider: bool,
    /// Whether cookies need an encrypted connection.
    pub is_secure: bool,
    /// How long sessions last.
    pub session: SessionLimits,
    /// How long a sign-in attempt waits after five failures.
    pub first_wait: Duration,
    /// Whom to tell about weaknesses: addresses that begin with `mailto:`, `https:` or `tel:`.
    pub security_contacts: Vec<String>,
}

/// The state that all pages share.
#[derive(Debug)]
pub struct Console {
    store: Arc<Store>,
    hashing: HashLane,
    settings: ConsoleSettings,
    /// The hash to verify when there is no member, so that the answer takes the same time.
    nobody_hash: String,
    /// The text of `security.txt`; empty without a contact.
    security_txt: String,
}

impl Console {
    /// A console on a store; it checks and hashes passwords in the lane `hashing`.
    ///
    /// # Errors
    /// [`VaultError::NoRandomness`].
    pub fn new(
        store: Arc<Store>,
        hashing: HashLane,
        settings: ConsoleSettings,
    ) -> Result<Console, VaultError> {
        let security_txt = home::security_txt(&settings);
        Ok(Console { store, hashing, settings, nobody_hash: hash_of_nobody()?, security_txt })
    }

    /// Whether a password matches a hash. Without a hash it does the same work and returns false.
    async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool, Refused> {
        let hash = hash.unwrap_or(&self.nobody_hash).to_owned();
        let password = zeroize::Zeroizing::new(password.to_owned());
        self.off_thread(move || {
            metrics::counter!("customary_password_verifications_total").increment(1);
            verify_password(&password, &hash)
        })
        .await
    }

    /// The hash of a new password, or why it is refused.
    async fn hash(&self, password: &str, known: Vec<String>) -> Result<Result<String, Weakness>, Refused> {
        let password = zeroize::Zeroizing::new(password.to_owned());
        let hashed = self
            .off_thread(move || match password::weakness(&password, &known) {
                Some(weakness) => Ok(Err(weakness)),
                None => hash_password(&password).map(Ok),
            })
            .await?;
        hashed.map_err(|error| Refused::Defect(error.to_string()))
    }

    /// Refuses a visitor while too many passwords wait to be checked. Called before an attempt is counted.
    fn must_have_room(&self) -> Result<(), Refused> {
        if self.hashing.is_full() { Err(Refused::Busy) } else { Ok(()) }
    }

    async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refused> {
        self.hashing.run(work).await.map_err(|error| match error {
            LaneError::Full => Refused::Busy,
            LaneError::Gone => Refused::Defect(error.to_string()),
        })
    }
}

/// Registers every page of a worker, which asks its own API.
pub fn routes(config: &mut ServiceConfig, api: Rc<InsideApi>) {
    config.app_data(api);
    files::routes(config);
    sign_in::routes(config);
    payments::routes(config);
    invoices::routes(config);
    orders::routes(config);
    requests::routes(config);
    coupons::routes(config);
    products::routes(config);
    home::routes(config);
    components::routes(config);
    imports::routes(config);
    settings::routes(config);
    tokens::routes(config);
    staff::routes(config);
    activity::routes(config);
    customer::routes(config);
    overview::routes(config);
    customers::routes(config);
    config.service(web::scope("/console").default_service(web::to(nothing)));
}

/// A page at a path below `/console`.
fn resource(path: &str) -> Resource {
    web::resource(format!("/console{path}")).default_service(web::to(nothing))
}

/// A page at a path below a place: an entrypoint, or all that the member sees.
fn place(path: &str) -> Resource {
    resource(&format!("/at/{{place}}{path}"))
}

/// A page for every visitor.
fn shows(action: impl AsyncFn(&Visit) -> Shown + Copy + 'static) -> Route {
    get().to(move |request: HttpRequest, console: Data<Console>| async move {
        answer(console, request, async |visit: &Visit| action(visit).await).await
    })
}

/// A form for every visitor.
fn takes(action: impl AsyncFn(&Visit, &Form) -> Shown + Copy + 'static) -> Route {
    post().to(move |request: HttpRequest, console: Data<Console>, payload: Payload| async move {
        answer(console, request, async |visit: &Visit| {
            let form = Form::read(&visit.request, payload).await?;
            visit.check_form(&form).await?;
            action(visit, &form).await
        })
        .await
    })
}

/// A page for members who are signed in; others go to the sign-in.
fn shows_own(action: impl AsyncFn(&Visit, &SignedIn) -> Shown + Copy + 'static) -> Route {
    shows(async move |visit: &Visit| match visit.must_be_signed_in().await? {
        Ok(signed_in) => {
            rights::check(visit, &signed_in)?;
            let mut response = action(visit, &signed_in).await?;
            if let Some(cookie) = visit.place_cookie(&signed_in) {
                response.add_cookie(&cookie)?;
            }
            Ok(response)
        }
        Err(elsewhere) => Ok(elsewhere),
    })
}

/// A form of a member who is signed in.
fn takes_own(action: impl AsyncFn(&Visit, &SignedIn, &Form) -> Shown + Copy + 'static) -> Route {
    post().to(move |request: HttpRequest, console: Data<Console>, payload: Payload| async move {
        answer(console, request, async |visit: &Visit| {
            let form = Form::read(&visit.request, payload).await?;
            match visit.must_be_signed_in().await? {
                Ok(signed_in) => {
                    form.check(&signed_in.csrf)?;
                    action(visit, &signed_in, &form).await
                }
                Err(elsewhere) => Ok(elsewhere),
            }
        })
        .await
    })
}

/// A form with a file, of a member who is signed in.
fn takes_file(action: impl AsyncFn(&Visit, &SignedIn, Upload) -> Shown + Copy + 'static) -> Route {
    post().to(move |request: HttpRequest, console: Data<Console>, payload: Payload| async move {
        answer(console, request, async |visit: &Visit| {
            let upload = Upload::open(visit, payload).await?;
            let checked = match visit.must_be_signed_in().await {
                Ok(Ok(signed_in)) => match upload.form.check(&signed_in.csrf) {
                    Ok(()) => return action(visit, &signed_in, upload).await,
                    Err(error) => Err(error.into()),
                },
                Ok(Err(elsewhere)) => Ok(elsewhere),
                Err(refused) => Err(refused),
            };
            upload.discard().await;
            checked
        })
        .await
    })
}

/// Runs the action of a page, and renders a page for every error.
async fn answer(
    console: Data<Console>,
    request: HttpRequest,
    action: impl AsyncFnOnce(&Visit) -> Shown,
) -> HttpResponse {
    let Some(api) = request.app_data::<Rc<InsideApi>>().cloned() else {
        return refusal(None, &Refused::Defect("the worker has no API".into()));
    };
    let visit = Visit::new(console, api, request);
    match action(&visit).await {
        Ok(response) => response,
        Err(refused) => refusal(Some(&visit), &refused),
    }
}

/// The answer for every other path and method.
async fn nothing(request: HttpRequest, console: Data<Console>) -> HttpResponse {
    answer(console, request, async |_: &Visit| Err(Refused::NotFound)).await
}

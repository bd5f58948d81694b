//! Customers: create, read, update, delete, match and history, with their shapes on the wire.

mod create;
mod delete;
mod find;
mod history;
mod invite;
mod record;
mod standing;
mod update;

use actix_web::HttpRequest;
use serde::Serialize;

pub(super) use self::create::{create_customer, match_customer};
pub(super) use self::delete::delete_customer;
pub(super) use self::find::get_customer;
pub(super) use self::history::get_customer_history;
pub(super) use self::invite::{get_invitation, invite_customer};
pub(super) use self::record::{CustomerOut, View, rendering};
pub(super) use self::standing::{archive_customer, request_consent, unarchive_customer};
pub(super) use self::update::update_customer;

use super::http::auth::Caller;
use super::http::body::idempotency_key;
use super::http::error::Error;
use super::http::state::App;
use crate::domain::customers::draft::{Change, Draft};
use crate::domain::customers::record::CUSTOMER_ID_MAX;
use crate::domain::decide::command::KeyUse;
use crate::domain::entrypoints::Entrypoint;
use crate::store::Found;
use crate::vault::hash_password;

/// The answer of contract 4, E2.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DoneOut {
    /// 1 for success.
    response_code: i32,
    /// Always null; kept for clients of the contract.
    page_identifier: Option<String>,
    /// Always 0; kept for clients of the contract.
    room_id: i64,
    /// Always true.
    is_success: bool,
    /// `Success`.
    response_text: &'static str,
    /// A single space, as the contract has it.
    response_data: &'static str,
}

impl DoneOut {
    /// Success.
    pub(super) const SUCCESS: DoneOut = DoneOut {
        response_code: 1,
        page_identifier: None,
        room_id: 0,
        is_success: true,
        response_text: "Success",
        response_data: " ",
    };
}

/// The view of a token.
pub(super) fn view_of(caller: &Caller) -> View {
    if caller.sees_pii() { View::Full } else { View::Masked }
}

/// Reads a customer id from a path; what cannot be one belongs to nobody.
pub(super) fn parse_id(text: &str) -> Result<i64, Error> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let id = if digits { text.parse().unwrap_or(0) } else { 0 };
    if (1..=CUSTOMER_ID_MAX).contains(&id) { Ok(id) } else { Err(Error::NotFound) }
}

/// The customer of an id, if this token may see it; the same work where it may not.
///
/// # Errors
/// 404.
pub(super) async fn visible(app: &App, caller: &Caller, id: i64) -> Result<Found, Error> {
    let found = told(app, id, |found| found).await?;
    if sees(caller, &found.entrypoint) { Ok(found) } else { Err(Error::NotFound) }
}

/// What `tell` makes of a customer, if this token may see it.
///
/// # Errors
/// 404.
pub(super) async fn visible_as<T: Send + 'static>(
    app: &App,
    caller: &Caller,
    id: i64,
    tell: impl FnOnce(&Found) -> T + Send + 'static,
) -> Result<T, Error> {
    let (told, entrypoint) = told(app, id, move |found| (tell(&found), found.entrypoint)).await?;
    if sees(caller, &entrypoint) { Ok(told) } else { Err(Error::NotFound) }
}

/// What `tell` makes of a customer, whoever may see it.
async fn told<T: Send + 'static>(
    app: &App,
    id: i64,
    tell: impl FnOnce(Found) -> T + Send + 'static,
) -> Result<T, Error> {
    let entrypoint_id = app.store.entrypoint_of(id).await?.ok_or(Error::NotFound)?;
    app.store.customer(entrypoint_id, id, tell).await?.ok_or(Error::NotFound)
}

fn sees(caller: &Caller, entrypoint: &Entrypoint) -> bool {
    caller.claims().sees(entrypoint.org_id, &entrypoint.entry)
}

/// The entrypoint of a name, if this token may see it.
///
/// # Errors
/// 404.
pub(super) async fn visible_entry(app: &App, caller: &Caller, entry: &str) -> Result<i64, Error> {
    let (id, org_id) = app.store.find_entry(entry).await?.ok_or(Error::NotFound)?;
    if caller.claims().sees(org_id, entry) { Ok(id) } else { Err(Error::NotFound) }
}

/// The hashed idempotency key of a request, if it carries one (rules 4).
///
/// # Errors
/// 400 for a key that is none.
pub(super) async fn key_use(
    app: &App,
    caller: &Caller,
    entrypoint_id: i64,
    route: &'static str,
    place: &str,
    request: &HttpRequest,
    body: &[u8],
) -> Result<Option<KeyUse>, Error> {
    let Some(key) = idempotency_key(request)? else { return Ok(None) };
    let org = caller.claims().org.to_string();
    let scope = [org.as_str(), route, place, key.as_str()].map(|part| part.as_bytes().to_vec()).to_vec();
    let content = vec![request.query_string().as_bytes().to_vec(), body.to_vec()];
    Ok(Some(app.store.key_use(entrypoint_id, scope, content).await?))
}

/// What a request with problems answers: 422 comes first where its key was used for another one, and
/// a request that was once carried out is told so even if the rules have changed since.
///
/// # Errors
/// Always, unless the key is known with this very request.
pub(super) async fn refuse_unless_replay(
    app: &App,
    entrypoint_id: i64,
    key_use: Option<&KeyUse>,
    error: Error,
) -> Result<(), Error> {
    let Some(key_use) = key_use else { return Err(error) };
    match app.store.key_fingerprint(entrypoint_id, key_use.key).await? {
        Some(fingerprint) if fingerprint == key_use.fingerprint => Ok(()),
        Some(_) => Err(Error::KeyReused),
        None => Err(error),
    }
}

/// Hashes the password of a draft, off the threads that answer requests.
///
/// # Errors
/// 500 without randomness.
pub(super) async fn seal_password(app: &App, draft: &mut Draft) -> Result<(), Error> {
    let secret = match std::mem::take(&mut draft.password) {
        Change::Keep => return Ok(()),
        Change::Clear => {
            draft.password_hash = Change::Clear;
            return Ok(());
        }
        Change::Set(secret) => secret,
    };
    let gone = |_| Error::Internal("the hashing threads are gone".into());
    let _permit = app.hashing.acquire().await.map_err(|_| Error::Unavailable)?;
    let hash = actix_web::web::block(move || hash_password(secret.expose())).await.map_err(gone)?;
    draft.password_hash = Change::Set(hash.map_err(|error| Error::Internal(error.to_string()))?);
    Ok(())
}

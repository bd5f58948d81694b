//! Customers: create, read, update, delete, match and history, with their wire formats.

mod actions;
mod create;
mod find;
mod invite;
mod record;
mod update;

use actix_web::web::Bytes;
use serde::Serialize;

pub(super) use self::actions::{archive_customer, delete_customer, request_consent, unarchive_customer};
pub(super) use self::create::{create_customer, match_customer};
pub(super) use self::find::{TokenRef, get_customer, get_customer_history};
pub(super) use self::invite::{get_invitation, invite_customer};
pub(in crate::api) use self::record::{CustomerOut, Paid, etag, rendering};
pub(super) use self::update::{done, update_customer};

use super::http::auth::Caller;
use super::http::body;
use super::http::error::{Error, unless_any};
use super::http::state::App;
use crate::domain::customers::draft::{Change, Context, Draft};
use crate::domain::kernel::problem::Problem;
use crate::domain::view::View;
use crate::hashing::LaneError;
use crate::vault::hash_password;

/// The answer of contract 4, E2.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct DoneOut {
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
    pub(in crate::api) const SUCCESS: DoneOut = DoneOut {
        response_code: 1,
        page_identifier: None,
        room_id: 0,
        is_success: true,
        response_text: "Success",
        response_data: " ",
    };
}

/// What the token may see.
pub(in crate::api) fn view_of(caller: &Caller) -> View {
    View::of(caller.sight())
}

/// Reads the draft in a body and hashes its password. Reports its problems after those of the query.
///
/// # Errors
/// 400; 429 if too many passwords wait to be hashed; 500 if the random generator fails.
pub(super) async fn read_draft(
    app: &App,
    body: &Bytes,
    context: Context<'_>,
    problems: Vec<Problem>,
) -> Result<Draft, Error> {
    let Context { now, country, entrypoint_country } = context;
    let owned = [country, entrypoint_country].map(|country| country.map(str::to_owned));
    let read = move |body: &Bytes| {
        let [country, entrypoint_country] = &owned;
        let context =
            Context { now, country: country.as_deref(), entrypoint_country: entrypoint_country.as_deref() };
        let members = body::members(body)?;
        unless_any(problems, Draft::parse(&members, context).map_err(Error::Invalid))
    };
    let has_password =
        || body::members(body).is_ok_and(|members| members.0.iter().any(|(name, _)| name == PASSWORD));
    if body::is_small(body) && has_password() {
        // To check a password takes milliseconds, and to hash it tens of them.
        let body = body.clone();
        return in_lane(app, move || read(&body).and_then(sealed)).await;
    }
    let draft = body::parsed(body, read).await?;
    if draft.password.is_sent() { in_lane(app, move || sealed(draft)).await } else { Ok(draft) }
}

/// Runs work with a password in the lane for hashing.
async fn in_lane<T: Send + 'static>(
    app: &App,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    app.hashing.run(work).await.map_err(|error| match error {
        LaneError::Full => Error::TooManyRequests(1),
        LaneError::Gone => Error::Internal(error.to_string()),
    })?
}

/// The member that holds a portal password.
const PASSWORD: &str = "customerPsw";

/// The draft with its password hashed.
fn sealed(mut draft: Draft) -> Result<Draft, Error> {
    draft.password_hash = match std::mem::take(&mut draft.password) {
        Change::Keep => return Ok(draft),
        Change::Clear => Change::Clear,
        Change::Set(secret) => {
            let hash = hash_password(secret.expose());
            Change::Set(hash.map_err(|error| Error::Internal(error.to_string()))?)
        }
    };
    Ok(draft)
}

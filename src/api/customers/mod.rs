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
pub(super) use self::find::{get_customer, get_customer_history};
pub(super) use self::invite::{get_invitation, invite_customer};
pub(super) use self::record::{CustomerOut, rendering};
pub(super) use self::update::update_customer;

use super::http::auth::Caller;
use super::http::body;
use super::http::error::{Error, unless_any};
use super::http::state::App;
use crate::domain::customers::draft::{Change, Context, Draft};
use crate::domain::kernel::problem::Problem;
use crate::domain::view::View;
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
    pub(super) const SUCCESS: DoneOut = DoneOut {
        response_code: 1,
        page_identifier: None,
        room_id: 0,
        is_success: true,
        response_text: "Success",
        response_data: " ",
    };
}

/// What the token may see.
pub(super) fn view_of(caller: &Caller) -> View {
    View::of(caller.sight())
}

/// Reads the draft in a body and hashes its password. Reports its problems after those of the query.
///
/// # Errors
/// 400; 500 if the random generator fails.
pub(super) async fn read_draft(
    app: &App,
    body: &Bytes,
    context: Context<'_>,
    problems: Vec<Problem>,
) -> Result<Draft, Error> {
    let draft =
        body::members(body).and_then(|members| Draft::parse(&members, context).map_err(Error::Invalid));
    let mut draft = unless_any(problems, draft)?;
    seal_password(app, &mut draft).await?;
    Ok(draft)
}

/// Hashes the password of a draft, outside the threads that answer requests.
async fn seal_password(app: &App, draft: &mut Draft) -> Result<(), Error> {
    draft.password_hash = match std::mem::take(&mut draft.password) {
        Change::Keep => return Ok(()),
        Change::Clear => Change::Clear,
        Change::Set(secret) => {
            let gone = |_| Error::Internal("the hashing threads have stopped".into());
            let _permit = app.hashing.acquire().await.map_err(|_| Error::Unavailable)?;
            let hash = actix_web::web::block(move || hash_password(secret.expose())).await.map_err(gone)?;
            Change::Set(hash.map_err(|error| Error::Internal(error.to_string()))?)
        }
    };
    Ok(())
}

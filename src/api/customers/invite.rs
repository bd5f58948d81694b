//! `POST /Customer/{customerId}/invite`, and how that invitation stands.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, get, post};
use serde::Serialize;

use super::{key_use, parse_id, refuse_unless_replay, visible};
use crate::api::http::auth::Caller;
use crate::api::http::body::{self, Params};
use crate::api::http::error::Error;
use crate::api::http::state::App;
use crate::clock;
use crate::domain::accounts::token::Scope;
use crate::domain::decide::command::{Action, Command, InviteCustomer};
use crate::domain::kernel::time::Micros;

/// How a customer stands with the portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
enum PortalState {
    /// No account and no invitation.
    NotInvited,
    /// Invited, and no password set yet.
    Invited,
    /// There is an account: a password is set.
    Active,
}

/// An invitation as it stands.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InvitationOut {
    /// The customer's id.
    customer_id: i64,
    /// Whether there is an invitation or an account.
    state: PortalState,
    /// When the newest invitation was sent on its way.
    #[schema(format = DateTime)]
    invited_at: Option<String>,
    /// Until when its link holds; a later one is needed after.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// Whether the link has expired.
    expired: bool,
    /// When the link's page was first looked at; mail scanners look too.
    #[schema(format = DateTime)]
    opened_at: Option<String>,
}

impl InvitationOut {
    fn of(customer_id: i64, state: PortalState) -> InvitationOut {
        InvitationOut {
            customer_id,
            state,
            invited_at: None,
            expires_at: None,
            expired: false,
            opened_at: None,
        }
    }

    fn invited(customer_id: i64, at: Micros, expires_at: Micros, now: Micros) -> InvitationOut {
        InvitationOut {
            invited_at: Some(at.to_rfc3339()),
            expires_at: Some(expires_at.to_rfc3339()),
            expired: expires_at <= now,
            ..InvitationOut::of(customer_id, PortalState::Invited)
        }
    }
}

/// The answer to an invitation.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InvitedOut {
    /// Always true.
    is_success: bool,
    /// `Success`.
    response_text: &'static str,
    /// The invitation.
    response_data: InvitationOut,
}

/// Invite a customer to the portal
///
/// Sends a mail with a link to set a password, which holds for seven days (a setting) and can be used once. Inviting again
/// sends a fresh link and ends the earlier one. Refused with 409 are customers with an account (`active`), without an e-mail
/// address (`no_email`), with an address that another customer has too (`same_email`, naming that one), inactive and
/// archived ones.
#[utoipa::path(
    tag = "Invitations",
    operation_id = "invite_customer",
    params(
        ("customerId" = i64, Path, minimum = 1, description = "The customer's id"),
        ("idempotencyKey" = Option<String>, Header, description = "As for a create"),
    ),
    responses((status = 200, description = "The mail is on its way", body = InvitedOut)),
)]
#[post("/api/Customer/{customerId}/invite")]
pub(crate) async fn invite_customer(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    caller.require(Scope::CustomersWrite)?;
    let found = visible(&app, &caller, parse_id(&id)?).await?;
    let entrypoint_id = found.entrypoint.id;
    body::none(payload).await?;
    let route = "POST /Customer/{customerId}/invite";
    let key = key_use(&app, &caller, entrypoint_id, route, &id, &request, &[]).await?;
    let problems = Params::of(&request).problems();
    if !problems.is_empty() {
        refuse_unless_replay(&app, entrypoint_id, key.as_ref(), Error::Invalid(problems)).await?;
    }
    let invite = InviteCustomer { id: found.record.stored.id, again: true, link_ttl_secs: app.link_ttl_secs };
    let command =
        Command { entrypoint_id, actor: caller.actor(), idempotency: key, action: Action::Invite(invite) };
    let answer = app.store.write(command).await?;
    let invitation = answer.stored.as_ref().and_then(|stored| stored.customer.invitation);
    let response_data = match invitation {
        Some(invitation) => {
            InvitationOut::invited(found.record.stored.id, invitation.at, invitation.expires_at, clock::now())
        }
        // Replayed after the person was erased: that it happened is all that is still known.
        None => InvitationOut::of(found.record.stored.id, PortalState::Invited),
    };
    let mut response = HttpResponse::Ok();
    if answer.replayed {
        response.insert_header(("Idempotent-Replayed", "true"));
    }
    Ok(response.json(InvitedOut { is_success: true, response_text: "Success", response_data }))
}

/// Read how an invitation stands
///
/// Not invited, invited (when, until when, whether the link's page was opened), or active.
#[utoipa::path(
    tag = "Invitations",
    operation_id = "get_invitation",
    params(("customerId" = i64, Path, minimum = 1, description = "The customer's id")),
    responses((status = 200, description = "The invitation", body = InvitationOut)),
)]
#[get("/api/Customer/{customerId}/invite")]
pub(crate) async fn get_invitation(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
) -> Result<HttpResponse, Error> {
    caller.require(Scope::CustomersRead)?;
    let found = visible(&app, &caller, parse_id(&id)?).await?;
    Params::none(&request)?;
    let id = found.record.stored.id;
    let invitation = if found.record.stored.customer.password_hash.is_some() {
        InvitationOut::of(id, PortalState::Active)
    } else {
        match app.store.invitation_link(found.entrypoint.id, id).await? {
            Some(link) => InvitationOut {
                opened_at: link.opened_at.map(Micros::to_rfc3339),
                ..InvitationOut::invited(id, link.issued_at, link.expires_at, clock::now())
            },
            None => InvitationOut::of(id, PortalState::NotInvited),
        }
    };
    Ok(HttpResponse::Ok().json(invitation))
}

//! `POST /Customer/{customerId}/invite`, and the state of that invitation.

use actix_web::web::Payload;
use actix_web::{HttpResponse, get, post};
use serde::Serialize;

use crate::api::http::call::{Call, ok};
use crate::api::http::error::Error;
use crate::api::http::json::{self, RECORD_ROOM};
use crate::api::http::params::{CustomerPath, KeyHeader};
use crate::clock;
use crate::domain::accounts::token::Scope;
use crate::domain::decide::command::{Action, InviteCustomer};
use crate::domain::kernel::time::Micros;

/// How a customer stands with the portal.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
enum PortalState {
    /// No account and no invitation.
    #[default]
    NotInvited,
    /// Invited, and no password set yet.
    Invited,
    /// There is an account: a password is set.
    Active,
}

/// An invitation as it stands.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
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
    /// When somebody first sent the form of the link's page and had to try again, as with a weak password. Looking at the
    /// page does not count: mail scanners look too.
    #[schema(format = DateTime)]
    opened_at: Option<String>,
}

impl InvitationOut {
    fn of(customer_id: i64, state: PortalState) -> InvitationOut {
        InvitationOut { customer_id, state, ..InvitationOut::default() }
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
    params(CustomerPath, KeyHeader),
    responses((status = 200, description = "The mail is on its way", body = InvitedOut)),
)]
#[post("/api/Customer/{customerId}/invite")]
pub(crate) async fn invite_customer(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let found = call.customer(Scope::CustomersWrite).await?;
    let id = found.record.stored.id;
    let mutation = call.bodiless(found.entrypoint.id, payload).await?;
    let link_ttl_secs = call.app.link_ttl_secs;
    let invite = |()| Action::Invite(InviteCustomer { id, again: true, link_ttl_secs });
    let answer = mutation.write(call.params().done().map(invite)).await?;
    let response_data = match answer.invitation {
        Some(invitation) => InvitationOut::invited(id, invitation.at, invitation.expires_at, clock::now()),
        // This is a replay after the erasure of the person: nothing else is known any more.
        None => InvitationOut::of(id, PortalState::Invited),
    };
    Ok(ok(answer.replayed).json(InvitedOut { is_success: true, response_text: "Success", response_data }))
}

/// Read how an invitation stands
///
/// Not invited, invited (when, until when, whether somebody has tried the link), or active.
#[utoipa::path(
    tag = "Invitations",
    params(
        CustomerPath,
        ("If-None-Match" = Option<String>, Header, description = "An ETag; 304 without a body where the invitation is still the same"),
    ),
    responses(
        (status = 200, description = "The invitation", body = InvitationOut),
        (status = 304, description = "The invitation is still the one of If-None-Match"),
    ),
)]
#[get("/api/Customer/{customerId}/invite")]
pub(crate) async fn get_invitation(call: Call) -> Result<HttpResponse, Error> {
    let found = call.customer(Scope::CustomersRead).await?;
    call.params().done()?;
    let id = found.record.stored.id;
    let invitation = if found.record.stored.customer.password_hash.is_some() {
        InvitationOut::of(id, PortalState::Active)
    } else {
        match call.app.store.invitations().link(found.entrypoint.id, id).await? {
            Some(link) => InvitationOut {
                opened_at: link.opened_at.map(Micros::to_rfc3339),
                ..InvitationOut::invited(id, link.issued_at, link.expires_at, clock::now())
            },
            None => InvitationOut::of(id, PortalState::NotInvited),
        }
    };
    let text = json::written(&invitation, RECORD_ROOM)?;
    Ok(json::tagged(&call.request, &json::tag("invitation", &text), text))
}

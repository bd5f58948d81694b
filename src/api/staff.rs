//! Members of staff over HTTP; scope `staff` (rules 25).

use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpResponse, delete, get, post, put};
use serde::Serialize;
use strum::VariantArray as _;

use super::http::body;
use super::http::call::{Call, SERVICE};
use super::http::error::{Error, unless_any};
use super::http::json;
use super::http::params::{IfMatchHeader, KeyHeader, MemberPath};
use crate::domain::accounts::staff::{
    INVITATION_SECS, Member, MemberChanges, NewMember, Role, StaffLinkKind, member_email, staff_link_url,
};
use crate::domain::accounts::token::{Claims, Entries, Scope};
use crate::domain::entrypoints::settings::check_name;
use crate::domain::kernel::card;
use crate::domain::kernel::members::{Given, MEMBERS_MAX};
use crate::domain::kernel::problem::Problem;
use crate::domain::kernel::text::hint;
use crate::domain::kernel::time::Micros;
use crate::store::TheirTokens;

/// A member to invite, or what to change of one.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[serde(deny_unknown_fields)]
pub(crate) struct MemberIn {
    /// The name, as history and comments show it.
    #[schema(max_length = 250, min_length = 1)]
    name: Option<String>,
    /// The e-mail address, by which the member signs in; it belongs to one member of the whole service and stays.
    #[schema(max_length = 320)]
    email: Option<String>,
    /// What the member may do.
    role: Option<Role>,
    /// The entrypoints that the member sees; `"*"`, the default, for all of the organisation.
    #[schema(value_type = Option<serde_json::Value>)]
    entries: Option<Entries>,
    /// Whether the member may not sign in; of a change.
    is_disabled: Option<bool>,
}

const MEMBERS: [&str; 5] = ["name", "email", "role", "entries", "isDisabled"];

/// A member of staff.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MemberOut {
    /// The id, by which history names the member.
    member_id: String,
    /// The name.
    name: String,
    /// The e-mail address; a mask for a token without `pii:read`.
    email: String,
    /// What the member may do.
    role: Role,
    /// The entrypoints that the member sees: a list, or `"*"`.
    #[schema(value_type = serde_json::Value)]
    entries: Entries,
    /// Whether the member has set a password.
    has_password: bool,
    /// Whether the member signs in with a second factor.
    has_totp: bool,
    /// Whether the member may not sign in.
    is_disabled: bool,
    /// When the member was invited.
    #[schema(format = DateTime)]
    created_at: String,
    /// When the member last signed in; null before.
    #[schema(format = DateTime)]
    signed_in_at: Option<String>,
    /// The ETag to send as `If-Match` with a change of this member.
    etag: String,
}

impl MemberOut {
    fn new(member: &Member, sees_pii: bool) -> MemberOut {
        MemberOut {
            member_id: member.id.clone(),
            name: member.name.clone(),
            email: if sees_pii { member.email.clone() } else { member.masked_email() },
            role: member.role,
            entries: member.entries.clone(),
            has_password: member.has_password,
            has_totp: member.has_totp,
            is_disabled: member.is_disabled,
            created_at: member.created_at.to_rfc3339(),
            signed_in_at: member.signed_in_at.map(Micros::to_rfc3339),
            etag: json::tag(member.version, member.id.as_bytes()),
        }
    }
}

/// The members of an organisation.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct MembersOut {
    /// The members, oldest first.
    records: Vec<MemberOut>,
}

/// A member with a new link.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InvitedMemberOut {
    /// Always true.
    is_success: bool,
    /// `Success`.
    response_text: &'static str,
    /// The member.
    response_data: Invited,
}

/// A member with a new link; the link is told this once.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct Invited {
    /// Where the member sets a password, once.
    link: String,
    /// Whether a mail brings the link to the member too; false without a mail server.
    is_mailed: bool,
    #[serde(flatten)]
    record: MemberOut,
}

/// A member who was removed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RemovedMemberOut {
    /// Always true.
    is_success: bool,
    /// `Success`.
    response_text: &'static str,
    /// What became of the tokens that the member made.
    response_data: TheirTokensOut,
}

/// What became of the tokens in force that a member made.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct TheirTokensOut {
    /// How many stay in force; null for a token without the scope `tokens`.
    tokens_in_force: Option<usize>,
    /// How many were revoked; null for a token without the scope `tokens`.
    tokens_revoked: Option<usize>,
}

/// The text of the answer to a removal.
fn removed(tokens: usize, are_revoked: bool, sees_tokens: bool) -> String {
    let (in_force, revoked) = if are_revoked { (0, tokens) } else { (tokens, 0) };
    let told = |number: usize| sees_tokens.then_some(number);
    let response_data = TheirTokensOut { tokens_in_force: told(in_force), tokens_revoked: told(revoked) };
    let answer = RemovedMemberOut { is_success: true, response_text: "Success", response_data };
    serde_json::to_string(&answer).unwrap_or_default()
}

/// The text of an answer with a new link.
fn invited(member: &Member, token: &str, sees_pii: bool, (public_url, is_mailed): (&str, bool)) -> String {
    let kind = if member.has_password { StaffLinkKind::Reset } else { StaffLinkKind::Invitation };
    let link = staff_link_url(public_url, kind, token);
    let response_data = Invited { link, is_mailed, record: MemberOut::new(member, sees_pii) };
    let answer = InvitedMemberOut { is_success: true, response_text: "Success", response_data };
    serde_json::to_string(&answer).unwrap_or_default()
}

/// An answer with a link, which no cache may keep.
fn unkept(mut answer: HttpResponse) -> HttpResponse {
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// Whether a token sees a member: one of its organisation who sees no entrypoint beyond its own.
fn sees(claims: &Claims, member: &Member) -> bool {
    claims.org == member.org_id && claims.entries.covers(&member.entries)
}

/// Refuses to give, or to take from, a role or entrypoints that the token lacks itself.
///
/// # Errors
/// 403 naming what it lacks.
fn check_power(claims: &Claims, role: Role, entries: &Entries) -> Result<(), Error> {
    if !claims.entries.covers(entries) {
        return Err(Error::Forbidden("an entrypoint that the member would see"));
    }
    match role.scopes().into_iter().find(|scope| !claims.allows(*scope)) {
        Some(lacking) => Err(Error::Forbidden(lacking.name())),
        None => Ok(()),
    }
}

/// Refuses a change of a member that the token does not see, or who may do more than the token. A member who is gone is left to the
/// store, which may have an earlier answer.
///
/// # Errors
/// 403, 404.
async fn check_member(call: &Call, id: &str) -> Result<(), Error> {
    let claims = call.caller.claims();
    match call.app.store.staff().find(id.to_owned()).await? {
        Some(member) if !sees(claims, &member) => Err(Error::NotFound),
        Some(member) => check_power(claims, member.role, &member.entries),
        None => Ok(()),
    }
}

/// List the organisation's staff
///
/// Oldest first. A token for some entrypoints sees the members who see none beyond these.
#[utoipa::path(
    tag = "Staff",
    responses((status = 200, description = "The members", body = MembersOut)),
)]
#[get("/api/Staff")]
pub(crate) async fn list_staff(call: Call) -> Result<HttpResponse, Error> {
    call.require(Scope::Staff)?;
    call.params().done()?;
    let claims = call.caller.claims();
    let members = call.app.store.staff().members(claims.org).await?;
    let visible = members.iter().filter(|member| sees(claims, member));
    let records = visible.map(|member| MemberOut::new(member, claims.allows(Scope::PiiRead))).collect();
    Ok(HttpResponse::Ok().json(MembersOut { records }))
}

/// Invite a member of staff
///
/// The answer has a link, by which the member sets a password within seven days; give it to nobody else. A mail brings it too, if
/// the service has a mail server. A member can get no
/// right and no entrypoint that the token lacks.
#[utoipa::path(
    tag = "Staff",
    params(KeyHeader),
    request_body(content = MemberIn, description = "The member to be invited"),
    responses((status = 200, description = "The member and the link", body = InvitedMemberOut)),
)]
#[post("/api/Staff")]
pub(crate) async fn invite_staff(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    call.require(Scope::Staff)?;
    let mutation = call.json(SERVICE, payload).await?;
    let (org_id, problems) = (call.caller.claims().org, call.params().problems());
    let new = body::parsed(&mutation.body, move |body| read(body, true, problems)).await;
    let new = new.map(|sent| NewMember {
        org_id,
        name: sent.name.unwrap_or_default(),
        email: sent.email.unwrap_or_default(),
        role: sent.role.unwrap_or(Role::Viewer),
        entries: sent.entries.unwrap_or(Entries::All),
    });
    if let Ok(new) = &new {
        check_power(call.caller.claims(), new.role, &new.entries)?;
    }
    let (sees_pii, base) = (call.caller.sight().pii, call.app.public_url.clone());
    let is_mailed = call.app.sends_mail;
    let render = move |member: &Member, token: &str| invited(member, token, sees_pii, (&base, is_mailed));
    let (staff, by) = (call.app.store.staff(), call.caller.actor());
    let invite = async |new, key| staff.invite_once(new, by, INVITATION_SECS, key, render).await;
    mutation.answer(new, invite).await.map(unkept)
}

/// Read a member of staff
///
/// By its id.
#[utoipa::path(
    tag = "Staff",
    params(
        MemberPath,
        ("If-None-Match" = Option<String>, Header, description = "An ETag; 304 without a body where the member is still the same"),
    ),
    responses((status = 200, description = "The member", body = MemberOut)),
)]
#[get("/api/Staff/{memberId}")]
pub(crate) async fn get_staff(call: Call) -> Result<HttpResponse, Error> {
    call.require(Scope::Staff)?;
    call.params().done()?;
    let claims = call.caller.claims();
    let found = call.app.store.staff().find(call.path("memberId").to_owned()).await?;
    let member = found.filter(|member| sees(claims, member)).ok_or(Error::NotFound)?;
    let text = serde_json::to_string(&MemberOut::new(&member, claims.allows(Scope::PiiRead)));
    let text = text.map_err(|error| Error::Internal(error.to_string()))?;
    let tag = json::tag(member.version, text.as_bytes());
    Ok(json::tagged(&call.request, &tag, text))
}

/// Change a member of staff
///
/// What is not sent stays. A change of role or entrypoints, and disabling, end the member's sessions at once. The last owner of an
/// organisation who sees all of it stays one.
#[utoipa::path(
    tag = "Staff",
    params(MemberPath, IfMatchHeader, KeyHeader),
    request_body(content = MemberIn, description = "What to change"),
    responses((status = 200, description = "The member as it is now", body = MemberOut)),
)]
#[put("/api/Staff/{memberId}")]
pub(crate) async fn update_staff(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    call.require(Scope::Staff)?;
    let (id, claims) = (call.path("memberId").to_owned(), call.caller.claims());
    check_member(&call, &id).await?;
    let mutation = call.json(SERVICE, payload).await?;
    let expected = body::precondition(&call.request);
    let problems = call.params().problems();
    let changes = body::parsed(&mutation.body, move |body| read(body, false, problems)).await;
    let changes = changes.map(|sent| MemberChanges {
        name: sent.name,
        role: sent.role,
        entries: sent.entries,
        is_disabled: sent.is_disabled,
    });
    if let Ok(changes) = &changes {
        let nothing = Entries::Listed(Vec::new());
        let entries = changes.entries.as_ref().unwrap_or(&nothing);
        if !claims.entries.covers(entries) {
            return Err(Error::Forbidden("an entrypoint that the member would see"));
        }
        if let Some(role) = changes.role {
            check_power(claims, role, entries)?;
        }
    }
    let (org_id, sees_pii) = (claims.org, call.caller.sight().pii);
    let render =
        move |member: &Member| serde_json::to_string(&MemberOut::new(member, sees_pii)).unwrap_or_default();
    let (staff, by) = (call.app.store.staff(), call.caller.actor());
    let change =
        async |changes, key| staff.change_once((org_id, id), changes, expected, by, key, render).await;
    mutation.answer(changes, change).await
}

/// Remove a member of staff
///
/// Sessions and links of the member end at once. History and comments keep the name. Tokens that the member made stay in force, and the
/// answer says how many; `revokeTokens=true` revokes them too, with those that they made. The last owner of an organisation who sees
/// all of it stays; a member who is only to rest can be disabled instead.
#[utoipa::path(
    tag = "Staff",
    params(
        MemberPath,
        ("revokeTokens" = Option<bool>, Query, description = "Whether the tokens that the member made end too; needs `tokens`"),
        KeyHeader,
    ),
    responses((status = 200, description = "The member is removed", body = RemovedMemberOut)),
)]
#[delete("/api/Staff/{memberId}")]
pub(crate) async fn delete_staff(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    call.require(Scope::Staff)?;
    let (id, claims) = (call.path("memberId").to_owned(), call.caller.claims().clone());
    let (org_id, sees_tokens) = (claims.org, claims.allows(Scope::Tokens));
    check_member(&call, &id).await?;
    let mut params = call.params();
    let revoked = params.flag("revokeTokens");
    if revoked {
        call.require(Scope::Tokens)?;
    }
    let mutation = call.bodiless(SERVICE, payload).await?;
    let read = unless_any(params.problems(), Ok(()));
    let (staff, by) = (call.app.store.staff(), call.caller.actor());
    let theirs = TheirTokens { claims: Some(claims), revoked };
    let place = (org_id, id.clone());
    let render = move |tokens| removed(tokens, revoked, sees_tokens);
    let remove = async |(), key| staff.remove_once(place, theirs, by, key, render).await;
    let answer = mutation.answer(read, remove).await?;
    if revoked {
        for jti in staff.revoked_tokens(org_id, id).await? {
            call.app.guard.revoke(jti);
        }
    }
    Ok(answer)
}

/// Make another link for a member of staff
///
/// By it the member sets the first password within seven days, or another one within an hour. The link before ends. A mail brings
/// it too, if the service has a mail server.
#[utoipa::path(
    tag = "Staff",
    params(MemberPath, KeyHeader),
    responses((status = 200, description = "The member and the link", body = InvitedMemberOut)),
)]
#[post("/api/Staff/{memberId}/invite")]
pub(crate) async fn reinvite_staff(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    call.require(Scope::Staff)?;
    let (id, org_id) = (call.path("memberId").to_owned(), call.caller.claims().org);
    check_member(&call, &id).await?;
    let mutation = call.bodiless(SERVICE, payload).await?;
    let read = unless_any(call.params().problems(), Ok(()));
    let (sees_pii, base) = (call.caller.sight().pii, call.app.public_url.clone());
    let is_mailed = call.app.sends_mail;
    let render = move |member: &Member, token: &str| invited(member, token, sees_pii, (&base, is_mailed));
    let (staff, by) = (call.app.store.staff(), call.caller.actor());
    let invite = async |(), key| staff.reinvite_once(org_id, id, INVITATION_SECS, by, key, render).await;
    mutation.answer(read, invite).await.map(unkept)
}

/// Reads a member to invite, or what to change of one.
fn read(bytes: &Bytes, is_new: bool, mut problems: Vec<Problem>) -> Result<MemberIn, Error> {
    let members = body::members(bytes)?;
    let mut sent = MemberIn::default();
    let mut seen: Vec<&str> = Vec::new();
    for (name, raw) in &members.0 {
        let mut refuse = |code, message: String| problems.push(Problem::field(&[name], code, message));
        if seen.contains(&name.as_ref()) {
            refuse("duplicate_field", "stands in the body twice".into());
            continue;
        }
        seen.push(name);
        match (name.as_ref(), Given::of(raw)) {
            ("name" | "role" | "entries" | "isDisabled", Given::Null) => {}
            ("email", Given::Null) if is_new => {}
            ("email", _) if !is_new => {
                refuse("read_only", "stays; invite another member with the new address".into());
            }
            ("isDisabled", _) if is_new => {
                refuse("read_only", "is of a change; a new member is not disabled".into());
            }
            ("name", Given::Text(text)) => {
                let clean = check_name(&text, &mut problems);
                if clean.is_empty() {
                    problems.push(Problem::field(&["name"], "required", "must not be empty"));
                }
                sent.name = Some(clean);
            }
            ("email", Given::Text(text)) => match member_email(&text) {
                Ok(email) if card::holds(&email) => {
                    let (code, message) = card::refusal("");
                    refuse(code, message);
                }
                Ok(email) => sent.email = Some(email),
                Err((code, message)) => refuse(code, message),
            },
            ("role", Given::Text(text)) => match text.parse() {
                Ok(role) => sent.role = Some(role),
                Err(_) => {
                    let names: Vec<&str> = Role::VARIANTS.iter().map(|role| role.name()).collect();
                    refuse("invalid_value", format!("must be one of {}", names.join(", ")));
                }
            },
            ("entries", _) => match serde_json::from_str(raw.get()) {
                Ok(Entries::Listed(entries)) if entries.len() > MEMBERS_MAX => {
                    refuse("too_many", format!("must have at most {MEMBERS_MAX} entrypoints"));
                }
                Ok(read) => sent.entries = Some(read),
                Err(_) => refuse("wrong_type", "must be a list of entrypoints, or \"*\"".into()),
            },
            ("isDisabled", Given::Bool) => sent.is_disabled = Some(raw.get() == "true"),
            ("isDisabled", given) => {
                refuse("wrong_type", format!("must be true or false, not {}", given.kind()));
            }
            ("name" | "email" | "role", given) => {
                refuse("wrong_type", format!("must be a string, not {}", given.kind()));
            }
            _ => {
                let hint = hint(name, MEMBERS.into_iter());
                refuse("unknown_field", format!("is no field of a member{hint}"));
            }
        }
    }
    let missing =
        [("name", sent.name.is_none()), ("email", sent.email.is_none()), ("role", sent.role.is_none())];
    for (member, is_missing) in missing {
        let is_refused = problems.iter().any(|problem| problem.is_of(member));
        if is_new && is_missing && !is_refused {
            problems.push(Problem::field(&[member], "required", "is required"));
        }
    }
    unless_any(problems, Ok(sent))
}

//! Tokens over HTTP: create, list, revoke, and the exchange of client credentials (contract 1.1).

use std::num::NonZeroU32;

use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse, delete, get, post};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use strum::VariantArray as _;
use validator::Validate;

use super::customers::DoneOut;
use super::http::auth::has_token;
use super::http::body::{self, Params};
use super::http::call::{Call, SERVICE, ok, refuse_cards_in_address};
use super::http::error::{Error, unless_any};
use super::http::params::KeyHeader;
use super::http::state::App;
use crate::clock;
use crate::domain::accounts::token::{Claims, Entries, MAKERS_MAX, Scope};
use crate::domain::entrypoints::settings::NAME_CHARS_MAX;
use crate::domain::kernel::checks::{no_control, problems_of};
use crate::domain::kernel::members::{Given, MEMBERS_MAX, Members};
use crate::domain::kernel::problem::Problem;
use crate::domain::kernel::text::normal;
use crate::domain::kernel::time::Micros;
use crate::store::TokenRecord;

/// The lifetime of an exchanged token, in seconds (contract 1.1).
const EXCHANGED_SECS: i64 = 3600;
/// The default lifetime of a token, in days.
pub const DAYS_DEFAULT: i64 = 365;
/// The maximum lifetime of a token, in days.
pub const DAYS_MAX: i64 = 3650;
/// The greatest request limit of a token, in requests a minute.
pub(crate) const RPM_MAX: i64 = 1_000_000;
/// The maximum length of a client id; those of this service have 36 bytes.
const CLIENT_ID_BYTES_MAX: usize = 64;
/// The maximum number of attempts a minute for one client id, of exchanges and of wrong guesses each (rules 6).
const ATTEMPTS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(20).unwrap();

/// Credentials to exchange for a token. Without `clientId` and `clientSecret`, the request's own token is exchanged.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CredentialsIn {
    /// A token's id (`jti`).
    client_id: Option<String>,
    /// The token itself.
    client_secret: Option<String>,
    /// Handed back as it came.
    state: Option<String>,
    /// Accepted for clients of the contract; a token's scopes are those of the one it was fetched with.
    #[expect(dead_code, reason = "accepted and of no effect")]
    permissions: Option<Vec<String>>,
}

/// A fetched token.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AccessTokenOut {
    /// `Bearer`.
    token_type: &'static str,
    /// The token.
    access_token: String,
    /// Its life in seconds.
    expires_in: i64,
    /// What the request sent.
    state: Option<String>,
}

/// Exchange client credentials for a token
///
/// `clientId` is a token's id (`jti`), `clientSecret` the token itself; without both, the token is the one in the header
/// of the request. The answer is valid for an hour, at most as long as that token, and is revoked with it. It cannot be
/// exchanged again. Attempts are throttled.
#[utoipa::path(
    tag = "Tokens",
    request_body(content = CredentialsIn, description = "A token's id and the token"),
    responses((status = 200, description = "A token for an hour", body = AccessTokenOut)),
)]
#[post("/api/v2/Token/serverside")]
pub(crate) async fn exchange_credentials(
    request: HttpRequest,
    app: Data<App>,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let bytes = body::json(&request, payload).await?;
    refuse_cards_in_address(&request)?;
    Params::of(&request).done()?;
    let credentials = body::parsed(&bytes, read_credentials).await?;
    app.guard.wait_until_informed().await;
    let claims = match (credentials.client_id, credentials.client_secret) {
        (Some(id), Some(secret)) => proven(&app, &id, secret.trim())?,
        (None, None) if has_token(request.headers()) => {
            let (caller, _) = app.guard.authenticate(&app.store, request.headers())?;
            Some(caller.claims().clone())
                .filter(|claims| claims.parent.is_none())
                .ok_or(Error::BadCredentials)?
        }
        _ => return Err(no_credentials()),
    };
    app.attempts.check(&claims.jti, ATTEMPTS_PER_MINUTE)?;
    let now = clock::now().secs();
    let expires = (now + EXCHANGED_SECS).min(claims.exp);
    let fetched = Claims {
        parent: Some(claims.jti.clone()),
        jti: uuid::Uuid::new_v4().to_string(),
        iat: now,
        exp: expires,
        ..claims
    };
    let access_token = app.store.tokens().sign(fetched).await?;
    let body = AccessTokenOut {
        token_type: "Bearer",
        access_token,
        expires_in: expires - now,
        state: credentials.state,
    };
    Ok(HttpResponse::Ok().insert_header(("Cache-Control", "no-store")).json(body))
}

/// The claims of the token that belongs to client credentials.
fn proven(app: &App, id: &str, secret: &str) -> Result<Claims, Error> {
    // No token has a longer id; a limiter must not keep one either.
    if id.len() > CLIENT_ID_BYTES_MAX {
        return Err(Error::BadCredentials);
    }
    match app.guard.verify(&app.store, secret) {
        Ok(claims) if claims.jti == id && claims.parent.is_none() => Ok(Claims::clone(&claims)),
        Err(Error::Unavailable) => Err(Error::Unavailable),
        _ => {
            // Guesses count apart from exchanges: who knows an id cannot lock its owner out.
            app.attempts.check(&format!("guess {id}"), ATTEMPTS_PER_MINUTE)?;
            Err(Error::BadCredentials)
        }
    }
}

fn read_credentials(bytes: &Bytes) -> Result<CredentialsIn, Error> {
    let members = body::members(bytes)?;
    let read: CredentialsIn = serde_json::from_slice(bytes).map_err(|_| no_credentials())?;
    // A misspelt name must not exchange another token than the one that was meant.
    let has_no_others =
        || members.0.iter().all(|(name, _)| ["state", "permissions"].contains(&name.as_ref()));
    let has_one = read.client_id.is_some() || read.client_secret.is_some();
    if has_one || has_no_others() { Ok(read) } else { Err(no_credentials()) }
}

fn no_credentials() -> Error {
    let message = "clientId and clientSecret are required and must be strings, unless the request's own token is exchanged: \
                   then the header requestToken holds it, and the body has neither";
    Error::invalid(Problem::field(&[], "wrong_type", message))
}

/// A token to be made.
#[derive(Debug, Default, Serialize, Validate, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[serde(deny_unknown_fields)]
pub struct TokenIn {
    /// The token's name, as history and logs show it.
    #[schema(max_length = 250)]
    #[validate(length(max = NAME_CHARS_MAX), custom(function = no_control))]
    name: Option<String>,
    /// The entrypoints it sees, or `"*"` for all of the organisation.
    #[schema(value_type = serde_json::Value)]
    entries: Option<Entries>,
    /// Its scopes; without any, everything on customers.
    scopes: Option<Vec<Scope>>,
    /// Its life in days; 365 by default.
    #[schema(minimum = 1, maximum = 3650)]
    #[validate(range(min = 1, max = DAYS_MAX))]
    expires_in_days: Option<i64>,
    /// Requests a minute it may make; no limit by default.
    #[schema(minimum = 1, maximum = 1_000_000, nullable)]
    #[validate(range(min = 1, max = RPM_MAX))]
    requests_per_minute: Option<i64>,
}

/// A token that was made.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewTokenOut {
    /// Always true.
    is_success: bool,
    /// `Success`.
    response_text: &'static str,
    /// The token.
    response_data: NewToken,
}

/// A new token; its text is told this once.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct NewToken {
    /// The token's text, for the header `requestToken`; it is not kept.
    token: String,
    #[serde(flatten)]
    record: TokenOut,
}

/// A token as it is kept.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenOut {
    /// The token's id.
    jti: String,
    /// Its name.
    name: String,
    /// Its organisation.
    org_id: i64,
    /// The entrypoints it sees: a list, or `"*"`.
    #[schema(value_type = serde_json::Value)]
    entries: Entries,
    /// Its scopes.
    scopes: Vec<Scope>,
    /// Requests a minute it may make, where limited; the limits of the tokens by which it was made count too.
    requests_per_minute: Option<u32>,
    /// The id of the token that made it; null for a token of the command line.
    minted_by: Option<String>,
    /// When it was made.
    #[schema(format = DateTime)]
    issued_at: String,
    /// When it expires.
    #[schema(format = DateTime)]
    expires_at: String,
    /// When it was revoked, or a token by which it was made; null otherwise.
    #[schema(format = DateTime)]
    revoked_at: Option<String>,
}

impl TokenOut {
    /// Renders a record.
    pub fn new(record: TokenRecord) -> TokenOut {
        let claims = record.claims;
        let requests_per_minute = claims.rpm_in_force();
        let time = |secs: i64| Micros(0).plus_secs(secs).to_rfc3339();
        TokenOut {
            jti: claims.jti,
            name: claims.sub,
            org_id: claims.org,
            entries: claims.entries,
            scopes: claims.scopes,
            requests_per_minute,
            minted_by: claims.makers.last().map(|maker| maker.jti.clone()),
            issued_at: time(claims.iat),
            expires_at: time(claims.exp),
            revoked_at: record.revoked_at.map(Micros::to_rfc3339),
        }
    }
}

/// Make a token
///
/// For the caller's own organisation; it can hold no scope and no entrypoint that the calling token lacks. It ends with the
/// calling token, by expiry and by revocation, and its requests count against that token's limit too.
/// The token's text is answered this once, and again to the same request of the same token with the same idempotency key: the
/// service keeps no text, and signs the same claims anew.
#[utoipa::path(
    tag = "Tokens",
    params(KeyHeader),
    request_body(content = TokenIn, description = "The token to be made"),
    responses((status = 200, description = "The token", body = NewTokenOut)),
)]
#[post("/api/Token")]
pub(crate) async fn create_token(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    call.require(Scope::Tokens)?;
    let mutation = call.json(SERVICE, payload).await?;
    let caller = &call.caller;
    let (own, problems) = (caller.claims().clone(), call.params().problems());
    let claims = body::parsed(&mutation.body, move |body| read(&own, &body::members(body)?, problems)).await;
    if let Ok(claims) = &claims {
        check_power(caller.claims(), claims)?;
    }
    let tokens = call.app.store.tokens();
    let (jti, replayed) = match claims {
        Ok(claims) => tokens.create_once(claims, caller.actor(), mutation.key).await?,
        Err(problems) => (mutation.replay(problems).await?, true),
    };
    let record = tokens.find(jti).await?.ok_or(Error::NotFound)?;
    let token = tokens.sign(record.claims.clone()).await?;
    let record = TokenOut::new(record);
    let body =
        NewTokenOut { is_success: true, response_text: "Success", response_data: NewToken { token, record } };
    Ok(ok(replayed).insert_header(("Cache-Control", "no-store")).json(body))
}

/// Refuses to give a new token what the maker lacks.
///
/// # Errors
/// 403 naming what it lacks.
fn check_power(maker: &Claims, claims: &Claims) -> Result<(), Error> {
    if claims.makers.len() > MAKERS_MAX {
        return Err(Error::Forbidden("the right to make tokens: too many tokens in a row made each other"));
    }
    if !maker.entries.covers(&claims.entries) {
        return Err(Error::Forbidden("an entrypoint that the new token would see"));
    }
    match claims.scopes.iter().find(|scope| !maker.allows(**scope)) {
        Some(lacking) => Err(Error::Forbidden(lacking.name())),
        None => Ok(()),
    }
}

fn read(caller: &Claims, members: &Members<'_>, mut problems: Vec<Problem>) -> Result<Claims, Error> {
    let mut token = TokenIn::default();
    let mut refuse =
        |member: &str, code, message: String| problems.push(Problem::field(&[member], code, message));
    // Text that is no integer counts as out of range.
    let integer = |text: &str| Some(text.parse().unwrap_or(i64::MIN));
    for (member, raw) in &members.0 {
        match (member.as_ref(), Given::of(raw)) {
            ("name" | "scopes" | "expiresInDays" | "requestsPerMinute", Given::Null) => {}
            ("name", Given::Text(text)) => token.name = Some(normal(&text)),
            ("entries", _) => match serde_json::from_str(raw.get()) {
                Ok(Entries::Listed(entries)) if entries.len() > MEMBERS_MAX => {
                    refuse("entries", "too_many", format!("must have at most {MEMBERS_MAX} entrypoints"));
                }
                Ok(read) => token.entries = Some(read),
                Err(_) => refuse("entries", "wrong_type", "must be a list of entrypoints, or \"*\"".into()),
            },
            ("scopes", _) => match serde_json::from_str::<Vec<Scope>>(raw.get()) {
                Ok(read) if !read.is_empty() => token.scopes = Some(read),
                _ => {
                    let names: Vec<&str> = Scope::VARIANTS.iter().map(|scope| scope.name()).collect();
                    refuse(
                        "scopes",
                        "invalid_scope",
                        format!("must be a list of some of {}", names.join(", ")),
                    );
                }
            },
            ("expiresInDays", Given::Number(text)) => token.expires_in_days = integer(text),
            ("requestsPerMinute", Given::Number(text)) => token.requests_per_minute = integer(text),
            ("name" | "expiresInDays" | "requestsPerMinute", given) => {
                refuse(member, "wrong_type", format!("must not be {}", given.kind()));
            }
            _ => refuse(member, "unknown_field", "is no field of a token".into()),
        }
    }
    if !members.0.iter().any(|(member, _)| member.as_ref() == "entries") {
        let message = "is required: a list of entrypoints, or \"*\" for all of the organisation";
        refuse("entries", "required", message.into());
    }
    problems.extend(problems_of(token.validate()));
    let token = unless_any(problems, Ok(token))?;
    let name = token.name.unwrap_or_else(|| "token".into());
    let entries = token.entries.unwrap_or_else(|| Entries::Listed(Vec::new()));
    let mut scopes = token.scopes.unwrap_or_else(|| Scope::DEFAULT.to_vec());
    scopes.sort_unstable();
    scopes.dedup();
    let life_secs = token.expires_in_days.unwrap_or(DAYS_DEFAULT) * 86_400;
    let rpm = token.requests_per_minute.and_then(|rpm| rpm.try_into().ok());
    Ok(caller.heir(new_claims(name, caller.org, entries, scopes, clock::now(), life_secs, rpm)))
}

/// The claims of a new token.
pub fn new_claims(
    name: String,
    org: i64,
    entries: Entries,
    scopes: Vec<Scope>,
    now: Micros,
    life_secs: i64,
    rpm: Option<u32>,
) -> Claims {
    let jti = uuid::Uuid::new_v4().to_string();
    let iat = now.secs();
    Claims {
        sub: name,
        jti,
        org,
        entries,
        scopes,
        iat,
        exp: iat + life_secs,
        parent: None,
        rpm,
        makers: Vec::new(),
    }
}

/// The tokens of an organisation.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct TokensOut {
    /// The tokens, newest first.
    records: Vec<TokenOut>,
}

/// List the organisation's tokens
///
/// Newest first, revoked and expired ones included; never a token's text. A token for some entrypoints sees the tokens that
/// reach none beyond these.
#[utoipa::path(
    tag = "Tokens",
    responses((status = 200, description = "The tokens", body = TokensOut)),
)]
#[get("/api/Token")]
pub(crate) async fn list_tokens(call: Call) -> Result<HttpResponse, Error> {
    call.require(Scope::Tokens)?;
    call.params().done()?;
    let claims = call.caller.claims();
    let records = call.app.store.tokens().list(Some(claims.org)).await?;
    let visible = records.into_iter().filter(|record| claims.sees_token(&record.claims));
    Ok(HttpResponse::Ok().json(TokensOut { records: visible.map(TokenOut::new).collect() }))
}

/// Revoke a token
///
/// The revocation takes effect at once on this instance and within 5 s on all others. Tokens that the revoked token
/// fetched or made end too. Revoking it again is no error. A token for some entrypoints revokes only tokens whose
/// entrypoints are all among its own.
#[utoipa::path(
    tag = "Tokens",
    params(("jti" = String, Path, description = "The token's id, or its name if only one token in force has it")),
    responses((status = 200, description = "The token is revoked", body = DoneOut)),
)]
#[delete("/api/Token/{jti}")]
pub(crate) async fn revoke_token(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    call.require(Scope::Tokens)?;
    body::none(payload).await?;
    call.params().done()?;
    // Names may hold `/`, `+` and `%`, which stay encoded in a path.
    let text = percent_decode_str(call.path("jti")).decode_utf8().map_err(|_| Error::NotFound)?.into_owned();
    let (claims, by) = (call.caller.claims().clone(), call.caller.actor());
    let jti = call.app.store.tokens().revoke(Some(claims), text, by).await?;
    call.app.guard.revoke(jti);
    Ok(HttpResponse::Ok().json(DoneOut::SUCCESS))
}

//! Organisations: the policy they hold for their entrypoints, and new ones.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, get, post, put};
use serde::Serialize;

use super::{
    MadeOut, SettingsIn, SettingsOut, admin_key, answered, made, of_organisation, own_organisation,
    read_settings, refuse, require_organisation, text_of,
};
use crate::api::customers::DoneOut;
use crate::api::http::auth::Caller;
use crate::api::http::body::{self, Params};
use crate::api::http::error::Error;
use crate::api::http::state::App;
use crate::domain::accounts::token::Scope;
use crate::domain::entrypoints::settings::{SettingsInput, check_name};
use crate::domain::kernel::members::Given;
use crate::domain::kernel::problem::Problem;

/// Read an organisation's settings
///
/// The identifier policy that it holds for its entrypoints, and its name.
#[utoipa::path(
    tag = "Settings",
    operation_id = "get_organisation_settings",
    params(("orgId" = i64, Path, description = "The organisation")),
    responses((status = 200, description = "The settings", body = SettingsOut)),
)]
#[get("/api/Organization/settings/{orgId}")]
pub(crate) async fn get_organisation_settings(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
) -> Result<HttpResponse, Error> {
    caller.require(Scope::Settings)?;
    let id = own_organisation(&caller, &id)?;
    Params::none(&request)?;
    let organisation = app.store.organisation(id).await?.ok_or(Error::NotFound)?;
    Ok(HttpResponse::Ok().json(of_organisation(&organisation)))
}

/// Change an organisation's settings
///
/// A new identifier policy holds at once for every entrypoint that sets none of its own. Needs a token that
/// sees all entrypoints of the organisation.
#[utoipa::path(
    tag = "Settings",
    operation_id = "update_organisation_settings",
    params(
        ("orgId" = i64, Path, description = "The organisation"),
        ("idempotencyKey" = Option<String>, Header, description = "As for a create"),
    ),
    request_body(content = SettingsIn, description = "The settings to change"),
    responses((status = 200, description = "The settings are changed", body = DoneOut)),
)]
#[put("/api/Organization/settings/{orgId}")]
pub(crate) async fn update_organisation_settings(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    require_organisation(&caller)?;
    let org_id = own_organisation(&caller, &id)?;
    let bytes = body::json(&request, payload).await?;
    let key = admin_key(&app, &caller, "PUT /Organization/settings/{orgId}", &id, &request, &bytes).await?;
    let mut problems = Params::of(&request).problems();
    let sent = read_settings(&bytes, &mut problems)?;
    let mut name = None;
    for (key, value) in sent.general {
        match key.as_str() {
            "name" if value.trim().is_empty() => {
                problems.push(Problem::field(&["general", "name"], "required", "must not be empty"));
            }
            "name" => name = Some(check_name("name", &value, &mut problems)),
            "orgId" => {}
            _ => problems.push(Problem::field(
                &["general", &key],
                "unknown_setting",
                "is no setting of an organisation",
            )),
        }
    }
    let input = SettingsInput { identifiers: sent.identifiers, ..SettingsInput::default() };
    let identifiers = input.check().map_or_else(
        |found| {
            problems.extend(found);
            None
        },
        |settings| settings.identifiers,
    );
    refuse(&app, key.as_ref(), problems).await?;
    Ok(answered(
        app.store.update_organisation(org_id, name, identifiers, key, text_of(&DoneOut::SUCCESS)).await?,
    ))
}

/// An organisation to be made.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OrganisationIn {
    /// Its name.
    #[schema(max_length = 250, min_length = 1)]
    name: String,
}

/// Make an organisation
///
/// Beside the token's own; the token does not see it. Its first token is made by the command line
/// (`customary token create --org …`). Needs a token that sees all entrypoints of its organisation.
#[utoipa::path(
    tag = "Settings",
    operation_id = "create_organisation",
    params(("idempotencyKey" = Option<String>, Header, description = "As for a create")),
    request_body(content = OrganisationIn, description = "The organisation to be made"),
    responses((status = 200, description = "The organisation is made", body = MadeOut)),
)]
#[post("/api/Organization")]
pub(crate) async fn create_organisation(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    require_organisation(&caller)?;
    let bytes = body::json(&request, payload).await?;
    let key = admin_key(&app, &caller, "POST /Organization", "", &request, &bytes).await?;
    let mut problems = Params::of(&request).problems();
    let mut name = String::new();
    for (member, raw) in &body::members(&bytes)?.0 {
        match (member.as_ref(), Given::of(raw)) {
            ("name", Given::Text(text)) => name = check_name("name", &text, &mut problems),
            ("name", given) => {
                let message = format!("must be a string, not {}", given.kind());
                problems.push(Problem::field(&["name"], "wrong_type", message));
            }
            _ => problems.push(Problem::field(&[member], "unknown_field", "is no field of an organisation")),
        }
    }
    if name.is_empty() && problems.is_empty() {
        problems.push(Problem::field(&["name"], "required", "is required"));
    }
    refuse(&app, key.as_ref(), problems).await?;
    Ok(answered(app.store.create_organisation(name, key, |org_id| made(None, org_id)).await?))
}

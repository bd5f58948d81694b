//! Organisations: the policies for their entrypoints, and new organisations.

use actix_web::web::{Bytes, Payload};
use actix_web::{HttpResponse, get, post, put};
use serde::Serialize;

use super::{
    MadeOut, SettingsIn, SettingsOut, made, of_organisation, read_settings, require_organisation, text_of,
};
use crate::api::customers::DoneOut;
use crate::api::http::body;
use crate::api::http::call::{Call, SERVICE};
use crate::api::http::error::{Error, unless_any};
use crate::api::http::params::{KeyHeader, OrganisationPath};
use crate::domain::accounts::token::Scope;
use crate::domain::decide::guard;
use crate::domain::entrypoints::Policy;
use crate::domain::entrypoints::settings::{SettingsInput, check_name};
use crate::domain::kernel::members::Given;
use crate::domain::kernel::problem::Problem;
use crate::store::OrganisationChanges;

/// Read an organisation's settings
///
/// The identifier policy that it holds for its entrypoints, and its name.
#[utoipa::path(
    tag = "Settings",
    params(OrganisationPath),
    responses((status = 200, description = "The settings", body = SettingsOut)),
)]
#[get("/api/Organization/settings/{orgId}")]
pub(crate) async fn get_organisation_settings(call: Call) -> Result<HttpResponse, Error> {
    let id = call.organisation(Scope::Settings)?;
    call.params().done()?;
    let organisation = call.app.store.entrypoints().organisation(id).await?.ok_or(Error::NotFound)?;
    Ok(HttpResponse::Ok().json(of_organisation(&organisation)))
}

/// Change an organisation's settings
///
/// A new identifier policy holds at once for every entrypoint that sets none of its own. Needs a token that
/// sees all entrypoints of the organisation.
#[utoipa::path(
    tag = "Settings",
    params(OrganisationPath, KeyHeader),
    request_body(content = SettingsIn, description = "The settings to change"),
    responses((status = 200, description = "The settings are changed", body = DoneOut)),
)]
#[put("/api/Organization/settings/{orgId}")]
pub(crate) async fn update_organisation_settings(
    call: Call,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    require_organisation(&call)?;
    let org_id = call.organisation(Scope::Settings)?;
    let mutation = call.json(SERVICE, payload).await?;
    let problems = call.params().problems();
    let settings = body::parsed(&mutation.body, |body| settings_of_organisation(body, problems)).await;
    if let Ok(OrganisationChanges { identifiers: Some(new), .. }) = &settings {
        let present = call.app.store.entrypoints().organisation(org_id).await?.ok_or(Error::NotFound)?;
        let present = Policy::cascade(None, present.identifiers);
        guard::check_policy(new, &present.identifiers, call.caller.claims())?;
    }
    let done = text_of(&DoneOut::SUCCESS);
    let (entrypoints, by) = (call.app.store.entrypoints(), call.caller.actor());
    let update = async |changes, key| entrypoints.update_organisation(org_id, changes, by, key, done).await;
    mutation.answer(settings, update).await
}

fn settings_of_organisation(body: &Bytes, mut problems: Vec<Problem>) -> Result<OrganisationChanges, Error> {
    let sent = read_settings(body, &mut problems)?;
    let (mut name, mut requires_totp) = (None, None);
    for (key, value) in sent.general {
        match key.as_str() {
            "name" if value.trim().is_empty() => {
                problems.push(Problem::field(&["general", "name"], "required", "must not be empty"));
            }
            "name" => name = Some(check_name(&value, &mut problems)),
            "requiresTotp" => match value.parse() {
                Ok(requires) => requires_totp = Some(requires),
                Err(_) => {
                    let place = ["general", "requiresTotp"];
                    problems.push(Problem::field(&place, "invalid_value", "must be true or false"));
                }
            },
            "orgId" => {}
            _ => problems.push(Problem::field(
                &["general", &key],
                "unknown_setting",
                "is no setting of an organisation",
            )),
        }
    }
    if !sent.for_invoices.is_empty() {
        problems.push(Problem::field(&["forInvoices"], "read_only", "belongs to entrypoints; set it there"));
    }
    let input = SettingsInput { identifiers: sent.identifiers, ..SettingsInput::default() };
    let settings = unless_any(problems, input.check().map_err(Error::Invalid))?;
    Ok(OrganisationChanges { name, identifiers: settings.identifiers, requires_totp })
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
/// (`customary token create --org …`). Needs the scope `service`, which an organisation's `settings` do not include.
#[utoipa::path(
    tag = "Settings",
    params(KeyHeader),
    request_body(content = OrganisationIn, description = "The organisation to be made"),
    responses((status = 200, description = "The organisation is made", body = MadeOut)),
)]
#[post("/api/Organization")]
pub(crate) async fn create_organisation(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    call.require(Scope::Service)?;
    let mutation = call.json(SERVICE, payload).await?;
    let problems = call.params().problems();
    let name = body::parsed(&mutation.body, |body| new_organisation(body, problems)).await;
    let entrypoints = call.app.store.entrypoints();
    let create =
        async |name, key| entrypoints.create_organisation(name, key, |org_id| made(None, org_id)).await;
    mutation.answer(name, create).await
}

fn new_organisation(body: &Bytes, mut problems: Vec<Problem>) -> Result<String, Error> {
    let mut name = String::new();
    for (member, raw) in &body::members(body)?.0 {
        match (member.as_ref(), Given::of(raw)) {
            ("name", Given::Text(text)) => name = check_name(&text, &mut problems),
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
    unless_any(problems, Ok(name))
}

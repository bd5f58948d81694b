//! Organisations and entrypoints over HTTP (contract 12.4, and our additions); scope `settings`.

mod keys;
mod organisations;

use actix_web::web::{Bytes, Payload};
use actix_web::{HttpResponse, get, post, put};
use serde::Serialize;

pub(crate) use self::keys::{get_entrypoint_keys, rotate_entrypoint_keys};
pub(crate) use self::organisations::{
    create_organisation, get_organisation_settings, update_organisation_settings,
};
use super::customers::DoneOut;
use super::http::body;
use super::http::call::{Call, SERVICE};
use super::http::error::{Error, unless_any};
use super::http::params::{EntryPath, KeyHeader};
use crate::domain::accounts::token::{Entries, Scope};
use crate::domain::customers::identifier::Identifier;
use crate::domain::decide::guard;
use crate::domain::entrypoints::Policy;
use crate::domain::entrypoints::settings::{EDITABLE_NONE, Settings, SettingsInput, check_entry};
use crate::domain::entrypoints::theme::Theme;
use crate::domain::kernel::members::{Given, Items, Members};
use crate::domain::kernel::problem::Problem;
use crate::store::{EntrypointSettings, Organisation};

/// Settings as the contract shows them: lists of keys and values.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SettingsOut {
    /// Custom fields; any additional field is taken, so none are listed.
    custom_fields: Vec<SettingOut>,
    /// The identifier policy in force; empty where none is set and e-mail identifies. Items that come from
    /// the organisation are read-only here.
    identifiers: Vec<SettingOut>,
    /// `entry`, `orgId`, `legalName`, `dbaName`, `country`, `requiredFields` (comma-separated), and what customers
    /// see: `storeName`, `senderName`, `language` (`en`, `fr`), `color` (`#rrggbb`), `editableFields`
    /// (comma-separated, `none` for no field), `cardGuard` (`all`, or `texts`, which takes ids that look like card
    /// numbers), `maxMethods` (of a customer), `currency` (of totals); of an organisation `orgId`, `name` and
    /// `requiresTotp` (`true`, `false`: whether its staff must have a second factor).
    general: Vec<SettingOut>,
    /// `invoiceSellerAddress`, `invoiceVatNumber`, `invoiceEmail` and `invoiceFooter`, which documents print;
    /// `invoiceNumberPattern` and `creditNoteNumberPattern`, such as `INV-{YYYY}-{0000}`; `invoiceNumberRestart` (`yearly`,
    /// `never`); `invoiceDueDays` (how long a buyer has to pay).
    for_invoices: Vec<SettingOut>,
    /// Always empty; kept for clients of the contract.
    for_pay_outs: Vec<SettingOut>,
    /// Always empty; kept for clients of the contract.
    for_wallets: Vec<SettingOut>,
}

/// One setting.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct SettingOut {
    /// The setting's name.
    key: String,
    /// Whether it cannot be changed here.
    read_only: bool,
    /// Its value as text.
    value: String,
}

/// Settings to be written, in the shape they are read in; absent lists and keys stay as they are.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SettingsIn {
    /// The identifier policy: `email`, `firstname+lastname`, or an additional field's name. An empty list
    /// removes the policy, so that the organisation's or the default holds.
    identifiers: Option<Vec<SettingIn>>,
    /// Of `legalName`, `dbaName`, `country`, `requiredFields`, `storeName`, `senderName`, `language`, `color`,
    /// `editableFields`, `cardGuard`, `maxMethods`, `currency` (while there are no transactions), `provider`, `paymentUrl`;
    /// of an organisation `name` and `requiresTotp`.
    general: Option<Vec<SettingIn>>,
    /// Of `invoiceSellerAddress`, `invoiceVatNumber`, `invoiceEmail`, `invoiceFooter`, `invoiceNumberPattern`,
    /// `creditNoteNumberPattern`, `invoiceNumberRestart`, `invoiceDueDays`.
    for_invoices: Option<Vec<SettingIn>>,
}

/// One setting to be written.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct SettingIn {
    /// The setting's name.
    key: String,
    /// Items that are read-only are skipped.
    read_only: Option<bool>,
    /// Its value as text; empty clears it.
    value: String,
}

fn setting(key: &str, read_only: bool, value: impl Into<String>) -> SettingOut {
    SettingOut { key: key.to_owned(), read_only, value: value.into() }
}

fn policy_out(identifiers: &[Identifier], read_only: bool) -> Vec<SettingOut> {
    identifiers
        .iter()
        .map(|identifier| setting(&identifier.to_string(), read_only, identifier.to_string()))
        .collect()
}

fn of_entrypoint(settings: &EntrypointSettings) -> SettingsOut {
    let entrypoint = &settings.entrypoint;
    let required: Vec<&str> = entrypoint.required.iter().map(|field| field.name()).collect();
    let Policy { identifiers, explicit } = &entrypoint.policy;
    SettingsOut {
        identifiers: if *explicit {
            policy_out(identifiers, settings.own_identifiers.is_none())
        } else {
            Vec::new()
        },
        general: vec![
            setting("entry", true, &entrypoint.entry),
            setting("orgId", true, entrypoint.org_id.to_string()),
            setting("legalName", false, entrypoint.legal_name.clone().unwrap_or_default()),
            setting("dbaName", false, entrypoint.dba_name.clone().unwrap_or_default()),
            setting("country", false, entrypoint.country.clone().unwrap_or_default()),
            setting("requiredFields", false, required.join(",")),
        ]
        .into_iter()
        .chain(of_theme(&entrypoint.theme))
        .chain([
            setting("cardGuard", false, entrypoint.card_guard.name()),
            setting("maxMethods", false, entrypoint.max_methods.0.to_string()),
            setting("currency", false, entrypoint.currency.code()),
            setting("isTest", true, entrypoint.is_test.to_string()),
            setting("provider", false, entrypoint.provider.name()),
            setting("paymentUrl", false, entrypoint.payment_url.clone().unwrap_or_default()),
        ])
        .collect(),
        for_invoices: entrypoint.invoicing.shown().map(|(name, value)| setting(name, false, value)).into(),
        ..SettingsOut::default()
    }
}

fn of_theme(theme: &Theme) -> [SettingOut; 5] {
    let Theme { store_name, sender_name, language, color, editable } = theme;
    let editable = match editable.as_deref() {
        None => String::new(),
        Some([]) => EDITABLE_NONE.to_owned(),
        Some(fields) => fields.iter().map(|field| field.name()).collect::<Vec<_>>().join(","),
    };
    [
        setting("storeName", false, store_name.clone().unwrap_or_default()),
        setting("senderName", false, sender_name.clone().unwrap_or_default()),
        setting("language", false, language.code()),
        setting("color", false, color.clone().unwrap_or_default()),
        setting("editableFields", false, editable),
    ]
}

fn of_organisation(organisation: &Organisation) -> SettingsOut {
    SettingsOut {
        identifiers: policy_out(organisation.identifiers.as_deref().unwrap_or_default(), false),
        general: vec![
            setting("orgId", true, organisation.id.to_string()),
            setting("name", false, &organisation.name),
            setting("requiresTotp", false, organisation.requires_totp.to_string()),
        ],
        ..SettingsOut::default()
    }
}

/// The settings in a body, before the check of their values.
#[derive(Default)]
struct Sent {
    identifiers: Option<Vec<String>>,
    general: Vec<(String, String)>,
    for_invoices: Vec<(String, String)>,
}

fn read_settings(bytes: &Bytes, problems: &mut Vec<Problem>) -> Result<Sent, Error> {
    let members = body::members(bytes)?;
    let mut sent = Sent::default();
    for (name, raw) in &members.0 {
        match name.as_ref() {
            "identifiers" => {
                let items = read_items(name, raw, problems);
                sent.identifiers = Some(items.into_iter().map(|(_, value)| value).collect());
            }
            "general" => sent.general = read_items(name, raw, problems),
            "forInvoices" => sent.for_invoices = read_items(name, raw, problems),
            "customFields" | "forPayOuts" | "forWallets" => {
                if !read_items(name, raw, problems).is_empty() {
                    problems.push(Problem::field(&[name], "read_only", "holds nothing that could be set"));
                }
            }
            _ => problems.push(Problem::field(&[name], "unknown_field", "is no list of settings")),
        }
    }
    Ok(sent)
}

/// The settings of one list, without the read-only ones.
fn read_items(
    name: &str,
    raw: &serde_json::value::RawValue,
    problems: &mut Vec<Problem>,
) -> Vec<(String, String)> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Item {
        key: String,
        #[serde(default)]
        read_only: Option<bool>,
        value: String,
    }
    let items = serde_json::from_str::<Items<'_>>(raw.get());
    if let Err((code, message)) = items.as_ref().map_or(Ok(()), Items::check) {
        problems.push(Problem::field(&[name], code, message));
        return Vec::new();
    }
    let read = |items: Items<'_>| {
        items.0.iter().map(|item| serde_json::from_str(item.get())).collect::<Result<Vec<Item>, _>>()
    };
    match items.and_then(read) {
        Ok(items) => items
            .into_iter()
            .filter(|item| item.read_only != Some(true))
            .map(|item| (item.key, item.value))
            .collect(),
        Err(_) => {
            let message = "must be a list of {\"key\": …, \"value\": …} with texts";
            problems.push(Problem::field(&[name], "wrong_type", message));
            Vec::new()
        }
    }
}

fn text_of(body: &impl Serialize) -> String {
    serde_json::to_string(body).unwrap_or_default()
}

/// Read an entrypoint's settings
///
/// The identifier policy in force, names, country and required fields.
#[utoipa::path(
    tag = "Settings",
    params(EntryPath),
    responses((status = 200, description = "The settings", body = SettingsOut)),
)]
#[get("/api/Paypoint/settings/{entry}")]
pub(crate) async fn get_entrypoint_settings(call: Call) -> Result<HttpResponse, Error> {
    let id = call.entry(Scope::Settings).await?;
    call.params().done()?;
    let settings = call.app.store.entrypoints().settings(id).await?.ok_or(Error::NotFound)?;
    Ok(HttpResponse::Ok().json(of_entrypoint(&settings)))
}

/// Change an entrypoint's settings
///
/// In the shape they are read in; absent keys stay. A new identifier policy holds at once, also for the
/// customers stored before.
#[utoipa::path(
    tag = "Settings",
    params(EntryPath, KeyHeader),
    request_body(content = SettingsIn, description = "The settings to change"),
    responses((status = 200, description = "The settings are changed", body = DoneOut)),
)]
#[put("/api/Paypoint/settings/{entry}")]
pub(crate) async fn update_entrypoint_settings(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let id = call.entry(Scope::Settings).await?;
    let mutation = call.json(SERVICE, payload).await?;
    let problems = call.params().problems();
    let settings = body::parsed(&mutation.body, |body| settings_of_entrypoint(body, problems)).await;
    if let Ok(Settings { identifiers: Some(new), .. }) = &settings {
        let present = call.app.store.entrypoints().settings(id).await?.ok_or(Error::NotFound)?;
        guard::check_policy(new, &present.entrypoint.policy.identifiers, call.caller.claims())?;
    }
    let done = text_of(&DoneOut::SUCCESS);
    let (entrypoints, by) = (call.app.store.entrypoints(), call.caller.actor());
    let update = async |settings, key| entrypoints.update(id, settings, by, key, done).await;
    mutation.answer(settings, update).await
}

fn settings_of_entrypoint(body: &Bytes, mut problems: Vec<Problem>) -> Result<Settings, Error> {
    let sent = read_settings(body, &mut problems)?;
    let mut input = SettingsInput { identifiers: sent.identifiers, ..SettingsInput::default() };
    for (name, value) in sent.general {
        match name.as_str() {
            "legalName" => input.legal_name = Some(value),
            "dbaName" => input.dba_name = Some(value),
            "country" => input.country = Some(value),
            "requiredFields" => {
                let names = value.split(',').map(str::trim).filter(|name| !name.is_empty());
                input.required = Some(names.map(str::to_owned).collect());
            }
            "storeName" => input.theme.store_name = Some(value),
            "senderName" => input.theme.sender_name = Some(value),
            "language" => input.theme.language = Some(value),
            "color" => input.theme.color = Some(value),
            "editableFields" => input.theme.editable = Some(value),
            "cardGuard" => input.card_guard = Some(value),
            "maxMethods" => input.max_methods = Some(value),
            "currency" => input.currency = Some(value),
            "provider" => input.provider = Some(value),
            "paymentUrl" => input.payment_url = Some(value),
            "entry" | "orgId" | "isTest" => {}
            _ => problems.push(Problem::field(
                &["general", &name],
                "unknown_setting",
                "is no setting of an entrypoint",
            )),
        }
    }
    for (name, value) in sent.for_invoices {
        match input.invoicing.slot(&name) {
            Some(slot) => *slot = Some(value),
            None => problems.push(Problem::field(
                &["forInvoices", &name],
                "unknown_setting",
                "is no setting of invoices",
            )),
        }
    }
    unless_any(problems, input.check().map_err(Error::Invalid))
}

/// The entrypoints of an organisation.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct EntrypointsOut {
    /// The entrypoints, oldest first.
    records: Vec<EntrypointOut>,
}

/// An entrypoint.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EntrypointOut {
    /// Its name in addresses.
    entry: String,
    /// Its organisation.
    org_id: i64,
    /// Its legal name.
    legal_name: Option<String>,
    /// Its trading name.
    dba_name: Option<String>,
    /// Its country as ISO 3166-1 alpha-2.
    country: Option<String>,
    /// The identifier policy in force.
    identifiers: Vec<String>,
    /// What a create must carry.
    required_fields: Vec<&'static str>,
    /// Whether it is for tests.
    is_test: bool,
    /// Who moves its money: `none`, `sandbox` or `http`.
    #[schema(value_type = String)]
    provider: &'static str,
}

/// List the entrypoints
///
/// Those of the organisation that the token sees.
#[utoipa::path(
    tag = "Settings",
    responses((status = 200, description = "The entrypoints", body = EntrypointsOut)),
)]
#[get("/api/Paypoint")]
pub(crate) async fn list_entrypoints(call: Call) -> Result<HttpResponse, Error> {
    call.require(Scope::Settings)?;
    call.params().done()?;
    let claims = call.caller.claims();
    let all = call.app.store.entrypoints().list(Some(claims.org)).await?;
    let records = all
        .into_iter()
        .map(|settings| settings.entrypoint)
        .filter(|entrypoint| claims.entries.contains(&entrypoint.entry))
        .map(|entrypoint| EntrypointOut {
            entry: entrypoint.entry,
            org_id: entrypoint.org_id,
            legal_name: entrypoint.legal_name,
            dba_name: entrypoint.dba_name,
            country: entrypoint.country,
            identifiers: entrypoint.policy.identifiers.iter().map(ToString::to_string).collect(),
            required_fields: entrypoint.required.iter().map(|field| field.name()).collect(),
            is_test: entrypoint.is_test,
            provider: entrypoint.provider.name(),
        })
        .collect();
    Ok(HttpResponse::Ok().json(EntrypointsOut { records }))
}

/// An entrypoint to be made.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[serde(deny_unknown_fields)]
pub(crate) struct EntrypointIn {
    /// Its name in addresses: 1–50 of A-Z a-z 0-9 _ -, unique in the whole service.
    #[schema(max_length = 50, min_length = 1, pattern = "^[A-Za-z0-9_-]+$")]
    entry: String,
    /// Its legal name.
    #[schema(max_length = 250, nullable)]
    legal_name: Option<String>,
    /// Its trading name.
    #[schema(max_length = 250, nullable)]
    dba_name: Option<String>,
    /// Its country by code or English name; phones without + are read with it.
    #[schema(nullable)]
    country: Option<String>,
    /// Its identifier policy, such as `["email", "firstname+lastname"]`.
    #[schema(nullable)]
    identifiers: Option<Vec<String>>,
    /// What a create must carry, such as `["fullname"]`.
    #[schema(nullable)]
    required_fields: Option<Vec<String>>,
    /// Whether it is for tests, with play money that is in no total of the organisation; it stays so. False by default.
    #[schema(nullable)]
    is_test: Option<bool>,
    /// Who moves its money: `none`, `sandbox` (only for tests) or `http`; `none` by default.
    #[schema(nullable)]
    provider: Option<String>,
}

/// An id in the contract's envelope.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MadeOut {
    /// Always true.
    is_success: bool,
    /// `Success`.
    response_text: &'static str,
    /// What was made.
    response_data: Made,
}

/// What was made.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct Made {
    /// The entrypoint's name, where an entrypoint was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<String>,
    /// The organisation's id.
    org_id: i64,
}

fn made(entry: Option<String>, org_id: i64) -> String {
    text_of(&MadeOut { is_success: true, response_text: "Success", response_data: Made { entry, org_id } })
}

/// Make an entrypoint
///
/// In the token's organisation; needs a token that sees all of its entrypoints.
#[utoipa::path(
    tag = "Settings",
    params(KeyHeader),
    request_body(content = EntrypointIn, description = "The entrypoint to be made"),
    responses((status = 200, description = "The entrypoint is made", body = MadeOut)),
)]
#[post("/api/Paypoint")]
pub(crate) async fn create_entrypoint(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    require_organisation(&call)?;
    let mutation = call.json(SERVICE, payload).await?;
    let problems = call.params().problems();
    let new = body::parsed(&mutation.body, |body| new_entrypoint(body, problems)).await;
    let org_id = call.caller.claims().org;
    let create = async |(entry, settings): (String, Settings), key| {
        let name = entry.clone();
        let render = move |_| made(Some(name), org_id);
        let by = call.caller.actor();
        call.app.store.entrypoints().create(org_id, entry, settings, by, key, render).await
    };
    mutation.answer(new, create).await
}

fn new_entrypoint(body: &Bytes, mut problems: Vec<Problem>) -> Result<(String, Settings), Error> {
    let (entry, input) = read_entrypoint(&body::members(body)?, &mut problems);
    problems.extend(check_entry(&entry).err());
    let settings = unless_any(problems, input.check().map_err(Error::Invalid))?;
    Ok((entry, settings))
}

fn read_entrypoint(members: &Members<'_>, problems: &mut Vec<Problem>) -> (String, SettingsInput) {
    let mut entry = String::new();
    let mut input = SettingsInput::default();
    for (name, raw) in &members.0 {
        let list = || serde_json::from_str::<Vec<String>>(raw.get());
        match (name.as_ref(), Given::of(raw)) {
            ("entry", Given::Text(text)) => entry = text.into_owned(),
            ("legalName", Given::Text(text)) => input.legal_name = Some(text.into_owned()),
            ("dbaName", Given::Text(text)) => input.dba_name = Some(text.into_owned()),
            ("country", Given::Text(text)) => input.country = Some(text.into_owned()),
            ("provider", Given::Text(text)) => input.provider = Some(text.into_owned()),
            ("isTest", Given::Bool) => input.is_test = raw.get() == "true",
            (
                "legalName" | "dbaName" | "country" | "identifiers" | "requiredFields" | "isTest"
                | "provider",
                Given::Null,
            ) => {}
            ("isTest", given) => {
                let message = format!("must be true or false, not {}", given.kind());
                problems.push(Problem::field(&[name], "wrong_type", message));
            }
            ("identifiers", _) if list().is_ok() => input.identifiers = list().ok(),
            ("requiredFields", _) if list().is_ok() => input.required = list().ok(),
            ("entry" | "legalName" | "dbaName" | "country" | "provider", given) => {
                let message = format!("must be a string, not {}", given.kind());
                problems.push(Problem::field(&[name], "wrong_type", message));
            }
            ("identifiers" | "requiredFields", _) => {
                problems.push(Problem::field(&[name], "wrong_type", "must be an array of strings"));
            }
            _ => problems.push(Problem::field(&[name], "unknown_field", "is no field of an entrypoint")),
        }
    }
    (entry, input)
}

/// Refuses a token that does not see every entrypoint of its organisation.
fn require_organisation(call: &Call) -> Result<(), Error> {
    call.require(Scope::Settings)?;
    match call.caller.claims().entries {
        Entries::All => Ok(()),
        Entries::Listed(_) => Err(Error::Forbidden("access to all entrypoints of the organisation")),
    }
}

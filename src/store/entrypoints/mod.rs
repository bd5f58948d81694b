//! Entrypoints and organisations: the directory, the settings, the lock rows.

pub(crate) mod directory;
mod handle;
pub(crate) mod lock_row;
pub(crate) mod settings;

use diesel::prelude::*;

use super::engine::conn::{Conn, on};
use super::engine::error::StoreError;
use super::engine::schema::{entrypoint, organisation};
use crate::domain::customers::fields::TextField;
use crate::domain::customers::identifier::{Identifier, parse_policy};
use crate::domain::entrypoints::provider::Provider;
use crate::domain::entrypoints::theme::Theme;
use crate::domain::entrypoints::{Entrypoint, MaxMethods, Policy};
use crate::domain::transactions::currency::Currency;

/// The columns of an entrypoint.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = entrypoint)]
pub(super) struct EntrypointRow {
    entrypoint_id: i64,
    entry: String,
    org_id: i64,
    settings_version: i64,
    legal_name: Option<String>,
    dba_name: Option<String>,
    country: Option<String>,
    identifiers: Option<String>,
    required_fields: String,
    store_name: Option<String>,
    sender_name: Option<String>,
    language: String,
    color: Option<String>,
    editable_fields: Option<String>,
    card_guard: String,
    max_methods: i64,
    currency: String,
    invoicing: String,
    is_test: bool,
    provider: i16,
    payment_url: Option<String>,
}

/// The columns that an entrypoint takes from its organisation.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = organisation)]
pub(super) struct OrganisationRow {
    name: String,
    identifiers: Option<String>,
}

impl EntrypointRow {
    /// Builds the entrypoint from the columns.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub(super) fn read(self, organisation: OrganisationRow) -> Result<Entrypoint, StoreError> {
        let policy = Policy::cascade(read_policy(self.identifiers)?, read_policy(organisation.identifiers)?);
        let editable = self.editable_fields.map(|json| read_fields(&json)).transpose()?;
        Ok(Entrypoint {
            id: self.entrypoint_id,
            entry: self.entry,
            org_id: self.org_id,
            org_name: organisation.name,
            legal_name: self.legal_name,
            dba_name: self.dba_name,
            country: self.country,
            policy,
            required: read_fields(&self.required_fields)?,
            theme: Theme {
                store_name: self.store_name,
                sender_name: self.sender_name,
                language: self.language.parse().unwrap_or_default(),
                color: self.color,
                editable,
            },
            card_guard: self.card_guard.parse().unwrap_or_default(),
            max_methods: MaxMethods(u8::try_from(self.max_methods).unwrap_or(MaxMethods::MAX)),
            currency: Currency::parse(&self.currency)
                .map_err(|_| StoreError::Corrupt("the currency of an entrypoint".into()))?,
            invoicing: serde_json::from_str(&self.invoicing)?,
            is_test: self.is_test,
            provider: Provider::from_repr(self.provider)
                .ok_or_else(|| StoreError::Corrupt("the provider of an entrypoint".into()))?,
            payment_url: self.payment_url,
        })
    }
}

fn read_fields(json: &str) -> Result<Vec<TextField>, StoreError> {
    let names: Vec<String> = serde_json::from_str(json)?;
    Ok(names.iter().filter_map(|name| TextField::of_request(name)).collect())
}

/// Parses a stored policy.
pub(super) fn read_policy(json: Option<String>) -> Result<Option<Vec<Identifier>>, StoreError> {
    let Some(json) = json else { return Ok(None) };
    let items: Vec<String> = serde_json::from_str(&json)?;
    parse_policy(&items).map(Some).map_err(|_| StoreError::Corrupt("a stored identifier policy".into()))
}

/// The columns of an entrypoint and of its organisation.
pub(super) fn row(conn: &mut Conn, id: i64) -> Result<Option<(EntrypointRow, OrganisationRow)>, StoreError> {
    Ok(on!(conn, |c| entrypoint::table
        .inner_join(organisation::table)
        .filter(entrypoint::entrypoint_id.eq(id))
        .select((EntrypointRow::as_select(), OrganisationRow::as_select()))
        .first(c)
        .optional())?)
}

/// An entrypoint and the version of its settings.
///
/// # Errors
/// Database errors; [`StoreError::Corrupt`].
pub(in crate::store) fn entrypoint(
    conn: &mut Conn,
    id: i64,
) -> Result<Option<(i64, Entrypoint)>, StoreError> {
    let found = row(conn, id)?;
    found.map(|(own, organisation)| Ok((own.settings_version, own.read(organisation)?))).transpose()
}

//! Creates, lists and changes organisations and entrypoints.

use diesel::prelude::*;

use super::lock_row::{LockRow, insert_lock_rows, lock_entrypoints};
use super::{EntrypointRow, OrganisationRow};
use crate::domain::customers::fields::TextField;
use crate::domain::customers::identifier::Identifier;
use crate::domain::entrypoints::invoicing::Invoicing;
use crate::domain::entrypoints::settings::{Settings, check_sandbox};
use crate::domain::entrypoints::{Entrypoint, Policy};
use crate::domain::kernel::problem::{Problem, Rejection};
use crate::domain::kernel::time::Micros;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::{entrypoint, entrypoint_lock, organisation};
use crate::store::keys::keyring::KeyRing;
use crate::store::transactions;

/// A stored organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    /// `orgId`.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// The policy for its entrypoints.
    pub identifiers: Option<Vec<Identifier>>,
    /// Whether its staff must have a second factor.
    pub requires_totp: bool,
}

/// What of an organisation is to change; `None` keeps a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrganisationChanges {
    /// Its name.
    pub name: Option<String>,
    /// The policy for its entrypoints.
    pub identifiers: Option<Vec<Identifier>>,
    /// Whether its staff must have a second factor.
    pub requires_totp: Option<bool>,
}

/// The settings of an entrypoint, with its own policy apart from that of its organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntrypointSettings {
    /// The entrypoint with the settings in force.
    pub entrypoint: Entrypoint,
    /// The version of the settings.
    pub version: i64,
    /// The entrypoint's own policy, if it has one.
    pub own_identifiers: Option<Vec<Identifier>>,
}

fn json(items: impl IntoIterator<Item = String>) -> Result<String, StoreError> {
    Ok(serde_json::to_string(&items.into_iter().collect::<Vec<_>>())?)
}

fn policy_json(identifiers: &[Identifier]) -> Result<Option<String>, StoreError> {
    if identifiers.is_empty() {
        Ok(None)
    } else {
        Ok(Some(json(identifiers.iter().map(ToString::to_string))?))
    }
}

fn none_if_empty(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// Creates an organisation; returns its id.
pub(crate) fn create_organisation(conn: &mut Conn, name: &str, now: Micros) -> Result<i64, StoreError> {
    Ok(on!(conn, |c| diesel::insert_into(organisation::table)
        .values((organisation::name.eq(name), organisation::created_at_us.eq(now.0)))
        .returning(organisation::org_id)
        .get_result(c))?)
}

/// Creates an entrypoint with its data key; returns its id.
///
/// # Errors
/// [`Rejection::NotFound`] if the organisation does not exist, [`Rejection::Conflict`] if the name is taken.
pub(crate) fn create_entrypoint(
    conn: &mut Conn,
    ring: &KeyRing,
    org_id: i64,
    entry: &str,
    settings: &Settings,
    now: Micros,
) -> Result<i64, StoreError> {
    let Some(organisation) = organisation(conn, org_id)? else { return Err(Rejection::NotFound.into()) };
    let taken = || {
        let problems = vec![Problem::field(&["entry"], "entry_taken", "this name is taken; choose another")];
        Rejection::Conflict { problems, ids: Vec::new() }
    };
    if find(conn, entry)?.is_some() {
        return Err(taken().into());
    }
    let provider = settings.provider.unwrap_or_default();
    check_sandbox(provider, settings.is_test).map_err(|problem| Rejection::State(vec![problem]))?;
    // On PostgreSQL another transaction may take the name meanwhile.
    let made: Option<i64> = on!(conn, |c| diesel::insert_into(entrypoint::table)
        .values((
            entrypoint::entry.eq(entry),
            entrypoint::org_id.eq(org_id),
            entrypoint::is_test.eq(settings.is_test),
            entrypoint::created_at_us.eq(now.0)
        ))
        .on_conflict(entrypoint::entry)
        .do_nothing()
        .returning(entrypoint::entrypoint_id)
        .get_result(c)
        .optional())?;
    let id = made.ok_or_else(taken)?;
    write_settings(conn, (id, &Invoicing::default()), settings)?;
    let key_id = ring.create_data_key(conn, id, 1, now)?;
    let own = settings.identifiers.clone().filter(|own| !own.is_empty());
    let lock_row = LockRow {
        entrypoint_id: id,
        settings_version: 1,
        next_customer_id: 1,
        block_end: 1,
        next_seq: 1,
        key_id,
        digest_identifiers: digest_identifiers(&Policy::cascade(own, organisation.identifiers))?,
        live_customers: 0,
        counts: "{}".into(),
        old_key_id: None,
        old_digest_identifiers: "[]".into(),
    };
    insert_lock_rows(conn, &[lock_row])?;
    Ok(id)
}

/// The identifiers for which every live customer of an empty entrypoint has digests.
pub(crate) fn digest_identifiers(policy: &Policy) -> Result<String, StoreError> {
    json(policy.unique().iter().map(ToString::to_string))
}

/// An organisation.
pub(crate) fn organisation(conn: &mut Conn, org_id: i64) -> Result<Option<Organisation>, StoreError> {
    let found: Option<(i64, String, Option<String>, bool)> = on!(conn, |c| organisation::table
        .find(org_id)
        .select((
            organisation::org_id,
            organisation::name,
            organisation::identifiers,
            organisation::requires_totp
        ))
        .first(c)
        .optional())?;
    let Some((id, name, identifiers, requires_totp)) = found else { return Ok(None) };
    Ok(Some(Organisation { id, name, identifiers: super::read_policy(identifiers)?, requires_totp }))
}

/// Ids and names of all organisations, with the numbers of their entrypoints.
pub(crate) fn organisations(conn: &mut Conn) -> Result<Vec<(i64, String, i64)>, StoreError> {
    let found: Vec<(i64, String)> = on!(conn, |c| organisation::table
        .order(organisation::org_id)
        .select((organisation::org_id, organisation::name))
        .load(c))?;
    let owners: Vec<i64> = on!(conn, |c| entrypoint::table.select(entrypoint::org_id).load(c))?;
    let count = |org_id| i64::try_from(owners.iter().filter(|owner| **owner == org_id).count()).unwrap_or(0);
    Ok(found.into_iter().map(|(org_id, name)| (org_id, name, count(org_id))).collect())
}

/// The id and organisation of an entrypoint; neither ever changes.
pub(crate) fn find(conn: &mut Conn, entry: &str) -> Result<Option<(i64, i64)>, StoreError> {
    Ok(on!(conn, |c| entrypoint::table
        .filter(entrypoint::entry.eq(entry))
        .select((entrypoint::entrypoint_id, entrypoint::org_id))
        .first(c)
        .optional())?)
}

/// The settings of an entrypoint.
pub(crate) fn entrypoint_settings(
    conn: &mut Conn,
    id: i64,
) -> Result<Option<EntrypointSettings>, StoreError> {
    let found = super::row(conn, id)?;
    found.map(|(own, organisation)| read_settings(own, organisation)).transpose()
}

fn read_settings(
    own: EntrypointRow,
    organisation: OrganisationRow,
) -> Result<EntrypointSettings, StoreError> {
    let (version, own_identifiers) = (own.settings_version, super::read_policy(own.identifiers.clone())?);
    Ok(EntrypointSettings { entrypoint: own.read(organisation)?, version, own_identifiers })
}

/// The entrypoints of one organisation or of all, by id.
pub(crate) fn entrypoints(
    conn: &mut Conn,
    org_id: Option<i64>,
) -> Result<Vec<EntrypointSettings>, StoreError> {
    let rows: Vec<(EntrypointRow, OrganisationRow)> = on!(conn, |c| {
        let all = entrypoint::table
            .inner_join(organisation::table)
            .select((EntrypointRow::as_select(), OrganisationRow::as_select()))
            .order(entrypoint::entrypoint_id);
        match org_id {
            Some(org_id) => all.filter(entrypoint::org_id.eq(org_id)).load(c),
            None => all.load(c),
        }
    })?;
    rows.into_iter().map(|(own, organisation)| read_settings(own, organisation)).collect()
}

/// Ids and names of the entrypoints of an organisation, by id.
pub(crate) fn entries(conn: &mut Conn, org_id: i64) -> Result<Vec<(i64, String)>, StoreError> {
    Ok(on!(conn, |c| entrypoint::table
        .filter(entrypoint::org_id.eq(org_id))
        .order(entrypoint::entrypoint_id)
        .select((entrypoint::entrypoint_id, entrypoint::entry))
        .load(c))?)
}

/// The entrypoints of an organisation that are for tests.
pub(crate) fn for_tests(conn: &mut Conn, org_id: i64) -> Result<Vec<i64>, StoreError> {
    Ok(on!(conn, |c| entrypoint::table
        .filter(entrypoint::org_id.eq(org_id))
        .filter(entrypoint::is_test.eq(true))
        .select(entrypoint::entrypoint_id)
        .load(c))?)
}

/// Changes the settings of an entrypoint, under its lock. Returns it as it was, and as it is now.
///
/// # Errors
/// [`Rejection::NotFound`]; [`Rejection::State`] for another currency where there are transactions; database errors.
pub(crate) fn update_entrypoint(
    conn: &mut Conn,
    id: i64,
    settings: &Settings,
) -> Result<(Entrypoint, Entrypoint), StoreError> {
    const HAS_TRANSACTIONS: &str = "the entrypoint has transactions, and their totals are in its currency";
    lock_entrypoints(conn, &[id])?;
    let Some((_, present)) = super::entrypoint(conn, id)? else { return Err(Rejection::NotFound.into()) };
    let is_other = settings.currency.is_some_and(|currency| currency != present.currency);
    if is_other && transactions::has_any(conn, id)? {
        let problem = Problem::field(&["currency"], "has_transactions", HAS_TRANSACTIONS);
        return Err(Rejection::State(vec![problem]).into());
    }
    let provider = settings.provider.unwrap_or(present.provider);
    check_sandbox(provider, present.is_test).map_err(|problem| Rejection::State(vec![problem]))?;
    write_settings(conn, (id, &present.invoicing), settings)?;
    settings_changed(conn, &[id])?;
    let (_, after) = super::entrypoint(conn, id)?.ok_or(Rejection::NotFound)?;
    Ok((present, after))
}

/// Writes the settings that are not `None`. `invoicing` are those of invoices so far.
fn write_settings(
    conn: &mut Conn,
    (id, invoicing): (i64, &Invoicing),
    settings: &Settings,
) -> Result<(), StoreError> {
    let invoicing = if settings.invoicing.is_empty() {
        None
    } else {
        let new = settings.invoicing.onto(invoicing).map_err(Rejection::Invalid)?;
        Some(serde_json::to_string(&new)?)
    };
    let fields = |fields: &Vec<TextField>| json(fields.iter().map(|field| field.name().to_owned()));
    let policy = settings.identifiers.as_deref().map(policy_json).transpose()?;
    let required = settings.required.as_ref().map(fields).transpose()?;
    let theme = &settings.theme;
    let editable = theme.editable.as_ref().map(|own| own.as_ref().map(fields).transpose()).transpose()?;
    on!(conn, |c| diesel::update(entrypoint::table.find(id))
        .set((
            settings.legal_name.as_deref().map(|name| entrypoint::legal_name.eq(none_if_empty(name))),
            settings.dba_name.as_deref().map(|name| entrypoint::dba_name.eq(none_if_empty(name))),
            settings.country.as_deref().map(|code| entrypoint::country.eq(none_if_empty(code))),
            policy.map(|policy| entrypoint::identifiers.eq(policy)),
            required.map(|required| entrypoint::required_fields.eq(required)),
            theme.store_name.as_deref().map(|name| entrypoint::store_name.eq(none_if_empty(name))),
            theme.sender_name.as_deref().map(|name| entrypoint::sender_name.eq(none_if_empty(name))),
            theme.language.map(|language| entrypoint::language.eq(language.code())),
            theme.color.as_deref().map(|color| entrypoint::color.eq(none_if_empty(color))),
            editable.map(|editable| entrypoint::editable_fields.eq(editable)),
            settings.card_guard.map(|guard| entrypoint::card_guard.eq(guard.name())),
            settings.max_methods.map(|most| entrypoint::max_methods.eq(i64::from(most.0))),
            settings.currency.map(|currency| entrypoint::currency.eq(currency.code())),
            invoicing.map(|invoicing| entrypoint::invoicing.eq(invoicing)),
            settings.provider.map(|provider| entrypoint::provider.eq(provider.number())),
            settings.payment_url.as_deref().map(|url| entrypoint::payment_url.eq(none_if_empty(url))),
        ))
        .execute(c)
        .optional_empty_changeset())?;
    Ok(())
}

/// Changes an organisation, under the locks of all its entrypoints. Returns the names of the settings that changed.
///
/// # Errors
/// [`Rejection::NotFound`]; database errors.
pub(crate) fn update_organisation(
    conn: &mut Conn,
    org_id: i64,
    changes: &OrganisationChanges,
) -> Result<Vec<&'static str>, StoreError> {
    let before = organisation(conn, org_id)?.ok_or(Rejection::NotFound)?;
    let ids: Vec<i64> = on!(conn, |c| entrypoint::table
        .filter(entrypoint::org_id.eq(org_id))
        .select(entrypoint::entrypoint_id)
        .load(c))?;
    lock_entrypoints(conn, &ids)?;
    let policy = changes.identifiers.as_deref().map(policy_json).transpose()?;
    on!(conn, |c| diesel::update(organisation::table.find(org_id))
        .set((
            changes.name.as_ref().map(|name| organisation::name.eq(name)),
            policy.map(|policy| organisation::identifiers.eq(policy)),
            changes.requires_totp.map(|requires| organisation::requires_totp.eq(requires))
        ))
        .execute(c)
        .optional_empty_changeset())?;
    settings_changed(conn, &ids)?;
    let after = organisation(conn, org_id)?.ok_or(Rejection::NotFound)?;
    let changed = [
        ("name", before.name != after.name),
        ("identifiers", before.identifiers != after.identifiers),
        ("requiresTotp", before.requires_totp != after.requires_totp),
    ];
    Ok(changed.into_iter().filter_map(|(name, is_other)| is_other.then_some(name)).collect())
}

/// Raises the settings version of some entrypoints, in the directory and in the lock rows; the caller holds the locks.
fn settings_changed(conn: &mut Conn, ids: &[i64]) -> Result<(), StoreError> {
    on!(conn, |c| {
        diesel::update(entrypoint::table.filter(entrypoint::entrypoint_id.eq_any(ids)))
            .set(entrypoint::settings_version.eq(entrypoint::settings_version + 1))
            .execute(c)?;
        diesel::update(entrypoint_lock::table.filter(entrypoint_lock::entrypoint_id.eq_any(ids)))
            .set(entrypoint_lock::settings_version.eq(entrypoint_lock::settings_version + 1))
            .execute(c)
    })?;
    refresh_digests(conn, ids)
}

/// Sets the digest identifiers of entrypoints without customers to their new policy. An entrypoint with customers keeps
/// its digests; its search terms cover new identifiers.
fn refresh_digests(conn: &mut Conn, ids: &[i64]) -> Result<(), StoreError> {
    for lock_row in lock_entrypoints(conn, ids)? {
        if lock_row.live_customers != 0 {
            continue;
        }
        let Some((_, entrypoint)) = super::entrypoint(conn, lock_row.entrypoint_id)? else { continue };
        let digests = digest_identifiers(&entrypoint.policy)?;
        on!(conn, |c| diesel::update(entrypoint_lock::table.find(lock_row.entrypoint_id))
            .set(entrypoint_lock::digest_identifiers.eq(digests))
            .execute(c))?;
    }
    Ok(())
}

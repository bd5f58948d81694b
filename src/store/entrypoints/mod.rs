//! Entrypoints with their organisations, as one state of the database has them.

pub(crate) mod lock_row;
pub(crate) mod settings;

use std::sync::Arc;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use self::lock_row::LockRow;
use super::engine::conn::{Conn, on};
use super::engine::error::StoreError;
use super::engine::schema::{entrypoint, entrypoint_head, organisation};
use crate::domain::customers::fields::TextField;
use crate::domain::customers::identifier::{Identifier, parse_policy};
use crate::domain::entrypoints::theme::Theme;
use crate::domain::entrypoints::{Entrypoint, Policy};

/// How many entrypoints are asked for at once.
const CHUNK: usize = 1_000;

/// An entrypoint's own columns.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = entrypoint)]
pub(super) struct EntrypointRow {
    entrypoint_id: i64,
    entry: String,
    org_id: i64,
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
}

/// The types of [`EntrypointRow`]'s columns.
type EntrypointColumns = (
    BigInt,
    Text,
    BigInt,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Text>,
    Text,
    Nullable<Text>,
    Nullable<Text>,
    Text,
    Nullable<Text>,
    Nullable<Text>,
);
/// The types of [`OrganisationRow`]'s columns.
type OrganisationColumns = (Text, Nullable<Text>);

/// The columns of an entrypoint `e` and of its organisation `o`, as [`EntrypointRow`] and [`OrganisationRow`] have them.
macro_rules! entrypoint_columns {
    () => {
        "e.entrypoint_id, e.entry, e.org_id, e.legal_name, e.dba_name, e.country, e.identifiers, e.required_fields, \
         e.store_name, e.sender_name, e.language, e.color, e.editable_fields, o.name, o.identifiers"
    };
}
pub(super) use entrypoint_columns;

/// As many columns as [`entrypoint_columns`] has, of the same types on PostgreSQL.
macro_rules! no_entrypoint {
    () => {
        "NULL::bigint, NULL::text, NULL::bigint, NULL::text, NULL::text, NULL::text, NULL::text, NULL::text, NULL::text, \
         NULL::text, NULL::text, NULL::text, NULL::text, NULL::text, NULL::text"
    };
}
pub(super) use no_entrypoint;

/// What [`entrypoint_columns`] gives.
pub(super) type Placed = (EntrypointRow, OrganisationRow);
/// The types of [`Placed`]'s columns.
pub(super) type PlacedColumns = (EntrypointColumns, OrganisationColumns);

/// What an entrypoint has of its organisation.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = organisation)]
pub(super) struct OrganisationRow {
    name: String,
    identifiers: Option<String>,
}

impl EntrypointRow {
    /// Its id.
    pub(super) fn id(&self) -> i64 {
        self.entrypoint_id
    }

    /// Its own policy, where it has one.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub(super) fn own_identifiers(&self) -> Result<Option<Vec<Identifier>>, StoreError> {
        read_policy(self.identifiers.clone())
    }

    /// Reads the columns.
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
        })
    }
}

fn read_fields(json: &str) -> Result<Vec<TextField>, StoreError> {
    let names: Vec<String> = serde_json::from_str(json)?;
    Ok(names.iter().filter_map(|name| TextField::of_request(name)).collect())
}

/// Reads a stored policy.
pub(super) fn read_policy(json: Option<String>) -> Result<Option<Vec<Identifier>>, StoreError> {
    let Some(json) = json else { return Ok(None) };
    let items: Vec<String> = serde_json::from_str(&json)?;
    parse_policy(&items).map(Some).map_err(|_| StoreError::Corrupt("a stored identifier policy".into()))
}

/// The columns of an entrypoint, and what it has of its organisation.
///
/// # Errors
/// The database's.
pub(super) fn row(conn: &mut Conn, id: i64) -> Result<Option<(EntrypointRow, OrganisationRow)>, StoreError> {
    Ok(on!(conn, |c| entrypoint::table
        .inner_join(organisation::table)
        .filter(entrypoint::entrypoint_id.eq(id))
        .select((EntrypointRow::as_select(), OrganisationRow::as_select()))
        .first(c)
        .optional())?)
}

/// An entrypoint.
///
/// # Errors
/// The database's; [`StoreError::Corrupt`].
pub(super) fn entrypoint(conn: &mut Conn, id: i64) -> Result<Option<Entrypoint>, StoreError> {
    row(conn, id)?.map(|(own, organisation)| own.read(organisation)).transpose()
}

/// Some entrypoints with their lock rows, in the order of ids; those that are not there are left out.
///
/// # Errors
/// The database's; [`StoreError::Corrupt`].
pub(super) fn with_lock_rows(
    conn: &mut Conn,
    ids: &[i64],
    admits: impl Fn(&LockRow) -> bool,
) -> Result<Vec<(Arc<Entrypoint>, LockRow)>, StoreError> {
    type Row = (EntrypointRow, OrganisationRow, LockRow);
    let mut places = Vec::new();
    for chunk in ids.chunks(CHUNK) {
        let rows: Vec<Row> = on!(conn, |c| {
            let base = entrypoint::table
                .inner_join(organisation::table)
                .inner_join(
                    entrypoint_head::table.on(entrypoint_head::entrypoint_id.eq(entrypoint::entrypoint_id)),
                )
                .select((EntrypointRow::as_select(), OrganisationRow::as_select(), LockRow::as_select()));
            match chunk {
                // Stays prepared.
                [id] => base.filter(entrypoint::entrypoint_id.eq(id)).load(c),
                ids => base
                    .filter(entrypoint::entrypoint_id.eq_any(ids))
                    .order(entrypoint::entrypoint_id)
                    .load(c),
            }
        })?;
        for (own, organisation, lock_row) in rows {
            if admits(&lock_row) {
                places.push((Arc::new(own.read(organisation)?), lock_row));
            }
        }
    }
    Ok(places)
}

//! The interface to entrypoints and organisations.

use std::sync::Arc;

use super::settings::{self, EntrypointSettings, Organisation, OrganisationChanges};
use crate::clock;
use crate::domain::accounts::acts::{Act, ActKind};
use crate::domain::accounts::token::Entries;
use crate::domain::decide::command::{Actor, KeyUse};
use crate::domain::entrypoints::is_entry_name;
use crate::domain::entrypoints::settings::Settings;
use crate::store::engine::conn::Conn;
use crate::store::engine::error::StoreError;
use crate::store::{Entrypoints, acts};

/// Writes down which settings a member of staff changed, if any.
fn note_settings(conn: &mut Conn, act: Act, changed: Vec<&'static str>) -> Result<(), StoreError> {
    if changed.is_empty() { Ok(()) } else { acts::note(conn, act.changing(changed), clock::now()) }
}

impl Entrypoints<'_> {
    /// Creates an organisation. `render` makes the answer from the new id; the idempotency record keeps the answer.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if another request used the key; database errors.
    pub async fn create_organisation(
        self,
        name: String,
        key_use: Option<KeyUse>,
        render: impl FnOnce(i64) -> String + Send + 'static,
    ) -> Result<(String, bool), StoreError> {
        self.0
            .administer_once(key_use, move |conn, _| {
                Ok(render(settings::create_organisation(conn, &name, clock::now())?))
            })
            .await
    }

    /// Changes an organisation.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if the organisation does not exist; database errors.
    pub async fn update_organisation(
        self,
        org_id: i64,
        changes: OrganisationChanges,
        by: Actor,
        key_use: Option<KeyUse>,
        answer: String,
    ) -> Result<(String, bool), StoreError> {
        self.0
            .administer_once(key_use, move |conn, _| {
                let changed = settings::update_organisation(conn, org_id, &changes)?;
                let act = Act::new(ActKind::SettingsUpdated, org_id, Entries::All, &by);
                note_settings(conn, act, changed)?;
                Ok(answer)
            })
            .await
    }

    /// Creates an entrypoint. `render` makes the answer from the new id; the idempotency record keeps it.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if the name is taken or the organisation does not exist.
    pub async fn create(
        self,
        org_id: i64,
        entry: String,
        settings: Settings,
        by: Actor,
        key_use: Option<KeyUse>,
        render: impl FnOnce(i64) -> String + Send + 'static,
    ) -> Result<(String, bool), StoreError> {
        self.0
            .administer_once(key_use, move |conn, ring| {
                let now = clock::now();
                let id = settings::create_entrypoint(conn, ring, org_id, &entry, &settings, now)?;
                let here = Entries::Listed(vec![entry]);
                acts::note(conn, Act::new(ActKind::EntrypointCreated, org_id, here, &by), now)?;
                Ok(render(id))
            })
            .await
    }

    /// Changes the settings of an entrypoint; `None` keeps a value.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if the entrypoint does not exist; database errors.
    pub async fn update(
        self,
        id: i64,
        settings: Settings,
        by: Actor,
        key_use: Option<KeyUse>,
        answer: String,
    ) -> Result<(String, bool), StoreError> {
        let updated = self
            .0
            .administer_once(key_use, move |conn, _| {
                let (before, after) = settings::update_entrypoint(conn, id, &settings)?;
                let here = Entries::Listed(vec![before.entry.clone()]);
                let act = Act::new(ActKind::SettingsUpdated, before.org_id, here, &by);
                note_settings(conn, act, before.changed_settings(&after))?;
                Ok(answer)
            })
            .await;
        self.0.ring.directory.forget(id);
        updated
    }

    /// Id and organisation of an entrypoint.
    ///
    /// # Errors
    /// Database errors.
    pub async fn find(self, entry: &str) -> Result<Option<(i64, i64)>, StoreError> {
        if let Some(found) = self.0.ring.directory.names.get(entry) {
            return Ok(Some(*found));
        }
        if !is_entry_name(entry) {
            return Ok(None);
        }
        let name = entry.to_owned();
        let found = self.0.look_up(move |conn, _| settings::find(conn, &name)).await?;
        if let Some(found) = found {
            self.0.ring.directory.names.insert(entry.to_owned(), found);
        }
        Ok(found)
    }

    /// The entrypoints of an organisation that are for tests.
    ///
    /// # Errors
    /// Database errors.
    pub async fn for_tests(self, org_id: i64) -> Result<Vec<i64>, StoreError> {
        self.0.look_up(move |conn, _| settings::for_tests(conn, org_id)).await
    }

    /// The default country for phone numbers of an entrypoint; `None` if there is no such entrypoint. The value may be
    /// slightly old: the writer parses a phone number again if the country has changed.
    /// # Errors
    /// Database errors.
    pub async fn country(self, entrypoint_id: i64) -> Result<Option<Option<String>>, StoreError> {
        if let Some(found) = self.0.ring.directory.newest(entrypoint_id) {
            return Ok(Some(found.country.clone()));
        }
        let Some(settings) = self.settings(entrypoint_id).await? else { return Ok(None) };
        let EntrypointSettings { entrypoint, version, .. } = settings;
        let country = entrypoint.country.clone();
        self.0.ring.directory.learn(version, &Arc::new(entrypoint));
        Ok(Some(country))
    }

    /// The settings of an entrypoint.
    ///
    /// # Errors
    /// Database errors.
    pub async fn settings(self, id: i64) -> Result<Option<EntrypointSettings>, StoreError> {
        self.0.look_up(move |conn, _| settings::entrypoint_settings(conn, id)).await
    }

    /// The entrypoints of one organisation, or of all.
    ///
    /// # Errors
    /// Database errors.
    pub async fn list(self, org_id: Option<i64>) -> Result<Vec<EntrypointSettings>, StoreError> {
        self.0.read(move |conn, _| settings::entrypoints(conn, org_id)).await
    }

    /// Ids and names of the entrypoints of an organisation.
    ///
    /// # Errors
    /// Database errors.
    pub async fn names(self, org_id: i64) -> Result<Vec<(i64, String)>, StoreError> {
        self.0.read(move |conn, _| settings::entries(conn, org_id)).await
    }

    /// All organisations by their ids, with the numbers of their entrypoints.
    ///
    /// # Errors
    /// Database errors.
    pub async fn organisations(self) -> Result<Vec<(i64, String, i64)>, StoreError> {
        self.0.read(move |conn, _| settings::organisations(conn)).await
    }

    /// An organisation.
    ///
    /// # Errors
    /// Database errors.
    pub async fn organisation(self, org_id: i64) -> Result<Option<Organisation>, StoreError> {
        self.0.read(move |conn, _| settings::organisation(conn, org_id)).await
    }
}

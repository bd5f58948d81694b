//! Secrets by which payment systems prove that a webhook is theirs, sealed under the entrypoint's key.

pub(crate) mod sealed;

use diesel::prelude::*;

use super::IngestSecrets;
use super::acts;
use super::engine::conn::{Conn, on};
use super::engine::error::StoreError;
use super::engine::schema::{entrypoint_lock, ingest_secret};
use super::entrypoints::lock_row::lock_entrypoint;
use super::keys::keyring::{ENTRYPOINT_SALT, KeyRing};
use crate::clock;
use crate::domain::accounts::acts::Act;
use crate::domain::decide::command::KeyUse;
use crate::domain::decide::delivery::OnUnknown;
use crate::domain::kernel::problem::{Problem, Rejection};
use crate::domain::kernel::time::Micros;
use crate::domain::transactions::dialects::Dialect;
use crate::domain::transactions::dialects::signature::standard_key;
use crate::domain::transactions::secret::{IngestSecret, NewSecret, Proof, SECRETS_MAX};
use crate::vault::{Ad, DataKey, Plain, is_same_secret, is_signed};

/// A row of `ingest_secret`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = ingest_secret)]
pub(crate) struct IngestSecretRow {
    entrypoint_id: i64,
    secret_id: i64,
    dialect: String,
    header: Option<String>,
    on_unknown: String,
    key_id: i64,
    secret: Vec<u8>,
    created_at_us: i64,
}

impl IngestSecretRow {
    /// Binds the secret to its place and to the settings beside it.
    fn ad(&self) -> Ad {
        let settings =
            [&*self.dialect, self.header.as_deref().unwrap_or_default(), &*self.on_unknown].join("\0");
        let place = [self.entrypoint_id, self.secret_id, self.key_id, self.created_at_us];
        Ad::new("ingest secret", &place).and(settings.as_bytes())
    }

    fn seal(mut self, key: &DataKey, text: &[u8]) -> Result<IngestSecretRow, StoreError> {
        self.key_id = key.id;
        self.secret = key.seal_key(ENTRYPOINT_SALT)?.seal(&self.ad(), text)?;
        Ok(self)
    }

    /// The secret itself.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it does not open; the database's.
    fn open(&self, conn: &mut Conn, ring: &KeyRing) -> Result<Plain, StoreError> {
        let key = ring.data_key(conn, self.key_id)?;
        key.seal_key(ENTRYPOINT_SALT)?.open(&self.ad(), &self.secret).map_err(|_| {
            let (id, place) = (self.secret_id, self.entrypoint_id);
            StoreError::Corrupt(format!("secret {id} of the webhooks of entrypoint {place} does not open"))
        })
    }

    fn shown(&self) -> Result<IngestSecret, StoreError> {
        let wrong = || StoreError::Corrupt(format!("secret {} has unknown settings", self.secret_id));
        Ok(IngestSecret {
            id: self.secret_id,
            dialect: self.dialect.parse().map_err(|_| wrong())?,
            header: self.header.clone(),
            on_unknown: self.on_unknown.parse().map_err(|_| wrong())?,
            created_at: Micros(self.created_at_us),
        })
    }

    /// Whether a request shows this secret, or that its sender has it.
    fn is_proven(&self, secret: &[u8], proof: &Proof, body: &[u8], now: Micros) -> bool {
        if let Some(header) = &self.header {
            let sent = proof.headers.iter().filter(|(name, _)| name == header);
            return sent.fold(false, |known, (_, value)| is_same_secret(value, secret) | known);
        }
        let Some(claim) = proof.claim.as_ref().filter(|claim| claim.is_timely(now)) else { return false };
        // Stripe signs with the text itself, Standard Webhooks with the bytes that it stands for.
        let key = match self.dialect.parse() {
            Ok(Dialect::Standard) => standard_key(&String::from_utf8_lossy(secret)).unwrap_or_default(),
            _ => secret.to_vec(),
        };
        is_signed(&key, &[claim.before.as_bytes(), body], &claim.tags)
    }
}

fn rows(conn: &mut Conn, entrypoint_id: i64) -> Result<Vec<IngestSecretRow>, StoreError> {
    Ok(on!(conn, |c| ingest_secret::table
        .filter(ingest_secret::entrypoint_id.eq(entrypoint_id))
        .order(ingest_secret::secret_id)
        .select(IngestSecretRow::as_select())
        .load(c))?)
}

/// The next id of a secret of an entrypoint, under its lock. It is never given again, so that whoever knows a deleted secret by
/// its id does not take another one for it.
fn next_id(conn: &mut Conn, entrypoint_id: i64) -> Result<i64, StoreError> {
    let place = || entrypoint_lock::table.find(entrypoint_id);
    let next: i64 = on!(conn, |c| place().select(entrypoint_lock::next_secret_id).first(c))?;
    on!(conn, |c| diesel::update(place()).set(entrypoint_lock::next_secret_id.eq(next + 1)).execute(c))?;
    Ok(next)
}

/// Keeps a secret, under the entrypoint's lock.
fn add(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    new: &NewSecret,
    text: &str,
) -> Result<IngestSecret, StoreError> {
    let lock_row = lock_entrypoint(conn, entrypoint_id)?;
    let there = rows(conn, entrypoint_id)?;
    if there.len() >= SECRETS_MAX {
        let message = format!("the entrypoint has {SECRETS_MAX} secrets; delete one that is not used");
        let problems = vec![Problem::field(&[], "too_many", message)];
        return Err(Rejection::State(problems).into());
    }
    let row = IngestSecretRow {
        entrypoint_id,
        secret_id: next_id(conn, entrypoint_id)?,
        dialect: new.dialect.name().to_owned(),
        header: new.header.clone(),
        on_unknown: <&str>::from(new.on_unknown).to_owned(),
        key_id: 0,
        secret: Vec::new(),
        created_at_us: clock::now().0,
    };
    let row = row.seal(&*ring.data_key(conn, lock_row.key_id)?, text.as_bytes())?;
    on!(conn, |c| diesel::insert_into(ingest_secret::table).values(&row).execute(c))?;
    row.shown()
}

impl IngestSecrets<'_> {
    /// The secrets of an entrypoint, oldest first; never the texts.
    ///
    /// # Errors
    /// The database's.
    pub async fn list(self, entrypoint_id: i64) -> Result<Vec<IngestSecret>, StoreError> {
        self.0
            .look_up(move |conn, _| rows(conn, entrypoint_id)?.iter().map(IngestSecretRow::shown).collect())
            .await
    }

    /// Keeps a secret. `render` makes the answer, which tells it; the idempotency record keeps the answer.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if there are too many or another request used the key; the database's.
    pub async fn create(
        self,
        entrypoint_id: i64,
        new: NewSecret,
        act: Act,
        key_use: Option<KeyUse>,
        render: impl FnOnce(&IngestSecret, &str) -> String + Send + 'static,
    ) -> Result<(String, bool), StoreError> {
        let text = new.text(crate::vault::random()?);
        self.0
            .administer_once(key_use, move |conn, ring| {
                let made = add(conn, ring, entrypoint_id, &new, &text)?;
                acts::note(conn, act.of(made.id.to_string()), clock::now())?;
                Ok(render(&made, &text))
            })
            .await
    }

    /// Removes a secret; webhooks that it proves are refused at once.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if there is no such secret; the database's.
    pub async fn delete(
        self,
        entrypoint_id: i64,
        secret_id: i64,
        act: Act,
        key_use: Option<KeyUse>,
        answer: String,
    ) -> Result<(String, bool), StoreError> {
        self.0
            .administer_once(key_use, move |conn, _| {
                lock_entrypoint(conn, entrypoint_id)?;
                let there = ingest_secret::table.find((entrypoint_id, secret_id));
                if on!(conn, |c| diesel::delete(there).execute(c))? == 0 {
                    return Err(Rejection::NotFound.into());
                }
                acts::note(conn, act, clock::now())?;
                Ok(answer)
            })
            .await
    }

    /// What becomes of payments of somebody unknown by the secret that a request proves; `None` if it proves none. The time
    /// that this takes does not tell how near it came.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if a secret does not open; the database's.
    pub async fn proven(
        self,
        entrypoint_id: i64,
        dialect: Dialect,
        proof: Proof,
        body: bytes::Bytes,
    ) -> Result<Option<OnUnknown>, StoreError> {
        self.0
            .look_up(move |conn, ring| {
                let now = clock::now();
                let mut found = None;
                for row in rows(conn, entrypoint_id)?.iter().filter(|row| row.dialect == dialect.name()) {
                    let secret = row.open(conn, ring)?;
                    if row.is_proven(&secret, &proof, &body, now) {
                        found = Some(row.shown()?.on_unknown);
                    }
                }
                Ok(found)
            })
            .await
    }
}

//! Tokens: stored by id for listing and revocation; the text of a token is never stored.

use std::collections::HashMap;
use std::sync::Arc;

use diesel::prelude::*;

use crate::clock;
use crate::domain::accounts::acts::{Act, ActKind};
use crate::domain::accounts::token::{Claims, Entries, Scope};
use crate::domain::decide::command::{Actor, KeyUse};
use crate::domain::kernel::problem::{Problem, Rejection};
use crate::domain::kernel::text::normal;
use crate::domain::kernel::time::{Micros, SECOND_US};
use crate::store::engine::conn::{Conn, KeptConn, Purpose, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::{entrypoint, organisation, token};
use crate::store::keys::keyring::KeyRing;
use crate::store::{Tokens, acts};

/// A stored token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRecord {
    /// The claims of the token.
    pub claims: Claims,
    /// When it was revoked, or the first of the tokens by which it was made.
    pub revoked_at: Option<Micros>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = token)]
#[diesel(treat_none_as_default_value = false)]
struct TokenRow {
    jti: String,
    org_id: i64,
    name: String,
    entries: String,
    scopes: String,
    requests_per_minute: Option<i64>,
    makers: String,
    issued_at_us: i64,
    expires_at_us: i64,
    revoked_at_us: Option<i64>,
}

impl TokenRow {
    fn open(self) -> Result<TokenRecord, StoreError> {
        let scopes: Vec<Scope> = serde_json::from_str(&self.scopes)?;
        let entries: Entries = serde_json::from_str(&self.entries)?;
        let claims = Claims {
            sub: self.name,
            jti: self.jti,
            org: self.org_id,
            entries,
            scopes,
            iat: Micros(self.issued_at_us).secs(),
            exp: Micros(self.expires_at_us).secs(),
            parent: None,
            rpm: self.requests_per_minute.and_then(|rpm| u32::try_from(rpm).ok()),
            makers: serde_json::from_str(&self.makers)?,
        };
        Ok(TokenRecord { claims, revoked_at: self.revoked_at_us.map(Micros) })
    }
}

/// Stores the record of a token and signs the token; [`Rejection::Invalid`] if the organisation or entrypoint does not exist.
fn create(conn: &mut Conn, ring: &KeyRing, claims: &Claims) -> Result<String, StoreError> {
    store(conn, claims)?;
    sign(conn, ring, claims)
}

/// Stores the record of a token; [`Rejection::Invalid`] if the organisation or entrypoint does not exist.
fn store(conn: &mut Conn, claims: &Claims) -> Result<(), StoreError> {
    let organisations: i64 =
        on!(conn, |c| organisation::table.filter(organisation::org_id.eq(claims.org)).count().get_result(c))?;
    if organisations == 0 {
        let problem = Problem::field(
            &["org"],
            "unknown_organisation",
            format!("there is no organisation {}", claims.org),
        );
        return Err(Rejection::Invalid(vec![problem]).into());
    }
    if let Entries::Listed(entries) = &claims.entries {
        check_entries(conn, claims.org, entries)?;
    }
    let row = TokenRow {
        jti: claims.jti.clone(),
        org_id: claims.org,
        name: claims.sub.clone(),
        entries: serde_json::to_string(&claims.entries)?,
        scopes: serde_json::to_string(&claims.scopes)?,
        requests_per_minute: claims.rpm.map(i64::from),
        makers: serde_json::to_string(&claims.makers)?,
        issued_at_us: claims.iat.saturating_mul(SECOND_US),
        expires_at_us: claims.exp.saturating_mul(SECOND_US),
        revoked_at_us: None,
    };
    on!(conn, |c| diesel::insert_into(token::table).values(&row).execute(c))?;
    Ok(())
}

/// As [`create`], and writes the act down.
fn create_by(conn: &mut Conn, ring: &KeyRing, claims: &Claims, by: &Actor) -> Result<String, StoreError> {
    let text = create(conn, ring, claims)?;
    note(conn, ActKind::TokenCreated, claims, by)?;
    Ok(text)
}

/// Writes down what was done to a token.
fn note(conn: &mut Conn, kind: ActKind, claims: &Claims, by: &Actor) -> Result<(), StoreError> {
    let act = Act::new(kind, claims.org, claims.entries.clone(), by).of(&claims.jti);
    acts::note(conn, act, clock::now())
}

/// Whether any token was ever created; tokens are never removed.
fn are_any(conn: &mut Conn) -> Result<bool, StoreError> {
    let first: Option<String> = on!(conn, |c| token::table.select(token::jti).first(c).optional())?;
    Ok(first.is_some())
}

/// Signs claims with the newest key.
fn sign(conn: &mut Conn, ring: &KeyRing, claims: &Claims) -> Result<String, StoreError> {
    ring.load_signing_keys(conn)?.sign(claims).map_err(|error| StoreError::Bug(error.to_string()))
}

/// Checks that an organisation has some entrypoints.
///
/// # Errors
/// [`Rejection::Invalid`] with those that it has not; database errors.
pub(super) fn check_entries(conn: &mut Conn, org_id: i64, entries: &[String]) -> Result<(), StoreError> {
    let known: Vec<String> = on!(conn, |c| entrypoint::table
        .filter(entrypoint::org_id.eq(org_id))
        .select(entrypoint::entry)
        .load(c))?;
    let problems: Vec<Problem> = entries
        .iter()
        .enumerate()
        .filter(|(_, entry)| !known.contains(entry))
        .map(|(index, _)| {
            let message = format!("organisation {org_id} has no such entrypoint");
            Problem::field(&["entries", &index.to_string()], "unknown_entrypoint", message)
        })
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(Rejection::Invalid(problems).into()) }
}

fn find(conn: &mut Conn, jti: &str) -> Result<Option<TokenRecord>, StoreError> {
    // Skip text that cannot be an id; PostgreSQL accepts no NUL in a text.
    if !jti.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(None);
    }
    let row: Option<TokenRow> =
        on!(conn, |c| token::table.find(jti).select(TokenRow::as_select()).first(c).optional())?;
    row.map(TokenRow::open).transpose()
}

/// The token that a text means: one with this id, or else the only one in force with this name. If none of this name is in
/// force, the last of them, so that a revocation may be repeated.
fn meant(conn: &mut Conn, text: &str, claims: Option<&Claims>) -> Result<TokenRecord, StoreError> {
    let is_theirs = |record: &TokenRecord| claims.is_none_or(|claims| claims.sees_token(&record.claims));
    if let Some(record) = find(conn, text)?.filter(is_theirs) {
        return Ok(record);
    }
    let name = normal(text);
    let mut named = all(conn, claims.map(|claims| claims.org))?;
    named.retain(|record| record.claims.sub == name && is_theirs(record));
    let now = clock::now().secs();
    let is_in_force = |record: &&TokenRecord| record.revoked_at.is_none() && record.claims.exp > now;
    let in_force: Vec<&TokenRecord> = named.iter().filter(is_in_force).collect();
    match in_force.as_slice() {
        [] => named.into_iter().next().ok_or(Rejection::NotFound.into()),
        [only] => Ok(TokenRecord::clone(only)),
        several => {
            let message = format!("{} tokens in force have this name; name one by its id", several.len());
            Err(Rejection::State(vec![Problem::parameter("jti", "not_unique", message)]).into())
        }
    }
}

/// The tokens of an organisation, or of all, newest first.
fn all(conn: &mut Conn, org_id: Option<i64>) -> Result<Vec<TokenRecord>, StoreError> {
    let rows: Vec<TokenRow> = on!(conn, |c| {
        let newest_first = (token::issued_at_us.desc(), token::jti);
        let mut tokens = token::table.order(newest_first).select(TokenRow::as_select()).into_boxed();
        if let Some(org_id) = org_id {
            tokens = tokens.filter(token::org_id.eq(org_id));
        }
        tokens.load(c)
    })?;
    let mut records = rows.into_iter().map(TokenRow::open).collect::<Result<Vec<_>, _>>()?;
    end_with_makers(&mut records);
    Ok(records)
}

/// Marks the tokens that ended because a token by which they were made was revoked.
fn end_with_makers(records: &mut [TokenRecord]) {
    let revoked: HashMap<String, Micros> =
        records.iter().filter_map(|record| Some((record.claims.jti.clone(), record.revoked_at?))).collect();
    for record in records {
        record.revoked_at = record.claims.revoked_with().filter_map(|id| revoked.get(id)).min().copied();
    }
}

/// The tokens in force that a member of an organisation made.
///
/// # Errors
/// Database errors.
pub(super) fn made_by(conn: &mut Conn, org_id: i64, member_id: &str) -> Result<Vec<Claims>, StoreError> {
    let now = clock::now().secs();
    let is_theirs = |record: &TokenRecord| {
        let maker = record.claims.makers.last();
        maker.is_some_and(|maker| maker.jti == member_id)
            && record.revoked_at.is_none()
            && record.claims.exp > now
    };
    Ok(all(conn, Some(org_id))?.into_iter().filter(is_theirs).map(|record| record.claims).collect())
}

/// Revokes a token and writes the act down; nothing if it is revoked already.
///
/// # Errors
/// Database errors.
pub(super) fn revoke(conn: &mut Conn, claims: &Claims, by: &Actor) -> Result<(), StoreError> {
    let in_force = token::table.find(&claims.jti).filter(token::revoked_at_us.is_null());
    let revoked =
        on!(conn, |c| diesel::update(in_force).set(token::revoked_at_us.eq(clock::now().0)).execute(c))?;
    if revoked == 0 { Ok(()) } else { note(conn, ActKind::TokenRevoked, claims, by) }
}

impl Tokens<'_> {
    /// Stores and signs a token. Returns its text, which cannot be read again.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if the organisation or entrypoint does not exist.
    pub async fn create(self, claims: Claims, by: Actor) -> Result<String, StoreError> {
        self.0.administer(move |conn, ring| create_by(conn, ring, &claims, &by)).await
    }

    /// Stores a token, once per idempotency key; returns its id, and whether an earlier request made it. The record of the key
    /// holds the id alone: [`Tokens::sign`] makes the text again from the claims.
    ///
    /// # Errors
    /// As [`Tokens::create`]; that another request used the key.
    pub async fn create_once(
        self,
        claims: Claims,
        by: Actor,
        key_use: Option<KeyUse>,
    ) -> Result<(String, bool), StoreError> {
        self.0
            .administer_once(key_use, move |conn, _| {
                store(conn, &claims)?;
                note(conn, ActKind::TokenCreated, &claims, &by)?;
                Ok(claims.jti)
            })
            .await
    }

    /// Stores and signs the very first token; `None` if there was one, or its organisation or entrypoint is gone.
    ///
    /// # Errors
    /// Database errors.
    pub async fn create_first(self, claims: Claims) -> Result<Option<String>, StoreError> {
        if self.0.read(|conn, _| are_any(conn)).await? {
            return Ok(None);
        }
        self.0
            .administer(move |conn, ring| {
                if let Conn::Postgres(c) = conn {
                    // Instances that start at the same time wait here for each other; one of them creates the token.
                    let place = organisation::table.find(claims.org).select(organisation::org_id);
                    place.for_update().first::<i64>(c).optional()?;
                }
                if are_any(conn)? {
                    return Ok(None);
                }
                match create(conn, ring, &claims) {
                    Err(StoreError::Rejected(_)) => Ok(None),
                    made => made.map(Some),
                }
            })
            .await
    }

    /// Revokes a token that `claims` may see; without claims, any token. The text is the token's id, or its name if only one
    /// token in force has it. Returns the id.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if there is no such token, or several in force have this name.
    pub async fn revoke(self, claims: Option<Claims>, text: String, by: Actor) -> Result<String, StoreError> {
        self.0
            .administer(move |conn, _| {
                let meant = meant(conn, &text, claims.as_ref())?.claims;
                revoke(conn, &meant, &by)?;
                Ok(meant.jti)
            })
            .await
    }

    /// The tokens of an organisation, or of all, newest first.
    ///
    /// # Errors
    /// Database errors.
    pub async fn list(self, org_id: Option<i64>) -> Result<Vec<TokenRecord>, StoreError> {
        self.0.read(move |conn, _| all(conn, org_id)).await
    }

    /// A token's record.
    ///
    /// # Errors
    /// Database errors.
    pub async fn find(self, jti: String) -> Result<Option<TokenRecord>, StoreError> {
        self.0.look_up(move |conn, _| find(conn, &jti)).await
    }

    /// Signs claims with the newest key, without storing a record.
    ///
    /// # Errors
    /// Database errors.
    pub async fn sign(self, claims: Claims) -> Result<String, StoreError> {
        self.0.look_up(move |conn, ring| sign(conn, ring, &claims)).await
    }

    /// A separate connection to watch the database: signing keys, revoked tokens, availability.
    pub fn watch(self) -> Watch {
        Watch { ring: Arc::clone(&self.0.ring), conn: KeptConn::new(self.0.url.clone(), Purpose::Read) }
    }
}

/// A watch on the database for a separate thread.
pub struct Watch {
    ring: Arc<KeyRing>,
    conn: KeptConn,
}

impl Watch {
    /// Loads new signing keys; returns the ids of revoked tokens.
    ///
    /// # Errors
    /// Database errors; the next call opens a new connection.
    pub fn poll(&mut self) -> Result<Vec<String>, StoreError> {
        let result = (|| {
            let conn = self.conn.get()?;
            conn.must_be_in_place()?;
            self.ring.load_signing_keys(conn)?;
            Ok(on!(conn, |c| token::table
                .filter(token::revoked_at_us.is_not_null())
                .filter(token::expires_at_us.gt(clock::now().0))
                .select(token::jti)
                .load(c))?)
        })();
        if result.is_err() {
            self.conn.leave();
        }
        result
    }
}
